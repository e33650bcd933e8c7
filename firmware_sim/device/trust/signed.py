"""Signed documents as a device takes them: it believes whoever signed, not whoever brings (spec: Signed documents)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.documents.deny_list import accept_deny_list
from bwc_protocol.documents.desired_state import SignedDesiredState, verify_desired_state
from bwc_protocol.documents.order import SignedOrder, Situation, verify_order
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.device.refusal import Refusal
from firmware_sim.device.trust.trust import DeviceTrust

if TYPE_CHECKING:
    from firmware_sim.device.session import Device

CODES: Final[dict[DocumentCheck, ErrorCode]] = {
    DocumentCheck.FORM: ErrorCode.MALFORMED,
    DocumentCheck.KIND: ErrorCode.MALFORMED,
    DocumentCheck.COUNTER: ErrorCode.CONFLICT,
    DocumentCheck.DEVICE: ErrorCode.CONFLICT,
    DocumentCheck.GENERATION: ErrorCode.CONFLICT,
    DocumentCheck.NONCE: ErrorCode.CONFLICT,
    DocumentCheck.CHAIN_HEAD: ErrorCode.CONFLICT,
    DocumentCheck.REVISION: ErrorCode.CONFLICT,
    DocumentCheck.RECORDING: ErrorCode.CONFLICT,
    DocumentCheck.ANNOTATIONS: ErrorCode.CONFLICT,
    DocumentCheck.CARRIER: ErrorCode.OUT_OF_RANGE,
    DocumentCheck.ISSUER: ErrorCode.OUT_OF_RANGE,
}
"""The code for each check that does not hold; of all others UNTRUSTED."""


@contextmanager
def refusing(footage: ErrorCode = ErrorCode.HELD) -> Iterator[None]:
    """A document that is refused, as an error code; `footage` is the one for footage that would be lost."""
    try:
        yield
    except DocumentRefused as refused:
        code = (
            footage
            if refused.check is DocumentCheck.FOOTAGE
            else CODES.get(refused.check, ErrorCode.UNTRUSTED)
        )
        raise Refusal(code, str(refused)) from refused


def take_deny_list(device: Device, document: bytes, carrier: CertificateFacts | None, actor: str) -> None:
    """Installs a newer list, and ends the sessions of whom it denies. Raises `Refusal` and `OSError`, and then it is
    not installed."""
    trust = device.trust
    assert trust is not None
    trust.demand_enrolled()
    if document == trust.kept.deny_list:
        return  # sent again, or by two at once
    with refusing():
        found = accept_deny_list(
            document,
            trust.kept.roots,
            lab=trust.lab,
            held=trust.denied,
            carrier=carrier,
            last_dock_issuer=trust.kept.last_dock_issuer,
        )
    detail = f"list {found.counter}, {len(found.entries)} entries"
    trust.keep(replace(trust.kept, deny_list=document), AuditKind.DENY_LIST, detail, actor)
    for session in list(device.sessions):
        certificate = session.peer.certificate
        if certificate is not None and found.denies(certificate) is not None:
            session.end("its host is denied by now")


def verified_order(trust: DeviceTrust, document: bytes, situation: Situation) -> SignedOrder:
    """An order that is to be carried out; whoever did so forgets its nonce. Raises `Refusal`."""
    trust.demand_enrolled()
    with refusing(ErrorCode.HELD if situation.held else ErrorCode.NEEDS_RECEIPT):
        return verify_order(document, trust.kept.roots, trust.checks, situation)


def verified_desired_state(trust: DeviceTrust, document: bytes, camera: str) -> SignedDesiredState | None:
    """A desired state that is to be taken; None for the one that was taken last. Raises `Refusal`."""
    trust.demand_enrolled()
    with refusing():
        if hashlib.sha256(SignedDocument.decode(document).payload).digest() == trust.kept.desired_sha256:
            return None
        return verify_desired_state(
            document,
            trust.kept.roots,
            trust.checks,
            camera=camera,
            generation=trust.kept.generation,
            last_counter=trust.kept.desired_counter,
        )
