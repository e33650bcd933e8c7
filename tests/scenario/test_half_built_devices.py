"""A firmware author whose link is half written reads what to do next: each fault is named, with what has to come."""

import asyncio
import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.crc import crc32c
from bwc_sdk import BwcError, Counters, DiscardReason, World, connect, remarks_on
from bwc_sdk.capture.decoding import Decoded, decode_file
from bwc_sdk.errors import DeviceLost, LinkError, NotADevice
from bwc_sdk.host.world import InlineWorkers
from bwc_sdk.transport import Limits, Receiver
from firmware_sim.virtual_time import run_virtual
from tools.generate.smallest_device import ACK, BYE, DATA, HELLO_ACK, PING, PONG, RESET, Smallest


class Port:
    """A pipe to a device that answers what it is given, a hundredth of a second later."""

    def __init__(self, device: Smallest) -> None:
        self.name = "serial:/dev/ttyS9"
        self.limits = Limits(61_440)
        self._device = device
        self._receiver: Receiver | None = None

    async def open(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def room(self) -> int:
        return 1 << 20

    def write(self, parts: list[bytes]) -> None:
        self._device.receive(b"".join(parts))
        said, self._device.said = self._device.said, b""

        def deliver() -> None:
            if self._receiver is not None:
                self._receiver.received(said)

        if said:
            asyncio.get_running_loop().call_later(0.01, deliver)

    async def close(self) -> None:
        self._receiver = None


class Half(Smallest):
    """A device in which one thing is not finished: `bend` changes what it says, frame by frame, None for nothing."""

    def bend(self, kind: int, header: bytearray, payload: bytes) -> bytes | None:
        return bytes(header) + payload

    def _say(self, kind: int, epoch: int, payload: bytes = b"", *, seq: int = 0, channel: int = 0) -> None:
        before = self.said
        self.said = b""
        super()._say(kind, epoch, payload, seq=seq, channel=channel)
        frame, self.said = self.said, before
        bent = self.bend(kind, bytearray(frame[:24]), frame[24:])
        self.said += b"" if bent is None else bent


def resealed(header: bytearray, payload: bytes) -> bytes:
    """The frame with CRCs that fit what was changed."""
    header[20:] = struct.pack("<I", crc32c(bytes(header[:20])))
    if not payload:
        return bytes(header)
    body = payload[:-4]
    return bytes(header) + body + struct.pack("<I", crc32c(bytes(header[:20]) + body))


Bend = Callable[[int, bytearray, bytes], bytes | None]


def device(bend: Bend) -> Callable[[], Smallest]:
    class Bent(Half):
        def bend(self, kind: int, header: bytearray, payload: bytes) -> bytes | None:
            return bend(kind, header, payload)

    return Bent


def only(kind: int, change: Bend) -> Callable[[], Smallest]:
    """One type of frame is changed."""
    return device(lambda k, h, p: change(k, h, p) if k == kind else bytes(h) + p)


def without(*kinds: int) -> Callable[[], Smallest]:
    return device(lambda k, h, p: None if k in kinds else bytes(h) + p)


def field(form: str, at: int, value: int) -> Bend:
    """One field of the header has another value, and the CRC fits."""

    def change(kind: int, header: bytearray, payload: bytes) -> bytes:
        struct.pack_into(form, header, at, value)
        return resealed(header, payload)

    return change


def added(form: str, at: int, more: int, *kinds: int) -> Callable[[], Smallest]:
    """One field of the header is off by some."""

    def change(kind: int, header: bytearray, payload: bytes) -> bytes:
        if kind in kinds:
            (value,) = struct.unpack_from(form, header, at)
            struct.pack_into(form, header, at, (value + more) % (1 << 8 * struct.calcsize(form)))
        return resealed(header, payload)

    return device(change)


def in_payload(form: str, at: int, value: int) -> Bend:
    def change(kind: int, header: bytearray, payload: bytes) -> bytes:
        body = bytearray(payload)
        struct.pack_into(form, body, at, value)
        return resealed(header, bytes(body))

    return change


def header_crc(make: Callable[[bytes], int]) -> Callable[[], Smallest]:
    def change(kind: int, header: bytearray, payload: bytes) -> bytes:
        header[20:] = struct.pack("<I", make(bytes(header[:20])) & 0xFFFF_FFFF)
        return bytes(header) + payload

    return device(change)


def zlib_crc(checked: bytes) -> int:
    import zlib

    return zlib.crc32(checked)


def short(kind: int, header: bytearray, payload: bytes) -> bytes:
    struct.pack_into("<H", header, 14, 4)
    return resealed(header, payload[:4] + payload[-4:])


class Echo(Smallest):
    def receive(self, data: bytes) -> None:
        self.said += data


class Forgets(Smallest):
    """Says BYE to the link that it granted: it does not keep the nonce."""

    def _hello(self, host_nonce: int, max_payload: int) -> None:
        super()._hello(host_nonce, max_payload)
        self._forgotten = self._granted
        self._granted = None

    def _frame(self, kind: int, channel: int, link: int, *rest: Any) -> None:
        if kind == PING:
            self._link = link
            self._say(BYE, 0, struct.pack("<IIBxxx", 0, 0, 3))
            return
        super()._frame(kind, channel, link, *rest)


class Resets(Smallest):
    """Resets the channel that the host opens."""

    def _begin(self, epoch: int) -> None:
        super()._begin(epoch)
        self._say(RESET, epoch, bytes((7, 0, 0, 0)))


class NoPreamble(Smallest):
    def _converse(self) -> None:
        pass


class NoSession(Smallest):
    """Its preamble goes, and nothing behind it."""

    def _record(self, kind: int, body: bytes) -> None:
        if kind != 1:
            super()._record(kind, body)


class NoInfo(Smallest):
    def _message(self, opcode: int, flags: int, request: int, body: bytes = b"") -> None:
        if opcode != 1:
            super()._message(opcode, flags, request, body)


class Deaf(Smallest):
    """It does not take DATA; PING it answers."""

    def _frame(self, kind: int, *rest: Any) -> None:
        if kind != DATA:
            super()._frame(kind, *rest)


class FromOne(Half):
    """A window of eight, and DATA that begins with `seq` 1."""

    def bend(self, kind: int, header: bytearray, payload: bytes) -> bytes | None:
        if kind == HELLO_ACK:
            return in_payload("<B", 7, 8)(kind, header, payload)
        return field("<H", 10, 1)(kind, header, payload) if kind == DATA else bytes(header) + payload


class HalfPreamble(Smallest):
    def _record(self, kind: int, body: bytes) -> None:
        self._waiting = self._waiting[:20]


DEVICES: dict[str, tuple[Callable[[], Smallest], type[BwcError], str, str]] = {
    # what is wrong: the device, the error, what is said of it, what has to come next
    "sync the wrong way round": (
        device(lambda k, h, p: bytes((h[1], h[0])) + bytes(h[2:]) + p),
        NotADevice,
        "sync the wrong way round",
        "b3 57",
    ),
    "CRC of zlib": (header_crc(zlib_crc), NotADevice, "CRC-32 of zlib", "Castagnoli"),
    "CRC not inverted": (
        header_crc(lambda b: crc32c(b) ^ 0xFFFF_FFFF),
        NotADevice,
        "all bits are inverted",
        "Castagnoli",
    ),
    "CRC big-endian": (
        header_crc(lambda b: int.from_bytes(crc32c(b).to_bytes(4, "big"), "little")),
        NotADevice,
        "wrong order",
        "little-endian",
    ),
    "CRC not computed": (header_crc(lambda b: 0), NotADevice, "not computed", "bytes 0 to 19"),
    "payload CRC over the payload alone": (
        only(HELLO_ACK, lambda k, h, p: bytes(h) + p[:-4] + struct.pack("<I", crc32c(p[:-4]))),
        NotADevice,
        "covers the payload alone",
        "then the payload",
    ),
    "payload CRC missing": (
        only(HELLO_ACK, lambda k, h, p: bytes(h) + p[:-4]),
        NotADevice,
        "did not come within 200 ms",
        "HELLO_ACK",
    ),
    "wrong host_nonce": (
        only(HELLO_ACK, in_payload("<I", 0, 0x01020304)),
        NotADevice,
        "HELLO_ACK with host_nonce 01020304, not ",
        "host_nonce of the HELLO",
    ),
    "no nonce of a link": (
        only(HELLO_ACK, field("<I", 4, 0)),
        NotADevice,
        "HELLO_ACK with link 00000000",
        "`link`",
    ),
    "a window of 0 in HELLO_ACK": (
        only(HELLO_ACK, in_payload("<B", 7, 0)),
        NotADevice,
        "HELLO_ACK with window 0 (it has to be 1 to 32)",
        "HELLO_ACK",
    ),
    "a HELLO_ACK that is too short": (
        only(HELLO_ACK, short),
        NotADevice,
        "HELLO_ACK with length 4 (it ends inside a known field)",
        "HELLO_ACK",
    ),
    "an echo": (Echo, NotADevice, "returns what it is sent", "camera's port"),
    "PONG for HELLO": (
        only(HELLO_ACK, field("<B", 2, 0x10 | PONG)),
        NotADevice,
        "HELLO with PONG, not with HELLO_ACK",
        "host_nonce",
    ),
    "no PONG": (without(PONG), NotADevice, "answers no PING", "`seq` of the PING"),
    "PONG of another link": (
        only(PONG, field("<I", 4, 5)),
        NotADevice,
        "PONG with link 00000005, not ",
        "its HELLO_ACK named",
    ),
    "a grant that is forgotten": (Forgets, NotADevice, "says BYE to the PING", "header of its HELLO_ACK"),
    "a channel that is reset": (Resets, LinkError, "RESET(PROTOCOL)", "--capture"),
    "no DATA is taken": (
        Deaf,
        NotADevice,
        "acknowledges none of",
        "ACK with `ack` 1",
    ),
    "the window stays 0": (
        added("<B", 9, -1, ACK, DATA, PONG),
        NotADevice,
        "its window stays 0",
        "`window` above 0",
    ),
    "data in another epoch": (
        added("<B", 8, 1, DATA),
        NotADevice,
        "DATA with epoch 1, not 0",
        "the host alone",
    ),
    "data from seq 1": (FromOne, NotADevice, "DATA with `seq` 0 is missing", "`seq` 0, again until"),
    "data from seq 1, in a window of one": (
        added("<H", 10, 1, DATA),
        NotADevice,
        "DATA with seq 1, not 0",
        "`seq` 0 first",
    ),
    "an ack that stays 0": (
        added("<H", 12, -1, ACK, DATA, PONG),
        NotADevice,
        "`ack` stays 0",
        "`ack` 1 in all",
    ),
    "an ack of what was never sent": (
        added("<H", 12, 1, ACK, DATA, PONG),
        NotADevice,
        "acknowledges frames that were never sent",
        "1 behind frame 0",
    ),
    "data far beyond the window": (
        added("<H", 10, 1_000, DATA),
        NotADevice,
        "DATA with seq 1000, not 0",
        "`seq` 0 first",
    ),
    "no preamble": (NoPreamble, NotADevice, "took our preamble, and sent none", "32 bytes of DATA"),
    "half a preamble": (HalfPreamble, NotADevice, "20 of the 32 bytes", "32 bytes of DATA"),
    "no session": (NoSession, NotADevice, "the session was not made", "right behind its preamble"),
    "no session.info": (NoInfo, NotADevice, "no session.info came", "session.info"),
}


def meet(made: Smallest, capture: Path | None = None) -> BwcError:
    async def main() -> BwcError:
        world = World(entropy=random.Random(1).randbytes, workers=InlineWorkers())
        with pytest.raises(BwcError) as caught:
            await connect(Port(made), world=world, capture=capture, allow_insecure=True)
        return caught.value

    return run_virtual(main())


@pytest.mark.parametrize(("make", "kind", "rule", "next_"), DEVICES.values(), ids=DEVICES.keys())
def test_each_fault_is_named_with_what_has_to_come_next(
    make: Callable[[], Smallest], kind: type[BwcError], rule: str, next_: str
) -> None:
    error = meet(make())
    said = f"{type(error).__name__}: {error} try: {error.advice}"
    assert isinstance(error, kind) and not isinstance(error, DeviceLost), said
    assert rule in error.rule, said
    assert next_ in error.advice, said
    assert "cable" not in error.advice
    assert error.seen is not None
    assert error.seen.link.bytes_in > 0
    json.dumps(error.seen.plain())


def decoded(make: Callable[[], Smallest], tmp_path: Path) -> list[Decoded]:
    path = tmp_path / "wire.jsonl"
    meet(make(), path)
    return list(decode_file(path))


def test_a_capture_shows_what_control_frames_carry(tmp_path: Path) -> None:
    found = decoded(Resets, tmp_path)
    hello = next(one for one in found if one.name == "HELLO")
    ack = next(one for one in found if one.name == "HELLO_ACK")
    reset = next(one for one in found if one.name == "RESET" and one.sender == "device")
    assert ack.fields["host_nonce"] == hello.fields["host_nonce"]
    assert (ack.fields["max_payload"], ack.fields["window"]) == (244, 1)
    assert (reset.fields["reason"], reset.fields["retry_after_ms"]) == ("PROTOCOL", 0)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("CRC of zlib", DiscardReason.HEADER_CRC),
        ("payload CRC over the payload alone", DiscardReason.PAYLOAD_CRC),
        ("wrong host_nonce", DiscardReason.STALE_LINK),
        ("data in another epoch", DiscardReason.STALE_EPOCH),
        ("data far beyond the window", DiscardReason.OUT_OF_WINDOW),
        ("a HELLO_ACK that is too short", DiscardReason.MALFORMED),
    ],
)
def test_a_capture_shows_what_was_refused_and_why(name: str, reason: DiscardReason, tmp_path: Path) -> None:
    make, _, rule, _ = DEVICES[name]
    refused = [one for one in decoded(make, tmp_path) if one.layer == "refused"]
    assert {one.fields["reason"] for one in refused} == {reason.name.lower()}
    assert any(rule.removesuffix(", not ") in one.problem for one in refused), refused


