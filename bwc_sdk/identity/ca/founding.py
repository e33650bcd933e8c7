"""How a CA begins: a new agency, a CA from its backup, and a new issuing CA under a root (spec: Certificates).

Each makes a directory whole or not at all.
"""

from __future__ import annotations

import errno
import functools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from bwc_protocol.certificates.facts import CertificateFacts, read_certificate
from bwc_sdk.errors import AgencyError
from bwc_sdk.identity.ca.agency_file import read_certificates, to_pem
from bwc_sdk.identity.ca.authority import Ca, Clock, Passphrase, opened
from bwc_sdk.identity.ca.layout import (
    AGENCY_FILE,
    DENY_LIST_FILE,
    ISSUING_FILES,
    OFFLINE,
    REGISTER_FILE,
    ROOT_FILE,
    STANDBY_FILE,
    issuing_file,
)
from bwc_sdk.identity.ca.lifetimes import BACKDATED_S, DAY_S, ISSUING_DAYS, ROOT_DAYS
from bwc_sdk.identity.ca.register import Begun, IssuingMade, Register
from bwc_sdk.identity.durable_files import sync_directory, telling_files, write_new
from bwc_sdk.identity.key_file import check_new_passphrase, sealed

if TYPE_CHECKING:
    from bwc_protocol.certificates.issue import Issuer

Entropy = Callable[[int], bytes]


P = ParamSpec("P")
R = TypeVar("R")


def _told(make: Callable[P, R]) -> Callable[P, R]:
    """What the operating system refuses in the making of a directory, as a `HostFileError`."""

    @functools.wraps(make)
    def run(*args: P.args, **options: P.kwargs) -> R:
        with telling_files(Path(str(args[0]))):
            return make(*args, **options)

    return run


@dataclass(frozen=True, slots=True)
class Founded:
    """A new CA, and where its keys were written."""

    root_file: Path
    standby_file: Path
    root: CertificateFacts
    standby: CertificateFacts
    issuing: CertificateFacts


@_told
def found(
    directory: Path,
    agency: str,
    *,
    passphrase: Passphrase,
    clock: Clock,
    entropy: Entropy,
    root_file: Path | None = None,
    standby_file: Path | None = None,
) -> Founded:
    """Makes an agency: root, standby root and issuing CA, each key in a file under its own passphrase.

    The roots' files go into `DIR/offline` unless others are named, such as on two sticks. Raises `AgencyError` for a
    directory or a root's file that is there already, `IdentityError` for a passphrase that is too short, and
    `ClockImplausible`.
    """
    from bwc_protocol.certificates.issue import Issuance, Issuer, make_root, new_key

    now_s = clock(None)
    files = root_file or directory / OFFLINE / ROOT_FILE, standby_file or directory / OFFLINE / STANDBY_FILE
    for path in (root_file, standby_file):
        if path is not None and path.exists():
            raise AgencyError(f"{path} is there already: a root is never written over")
    issuance = Issuance(
        not_before_s=now_s - BACKDATED_S, not_after_s=now_s + ROOT_DAYS * DAY_S, entropy=entropy
    )
    roots = []
    for word in ("root", "standby root"):
        key = new_key()
        try:
            certificate = make_root(key, agency, f"{_short(agency)} {word}", issuance)
        except ValueError as error:
            raise AgencyError(f"this cannot be the name of an agency: {error}") from error
        roots.append(Issuer(certificate, key))
    with _whole(directory) as half:
        # Every passphrase before the first key is written: one that is too short leaves nothing behind.
        chosen = [passphrase(path) for path in (*files, directory / "issuing.p12")]
        for one in chosen:
            check_new_passphrase(one)
        for path, root, secret in zip(files, roots, chosen, strict=False):
            placed = half / path.relative_to(directory) if path.is_relative_to(directory) else path
            placed.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_new(placed, sealed(root.key, [root.certificate], secret, entropy))
        register = Register(half / REGISTER_FILE)
        begun = Begun(agency=agency, root=roots[0].certificate, standby=roots[1].certificate)
        register.append(now_s, begun)
        issuing = _new_issuing(Ca(half, passphrase, clock, entropy), register, roots[0], now_s, chosen[-1])
        write_new(half / AGENCY_FILE, to_pem([begun.root, begun.standby]).encode(), mode=0o644)
    return Founded(*files, read_certificate(begun.root), read_certificate(begun.standby), issuing)


def rotate(ca: Ca, root_file: Path, new_passphrase: Callable[[], bytes]) -> CertificateFacts:
    """Makes a new issuing CA under the root whose key file is given, which may be the standby root's.

    What the old one issued stays good. Its key is removed once the new one counts. Raises `AgencyError` for a root of
    another agency, `IdentityError`, `ClockImplausible`.
    """
    ca.register()
    root, passphrase = opened(root_file, ca.passphrase), new_passphrase()
    with ca.changing() as (register, now_s):
        begun = register.begun
        if root.certificate not in (begun.root, begun.standby):
            raise AgencyError(f"{root_file} is no root of {begun.agency!r}, whose CA this is")
        made = _new_issuing(ca, register, root, now_s, passphrase)
        for path in ca.directory.glob(ISSUING_FILES):
            if path.name != issuing_file(made.key_id):
                path.unlink()
        return made


