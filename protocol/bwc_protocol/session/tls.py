"""The secure session: TLS 1.3 over the bytes of a channel, both ends with a certificate (spec: Secure session).

The device is the client. It keeps its last flight, in which its certificate is, until everything that it holds
against the host has passed: a host that is refused learns nothing of it. OpenSSL's own clock and randomness are the
one thing in this package that is not given in.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bwc_protocol.certificates.checks import Check, PeerRefused
from bwc_protocol.certificates.facts import CertificateFacts, MalformedCertificate, read_certificate
from bwc_protocol.session.interface import (
    Alert,
    PeerCredentials,
    Session,
    SessionFactory,
    SessionFailed,
    SessionSide,
)
from bwc_protocol.session.preamble import TLS_1_3
from bwc_protocol.session.tls_context import Credentials, KeyCredentials, UnusableCredentials, context_for
from bwc_protocol.session.tls_failures import Ends, broken, failed, refused
from bwc_protocol.session.tls_records import (
    OVERHEAD,
    PLAINTEXT_MAX,
    BrokenRecord,
    Gatherer,
    Scanner,
)

__all__ = ["Credentials", "KeyCredentials", "TlsProfile", "UnusableCredentials", "tls_sessions"]

HANDSHAKE_MAX: Final = 16_384
"""Handshake bytes taken from a peer that has not authenticated; leaf and issuing CA take 1,300."""
RECORDS_MAX: Final = 1 << 24
"""Records that one key protects: half of what AES-GCM is good for (RFC 8446, section 5.5), since nothing renews it."""
LIFETIME_S: Final = 86_400.0
"""How long a session may last: a peer that was denied since, or a key that has leaked, does not stay for ever."""
IDLE_MAX: Final = 16_384
"""Sealed bytes of a peer that are no plaintext: padding, tickets, key updates, of which it needs none. An empty record
counts as one."""

Judge = Callable[[CertificateFacts], PeerCredentials]
"""Decides on a peer by what its certificate says; raises `PeerRefused`."""


@dataclass(frozen=True, slots=True)
class TlsProfile:
    """What an end brings into each of its sessions."""

    credentials: Credentials
    anchors: tuple[bytes, ...]
    """Roots (DER) below which the peer's certificate has to be. Empty: any is taken, by a device that belongs to no
    agency yet."""
    lab: bool
    """Whether the roots are a lab's."""
    judge: Judge


def _version(tls: ssl.SSLObject) -> str | None:
    version = tls.version()
    return None if version == "TLSv1.3" else f"the session would be {version}, not TLS 1.3"


def _cipher(tls: ssl.SSLObject) -> str | None:
    chosen = tls.cipher()
    name = "nothing" if chosen is None else chosen[0]
    return None if name in CIPHERS else f"the session would be protected by {name}, not by AES-GCM"


CIPHERS: Final = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384")
HANDSHAKE_CHECKS: Final[dict[Check, Callable[[ssl.SSLObject], str | None]]] = {
    Check.PROTOCOL: _version,
    Check.CIPHER: _cipher,
}
"""What is held against a handshake that OpenSSL finds good, before the certificate is looked at."""


