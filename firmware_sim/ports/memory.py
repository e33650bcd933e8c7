"""A camera in this process: `sim:?seed=7&recordings=3`, and the transport to a camera that a test made.

The transport has the shape that the SDK asks of one (`Transport`), and imports nothing of it: the simulator is
reached as any third party's transport is.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from firmware_sim.camera import SimCamera
from firmware_sim.faults import FaultCount, FaultPlan
from firmware_sim.footage import FootageUnavailable
from firmware_sim.making import MIB_MAX, RECORDINGS_MAX, Footage, make_camera
from firmware_sim.personalities import PERSONALITIES
from firmware_sim.pipe import PipeUser
from firmware_sim.ports.lane import Lane
from firmware_sim.serving import attach
from firmware_sim.state_dir import StateError

MAX_PAYLOAD: Final = 61_440
UART_PAYLOAD: Final = 1_024
DEFAULT_RECORDINGS: Final = 3
UART_RATE: Final = 1_000_000.0
"""Below this many bytes a second a line is taken for a UART."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the host's link has to know of the pipe."""

    max_payload: int
    dead_after_s: float = 5.0
    initial_rate: float = 32_768.0


class HostEnd(Protocol):
    """The host's receiver, as far as a transport calls it."""

    def received(self, data: bytes | memoryview) -> None: ...

    def lost(self, error: Exception) -> None: ...

    def writable(self) -> None: ...


class MemoryTransport:
    """A byte pipe to `camera`. It may be opened again after it was closed or lost; each time is a fresh pipe.

    `rate` in bytes/s slows it down to a line (11520 is a UART at 115,200 baud), `piece` delivers at most so many
    bytes at once, `faults` is played on it. Without them it is as fast as the processor.
    """

    def __init__(
        self,
        camera: SimCamera,
        *,
        faults: FaultPlan | FaultCount | None = None,
        rate: float | None = None,
        piece: int | None = None,
        name: str = "sim:",
    ) -> None:
        slow = rate is not None and rate < UART_RATE
        self.name = name
        self.camera = camera
        self.limits = Limits(UART_PAYLOAD if slow else MAX_PAYLOAD)
        if rate is not None:
            self.limits = Limits(self.limits.max_payload, initial_rate=rate)
        self._faults = FaultCount(faults) if isinstance(faults, FaultPlan) else faults
        self._rate = rate
        self._piece = piece
        self._pipe: _Pipe | None = None

    async def open(self, receiver: HostEnd) -> None:
        """Plugs the camera in."""
        pipe = self._pipe = _Pipe(receiver, self.limits.max_payload, self._rate, self._piece)
        pipe.user = attach(self.camera, pipe, self.name, self._faults)

    def room(self) -> int:
        """Bytes that `write` takes without delay."""
        return self._pipe.to_device.room() if self._pipe is not None else 0

    def write(self, parts: list[bytes]) -> None:
        """Queues bytes for the device."""
        if self._pipe is not None:
            self._pipe.to_device.push(parts)

    async def close(self) -> None:
        """The host lets go; what it sent before still arrives."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe.leave()
            await asyncio.sleep(0)

    def unplug(self) -> None:
        """Pulls the cable: both ends lose the pipe, and what was under way."""
        if self._pipe is not None:
            self._pipe.pull()


class _Pipe:
    """The device's end, and the two directions."""

    def __init__(self, receiver: HostEnd, max_payload: int, rate: float | None, piece: int | None) -> None:
        loop = asyncio.get_running_loop()
        self.max_payload = max_payload
        self.user: PipeUser | None = None
        self._receiver: HostEnd | None = receiver
        self._loop = loop
        self.to_host = Lane(loop, self._at_host, self._device_writable, rate=rate, piece=piece)
        self.to_device = Lane(loop, self._at_device, self._host_writable, rate=rate, piece=piece)

    # For the port

    def room(self) -> int:
        return self.to_host.room()

    def write(self, parts: list[bytes]) -> None:
        self.to_host.push(parts)

    def restarted(self) -> None:
        """As a USB device that vanishes from the bus: what it sent last still arrives."""
        self.to_device.break_off()
        self.to_host.end(lambda: self._tell_host("the device vanished"))
        self._lose()

    def pull(self) -> None:
        self.to_device.break_off()
        self.to_host.break_off()
        self._loop.call_soon(self._tell_host, "the cable was pulled")
        self._lose()

    # For the host

    def leave(self) -> None:
        """The host closes: what it sent arrives, what comes is nobody's."""
        self._receiver = None
        self.to_host.break_off()
        self.to_device.end(self._lose)

    def _lose(self) -> None:
        user, self.user = self.user, None
        if user is not None:
            user.lost()

    def _tell_host(self, why: str) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.lost(ConnectionResetError(why))

    # Between the directions and the ends

    def _at_host(self, data: bytes) -> None:
        if self._receiver is not None and data:
            self._receiver.received(data)

    def _at_device(self, data: bytes) -> None:
        if self.user is not None and data:
            self.user.received(data)

    def _device_writable(self) -> None:
        if self.user is not None:
            self.user.writable()

    def _host_writable(self) -> None:
        if self._receiver is not None:
            self._receiver.writable()


