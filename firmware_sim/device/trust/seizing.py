"""What a seizure does: from then on nobody changes the camera, and nothing on it is erased (spec: Seizures)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bwc_protocol.documents.seizure import Seizure, verify_seizure
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.device.refusal import Refusal
from firmware_sim.device.trust.signed import refusing

if TYPE_CHECKING:
    from firmware_sim.device.session import DeviceSession


def take_seizure(session: DeviceSession, document: bytes) -> None:
    """Raises `Refusal` and `OSError`, and then it is as it was. The same one again changes nothing."""
    trust = session.device.trust
    assert trust is not None
    trust.demand_enrolled()
    kept = trust.kept
    with refusing():
        said = Seizure.decode(SignedDocument.decode(document).payload)
        again = kept.case != "" and (said.case, said.signed_utc_s) == (kept.case, kept.seized_utc_s)
        last = kept.seized_utc_s - 1 if again else kept.seized_utc_s
        found = verify_seizure(
            document, kept.roots, trust.checks, camera=session.device.serial, last_utc_s=last
        )
    if again:
        return
    if kept.case:
        raise Refusal(ErrorCode.WRONG_STATE, f"it is seized for {kept.case}")
    changed = replace(kept, case=found.seizure.case, seized_utc_s=found.seizure.signed_utc_s)
    detail = f"for {found.seizure.case}, by {found.signer.name}, {found.sha256.hex()[:16]}"
    trust.keep(changed, AuditKind.SEIZED, detail, session.identity)
