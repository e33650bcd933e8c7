"""One cycle: away and back, looked at, offloaded over a bad line, stopped and resumed, verified, looked at again."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from bwc_protocol.declare import Role
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect
from bwc_sdk.connection.access import Connecting
from bwc_sdk.errors import (
    AuditBroken,
    DeviceBusy,
    EvidenceMismatch,
    LinkError,
    ProtocolViolation,
    SessionError,
    TransportError,
)
from bwc_sdk.evidence.findings import Report, Severity, Verdict
from bwc_sdk.evidence.statements import Believed
from bwc_sdk.evidence.verify import verify_stores
from bwc_sdk.host.world import SAME_CLOCK_S, World
from bwc_sdk.identity.host_identity import HostIdentity, IdentitySet
from bwc_sdk.offload import OffloadPolicy, OffloadResult, offload
from bwc_sdk.offload.events import Planned, Progress
from bwc_sdk.offload.outcome import Refused, StillOnCamera, StoredVerified
from bwc_sdk.transport import Transport
from hil_tests.soak.draw import Drawn, draw
from hil_tests.soak.hands import Hands
from hil_tests.soak.host_use import WARM, HostUse
from hil_tests.soak.invariants import InvariantBroken, hold
from hil_tests.soak.journal import CycleRecord
from hil_tests.soak.ledger import Ledger, final_names
from hil_tests.soak.sight import Sight, look_at

CYCLE_S: Final = 900.0
"""The longest cycle, beside the time that its footage may take."""
SLOWEST: Final = 10_000
"""Bytes a second that footage comes at least: a UART at 115,200 baud brings as many."""
READY_S: Final = 60.0
"""How long a device may take to answer once it is docked: a boot, and an earlier host that went without a word."""
AGAIN_EVERY: Final = 5
"""Each so many cycles an offload is repeated that has nothing to do: it hashes all that the device still lists."""
WASTE: Final = 8 << 20
"""Bytes that may come twice for each time that a connection ended: what was under way, and a chunk that was begun."""
STORE: Final = "store"
CAPTURES: Final = "captures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is asked for."""

    folder: Path
    seed: int
    erase: bool = False
    verify_every: int = 10
    """Each so many cycles the footage of the whole store is read; else names, manifests and what belongs to them."""
    faults: bool = True
    identity: HostIdentity | IdentitySet | Path | None = None
    lab: bool = False
    allow_insecure: bool = False
    destination: HostIdentity | None = None
    """Who signs receipts, with `erase`."""
    believed: Believed | None = None

    @property
    def store(self) -> Path:
        """Where footage goes."""
        return self.folder / STORE

    def captures(self, cycle: int) -> Path:
        """Where what passes in a cycle is written; kept of one that breaks an invariant."""
        return self.folder / CAPTURES / f"cycle-{cycle:05d}"


@dataclass(slots=True)
class Tally:
    """What offloads of one cycle brought."""

    received: int = 0
    seconds: float = 0.0
    reconnections: int = 0
    interruptions: int = 0

    def add(self, result: OffloadResult, seconds: float) -> None:
        """One that came to its end."""
        self.received += result.bytes_received
        self.reconnections += result.reconnections
        if result.bytes_received:
            self.seconds += seconds


