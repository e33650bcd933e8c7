"""What a device shows on the USB bus, to whoever is plugged in, before it has said a word (spec: USB)."""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from bwc_protocol.bindings import usb as usb_descriptors
from bwc_protocol.frame import Frame, FrameType, HelloAck, encode_frame
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from hil_tests.device.bench import Bench
from hil_tests.raw.wire import Wire
from hil_tests.verdicts import RuleBroken, not_applicable, not_tested

pytestmark = [pytest.mark.bwc_read_only, pytest.mark.bwc_any_device]

GET_DESCRIPTOR, FROM_DEVICE = 6, 0x80
DESCRIPTOR_MAX: Final = 1_024
ENGLISH: Final = 0x0409
STRINGS: Final = range(1, 16)
SET_LINE_CODING, SET_LINE_STATE, SEND_BREAK, TO_INTERFACE = 0x20, 0x22, 0x23, 0x21
CODINGS: Final = (struct.pack("<IBBB", 9_600, 2, 1, 7), struct.pack("<IBBB", 115_200, 0, 0, 8))
LINE_STATES: Final = (3, 0, 1, 2, 3)
BREAK_MS: Final = 10
TRIPLES: Final = frozenset(
    {
        (2, 2, 0),
        (10, 0, 0),
        (usb_descriptors.BULK_CLASS, usb_descriptors.BULK_SUBCLASS, usb_descriptors.BULK_PROTOCOL),
    }
)
"""Class, subclass and protocol of each interface that a device may have."""
READ_MS: Final = 200
READS: Final = 50
READ_MORE: Final = 65_536
"""More than a device says to what is asked of it here."""
PATIENCE_MS: Final = 2_000
NOTHING_GRANTED: Final = dict.fromkeys(HelloAck.__dataclass_fields__, 0)


@pytest.fixture
def on_the_bus(wire: Wire) -> Iterator[Any]:
    """The device as any program finds it by pyusb. Skips where it is reached in another way."""
    if DeviceUri.parse(wire.uri).scheme != "usb":
        not_applicable("the device is not reached by USB")
    import usb.util

    transport: Any = transport_for(DeviceUri.parse(wire.uri))
    device = transport.find_device()
    device.get_active_configuration()
    yield device
    usb.util.dispose_resources(device)


def descriptor(device: Any, kind: int, index: int = 0) -> bytes:
    """A descriptor, whole; nothing for one that it has not."""
    import usb.core

    try:
        language = ENGLISH if kind == usb_descriptors.STRING_TYPE and index else 0
        return bytes(
            device.ctrl_transfer(FROM_DEVICE, GET_DESCRIPTOR, kind << 8 | index, language, DESCRIPTOR_MAX)
        )
    except usb.core.USBError:
        return b""


@pytest.mark.rule("USB-001")
def test_the_descriptors_are_those_of_the_table(on_the_bus: Any) -> None:
    device = descriptor(on_the_bus, usb_descriptors.DEVICE_TYPE)
    ours = usb_descriptors.device_descriptor()
    if device[:8] != ours[:8] or device[17:] != ours[17:]:
        raise RuleBroken(f"the device descriptor of the table, {ours.hex()} (USB-001)", device.hex())
    configuration = descriptor(on_the_bus, usb_descriptors.CONFIGURATION_TYPE)
    expected, shown = _parts(usb_descriptors.CONFIGURATION), _parts(configuration)
    if shown != expected:
        differs = [(a.hex(), b.hex()) for a, b in zip(expected, shown, strict=False) if a != b]
        raise RuleBroken(
            f"the configuration of the table, {len(expected)} descriptors (USB-001)",
            f"{len(shown)} descriptors; others than expected: {differs[:3]}",
        )
    bos = descriptor(on_the_bus, usb_descriptors.BOS_TYPE)
    if bos != usb_descriptors.BOS:
        raise RuleBroken(f"BOS {usb_descriptors.BOS.hex()} (USB-001)", bos.hex() or "none")


