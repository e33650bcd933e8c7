"""Cameras whose evidence, receipts or orders are not what the specification wants: each one is caught by the HIL suite.

Personalities like those of `personalities`: a camera with one is otherwise as it should be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from bwc_protocol.conversation.stream import ReaderSource
from bwc_protocol.declare import Handlers, Request
from bwc_protocol.documents.annotation_head import AnnotationHead
from bwc_protocol.evidence import NO_SHA256, CipherSuite, Manifest, sealing, sign1
from bwc_protocol.evidence.protection import Protection
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.core import Done, StreamOpened
from bwc_protocol.messages.identity import DeviceStatus, ReadStatus
from bwc_protocol.messages.recordings import (
    AnnotationPage,
    DeliverReceipt,
    EraseRecording,
    KeptReceipt,
    ListPage,
    ListRecordings,
    ManifestReply,
    OpenSegment,
    OpenTable,
    ReadAnnotations,
    ReadManifest,
    ReadRelease,
    ReadTombstones,
    ReleaseState,
    TombstonePage,
)
from bwc_protocol.messages.trust import (
    CarryOut,
    ChallengeRecipient,
    OpeningChallenge,
    OpeningProof,
    ProveOpening,
    Seize,
)
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.session import CameraSession
from firmware_sim.handlers import CAMERA
from firmware_sim.handlers import identity as identity_handlers
from firmware_sim.handlers import recordings as recording_handlers
from firmware_sim.handlers import trust as trust_handlers
from firmware_sim.storage.storage import StoredRecording

Handler = Callable[[CameraSession, Any], Any]
Changed = Callable[[SimCamera, Manifest], Manifest]
KNOWN_KEY: Final = bytes(range(32))
"""In the place of a content key or a challenge that nobody drew."""


def answer_otherwise(camera: SimCamera, request: type[Request[Any]], handler: Handler) -> None:
    """Makes the camera answer one command differently."""
    handlers: Handlers[CameraSession] = Handlers()
    handlers.by_opcode = dict((camera.profile.handlers or CAMERA).by_opcode)
    handlers.by_opcode[request.opcode] = handler
    camera.profile.handlers = handlers


# Manifests


def unsigned_manifests(camera: SimCamera) -> None:
    """It belongs to an agency, and signs no manifest (REC-040)."""

    def manifest(session: CameraSession, request: ReadManifest) -> ManifestReply:
        return replace(recording_handlers.manifest(session, request), signature=b"")

    answer_otherwise(camera, ReadManifest, manifest)


def borrowed_signature(camera: SimCamera) -> None:
    """Each manifest comes with the signature of the first one (REC-040)."""

    def manifest(session: CameraSession, request: ReadManifest) -> ManifestReply:
        (first,) = session.camera.listing(0, 1)
        return replace(recording_handlers.manifest(session, request), signature=first.signature)

    answer_otherwise(camera, ReadManifest, manifest)


def broken_chain(camera: SimCamera) -> None:
    """Manifests name no other one before them (REC-070)."""
    _state_otherwise(camera, lambda camera, manifest: replace(manifest, previous_sha256=NO_SHA256))


def forgotten_generation(camera: SimCamera) -> None:
    """Manifests state another generation than the one that it is in (TRU-008)."""

    def otherwise(camera: SimCamera, manifest: Manifest) -> Manifest:
        said = manifest.circumstances
        return manifest if said is None else replace(manifest, circumstances=replace(said, generation=7))

    _state_otherwise(camera, otherwise)


def hidden_recording(camera: SimCamera) -> None:
    """The second recording is not listed, and not counted (REC-007)."""

    def page(session: CameraSession, request: ListRecordings) -> ListPage:
        real = recording_handlers.page(session, request)
        shown = tuple(entry for entry in real.recordings if entry.sequence != 2)
        return replace(real, recordings=shown, total=real.total - 1)

    answer_otherwise(camera, ListRecordings, page)


def hidden_tombstone(camera: SimCamera) -> None:
    """The first tombstone is left out (REC-067)."""

    def page(session: CameraSession, request: ReadTombstones) -> TombstonePage:
        real = recording_handlers.tombstones(session, request)
        left = real.tombstones[1:] if request.after == 0 else real.tombstones
        return replace(real, tombstones=left, total=max(0, real.total - 1))

    answer_otherwise(camera, ReadTombstones, page)


# What was said


def unsigned_annotations(camera: SimCamera) -> None:
    """Nobody signs what is said of recordings (REC-036)."""

    def page(session: CameraSession, request: ReadAnnotations) -> AnnotationPage:
        return replace(recording_handlers.annotations(session, request), signature=b"")

    answer_otherwise(camera, ReadAnnotations, page)


def stale_annotations(camera: SimCamera) -> None:
    """The signature is over one word less than was said (REC-036)."""

    def page(session: CameraSession, request: ReadAnnotations) -> AnnotationPage:
        real = recording_handlers.annotations(session, request)
        kept = session.camera.recording(request.recording)
        trust = session.camera.trust
        if trust is None or trust.signer is None or not kept.annotations:
            return real
        head = AnnotationHead(
            lab=trust.lab,
            camera=session.camera.serial,
            recording_id=kept.recording_id,
            manifest_sha256=kept.manifest_sha256,
            count=max(1, len(kept.annotations) - 1),
            head_sha256=NO_SHA256,
        )
        return replace(real, signature=sign1.sign(head.encode(), trust.signer))

    answer_otherwise(camera, ReadAnnotations, page)


# Encryption


def unencrypted(camera: SimCamera) -> None:
    """It has recipients, and encrypts for nobody (REC-045)."""

    def otherwise(camera: SimCamera, manifest: Manifest) -> Manifest:
        plain = tuple(replace(segment, cipher_suite=CipherSuite.NONE) for segment in manifest.segments)
        return replace(manifest, protection=None, segments=plain)

    _state_otherwise(camera, otherwise)


def other_recipients(camera: SimCamera) -> None:
    """It encrypts for somebody whom nobody told it of (REC-045)."""
    _wrap_otherwise(
        camera,
        lambda camera, manifest, found: replace(
            found, wraps=tuple(replace(one, recipient=KNOWN_KEY) for one in found.wraps)
        ),
    )


def one_wrap(camera: SimCamera) -> None:
    """All recordings state the wrapped key of the first (REC-045)."""

    def otherwise(camera: SimCamera, manifest: Manifest, found: Protection) -> Protection:
        (first,) = camera.listing(0, 1)
        return first.manifest.protection or found

    _wrap_otherwise(camera, otherwise)


def one_content_key(camera: SimCamera) -> None:
    """All recordings have one content key, wrapped for each of them (REC-045)."""

    def otherwise(camera: SimCamera, manifest: Manifest, found: Protection) -> Protection:
        from firmware_sim.device.seeded_wrap import seeded_wrap

        assert camera.trust is not None
        return sealing.protect(KNOWN_KEY, manifest.recording_id, camera.trust.kept.recipients, seeded_wrap)

    _wrap_otherwise(camera, otherwise)


def other_footage(camera: SimCamera) -> None:
    """What it sends are not the bytes that it states the hashes of (REC-048)."""

    def segment(session: CameraSession, request: OpenSegment) -> StreamOpened:
        size = session.camera.recording(request.recording).blobs[request.segment].size_bytes
        length = request.length or size - request.offset
        return session.open_stream(ReaderSource(lambda offset, size: bytes(size)), length)

    answer_otherwise(camera, OpenSegment, segment)


# Proof of opening


def believes_any_opening(camera: SimCamera) -> None:
    """Whatever comes back proves that footage can be opened (REC-053)."""

    def prove(session: CameraSession, request: ProveOpening) -> OpeningProof:
        return OpeningProof(recipient=request.recipient, utc_ns=session.camera.clock.utc_ns(), powered_min=0)

    answer_otherwise(camera, ProveOpening, prove)


def forgets_proofs(camera: SimCamera) -> None:
    """A proof of opening is answered, and not kept (REC-053)."""

    def prove(session: CameraSession, request: ProveOpening) -> OpeningProof:
        trust, device = session.camera.trust, session.camera
        assert trust is not None
        trust.challenges.take(request.recipient, request.opened, trust.kept.recipients)
        return OpeningProof(
            recipient=request.recipient, utc_ns=device.clock.utc_ns(), powered_min=device.powered_min
        )

    answer_otherwise(camera, ProveOpening, prove)


def one_challenge(camera: SimCamera) -> None:
    """Each challenge is the same one, whoever is asked (REC-053)."""

    def challenge(session: CameraSession, request: ChallengeRecipient) -> OpeningChallenge:
        from firmware_sim.device.seeded_wrap import seeded_wrap

        trust = session.camera.trust
        assert trust is not None
        public = sealing.public_key_of(trust.kept.recipients[0])
        return OpeningChallenge(
            sealed=sealing.challenge(KNOWN_KEY, public, session.camera.serial, seeded_wrap)
        )

    answer_otherwise(camera, ChallengeRecipient, challenge)


def key_as_challenge(camera: SimCamera) -> None:
    """It puts the wrapped key of a recording before its recipient as a challenge (REC-054)."""

    def challenge(session: CameraSession, request: ChallengeRecipient) -> OpeningChallenge:
        real = trust_handlers.challenge_recipient(session, request)
        protection = session.camera.listing(0, 1)[0].manifest.protection
        return real if protection is None else OpeningChallenge(sealed=protection.wraps[0].sealed)

    answer_otherwise(camera, ChallengeRecipient, challenge)


# Receipts and erasing


def believes_any_receipt(camera: SimCamera) -> None:
    """It asks of no receipt who signed it (REC-056)."""

    def receipt(session: CameraSession, request: DeliverReceipt) -> ReleaseState:
        return recording_handlers.release(session, ReadRelease(recording=request.recording))

    answer_otherwise(camera, DeliverReceipt, receipt)


def counts_old_receipts(camera: SimCamera) -> None:
    """A receipt counts for what is said after it, too (REC-058)."""

    def release(session: CameraSession, request: ReadRelease) -> ReleaseState:
        real = recording_handlers.release(session, request)
        kept = session.camera.recording(request.recording).receipts
        shown = tuple(KeptReceipt(sha256=one.sha256, destination=one.receipt.destination) for one in kept)
        return replace(real, receipts=shown, released=bool(shown))

    answer_otherwise(camera, ReadRelease, release)


def logs_receipts_again(camera: SimCamera) -> None:
    """A receipt that it has is on record each time that it comes (REC-055)."""

    def receipt(session: CameraSession, request: DeliverReceipt) -> ReleaseState:
        real = recording_handlers.receipt(session, request)
        session.audit(AuditKind.RECEIPT_KEPT, "again")
        return real

    answer_otherwise(camera, DeliverReceipt, receipt)


def cuts_receipts(camera: SimCamera) -> None:
    """It takes what stands before the zeros for the receipt (DOC-004)."""

    def receipt(session: CameraSession, request: DeliverReceipt) -> ReleaseState:
        cut = replace(request, receipt=request.receipt.rstrip(b"\0"))
        return recording_handlers.receipt(session, cut)

    answer_otherwise(camera, DeliverReceipt, receipt)


def erases_on_demand(camera: SimCamera) -> None:
    """It says that it erased whatever it was asked to (REC-008)."""
    answer_otherwise(camera, EraseRecording, lambda session, request: Done())


# Seizures and orders


def believes_any_seizure(camera: SimCamera) -> None:
    """It asks of no seizure who signed it (DOC-024)."""

    def seize(session: CameraSession, request: Seize) -> StreamOpened:
        return session.take_upload(request.length, lambda data: None)

    answer_otherwise(camera, Seize, seize)


def seized_in_name(camera: SimCamera) -> None:
    """It says that it is seized, and is changed as before (DOC-025)."""
    case = [""]

    def seize(session: CameraSession, request: Seize) -> StreamOpened:
        def finish(data: bytes) -> None:
            case[0] = _case_of(data)

        return session.take_upload(request.length, finish)

    def status(session: CameraSession, request: ReadStatus) -> DeviceStatus:
        return replace(identity_handlers.status(session, request), seized_for=case[0])

    def order(session: CameraSession, request: CarryOut) -> StreamOpened:
        def finish(data: bytes) -> None:
            case[0] = ""

        return session.take_upload(request.length, finish)

    for request, handler in ((Seize, seize), (ReadStatus, status), (CarryOut, order)):
        answer_otherwise(camera, request, handler)


def seized_until_restart(camera: SimCamera) -> None:
    """It forgets with its power that it is seized (DOC-025)."""
    boot = camera.boot_counter

    def status(session: CameraSession, request: ReadStatus) -> DeviceStatus:
        trust = session.camera.trust
        if trust is not None and session.camera.boot_counter != boot:
            trust.kept = replace(trust.kept, case="")
        return identity_handlers.status(session, request)

    answer_otherwise(camera, ReadStatus, status)


def sanitised_in_name(camera: SimCamera) -> None:
    """It says that it carried out whatever was ordered (DOC-022)."""

    def order(session: CameraSession, request: CarryOut) -> StreamOpened:
        return session.take_upload(request.length, lambda data: None)

    answer_otherwise(camera, CarryOut, order)


def no_tombstones(camera: SimCamera) -> None:
    """It says nothing of what it erased (REC-062, DOC-022)."""

    def page(session: CameraSession, request: ReadTombstones) -> TombstonePage:
        return TombstonePage(tombstones=(), next=0, total=0)

    answer_otherwise(camera, ReadTombstones, page)


FAULTY_EVIDENCE: Final = (
    unsigned_manifests,
    borrowed_signature,
    broken_chain,
    forgotten_generation,
    hidden_recording,
    hidden_tombstone,
    unsigned_annotations,
    stale_annotations,
    unencrypted,
    other_recipients,
    one_wrap,
    one_content_key,
    other_footage,
    believes_any_opening,
    forgets_proofs,
    one_challenge,
    key_as_challenge,
    believes_any_receipt,
    counts_old_receipts,
    logs_receipts_again,
    cuts_receipts,
    erases_on_demand,
    believes_any_seizure,
    seized_in_name,
    seized_until_restart,
    sanitised_in_name,
    no_tombstones,
)


def _state_otherwise(camera: SimCamera, otherwise: Changed) -> None:
    """Lists and gives other manifests than it closed, well signed."""

    def stated(found: StoredRecording) -> bytes:
        return otherwise(camera, found.manifest).encode()

    def page(session: CameraSession, request: ListRecordings) -> ListPage:
        real = recording_handlers.page(session, request)
        entries = tuple(
            replace(
                entry,
                manifest_sha256=hashlib.sha256(stated(session.camera.recording(entry.recording))).digest(),
            )
            for entry in real.recordings
        )
        return replace(real, recordings=entries)

    def manifest(session: CameraSession, request: ReadManifest) -> ManifestReply:
        data = stated(session.camera.recording(request.recording))
        trust = session.camera.trust
        signer = trust.signer if trust is not None else None
        return ManifestReply(manifest=data, signature=sign1.sign(data, signer) if signer is not None else b"")

    def segment(session: CameraSession, request: OpenSegment) -> StreamOpened:
        real = session.camera.recording(request.recording).manifest_sha256
        return recording_handlers.segment(session, replace(request, manifest_sha256=real))

    def table(session: CameraSession, request: OpenTable) -> StreamOpened:
        real = session.camera.recording(request.recording).manifest_sha256
        return recording_handlers.table(session, replace(request, manifest_sha256=real))

    for command, handler in (
        (ListRecordings, page),
        (ReadManifest, manifest),
        (OpenSegment, segment),
        (OpenTable, table),
    ):
        answer_otherwise(camera, command, handler)


def _wrap_otherwise(
    camera: SimCamera, otherwise: Callable[[SimCamera, Manifest, Protection], Protection]
) -> None:
    def changed(camera: SimCamera, manifest: Manifest) -> Manifest:
        found = manifest.protection
        return manifest if found is None else replace(manifest, protection=otherwise(camera, manifest, found))

    _state_otherwise(camera, changed)


def _case_of(document: bytes) -> str:
    from bwc_protocol.documents.seizure import Seizure
    from bwc_protocol.documents.signed_document import SignedDocument

    return Seizure.decode(SignedDocument.decode(document).payload).case
