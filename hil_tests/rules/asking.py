"""What several rule tests ask a device first: whether it has a command, a setting, a recording."""

from __future__ import annotations

from typing import Any

from bwc_protocol.conversation.message import Flag
from bwc_protocol.declare import COMMANDS, Request, Role
from bwc_protocol.evidence import Manifest
from bwc_protocol.messages.audit import ReadAudit, ReadAuditHead
from bwc_protocol.messages.core import ErrorReply
from bwc_protocol.messages.identity import DeviceCapabilities, ReadCapabilities
from bwc_protocol.messages.recordings import ListRecordings, ReadManifest, RecordingEntry
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from hil_tests.raw.session import RawSession
from hil_tests.verdicts import RuleBroken, not_applicable, not_before, not_tested


def supported(session: RawSession, request: Request[Any]) -> Any:
    """The decoded reply to a request that reads. Skips where the device has no such command."""
    not_before(request.name, request.since, session.version)
    said = session.answer(session.request(request))
    if said.flags == Flag.ERROR:
        code = ErrorReply.codec.decode(said.body).code
        if code is ErrorCode.UNSUPPORTED:
            not_applicable(f"the device has no {request.name}")
        raise RuleBroken(f"a reply to {request.name}", str(code))
    return request.reply.codec.decode(said.body)


def limits(session: RawSession) -> DeviceCapabilities:
    """How much the device takes at once."""
    told: DeviceCapabilities = session.ask(ReadCapabilities())
    return told


def recordings(session: RawSession) -> tuple[RecordingEntry, ...]:
    """The first recordings of the device. Skips without one."""
    page = supported(session, ListRecordings())
    if not page.recordings:
        not_tested("the device has no recording")
    entries: tuple[RecordingEntry, ...] = page.recordings
    return entries


def manifest_of(session: RawSession, entry: RecordingEntry) -> Manifest:
    """The manifest of a listed recording."""
    return Manifest.decode(session.ask(ReadManifest(recording=entry.recording)).manifest)


def commands_for(role: Role, *, of: PeerKind = PeerKind.CAMERA) -> list[type[Request[Any]]]:
    """The commands that a role may give to devices of a kind, by the declarations."""
    return [c for c in COMMANDS.values() if of in c.answered_by and c.roles & role]


def log_head(session: RawSession) -> Any:
    """Number and hash of the newest entry of the log. Skips without a log."""
    return supported(session, ReadAuditHead())


def logged_since(session: RawSession, known: int) -> set[Any]:
    """The kinds of the entries behind that one, by pages. Skips without a log."""
    kinds: set[Any] = set()
    after, last = known, log_head(session).sequence
    while after < last:
        page = supported(session, ReadAudit(after=after)).entries
        if not page:
            raise RuleBroken(f"a page with the entries behind {after} (AUD-006)", "an empty one")
        kinds |= {entry.kind for entry in page}
        after = page[-1].sequence
    return kinds
