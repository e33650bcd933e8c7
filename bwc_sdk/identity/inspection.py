"""Looks at what an identity directory holds, file by file: what is good, what is not, and what mends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bwc_protocol.certificates.chain import verify_chain
from bwc_protocol.certificates.checks import PeerRefused, Standing, Trust, check_peer, standing
from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.declare import Role
from bwc_protocol.word import label
from bwc_sdk.errors import BwcError
from bwc_sdk.identity.identity_directory import AGENCY_FILE, DENY_LIST_FILE, IdentityDirectory
from bwc_sdk.identity.private_files import SECRET_MAX, check_directory, looseness
from bwc_sdk.identity.role_file import ISSUE_ANEW, PLAIN, read_role_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found of one file, or of the directory."""

    path: Path
    what: str
    """What it is, or should be: the role of a key file, `agency`, `deny-list`, `directory`."""
    certificate: CertificateFacts | None = None
    """Of a key file that opens its certificate, of `agency.pem` its first root."""
    counter: int = 0
    """Of a deny list."""
    standing: Standing | None = None
    problem: str = ""
    """"" = it is as it should be."""
    advice: str = ""


def inspect_directory(directory: IdentityDirectory, utc_s: float) -> Iterator[Finding]:
    """Everything in the directory. Raises `IdentityMissing`, `HostFileError` where there is none to be looked at."""
    files = directory.files()
    yield _directory(directory.path)
    yield _agency(directory, utc_s)
    if (directory.path / DENY_LIST_FILE).exists():
        yield _deny_list(directory)
    for path in files:
        if role_named(path) is not None or _may_hold_a_key(path):
            yield _key_file(directory, path, utc_s)


_NO_ROLE: Final = "key file"


def _may_hold_a_key(path: Path) -> bool:
    """Whether a file that no role is named after is one all the same, and no certificate that lies beside them."""
    try:
        return path.suffix != PLAIN or b"PRIVATE KEY" in path.read_bytes()[:SECRET_MAX]
    except OSError:
        return True


def role_named(path: Path) -> Role | None:
    """The role after which a key file is named: `dock-offload-2027.p12` is one for dock-offload."""
    return next(
        (role for role in Role if path.stem == label(role) or path.stem.startswith(f"{label(role)}-")), None
    )


def _directory(path: Path) -> Finding:
    try:
        check_directory(path)
    except BwcError as error:
        return _bad(path, "directory", error)
    return Finding(path=path, what="directory")


def _agency(directory: IdentityDirectory, utc_s: float) -> Finding:
    path = directory.path / AGENCY_FILE
    try:
        roots = directory.roots()
    except BwcError as error:
        return _bad(path, "agency", error)
    ended = [root for root in roots if standing(root, utc_s) is not Standing.GOOD]
    problem = f"root {ended[0].name!r} is {standing(ended[0], utc_s).value}" if ended else ""
    advice = "'bwc ca rotate' makes another root; devices take it at their renewal" if ended else ""
    return Finding(path=path, what="agency", certificate=roots[0], problem=problem, advice=advice)


def _deny_list(directory: IdentityDirectory) -> Finding:
    path = directory.path / DENY_LIST_FILE
    try:
        roots = directory.roots()
        lists = directory.lists_of(tuple(root.der for root in roots), roots[0].lab)
        return Finding(path=path, what="deny-list", counter=lists.counter)
    except BwcError as error:
        return _bad(path, "deny-list", error)


def _key_file(directory: IdentityDirectory, path: Path, utc_s: float) -> Finding:
    role = role_named(path)
    what = _NO_ROLE if role is None else label(role)
    loose = looseness(path, path.stat(), secret=True)
    if loose is not None:
        return _bad(path, what, loose)
    try:
        held = read_role_file(path, directory.ask)
    except BwcError as error:
        return _bad(path, what, error)
    leaf = held.leaf
    now = standing(leaf, utc_s)
    problem = advice = ""
    try:
        roots = directory.anchors(held)
        verify_chain(leaf.der, held.issuing.der, [root.der for root in roots], lab=roots[0].lab)
        lists = directory.lists_of(tuple(root.der for root in roots), roots[0].lab)
        if Role.EVIDENCE_RECIPIENT not in leaf.roles:  # never in a session, and no profile of one
            check_peer(leaf, Trust(lab=roots[0].lab, denied=lists))
        if role is None or role not in leaf.roles:
            problem = f"it is for {leaf.roles}, and not named after that: nobody looks for it here"
            advice = f"rename it: {label(next(iter(leaf.roles)))}{path.suffix}" if leaf.roles else ISSUE_ANEW
        elif now is Standing.EXPIRED:
            problem, advice = "its certificate has ended", ISSUE_ANEW
        elif now is Standing.NOT_YET_VALID:
            problem = "its certificate has not begun, by this host's clock"
            advice = "'timedatectl' tells whether this clock is right; else the clock of the CA was not"
    except PeerRefused as error:
        problem, advice = f"{error.check}: {error.detail}", ISSUE_ANEW
    except BwcError as error:
        problem, advice = error.rule, error.advice
    return Finding(path=path, what=what, certificate=leaf, standing=now, problem=problem, advice=advice)


def _bad(path: Path, what: str, error: BwcError) -> Finding:
    return Finding(path=path, what=what, problem=error.rule, advice=error.advice)
