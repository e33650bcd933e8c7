"""A camera: its subjects as typed clients, and the operations that take several steps (spec: Commands)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

from bwc_protocol import evidence
from bwc_protocol.conversation import PeerInfo
from bwc_protocol.declare import Event, sends
from bwc_protocol.evidence import Manifest
from bwc_protocol.messages import assignment, audit, clock, config, recordings
from bwc_protocol.messages.assignment import Assign, AssignmentState, ReadAssignment
from bwc_protocol.messages.audit import AuditEntry, ReadAudit
from bwc_protocol.messages.battery import Battery
from bwc_protocol.messages.clock import ClockReason, ExchangeTime, SetClock, TimeSource
from bwc_protocol.messages.config import (
    MAX_SETTINGS,
    STAGE_BYTES,
    STAGE_MAX,
    AbortConfig,
    ApplyConfig,
    ConfigDocument,
    ConfigState,
    ConfigView,
    ReadConfig,
    ReadConfigState,
    ReadSchema,
    Setting,
    SettingSchema,
    StageConfig,
    UploadConfig,
)
from bwc_protocol.messages.identity import (
    SMALLEST_REQUEST,
    Device,
    DeviceCapabilities,
    ReadCapabilities,
)
from bwc_protocol.messages.recordings import (
    Annotation,
    ListPage,
    ListRecordings,
    OpenSegment,
    OpenTable,
    ReadAnnotations,
    ReadManifest,
    RecordingEntry,
)
from bwc_protocol.messages.storage import Storage
from bwc_sdk.clients.audit_chain import checked
from bwc_sdk.clients.clock_sync import ClockSync, Measurement, measure, synchronise
from bwc_sdk.clients.configuration import Value, fit, to_settings, value_of
from bwc_sdk.clients.patience import Patience
from bwc_sdk.connection.connection import Connection, IncomingStream, StreamSink
from bwc_sdk.connection.counters import Counters
from bwc_sdk.errors import BwcError, ConfigError, EvidenceMismatch, ProtocolViolation
from bwc_sdk.host.host_clock import HostClock
from bwc_sdk.host.time_claim import claim_of
from bwc_sdk.host.world import World

LISTING_MAX: Final = 1_000_000
"""Recordings that a listing may have: ten per hour for eleven years. A listing that goes on is a fault."""
AUDIT_MAX: Final = 1_000_000
"""Entries that a log may have: one a minute for two years. A log that goes on is a fault."""
ANNOTATIONS_MAX: Final = 65_535 + 64
"""Annotations that a recording may have: one page behind the last index at which a page can begin."""
REREADS_MAX: Final = 16
"""How often settings are read again since others were applied between two pages. People are not that quick."""


class Clock(clock.Clock):
    """The device's clock: measured by exchanges, set only within limits."""

    def __init__(self, connection: Connection, world: World) -> None:
        super().__init__(connection)
        self._world = world

    @sends(ExchangeTime)
    async def measure(self, rounds: int = 8) -> Measurement:
        """Measures offset and uncertainty by `rounds` exchanges (1 to 64); changes nothing.

        The offset is what must be added to the device's time to get the host's, in ns. Exchanges during which the
        host's UTC was stepped or slewed are discarded and made again. Raises `ClockUnsteady` if too few remain.
        """
        return await measure(self, HostClock.of(self._world), rounds, device=self._name())

    @sends(ExchangeTime, SetClock)
    async def sync(
        self,
        *,
        reason: ClockReason = ClockReason.ROUTINE,
        source: TimeSource | None = None,
        host_uncertainty_ns: int | None = None,
        rounds: int = 8,
    ) -> ClockSync:
        """Measures, checks the step against the limits of `reason`, sets the clock, and measures again.

        `source` is where the host has its time from; without it the host itself has to know, unless the reason is
        BENCH. `host_uncertainty_ns` is how far the host's time may be off: PTP and GNSS need it, NTP where the host
        does not know, and a person (OPERATOR) is good for 5 s. Raises `ClockImplausible` or `ClockUnsteady`: nothing
        was set; `ClockNotVerified`: it was, and does not read as it should.
        """
        known = await self._world.workers.wait(self._world.host_time)
        word = claim_of(known, source, host_uncertainty_ns, reason, device=self._name())
        host = HostClock.of(self._world)
        return await synchronise(self, host, word, reason, rounds, device=self._name())

    def _name(self) -> str:
        return self._caller.name if isinstance(self._caller, Connection) else ""


