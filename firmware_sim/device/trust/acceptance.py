"""What a device holds an installation and a renewal against before it keeps any of it (spec: Enrolment, Renewal)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bwc_protocol.certificates.chain import verify_chain, verify_root
from bwc_protocol.certificates.checks import Check, PeerRefused, Trust, check_peer
from bwc_protocol.certificates.facts import CertificateFacts, read_certificate
from bwc_protocol.declare import Role
from bwc_protocol.documents.deny_list import DenyList, accept_deny_list
from bwc_protocol.documents.installation import Installation, Renewal
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from firmware_sim.device.refusal import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """The device that a certificate is for."""

    serial: str
    kind: PeerKind
    key_sha256: bytes
    """Of the key that it made for its request."""
    floor_s: int


def check_installation(
    found: Installation, host: CertificateFacts | None, device: Applicant
) -> DenyList | None:
    """Verifies all of an installation that `host` brings; gives its deny list. Raises `Refusal` (UNTRUSTED)."""
    try:
        root = verify_root(found.root, "root")
        if found.standby:
            standby = verify_root(found.standby, "standby root")
            if standby.key_sha256 == root.key_sha256:
                raise PeerRefused(Check.CHAIN, "the standby root has the root's key")
            _same_agency(standby, root, "standby root")
        _check_host(found, host, root, device)
        leaf = verify_chain(found.certificate, found.issuing, (found.root,), lab=root.lab)
        _same_agency(leaf, root, "certificate")
        _check_own(leaf, device, root.lab)
        for recipient in found.recipients:
            _check_recipient(verify_chain(recipient, found.issuing, (found.root,), lab=root.lab))
        if not found.deny_list:
            return None
        denied = accept_deny_list(found.deny_list, found.roots, lab=root.lab, held=None, carrier=host)
        for facts in (leaf, *([host] if host is not None else [])):
            _not_denied(facts, denied)
        return denied
    except PeerRefused as refused:
        raise Refusal(ErrorCode.UNTRUSTED, f"{refused.check}: {refused.detail}") from refused
    except DocumentRefused as refused:
        raise Refusal(ErrorCode.UNTRUSTED, f"deny list: {refused}") from refused


def check_renewal(
    found: Renewal,
    own: CertificateFacts,
    roots: Sequence[bytes],
    denied: DenyList | None,
    device: Applicant,
) -> None:
    """Verifies a certificate that takes the place of `own`. Raises `Refusal` (UNTRUSTED)."""
    try:
        leaf = verify_chain(found.certificate, found.issuing, roots, lab=own.lab)
        _same_agency(leaf, own, "certificate")
        _check_own(leaf, device, own.lab)
        for facts in (leaf, read_certificate(found.issuing)):
            _not_denied(facts, denied)
    except PeerRefused as refused:
        raise Refusal(ErrorCode.UNTRUSTED, f"{refused.check}: {refused.detail}") from refused


def _same_agency(facts: CertificateFacts, other: CertificateFacts, what: str) -> None:
    if (facts.agency, facts.lab) != (other.agency, other.lab):
        raise PeerRefused(Check.CHAIN, f"the {what} is of {facts.agency!r}, not of {other.agency!r}")


def _check_host(
    found: Installation, host: CertificateFacts | None, root: CertificateFacts, device: Applicant
) -> None:
    """Whoever enrols is a technician of the agency that he installs: so much the device can know of a stranger."""
    if host is None:
        raise PeerRefused(Check.CHAIN, "the host showed no certificate")
    proven = verify_chain(host.der, found.host_issuing or found.issuing, (found.root,), lab=root.lab)
    check_peer(proven, Trust(lab=root.lab, floor_s=device.floor_s))
    if Role.TECHNICIAN not in proven.roles:
        raise PeerRefused(
            Check.ROLE, f"the host has {proven.roles}; a device is enrolled by {Role.TECHNICIAN}"
        )


def _check_own(leaf: CertificateFacts, device: Applicant, lab: str) -> None:
    check_peer(leaf, Trust(lab=lab, floor_s=device.floor_s, kind=device.kind))
    if leaf.name != device.serial:
        raise PeerRefused(Check.FORM, f"the certificate is of {leaf.name!r}, not of {device.serial!r}")
    if leaf.key_sha256 != device.key_sha256:
        raise PeerRefused(Check.KEY, "the certificate is of another key than the request")


def _check_recipient(facts: CertificateFacts) -> None:
    if facts.roles != Role.EVIDENCE_RECIPIENT or not facts.agrees:
        raise PeerRefused(
            Check.ROLE, f"{facts.name} is no evidence recipient: it has {facts.roles or 'no role'}"
        )


def _not_denied(facts: CertificateFacts, denied: DenyList | None) -> None:
    why = denied.denies(facts) if denied is not None else None
    if why is not None:
        raise PeerRefused(Check.DENIED, why)
