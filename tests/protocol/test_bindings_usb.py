"""What a device shows of itself on USB is fixed byte by byte, and tells no device from another (spec: USB)."""

import struct
from collections.abc import Iterator

import pytest

from bwc_protocol.bindings import usb

CONFIGURATION = """
09 02 62 00 03 01 00 80 fa
08 0b 00 02 02 02 00 00
09 04 00 00 01 02 02 00 00
05 24 00 10 01
05 24 01 00 01
04 24 02 02
05 24 06 00 01
07 05 82 03 10 00 09
09 04 01 00 02 0a 00 00 00
07 05 03 02 00 02 00
07 05 83 02 00 02 00
09 04 02 00 02 ff 42 01 00
07 05 01 02 00 02 00
07 05 81 02 00 02 00
"""


def descriptors(raw: bytes) -> Iterator[bytes]:
    while raw:
        yield raw[: raw[0]]
        raw = raw[raw[0] :]


@pytest.mark.rule("USB-001")
def test_the_configuration_is_this_and_no_other() -> None:
    assert bytes.fromhex(CONFIGURATION) == usb.CONFIGURATION
    assert struct.unpack_from("<H", usb.CONFIGURATION, 2) == (len(usb.CONFIGURATION),)


@pytest.mark.rule("USB-001")
def test_the_device_descriptor_is_this_and_no_other() -> None:
    assert usb.device_descriptor().hex(" ") == "12 01 10 02 ef 02 01 40 09 12 01 00 00 01 01 02 00 01"


@pytest.mark.rule("USB-002")
def test_there_is_no_serial_number() -> None:
    assert usb.DEVICE.parse(usb.device_descriptor(0x1234, 0x5678)).iSerialNumber == 0


def test_functions_do_not_share_an_endpoint() -> None:
    endpoints = [one[2] for one in descriptors(usb.CONFIGURATION) if one[1] == usb.ENDPOINT_TYPE]
    assert sorted(endpoints) == sorted(set(endpoints))
    assert set(endpoints) == {
        usb.BULK_IN,
        usb.BULK_OUT,
        usb.SERIAL_IN,
        usb.SERIAL_OUT,
        usb.SERIAL_NOTIFY,
    }


def test_interfaces_are_numbered_in_their_order() -> None:
    numbers = [one[2] for one in descriptors(usb.CONFIGURATION) if one[1] == usb.INTERFACE_TYPE]
    assert numbers == [usb.SERIAL_INTERFACE, usb.SERIAL_DATA_INTERFACE, usb.BULK_INTERFACE]
    assert usb.CONFIGURATION[4] == len(numbers)


@pytest.mark.rule("USB-003")
def test_no_descriptor_has_a_modem_or_a_disk_in_it() -> None:
    triples = [one[5:8] for one in descriptors(usb.CONFIGURATION) if one[1] == usb.INTERFACE_TYPE]
    assert triples[0] == bytes((2, 2, 0)), "protocol 1 would be a modem's command set"
    assert all(triple[0] != 8 for triple in triples), "never a mass storage"


def test_the_bos_names_the_microsoft_set_and_its_size() -> None:
    assert struct.unpack_from("<H", usb.BOS, 2) == (len(usb.BOS),)
    size, code = struct.unpack_from("<HB", usb.BOS, 29)
    assert (size, code) == (len(usb.MS_OS_20_SET), usb.MS_VENDOR_CODE)


def test_the_microsoft_set_nests_and_is_for_the_bulk_function_alone() -> None:
    raw = usb.MS_OS_20_SET
    assert struct.unpack_from("<HHIH", raw) == (10, 0, 0x06030000, len(raw))
    assert struct.unpack_from("<HHBBH", raw, 10) == (8, 1, 0, 0, len(raw) - 10)
    assert struct.unpack_from("<HHBBH", raw, 18) == (8, 2, usb.BULK_INTERFACE, 0, len(raw) - 18)
    assert raw[26:46] == struct.pack("<HH8s8s", 20, 3, b"WINUSB", b"")
    assert struct.unpack_from("<HHHH", raw, 46) == (len(raw) - 46, 4, 7, 42)
    assert raw[54:96].decode("utf-16-le") == "DeviceInterfaceGUIDs\0"
    assert raw[98:].decode("utf-16-le") == f"{usb.INTERFACE_GUID}\0\0"


def test_an_independent_implementation_builds_the_same_microsoft_descriptors() -> None:
    core = pytest.importorskip("usbip.core")
    assert core.ms_os2_set_subsets([(usb.BULK_INTERFACE, b"WINUSB", usb.INTERFACE_GUID)]) == usb.MS_OS_20_SET
    assert core.bos(core.msos2_platform_cap(usb.MS_VENDOR_CODE, len(usb.MS_OS_20_SET))) == usb.BOS


@pytest.mark.parametrize("text", ["", "camera", "é", "x" * 126])
def test_a_string_is_utf_16_and_its_length_fits(text: str) -> None:
    raw = usb.string_descriptor(text)
    assert raw[0] == len(raw) and raw[1] == usb.STRING_TYPE and raw[2:].decode("utf-16-le") == text


def test_a_longer_string_is_cut() -> None:
    assert usb.string_descriptor("x" * 200) == usb.string_descriptor("x" * 126)


def test_string_0_is_the_list_of_languages() -> None:
    assert usb.string_descriptor(None) == b"\x04\x03\x09\x04"
