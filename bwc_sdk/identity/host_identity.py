"""An identity of this host: a certificate with its key, the roots it trusts, and the deny list it knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from bwc_protocol.certificates.facts import CertificateFacts, MalformedCertificate, read_certificate
from bwc_protocol.declare import Role
from bwc_sdk.errors import IdentityError

if TYPE_CHECKING:
    from bwc_protocol.session.tls import Credentials
    from bwc_sdk.identity.deny_lists import DenyLists


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False, weakref_slot=True)
class HostIdentity:
    """As whom this host speaks to devices, and which devices it believes. The key itself need not be in this process:
    `credentials` may sign by a token."""

    credentials: Credentials
    """The certificates that it shows, the key behind them, and how they get into TLS."""
    certificate: CertificateFacts
    """What the first of those certificates says."""
    anchors: tuple[bytes, ...]
    """The roots (DER) that a device's certificate has to lead to: the agency's own and its standby."""
    source: str
    """Where it comes from, for people: the path of a key file, or "the lab in DIRECTORY"."""
    deny_lists: DenyLists
    """The newest deny list that this host knows, for all its identities of one agency."""

    @classmethod
    def of(
        cls,
        credentials: Credentials,
        anchors: Sequence[bytes],
        *,
        source: str = "",
        deny_list: Path | None = None,
    ) -> Self:
        """An identity whose key is wherever `credentials` have it, such as a token.

        `deny_list` is the file in which the newest deny list is kept; without one it is only remembered. Raises
        `IdentityError` for a certificate that is not of the profile.
        """
        from bwc_sdk.identity.deny_lists import DenyLists

        try:
            certificate = read_certificate(credentials.chain[0])
        except (MalformedCertificate, IndexError) as error:
            raise IdentityError(
                f"the certificate of {source or 'the identity'} cannot be used: {error}",
                advice="have one issued by the profile: 'bwc ca issue --csr FILE'",
            ) from error
        return cls(
            credentials=credentials,
            certificate=certificate,
            anchors=tuple(anchors),
            source=source or certificate.name,
            deny_lists=DenyLists(deny_list, anchors, certificate.lab),
        )

    def __repr__(self) -> str:
        """Who this is, and by what; nothing of its key."""
        of = f"{self.agency}, lab {self.lab}" if self.lab else self.agency
        return f"<identity {self.name!r} ({self.roles}; {of}) from {self.source}>"

    @property
    def name(self) -> str:
        """How this host is called in sessions and logs."""
        return self.certificate.name

    @property
    def agency(self) -> str:
        """The agency that issued it."""
        return self.certificate.agency

    @property
    def lab(self) -> str:
        """The id of the lab that it belongs to; "" for a real agency."""
        return self.certificate.lab

    @property
    def roles(self) -> Role:
        """The roles that it holds."""
        return self.certificate.roles


class IdentitySet(Protocol):
    """The identities of this host, one a role: of a directory, of the lab, or of a site's own key store."""

    @property
    def source(self) -> str:
        """Where they come from, for people."""

    def for_role(self, role: Role, utc_s: float) -> HostIdentity:
        """The identity that holds `role`, at a time in seconds since 1970. Raises `IdentityError`."""
