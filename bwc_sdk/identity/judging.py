"""How this host judges a device's certificate, beyond the signatures that TLS verifies (spec: Certificates, Checks)."""

from __future__ import annotations

import secrets
import weakref
from collections.abc import Callable
from typing import Final

from bwc_protocol.certificates.checks import Trust, check_peer, standing
from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.declare import NO_ROLE
from bwc_protocol.session.interface import PeerCredentials, Session, SessionFactory, SessionSide
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.errors import HostExhausted, IdentityError
from bwc_sdk.host.exhaustion import exhausted
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.identity.role_file import ISSUE_ANEW

Utc = Callable[[], int]
"""The host's UTC in ns since 1970."""
_sessions: Final[weakref.WeakKeyDictionary[HostIdentity, tuple[Utc, SessionFactory]]] = (
    weakref.WeakKeyDictionary()
)


def session_of(identity: HostIdentity, utc_ns: Utc, side: SessionSide) -> Session:
    """This host's end of one protected session. Raises `IdentityError` where OpenSSL does not take the certificate or
    its key, and `HostExhausted` where this host has no room for handing them over."""
    from bwc_protocol.session.tls import UnusableCredentials

    try:
        return _sessions_of(identity, utc_ns)(side)
    except UnusableCredentials as error:
        raise IdentityError(f"{identity.source} cannot be used: {error}", advice=ISSUE_ANEW) from error
    except (OSError, MemoryError) as error:
        lack = exhausted(error)
        if lack is not None:
            raise lack from error
        why = getattr(error, "strerror", None) or str(error)
        raise HostExhausted(
            f"the key of {identity.source} cannot be handed to OpenSSL, which takes it from a file: {why}",
            advice="allow this process memory files (memfd_create, /proc) or a directory that it may write (TMPDIR), "
            "and files of 8 KiB (ulimit -f, LimitFSIZE= of a systemd unit)",
        ) from error


def prepare(identity: HostIdentity, utc_ns: Utc) -> None:
    """Does what of a handshake takes long, and need not be done on the loop: reads the deny list, and lets OpenSSL have
    certificate and key. Raises `IdentityError`, `HostFileError`."""
    identity.deny_lists.current()
    session_of(identity, utc_ns, SessionSide(False, identity.name, identity.roles, secrets.token_bytes))


def _sessions_of(identity: HostIdentity, utc_ns: Utc) -> SessionFactory:
    """The same one for the life of an identity: what TLS makes of its certificates is made once."""
    known = _sessions.get(identity)
    if known is not None and known[0] == utc_ns:
        return known[1]
    from bwc_protocol.session.tls import TlsProfile, tls_sessions

    factory = tls_sessions(
        TlsProfile(
            credentials=identity.credentials,
            anchors=identity.anchors,
            lab=bool(identity.lab),
            judge=judge_of(identity, utc_ns),
        )
    )
    _sessions[identity] = utc_ns, factory
    return factory


def judge_of(identity: HostIdentity, utc_ns: Utc) -> Callable[[CertificateFacts], PeerCredentials]:
    """The judge of devices: raises `PeerRefused` for one that this host has nothing to do with.

    One whose certificate has ended, or not begun, by this host's clock is not among them: its footage has to come off.
    That its kind is the one in its preamble is checked where that is known, with SESSION_INFO.
    """

    def judge(facts: CertificateFacts) -> PeerCredentials:
        kind = PeerKind.STATION if facts.kind is PeerKind.STATION else PeerKind.CAMERA
        check_peer(facts, Trust(lab=identity.lab, denied=identity.deny_lists, kind=kind))
        return PeerCredentials(
            identity=facts.name,
            roles=NO_ROLE,
            certificate=facts,
            standing=standing(facts, utc_ns() / 1_000_000_000),
        )

    return judge