def _parts(configuration: bytes) -> list[bytes]:
    """Its descriptors one by one, without what a product chooses: strings, power, packet sizes."""
    found: list[bytes] = []
    at = 0
    while at < len(configuration) and configuration[at]:
        part = bytearray(configuration[at : at + configuration[at]])
        match part[1]:
            case usb_descriptors.CONFIGURATION_TYPE:
                part[6] = part[8] = 0
            case usb_descriptors.INTERFACE_TYPE:
                part[8] = 0
            case usb_descriptors.ENDPOINT_TYPE:
                part[4:6] = bytes(2)
            case _:
                pass
        found.append(bytes(part))
        at += len(part)
    return found


@pytest.mark.rule("USB-002")
def test_no_descriptor_has_a_serial_number_or_says_who_it_is(on_the_bus: Any, bwc_bench: Bench) -> None:
    device = descriptor(on_the_bus, usb_descriptors.DEVICE_TYPE)
    if device[16]:
        raise RuleBroken("no serial number in the device descriptor (USB-002)", f"string {device[16]}")
    everything = device + descriptor(on_the_bus, usb_descriptors.CONFIGURATION_TYPE)
    everything += descriptor(on_the_bus, usb_descriptors.BOS_TYPE)
    for index in STRINGS:
        everything += descriptor(on_the_bus, usb_descriptors.STRING_TYPE, index)
    serial = bwc_bench.identity
    for form in (serial.encode(), serial.encode("utf-16-le")):
        if form in everything:
            raise RuleBroken(
                "strings that are the same in every device of a model (USB-002)", f"{serial!r} in one"
            )


@pytest.mark.rule("USB-003")
def test_no_interface_is_a_way_past_the_session(on_the_bus: Any) -> None:
    for part in _parts(descriptor(on_the_bus, usb_descriptors.CONFIGURATION_TYPE)):
        if part[1] == usb_descriptors.INTERFACE_TYPE and tuple(part[5:8]) not in TRIPLES:
            triple = "/".join(f"{one:02x}" for one in part[5:8])
            raise RuleBroken(
                "serial port and bulk interface, and no other (USB-003)", f"an interface {triple}"
            )


@pytest.mark.rule("USB-005")
@pytest.mark.parametrize("sizes", [(1,), (0, 3), (64, 0, 1)], ids=["one byte", "empty ones", "several"])
def test_transfers_of_any_size_are_one_stream_of_bytes(
    on_the_bus: Any, wire: Wire, sizes: tuple[int, ...]
) -> None:
    """HELLO in such transfers is answered as in one."""
    link = wire.calling()
    hello = encode_frame(link.frame(FrameType.HELLO, link=0, payload=link.hello().encode()))
    link.pipe.close()
    on_bulk = _bulk(on_the_bus)
    at, turn = 0, 0
    while at < len(hello):
        size = sizes[turn % len(sizes)]
        on_bulk(hello[at : at + size])
        at, turn = at + size, turn + 1
    heard = _answer(on_the_bus, link.host_nonce)
    if heard is None:
        raise RuleBroken(f"HELLO_ACK to a HELLO in transfers of {sizes} bytes (USB-005)", "nothing")


def _bulk(device: Any) -> Callable[[bytes], None]:
    return lambda data: device.write(usb_descriptors.BULK_OUT, data, READ_MS)


def _answer(device: Any, host_nonce: int, endpoint: int = usb_descriptors.BULK_IN) -> HelloAck | None:
    import usb.core

    from bwc_protocol.frame import MAX_PAYLOAD, FrameParser

    parser = FrameParser(MAX_PAYLOAD)
    for _ in range(READS):
        try:
            came = bytes(device.read(endpoint, DESCRIPTOR_MAX, READ_MS))
        except usb.core.USBTimeoutError:
            continue
        for frame in parser.feed(came, 0.0):
            if frame.type is FrameType.HELLO_ACK:
                said = HelloAck.decode(frame.payload)
                if said.host_nonce == host_nonce:
                    return said
    return None


