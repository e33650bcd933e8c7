"""`bwc audit`."""

import json
from typing import Annotated, Final

import typer

from bwc_protocol.declare import Role, to_plain
from bwc_protocol.messages.audit import AuditEntry, AuditHead
from bwc_sdk.cli.printing import text
from bwc_sdk.cli.printing.facts import show
from bwc_sdk.cli.printing.output import Output, Rows
from bwc_sdk.cli.printing.readable import dumps
from bwc_sdk.cli.running.verb import device_verb, verbs
from bwc_sdk.clients.connecting import AnyDevice
from bwc_sdk.errors import AuditBroken

TABLE_MAX: Final = 1_000
"""Rows of one table on a terminal: its columns are as wide as the widest of them."""

app = verbs()


@app.command("audit")
@device_verb(Role.AUDITOR)
async def audit(
    device: AnyDevice,
    output: Output,
    after: Annotated[int, typer.Option(min=0, help="Only entries after this number.")] = 0,
) -> None:
    """Read the device's log and check its chain of hashes.

    Entries are written as they come and checked. Fails when one was changed, lost or inserted: then those before it
    are what there is, and JSON says `"chained": false`. Of a docking station: its own; ?bay=3 behind its URI is the
    camera in bay 3.
    """
    writer = _Writer(output)
    count, newest = 0, None
    try:
        async for entry in device.audit.entries(after=after):
            writer.add(entry)
            count, newest = count + 1, entry
        head = await device.audit.head()
        check_head([newest] if newest is not None else [], head, device.name)
    except BaseException:
        writer.end(None)
        raise
    writer.end(head)
    output.note(f"{count} entries, each hashes to what it claims and chains to the one before")


class _Writer:
    """Writes entries as they come, so that a log of any length takes no memory: JSON in pieces of one document, lines,
    and on a terminal a table each so many."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._page = TABLE_MAX if output.terminal else 1
        self._waiting: list[AuditEntry] = []
        self._written = 0

    def add(self, entry: AuditEntry) -> None:
        if self._output.as_json:
            self._output.write(("," if self._written else self._begin()) + dumps(to_plain(entry)))
            self._written += 1
            return
        self._waiting.append(entry)
        if len(self._waiting) == self._page:
            self._draw()

    def end(self, head: AuditHead | None) -> None:
        """The rest; `head` only if all that came is in order."""
        if self._output.as_json:
            if head is not None or self._written:
                plain = None if head is None else to_plain(head)
                begin = "" if self._written else self._begin()
                chained = json.dumps(head is not None)
                self._output.write(f'{begin}], "head": {json.dumps(plain)}, "chained": {chained}}}')
        elif self._waiting or (head is not None and not self._written):
            self._draw()

    def _begin(self) -> str:
        device = self._output.device
        return "{" + (f'"device": {json.dumps(device)}, ' if device is not None else "") + '"entries": ['

    def _draw(self) -> None:
        rows = [
            [
                entry.sequence,
                text.utc(entry.utc_ns),
                entry.boot_counter,
                show("kind", entry.kind, ""),
                entry.actor,
                entry.detail,
            ]
            for entry in self._waiting
        ]
        headings = ["#", "time", "boot", "what", "who", "detail"]
        self._output.show({}, Rows(title="", headings=headings, plain=rows, empty="no entries"))
        self._written += len(rows)
        self._waiting = []


def check_head(entries: list[AuditEntry], head: AuditHead, device: str) -> None:
    """The newest entry has to be the one that the device names. Raises `AuditBroken`."""
    if not entries:
        return
    last = entries[-1]
    if head.sequence < last.sequence or (head.sequence == last.sequence and head.sha256 != last.sha256):
        raise AuditBroken(f"entry {last.sequence} is not the newest, as the device has it", device=device)
