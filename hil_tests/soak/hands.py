"""Who docks a device and takes it out again: a simulator of this process, the bench's actuators, or nobody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from bwc_sdk.host.world import utc_ns
from bwc_sdk.transport import Transport
from bwc_sdk.transport.uri import DeviceUri
from hil_tests.actuators.actuator import Cut, Move, NoSuchActuator
from hil_tests.soak.draw import Drawn

if TYPE_CHECKING:
    from firmware_sim.camera.camera import SimCamera
    from hil_tests.actuators.at_device import Actuators

OFF_S: Final = 5.0
"""How long a device on a bench is away: longer than a link takes to be given up."""
RECORD: Final = "button_record"


class Hands(Protocol):
    """Takes a device away for a shift, and brings it back."""

    skipped_s: float
    """How far the device's time is ahead of the host's."""
    moved: list[str]
    """What was moved, and what it cut."""

    @property
    def docking(self) -> str:
        """How it is taken out and put back, in words, for the report."""

    async def away(self, drawn: Drawn) -> None:
        """Takes the device out, and lets its shift pass."""

    async def back(self, drawn: Drawn) -> None:
        """Puts it into the dock."""

    def line(self, faults: str) -> str | Transport:
        """The way to the device, with these faults on it where there can be any."""

    def close(self) -> None:
        """Leaves the device as it stands."""


# A simulator of this process


POST_EVENT_S: Final = 120
"""Longer than any post-event footage that can be configured takes: the recording is closed by then."""
OPTIONS: Final = (
    "seed",
    "recordings",
    "mib",
    "personality",
    "defect",
    "insecure",
    "sealed",
    "state",
    "minor",
)
DEFAULT_MIB: Final = 1
CHUNK_BYTES: Final = 65_536
"""Sixteen in a recording of a MiB, so that an offload can be stopped in its middle."""


class SimHands:
    """A simulated camera, whose shifts pass in no time."""

    docking = "a simulator: taken out of its dock, worn for a shift that passes at once, and put back"

    def __init__(self, camera: SimCamera, *, seed: int, skipped_s: float = 0.0) -> None:
        self.camera = camera
        self.skipped_s = skipped_s
        self.moved: list[str] = []
        self._seed = seed

    @classmethod
    def of(cls, uri: DeviceUri, folder: Path, *, seed: int, skipped_s: float) -> SimHands:
        """The camera of a `sim:` URI; it lives on in `folder`, unless `state` names another directory. Raises
        `InvalidUri`, `ValueError` for what it cannot be, and `StateError`."""
        from bwc_protocol.lab.directory import open_lab
        from bwc_protocol.session.preamble import PROTECTED_SINCE
        from firmware_sim.defects import DEFECTS, defect_named
        from firmware_sim.personalities import PERSONALITIES
        from firmware_sim.ports.memory import version_of
        from firmware_sim.scenarios import MIB_MAX, RECORDINGS_MAX, make_camera

        uri.allow(*OPTIONS)
        speaks = version_of(uri)
        insecure = uri.option("insecure", 0, low=0, high=1) or speaks < PROTECTED_SINCE
        personality, defect = uri.options.get("personality", ""), uri.options.get("defect", "")
        if (personality and personality not in PERSONALITIES) or (defect and defect not in DEFECTS):
            raise ValueError(f"{uri}: no such personality or defect; 'bwc sim' shows them")
        camera = make_camera(
            seed=uri.option("seed", 0, low=0, high=0xFFFF_FFFF),
            recordings=uri.option("recordings", 0, low=0, high=RECORDINGS_MAX),
            mib=uri.option("mib", DEFAULT_MIB, low=1, high=MIB_MAX),
            chunk_bytes=CHUNK_BYTES,
            state=Path(uri.options.get("state", folder / "device")),
            utc_ns=utc_ns() + round(skipped_s * 1e9),
            agency=None if insecure else open_lab().agency,
            sealed=bool(uri.option("sealed", 1, low=0, high=1)),
            speaks=speaks,
        )
        if personality:
            PERSONALITIES[personality](camera)
        if defect:
            defect_named(defect, station=False).put(camera)
        return cls(camera, seed=seed, skipped_s=skipped_s)

    async def away(self, drawn: Drawn) -> None:
        camera = self.camera
        camera.time.follow(asyncio.get_running_loop())
        if not camera.awake():
            self._pass(POST_EVENT_S)  # it was rebooting
        if camera.docked:
            camera.undock()
            self.moved.append("undocked")
        for seconds in drawn.recordings_s:
            camera.wearer.start()
            self._pass(seconds)
            camera.wearer.stop()
            self._pass(POST_EVENT_S)
        self._pass(max(0, drawn.away_s - sum(drawn.recordings_s)))

    async def back(self, drawn: Drawn) -> None:
        self.camera.dock()
        self.moved.append("docked")
        self._pass(drawn.docked_s)

    def line(self, faults: str) -> Transport:
        from firmware_sim.faults.plan import FaultPlan
        from firmware_sim.ports.memory import MemoryTransport

        plan = FaultPlan.parse(faults, self._seed) if faults else None
        return MemoryTransport(self.camera, faults=plan)

    def close(self) -> None:
        self.camera.close()

    def _pass(self, seconds: float) -> None:
        self.camera.time.skip(seconds)
        self.skipped_s += seconds
        self.camera.awake()
        self.camera.settle()


# On a bench


@dataclass
class BenchHands:
    """A device by its URI, and what the bench has to move it by."""

    uri: str
    actuators: Actuators | None = None
    skipped_s: float = 0.0
    moved: list[str] = field(default_factory=list)
    _names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.actuators is None:
            return
        try:
            self._names = tuple(one.name for one in self.actuators.that_cut((Cut.VBUS,)))
        except NoSuchActuator:
            self._names = tuple(
                one.name for one in self.actuators if one.cuts == {Cut.DATA} and one.can(Move.OFF)
            )[:1]

    @property
    def docking(self) -> str:
        """How it is taken out and put back."""
        if self.actuators is None or not self._names:
            return "no actuator: the link is closed, and the device stays where it is"
        return f"by {' and '.join(str(self.actuators.of(name)) for name in self._names)}"

    async def away(self, drawn: Drawn) -> None:
        there = self.actuators
        if there is None:
            return
        for name in self._names:
            await asyncio.to_thread(there.off, name)
        if RECORD in there:
            await asyncio.to_thread(there.press, RECORD)
        if self._names:
            await asyncio.sleep(OFF_S)
        self._tell()

    async def back(self, drawn: Drawn) -> None:
        if self.actuators is None:
            return
        for name in reversed(self._names):
            await asyncio.to_thread(self.actuators.on, name)
        self._tell()

    def line(self, faults: str) -> str:
        return self.uri

    def close(self) -> None:
        if self.actuators is not None:
            self.actuators.restore()

    def _tell(self) -> None:
        assert self.actuators is not None
        self.moved += self.actuators.moved
        self.actuators.moved.clear()
