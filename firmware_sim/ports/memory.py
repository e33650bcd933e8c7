"""A camera in this process: `sim:?seed=7&recordings=3`, and the transport to a camera that a test made.

The transport has the shape that the SDK asks of one (`Transport`), and imports nothing of it: the simulator is
reached as any third party's transport is.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from bwc_protocol.lab.directory import LabUnusable, open_lab
from bwc_protocol.messages.station import BAYS_MAX
from bwc_protocol.session.preamble import PROTECTED_SINCE
from bwc_protocol.versions import NEWEST, OLDEST, Version
from firmware_sim.camera.camera import SimCamera
from firmware_sim.defects import DEFECTS, defect_named
from firmware_sim.device.trust.kept import Agency
from firmware_sim.faults.arming import arm
from firmware_sim.faults.plan import FaultCount, FaultPlan
from firmware_sim.faults.reading import read_faults
from firmware_sim.faults.speed import Speed, speed
from firmware_sim.flash.flash import StateError
from firmware_sim.footage.mp4 import FootageUnavailable
from firmware_sim.personalities import PERSONALITIES
from firmware_sim.scenarios import MIB_MAX, RECORDINGS_MAX, Footage, make_camera, make_station
from firmware_sim.serving.attach import attach
from firmware_sim.serving.memory_pipe import HostEnd, MemoryPipe
from firmware_sim.state.directory import StateOfBefore
from firmware_sim.station.station import SimStation

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
    initial_rate: float = 8_192.0
    footage_rate: float | None = None


class MemoryTransport:
    """A byte pipe to `camera`, which may be a station. It may be opened again after it was closed or lost; each time
    is a fresh pipe.

    `rate` in bytes/s slows it down to a line (11520 is a UART at 115,200 baud), `piece` delivers at most so many
    bytes at once, `link` makes it a line of a kind in both directions, with its latency; `faults` is played on it.
    Without them it is as fast as the processor.
    """

    def __init__(
        self,
        camera: SimCamera | SimStation,
        *,
        faults: FaultPlan | FaultCount | None = None,
        rate: float | None = None,
        piece: int | None = None,
        link: Speed | None = None,
        name: str = "sim:",
    ) -> None:
        slow = rate is not None and rate < UART_RATE
        self.name = name
        self.camera = camera
        self.limits = Limits(UART_PAYLOAD if slow else MAX_PAYLOAD)
        if rate is not None:
            self.limits = Limits(self.limits.max_payload, initial_rate=rate)
        if link is not None:
            self.limits = Limits(link.max_payload or MAX_PAYLOAD, initial_rate=link.rate)
        self._faults = FaultCount(faults) if isinstance(faults, FaultPlan) else faults
        if link is not None:
            self._faults = (self._faults or FaultCount(FaultPlan.parse(""))).on(link)
        self._rate = rate
        self._piece = piece
        self._pipe: MemoryPipe | None = None
        self._free_at = 0.0  # when the line has carried what the last host sent

    async def open(self, receiver: HostEnd) -> None:
        """Plugs the device in."""
        if isinstance(self.camera, SimStation):
            await self.camera.start()
        pipe = self._pipe = MemoryPipe(
            receiver, self.limits.max_payload, self._rate, self._piece, self._free_at
        )
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
            self._free_at = pipe.to_device.drained_at
            pipe.leave()
            await asyncio.sleep(0)

    def unplug(self) -> None:
        """Pulls the cable: both ends lose the pipe, and what was under way."""
        if self._pipe is not None:
            self._pipe.pull()


# By URI


class Uri(Protocol):
    """A parsed device URI, as far as it is asked here."""

    @property
    def address(self) -> str: ...
    @property
    def options(self) -> Mapping[str, str]: ...

    def __str__(self) -> str: ...

    def allow(self, *keys: str) -> None: ...

    def option(self, key: str, default: int, *, low: int, high: int) -> int: ...


@dataclass(frozen=True, slots=True)
class _DeviceKey:
    """What tells one device of this process from another."""

    seed: int
    recordings: int
    mib: int
    footage: Footage
    state: str
    faults: str
    personality: str
    defect: str
    station: int
    insecure: bool
    enrolled: bool
    sealed: bool
    speaks: Version


_made: dict[_DeviceKey, tuple[SimCamera | SimStation, FaultCount]] = {}
"""The devices of this process, and how far their fault plans have come."""


def open_sim(uri: Uri) -> MemoryTransport:
    """The transport to the camera that a `sim:` URI names. The same options reach the same camera again, for as
    long as the process lives.

    `seed`, `recordings` (3), `mib`, `footage=real|synthetic`, `state=DIR`, `faults=PLAN`, `personality=NAME` and
    `defect=NAME` make the camera, `station=BAYS` a docking station with such a camera in each bay; `rate` (bytes/s)
    and `piece` (bytes), or `link=usb-hs` (`faults.speed`), make the line to it. It belongs to the lab
    (`bwc_protocol.lab`), or with `enrolled=0` to no agency yet; with `sealed=0` it has no evidence recipients, and its
    footage is not encrypted; `insecure=1` is one with development firmware. `minor=0` has it speak version 1.0 of the
    protocol, and know no more: before 1.2 there is only the insecure session. Raises `ValueError` for what they cannot
    be, also for a state directory or a fault plan that cannot be used, and `ImportError` without the extra that makes
    footage.
    """
    uri.allow(
        "seed", "recordings", "mib", "footage", "state", "faults", "personality", "defect", "station", "insecure",
        "enrolled", "sealed", "minor", "rate", "piece", "link",
    )  # fmt: skip
    if uri.address:
        raise ValueError(f"a simulator of this process has no address {uri.address!r}: write sim:?seed=7")
    options = uri.options
    enrolled = bool(uri.option("enrolled", 1, low=0, high=1))
    speaks = version_of(uri)
    key = _DeviceKey(
        seed=uri.option("seed", 0, low=0, high=0xFFFF_FFFF),
        recordings=uri.option(
            "recordings", DEFAULT_RECORDINGS if enrolled else 0, low=0, high=RECORDINGS_MAX
        ),
        mib=uri.option("mib", 0, low=0, high=MIB_MAX),
        footage=Footage(options.get("footage", Footage.REAL.value)),
        state=options.get("state", ""),
        faults=options.get("faults", ""),
        personality=options.get("personality", ""),
        defect=options.get("defect", ""),
        station=uri.option("station", 0, low=1, high=BAYS_MAX),
        insecure=bool(uri.option("insecure", 0, low=0, high=1)) or speaks < PROTECTED_SINCE,
        enrolled=enrolled,
        sealed=bool(uri.option("sealed", 1, low=0, high=1)),
        speaks=speaks,
    )
    if key.personality and key.personality not in PERSONALITIES:
        raise ValueError(f"no personality {key.personality!r}; known: {', '.join(PERSONALITIES)}")
    if key.defect:
        defect_named(key.defect, station=bool(key.station))
    try:
        plan = read_faults(key.faults, key.seed)
    except OSError as error:
        raise ValueError(f"the fault plan {key.faults} cannot be read: {error.strerror}") from error
    rate = uri.option("rate", 0, low=0, high=10_000_000_000)
    piece = uri.option("piece", 0, low=0, high=MAX_PAYLOAD)
    link = speed(options["link"]) if "link" in options else None
    if key not in _made:
        _made[key] = _make(key, plan), FaultCount(plan)
    device, count = _made[key]
    arm(count, device)
    return MemoryTransport(
        device, faults=count, rate=rate or None, piece=piece or None, link=link, name=str(uri)
    )


def version_of(uri: Uri) -> Version:
    """The newest version of the protocol that the device of a `sim:` URI speaks. Raises what `option` raises."""
    return NEWEST[0], uri.option("minor", NEWEST[1], low=OLDEST[1], high=NEWEST[1])


def _make(key: _DeviceKey, plan: FaultPlan) -> SimCamera | SimStation:
    device: SimCamera | SimStation
    try:
        if key.station:
            device = make_station(
                key.station,
                seed=key.seed,
                recordings=key.recordings,
                mib=key.mib or None,
                footage=key.footage,
                state=Path(key.state) if key.state else None,
                faults=plan,
                agency=_agency(key),
                enrolled=key.enrolled,
                sealed=key.sealed,
                speaks=key.speaks,
            )
        else:
            device = _make_camera(key, plan)
    except FootageUnavailable as error:
        raise ImportError(str(error)) from error
    except (StateError, LabUnusable, OSError) as error:
        advice = f"; {error.advice}" if isinstance(error, StateOfBefore) else ""
        raise ValueError(f"{error}{advice}") from error
    if key.personality:
        for camera in device.cameras():
            PERSONALITIES[key.personality](camera)
    if key.defect:
        DEFECTS[key.defect].put(device)
    return device


def _make_camera(key: _DeviceKey, plan: FaultPlan) -> SimCamera:
    return make_camera(
        seed=key.seed,
        recordings=key.recordings,
        mib=key.mib or None,
        footage=key.footage,
        state=Path(key.state) if key.state else None,
        faults=plan,
        agency=_agency(key),
        enrolled=key.enrolled,
        sealed=key.sealed,
        speaks=key.speaks,
    )


def _agency(key: _DeviceKey) -> Agency | None:
    """Whose the device is: the lab's, unless it has development firmware."""
    return None if key.insecure else open_lab().agency


def forget_sims() -> None:
    """Ends all devices that URIs made in this process."""
    while _made:
        _, (device, _) = _made.popitem()
        device.close()
