"""The identity directory: `ROLE.p12` or `ROLE.pem` a role, `agency.pem` with the roots, `deny-list.cose`.

A role may have several files, such as `dock-offload.p12` and `dock-offload-2027.p12`: the newest that is valid is
taken. Files that change are read anew when an identity is asked for the next time, so that a service goes on under a
renewed certificate without a restart.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bwc_protocol.certificates.checks import Standing, standing
from bwc_protocol.certificates.facts import CertificateFacts, MalformedCertificate, read_certificate
from bwc_protocol.declare import Role
from bwc_protocol.word import label
from bwc_sdk.errors import HostFileError, IdentityError, IdentityMissing
from bwc_sdk.identity.deny_lists import DenyLists
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.identity.passphrase import Ask
from bwc_sdk.identity.private_files import check_directory, read_trusted
from bwc_sdk.identity.role_file import ENCRYPTED, PLAIN, RoleFile, certificates_in, read_role_file

AGENCY_FILE: Final = "agency.pem"
"""Root and standby root of the agency, as PEM."""
DENY_LIST_FILE: Final = "deny-list.cose"
"""The newest deny list that this host has met."""
ROOTS_MAX: Final = 4
"""Roots of one agency: its own and the standby, twice while they are replaced."""
FILES_MAX: Final = 8
"""Key files of one role: opening each takes a tenth of a second."""
_COPY_AGENCY: Final = (
    "copy agency.pem from where the agency's CA is kept: 'bwc ca issue' writes it beside the key files"
)

_Stamp = tuple[tuple[str, int, int], ...]
"""Name, size and time of change of each file that an identity was made from."""


@dataclass(slots=True)
class IdentityDirectory:
    """The identities in a directory. `ask` asks a person for a passphrase, where there is one to be asked."""

    path: Path
    ask: Ask | None = field(default=None, repr=False)
    _opened: dict[Role, tuple[_Stamp, HostIdentity]] = field(default_factory=dict, repr=False)
    _lists: DenyLists | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def source(self) -> str:
        return str(self.path)

    def for_role(self, role: Role, utc_s: float) -> HostIdentity:
        """See `IdentitySet.for_role`. From any thread: when a fleet begins, each file is opened once for all of it, and
        nobody is asked for a passphrase twice."""
        with self._lock:
            return self._for_role(role, utc_s)

    def _for_role(self, role: Role, utc_s: float) -> HostIdentity:
        files = self.files_of(role)
        check_directory(self.path)
        if not files:
            held = [label(one) for one in self.roles()]
            other = f"; or speak in a role that is there: --role {held[0]}" if held else ""
            raise IdentityMissing(
                f"{self.path} holds {', '.join(held) or 'no role at all'}, and nothing for the role {label(role)}",
                advice=f"have one issued: 'bwc ca issue' with the role {label(role)}, as in "
                f"bwc ca issue CA-DIR {label(role)} --name NAME --out {self.path}{other}",
            )
        if len(files) > FILES_MAX:
            raise IdentityError(
                f"{self.path} has {len(files)} key files for {label(role)}, at most {FILES_MAX}",
                advice="take away those that have ended: 'bwc identity list' shows them",
            )
        stamp = _stamp([*files, self.path / AGENCY_FILE])
        known = self._opened.get(role)
        if known is not None and known[0] == stamp and (len(files) == 1 or _good(known[1], utc_s)):
            return known[1]
        found = _best([self.opened(path, role) for path in files], utc_s)
        self._opened[role] = stamp, found
        return found

    def opened(self, path: Path, role: Role) -> HostIdentity:
        """The identity in one of its key files, which has to hold `role`. Raises `IdentityError`."""
        from bwc_protocol.session.tls import KeyCredentials

        held = read_role_file(path, self.ask)
        if not held.leaf.roles & role:
            raise IdentityMissing(
                f"{path} holds a certificate for {_roles(held.leaf.roles)}, not for {label(role)}",
                advice="rename it after the role that it holds, or have one issued for this: 'bwc ca issue'",
            )
        anchors = self.anchors(held)
        return HostIdentity(
            credentials=KeyCredentials((held.leaf.der, held.issuing.der), held.key),
            certificate=held.leaf,
            anchors=tuple(root.der for root in anchors),
            source=str(path),
            deny_lists=self.lists_of(tuple(root.der for root in anchors), held.leaf.lab),
        )

    def lists_of(self, roots: tuple[bytes, ...], lab: str) -> DenyLists:
        """One for all roles, as long as the agency stays the same."""
        if self._lists is None or self._lists.roots != roots:
            self._lists = DenyLists(self.path / DENY_LIST_FILE, roots, lab)
        return self._lists

    def files_of(self, role: Role) -> list[Path]:
        """The key files of a role, by name."""
        name = label(role)
        return [path for path in self.files() if path.stem == name or path.stem.startswith(f"{name}-")]

    def files(self) -> list[Path]:
        """All key files. Raises `IdentityMissing`, `HostFileError`."""
        try:
            found = sorted(self.path.iterdir())
        except FileNotFoundError as error:
            raise IdentityMissing(
                f"there is no directory {self.path}",
                advice="--identity DIR or BWC_IDENTITY names the directory of this host's key files",
            ) from error
        except OSError as error:
            raise HostFileError(f"{self.path} cannot be read: {error.strerror}") from error
        return [path for path in found if path.suffix in (ENCRYPTED, PLAIN) and path.name != AGENCY_FILE]

    def roles(self) -> tuple[Role, ...]:
        """The roles for which there are key files, by their names."""
        return tuple(role for role in Role if self.files_of(role))

    def roots(self) -> tuple[CertificateFacts, ...]:
        """The roots of the agency. Raises `IdentityError`, `HostFileError`."""
        path = self.path / AGENCY_FILE
        if not path.exists():
            raise IdentityError(
                f"{path} is missing: it says which devices are to be believed", advice=_COPY_AGENCY
            )
        try:
            roots = tuple(read_certificate(der) for der in certificates_in(path, read_trusted(path)))
        except MalformedCertificate as error:
            raise IdentityError(f"a root in {path} cannot be used: {error}", advice=_COPY_AGENCY) from error
        if not 1 <= len(roots) <= ROOTS_MAX or not all(root.is_ca for root in roots):
            raise IdentityError(
                f"{path} has to hold 1 to {ROOTS_MAX} roots, and nothing else", advice=_COPY_AGENCY
            )
        if len({root.lab for root in roots}) != 1:
            raise IdentityError(f"{path} mixes roots of a lab and of an agency", advice=_COPY_AGENCY)
        return roots

    def anchors(self, held: RoleFile) -> tuple[CertificateFacts, ...]:
        """The roots, if one of them stands above a key file's certificate. Raises `IdentityError`."""
        roots = self.roots()
        if held.issuing.issuer_key_id not in {root.key_id for root in roots}:
            raise IdentityError(
                f"{held.leaf.name!r} was issued by {held.leaf.agency!r} under another root than those of "
                f"{roots[0].agency!r} in {self.path / AGENCY_FILE}",
                advice=f"keep the key files of each agency in a directory of their own; {_COPY_AGENCY}",
            )
        return roots


def _roles(roles: Role) -> str:
    return ", ".join(label(role) for role in roles) or "no role"


def _good(identity: HostIdentity, utc_s: float) -> bool:
    return standing(identity.certificate, utc_s) is Standing.GOOD


def _best(found: list[HostIdentity], utc_s: float) -> HostIdentity:
    """The newest that is valid; where none is, the one that ended last."""
    return max(found, key=lambda one: (_good(one, utc_s), one.certificate.not_after_s))


def _stamp(paths: list[Path]) -> _Stamp:
    found = []
    for path in paths:
        try:
            facts = path.stat()
        except OSError:
            continue  # said when it is read
        found.append((path.name, facts.st_size, facts.st_mtime_ns))
    return tuple(found)
