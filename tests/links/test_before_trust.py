"""All that a device answers to whoever has not authenticated: this list, whatever comes, and nobody is shut out."""

from __future__ import annotations

import asyncio
import gc
import random
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from bwc_protocol.conversation.endings import LINGER_S
from bwc_protocol.declare import Role
from bwc_protocol.frame import (
    MAX_PAYLOAD,
    Bye,
    Frame,
    FrameParser,
    FrameType,
    Hello,
    Reset,
    ResetReason,
    encode_frame,
)
from bwc_protocol.link.channel import FIRST_EPOCH
from bwc_protocol.session.preamble import SIZE, TLS_1_3, Preamble
from bwc_protocol.vocabulary import PeerKind
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CAMERA_MAKE
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual
from tests.tiers import seeds
from tools.testkit.every_link import Way
from tools.testkit.identity_files import host_identity, secure_camera
from tools.testkit.secure_ends import agency

HOME = agency("Harbour Police")
SHOWN = HOME.device(serial="SIM-00000003")
PREAMBLE = Preamble(kind=PeerKind.HOST, protection=TLS_1_3, max_plaintext=65_536, random=bytes(range(16)))
OPEN = Preamble(kind=PeerKind.HOST, max_plaintext=65_536, random=bytes(range(16)))
ROUNDS = 60
OPENED = (FIRST_EPOCH + 1) & 0xFF
"""The epoch of the first opening."""
A_WHILE_S = LINGER_S + 0.5
BETWEEN_S = 0.05
"""The device has answered what came before."""
REFILLED_S = 120.0
"""Handshakes may fail again as at first."""


@pytest.fixture
def camera() -> Iterator[SimCamera]:
    made = secure_camera(HOME, SHOWN)
    yield made
    made.close()


class Prober:
    """Somebody on the pipe of a camera who says frames, good or bad, and keeps what comes."""

    def __init__(self, camera: SimCamera) -> None:
        self._pipe = MemoryTransport(camera)
        self._parser = FrameParser(MAX_PAYLOAD)
        self._seq = 0
        self.link = 0
        self.frames: list[Frame] = []
        self.came = bytearray()

    async def open(self) -> Prober:
        await self._pipe.open(self)
        return self

    async def close(self) -> None:
        await self._pipe.close()

    def received(self, data: bytes | memoryview) -> None:
        self.came += data
        self.frames += self._parser.feed(bytes(data), 0.0)

    def writable(self) -> None: ...

    def lost(self, error: Exception) -> None: ...

    def write(self, data: bytes) -> None:
        self._pipe.write([data])

    def say(self, type: FrameType, payload: bytes = b"", **fields: Any) -> None:
        known = {"channel": 0, "link": self.link, "epoch": OPENED, "window": 32}
        self.write(encode_frame(Frame(type, payload=payload, **(known | fields))))

    def data(self, payload: bytes, **fields: Any) -> None:
        self.say(FrameType.DATA, payload, **({"seq": self._seq} | fields))
        self._seq += 1

    async def hello(self, nonce: int = 7, **fields: Any) -> None:
        """Asks for a link, and takes it."""
        offer = {"max_payload": MAX_PAYLOAD, "lowest": 1, "highest": 1, "max_window": 32} | fields
        self.say(FrameType.HELLO, Hello(host_nonce=nonce, **offer).encode(), link=0, epoch=0)
        await asyncio.sleep(0.01)
        for frame in self.frames:
            if frame.type is FrameType.HELLO_ACK:
                self.link, self._seq = frame.link, 0

    def answers(self) -> list[str]:
        """What came, by its kind, in the order in which kinds came first."""
        found: list[str] = []
        streams: dict[tuple[int, int], bytes] = {}
        seen: set[tuple[int, int, int]] = set()
        for frame in self.frames:
            match frame.type:
                case FrameType.RESET:
                    found.append(f"RESET({Reset.decode(frame.payload).reason.name})")
                case FrameType.BYE:
                    found.append(f"BYE({Bye.decode(frame.payload).reason.name})")
                case FrameType.DATA:
                    place = frame.link, frame.epoch, frame.seq
                    if place not in seen:
                        seen.add(place)
                        streams[place[:2]] = streams.get(place[:2], b"") + frame.payload
                        found.append(f"stream {place[0]} {place[1]}")
                case _:
                    found.append(frame.type.name)
        whole: list[str] = []
        for one in dict.fromkeys(found):
            if one.startswith("stream "):
                link, epoch = map(int, one.split()[1:])
                whole += said_in(streams[link, epoch])
            else:
                whole.append(one)
        return list(dict.fromkeys(whole))


