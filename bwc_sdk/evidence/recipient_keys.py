"""The keys by which this host can open encrypted footage: named, of its identity, or the lab's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bwc_protocol.declare import Role
from bwc_sdk.errors import IdentityError, IdentityMissing
from bwc_sdk.evidence.decrypt import RecipientKey
from bwc_sdk.identity.lookup import configured_directory
from bwc_sdk.identity.passphrase import Ask


def keys_at_hand(
    given: Sequence[Path] = (), identity: Path | None = None, *, lab: bool = False, ask: Ask | None = None
) -> tuple[RecipientKey, ...]:
    """Keys of the files that are given, else of the identity directory that is given or configured, else the lab's.

    Raises `IdentityError` and what reading a key file raises.
    """
    if sum((bool(given), identity is not None, lab)) > 1:
        raise IdentityError(
            "--key, --identity and --lab exclude each other",
            advice="give one of them, or none for what is configured",
        )
    if given:
        return tuple(_key_in(path, ask) for path in given)
    directory = None if lab else identity or configured_directory()
    return (_of_lab(),) if directory is None else _of_directory(directory, ask)


def _key_in(path: Path, ask: Ask | None) -> RecipientKey:
    from bwc_sdk.identity.role_file import read_role_file

    held = read_role_file(path, ask)
    if Role.EVIDENCE_RECIPIENT not in held.leaf.roles:
        raise IdentityError(
            f"{path} is the key of {held.leaf.name}, who is no evidence recipient",
            advice="name the file that 'bwc ca issue DIR evidence-recipient' wrote",
        )
    return RecipientKey(held.leaf.name, held.key)


def _of_directory(directory: Path, ask: Ask | None) -> tuple[RecipientKey, ...]:
    from bwc_sdk.identity.identity_directory import IdentityDirectory

    found = IdentityDirectory(directory, ask).files_of(Role.EVIDENCE_RECIPIENT)
    if not found:
        raise IdentityMissing(
            f"{directory} has no key of an evidence recipient",
            advice="name the key file: --key evidence-recipient.p12; simulators and lab devices: --lab",
        )
    return tuple(_key_in(path, ask) for path in found)


def _of_lab() -> RecipientKey:
    from bwc_protocol.lab.agency import RECIPIENT
    from bwc_protocol.lab.directory import LabUnusable, open_lab

    try:
        return RecipientKey(RECIPIENT, open_lab().agency.recipient().key)
    except LabUnusable as error:
        raise IdentityError(str(error)) from error
