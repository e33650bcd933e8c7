"""What this host has: ports by slot, and what the doctor says of the rest."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk import doctor
from bwc_sdk.discovery.slots import USB_TEXT_MAX, Slot, slots_of
from bwc_sdk.doctor import State, examine, permission_advice

Bwc = Callable[..., Any]


@dataclass
class Port:
    device: str
    location: str | None = None
    vid: int | None = None
    pid: int | None = None
    description: str | None = None


def test_slots_are_in_the_order_of_their_usb_ports() -> None:
    ports = [
        Port("/dev/ttyS0"),
        Port("/dev/ttyACM2", "1-10.2:1.0", 0x1209, 1),
        Port("/dev/ttyACM7", "1-9:1.0", 0x1209, 1),
        Port("/dev/ttyUSB0", None, 0x0403, 0x6001, "FT232R"),
    ]
    assert [slot.uri for slot in slots_of(ports)] == [
        "serial:/dev/ttyACM7",
        "serial:/dev/ttyACM2",
        "serial:/dev/ttyUSB0",
    ]
    assert slots_of(ports)[1].port_path == "1-10.2"
    assert slots_of(ports)[0].usb_id == "1209:0001"
    assert "serial:/dev/ttyS0" in [slot.uri for slot in slots_of(ports, uarts=True)]


def test_a_port_that_this_user_may_not_open_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tty").touch()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert not slots_of([Port(str(tmp_path / "tty"), vid=1)])[0].accessible


def test_a_descriptor_may_say_anything(bwc: Bwc, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = Port("/dev/ttyACM0", "1-1", 1, 2, "\x1b]0;pwned\x07\tcamera\n" + "x" * 500)
    found = slots_of([hostile])
    assert len(found[0].description) == USB_TEXT_MAX
    monkeypatch.setattr("bwc_sdk.cli.verbs.devices.slots", lambda uarts=False: found)
    ran = bwc("devices")
    assert ran.out.count("\n") == 1 and ran.out.count("\t") == 4
    assert "\x1b" not in ran.out


def test_devices_are_identified_only_when_asked(bwc: Bwc, sim: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = (Slot(sim, "1-1", "1209:0001", "camera", True), Slot("tcp:127.0.0.1:1", "1-2", "", "", True))
    monkeypatch.setattr("bwc_sdk.cli.verbs.devices.slots", lambda uarts=False: found)
    assert "SIM-" not in bwc("devices").out
    listed = bwc("devices", "--identify", "--json").document["devices"]
    assert listed[0]["found"].startswith("SIM-")
    assert listed[1]["found"].startswith("(nobody answers")


# The doctor


def test_a_missing_extra_names_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda module: None if module == "bleak" else object())
    found = {check.name: check for check in examine()}
    assert found["extra ble"].state is State.ABSENT
    assert "bwc-sdk[ble]" in found["extra ble"].advice
    assert found["core parts"].state is State.GOOD


def test_a_missing_core_part_is_a_failure(bwc: Bwc, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bwc("doctor").code == 0
    monkeypatch.setattr(doctor, "find_spec", lambda module: None if module == "construct" else object())
    ran = bwc("doctor")
    assert ran.code == 1 and "core parts\tbroken\tmissing: construct" in ran.out


def test_a_forbidden_port_names_the_group_to_join(monkeypatch: pytest.MonkeyPatch) -> None:
    port = Slot("serial:/dev/ttyACM0", "1-1", "1209:0001", "camera", False)
    monkeypatch.setattr(doctor, "slots", lambda: (port,))
    monkeypatch.setattr(doctor, "_group_of", lambda path: "dialout")
    found = {check.name: check for check in examine()}["serial:/dev/ttyACM0"]
    assert found.state is State.WARNING and "dialout" in found.advice
    assert "dialout" not in permission_advice(Path("/dev/x"), lambda path: None)
