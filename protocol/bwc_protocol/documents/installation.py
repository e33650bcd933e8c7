"""What enrolment installs, and what renewal does (spec: Enrolment, Renewal). Neither is signed: the device checks what
is in it, and who brings it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

from bwc_protocol.certificates.profile import CERTIFICATE_MAX
from bwc_protocol.documents.deny_list import DENY_LIST_MAX
from bwc_protocol.evidence import EvidenceError, cbor

RECIPIENTS_MAX: Final = 4
"""Evidence recipients: one in daily use, one kept off line, and room to change them."""
INSTALLATION_MAX: Final = DENY_LIST_MAX + 9 * CERTIFICATE_MAX + 64
"""Bytes of an installation: a deny list and nine certificates at their largest."""
RENEWAL_MAX: Final = 2 * CERTIFICATE_MAX + 16
"""Bytes of a renewal."""
_CERTIFICATE, _ISSUING, _ROOT, _STANDBY, _DENY_LIST, _RECIPIENTS, _BENCH, _HOST_ISSUING = range(1, 9)


class NotAnInstallation(Exception):
    """The bytes are none. The text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """A new certificate for a device that has one. Certificates are DER."""

    certificate: bytes
    issuing: bytes
    """Of the CA that issued it."""

    def encode(self) -> bytes:
        """Its one encoding."""
        return cbor.encode({_CERTIFICATE: self.certificate, _ISSUING: self.issuing})

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises `NotAnInstallation`; nothing of it is verified."""
        found = _map(data, {_CERTIFICATE, _ISSUING})
        return cls(certificate=_der(found, _CERTIFICATE), issuing=_der(found, _ISSUING))


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """All that makes a device one of an agency. Certificates are DER."""

    certificate: bytes
    """The device's own, for its request."""
    issuing: bytes
    """Of the CA that issued it, and the recipients' certificates."""
    root: bytes
    standby: bytes
    """The standby root's; empty without one."""
    deny_list: bytes = b""
    """The agency's deny list; empty before its first."""
    recipients: tuple[bytes, ...] = ()
    """Of those who can open encrypted footage."""
    bench: bool = False
    """Whether the device takes the role BENCH all the same, which a device of a real agency else does not."""
    host_issuing: bytes = b""
    """Of the CA that issued the certificate of the host which enrols; empty if it is the same."""

    @property
    def roots(self) -> tuple[bytes, ...]:
        """Root, and standby root if there is one."""
        return (self.root, self.standby) if self.standby else (self.root,)

    def encode(self) -> bytes:
        """Its one encoding."""
        return cbor.encode(
            {
                _CERTIFICATE: self.certificate,
                _ISSUING: self.issuing,
                _ROOT: self.root,
                _STANDBY: self.standby,
                _DENY_LIST: self.deny_list,
                _RECIPIENTS: list(self.recipients),
                _BENCH: self.bench,
                _HOST_ISSUING: self.host_issuing,
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises `NotAnInstallation`; nothing of it is verified."""
        found = _map(data, set(range(_CERTIFICATE, _HOST_ISSUING + 1)))
        recipients, deny_list, bench = found[_RECIPIENTS], found[_DENY_LIST], found[_BENCH]
        if type(recipients) is not list or len(recipients) > RECIPIENTS_MAX:
            raise NotAnInstallation(f"the recipients are no array of at most {RECIPIENTS_MAX}")
        if type(deny_list) is not bytes or len(deny_list) > DENY_LIST_MAX:
            raise NotAnInstallation(f"the deny list is no byte string of at most {DENY_LIST_MAX}")
        if type(bench) is not bool:
            raise NotAnInstallation("whether the role BENCH is taken is neither true nor false")
        return cls(
            certificate=_der(found, _CERTIFICATE),
            issuing=_der(found, _ISSUING),
            root=_der(found, _ROOT),
            standby=_der(found, _STANDBY, optional=True),
            deny_list=deny_list,
            recipients=tuple(_der(dict(enumerate(recipients)), at) for at in range(len(recipients))),
            bench=bench,
            host_issuing=_der(found, _HOST_ISSUING, optional=True),
        )


def _map(data: bytes, keys: set[int]) -> dict[int, Any]:
    try:
        found = cbor.decode(data)
    except EvidenceError as error:
        raise NotAnInstallation(str(error)) from error
    if type(found) is not dict or found.keys() != keys:
        raise NotAnInstallation(f"no map with the keys {min(keys)} to {max(keys)}")
    return found


def _der(found: dict[int, Any], key: int, *, optional: bool = False) -> bytes:
    value = found[key]
    if type(value) is not bytes or not (optional or value) or len(value) > CERTIFICATE_MAX:
        raise NotAnInstallation(
            f"what stands under {key} is no certificate of at most {CERTIFICATE_MAX} bytes"
        )
    return value