def test_a_capture_shows_bytes_that_are_no_frame(tmp_path: Path) -> None:
    found = decoded(DEVICES["sync the wrong way round"][0], tmp_path)
    noise = [one for one in found if one.name == "?"]
    assert noise and noise[0].fields["begins"].startswith("57b3")


# Devices that break a rule, and are understood all the same


def noted(make: Callable[[], Smallest]) -> tuple[dict[str, int], Counters]:
    async def main() -> Counters:
        world = World(entropy=random.Random(1).randbytes, workers=InlineWorkers())
        camera = await connect(Port(make()), world=world, allow_insecure=True)
        await camera.device.identify()
        await asyncio.sleep(3.0)  # in which the host asks for signs of life
        await camera.device.identify()
        await camera.close()
        return camera.counters

    counted = run_virtual(main())
    return {one.rule: one.count for one in remarks_on(counted)}, counted


class NoClose(Smallest):
    """It does not answer CLOSE."""

    def _record(self, kind: int, body: bytes) -> None:
        if kind != 3:
            super()._record(kind, body)


class LateAck(Half):
    """Its first ACK says that nothing came."""

    def bend(self, kind: int, header: bytearray, payload: bytes) -> bytes | None:
        if kind == ACK and struct.unpack_from("<H", header, 12)[0] == 1:
            return field("<H", 12, 0)(kind, header, payload)
        return bytes(header) + payload