@_told
def rebuild(
    directory: Path,
    backup: Path,
    *,
    passphrase: Passphrase,
    clock: Clock,
    entropy: Entropy,
    root_file: Path | None = None,
    new_passphrase: Callable[[], bytes] | None = None,
) -> CertificateFacts:
    """Makes a CA anew from what is left of it: `agency.pem` at least, and a root's key file or an issuing CA's.

    The backup's register and deny list are taken over where there are any. Without the key of the issuing CA a new one
    is made from the root. Raises `AgencyError` when too little is left, or it does not belong together.
    """
    roots = read_certificates(backup / AGENCY_FILE)
    if len(roots) != 2:
        raise AgencyError(f"{backup / AGENCY_FILE} has {len(roots)} certificates, not root and standby root")
    known = [read_certificate(der) for der in roots]
    old = Register.read(backup) if (backup / REGISTER_FILE).exists() else None
    if old is not None and (old.begun.root, old.begun.standby) != roots:
        raise AgencyError(f"{backup} has the register of another agency than its {AGENCY_FILE}")
    now_s = clock(old.last_s if old is not None else None)
    with _whole(directory) as half:
        if old is not None:
            write_new(half / REGISTER_FILE, (backup / REGISTER_FILE).read_bytes()[: old.end])
            register = Register.read(half)
        else:
            register = Register(half / REGISTER_FILE)
            register.append(now_s, Begun(agency=known[0].agency, root=roots[0], standby=roots[1]))
        if (backup / DENY_LIST_FILE).exists():
            write_new(half / DENY_LIST_FILE, (backup / DENY_LIST_FILE).read_bytes(), mode=0o644)
        write_new(half / AGENCY_FILE, to_pem(roots).encode(), mode=0o644)
        new = Ca(half, passphrase, clock, entropy)
        issuing = _kept_issuing(new, register, backup, now_s)
        if issuing is None:
            if root_file is None or new_passphrase is None:
                raise AgencyError(
                    f"{backup} has no key of the issuing CA",
                    advice="name the file of the root's key, and a new one is made: --root FILE",
                )
            root = opened(root_file, passphrase)
            if root.certificate not in roots:
                raise AgencyError(f"{root_file} is no root of {known[0].agency!r}")
            issuing = _new_issuing(new, register, root, now_s, new_passphrase())
    return issuing


def _kept_issuing(ca: Ca, register: Register, backup: Path, now_s: int) -> CertificateFacts | None:
    """Takes over the key of the issuing CA, if the backup has that of the newest one; its file goes as it is."""
    named = [line.entry.certificate for line in register.lines if isinstance(line.entry, IssuingMade)]
    begun = register.begun
    for path in sorted(backup.glob(ISSUING_FILES)):
        held = opened(path, ca.passphrase)
        facts = read_certificate(held.certificate)
        if named and held.certificate != named[-1]:
            continue
        if facts.issuer_key_id not in {read_certificate(der).key_id for der in (begun.root, begun.standby)}:
            raise AgencyError(f"{path} is an issuing CA of another agency than {begun.agency!r}")
        write_new(ca.directory / issuing_file(facts.key_id), path.read_bytes())
        if not named:
            register.append(now_s, IssuingMade(certificate=held.certificate))
        return facts
    return None


def _new_issuing(ca: Ca, register: Register, root: Issuer, now_s: int, passphrase: bytes) -> CertificateFacts:
    from bwc_protocol.certificates.issue import Issuance, make_issuing, new_key

    check_new_passphrase(passphrase)
    ends_s = min(now_s + ISSUING_DAYS * DAY_S, read_certificate(root.certificate).not_after_s)
    if ends_s <= now_s:
        raise AgencyError("the root has ended, and nothing under it can be renewed any more")
    number = sum(isinstance(line.entry, IssuingMade) for line in register.lines) + 1
    issuance = Issuance(not_before_s=now_s - BACKDATED_S, not_after_s=ends_s, entropy=ca.entropy)
    key = new_key()
    name = f"{_short(register.begun.agency)} issuing {number}"
    certificate = make_issuing(root, key.public_key(), name, issuance)
    made = read_certificate(certificate)
    # The key first: the register never names one that is not there.
    write_new(
        ca.directory / issuing_file(made.key_id),
        sealed(key, [certificate, root.certificate], passphrase, ca.entropy),
    )
    register.append(now_s, IssuingMade(certificate=certificate))
    return made


def _short(agency: str) -> str:
    """So much of the agency's name that the name of a CA has room behind it."""
    return agency.encode()[:44].decode("utf-8", "ignore").strip() or agency


@contextmanager
def _whole(directory: Path) -> Iterator[Path]:
    """A directory of another name in which the CA is made; it gets its name in the end, or is removed.

    What a killed process leaves has the name `.NAME.half-…`, and counts for nothing.
    """
    taken = AgencyError(f"{directory} is not empty: a CA begins in a directory of its own")
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise taken
    directory.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix=f".{directory.name}.half-", dir=directory.parent))
    try:
        yield half
        try:
            half.rename(directory)  # in the place of nothing, or of what is empty
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            raise taken from error  # somebody was faster
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    sync_directory(directory.parent)