class Config(config.Config):
    """The configuration: schema, values, and the transaction that changes them."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._connection = connection

    @sends(ReadSchema)
    async def schema_all(self) -> tuple[SettingSchema, ...]:
        """Every setting's type, range, unit, default and moment of effect."""
        found: list[SettingSchema] = []
        start = 0
        while True:
            page = await self.schema(start=start)
            found.extend(page.settings)
            if not page.next:
                return tuple(found)
            start = self._advance(page.next, start, len(found))

    @sends(ReadConfig)
    async def values(self, view: ConfigView = ConfigView.EFFECTIVE) -> dict[str, Value]:
        """All values of one view, by key."""
        return {s.key: value_of(s) for s in (await self._read_all(view))[1]}

    async def _read_all(self, view: ConfigView) -> tuple[int, list[Setting]]:
        found: list[Setting] = []
        start, revision, rereads = 0, -1, 0
        while True:
            page = await self.read(view=view, start=start)
            if revision not in (-1, page.revision):
                rereads += 1
                if rereads > REREADS_MAX:
                    raise ProtocolViolation("settings that never stay the same", device=self._connection.name)
                found, start, revision = [], 0, -1  # applied by somebody between two pages: read again
                continue
            revision = page.revision
            found.extend(page.settings)
            if not page.next:
                return revision, found
            start = self._advance(page.next, start, len(found))

    def _advance(self, following: int, start: int, count: int) -> int:
        if following <= start or count > MAX_SETTINGS:
            raise ProtocolViolation("a list of settings that never ends", device=self._connection.name)
        return following

    @sends(ReadSchema, ReadConfig, ReadConfigState, ReadCapabilities, StageConfig, ApplyConfig, AbortConfig)
    async def apply(self, values: Mapping[str, Value]) -> ConfigState:
        """Checks `values` against the schema, stages, applies and reads them back: all or nothing.

        Values that the device has already are not sent: the state is then the present one, and its revision the
        same. Safe to repeat. Raises `ConfigError` (nothing was sent), `CommandError` (CONFLICT: somebody else changed
        the configuration; nothing of it was applied), `ProtocolViolation` when what is read back differs.
        """
        settings = to_settings(await self.schema_all(), values, device=self._connection.name)
        if not await self._differing(values):
            return await self.state()
        before = await self.state()
        if before.staged:
            await self.abort()
        try:
            for piece in await self._pieces(settings):
                await self.stage(revision=before.revision, settings=piece)
            after = await self.commit(revision=before.revision)
        except BaseException:
            if self._connection.error is None:
                try:
                    await self.abort()
                except BwcError:
                    pass  # what went wrong first is what the caller has to know
            raise
        wrong = await self._differing(values)
        if wrong:
            rule = f"read back differently after apply: {', '.join(wrong)}"
            raise ProtocolViolation(rule, device=self._connection.name)
        return after

    async def _pieces(self, settings: Sequence[Setting]) -> list[tuple[Setting, ...]]:
        """The settings in requests that the device takes: it may have less room than the largest needs."""
        sizes = [2 + len(setting.codec.encode(setting)) for setting in settings]
        room = SMALLEST_REQUEST
        if STAGE_BYTES + sum(sizes) > room:  # else every device takes them at once
            capabilities: DeviceCapabilities = await self._connection.call(ReadCapabilities())
            room = capabilities.max_request or StageConfig.codec.size_max
        pieces: list[tuple[Setting, ...]] = []
        at = used = 0
        for index, size in enumerate(sizes):
            if index > at and (index - at == STAGE_MAX or STAGE_BYTES + used + size > room):
                pieces.append(tuple(settings[at:index]))
                at, used = index, 0
            used += size
        return [*pieces, tuple(settings[at:])]

    async def _differing(self, values: Mapping[str, Value]) -> tuple[str, ...]:
        """The keys of `values` that the device will have another value for."""
        pending = await self.values(ConfigView.PENDING)
        return tuple(sorted(key for key, value in values.items() if pending.get(key) != value))

    @sends(ReadSchema, ReadConfigState, UploadConfig)
    async def upload(self, values: Mapping[str, Value]) -> ConfigState:
        """Stages a whole configuration by one stream and gives what is staged; `commit` applies it."""
        settings = to_settings(await self.schema_all(), values, device=self._connection.name)
        document = ConfigDocument.codec.encode(ConfigDocument(settings=tuple(settings)))
        before = await self.state()
        request = UploadConfig(
            revision=before.revision, length=len(document), sha256=hashlib.sha256(document).digest()
        )
        await self._connection.upload(request, document)
        return await self.state()

    @sends(ReadSchema)
    async def check(self, values: Mapping[str, Value]) -> None:
        """Raises `ConfigError` when `values` do not fit the device's schema; changes nothing."""
        problems = fit(await self.schema_all(), values)
        if problems:
            raise ConfigError(problems, device=self._connection.name)