class OnlyData(Half):
    """It sends no ACK, and its first DATA says that nothing came."""

    def bend(self, kind: int, header: bytearray, payload: bytes) -> bytes | None:
        if kind == ACK:
            return None
        if kind == DATA and struct.unpack_from("<H", header, 12)[0] == 1:
            return field("<H", 12, 0)(kind, header, payload)
        return bytes(header) + payload


def test_a_sound_device_gets_no_remark() -> None:
    assert noted(Smallest)[0] == {}


@pytest.mark.parametrize(
    ("make", "remark", "counter"),
    [
        (NoClose, "CLOSE of the session was not answered", lambda c: c.closes_unanswered),
        (LateAck, "`ack` stayed 0", lambda c: c.channel.missing_acks),
        (OnlyData, "`ack` stayed 0", lambda c: c.channel.missing_acks),
        (
            only(ACK, lambda k, h, p: field("<H", 12, struct.unpack_from("<H", h, 12)[0] + 1)(k, h, p)),
            "frames that were never sent",
            lambda c: c.channel.early_acks,
        ),
        (only(PONG, field("<B", 2, 0x10 | ACK)), "no PING was answered", lambda c: c.link.pings),
        (
            only(PONG, field("<H", 10, 0)),
            "did not echo the `seq`",
            lambda c: c.channel.unnumbered_pongs,
        ),
    ],
    ids=["no CLOSE", "ack stays 0", "data says ack 0", "ack off by one", "no PONG", "no number in PONG"],
)
def test_what_breaks_a_rule_without_harm_is_a_remark_and_a_count(
    make: Callable[[], Smallest], remark: str, counter: Callable[[Counters], int]
) -> None:
    rules, counted = noted(make)
    (rule,) = [rule for rule in rules if remark in rule]
    assert rules[rule] == counter(counted) > 0
