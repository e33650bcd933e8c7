"""How a device converses: what personalities and defects change, and the device itself does not care about."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bwc_protocol.conversation import Conversation, LocalInfo, RequestLimits
from bwc_protocol.declare import NO_ROLE, Handlers, Version
from bwc_protocol.link import Link
from bwc_protocol.messages.identity import Capability
from bwc_protocol.session.insecure import insecure_session
from bwc_protocol.session.interface import (
    RECORD_MAX,
    PeerCredentials,
    Session,
    SessionFactory,
    SessionSide,
    anybody,
)
from bwc_protocol.session.preamble import NEWEST, OLDEST, Preamble
from bwc_protocol.vocabulary import PeerKind


def _as_it_is(session: Session) -> Session:
    return session


@dataclass(slots=True)
class ConversationProfile:
    """A well-behaved device of this version, unless a personality or a defect says otherwise."""

    kind: PeerKind
    capabilities: Capability
    firmware_sha256: bytes
    link: type[Link] = Link
    """What the device's end of each link is."""
    talk: type[Conversation] = Conversation
    """What its end of each conversation is."""
    oldest: Version = OLDEST
    newest: Version = NEWEST
    """The newest version of the protocol that it speaks. One before the present is all that the device knows: what it
    says, takes, records and writes into its log is what was declared by then."""
    accepts: Callable[[PeerCredentials], bool] = anybody
    """Whether the host's credentials are accepted."""
    session: SessionFactory = insecure_session
    """Makes the device's end of the session that protects a conversation."""
    reshape: Callable[[Session], Session] = _as_it_is
    """What a personality makes of each session."""
    handlers: Handlers[Any] | None = None
    """What it answers; None: what a device of its kind does."""
    counts_sessions: bool = False
    """Whether sessions in which nothing is to be logged are counted instead: that spares a small flash."""
    limits: RequestLimits = RequestLimits()  # noqa: RUF009  # frozen
    """How many requests and streams it takes at once, and how long a request."""

    def conversation(
        self,
        identity: str,
        boot_counter: int,
        entropy: random.Random,
        session: SessionFactory | None = None,
        deny_counter: int = 0,
    ) -> Conversation:
        """A conversation on a channel that a host has opened; `session` None: by the session of this profile."""
        local = LocalInfo(
            kind=self.kind,
            identity=identity,
            roles=NO_ROLE,
            capabilities=int(self.capabilities.as_of(self.newest)),
            boot_counter=boot_counter,
            firmware_sha256=self.firmware_sha256,
            deny_counter=deny_counter,
        )
        preamble = Preamble(
            oldest=self.oldest,
            newest=self.newest,
            kind=self.kind,
            max_plaintext=RECORD_MAX,
            random=entropy.randbytes(16),
        )
        side = SessionSide(True, identity, NO_ROLE, entropy.randbytes, self.accepts)
        made = self.reshape((session or self.session)(side))
        return self.talk(local, preamble, made, self.limits)
