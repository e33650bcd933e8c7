"""`bwc audit`."""

from typing import Annotated, Any

import typer

from bwc_protocol.declare import Role, to_plain
from bwc_protocol.messages.audit import AuditEntry, AuditHead
from bwc_sdk.cli import text
from bwc_sdk.cli.facts import show
from bwc_sdk.cli.output import Output, Rows
from bwc_sdk.cli.verb import device_verb, verbs
from bwc_sdk.connecting import AnyDevice
from bwc_sdk.errors import AuditBroken

app = verbs()


@app.command("audit")
@device_verb(Role.AUDITOR)
async def audit(
    device: AnyDevice,
    output: Output,
    after: Annotated[int, typer.Option(min=0, help="Only entries after this number.")] = 0,
) -> None:
    """Read the device's log and check its chain of hashes.

    Fails when an entry was changed, lost or inserted. Of a docking station: its own; ?bay=3 behind its URI is the
    camera in bay 3.
    """
    entries: list[AuditEntry] = [entry async for entry in device.audit.entries(after=after)]
    head = await device.audit.head()
    check_head(entries, head, device.name)
    document: dict[str, Any] = {
        "entries": [to_plain(entry) for entry in entries],
        "head": to_plain(head),
        "chained": True,
    }
    output.show(
        document,
        Rows(
            title="",
            headings=["#", "time", "boot", "what", "who", "detail"],
            plain=[
                [
                    entry.sequence,
                    text.utc(entry.utc_ns),
                    entry.boot_counter,
                    show("kind", entry.kind, ""),
                    entry.actor,
                    entry.detail,
                ]
                for entry in entries
            ],
            empty="no entries",
        ),
    )
    output.note(f"{len(entries)} entries, each hashes to what it claims and chains to the one before")


def check_head(entries: list[AuditEntry], head: AuditHead, device: str) -> None:
    """The newest entry has to be the one that the device names. Raises `AuditBroken`."""
    if not entries:
        return
    last = entries[-1]
    if head.sequence < last.sequence or (head.sequence == last.sequence and head.sha256 != last.sha256):
        raise AuditBroken(f"entry {last.sequence} is not the newest, as the device has it", device=device)
