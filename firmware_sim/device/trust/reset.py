"""What is left of a device's trust when keys and footage are destroyed: a record, signed by the key of its factory."""

from __future__ import annotations

from typing import Protocol

from bwc_protocol.documents.reset_record import ResetCause, ResetRecord, sign_reset_record
from bwc_protocol.evidence.sign1 import KeySigner
from firmware_sim.device.audit_log import AuditLog
from firmware_sim.device.conversation_profile import ConversationProfile
from firmware_sim.device.footage_facts import FootageFacts
from firmware_sim.device.trust.kept import KeptTrust, load_private
from firmware_sim.device.trust.trust import DeviceTrust
from firmware_sim.physics.clock import DeviceClock


class Resettable(Protocol):
    """The device, as far as the record tells of it."""

    serial: str
    boot_counter: int
    clock: DeviceClock
    audit: AuditLog

    profile: ConversationProfile

    def footage_facts(self) -> FootageFacts: ...


def forgotten(device: Resettable, trust: DeviceTrust, cause: ResetCause) -> KeptTrust:
    """What it keeps from then on."""
    kept, facts = trust.kept, device.footage_facts()
    sequence, sha256 = device.audit.head()
    record = ResetRecord(
        device=device.serial,
        kind=device.profile.kind,
        cause=cause,
        generation=kept.generation,
        utc_ns=device.clock.utc_ns(),
        boot_counter=device.boot_counter,
        agency=trust.own.agency if trust.own is not None else "",
        lab=trust.lab,
        log_sequence=sequence,
        log_sha256=sha256,
        last_sequence=facts.last_sequence,
        last_manifest_sha256=facts.last_manifest_sha256,
        recordings=facts.recordings,
        held=facts.held,
    )
    signed = sign_reset_record(record, KeySigner(kept.factory_chain, load_private(kept.factory_key)))
    return kept.forgotten(kept.generation + 1, signed)
