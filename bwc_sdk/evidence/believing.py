"""Whom a verification believes: roots that were named, those of this host's identity, or those of its lab."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bwc_protocol.certificates.facts import CertificateFacts, MalformedCertificate, read_certificate
from bwc_sdk.errors import IdentityError
from bwc_sdk.evidence.statements import Believed
from bwc_sdk.identity.lookup import configured_directory

if TYPE_CHECKING:
    from bwc_protocol.documents.deny_list import DenyList


def whom_to_believe(
    *,
    roots: Sequence[Path] = (),
    identity: Path | None = None,
    lab: bool = False,
    deny_list: Path | None = None,
    lab_unasked: bool = True,
) -> Believed | None:
    """`roots` are files (PEM or DER), `identity` a directory with `agency.pem`; without either the configured identity,
    else the lab of this host if there is one, else nobody: None. Without `lab_unasked` a lab counts only by `lab`.

    A `deny_list` that is not named is the newest one that lies beside the identity. Raises `IdentityError`,
    `HostFileError`.
    """
    if bool(roots) + (identity is not None) + lab > 1:
        raise IdentityError(
            "root, identity and lab exclude each other",
            advice="give one of them, or none for what is configured",
        )
    if roots:
        return _by_files(roots, deny_list)
    directory = None if lab else identity or configured_directory()
    if directory is not None:
        return _by_directory(directory, deny_list)
    if not lab and not lab_unasked:
        return None
    return _by_lab(deny_list, asked=lab)


@dataclass(frozen=True, slots=True)
class DenyListsOfAgencies:
    """Deny lists of several agencies as one: a name is denied by its own agency alone, a key by any of them."""

    lists: tuple[DenyList, ...]

    def denies(self, certificate: CertificateFacts) -> str | None:
        """Why a certificate is denied; None when it is not."""
        from bwc_protocol.documents.deny_list import DeniedBy

        for one in self.lists:
            entry = one.entry_for(certificate)
            if entry is not None and (entry.by != DeniedBy.NAME or one.agency == certificate.agency):
                return one.denies(certificate)
        return None


def deny_lists_of(paths: Sequence[Path], believed: Believed | None) -> DenyListsOfAgencies | None:
    """The lists of these files, and the one that is believed without a file; None where there is none.

    Raises `HostFileError`, and `IdentityError` for a list that none of the roots signed.
    """
    if believed is None:
        if paths:
            raise IdentityError(
                "nobody is believed here who could have signed a deny list",
                advice="name the roots by --root, or an identity by --identity",
            )
        return None
    beside = () if believed.deny_list is None else (believed.deny_list,)
    named = [_list(path, believed.roots, believed.lab) for path in paths]
    lists = (*beside, *(one for one in named if one is not None))
    return DenyListsOfAgencies(lists) if lists else None


def _by_files(paths: Sequence[Path], deny_list: Path | None) -> Believed:
    from bwc_sdk.identity.ca.agency_file import read_certificates

    ders = tuple(der for path in paths for der in read_certificates(path))
    try:
        facts = [read_certificate(der) for der in ders]
    except MalformedCertificate as error:
        raise IdentityError(f"a root cannot be used: {error}") from error
    if not all(one.is_ca for one in facts) or len({one.lab for one in facts}) != 1:
        raise IdentityError(
            "the roots are not those of one agency",
            advice="name the root and the standby root of the agency whose cameras these are: its agency.pem",
        )
    lab = facts[0].lab
    return Believed(roots=ders, lab=lab, deny_list=_list(deny_list, ders, lab))


def _by_directory(path: Path, deny_list: Path | None) -> Believed:
    from bwc_sdk.identity.identity_directory import IdentityDirectory

    directory = IdentityDirectory(path)
    facts = directory.roots()
    ders, lab = tuple(one.der for one in facts), facts[0].lab
    known = _list(deny_list, ders, lab) or directory.lists_of(ders, lab).current()
    return Believed(roots=ders, lab=lab, deny_list=known)


def _by_lab(deny_list: Path | None, *, asked: bool) -> Believed | None:
    from bwc_protocol.lab.directory import FILE, LabUnusable, lab_directory, open_lab
    from bwc_sdk.identity.deny_lists import DenyLists

    if not asked and not (lab_directory() / FILE).exists():
        return None
    try:
        lab = open_lab()
    except LabUnusable as error:
        raise IdentityError(str(error)) from error
    roots, name = lab.agency.anchors, lab.agency.id
    path = None if lab.path is None else lab.path.with_name("deny-list.cose")
    known = _list(deny_list, roots, name) or DenyLists(path, roots, name).current()
    return Believed(roots=roots, lab=name, deny_list=known)


def _list(path: Path | None, roots: tuple[bytes, ...], lab: str) -> DenyList | None:
    if path is None:
        return None
    from bwc_sdk.errors import HostFileError
    from bwc_sdk.identity.deny_lists import DenyLists

    if not path.exists():
        raise HostFileError(f"there is no {path}")
    return DenyLists(path, roots, lab).current()
