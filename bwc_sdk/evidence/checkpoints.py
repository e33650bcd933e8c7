"""Checkpoints of the custody chains of a store: how far each had come, signed, and time-stamped where an authority is
known. So that what is cut off at the end of a chain shows (spec: Custody chain).

All functions block. A checkpoint without a time stamp is the queue: whoever runs again asks for what is missing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.documents.checkpoint import (
    CHECKPOINT_MAX,
    Checkpoint,
    SignedCheckpoint,
    verify_checkpoint,
)
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.evidence import NO_SHA256
from bwc_sdk.errors import EvidenceMismatch, TimeStampUnavailable
from bwc_sdk.evidence.custody_line import is_chain
from bwc_sdk.evidence.custody_reading import ChainRead, read_chain
from bwc_sdk.evidence.naming import CHAIN_SUFFIX, CHECKPOINT_SUFFIX, TIME_STAMP_SUFFIX
from bwc_sdk.evidence.statements import Believed
from bwc_sdk.evidence.store import Store
from bwc_sdk.evidence.time_stamps import ANSWER_MAX, fetch_time_stamp
from bwc_sdk.identity.durable_files import telling_files, write_new

if TYPE_CHECKING:
    from bwc_sdk.identity.host_identity import HostIdentity

_NAME: Final = re.compile(r"(custody_[0-9a-f]{32})_(\d{6})" + re.escape(CHECKPOINT_SUFFIX))
NUMBER_MAX: Final = 999_999
"""Checkpoints of one chain: one each hour for a century."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A checkpoint of a store, and what became of its time stamp."""

    name: str
    checkpoint: Checkpoint
    fresh: bool
    """Whether it was made just now."""
    stamped: bool
    queued: str = ""
    """Why it has no time stamp yet, where one was asked for."""


def keep_checkpoints(
    path: Path,
    identity: HostIdentity,
    *,
    authority: str = "",
    authority_roots: Sequence[bytes] = (),
    now_s: Callable[[], float] = time.time,
) -> Iterator[Kept]:
    """Signs how far each chain of the store has come, unless it has not gone on; and has stamped what is not.

    `authority` is the address of a time-stamping authority (RFC 3161), "" for none. One that cannot be reached keeps
    nothing from being signed. Raises `EvidenceMismatch` for a chain that does not hold together, or that is shorter
    than its last checkpoint says; `HostFileError`, `TimeStampError`, `MissingExtra`.
    """
    believed = Believed(roots=identity.anchors, lab=identity.lab, deny_list=identity.deny_lists.current())
    with Store.open(path) as store:
        unreached = ""
        for name in filter(is_chain, store.chains):
            chain = read_chain(store, name)
            stem = name.removesuffix(CHAIN_SUFFIX)
            known = list(checkpoints_of(store, stem, believed))
            require_sound(name, chain, known)
            fresh = _next(stem, chain, known, identity, int(now_s()))
            if fresh is not None:
                number, document = fresh
                own = f"{stem}_{number:06}{CHECKPOINT_SUFFIX}"
                with telling_files(path / own):
                    write_new(path / own, document, mode=0o440)
                known.append((own, verify_checkpoint(document, believed.roots, trust_of(believed))))
            for own, signed in known:
                stamped = _is_there(path, own)
                if not stamped and authority and not unreached:
                    try:
                        _stamp(path, own, signed, authority, authority_roots)
                        stamped = True
                    except TimeStampUnavailable as error:
                        unreached = error.rule
                is_fresh = fresh is not None and signed.checkpoint.number == fresh[0]
                yield Kept(own, signed.checkpoint, is_fresh, stamped, "" if stamped else unreached)


