"""Why one side does not accept the other, and what to do about it, by what this host knows of itself.

A device that refuses says little: whoever stands before it may be a thief. What it keeps to itself is in its log.
"""

from __future__ import annotations

import shlex
from typing import Final

from bwc_protocol.certificates.checks import Check, Standing, standing
from bwc_protocol.declare import Role
from bwc_sdk.connection.access import Access
from bwc_sdk.connection.validity import CLOCK_ADVICE, RENEW_HOST, day
from bwc_sdk.errors import BwcError, NotEnrolled, ProtectionMismatch, SessionRefused
from bwc_sdk.identity.host_identity import HostIdentity

_REPORT: Final = "--capture FILE keeps what passed, for the maker of the device"
_BY_CHECK: Final[dict[Check, str]] = {
    Check.PROTOCOL: f"its firmware does not speak TLS 1.3 as the specification has it; {_REPORT}",
    Check.CIPHER: f"its firmware agrees on a cipher that this protocol does not have; {_REPORT}",
    Check.FORM: f"have a certificate of the profile issued for it; {_REPORT}",
    Check.KEY: "have a certificate on P-256 issued, signed by ECDSA with SHA-256",
    Check.PURPOSE: "have a certificate issued for what it is, a host or a device",
    Check.ISSUER: "have a certificate issued that names its issuer's key",
    Check.KIND: "have a certificate issued for the kind of device that it is",
    Check.FACTORY: "it belongs to no agency yet: 'bwc enroll', after its button was pressed",
    Check.FLOOR: RENEW_HOST,
    Check.BINDING: f"connect to it without what stands between the two; if nothing does: {_REPORT}",
    Check.TIME: CLOCK_ADVICE,
}


def refused_here(
    check: Check | None, detail: str, identity: HostIdentity | None, device: str
) -> SessionRefused:
    """The error for a device that this host does not accept, or that says in the handshake what it does not accept."""
    return SessionRefused(
        detail, check="" if check is None else str(check), device=device, advice=_advice(check, identity)
    )


def _advice(check: Check | None, identity: HostIdentity | None) -> str:
    match check:
        case Check.CHAIN | Check.LAB if identity is not None:
            return another_agency(identity)
        case Check.DENIED:
            return (
                "it is out of service for this agency: keep it, and have somebody look; 'bwc ca list' says when it was "
                "revoked"
            )
        case Check.ROLE if identity is not None:
            return f"this identity holds {identity.roles}: ask for that by --role, or have another one issued"
        case Check.LOCKED:
            return "a device in service does not take bench: --role technician"
    return "" if check is None else _BY_CHECK.get(check, "")


def another_agency(identity: HostIdentity) -> str:
    """What to do when device and host do not belong together."""
    if identity.lab:
        return (
            f"this host speaks as lab {identity.lab}, by {identity.source}: for a device of another lab BWC_LAB names "
            "that lab's directory, for one of an agency --identity the directory of that agency's key files"
        )
    return (
        f"this host speaks for {identity.agency!r}, by {identity.source}: --identity names the directory of another "
        "agency's key files, --lab is for simulators; a device that is to change its agency is transferred by an order"
    )


def refused_there(access: Access, device: str) -> BwcError:
    """The error for a device that refused this host without a word."""
    identity, role, utc_s = access.identity, access.role, access.world.utc_ns() / 1_000_000_000
    if identity is None:
        return SessionRefused("the device does not accept this host", device=device, advice=PROTECTED)
    own = identity.certificate
    denied = identity.deny_lists.denies(own)
    rule, advice = "the device does not accept this host, and keeps the reason to its log", ""
    if denied is not None:
        check, why = Check.DENIED, f"{denied}, and it is this host's own certificate"
        advice = "this host was revoked: have a new key and certificate issued, 'bwc ca issue'"
    elif standing(own, utc_s) is Standing.EXPIRED:
        check, why = (
            Check.FLOOR,
            f"this host's certificate ended on {day(own.not_after_s)}, before the device's floor",
        )
        advice = RENEW_HOST
    elif role & Role.BENCH and not identity.lab:
        check, why = Check.LOCKED, "a device in service does not take the role bench"
        advice = "--role technician; a device is unlocked for a bench only by its agency"
    else:
        return SessionRefused(
            rule,
            device=device,
            advice="'bwc identity check' looks at this host's certificate; it may be revoked, or for another role than "
            f"{role}: 'bwc audit' by another identity shows the device's log",
        )
    return SessionRefused(
        f"the device does not accept this host: {why}", check=str(check), device=device, advice=advice
    )


PROTECTED: Final = "leave --allow-insecure out: 'bwc identity list' shows what this host can prove to it"


def other_protection(detail: str, identity: HostIdentity | None, device: str) -> ProtectionMismatch:
    """The error for two ends of which only one protects its sessions."""
    if identity is None:
        return ProtectionMismatch(
            f"the device protects its sessions, and this host was asked not to: {detail}",
            device=device,
            advice=PROTECTED,
        )
    return ProtectionMismatch(
        f"the device does not protect its sessions: {detail}",
        device=device,
        advice="only for a simulator or development firmware, which has no evidence: --allow-insecure, "
        "allow_insecure=True, pytest --bwc-insecure",
    )


def not_enrolled(device: str, access: Access | None = None) -> NotEnrolled:
    """The error for a device that belongs to no agency."""
    return NotEnrolled(
        "the device belongs to no agency yet, and talks only to who enrols it: after its button was pressed, over a "
        "cable, and with no footage on it",
        device=device,
        advice=f"{enrol_command(device, access)} (it says when to press its enrolment button)",
    )


def enrol_command(device: str, access: Access | None = None) -> str:
    """What makes a device this host's agency's, as it is typed."""
    identity = None if access is None else access.identity
    words = ["bwc", "enroll", *(("--device", device) if device else ())]
    lab = identity is not None and identity.lab
    return f"{shlex.join(words)} {'--lab' if lab else '--ca DIR --vendor-root FILE'}"
