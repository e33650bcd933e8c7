"""The next deny list: complete, counted, signed by a root (spec: Deny lists).

Its counter is above that of every list before it. A CA that was rebuilt from an old backup does not know what it signed
since: so the counter is never below the time in seconds, which lists that were made one after the other do not outrun.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bwc_sdk.errors import AgencyError
from bwc_sdk.identity.ca.agency_file import read_bounded
from bwc_sdk.identity.ca.authority import ROTATE, Ca, opened
from bwc_sdk.identity.ca.layout import DENY_LIST_FILE
from bwc_sdk.identity.ca.register import Denied, Listed, Register
from bwc_sdk.identity.durable_files import replace

if TYPE_CHECKING:
    from bwc_protocol.documents import deny_list as documents

_COUNTER_MAX: Final = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Published:
    """A deny list that was signed."""

    path: Path
    counter: int
    entries: int
    data: bytes


def publish(
    ca: Ca, root_file: Path, denied: Sequence[Denied] = (), *, floor_s: int | None = None
) -> Published:
    """Denies somebody more, and signs the next complete list. Without anybody it signs the same anew.

    With `floor_s` devices refuse certificates that ended before; it stays until another is given. Raises `AgencyError`
    for whom it would be a mistake to deny (the issuing CA of today, every root), and what `Ca.changing` raises.
    """
    from bwc_protocol.documents.deny_list import DenyList, in_order
    from bwc_protocol.documents.signed_document import SignedDocument
    from bwc_protocol.evidence import EvidenceError
    from bwc_protocol.evidence.sign1 import KeySigner

    ca.register()
    root = opened(root_file, ca.passphrase)  # a passphrase is typed before anybody has to wait
    with ca.changing() as (register, now_s):
        _check(register, denied)
        begun = register.begun
        if root.certificate not in (begun.root, begun.standby):
            raise AgencyError(f"{root_file} is no root of {begun.agency!r}, whose CA this is")
        held = _held(ca.directory, register)
        listed = register.listed
        last = max(listed.counter if listed else 0, held.counter if held else 0)
        before = listed.floor_s if listed and (not held or listed.counter >= held.counter) else 0
        if held and (not listed or held.counter > listed.counter):
            before = held.floor_utc_s
        floor = before if floor_s is None else floor_s
        if floor > now_s:
            raise AgencyError("a floor in the future shuts out everybody: nothing was signed")
        counter = max(last + 1, now_s)
        if counter > _COUNTER_MAX:
            raise AgencyError("the counter of deny lists is at its end: the agency has to begin anew")
        known = (*(held.entries if held else ()), *map(entry_of, register.denied()), *map(entry_of, denied))
        entries = _fitting(in_order(known), register, floor)
        try:
            payload = DenyList(
                agency=begun.agency,
                counter=counter,
                signed_utc_s=now_s,
                floor_utc_s=floor,
                entries=entries,
            ).encode()
        except (EvidenceError, ValueError) as error:
            raise AgencyError(
                f"the list cannot be signed: {error}",
                advice="a floor that lies later lets entries of certificates go that ended before it: --floor",
            ) from error
        data = SignedDocument(payload).signed_by(KeySigner((root.certificate,), root.key)).encode()
        # The register first: a counter that was signed with is never used again, whatever happens now.
        register.append(
            now_s, *denied, Listed(counter=counter, sha256=hashlib.sha256(data).digest(), floor_s=floor)
        )
        path = ca.directory / DENY_LIST_FILE
        replace(path, data, mode=0o644)
        return Published(path, counter, len(entries), data)


def newest(ca: Ca) -> bytes:
    """The newest deny list, as devices take it; empty before the first. Raises `AgencyError` for one that is none."""
    if _held(ca.directory, ca.register()) is None:
        return b""
    return read_bounded(ca.directory / DENY_LIST_FILE, _bytes_max())


def _bytes_max() -> int:
    from bwc_protocol.documents.deny_list import DENY_LIST_MAX

    return DENY_LIST_MAX


def unpublished(directory: Path, register: Register) -> bool:
    """Whether somebody is denied in the register whom the deny list in the directory does not name yet: a process was
    killed between the two, and `publish` has to be called again."""
    listed = register.listed
    held = _held(directory, register)
    return listed is not None and (held is None or held.counter < listed.counter)


def entry_of(denied: Denied) -> documents.Denied:
    """The entry of a list."""
    from bwc_protocol.documents import deny_list

    kind = deny_list.DeniedKind[denied.of_kind.upper()] if denied.of_kind else deny_list.DeniedKind.ANY
    if denied.issuer_key_id:
        return deny_list.Denied(by=deny_list.DeniedBy.ISSUER, key=denied.issuer_key_id)
    if denied.last_sequence:
        last = {"last_sequence": denied.last_sequence, "last_manifest_sha256": denied.last_manifest}
    else:
        last = {}
    by = deny_list.DeniedBy.KEY if denied.key_sha256 else deny_list.DeniedBy.NAME
    return deny_list.Denied(by=by, kind=kind, name=denied.name, key=denied.key_sha256, **last)  # type: ignore[arg-type]  # a number and bytes


def _fitting(
    known: Sequence[documents.Denied], register: Register, floor_s: int
) -> tuple[documents.Denied, ...]:
    """The entries of the next list: those that deny only what the floor refuses by itself may go.

    But whoever verifies evidence has no floor: what a camera signed before it was stolen is asked about for decades. So
    what may be about a camera stays for as long as there is room, and goes in the order in which certificates ended.
    """
    from bwc_protocol.documents.deny_list import DENIED_MAX, DeniedBy, in_order

    ended = _ended(register)
    needed, spare = [], []
    for entry in known:
        of = entry.key if entry.by is DeniedBy.KEY else entry.name if entry.by is DeniedBy.NAME else b""
        ends_s, is_camera = ended.get(of, (floor_s, True))
        if ends_s >= floor_s:
            needed.append(entry)
        elif is_camera:
            spare.append((ends_s, entry))
    spare.sort(key=lambda one: one[0], reverse=True)
    return in_order([*needed, *(entry for _, entry in spare[: max(0, DENIED_MAX - len(needed))])])


def _ended(register: Register) -> dict[bytes | str, tuple[int, bool]]:
    """By key and by name: when the last certificate ends, and whether any is a camera's. This CA issues nothing more to
    whom its register denies, so of a name, too, there is no later one."""
    from bwc_protocol.vocabulary import PeerKind

    found: dict[bytes | str, tuple[int, bool]] = {}
    for facts in register.issued():
        for known in (facts.key_sha256, facts.name):
            ends_s, is_camera = found.get(known, (0, False))
            found[known] = max(ends_s, facts.not_after_s), is_camera or facts.kind is PeerKind.CAMERA
    return found


def _held(directory: Path, register: Register) -> documents.DenyList | None:
    """The deny list in the directory, which may be newer than the register: brought from a dock after a rebuild."""
    from bwc_protocol.documents.deny_list import DENY_LIST_MAX, verify_deny_list
    from bwc_protocol.documents.refusal import DocumentRefused

    path = directory / DENY_LIST_FILE
    if not path.exists():
        return None
    begun = register.begun
    try:
        return verify_deny_list(read_bounded(path, DENY_LIST_MAX), (begun.root, begun.standby))
    except DocumentRefused as error:
        raise AgencyError(
            f"{path} is no deny list of {begun.agency!r}: {error}",
            advice="replace it by the newest that a dock has: deny-list.cose of its identity directory",
        ) from error


def _check(register: Register, denied: Sequence[Denied]) -> None:
    """Refuses a list that would shut out everybody."""
    for one in denied:
        if one.issuer_key_id and one.issuer_key_id == register.issuing.key_id:
            raise AgencyError(
                "this would deny the issuing CA of today, and with it everybody whom it certified",
                advice=f"{ROTATE}, and renew the hosts by it first",
            )
        if not (one.name or one.key_sha256 or one.issuer_key_id):
            raise AgencyError("it is not said whom to deny")
