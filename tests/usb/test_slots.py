"""A device is one slot, known by where it is plugged in; looking opens nothing."""

import re
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.bindings import usb as descriptors
from bwc_sdk import doctor
from bwc_sdk.discovery import usb
from bwc_sdk.discovery.slots import USB_TEXT_MAX, Slot, merged
from bwc_sdk.doctor import State, examine
from bwc_sdk.transport.usbip_backend import UsbIpBackend
from firmware_sim.camera.camera import SimCamera

BULK = Slot("usb:1-4.2", "1-4.2", "1209:0001", "camera", True)
SERIAL = Slot("serial:/dev/ttyACM0", "1-4.2", "1209:0001", "camera - CDC", True)
UART = Slot("serial:/dev/ttyS0", "", "", "", True)
OTHER = Slot("serial:/dev/ttyUSB0", "1-3", "0403:6001", "adapter", True)
RULES = Path(__file__).parents[2] / "bwc_sdk" / "shipped" / "70-bwc.rules"


def forbidden(slot: Slot) -> Slot:
    return Slot(slot.uri, slot.port_path, slot.usb_id, slot.description, False)


def uris(slots: tuple[Slot, ...]) -> list[tuple[str, ...]]:
    return [(slot.uri, *slot.others) for slot in slots]


def test_a_camera_with_both_functions_is_one_device_the_better_link_first() -> None:
    assert uris(merged([BULK], [SERIAL, UART, OTHER])) == [
        ("serial:/dev/ttyUSB0",),
        ("usb:1-4.2", "serial:/dev/ttyACM0"),
        ("serial:/dev/ttyS0",),
    ]


def test_a_way_that_this_user_may_not_take_comes_second() -> None:
    assert uris(merged([forbidden(BULK)], [SERIAL])) == [("serial:/dev/ttyACM0", "usb:1-4.2")]
    assert uris(merged([forbidden(BULK)], [forbidden(SERIAL)])) == [("usb:1-4.2", "serial:/dev/ttyACM0")]


def test_the_class_is_the_protocols() -> None:
    protocol = (descriptors.BULK_CLASS, descriptors.BULK_SUBCLASS, descriptors.BULK_PROTOCOL)
    assert protocol == usb.BULK


def test_two_ports_of_something_else_stay_two() -> None:
    second = Slot("serial:/dev/ttyUSB1", "1-3", "0403:6001", "adapter", True)
    assert len(merged([], [OTHER, second])) == 2


def plug(sysfs: Path, name: str, triple: str = "ff 42 01", product: str | None = "camera") -> None:
    """What Linux shows of a device with one interface."""
    device, interface = sysfs / name, sysfs / f"{name}:1.2"
    device.mkdir(parents=True)
    interface.mkdir()
    facts = {"idVendor": "1209", "idProduct": "0001", "busnum": "1", "devnum": "7"}
    if product is not None:
        facts["product"] = product
    for key, value in facts.items():
        (device / key).write_text(f"{value}\n")
    classes = zip(
        ("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol"), triple.split(), strict=True
    )
    for key, value in classes:
        (interface / key).write_text(f"{value}\n")


def test_sysfs_tells_devices_by_their_interface(tmp_path: Path) -> None:
    sysfs, nodes = tmp_path / "sys", tmp_path / "dev"
    plug(sysfs, "1-4.2")
    plug(sysfs, "1-5", "03 01 01")
    plug(sysfs, "2-1", product=None)
    (nodes / "001").mkdir(parents=True)
    (nodes / "001" / "007").touch()
    first, second = usb._by_sysfs(sysfs, nodes)
    assert first == BULK
    assert (second.uri, second.description) == ("usb:2-1", "")


def test_a_device_node_that_may_not_be_opened_is_marked(tmp_path: Path) -> None:
    plug(tmp_path, "1-4.2")
    (slot,) = usb._by_sysfs(tmp_path, tmp_path / "nothing")
    assert not slot.accessible


def test_a_device_that_goes_away_while_it_is_looked_at_is_not_there(tmp_path: Path) -> None:
    plug(tmp_path, "1-4.2")
    plug(tmp_path, "1-5")
    (tmp_path / "1-4.2" / "devnum").unlink()
    assert [slot.uri for slot in usb._by_sysfs(tmp_path, tmp_path)] == ["usb:1-5"]
    (tmp_path / "1-5:1.2" / "bInterfaceClass").write_text("?")
    assert not list(usb._by_sysfs(tmp_path, tmp_path))
    assert not list(usb._by_sysfs(tmp_path / "no usb here", tmp_path))


def test_a_product_string_may_say_anything(tmp_path: Path) -> None:
    plug(tmp_path, "1-4.2", product="x" * 500)
    (tmp_path / "1-5").mkdir()
    (slot,) = usb._by_sysfs(tmp_path, tmp_path)
    assert len(slot.description) == USB_TEXT_MAX


def test_elsewhere_libusb_tells_the_same(lab: Any, camera: SimCamera) -> None:
    import asyncio

    async def use(port: Any) -> list[Slot]:
        backend = UsbIpBackend(lab.server_of(port))
        return list(await asyncio.to_thread(lambda: list(usb.slots_on(backend))))

    (slot,) = lab.plugged(camera, use)
    assert (slot.uri, slot.port_path, slot.usb_id) == ("usb:1-1", "1-1", "1209:0001")


def test_a_bus_that_cannot_be_looked_at_is_empty() -> None:
    assert not list(usb.slots_on(UsbIpBackend(("127.0.0.1", 1))))


def test_the_doctor_names_the_rule_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "slots", lambda: (forbidden(BULK),))
    found = {check.name: check for check in examine()}["usb:1-4.2"]
    assert found.state is State.WARNING and RULES.name in found.advice


def test_the_rule_matches_the_interface_and_keeps_modem_manager_off() -> None:
    rules = [line for line in RULES.read_text().splitlines() if line and not line.startswith("#")]
    triple = f"{descriptors.BULK_CLASS:02x}{descriptors.BULK_SUBCLASS:02x}{descriptors.BULK_PROTOCOL:02x}"
    assert len(rules) == 2
    for rule in rules:
        assert re.search(rf'ENV\{{ID_USB_INTERFACES\}}=="\*:{triple}:\*"', rule)
        assert 'TAG+="uaccess"' in rule and re.search(r'ENV\{ID_MM_\w+_IGNORE\}="1"', rule)
