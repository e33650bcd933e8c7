"""Checks in programs without asyncio: the same verdicts."""

from bwc_sdk import sync
from bwc_sdk.errors import BwcError
from bwc_sdk.fitness import Check, Checked, Limits

LIMITS = Limits(assigned=False)


def test_a_blocking_program_checks_a_camera_several_and_all_of_a_station() -> None:
    with sync.connect("sim:?seed=7930&recordings=0", lab=True) as camera:
        one = sync.check(camera, LIMITS, self_test=False)
        assert one.verdict.identity == camera.identity
        assert [found.check for found in one.verdict.findings] == list(Check)
    uris = ["sim:?seed=7931&recordings=0", "sim:?seed=7932&recordings=0&enrolled=0"]
    found = sync.check_many(uris, LIMITS, lab=True, self_test=False)
    assert list(found) == uris and isinstance(found[uris[0]], Checked)
    assert isinstance(found[uris[1]], BwcError), "one that is not reached keeps no other waiting"
    with sync.connect_station("sim:?seed=7940&station=2&recordings=0", lab=True) as station:
        bays = sync.check_station(station, LIMITS, self_test=False)
    assert list(bays) == ["bay 1", "bay 2"]
    assert all(isinstance(each, Checked) for each in bays.values())
