"""Whose devices are let in: the roots of their factories, and the serial numbers that were bought."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from bwc_protocol.certificates.checks import Check, PeerRefused, Trust, check_peer
from bwc_protocol.certificates.facts import CertificateFacts, read_certificate
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.errors import IdentityError
from bwc_sdk.identity.ca.agency_file import read_bounded, read_certificates

SERIALS_MAX: Final = 8 << 20
"""Bytes of a list of serial numbers: a hundred thousand at their largest."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """What a factory-new device is held against."""

    roots: tuple[bytes, ...]
    """Roots of the factories (DER)."""
    serials: frozenset[str] | None = None
    """Serial numbers that may be enrolled; None = all of these factories."""

    @classmethod
    def of_files(cls, roots: Path, serials: Path | None = None) -> Self:
        """From a PEM file, and a list with one serial number a line; what stands behind # is for people.

        Raises `HostFileError`, `IdentityError`.
        """
        found = read_certificates(roots)
        for der in found:
            facts = read_certificate(der)
            if not facts.is_ca:
                raise IdentityError(
                    f"{roots} has a certificate that is no CA's: {facts.name!r}",
                    advice="the maker of the devices gives the root of its factory",
                )
        return cls(found, None if serials is None else read_serials(serials))

    def judge(self, facts: CertificateFacts) -> None:
        """Holds a device against it, once TLS has verified the chain. Raises `PeerRefused`."""
        kind = PeerKind.STATION if facts.kind is PeerKind.STATION else PeerKind.CAMERA
        check_peer(facts, Trust(kind=kind, factory=True))
        if self.serials is not None and facts.name not in self.serials:
            raise PeerRefused(Check.FACTORY, f"{facts.name!r} is not in the list of serial numbers")


def read_serials(path: Path) -> frozenset[str]:
    """The serial numbers in a file. Raises `HostFileError`, `IdentityError`."""
    try:
        text = read_bounded(path, SERIALS_MAX).decode("utf-8")
    except UnicodeDecodeError as error:
        raise IdentityError(f"{path} is no text", advice="one serial number a line, in UTF-8") from error
    found = (line.partition("#")[0].strip() for line in text.splitlines())
    return frozenset(serial for serial in found if serial)