def said_in(stream: bytes) -> list[str]:
    """What a device says on a channel: its preamble, and records of TLS by their type."""
    found = []
    if stream:
        assert Preamble.decode(stream[:SIZE]).protection == TLS_1_3
        found.append("preamble")
    at = SIZE
    while at < len(stream):
        kind, length = stream[at], int.from_bytes(stream[at + 3 : at + 5], "big")
        assert stream[at + 1] == 3, stream[at : at + 8].hex()
        found.append({20: "change of cipher", 21: "alert", 22: "ClientHello"}[kind])
        assert kind != 22 or stream[at + 5] == 1, "of handshakes in the open the hello alone"
        at += 5 + length
    assert at in (SIZE, len(stream)) or not stream
    return found


async def _linked(prober: Prober) -> None:
    await prober.hello()


async def _opened(prober: Prober) -> None:
    await prober.hello()
    prober.data(PREAMBLE.encode())


def _saying(
    first: Callable[[Prober], Awaitable[None]], *payloads: bytes
) -> Callable[[Prober], Awaitable[None]]:
    async def say(prober: Prober) -> None:
        await first(prober)
        for payload in payloads:
            await asyncio.sleep(BETWEEN_S)
            prober.data(payload)

    return say


def _frame(
    first: Callable[[Prober], Awaitable[None]], type: FrameType, payload: bytes = b"", **fields: Any
) -> Callable[[Prober], Awaitable[None]]:
    async def say(prober: Prober) -> None:
        await first(prober)
        await asyncio.sleep(BETWEEN_S)
        prober.say(type, payload, **fields)

    return say


async def _nothing(prober: Prober) -> None:
    """Says nothing."""


async def _noise(prober: Prober) -> None:
    prober.write(random.Random(1).randbytes(5_000))


async def _no_version(prober: Prober) -> None:
    await prober.hello(lowest=9, highest=9)


ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
UP = ["HELLO_ACK"]
HELLO = ["preamble", "ClientHello"]
ANSWERS: dict[str, tuple[Callable[[Prober], Awaitable[None]], list[str]]] = {
    "nothing": (_nothing, []),
    "noise": (_noise, []),
    "HELLO": (_linked, UP),
    "HELLO of another version": (_no_version, ["BYE(VERSION)"]),
    "DATA without a link": (_frame(_nothing, FrameType.DATA, b"x", link=77), ["BYE(UNKNOWN_LINK)"]),
    "PING": (_frame(_linked, FrameType.PING), [*UP, "PONG"]),
    "a bay of a camera": (_frame(_linked, FrameType.DATA, b"x", channel=5), [*UP, "RESET(NO_DEVICE)"]),
    "a preamble": (_opened, [*UP, *HELLO]),
    "a preamble without protection": (_saying(_linked, OPEN.encode()), [*UP, "preamble"]),
    "no preamble": (_saying(_linked, b"GET / HTTP/1.1\r\n" * 4), [*UP, "RESET(PROTOCOL)"]),
    "no TLS": (_saying(_opened, b"GET / HTTP/1.1\r\n"), [*UP, *HELLO, "RESET(PROTOCOL)"]),
    "an alert": (_saying(_opened, ALERT), [*UP, *HELLO, "RESET(PROTOCOL)"]),
    "application data": (
        _saying(_opened, b"\x17\x03\x03\x00\x20" + bytes(32)),
        [*UP, *HELLO, "alert", "RESET(PROTOCOL)"],
    ),
    "RESET": (
        _frame(_opened, FrameType.RESET, Reset(reason=ResetReason.NORMAL).encode()),
        [*UP, *HELLO, "RESET(ANSWER)"],
    ),
}
"""All that can be said before authentication, and the whole answer to it; acknowledgements left out."""
EVER = {answer for _, answers in ANSWERS.values() for answer in answers} | {
    "ACK",
    "PONG",
    "BYE(PROTOCOL)",
    "BYE(NORMAL)",
    "BYE(SILENT)",
    "BYE(BUSY)",
    "RESET(BUSY)",
    "RESET(REFUSED)",
    "PING",
}


@pytest.mark.parametrize("what", ANSWERS)
def test_what_a_device_answers_before_it_knows_who_asks(what: str, camera: SimCamera) -> None:
    say, answers = ANSWERS[what]

    async def use() -> None:
        prober = await Prober(camera).open()
        await say(prober)
        await asyncio.sleep(A_WHILE_S)
        assert [one for one in prober.answers() if one not in ("ACK", "PING")] == answers
        assert not named(bytes(prober.came), camera)
        await prober.close()
        await good_host(camera)

    run_virtual(use())