class Soaking:
    """Plays cycles on one device. `ledger` is what is known of it."""

    def __init__(
        self, options: Options, hands: Hands, ledger: Ledger, *, base: World | None = None, identity: str = ""
    ) -> None:
        self.options = options
        self.hands = hands
        self.ledger = ledger
        self.identity = identity
        self.warm: HostUse | None = None
        """What the host used after the first cycles of this process."""
        self._played = 0
        self._base = base or World()
        self.world = World(
            utc_ns=lambda: self._base.utc_ns() + round(hands.skipped_s * 1e9),
            entropy=self._base.entropy,
            files=self._base.files,
            workers=self._base.workers,
            elapsed_ns=self._base.elapsed_ns,
            host_time=self._base.host_time,
            host_id=self._base.host_id,
        )
        options.store.mkdir(parents=True, exist_ok=True)

    async def first_sight(self) -> Sight:
        """Who is there, before the first cycle."""
        sight, _ = await self._look(None)
        return sight

    async def cycle(self, number: int) -> CycleRecord:
        """Plays a cycle; the record says whether all held. Raises `BwcError` for what ends a soak and breaks no
        invariant, such as a device that is out of reach."""
        drawn = draw(self.options.seed, number)
        record = CycleRecord(cycle=number, faults=drawn.faults if self.options.faults else "")
        record.utc = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._base.utc_ns() / 1e9))
        captures = self.options.captures(number)
        shutil.rmtree(captures, ignore_errors=True)  # of a cycle that a kill ended
        captures.mkdir(parents=True)
        watch = Stopwatch()
        try:
            await self._bounded(drawn, record, captures)
        except InvariantBroken as broken:
            record.invariant, record.result = broken.invariant, str(broken)
        except EvidenceMismatch as error:
            record.invariant, record.result = "I2", f"I2 does not hold: {error}"
        except AuditBroken as error:
            record.invariant, record.result = "I10", f"I10 does not hold: {error}"
        except ProtocolViolation as error:
            record.invariant, record.result = "protocol", f"the device breaks the protocol: {error}"
        else:
            shutil.rmtree(captures, ignore_errors=True)
            self._played += 1
        record.seconds = round(watch.seconds, 3)
        record.skipped_s = self.hands.skipped_s
        return record

    async def _bounded(self, drawn: Drawn, record: CycleRecord, captures: Path) -> None:
        deadline = asyncio.timeout(CYCLE_S)
        try:
            async with deadline:
                await self._play(drawn, record, captures, partial(_longer, deadline))
        except TimeoutError:
            if not deadline.expired():
                raise
            raise InvariantBroken("I7", "the cycle did not end in its time") from None

    async def _play(
        self, drawn: Drawn, record: CycleRecord, captures: Path, longer: Callable[[int], None]
    ) -> None:
        await self.hands.away(drawn)
        await self.hands.back(drawn)
        sight, record.connect_s = await self._look(captures / "before.jsonl")
        self._measure(sight, record)
        learned = self.ledger.look(sight)
        self.ledger.take(learned)
        record.learned |= learned
        longer(sight.storage.capacity_bytes - sight.storage.free_bytes)

        tally = Tally()
        missing = self._not_stored(sight)
        await self._offload(drawn, record, captures, tally, sum(missing.values()))
        ended = 1 + tally.interruptions + tally.reconnections
        hold(
            "I11",
            tally.received <= sum(missing.values()) + ended * WASTE,
            f"{tally.received} bytes came for {sum(missing.values())} that were not stored, in {ended} connections",
        )
        record.interruptions, record.reconnections = tally.interruptions, tally.reconnections
        record.offload_bytes = tally.received
        record.offload_rate = round(tally.received / tally.seconds) if tally.seconds else None
        await self._verify(record)

        after, _ = await self._look(captures / "after.jsonl")
        hold(
            "left",
            after.streams == 0,
            f"{after.streams} streams are open on the device, and nobody reads them",
        )
        later = self.ledger.look(after)
        self.ledger.take(later)
        for key, value in later.items():
            merge(record.learned, key, value)
        record.recordings, record.erased = len(after.recordings), len(self.ledger.erased)
        self._host(record)

    # The device

    async def _look(self, capture: Path | None) -> tuple[Sight, float]:
        """What is seen of the device, and how long connecting took. Waits for one that boots; one that is busy for
        longer has a session that nobody has. Raises `InvariantBroken`, and what connecting raises."""
        loop = asyncio.get_running_loop()
        until = loop.time() + READY_S
        line = self.hands.line("")
        while True:
            watch = Stopwatch()
            try:
                async with self._connecting(line, Role.AUDITOR, capture) as camera:
                    connected_s = watch.seconds
                    return await look_at(camera, self.ledger.log), round(connected_s, 4)
            except DeviceBusy as busy:
                if loop.time() > until:
                    raise InvariantBroken(
                        "left", f"the device has another host after {READY_S:g} s: {busy}"
                    ) from busy
                await asyncio.sleep(max(0.05, min(1.0, busy.retry_after_s)))
            except (TransportError, LinkError):
                if loop.time() > until:
                    raise
                await asyncio.sleep(0.5)

    def _connecting(self, line: str | Transport, role: Role, capture: Path | None) -> Connecting[Camera]:
        return connect(
            line,
            role=role,
            identity=self.options.identity,
            lab=self.options.lab,
            allow_insecure=self.options.allow_insecure,
            expect=self.identity or None,
            capture=capture,
            world=self.world,
        )

    def _measure(self, sight: Sight, record: CycleRecord) -> None:
        storage = sight.storage
        if sight.battery is not None:
            record.battery_pct, record.battery_mv = sight.battery.charge_pct, sight.battery.voltage_mv
        if storage.capacity_bytes:
            record.storage_used = round(1 - storage.free_bytes / storage.capacity_bytes, 6)
        if sight.clock is not None:
            record.clock_offset_ms = round(sight.clock.offset_ns / 1e6, 3)
            record.clock_uncertainty_ms = round(sight.clock.uncertainty_ns / 1e6, 3)

    # Offloads

    def _not_stored(self, sight: Sight) -> dict[str, int]:
        """Size of each recording that is listed and has no final name yet, by its id."""
        there = final_names(self.options.store)
        named = {part for name in there for part in name.split("_")}
        return {name: one.size_bytes for name, one in sight.recordings.items() if name not in named}

    async def _offload(
        self, drawn: Drawn, record: CycleRecord, captures: Path, tally: Tally, wanted: int
    ) -> None:
        bad = self._reach(self.hands.line(record.faults), captures / "offload.jsonl")
        if drawn.interrupted_at is not None and wanted:
            await self._stop_halfway(bad, drawn.interrupted_at * wanted, tally)
            report = await self._report(quick=True)
            hold("I3", not _errors(report), f"after an offload that was stopped: {_first(report)}")
        result: OffloadResult | None = None
        try:
            result = await self._run(bad, tally)
        except (TransportError, LinkError, SessionError):
            hold("I11", bool(record.faults), "an offload over a sound line ended by an error")
            tally.interruptions += 1
        if result is None or not result.complete:
            # Faults stop: now everything has to come.
            sound = self._reach(self.hands.line(""), captures / "sound.jsonl")
            result = await self._run(sound, tally)
        complete(result)
        for outcome in result.outcomes:
            assert isinstance(outcome, StoredVerified)
            for segment in outcome.segments:
                there = segment.path.stat().st_size if segment.path.exists() else None
                hold(
                    "I9",
                    there == segment.size_bytes,
                    f"{segment.path} is reported as stored, and has {there} bytes",
                )
        if record.cycle % AGAIN_EVERY == 0:
            before = final_names(self.options.store)
            again = await self._run(self._reach(self.hands.line(""), captures / "again.jsonl"), Tally())
            hold("I5", again.complete, "an offload that was repeated is not complete")
            hold(
                "I5",
                not again.bytes_received,
                f"an offload that was repeated brought {again.bytes_received} bytes",
            )
            hold(
                "I5",
                final_names(self.options.store) == before,
                "an offload that was repeated changed the store",
            )

    def _reach(self, line: str | Transport, capture: Path) -> Callable[[], Connecting[Camera]]:
        return partial(self._connecting, line, Role.DOCK_OFFLOAD, capture)

    def _policy(self) -> OffloadPolicy:
        signer = self.options.destination
        return OffloadPolicy(sign_by=signer, erase=self.options.erase and signer is not None)

    async def _run(self, reach: Any, tally: Tally) -> OffloadResult:
        watch = Stopwatch()
        job = offload(reach, self.options.store, world=self.world, policy=self._policy())
        result = await job.run()
        tally.add(result, watch.seconds)
        return result

    async def _stop_halfway(self, reach: Any, stop_at: float, tally: Tally) -> None:
        """Stops an offload once about so many bytes have come, as by a cable that is pulled and a host that goes."""
        done: dict[int, int] = {}
        watch = Stopwatch()
        try:
            async with offload(reach, self.options.store, world=self.world) as job:
                async for event in job:
                    match event:
                        case Planned(bytes_total=0):
                            return
                        case Progress(recording=recording, bytes_done=bytes_done):
                            done[recording] = bytes_done
                            if sum(done.values()) >= stop_at:
                                break
        except (TransportError, LinkError, SessionError):
            pass  # the line was bad enough by itself
        tally.interruptions += 1
        tally.received += sum(done.values())
        tally.seconds += watch.seconds

    # The store

    async def _verify(self, record: CycleRecord) -> None:
        whole = record.cycle % self.options.verify_every == 0
        report = await self._report(quick=not whole)
        record.verified = "all" if whole else "names"
        record.stored = report.recordings
        hold("I2", not _errors(report), f"the store: {_first(report)}")
        if self.options.believed is not None and report.recordings:
            hold(
                "I2",
                report.verdict is Verdict.VERIFIED,
                f"the store is {report.verdict}: of {report.recordings} recordings {report.signed} are signed",
            )
        learned = self.ledger.look_at_files(self.options.store)
        self.ledger.take(learned)
        record.learned |= learned
        stored = {name.split("_")[1] for name in self.ledger.files if name.count("_") >= 2}
        self.ledger.look_at_erased(stored)

    async def _report(self, *, quick: bool) -> Report:
        work = partial(verify_stores, [self.options.store], believed=self.options.believed, quick=quick)
        return await self.world.workers.run(work)

    # The host

    def _host(self, record: CycleRecord) -> None:
        use = HostUse.now()
        record.memory_bytes, record.files, record.threads = use.memory_bytes, use.files, use.threads
        if self._played == WARM:
            self.warm = use
        if self.warm is not None:
            use.must_not_exceed(self.warm)


