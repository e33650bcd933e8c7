"""Tables, listings and logs that only trickle end, as footage does; those that are merely slow arrive."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from bwc_protocol.evidence import TriggerReason
from bwc_protocol.evidence.audit_hash import entry_sha256
from bwc_protocol.messages.audit import AuditEntry, AuditKind, AuditPage
from bwc_protocol.messages.recordings import ListPage, Mark, OpenTable, RecordingEntry
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.clients.audit import Audit
from bwc_sdk.clients.recordings import Recordings
from bwc_sdk.connection.connection import Connection
from bwc_sdk.errors import BwcError, CommandError, CommandTimeout, StreamStalled
from firmware_sim.virtual_time import run_virtual

TABLE = OpenTable(recording=bytes(16), manifest_sha256=bytes(32), segment=0)


class Dripping(Connection):
    """A connection whose streams come in drips, and end as they are told to."""

    def __init__(
        self, length: int, drip: int, apart_s: float, error: BwcError | None = None, stop: int = -1
    ) -> None:
        self.name = "drip:"
        self.call_timeout_s = 10.0
        self.cancelled = 0
        self._length, self._drip, self._apart_s, self._error = length, drip, apart_s, error
        self._stop = length if stop < 0 else stop

    async def open_stream(self, request: Any, sink: Any) -> Any:
        loop = asyncio.get_running_loop()
        sent = 0

        def send() -> None:
            nonlocal sent
            size = min(self._drip, self._stop - sent)
            if size:
                sink.data(sent, bytes(size))
            sent += size
            if sent < self._stop:
                loop.call_later(self._apart_s, send)
            else:
                sink.ended(self._error)

        def cancel() -> None:
            self.cancelled += 1

        return SimpleNamespace(
            length=self._length, grant=lambda limit: loop.call_later(self._apart_s, send), cancel=cancel
        )


def read(connection: Dripping) -> tuple[bytes | BwcError, float]:
    async def main() -> tuple[bytes | BwcError, float]:
        try:
            found: bytes | BwcError = await connection.read_stream(TABLE, max_bytes=1 << 22)
        except BwcError as error:
            found = error
        return found, asyncio.get_running_loop().time()

    return run_virtual(main())


@pytest.mark.parametrize("drip", [(0, 1.0), (1, 10.0), (1000, 31.0), (100, 3.0)])
def test_a_table_that_trickles_is_given_up(drip: tuple[int, float]) -> None:
    connection = Dripping(1 << 21, *drip)
    found, at_s = read(connection)
    assert isinstance(found, StreamStalled) and found.window_s == 30
    assert 30 <= at_s <= 31 and connection.cancelled


def test_a_table_that_is_slow_arrives_and_one_that_takes_too_long_does_not() -> None:
    found, _ = read(Dripping(1 << 16, 1024, 1.0))
    assert found == bytes(1 << 16)
    found, at_s = read(Dripping(1 << 21, 1024, 25.0))
    assert isinstance(found, CommandTimeout) and at_s == pytest.approx(10 + (1 << 21) / 1000)


@pytest.mark.parametrize("code", list(ErrorCode))
def test_what_came_whole_is_given_whatever_its_end_says(code: ErrorCode) -> None:
    refused = CommandError("stream", code, "")
    assert read(Dripping(5_000, 1000, 0.1, refused))[0] == bytes(5_000)
    assert read(Dripping(5_000, 1000, 0.1, refused, stop=4_999))[0] is refused


class Pages:
    """Gives a page of one entry every so many seconds, without end."""

    def __init__(self, apart_s: float) -> None:
        self._apart_s = apart_s
        self.hashes = {0: bytes(32)}

    async def listed(self, *, after: int) -> ListPage:
        await asyncio.sleep(self._apart_s)
        entry = RecordingEntry(
            recording=bytes(16),
            sequence=after + 1,
            started_utc_ns=0,
            duration_ms=0,
            size_bytes=1,
            segments=1,
            trigger=TriggerReason.REMOTE,
            marks=Mark(0),
            manifest_sha256=bytes(32),
            annotations=0,
            category="",
        )
        return ListPage(recordings=(entry,), next=after + 1, total=1)

    async def logged(self, *, after: int) -> AuditPage:
        await asyncio.sleep(self._apart_s)
        facts: dict[str, Any] = {
            "sequence": after + 1,
            "utc_ns": 0,
            "boot_counter": 1,
            "kind": AuditKind.BOOT,
            "actor": "",
            "detail": "",
        }
        digest = entry_sha256(AuditEntry(**facts, sha256=bytes(32)), self.hashes[after])
        self.hashes[after + 1] = digest
        return AuditPage(
            previous_sha256=self.hashes[after], entries=(AuditEntry(**facts, sha256=digest),), last=1 << 60
        )


@pytest.mark.parametrize("what", ["listing", "log"])
def test_pages_that_trickle_are_given_up(what: str) -> None:
    async def main() -> tuple[int, float]:
        pages, came = Pages(9.9), 0
        client: Any
        if what == "listing":
            client = Recordings(Dripping(1, 1, 1.0))
            client.page = pages.listed
            stream = client.iterate()
        else:
            client = Audit(Dripping(1, 1, 1.0))
            client.page = pages.logged
            stream = client.entries()
        with pytest.raises(StreamStalled, match=what):
            async for _ in stream:
                came += 1
        return came, asyncio.get_running_loop().time()

    came, at_s = run_virtual(main())
    assert 0 < came < 10 and 60 < at_s < 90


@pytest.mark.parametrize("reader_s", [0.0, 1000.0])
def test_pages_are_waited_for_and_not_their_reader(reader_s: float) -> None:
    async def main() -> int:
        came = 0
        client: Any = Recordings(Dripping(1, 1, 1.0))
        client.page = Pages(0.4).listed
        async for _ in client.iterate():
            came += 1
            await asyncio.sleep(reader_s)
            if came == 500:
                break
        return came

    assert run_virtual(main()) == 500
