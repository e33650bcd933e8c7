"""A CA that is elsewhere: requests go out as files, certificates come back as files, by whatever way a site has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.enrolment.authority import AgencyParts, CertifiedKey, RequestWaits
from bwc_sdk.errors import IdentityError
from bwc_sdk.identity.ca.agency_file import read_certificates
from bwc_sdk.identity.ca.layout import CHAIN_SUFFIX, file_stem
from bwc_sdk.identity.ca.requests import REQUEST_SUFFIX
from bwc_sdk.identity.durable_files import replace, telling_files

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True, slots=True)
class FileAuthority:
    """Writes `SERIAL.csr` into one directory, and takes `SERIAL.pem` (the certificate, then its issuing CA) from
    another, once it is there and for the key that the device asks for."""

    agency: AgencyParts
    requests: Path | None
    """Where requests go; None: none are written."""
    certificates: Path | None
    """Where certificates come; None: none are looked for."""

    def parts(self) -> AgencyParts:
        return self.agency

    def certify(
        self, serial: str, kind: PeerKind, request: bytes, key: ec.EllipticCurvePublicKey
    ) -> CertifiedKey | RequestWaits:
        stem = file_stem(serial)
        if self.certificates is not None:
            path = self.certificates / f"{stem}{CHAIN_SUFFIX}"
            if path.exists():
                found = self._certified(path, key)
                if found is not None:
                    return found
        if self.requests is None:
            raise IdentityError(
                f"there is no certificate for the key that {serial!r} asks for",
                advice="--csr-out DIR writes its request, for your CA",
            )
        path = self.requests / f"{stem}{REQUEST_SUFFIX}"
        with telling_files(path):
            self.requests.mkdir(parents=True, exist_ok=True)
            replace(path, _pem(request), mode=0o644)
        return RequestWaits(path)

    def _certified(self, path: Path, key: ec.EllipticCurvePublicKey) -> CertifiedKey | None:
        """The certificate in a file; None for one of an earlier key."""
        from cryptography import x509

        chain = read_certificates(path)
        if len(chain) != 2:
            raise IdentityError(
                f"{path} has {len(chain)} certificates, not the device's and then its issuing CA's",
                advice="put both into it, in PEM, the device's first",
            )
        if x509.load_der_x509_certificate(chain[0]).public_key() != key:
            return None
        return CertifiedKey(*chain)


def _pem(request: bytes) -> bytes:
    import base64
    import textwrap

    body = "\n".join(textwrap.wrap(base64.b64encode(request).decode(), 64))
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n".encode()