def checkpoints_of(store: Store, stem: str, believed: Believed) -> Iterator[tuple[str, SignedCheckpoint]]:
    """The checkpoints of a chain that a host of the agency signed, in order. Raises `EvidenceMismatch` for others.

    A host that is denied by now may have signed them: `doubtful` says which count no more.
    """
    before = NO_SHA256
    for name in store.chains:
        match = _NAME.fullmatch(name)
        if match is None or match[1] != stem:
            continue
        try:
            data = store.read(name, CHECKPOINT_MAX)
            found = verify_checkpoint(data, believed.roots, trust_of(believed))
        except (DocumentRefused, OSError) as error:
            raise EvidenceMismatch(f"{name} is no checkpoint of this agency: {error}") from error
        stated = found.checkpoint
        if (stated.chain, stated.number, stated.previous_sha256) != (stem, int(match[2]), before):
            raise EvidenceMismatch(f"{name} does not follow the checkpoint before it")
        before = found.sha256
        yield name, found


def doubtful(known: Sequence[tuple[str, SignedCheckpoint]], believed: Believed) -> list[str]:
    """Checkpoints that a denied host signed, and that no later one by another host leads back to.

    When somebody else got its key nobody knows, and what time it states says nothing: but what a host that is in order
    has signed since names all that was there then.
    """
    names: list[str] = []
    for name, signed in reversed(known):
        if believed.deny_list is None or believed.deny_list.entry_for(signed.signer) is None:
            break
        names.append(name)
    return names[::-1]


def chain_of_checkpoint(name: str) -> str | None:
    """The file of the chain that a checkpoint is of, by its name; None for a file that is none."""
    match = _NAME.fullmatch(name)
    return None if match is None else match[1] + CHAIN_SUFFIX


def require_sound(name: str, chain: ChainRead, known: Sequence[tuple[str, SignedCheckpoint]]) -> None:
    """Raises `EvidenceMismatch` unless the chain holds together and has all that its checkpoints saw."""
    if chain.wrong:
        raise EvidenceMismatch(f"{name}: {chain.wrong[0]}", advice="'bwc evidence verify' says what is wrong")
    for own, signed in known:
        stated = signed.checkpoint
        if stated.records > chain.records:
            raise EvidenceMismatch(
                f"{name} has {chain.records} records, and had {stated.records} when {own} was signed: its end is gone"
            )
        if chain.heads[stated.records - 1] != stated.head_sha256:
            raise EvidenceMismatch(f"{name} is another chain than the one that {own} saw")


def trust_of(believed: Believed) -> Trust:
    """What signers are held against; the deny list is asked once all of a chain is known."""
    return Trust(lab=believed.lab)


def _next(
    stem: str,
    chain: ChainRead,
    known: Sequence[tuple[str, SignedCheckpoint]],
    identity: HostIdentity,
    now_s: int,
) -> tuple[int, bytes] | None:
    """Number and document of the next checkpoint; None where the chain has not gone on."""
    last = known[-1][1] if known else None
    if not chain.records or (last is not None and last.checkpoint.records == chain.records):
        return None
    number = 1 if last is None else last.checkpoint.number + 1
    if number > NUMBER_MAX:
        raise EvidenceMismatch(f"{stem} has {NUMBER_MAX} checkpoints: there is no number left")
    checkpoint = Checkpoint(
        lab=identity.lab,
        chain=stem,
        records=chain.records,
        head_sha256=chain.head_sha256,
        number=number,
        previous_sha256=NO_SHA256 if last is None else last.sha256,
        signed_utc_s=now_s,
    )
    return number, SignedDocument(checkpoint.encode()).signed_by(identity.credentials).encode()


def _is_there(path: Path, own: str) -> bool:
    return (path / (own + TIME_STAMP_SUFFIX)).exists()


def _stamp(path: Path, own: str, signed: SignedCheckpoint, authority: str, roots: Sequence[bytes]) -> None:
    answer = fetch_time_stamp(signed.checkpoint.encode(), authority, roots)
    assert len(answer) <= ANSWER_MAX
    target = path / (own + TIME_STAMP_SUFFIX)
    with telling_files(target):
        write_new(target, answer, mode=0o440)