def test_the_second_host_hears_that_it_is_busy_and_not_whose_it_is(camera: SimCamera) -> None:
    async def use() -> None:
        first, second = await Prober(camera).open(), await Prober(camera).open()
        await _opened(first)
        await second.hello(nonce=9)
        await asyncio.sleep(A_WHILE_S)
        assert second.answers() == ["BYE(BUSY)"]
        assert not named(bytes(second.came), camera)

    run_virtual(use())


def named(heard: bytes, camera: SimCamera) -> list[str]:
    """What tells which camera it is."""
    words = (camera.serial, CAMERA_MAKE.model, CAMERA_MAKE.firmware, HOME.name)
    return [word for word in words if word.encode() in heard]


async def good_host(camera: SimCamera) -> None:
    """A host of the agency is served, once those who failed have had their time."""
    camera.time.skip(REFILLED_S)

    async def pipe() -> MemoryTransport:
        return MemoryTransport(camera)

    way = Way("memory", camera, 0, pipe)
    host = await way.connect(await pipe(), host_identity(HOME, Role.TECHNICIAN), Role.TECHNICIAN)
    assert (await host.device.identify()).serial == camera.serial
    await host.close()


def strange(chance: random.Random, prober: Prober) -> None:
    """One thing that no good host says, or says then."""
    record = bytes([chance.choice([20, 21, 22, 23, chance.randrange(256)]), 3, chance.choice([1, 3])])
    body = chance.randbytes(chance.choice([0, 1, 2, 40, 600]))
    payloads = (
        record + len(body).to_bytes(2, "big") + body,
        record + chance.randbytes(2),
        PREAMBLE.encode()[: chance.randrange(1, SIZE + 1)],
        PREAMBLE.encode() + b"\x16\x03\x03\x00\x30\x02" + chance.randbytes(47),
        OPEN.encode(),
        chance.randbytes(chance.choice([1, 30, 4_000])),
    )
    match chance.randrange(6):
        case 0:
            prober.write(chance.randbytes(chance.choice([1, 24, 3_000])))
        case 1:
            fields = {"link": chance.choice([prober.link, 0, chance.getrandbits(32)])}
            fields |= {"channel": chance.choice([0, 0, 1, 64]), "epoch": chance.choice([0, 1, 2, 255])}
            kind = chance.choice(list(FrameType))
            prober.say(
                kind, chance.randbytes(chance.choice([0, 4, 12, 64])), seq=chance.getrandbits(4), **fields
            )
        case _:
            prober.data(chance.choice(payloads))


@pytest.mark.parametrize("seed", seeds(6))
def test_whatever_comes_before_authentication_is_answered_by_these_alone(
    seed: int, camera: SimCamera
) -> None:
    chance = random.Random(seed)

    async def use() -> set[str]:
        ever: set[str] = set()
        for _ in range(ROUNDS):
            prober = await Prober(camera).open()
            await prober.hello(nonce=chance.getrandbits(32))
            if chance.random() < 0.7:
                prober.data(PREAMBLE.encode())
            for _ in range(chance.randrange(1, 8)):
                strange(chance, prober)
                await asyncio.sleep(chance.choice([0.0, 0.01, 0.3]))
            await asyncio.sleep(0.05)
            assert not named(bytes(prober.came), camera)
            ever |= set(prober.answers())
            await prober.close()
            camera.time.skip(REFILLED_S)
        await good_host(camera)
        return ever

    found = run_virtual(use())
    assert found <= EVER, found - EVER
    assert {"HELLO_ACK", "preamble", "ClientHello", "RESET(PROTOCOL)"} <= found


def test_what_comes_before_authentication_is_kept_nowhere(camera: SimCamera) -> None:
    """Megabytes of it, on two hundred pipes."""

    async def flood(pipes: int) -> None:
        for number in range(pipes):
            prober = await Prober(camera).open()
            await prober.hello(nonce=number + 1)
            prober.data(PREAMBLE.encode())
            for _ in range(3):
                prober.data(b"\x16\x03\x03\x30\x00" + bytes(12_000))
            await asyncio.sleep(0.05)
            await prober.close()
            camera.time.skip(REFILLED_S)

    async def use() -> tuple[int, int]:
        await flood(5)
        gc.collect()
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            await flood(200)
            gc.collect()
            after, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        await good_host(camera)
        return after - before, peak - before

    kept, peak = run_virtual(use())
    assert kept < 100_000, "of seven megabytes"
    assert peak < 2_000_000