class Recordings(recordings.Recordings):
    """The recordings: listing, manifests, chunk tables, stored bytes, annotations."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._connection = connection

    @sends(ListRecordings)
    async def list(self) -> tuple[RecordingEntry, ...]:
        """All closed recordings, in the order of their sequence numbers. Raises `ProtocolViolation` for a
        listing that goes back, repeats or does not end."""
        return tuple([entry async for entry in self.iterate()])

    @sends(ListRecordings)
    async def iterate(self) -> AsyncIterator[RecordingEntry]:
        """The same, page by page as they come: for listings that are not to be held in memory."""
        async for page in self.pages():
            for entry in page.recordings:
                yield entry

    @sends(ListRecordings)
    async def pages(self) -> AsyncIterator[ListPage]:
        """The same as pages, each with the `total` that the camera states beside it. Raises `StreamStalled` for a
        listing that only trickles."""
        after, count = 0, 0
        patience = Patience("the listing", device=self._name)
        while True:
            page = await patience.wait_for(self.page(after=after), lambda page: len(page.recordings))
            for entry in page.recordings:
                count += 1
                if entry.sequence <= after or count > LISTING_MAX:
                    raise ProtocolViolation("a listing that goes back or never ends", device=self._name)
                after = entry.sequence
            yield page
            if not page.next:
                return
            if page.next != after or not page.recordings:
                raise ProtocolViolation("a listing whose cursor does not advance", device=self._name)

    @sends(ReadManifest)
    async def read_manifest(self, entry: RecordingEntry) -> Manifest:
        """The manifest, checked against the hash in the listing. Raises `EvidenceMismatch`."""
        raw = (await self.manifest(recording=entry.recording)).manifest
        if hashlib.sha256(raw).digest() != entry.manifest_sha256:
            rule = f"recording {entry.sequence}: the manifest is not the one that was listed"
            raise EvidenceMismatch(rule, device=self._name)
        try:
            return Manifest.decode(raw)
        except evidence.EvidenceError as error:
            raise EvidenceMismatch(str(error), device=self._name) from error

    @sends(OpenTable)
    async def read_table(self, entry: RecordingEntry, manifest: Manifest, segment: int) -> bytes:
        """A segment's chunk table (32 bytes a chunk), checked against the manifest."""
        facts = manifest.segments[segment]
        expected = 32 * evidence.chunk_count(facts.size_bytes, facts.chunk_size)
        request = OpenTable(recording=entry.recording, manifest_sha256=entry.manifest_sha256, segment=segment)
        table = await self._connection.read_stream(request, max_bytes=expected)
        if len(table) != expected or hashlib.sha256(table).digest() != facts.table_sha256:
            rule = f"recording {entry.sequence}, segment {segment}: the chunk table is not the manifest's"
            raise EvidenceMismatch(rule, device=self._name)
        return table

    @sends(OpenSegment)
    async def open(
        self, entry: RecordingEntry, segment: int, sink: StreamSink, *, offset: int = 0, length: int = 0
    ) -> IncomingStream:
        """Opens stored bytes of a segment from `offset`; `length` 0 = to the end. Nothing comes before `grant`."""
        request = OpenSegment(
            recording=entry.recording,
            manifest_sha256=entry.manifest_sha256,
            segment=segment,
            offset=offset,
            length=length,
        )
        return await self._connection.open_stream(request, sink)

    @sends(ReadAnnotations)
    async def annotations_all(self, recording: bytes) -> tuple[Annotation, ...]:
        """Everything that was said of a recording since it was closed, oldest first."""
        found: list[Annotation] = []
        start = 0
        while True:
            page = await self.annotations(recording=recording, start=start)
            found.extend(page.annotations)
            if not page.next:
                return tuple(found)
            if page.next <= start or len(found) > ANNOTATIONS_MAX:
                raise ProtocolViolation("annotations that never end", device=self._name)
            start = page.next

    @property
    def _name(self) -> str:
        return self._connection.name


