"""Who the peer is and what it speaks, from both preambles to SESSION_INFO (spec: Preamble, Session).

What the peer said goes in; what to do about it comes out, with `Failed` for a peer to whom there is nothing to say.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from bwc_protocol.certificates.checks import Check
from bwc_protocol.conversation.events import Failed, FailReason, PeerInfo
from bwc_protocol.declare import NO_ROLE, Role, Version
from bwc_protocol.messages.core import SessionInfo
from bwc_protocol.session import preamble as pre
from bwc_protocol.session.interface import PeerCredentials
from bwc_protocol.session.preamble import Preamble
from bwc_protocol.vocabulary import PeerKind


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalInfo:
    """What this side says of itself in SESSION_INFO; a host leaves the device's fields at 0."""

    kind: PeerKind
    identity: str
    roles: Role = NO_ROLE
    capabilities: int = 0
    boot_counter: int = 0
    firmware_sha256: bytes = bytes(32)
    deny_counter: int = 0
    """Counter of the newest deny list that this side holds; 0 = none."""


class Greeted(NamedTuple):
    """The whole preamble of the peer is there, and it is one of the other kind of end."""

    answer: bytes
    """What to say to it: a device's own preamble, even if the two have no version or no protection in common."""
    agreed: bool
    """Whether version and protection are agreed, so that the session may begin."""
    rest: bytes | memoryview
    """What came behind it."""


class Opening:
    """Both preambles of a conversation, and what is known from them."""

    def __init__(self, local: LocalInfo, preamble: Preamble) -> None:
        self.ours = preamble.encode()
        self.peer_limit = pre.MIN_PLAINTEXT
        """Bytes of plaintext that the peer takes at once."""
        self._local = local
        self._host = local.kind is PeerKind.HOST
        self._preamble = preamble
        self._theirs = bytearray()
        self._kind: PeerKind | None = None  # the peer's
        self._version: Version = pre.NEWEST

    @property
    def version(self) -> Version:
        """The version that was chosen; until both preambles are there the newest."""
        return self._version

    def take(self, data: bytes | memoryview) -> Greeted | Failed | None:
        """Takes the first bytes of the peer, in pieces of any size; None while its preamble is not whole.

        A device without a common version or protection has said so, and waits for the host to leave: what still comes
        is dropped.
        """
        wanted = pre.SIZE - len(self._theirs)
        if not wanted:
            return None
        self._theirs += data[:wanted]
        magic = min(len(self._theirs), len(pre.MAGIC))
        if self._theirs[:magic] != pre.MAGIC[:magic]:
            return _not_a_device(f"it opens with {bytes(self._theirs[:16]).hex()}")
        if len(self._theirs) < pre.SIZE:
            return None
        try:
            theirs = Preamble.decode(bytes(self._theirs))
        except pre.NotAPreamble as error:
            return _not_a_device(str(error))
        if (theirs.kind is PeerKind.HOST) == self._host:
            return _not_a_device(f"both ends call themselves {theirs.kind.name}")
        version = pre.choose_version(self._preamble, theirs)
        protected = theirs.protection == self._preamble.protection
        if version is not None:
            self._version, self._kind, self.peer_limit = version, theirs.kind, theirs.max_plaintext
        if self._host and version is None:
            return Failed(FailReason.VERSION, _versions(self._preamble, theirs))
        if self._host and not protected:
            return Failed(FailReason.PROTECTION, _protections(self._preamble, theirs))
        return Greeted(b"" if self._host else self.ours, version is not None and protected, data[wanted:])

    def info(self) -> SessionInfo:
        """What this side says of itself once the session stands."""
        local = self._local
        return SessionInfo(
            preambles_sha256=self._binding(),
            major=self._version[0],
            minor=self._version[1],
            kind=local.kind,
            roles=local.roles,
            identity=local.identity,
            capabilities=local.capabilities,
            boot_counter=local.boot_counter,
            firmware_sha256=local.firmware_sha256,
            deny_counter=local.deny_counter,
        )

    def check_info(self, info: SessionInfo, session: PeerCredentials, *, secure: bool) -> PeerInfo | Failed:
        """Holds what the peer says of itself against its preamble and its session."""
        if info.preambles_sha256 != self._binding() or (info.major, info.minor) != self._version:
            return _unbound("the peer saw other preambles: somebody stands between")
        if info.identity != session.identity:
            return _unbound("session info and session name different peers")
        if self._kind is None or info.kind != self._kind:
            return _unbound("session info and preamble name different kinds")
        certificate = session.certificate
        if certificate is not None and certificate.kind not in (self._kind, None):
            detail = f"its certificate is that of a {certificate.kind.name.lower()}, its preamble is not"
            return Failed(FailReason.REFUSED, detail, Check.KIND)
        if not self._host and (not info.roles or info.roles & ~session.roles):
            detail = f"it asks for {info.roles or 'no role'}, and may have {session.roles or 'none'}"
            return Failed(FailReason.REFUSED, detail, Check.ROLE)
        return PeerInfo(
            kind=self._kind,
            identity=session.identity,
            roles=session.roles if self._host else info.roles,
            version=self._version,
            capabilities=info.capabilities,
            boot_counter=info.boot_counter,
            firmware_sha256=info.firmware_sha256,
            secure=secure,
            deny_counter=info.deny_counter,
            certificate=session.certificate,
            standing=session.standing,
        )

    def _binding(self) -> bytes:
        ours, theirs = self.ours, bytes(self._theirs)
        return pre.binding(ours, theirs) if self._host else pre.binding(theirs, ours)


def _not_a_device(detail: str) -> Failed:
    return Failed(FailReason.NOT_A_DEVICE, detail)


def _unbound(detail: str) -> Failed:
    return Failed(FailReason.SESSION, detail, Check.BINDING)


def _protections(ours: Preamble, theirs: Preamble) -> str:
    def word(p: Preamble) -> str:
        return _PROTECTIONS.get(p.protection, f"protection {p.protection}")

    return f"the peer offers {word(theirs)}, this side {word(ours)}"


_PROTECTIONS: Final = {pre.NO_PROTECTION: "an insecure session", pre.TLS_1_3: "a secure session"}


def _versions(ours: Preamble, theirs: Preamble) -> str:
    def span(p: Preamble) -> str:
        return f"{p.oldest[0]}.{p.oldest[1]} to {p.newest[0]}.{p.newest[1]}"

    return f"the peer speaks {span(theirs)}, this side {span(ours)}"
