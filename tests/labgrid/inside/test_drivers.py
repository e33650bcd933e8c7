"""Drivers are connected while they are active, one host at a device; their keys are named in the environment file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from labgrid import Environment, Target
from labgrid.binding import BindingState, StateError

from bwc_protocol.declare import Role
from bwc_sdk.errors import BwcError, IdentityError, WrongDevice
from bwc_sdk.labgrid import BWCDriver, BWCStationDriver
from bwc_sdk.labgrid.device_driver import ROLES
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.ports.memory import forget_sims, open_sim

CAMERA = "BWCSimulator: {seed: 7, recordings: 2, options: {mib: 1}}"
BAY = "BWCSimulator: {seed: 7, recordings: 1, station: 2, bay: 2, options: {mib: 1}}"


@pytest.fixture(autouse=True)
def _new_devices() -> Iterator[None]:
    yield
    forget_sims()


@pytest.fixture
def target_of(tmp_path: Path) -> Iterator[object]:
    made: list[Target] = []

    def make(resource: str, *drivers: str) -> Target:
        listed = "".join(f"      - {driver}\n" for driver in drivers)
        (tmp_path / "env.yaml").write_text(
            f"imports: [bwc_sdk.labgrid]\ntargets:\n  main:\n    resources:\n      {resource}\n    drivers:\n{listed}"
        )
        made.append(Environment(str(tmp_path / "env.yaml")).get_target())
        return made[-1]

    yield make
    for target in made:
        target.cleanup()


def test_it_is_connected_while_it_is_active(target_of) -> None:
    target = target_of(CAMERA, "BWCDriver: {}")
    driver = target.get_driver(BWCDriver, activate=False)
    with pytest.raises(StateError, match="has not been activated"):
        driver.status()
    target.activate(driver)
    assert driver.identify().serial == "SIM-00000007" and driver.status().streams == 0
    camera = driver.camera
    assert camera.host_name and driver.camera is camera
    target.deactivate(driver)
    assert camera.error is not None
    with pytest.raises(StateError):
        driver.identify()


def test_what_a_lab_does_every_day(target_of, tmp_path: Path) -> None:
    driver = target_of(CAMERA, "BWCDriver: {}").get_driver(BWCDriver)
    assert driver.battery().charge_pct > 0 and driver.storage().recordings == 2
    assert driver.self_test().steps
    driver.sync_clock()
    (tmp_path / "store").mkdir()
    result = driver.offload(tmp_path / "store")
    assert result.complete and len(result.outcomes) == 2
    assert len(driver.recordings()) == 2, "it has a connection again, and nothing was erased"


def test_a_connection_of_the_callers_own_takes_the_place_of_the_drivers(target_of) -> None:
    driver = target_of(CAMERA, "BWCDriver: {role: auditor}").get_driver(BWCDriver)
    first = driver.camera
    with driver.connect(Role.BENCH) as camera:
        assert first.error is not None
        camera.bench.state()
    assert driver.status().docked


def test_station_and_the_camera_in_its_bay_are_one_link(target_of) -> None:
    target = target_of(BAY, "BWCDriver: {}", "BWCStationDriver: {}")
    camera = target.get_driver(BWCDriver)
    assert camera.uri.endswith("&bay=2") and camera.status().docked
    station = target.get_driver(BWCStationDriver)
    assert camera.state is BindingState.bound, "one host at a device"
    assert [bay.bay for bay in station.bays()] == [1, 2] and "bay=" not in station.uri
    assert not station.power(1, False).power
    assert station.power(1, True).power
    target.activate(camera)
    assert station.state is BindingState.bound and camera.status().docked


def test_another_device_than_is_expected_is_no_device(target_of) -> None:
    target = target_of(CAMERA.replace("seed: 7", "seed: 7, serial_number: SIM-00000008"), "BWCDriver: {}")
    driver = target.get_driver(BWCDriver, activate=False)
    with pytest.raises(WrongDevice):
        target.activate(driver)
    driver.serial_number = "SIM-00000007"  # what the driver says goes before its resource
    target.activate(driver)


def test_keys_are_beside_the_environment_file(target_of, tmp_path: Path) -> None:
    target = target_of(CAMERA, "BWCDriver: {identity: keys}")
    driver = target.get_driver(BWCDriver, activate=False)
    assert driver.speaker == {
        "identity": tmp_path / "keys",
        "lab": False,
        "expect": None,
        "allow_insecure": False,
    }
    with pytest.raises(IdentityError) as caught:
        target.activate(driver)
    assert any("try: " in note for note in getattr(caught.value, "__notes__", ())), "the next step is told"


def test_no_session_without_protection_unless_it_is_asked_for(target_of) -> None:
    open_sim(DeviceUri.parse("sim:?seed=7&recordings=2&mib=1&insecure=1"))
    resource = CAMERA.replace("mib: 1", "mib: 1, insecure: 1")
    with pytest.raises(BwcError):
        target_of(resource, "BWCDriver: {}").get_driver(BWCDriver)
    driver = target_of(resource, "BWCDriver: {insecure: true}").get_driver(BWCDriver)
    assert not driver.camera.peer.secure


@pytest.mark.parametrize(
    ("said", "why"),
    [("{role: wizard}", "none of"), ("{identity: keys, insecure: true}", "exclude each other")],
)
def test_what_is_no_way_to_speak_is_said(target_of, said: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        target_of(CAMERA, f"BWCDriver: {said}")


def test_its_uri_is_exported(target_of) -> None:
    target = target_of(CAMERA, "BWCDriver: {}")
    assert target.export()["LG__BWCDRIVER_URI"].startswith("sim:?seed=7")


def test_roles_are_those_that_a_host_can_have() -> None:
    assert set(ROLES.values()) == {one for one in Role if one not in (Role.EVIDENCE_RECIPIENT, Role.ENROLLER)}
