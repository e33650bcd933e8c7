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
    try:
        async with asyncio.timeout(EXCHANGE_S):
            if peer.deny_counter > ours:
                await _fetch(connection, identity, workers)
            else:
                await _bring(connection, identity)
    except TimeoutError:
        connection.notice(f"the deny list was not exchanged within {EXCHANGE_S:.0f} s")
    except _GOES_ON as error:
        if connection.error is not None:
            raise
        connection.notice(f"the deny list was not exchanged: {error.rule}")
    if connection.error is not None:
        raise connection.error


async def _fetch(connection: Connection, identity: HostIdentity, workers: Workers) -> None:
    from bwc_protocol.documents.deny_list import DENY_LIST_MAX
    from bwc_protocol.documents.refusal import DocumentRefused
    from bwc_protocol.messages.trust import ReadDenyList

    data = await connection.read_stream(ReadDenyList(), max_bytes=DENY_LIST_MAX)
    own_issuer = identity.certificate.issuer_key_id
    try:
        found = await workers.wait(identity.deny_lists.take, data, own_issuer)
    except DocumentRefused as error:
        connection.notice(f"the device's deny list is not taken: {error}")
        return
    except BwcError as error:
        connection.notice(f"the device's deny list cannot be kept: {error.rule}")
        return
    log.info("deny list %d came from %s", found.counter, connection.name)
    connection.judge_anew()


async def _bring(connection: Connection, identity: HostIdentity) -> None:
    from bwc_protocol.messages.trust import InstallDenyList

    data = identity.deny_lists.data
    await connection.upload(InstallDenyList(length=len(data), sha256=hashlib.sha256(data).digest()), data)
    log.info("deny list %d went to %s", identity.deny_lists.counter, connection.name)