# By URI


class Uri(Protocol):
    """A parsed device URI, as far as it is asked here."""

    options: dict[str, str]

    def allow(self, *keys: str) -> None: ...

    def option(self, key: str, default: int, *, low: int, high: int) -> int: ...


@dataclass(frozen=True, slots=True)
class _DeviceKey:
    """What tells one camera of this process from another."""

    seed: int
    recordings: int
    mib: int
    footage: Footage
    state: str
    faults: str
    personality: str


_made: dict[_DeviceKey, tuple[SimCamera, FaultCount]] = {}
"""The cameras of this process, and how far their fault plans have come."""


def open_sim(uri: Uri) -> MemoryTransport:
    """The transport to the camera that a `sim:` URI names. The same options reach the same camera again, for as
    long as the process lives.

    `seed`, `recordings` (3), `mib`, `footage=real|synthetic`, `state=DIR`, `faults=PLAN` and `personality=NAME`
    make the camera; `rate` (bytes/s) and `piece` (bytes) the line to it. Raises `ValueError` for what they cannot
    be, also for a state directory that cannot be used, and `ImportError` without the extra that makes footage.
    """
    uri.allow("seed", "recordings", "mib", "footage", "state", "faults", "personality", "rate", "piece")
    options = uri.options
    key = _DeviceKey(
        seed=uri.option("seed", 0, low=0, high=0xFFFF_FFFF),
        recordings=uri.option("recordings", DEFAULT_RECORDINGS, low=0, high=RECORDINGS_MAX),
        mib=uri.option("mib", 0, low=0, high=MIB_MAX),
        footage=Footage(options.get("footage", Footage.REAL.value)),
        state=options.get("state", ""),
        faults=options.get("faults", ""),
        personality=options.get("personality", ""),
    )
    if key.personality and key.personality not in PERSONALITIES:
        raise ValueError(f"no personality {key.personality!r}; known: {', '.join(PERSONALITIES)}")
    plan = FaultPlan.parse(key.faults, key.seed)
    rate = uri.option("rate", 0, low=0, high=10_000_000_000)
    piece = uri.option("piece", 0, low=0, high=MAX_PAYLOAD)
    if key not in _made:
        _made[key] = _make(key, plan), FaultCount(plan)
    camera, count = _made[key]
    name = f"sim:?seed={key.seed}"
    return MemoryTransport(camera, faults=count, rate=rate or None, piece=piece or None, name=name)


def _make(key: _DeviceKey, plan: FaultPlan) -> SimCamera:
    try:
        camera = make_camera(
            seed=key.seed,
            recordings=key.recordings,
            mib=key.mib or None,
            footage=key.footage,
            state=Path(key.state) if key.state else None,
            faults=plan,
        )
    except FootageUnavailable as error:
        raise ImportError(str(error)) from error
    except StateError as error:
        raise ValueError(str(error)) from error
    if key.personality:
        PERSONALITIES[key.personality](camera)
    return camera


def forget_sims() -> None:
    """Ends all cameras that URIs made in this process."""
    while _made:
        _, (camera, _) = _made.popitem()
        camera.close()