@pytest.mark.rule("USB-004")
def test_what_fills_whole_packets_is_ended_by_an_empty_one(on_the_bus: Any, wire: Wire) -> None:
    """So many HELLOs, and nothing read, that their answers fill packets to the last byte: whoever reads more than that
    gets them at once, and not when the device has something more to say."""
    link = wire.calling()
    link.pipe.close()
    packet = _packet_size(on_the_bus)
    answer = len(encode_frame(Frame(FrameType.HELLO_ACK, payload=HelloAck(**NOTHING_GRANTED).encode())))
    many = packet // math.gcd(packet, answer)
    for at in range(1, many + 1):
        hello = link.hello(host_nonce=link.host_nonce ^ at)
        _bulk(on_the_bus)(encode_frame(Frame(FrameType.HELLO, payload=hello.encode())))
    came = 0
    ended = True
    while ended and came < many * answer:
        more, ended = _read_more(on_the_bus)
        came += more
    if ended:
        return
    _bulk(on_the_bus)(encode_frame(Frame(FrameType.HELLO, payload=link.hello().encode())))
    behind, _ = _read_more(on_the_bus)
    if came < many * answer and behind <= answer:
        not_tested(f"the device answers {came // answer} of {many} HELLOs")
    raise RuleBroken(
        f"{many} answers of {answer} bytes, which fill packets of {packet}, ended by an empty packet (USB-004)",
        f"a transfer without end of {came} bytes, and {behind} behind it once there was one more to answer",
    )


def _read_more(device: Any) -> tuple[int, bool]:
    """How many bytes came in a transfer for more than that, and whether the device ended it."""
    import usb.core

    began = time.monotonic()
    try:
        came = len(device.read(usb_descriptors.BULK_IN, READ_MORE, PATIENCE_MS))
    except usb.core.USBTimeoutError:
        return 0, False
    return came, time.monotonic() < began + PATIENCE_MS / 1000  # libusb gives at the end of time what came


def _packet_size(device: Any) -> int:
    """Of the bulk endpoint to the host."""
    for interface in device.get_active_configuration():
        for endpoint in interface:
            if endpoint.bEndpointAddress == usb_descriptors.BULK_IN:
                return int(endpoint.wMaxPacketSize)
    raise RuleBroken("a bulk endpoint to the host (USB-001)", "none")


@pytest.mark.rule("USB-006")
@pytest.mark.rule("TRN-003")
def test_the_serial_function_hears_and_answers_whatever_its_lines_are(on_the_bus: Any, wire: Wire) -> None:
    """It is spoken to on its own endpoints: those of the other function have no lines."""
    import usb.core

    link = wire.calling()
    link.pipe.close()
    at = usb_descriptors.SERIAL_INTERFACE
    for turn, state in enumerate(LINE_STATES):
        nonce = link.host_nonce ^ (turn + 1)
        hello = encode_frame(Frame(FrameType.HELLO, payload=link.hello(host_nonce=nonce).encode()))
        try:
            on_the_bus.ctrl_transfer(TO_INTERFACE, SET_LINE_STATE, state, at, None)
            on_the_bus.write(usb_descriptors.SERIAL_OUT, hello, READ_MS)
        except usb.core.USBError as error:
            not_tested(f"somebody else has the serial function: {error}")
        if _answer(on_the_bus, nonce, usb_descriptors.SERIAL_IN) is None:
            raise RuleBroken(f"HELLO_ACK on the serial function in line state {state} (USB-006)", "nothing")


@pytest.mark.rule("USB-006")
@pytest.mark.rule("TRN-003")
def test_line_coding_dtr_rts_and_a_break_are_taken_and_mean_nothing(on_the_bus: Any, wire: Wire) -> None:
    import usb.core

    link = wire.link()
    at = usb_descriptors.SERIAL_INTERFACE
    try:
        for state in LINE_STATES:
            on_the_bus.ctrl_transfer(TO_INTERFACE, SET_LINE_STATE, state, at, None)
            link.settle("PONG whatever DTR and RTS are (USB-006)")
        for coding in CODINGS:
            on_the_bus.ctrl_transfer(TO_INTERFACE, SET_LINE_CODING, 0, at, coding)
            link.settle("PONG whatever the line coding is (USB-006)")
        on_the_bus.ctrl_transfer(TO_INTERFACE, SEND_BREAK, BREAK_MS, at, None)
        link.settle("PONG after a break (USB-006)")
    except usb.core.USBError as error:
        raise RuleBroken("line coding, DTR, RTS and a break accepted (USB-006)", str(error)) from error