class TlsSession:
    """One end of a secure session."""

    secure = True
    protection = TLS_1_3
    lifetime_s: float | None = LIFETIME_S

    def __init__(self, side: SessionSide, context: ssl.SSLContext, profile: TlsProfile) -> None:
        self.failure: SessionFailed | None = None
        self._client = side.client
        self._accept = side.accept
        self._judge = profile.judge
        own, peer = ("device", "host") if side.client else ("host", "device")
        self._ends = Ends(own, peer, profile.lab)
        self._to_tls, self._from_tls = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._to_tls, self._from_tls, server_side=not side.client)
        self._gatherer = Gatherer(HANDSHAKE_MAX)
        self._scanner = Scanner()
        self._out: list[bytes] = []
        self._peer: PeerCredentials | None = None
        self._closed = False
        self._ended = False
        self._over = False
        self._records = [0, 0]  # opened, sealed
        self._idle = 0

    @property
    def peer(self) -> PeerCredentials | None:
        return self._peer

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def worn_out(self) -> bool:
        return max(self._records) >= RECORDS_MAX

    @property
    def pending(self) -> bool:
        return bool(self._out)

    def start(self) -> None:
        if self._client:
            self._step()

    def receive(self, data: bytes | memoryview) -> list[bytes | memoryview]:
        found: list[bytes | memoryview] = []
        if self._over or self._closed:
            return found  # whatever follows is not the peer's word any more
        view = memoryview(data)
        try:
            if self._peer is None:
                view = self._shake(view)
            if view:
                self._open(view, found)
        except SessionFailed as error:
            self.failure = error
            self._let_go()
            if not found:
                raise
        if self._closed and self._ended:
            self._let_go()
        return found

    def overhead(self, length: int) -> int:
        return OVERHEAD * max(1, -(-length // PLAINTEXT_MAX))

    def seal(self, *parts: bytes | memoryview) -> None:
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        if data and not self._over:
            self._records[1] += -(-len(data) // PLAINTEXT_MAX)
            self._tls.write(data)
            self._take_out()

    def close(self, alert: Alert = Alert.CLOSE) -> None:
        # Python can say no other alert, and an orderly end would be a lie: RESET says what it is.
        if alert is not Alert.CLOSE or self._peer is None or self._ended or self._over:
            return
        self._ended = True
        try:
            self._tls.unwrap()  # once: a second one would not expect what is still under way
        except ssl.SSLError:
            pass  # the peer has not closed yet, or said more; its close is read as what it says is
        self._take_out()
        if self._closed:
            self._let_go()

    def outgoing(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    # The handshake

    def _shake(self, view: memoryview) -> memoryview:
        """Takes records one by one until the handshake is done; gives what lies behind it."""
        at = 0
        while self._peer is None:
            try:
                record, taken = self._gatherer.take(view[at:])
            except BrokenRecord as error:
                raise broken(str(error)) from error
            at += taken
            if not record:
                break
            self._to_tls.write(record)
            self._step()
        return view[at:]

    def _step(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._take_out()
            return
        except ssl.SSLError as error:
            self._take_out()  # the alert that says why
            raise failed(error, self._ends) from error
        # The client's certificate lies in `_from_tls` now, and goes nowhere before the host has passed.
        try:
            self._peer = self._checked()
        except PeerRefused as error:
            self._from_tls.read()
            raise refused(error.check, error.detail, self._ends) from error
        self._take_out()

    def _checked(self) -> PeerCredentials:
        """Who the peer is, once everything that OpenSSL does not look at has been."""
        for check, verdict in HANDSHAKE_CHECKS.items():
            found = verdict(self._tls)
            if found is not None:
                raise PeerRefused(check, found)
        der = self._tls.getpeercert(binary_form=True)
        if der is None:
            raise PeerRefused(Check.CHAIN, "it shows none")
        try:
            facts = read_certificate(der)
        except MalformedCertificate as error:
            raise PeerRefused(Check.FORM, str(error)) from error
        peer = self._judge(facts)
        if not self._accept(peer):
            raise PeerRefused(Check.ROLE, f"{peer.identity!r} is not accepted")
        return peer

    # Behind the handshake

    def _open(self, view: memoryview, found: list[bytes | memoryview]) -> None:
        records, room, fault = self._scanner.scan(view)
        self._to_tls.write(view)
        if records:
            self._records[0] += records
            self._read(room, found)
        if fault is not None and not self._closed:
            raise broken(str(fault)) from fault

    def _read(self, room: int, found: list[bytes | memoryview]) -> None:
        """Opens what has come of records, which holds `room` bytes of plaintext at most. All of it goes into one
        piece: what is above costs by the piece."""
        window, at = memoryview(bytearray(room)), 0
        try:
            while at < room:
                got = int(self._tls.read(room - at, window[at:]))
                if not got:
                    self._closed = True
                    break
                at += got
        except ssl.SSLWantReadError:
            self._idle += room - at
            if self._idle > IDLE_MAX:
                raise broken(f"more than {IDLE_MAX} sealed bytes that are no plaintext") from None
        except ssl.SSLZeroReturnError:
            self._closed = True
        except ssl.SSLError as error:
            raise failed(error, self._ends) from error
        finally:
            if at:
                found.append(window[:at])
            if self._from_tls.pending:
                self._take_out()  # the alert that says what is wrong

    def _let_go(self) -> None:
        """It is over: gives back what OpenSSL holds for it, without waiting for the collector."""
        self._over = True
        del self._tls, self._to_tls, self._from_tls

    def _take_out(self) -> None:
        data = self._from_tls.read()
        if data:
            self._out.append(data)


def tls_sessions(profile: TlsProfile) -> SessionFactory:
    """Makes this end's sessions. The contexts are made at the first session of each side, and kept: make another
    factory when credentials or anchors have changed. A session raises `UnusableCredentials` when they do not fit."""
    contexts: dict[bool, ssl.SSLContext] = {}

    def session(side: SessionSide) -> Session:
        context = contexts.get(side.client)
        if context is None:
            context = contexts[side.client] = context_for(
                profile.credentials, profile.anchors, client=side.client, lab=profile.lab
            )
        return TlsSession(side, context, profile)

    return session
