"""What is not asked of a device of an older version: it would not know it, or drop a part of it without a word."""

from __future__ import annotations

import dataclasses
from typing import Any

from bwc_protocol.conversation import PeerInfo
from bwc_protocol.declare import Request
from bwc_protocol.versions import NEWEST, Version
from bwc_sdk.errors import NotInVersion


def not_in_version(request: Request[Any], peer: PeerInfo | None, device: str) -> NotInVersion | None:
    """The error for a request that the conversation's version does not have, or in which it does not have a field that
    says something; None for any other."""
    if peer is None or peer.version >= NEWEST:
        return None
    spoken = peer.version
    if request.since > spoken:
        return _error(request, request.name, request.since, peer, device)
    defaults = {field.name: field.default for field in dataclasses.fields(request)}  # type: ignore[arg-type]  # every request is one
    for name, spec in request.codec.fields.items():
        if spec.since > spoken and getattr(request, name) != defaults[name]:
            return _error(request, f"`{name}` of {request.name}", spec.since, peer, device)
    return None


def needs(what: type[Request[Any]], *, for_: type[Request[Any]], peer: PeerInfo | None, device: str) -> None:
    """Raises `NotInVersion` for a command that comes to nothing where the device does not have another one."""
    if peer is not None and what.since > peer.version:
        said = f"{what.name}, without which {for_.name} comes to nothing,"
        kind = peer.kind.name.lower()
        raise NotInVersion(for_.name, said, what.since, peer.version, kind=kind, device=device)


def _error(request: Request[Any], what: str, since: Version, peer: PeerInfo, device: str) -> NotInVersion:
    return NotInVersion(request.name, what, since, peer.version, kind=peer.kind.name.lower(), device=device)
