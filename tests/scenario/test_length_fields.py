"""Every length field at its maximum, in each layer: a typed error, and no memory for what was only claimed."""

import struct
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bwc_protocol.conversation import Failed, FailReason
from bwc_protocol.conversation.message import BODY_MAX, STREAM_DATA
from bwc_protocol.conversation.stream import Incoming
from bwc_protocol.crc import crc32c
from bwc_protocol.declare import COMMANDS, CONTROLS, EVENTS, MalformedMessage, Role, Wire
from bwc_protocol.evidence import MANIFEST_MAX, EvidenceError, Manifest
from bwc_protocol.frame import HEADER, HEADER_SIZE, SYNC, Frame, FrameParser, FrameType, encode_frame
from bwc_protocol.messages.recordings import LIST_PAGE_MAX
from bwc_protocol.session.insecure import RecordType
from bwc_sdk import World, connect
from bwc_sdk.errors import ProtocolViolation
from bwc_sdk.host.world import InlineWorkers
from firmware_sim.personalities import huge_table
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import make_camera
from firmware_sim.virtual_time import run_virtual
from tools.testkit.pair import Pair

U16, U24, U32, U64 = 0xFFFF, 0xFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF
NOON_UTC_NS = 1_790_000_000 * 10**9


@contextmanager
def within(megabytes: float) -> Iterator[None]:
    """What happens inside takes no more memory than this at any moment."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= megabytes * 1e6, f"{peak / 1e6:.1f} MB at its peak"


def established() -> Pair:
    pair = Pair()
    pair.run()
    pair.host_events.clear()
    return pair


# Frame


def test_a_frame_longer_than_agreed_is_refused_before_a_byte_of_it_is_kept() -> None:
    fields = (int.from_bytes(SYNC, "little"), 1 << 4 | FrameType.DATA, 0, 7, 0, 32, 0, 0, U16, 0)
    checked = HEADER.pack(*fields, 0)[: HEADER_SIZE - 4]
    header = checked + struct.pack("<I", crc32c(checked))
    good = Frame(FrameType.PING, link=7)
    parser = FrameParser(1_024)
    with within(0.1):
        found = list(parser.feed(header + bytes(2_000) + encode_frame(good), 0.0))
    assert found == [good], "and a good frame behind it is not lost"
    assert parser.counters.oversize == 1
    assert parser.held_bytes < HEADER_SIZE


# Session and message


@pytest.mark.parametrize("kind", list(RecordType), ids=lambda kind: kind.name)
def test_a_record_of_the_greatest_length_ends_the_session(kind: RecordType) -> None:
    pair = established()
    with within(0.1):
        pair.host.receive((kind | U24 << 8).to_bytes(4, "little") + bytes(100), 0.0)
    pair.collect()
    (failed,) = pair.host_events
    assert isinstance(failed, Failed)
    assert failed.reason is FailReason.SESSION


@pytest.mark.rule("MSG-004")
@pytest.mark.parametrize("opcode", [0x0201, STREAM_DATA], ids=["request", "stream.data"])
@pytest.mark.parametrize("length", [U32, BODY_MAX + 1], ids=["greatest", "one too long"])
def test_a_message_longer_than_the_largest_ends_the_conversation(opcode: int, length: int) -> None:
    pair = established()
    message = struct.pack("<IHHI", length, opcode, 0, 1) + bytes(100)
    record = (RecordType.DATA | len(message) << 8).to_bytes(4, "little") + message
    with within(0.1):
        pair.host.receive(record, 0.0)
    pair.collect()
    (failed,) = pair.host_events
    assert isinstance(failed, Failed)
    assert failed.reason is FailReason.PROTOCOL


# Texts, blobs, lists


def declared() -> dict[str, type[Wire]]:
    """Every message that comes over the wire, by name."""
    found: dict[str, type[Wire]] = {}
    for command in COMMANDS.values():
        found |= {f"{command.name} request": command, f"{command.name} reply": command.reply}
    found |= {told.name: told for told in EVENTS.values()}
    found |= {told.name: told for told in CONTROLS.values()}
    return found


@pytest.mark.parametrize("message", declared().values(), ids=declared().keys())
def test_every_count_at_its_maximum_is_malformed_or_decoded_within_the_body(message: type[Wire]) -> None:
    for size in (0, 1, 2, 3, 64, 300, 4_096, BODY_MAX):
        with within(8):  # 64 KiB of body, as objects
            for byte in (b"\xff", b"\x7f", b"\x01", b"\x00"):
                try:
                    message.codec.decode(byte * size)
                except MalformedMessage:
                    pass


# Streams and tables


@pytest.mark.parametrize(("offset", "size"), [(0, 1), (U64, 1), (0, U16), (1, 1)])
def test_stream_bytes_beyond_credit_or_length_break_a_rule_whatever_was_announced(
    offset: int, size: int
) -> None:
    assert Incoming(length=U64).check(offset, size), "nothing was granted"
    assert Incoming(length=10, limit=U64).check(offset, max(size, 11)), "it is longer than announced"


def test_a_table_that_would_fill_any_memory_is_refused_when_it_is_announced() -> None:
    async def main() -> None:
        camera = make_camera(seed=1, recordings=1, mib=1, utc_ns=NOON_UTC_NS)
        huge_table(camera)
        async with connect(
            MemoryTransport(camera),
            role=Role.BENCH,
            world=World(workers=InlineWorkers()),
            allow_insecure=True,
        ) as host:
            (entry,) = await host.recordings.list()
            manifest = await host.recordings.read_manifest(entry)
            with within(2), pytest.raises(ProtocolViolation, match="at most 32"):
                await host.recordings.read_table(entry, manifest, 0)
            assert (await host.device.status()).streams == 0, "and given up"

    run_virtual(main())


# Manifest


@pytest.mark.parametrize("major", range(8))
@pytest.mark.parametrize("argument", [b"\x1b" + b"\xff" * 8, b"\x1a" + b"\xff" * 4, b"\x19\xff\xff", b"\x1f"])
def test_a_manifest_that_claims_more_than_it_has_is_refused(major: int, argument: bytes) -> None:
    claimed = bytes([major << 5 | argument[0]]) + argument[1:]
    with within(1):
        for data in (claimed, b"\xa1\x01" + claimed, b"\x81" * 64 + claimed, claimed * 1_000):
            with pytest.raises(EvidenceError):
                Manifest.decode(data)


def test_a_manifest_over_its_bound_is_refused_unread() -> None:
    with within(1), pytest.raises(EvidenceError):
        Manifest.decode(bytes(MANIFEST_MAX + 1))


def test_the_largest_page_fits_the_largest_message() -> None:
    assert LIST_PAGE_MAX * 200 <= BODY_MAX
