"""A camera on the kernel's own USB: one owner, rights and a loose cable, through cdc_acm, usbfs and libusb."""

import json
import stat
from pathlib import Path

import pytest

from bwc_sdk.discovery.usb import NODES, SYSFS
from bwc_sdk.errors import DeviceBusy, PortBusy
from bwc_sdk.offload import Budget, ConnectionLost, OffloadPolicy, Progress, Reconnected
from bwc_sdk.sync import connect, offload
from tools.stack.inside.camera import UsbCamera
from tools.stack.inside.program import Program, until
from tools.stack.inside.rights import OPENED, opened_by_nobody
from tools.stack.inside.system import command


def test_a_camera_with_two_functions_is_one_device(plugged: UsbCamera) -> None:
    program = Program("bwc", "devices", "--json")
    assert program.code() == 0
    (device,) = json.loads("\n".join(program.lines))["devices"]
    assert (device["uri"], device["others"]) == (plugged.slot.uri, list(plugged.slot.others))
    assert device["accessible"]


@pytest.mark.parametrize("link", ["serial", "usb"])
def test_an_offload_goes_on_when_the_cable_is_back_in_its_port(
    plugged: UsbCamera, link: str, tmp_path: Path
) -> None:
    before = plugged.slot
    # Slow enough that there is something left to come when the cable is pulled, whatever was asked for ahead.
    job = offload(
        plugged.reached(link),
        tmp_path,
        policy=OffloadPolicy(attempts=50, longest_wait_s=1.0),
        budget=Budget(500_000),
    )
    events = []
    for event in job:
        events.append(type(event))
        if events.count(Progress) == 1 and ConnectionLost not in events:
            plugged.unplug()
            assert plugged.plug() == before, "the same names, since it is the same port"
    assert job.result.complete
    assert {ConnectionLost, Reconnected} <= set(events)


def test_the_udev_rule_gives_the_device_to_its_users_and_keeps_modem_manager_off(plugged: UsbCamera) -> None:
    device = SYSFS / plugged.slot.port_path
    bus, number = (int((device / name).read_text()) for name in ("busnum", "devnum"))
    tty = Path(plugged.reached("serial").removeprefix("serial:"))
    for node, ignored in (
        (NODES / f"{bus:03}" / f"{number:03}", "ID_MM_DEVICE_IGNORE"),
        (tty, "ID_MM_PORT_IGNORE"),
    ):
        assert stat.S_IMODE(node.stat().st_mode) == 0o660
        assert node.group() == "dialout"
        told = command("udevadm", "info", "--query=property", str(node)).splitlines()
        assert f"{ignored}=1" in told, told
        assert any(":uaccess:" in line for line in told if line.startswith("TAGS=")), told


@pytest.mark.parametrize(("link", "advice"), [("serial", "dialout"), ("usb", "70-bwc.rules")])
def test_who_may_not_open_it_is_told_what_to_do_and_the_rule_s_group_may(
    plugged: UsbCamera, link: str, advice: str
) -> None:
    uri = plugged.reached(link)
    error, told = opened_by_nobody(uri)
    assert error == "PortForbidden"
    assert advice in told
    assert opened_by_nobody(uri, "dialout") == OPENED


@pytest.mark.parametrize("link", ["serial", "usb"])
def test_a_device_has_one_owner_and_is_free_again_when_that_one_crashes(
    plugged: UsbCamera, link: str, tmp_path: Path
) -> None:
    uri = plugged.reached(link)
    owner = Program("bwc", "offload", str(tmp_path), "--device", uri, "--json")
    until(lambda: any('"progress"' in line for line in owner.lines) or None, "footage")
    with pytest.raises(PortBusy):
        connect(uri)
    owner.kill()
    until(lambda: boot_counter(uri), "connection after the crash")


def boot_counter(uri: str) -> int | None:
    """None while the camera still waits for its earlier host."""
    try:
        with connect(uri) as host:
            return host.device.status().boot_counter
    except DeviceBusy:
        return None
