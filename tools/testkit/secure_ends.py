"""Agencies, and ends of secure sessions that know each other by them: for tests of what protects a channel."""

from __future__ import annotations

import _ssl
import ctypes
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from bwc_protocol.certificates.checks import Trust, check_peer, standing
from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.certificates.issue import (
    Issuance,
    Issuer,
    make_device,
    make_factory,
    make_host,
    make_issuing,
    make_root,
    new_key,
)
from bwc_protocol.declare import NO_ROLE, Role
from bwc_protocol.session.interface import (
    PeerCredentials,
    Session,
    SessionFactory,
    SessionFailed,
    SessionSide,
)
from bwc_protocol.session.tls import KeyCredentials, TlsProfile, tls_sessions
from bwc_protocol.session.tls_context import context_for
from bwc_protocol.vocabulary import PeerKind
from tools.testkit.pair import BENCH, CAMERA

BEGAN_S: Final = 1_700_000_000
ENDS_S: Final = 1_900_000_000
NOW_S: Final = 1_800_000_000.0
"""What hosts and devices of these tests take for the time."""


def issuance(lab: str = "", *, began_s: int = BEGAN_S, ends_s: int = ENDS_S) -> Issuance:
    """What certificates are issued with."""
    return Issuance(not_before_s=began_s, not_after_s=ends_s, entropy=os.urandom, lab=lab)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """An agency with its keys."""

    name: str
    lab: str
    root: Issuer
    issuing: Issuer

    @classmethod
    def new(cls, name: str = "Harbour Police", lab: str = "") -> Agency:
        """One with keys that nobody else has."""
        key, below = new_key(), new_key()
        root = Issuer(make_root(key, name, f"{name} root", issuance(lab)), key)
        issuing = make_issuing(root, below.public_key(), f"{name} issuing", issuance(lab))
        return cls(name=name, lab=lab, root=root, issuing=Issuer(issuing, below))

    @property
    def anchors(self) -> tuple[bytes, ...]:
        """Its root (DER)."""
        return (self.root.certificate,)

    def shown(self, leaf: bytes, key: Any) -> KeyCredentials:
        """A leaf of this agency as its holder shows it."""
        return KeyCredentials((leaf, self.issuing.certificate), key)

    def host(self, roles: Role = Role.BENCH, *, name: str = BENCH, **given: Any) -> KeyCredentials:
        """A host of this agency."""
        key = new_key()
        return self.shown(
            make_host(self.issuing, key.public_key(), name, roles, issuance(self.lab, **given)), key
        )

    def device(
        self, kind: PeerKind = PeerKind.CAMERA, *, serial: str = CAMERA, factory: bool = False, **given: Any
    ) -> KeyCredentials:
        """A device of this agency, or as its factory made it."""
        key = new_key()
        make = make_factory if factory else make_device
        return self.shown(
            make(self.issuing, key.public_key(), serial, kind, issuance(self.lab, **given)), key
        )


@cache
def agency(name: str = "Harbour Police", lab: str = "") -> Agency:
    """The agency of that name, the same in all tests of a run."""
    return Agency.new(name, lab)


@cache
def host_credentials(of: Agency) -> KeyCredentials:
    """The host that most tests take."""
    return of.host()


@cache
def device_credentials(of: Agency) -> KeyCredentials:
    """The camera that most tests take."""
    return of.device()


def judge_by(trust: Trust) -> Callable[[CertificateFacts], PeerCredentials]:
    """Judges as a host or a device does that trusts so."""

    def judge(facts: CertificateFacts) -> PeerCredentials:
        check_peer(facts, trust)
        roles = facts.roles if trust.kind is PeerKind.HOST else NO_ROLE
        return PeerCredentials(facts.name, roles, facts, standing(facts, NOW_S))

    return judge


def _trust(home: Agency, given: dict[str, Any]) -> Trust:
    return Trust(**{"lab": home.lab, **given})


def host_sessions(
    of: Agency | None = None, credentials: KeyCredentials | None = None, **trust: Any
) -> SessionFactory:
    """Sessions of a host of an agency."""
    home = of or agency()
    judge = judge_by(_trust(home, {"kind": PeerKind.CAMERA} | trust))
    shown = credentials or host_credentials(home)
    return tls_sessions(TlsProfile(shown, home.anchors, bool(home.lab), judge))


def device_sessions(
    of: Agency | None = None, credentials: KeyCredentials | None = None, **trust: Any
) -> SessionFactory:
    """Sessions of a device of an agency."""
    home = of or agency()
    judge = judge_by(_trust(home, trust))
    shown = credentials or device_credentials(home)
    return tls_sessions(TlsProfile(shown, home.anchors, bool(home.lab), judge))


def host_session(**given: Any) -> Session:
    """A host's end of one session."""
    return host_sessions(**given)(SessionSide(False, BENCH, Role.BENCH, os.urandom))


