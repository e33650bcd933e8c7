"""After connecting: of two deny lists the newer goes to whoever has the older one (spec: Deny lists).

So a revocation spreads by whoever meets whom. Nothing of it may keep footage on a device: whatever goes wrong is
remarked upon, and the connection goes on.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import TYPE_CHECKING, Final

from bwc_sdk.errors import (
    BwcError,
    CommandError,
    CommandTimeout,
    OutcomeUnknown,
    ProtocolViolation,
    StreamStalled,
)
from bwc_sdk.identity.vain_exchanges import Attempt

if TYPE_CHECKING:
    from bwc_sdk.connection.connection import Connection
    from bwc_sdk.host.workers import Workers
    from bwc_sdk.identity.host_identity import HostIdentity

log = logging.getLogger(__name__)

EXCHANGE_S: Final = 60.0
"""A list of 256 KiB takes 25 s at 115,200 baud."""
_GOES_ON = (CommandError, CommandTimeout, OutcomeUnknown, ProtocolViolation, StreamStalled)
"""Failures after which the connection itself is good."""


async def exchange_deny_lists(connection: Connection, identity: HostIdentity, workers: Workers) -> None:
    """Fetches the device's list, or brings it this host's, whichever is newer; nothing where they are the same.

    Raises `SessionRefused` for a device that the list denies which it has brought, and what ends the connection.
    """
    peer = connection.peer
    assert peer is not None
    ours = identity.deny_lists.counter
    if peer.deny_counter == ours:
        return
    attempt = _attempt(connection, ours)
    vain, now_s = identity.deny_lists.vain, asyncio.get_running_loop().time()
    if (before := vain.why(attempt, now_s)) is not None:
        connection.notice(before)
        return
    try:
        async with asyncio.timeout(EXCHANGE_S):
            if peer.deny_counter > ours:
                not_taken = await _fetch(connection, identity, workers)
                if not_taken is not None:
                    vain.remember(attempt, not_taken, now_s)
                    connection.notice(not_taken)
            else:
                await _bring(connection, identity)
    except TimeoutError:
        why = f"the deny list was not exchanged within {EXCHANGE_S:.0f} s"
        vain.remember(attempt, why, now_s)
        connection.notice(why)
    except _GOES_ON as error:
        if connection.error is not None:
            raise
        why = f"the deny list was not exchanged: {error.rule}"
        vain.remember(attempt, why, now_s)
        connection.notice(why)
    if connection.error is not None:
        raise connection.error


def _attempt(connection: Connection, ours: int) -> Attempt:
    peer = connection.peer
    assert peer is not None and peer.certificate is not None
    return Attempt(peer.certificate.key_sha256, peer.deny_counter < ours, peer.deny_counter, ours)


async def _fetch(connection: Connection, identity: HostIdentity, workers: Workers) -> str | None:
    """Why the device's list is not taken; None where it is."""
    from bwc_protocol.documents.deny_list import DENY_LIST_MAX
    from bwc_protocol.documents.refusal import DocumentRefused
    from bwc_protocol.messages.trust import ReadDenyList

    data = await connection.read_stream(ReadDenyList(), max_bytes=DENY_LIST_MAX)
    own_issuer = identity.certificate.issuer_key_id
    try:
        found = await workers.wait(identity.deny_lists.take, data, own_issuer)
    except DocumentRefused as error:
        return f"the device's deny list is not taken: {error}"
    except BwcError as error:
        connection.notice(f"the device's deny list cannot be kept: {error.rule}")
        return None  # for a reason of this host's, which may be gone at the next connect
    log.info("deny list %d came from %s", found.counter, connection.name)
    connection.judge_anew()
    return None


async def _bring(connection: Connection, identity: HostIdentity) -> None:
    from bwc_protocol.messages.trust import InstallDenyList

    data = identity.deny_lists.data
    await connection.upload(InstallDenyList(length=len(data), sha256=hashlib.sha256(data).digest()), data)
    log.info("deny list %d went to %s", identity.deny_lists.counter, connection.name)
