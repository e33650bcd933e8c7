"""Renewal of a device's certificate: by anybody of the agency who docks it, without a button, with its footage kept.

Made so that a dock can do it as one step of every docking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.documents.installation import Renewal
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.enrolment.authority import Authority, RequestWaits, check_certified, requested_key
from bwc_sdk.enrolment.events import RequestWritten
from bwc_sdk.errors import IdentityError, ProtocolViolation
from bwc_sdk.identity.ca.requests import write_proof

WITHIN_DAYS: Final = 90
"""A device is renewed when less is left of its certificate: a camera may lie in a drawer for a season."""
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Renewed:
    """The device has a new certificate; who connects next is shown it."""

    serial: str
    until_s: int
    """When it ends, UTC in seconds."""


@dataclass(frozen=True, slots=True)
class NotDue:
    """Enough is left of its certificate."""

    serial: str
    until_s: int


RenewalOutcome = Renewed | NotDue | RequestWritten


async def renew(
    device: Camera | DockingStation, authority: Authority, *, within_days: int = WITHIN_DAYS
) -> RenewalOutcome:
    """Gives a connected device a new certificate, if fewer than `within_days` are left of its own.

    Its new key never leaves it, and the session stays. With a CA that is elsewhere its request is written now, and the
    certificate brought at a later docking. Needs the role TECHNICIAN or DOCK_OFFLOAD; works also when the certificate
    has ended long ago. Raises `CommandError` when the device does not take it, `IdentityError` for a certificate that
    is no use to it, and what the authority raises.
    """
    world, connection = device.world, device.connection
    state = await device.trust.read()
    serial, kind = device.identity, device.peer.kind
    if not state.enrolled:
        raise IdentityError(
            f"{serial!r} belongs to no agency", device=device.name, advice="enrol it: 'bwc enroll'"
        )
    left_s = state.not_after_s - world.utc_ns() / 1_000_000_000
    if left_s > within_days * DAY_S:
        return NotDue(serial, state.not_after_s)
    asked = await device.trust.request()
    request = asked.request
    key = requested_key(request, serial, connection.name)
    made = await world.workers.wait(authority.certify, serial, kind, request, key)
    if isinstance(made, RequestWaits):
        await world.workers.wait(write_proof, made.path, asked.proof)
        return RequestWritten("", serial, made.path)
    parts = await world.workers.wait(authority.parts)
    facts: CertificateFacts = check_certified(made, serial, kind, key, parts.roots, parts.lab)
    await device.trust.renew(Renewal(certificate=made.certificate, issuing=made.issuing).encode())
    after = await device.trust.read()
    if (after.not_after_s, after.issuer_key_id) != (facts.not_after_s, facts.issuer_key_id):
        raise ProtocolViolation("it was renewed, and does not have the new certificate", device=device.name)
    return Renewed(serial, facts.not_after_s)