class Assignment(assignment.Assignment):
    """Who carries the camera."""

    @sends(ReadAssignment, Assign)
    async def assign(self, *, officer: str, unit: str | None = None, revision: int) -> AssignmentState:
        """Assigns the camera to an officer; recordings from here on are his or hers.

        A unit that is not given stays as the camera has it, and `""` takes it away. `revision` is the one that was
        read: when somebody changed the assignment since, nothing is changed (`CommandError`, CONFLICT).
        """
        if unit is None:
            unit = (await self.read()).unit
        return await super().assign(officer=officer, unit=unit, revision=revision)


class Audit(audit.Audit):
    """The device's log."""

    @sends(ReadAudit)
    async def entries(self, after: int = 0) -> AsyncIterator[AuditEntry]:
        """The entries after a sequence number that there are when it begins, each checked against the chain.

        Raises `AuditBroken`, `ProtocolViolation` for a log that never ends, `StreamStalled` for one that only trickles.
        """
        previous: bytes | None = None
        last: int | None = None
        count = 0
        patience = Patience("the log", device=self._name)
        while True:
            page = await patience.wait_for(self.page(after=after), lambda page: len(page.entries))
            if last is None:
                last = page.last  # what is written meanwhile, by this very reading, is for the next time
            for entry in checked(page, after, previous):
                count += 1
                if count > AUDIT_MAX:
                    raise ProtocolViolation("a log that never ends", device=self._name)
                yield entry
                after, previous = entry.sequence, entry.sha256
            if not page.entries or after >= last:
                return

    @property
    def _name(self) -> str:
        return self._caller.name if isinstance(self._caller, Connection) else ""


class Camera:
    """A camera that is connected. Use as `async with`; opening changes nothing on the device.

    Attributes:
        device: identity, capabilities, status, self-test, reboot.
        battery: charge, load and health.
        storage: level, recording time left, wear of the eMMC.
        clock: read, measure by exchanges, set within limits.
        config: schema, values, and the transaction that changes them.
        recordings: listing, manifests, stored bytes, marks and holds.
        assignment: who carries the camera.
        audit: the camera's log, checked against its chain of hashes.
        peer: what the camera said of itself when the session began.
        counters: frames, repeats, and what was thrown away by reason.
        error: what ended the connection; None while it lives.
        connection: the conversation underneath; its `call` sends any declared command.
        world: clock, randomness, files and workers that were injected.
    """

    device: Device
    battery: Battery
    storage: Storage
    clock: Clock
    config: Config
    recordings: Recordings
    assignment: Assignment
    audit: Audit
    peer: PeerInfo
    connection: Connection
    world: World

    def __init__(self, connection: Connection, world: World) -> None:
        assert connection.peer is not None
        self.connection = connection
        self.world = world
        self.peer = connection.peer
        self.device = Device(connection)
        self.battery = Battery(connection)
        self.storage = Storage(connection)
        self.clock = Clock(connection, world)
        self.config = Config(connection)
        self.recordings = Recordings(connection)
        self.assignment = Assignment(connection)
        self.audit = Audit(connection)

    @property
    def name(self) -> str:
        """The URI by which it was reached."""
        return self.connection.name

    @property
    def footage_rate(self) -> float | None:
        """Bytes/s that footage would make over a link that is not meant for it; None for any other link."""
        return self.connection.line.transport.limits.footage_rate

    @property
    def identity(self) -> str:
        """The name in its certificate: the serial number."""
        return self.peer.identity

    @property
    def error(self) -> BwcError | None:
        """What ended the connection; None while it lives. Nothing is asked for it: a device that fell silent is told
        as lost once the link has noticed."""
        return self.connection.error

    @property
    def counters(self) -> Counters:
        """What the connection counted until now, or until its end: frames, repeats, what was thrown away and why."""
        return self.connection.counters

    def events(self) -> AsyncIterator[Event]:
        """What the camera tells without being asked, until the connection ends; for one reader.

        Raises what ended it: `DeviceLost`, also when it was closed here, `LinkError` or `SessionError`. Of a reader
        that is slow the oldest events are dropped, and counted (`counters.events_unread`).
        """
        return self.connection.events()

    async def close(self) -> None:
        """Ends session, link and pipe in order; idempotent, bounded."""
        await self.connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
