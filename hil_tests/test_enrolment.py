"""A factory-new device speaks to nobody until its button is pressed, and then to its agency alone (spec: Enrolment).

Who belongs to nobody is not the device under test, which has to know its bench: in memory it is another simulator, as
it leaves its factory; elsewhere it is `--bwc-device` before its first session, if `--bwc-control` presses its button.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from bwc_protocol.lab.directory import open_lab
from bwc_protocol.link import ResetReason
from bwc_sdk import Role
from bwc_sdk.enrolment import AlreadyEnrolled, ButtonWanted, Enrolled, LabAuthority, Vendor
from bwc_sdk.errors import NotEnrolled, SessionError
from bwc_sdk.sync import connect, enroll
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from hil_tests.run.running import hold_device
from hil_tests.run.under_test import UnderTest
from hil_tests.testkit.tap import Tap
from hil_tests.verdicts import not_tested

PRESS: Final = "enroll\n"
"""The line of `bwc sim --control` by which somebody presses the button (docs/benches.md)."""
HOW: Final = "take 'bwc sim --unenrolled --control FILE' and --bwc-control FILE; hardware is for 'bwc enroll'"


@dataclass(frozen=True, slots=True)
class FactoryNew:
    """A device that belongs to nobody yet."""

    uri: DeviceUri
    press: Callable[[], None]
    """Somebody presses its button."""

    def tap(self) -> Tap:
        """A pipe to it on which somebody listens."""
        return Tap(transport_for(self.uri))


@pytest.fixture
def bwc_factory_new(request: pytest.FixtureRequest, bwc_under_test: UnderTest) -> FactoryNew:
    """The device, or the reason why there is none."""
    uri, control = DeviceUri.parse(bwc_under_test.uri), bwc_under_test.control
    if uri.scheme == "sim" and "station" not in uri.options:
        new = DeviceUri("sim", "", {"enrolled": "0", "seed": str(secrets.randbelow(2**32))})
        return FactoryNew(new, lambda: _press_in_memory(new))
    if control is None:
        not_tested(f"enrolment takes a factory-new device whose button the suite can press; {HOW}")
    hold_device(request.config, bwc_under_test)
    try:
        connect(str(uri), lab=True).close()
    except NotEnrolled:
        return FactoryNew(uri, lambda: _press_by(control))
    except SessionError as error:
        not_tested(f"enrolment takes a factory-new device, and this one belongs to somebody: {error}; {HOW}")
    not_tested(f"enrolment takes a factory-new device, and this one is enrolled; {HOW}")


def _press_in_memory(uri: DeviceUri) -> None:
    device: Any = transport_for(uri)
    assert device.camera.press_enroll() == ""


def _press_by(control: Path) -> None:
    with control.open("a") as hands:
        hands.write(PRESS)


@pytest.mark.rule("SES-022")
@pytest.mark.rule("TRU-001")
@pytest.mark.rule("TRU-002")
@pytest.mark.rule("TRU-004")
def test_a_device_of_nobody_is_silent_until_its_button_and_then_its_agency_s(
    bwc_factory_new: FactoryNew,
) -> None:
    lab, uri = open_lab().agency, str(bwc_factory_new.uri)
    tap = bwc_factory_new.tap()
    with pytest.raises(NotEnrolled):
        connect(tap, bay=bwc_factory_new.uri.bay, lab=True)
    assert tap.resets(bwc_factory_new.uri.bay) == [ResetReason.NOT_ENROLLED]
    assert not tap.said(bwc_factory_new.uri.bay), "a preamble is more than a stranger needs"

    vendor = Vendor((lab.factory_root.certificate,))
    pressed = 0
    for event in enroll(uri, LabAuthority(lab), vendor=vendor, lab=True, bench=True):
        if isinstance(event, ButtonWanted):
            bwc_factory_new.press()
            pressed += 1
    assert isinstance(event, Enrolled), event
    assert pressed == 1
    assert event.serial.encode() not in tap.heard

    with connect(uri, role=Role.BENCH, lab=True) as camera:
        state = camera.trust.read()
        assert camera.identity == event.serial
        assert (state.enrolled, state.lab, state.locked, state.requested) == (True, lab.id, False, False)
        assert state.window_s == 0, "whoever enrolled it has used up the time in which it can be"
    (again,) = enroll(uri, LabAuthority(lab), vendor=vendor, lab=True)
    assert again == AlreadyEnrolled("camera", event.kind, event.serial, event.until_s)
