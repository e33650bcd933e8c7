"""A station loses power at every operation of its flash: bays, numbers and log are what was told (spec: Station)."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from bwc_protocol.conversation import PeerInfo
from bwc_protocol.declare import ANYONE
from bwc_protocol.evidence import AUDIT_ROOT_SHA256
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.station import ReleaseBay, SwitchData, SwitchPower
from bwc_protocol.vocabulary import PeerKind
from firmware_sim.camera.camera import SimCamera
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.handlers import STATION
from firmware_sim.scenarios import make_camera
from firmware_sim.serving.bay_port import BayPort
from firmware_sim.station.session import StationSession
from firmware_sim.station.station import SimStation
from tests.tiers import seeds

NOON_NS = 1_800_014_400 * 1_000_000_000
OFF_NS = 60 * 1_000_000_000


class Ends:
    """In the place of a conversation."""

    def reply(self, request_id: int, reply: Any) -> None: ...

    def refuse(self, request_id: int, code: Any, detail: str = "", retry_after_ms: int = 0) -> None:
        raise AssertionError(code)

    def send_event(self, event: Any) -> None: ...


def ask(station: SimStation, request: Any) -> None:
    peer = PeerInfo(
        kind=PeerKind.HOST,
        identity="tester",
        roles=ANYONE,
        version=(1, 0),
        capabilities=0,
        boot_counter=0,
        firmware_sha256=bytes(32),
        secure=False,
    )
    StationSession(station, Ends(), peer, STATION).answer(1, request)


def heat(station: SimStation, at_dc: int) -> None:
    station.bays[1].heat_dc = at_dc
    station.settle()


def dock(station: SimStation, bay: int) -> None:
    station.dock(bay, make_camera(seed=bay, mib=1, utc_ns=NOON_NS))


STEPS: dict[str, Callable[[SimStation], object]] = {
    "dock": lambda s: dock(s, 1),
    "dock another": lambda s: dock(s, 2),
    "power off": lambda s: ask(s, SwitchPower(bay=2, on=False)),
    "data off": lambda s: ask(s, SwitchData(bay=2, on=False)),
    "too hot": lambda s: heat(s, 700),
    "cool": lambda s: heat(s, 200),
    "release": lambda s: ask(s, ReleaseBay(bay=1, incident=1)),
    "undock": lambda s: s.undock(1),
    "dock again": lambda s: dock(s, 1),
    "a minute passes": lambda s: (s.time.skip(61), s.settle()),
    "go down": lambda s: s.close(),
}

Bay = tuple[int, int, bool, bool, bool]
Told = tuple[int, list[Bay], list[Any]]


def told_by(station: SimStation) -> Told:
    bays = [
        (bay.docking, bay.incident, bay.power, bay.data, bay.quarantined) for bay in station.bays.values()
    ]
    last, _ = station.audit.head()
    return station.boot_counter, bays, list(station.audit.read(0, last).entries)


def made(flash: MemoryFlash, utc_ns: int = NOON_NS) -> SimStation:
    return SimStation(2, BayPort, seed=3, utc_ns=utc_ns, state=flash)


@pytest.fixture(scope="module")
def day() -> list[tuple[str, MemoryFlash, Told, Told]]:
    """Each operation: of which step, what the flash was, what was told before the step and is behind it."""
    flash, at = MemoryFlash(), list[tuple[str, MemoryFlash]]()
    doing = "boot"
    flash.before = lambda number, operation, name: at.append((f"{doing}: {operation} {name}", flash.copy()))
    found: list[tuple[str, MemoryFlash, Told, Told]] = []
    told: Told = (0, [], [])

    def passed() -> None:
        nonlocal told
        now = told_by(station)
        found.extend((step, image, told, now) for step, image in at)
        told = now
        at.clear()

    station = made(flash)
    passed()
    for step, act in STEPS.items():
        doing = step
        act(station)
        passed()
    return found


@pytest.mark.parametrize("seed", seeds(3))
def test_whenever_the_power_goes_what_was_told_is_true_afterwards(
    day: list[tuple[str, MemoryFlash, Told, Told]], seed: int
) -> None:
    assert len(day) > 80
    for number, (step, image, before, after) in enumerate(day):
        flash = image.copy()
        flash.lose_power(random.Random(seed * len(day) + number))
        station = made(flash, NOON_NS + OFF_NS)
        boots, bays, entries = told_by(station)
        assert boots > before[0], step
        for bay, *either in zip(bays, before[1] or bays, after[1], strict=True):
            assert bay in either, f"{step}, seed {seed}: {bay}, not one of {either}"
        assert entries[: len(before[2])] == before[2], step
        previous = AUDIT_ROOT_SHA256
        for sequence, entry in enumerate(entries, 1):
            assert entry.sequence == sequence and entry.follows(previous), step
            previous = entry.sha256
        kinds = [entry.kind for entry in entries]
        assert sum(docking for docking, *_ in bays) == kinds.count(AuditKind.DOCKED), step
        assert kinds.count(AuditKind.BOOT) == boots, step
        camera: SimCamera = make_camera(seed=9, mib=1, utc_ns=NOON_NS)
        numbers = [docking for docking, *_ in bays]
        station.dock(2, camera)
        assert station.bays[2].docking == numbers[1] + 1
        station.close()
        assert told_by(made(flash, NOON_NS + 2 * OFF_NS))[0] == boots + 1, step