def device_session(**given: Any) -> Session:
    """A device's end of one session."""
    return device_sessions(**given)(SessionSide(True, CAMERA, NO_ROLE, os.urandom))


@cache
def _sessions(device: bool) -> SessionFactory:
    return device_sessions() if device else host_sessions()


def secure_session(side: SessionSide) -> Session:
    """The session of either side, for what is given one factory for both."""
    return _sessions(side.client)(side)


class RawEnd:
    """An end of TLS that keeps to no rule of ours: whatever its context lets it do."""

    def __init__(self, context: ssl.SSLContext, *, client: bool) -> None:
        self.came, self.goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.came, self.goes, server_side=not client)
        self.done = False
        self.error: ssl.SSLError | None = None
        self.heard = b""
        """Every byte that came."""
        self.read = b""
        """What of it was plaintext for it."""

    def step(self) -> None:
        """Goes on as far as what came allows."""
        try:
            if not self.done:
                self.tls.do_handshake()
                self.done = True
            while piece := self.tls.read(65_536):
                self.read += piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.error = error

    def outgoing(self) -> list[bytes]:
        """What it has to say."""
        data = self.goes.read()
        return [data] if data else []

    def receive(self, data: bytes) -> None:
        """Takes what the other end says."""
        self.heard += data
        self.came.write(data)
        if self.error is None:
            self.step()

    @property
    def certificate(self) -> bytes | None:
        """The other end's, as far as it was shown."""
        try:
            return self.tls.getpeercert(binary_form=True)
        except ValueError:
            return None


def raw_context(
    credentials: KeyCredentials | None, *, client: bool, verify: ssl.VerifyMode = ssl.CERT_NONE
) -> ssl.SSLContext:
    """A context that insists on nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if client else ssl.PROTOCOL_TLS_SERVER)
    context.check_hostname = False
    context.verify_mode = verify
    if credentials is not None:
        credentials.load_into(context)
    return context


def accepting_context(of: Agency, credentials: KeyCredentials, *, client: bool) -> ssl.SSLContext:
    """A context as this protocol has it."""
    return context_for(credentials, of.anchors, client=client, lab=bool(of.lab))


def carry(host: Session | RawEnd, device: Session | RawEnd, rounds: int = 20) -> list[tuple[bool, bytes]]:
    """Carries bytes between two ends until both are quiet; gives what passed, with True for the host's.

    What a session raises stays in its `failure`.
    """
    passed = []
    for _ in range(rounds):
        quiet = True
        for one, other, by_host in ((device, host, False), (host, device, True)):
            for data in one.outgoing():
                quiet = False
                passed.append((by_host, data))
                try:
                    other.receive(data)
                except SessionFailed:
                    pass
        if quiet:
            return passed
    raise AssertionError("the two ends never come to rest")


def update_key(end: RawEnd, *, asking: bool) -> None:
    """Makes the end renew its key, and `asking` the other one to do so as well: Python cannot."""
    pointer = ctypes.c_void_p.from_address(id(vars(end.tls)["_sslobj"]) + _SESSION_AT)
    assert _LIBRARY.SSL_key_update(pointer, ctypes.c_int(1 if asking else 0)) == 1
    end.tls.do_handshake()


def padded(context: ssl.SSLContext, block: int) -> None:
    """Makes the context pad each record to a multiple of so many bytes."""
    assert _LIBRARY.SSL_CTX_set_block_padding(_pointer(context), ctypes.c_size_t(block)) == 1


def small_records(context: ssl.SSLContext, code: int) -> None:
    """Makes a client ask for records of at most 256 shifted by `code` bytes (max_fragment_length, RFC 6066)."""
    asked = _LIBRARY.SSL_CTX_set_tlsext_max_fragment_length(_pointer(context), ctypes.c_uint8(code))
    assert asked == 1


_LIBRARY: Final = ctypes.CDLL(_ssl.__file__)  # by it, the OpenSSL that `ssl` itself has
_POINTER_AT: Final = 16  # of a context: behind the header of any object
_SET_GROUPS_LIST: Final = 92  # SSL_CTRL_SET_GROUPS_LIST
_SESSION_AT: Final = 24  # of the SSL of an `SSLObject`, behind its header and its socket


def _pointer(context: ssl.SSLContext) -> ctypes.c_void_p:
    return ctypes.c_void_p.from_address(id(context) + _POINTER_AT)


def only_suite(context: ssl.SSLContext, name: str) -> None:
    """Leaves the context one cipher suite of TLS 1.3, which Python cannot."""
    assert _LIBRARY.SSL_CTX_set_ciphersuites(_pointer(context), name.encode()) == 1


def only_groups(context: ssl.SSLContext, names: str) -> None:
    """Leaves the context these groups for the key exchange."""
    control = _LIBRARY.SSL_CTX_ctrl
    control.restype = ctypes.c_long
    given = (_pointer(context), ctypes.c_int(_SET_GROUPS_LIST), ctypes.c_long(0), names.encode())
    assert control(*given) == 1
