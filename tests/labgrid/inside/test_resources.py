"""A camera is found by its port, and by no serial number; each resource leads to what the SDK takes."""

from types import SimpleNamespace

import pytest
from labgrid import Target
from labgrid.resource import NetworkSerialPort, RawSerialPort

from bwc_sdk.errors import InvalidUri
from bwc_sdk.labgrid import BWCBLECamera, BWCSerialCamera, BWCSimulator, BWCUSBCamera, NetworkBWCCamera
from bwc_sdk.labgrid.resources import BY_SERIAL_NUMBER, INTERFACES
from bwc_sdk.labgrid.way import uri_of
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.ports.memory import open_sim

CAMERA = ":020201:0a0000:ff4201:"
STICK = ":080650:"


class Attributes(dict):  # as pyudev's
    def asstring(self, key: str) -> str:
        return self[key]


class Plugged:
    """What udev says of a device, as far as labgrid asks; with another's serial number, which nobody may look at."""

    action = None
    device_type = "usb_device"
    subsystem = "usb"
    device_node = "/dev/bus/usb/001/004"
    ancestors = ()

    def __init__(self, port: str, interfaces: str = CAMERA, path: str = "pci-0000:00:14.0-usb-0:4.2") -> None:
        self.sys_name = port
        self.sys_path = f"/sys/devices/pci0000:00/usb1/{port}"
        self.properties = {
            "SUBSYSTEM": "usb",
            "DEVTYPE": "usb_device",
            "ID_PATH": path,
            "ID_SERIAL_SHORT": "4711",
        }
        if interfaces:
            self.properties["ID_USB_INTERFACES"] = interfaces
        self.attributes = Attributes(serial="4711")


@pytest.fixture
def target() -> Target:
    return Target("main")


def camera_at(target: Target | None = None, **said: object) -> BWCUSBCamera:
    return BWCUSBCamera(target, None, **said)


def test_what_is_plugged_in_at_the_port_is_it() -> None:
    camera = camera_at(port_path="1-4.2")
    assert not camera.try_match(Plugged("1-4.1")) and not camera.avail
    assert camera.try_match(Plugged("1-4.2")) and camera.avail
    assert camera.uri == "usb:1-4.2"


def test_it_is_found_by_udevs_path_as_well_under_any_number_of_its_bus() -> None:
    camera = camera_at(match={"ID_PATH": "pci-0000:00:14.0-usb-0:4.2"})
    with pytest.raises(ValueError, match="nothing is plugged in"):
        camera.uri  # noqa: B018 - it is looked up
    assert camera.try_match(Plugged("3-4.2"))
    assert camera.uri == "usb:3-4.2"


def test_a_stick_in_its_port_is_no_camera() -> None:
    camera = camera_at(port_path="1-4.2")
    assert not camera.try_match(Plugged("1-4.2", STICK)) and not camera.avail
    assert camera.try_match(Plugged("1-4.2", "")), "where udev has not looked, it is tried"


def test_it_comes_and_goes() -> None:
    camera = camera_at(port_path="1-4.2")
    camera.try_match(Plugged("1-4.2"))
    gone = Plugged("1-4.2")
    gone.action = "remove"
    camera.try_match(gone)
    assert not camera.avail and camera.uri == "usb:1-4.2"


@pytest.mark.parametrize("way", INTERFACES)
def test_the_ways_of_a_camera_are_what_it_shows_on_the_bus(way: str) -> None:
    from bwc_protocol.bindings import usb

    shown = "".join(
        f":{one.bInterfaceClass:02x}{one.bInterfaceSubClass:02x}{one.bInterfaceProtocol:02x}"
        for one in (
            SimpleNamespace(bInterfaceClass=2, bInterfaceSubClass=2, bInterfaceProtocol=1),
            SimpleNamespace(
                bInterfaceClass=usb.BULK_CLASS,
                bInterfaceSubClass=usb.BULK_SUBCLASS,
                bInterfaceProtocol=usb.BULK_PROTOCOL,
            ),
        )
    )
    assert INTERFACES[way] in f"{shown}:"


@pytest.mark.parametrize("key", BY_SERIAL_NUMBER)
@pytest.mark.parametrize("of", ["", "@"])
def test_no_camera_is_found_by_a_serial_number(key: str, of: str) -> None:
    with pytest.raises(ValueError, match="no serial number on the bus: name its port"):
        camera_at(port_path="1-4.2", match={f"{of}{key}": "4711"})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "names no port"),
        ({"match": {"ID_VENDOR_ID": "1209"}}, "names no port"),
        ({"port_path": "/dev/ttyACM0"}, "no path from a root hub"),
        ({"port_path": "1-4.2", "way": "bulk"}, "none of usb, serial"),
        ({"port_path": "1-4.2", "bay": 65_536}, "no number from 0"),
        ({"port_path": "1-4.2", "bay": True}, "no number from 0"),
        ({"port_path": "1-4.2", "serial_number": 12345}, "write it in quotes"),
        ({"port_path": "1-4.2", "serial_number": "x" * 33}, "at most 32"),
    ],
)
def test_what_is_no_port_or_no_camera_is_said(said: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        camera_at(**said)


def test_each_leads_to_what_the_sdk_takes(target: Target) -> None:
    ways = {
        camera_at(port_path="1-4.2", bay=3): "usb:1-4.2?bay=3",
        camera_at(port_path="1-4.2", way="serial"): "serial:1-4.2",
        BWCSerialCamera(None, None, port="/dev/ttyS3", speed=921_600): "serial:/dev/ttyS3?baud=921600",
        BWCBLECamera(
            None, None, address="00:00:5E:00:53:01", adapter="hci1"
        ): "ble:00:00:5E:00:53:01?adapter=hci1",
        BWCSimulator(None, None, seed=7, station=4, bay=2): "sim:?seed=7&recordings=4&station=4&bay=2",
        NetworkBWCCamera(None, None, host="cellar", port=4711, bay=1): "tcp:cellar:4711?bay=1",
        NetworkBWCCamera(None, None, host="//[::1]", port=4711): "tcp:[::1]:4711",
        RawSerialPort(None, None, port="/dev/ttyS3"): "serial:/dev/ttyS3?baud=115200",
        NetworkSerialPort(None, None, host="cellar", port=4711, protocol="raw"): "tcp:cellar:4711",
    }
    for resource, uri in ways.items():
        assert uri_of(resource) == uri
        DeviceUri.parse(uri)


def test_a_simulator_takes_what_its_resource_says() -> None:
    made = BWCSimulator(
        None, None, seed=7, recordings=0, faults="drop=0.01", options={"mib": 1, "link": "usb-hs"}
    )
    open_sim(DeviceUri.parse(made.uri))


def test_what_leads_nowhere_is_said(target: Target) -> None:
    with pytest.raises(InvalidUri, match="no bridge to it runs"):
        uri_of(NetworkBWCCamera(target, "left", host="cellar"))
    with pytest.raises(InvalidUri, match="bytes of its own") as caught:
        uri_of(NetworkSerialPort(target, "board", host="cellar", port=4711))
    assert "BWCSerialCamera" in caught.value.advice


def test_a_serial_port_is_there_or_not(tmp_path: object) -> None:
    there, gone = (BWCSerialCamera(None, None, port=port) for port in ("/dev/null", "/dev/nothing"))
    there.poll()
    assert there.avail and not gone.avail
    with pytest.raises(ValueError, match="neither a device file nor a USB port"):
        BWCSerialCamera(None, None, port="COM3")