class Stopwatch:
    """Seconds of the host; in virtual time also those that passed there."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._virtual = loop if abs(loop.time() - time.monotonic()) > SAME_CLOCK_S else None
        self._began = self._now()

    def _now(self) -> float:
        return time.perf_counter() + (self._virtual.time() if self._virtual is not None else 0.0)

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return self._now() - self._began


def merge(learned: dict[str, Any], key: str, value: Any) -> None:
    """Adds what the second look of a cycle learned to what the first did."""
    before = learned.get(key)
    if isinstance(before, Mapping) and isinstance(value, Mapping):
        learned[key] = {**before, **value}
    elif isinstance(before, list) and isinstance(value, list):
        learned[key] = [*before, *value]
    else:
        learned[key] = value


def _longer(deadline: asyncio.Timeout, footage_bytes: int) -> None:
    """As much more time as footage of a device may take."""
    when = deadline.when()
    if when is not None:
        deadline.reschedule(when + footage_bytes / SLOWEST)


def complete(result: OffloadResult) -> None:
    """Raises `InvariantBroken` unless everything that the device closed is stored."""
    for missing in result.missing:
        hold("I1", False, f"recordings {missing.first} to {missing.last}: {missing.reason}")
    for outcome in result.outcomes:
        match outcome:
            case Refused():
                hold("I2", False, f"recording {outcome.entry.sequence} was refused: {outcome.reason}")
            case StillOnCamera():
                hold(
                    "I11",
                    False,
                    f"recording {outcome.entry.sequence} is still on the device: {outcome.reason}",
                )


def _errors(report: Report) -> list[Any]:
    return [finding for finding in report.findings if finding.severity is Severity.ERROR]


def _first(report: Report) -> str:
    errors = _errors(report)
    return (
        f"{errors[0].file or errors[0].store}: {errors[0].detail}, and {len(errors) - 1} more"
        if errors
        else ""
    )
