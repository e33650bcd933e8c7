"""Devices that a host must be able to cope with: newer, older, lying, or simply not what was asked for.

Each is a function that changes how a camera speaks; a camera with a personality is otherwise the same. Tests of
the SDK against bad input play them, and so does `bwc sim --personality NAME`.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, cast

from bwc_protocol.conversation import RequestLimits
from bwc_protocol.conversation.stream import BytesSource, ReaderSource
from bwc_protocol.evidence import DIGEST_SIZE
from bwc_protocol.messages.audit import AuditPage, ReadAudit
from bwc_protocol.messages.core import StreamOpened
from bwc_protocol.messages.identity import Capability
from bwc_protocol.messages.recordings import (
    ListPage,
    ListRecordings,
    ManifestReply,
    OpenSegment,
    OpenTable,
    ReadManifest,
)
from bwc_protocol.session.interface import Session
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.session import CameraSession
from firmware_sim.device.refusal import Refusal
from firmware_sim.faulty_evidence import FAULTY_EVIDENCE
from firmware_sim.faulty_evidence import answer_otherwise as _answer
from firmware_sim.handlers import audit as audit_handlers
from firmware_sim.handlers import recordings as recording_handlers

Personality = Callable[[SimCamera], None]

LARGEST_STREAM: Final = (1 << 63) - 1
"""A length that no host may take for room that it has to make."""
SURPLUS: Final = 4_096


def newer_major(camera: SimCamera) -> None:
    """A device of the next major version: there is no version in common."""
    camera.profile.oldest, camera.profile.newest = (2, 0), (2, 1)


def newer_minor(camera: SimCamera) -> None:
    """A device that also speaks what is not published yet: the common version is taken."""
    camera.profile.newest = (1, 250)


def small(camera: SimCamera) -> None:
    """A device with little memory: one request at a time, two streams, requests of 512 bytes, a short log."""
    camera.profile.counts_sessions = True
    camera.profile.limits = RequestLimits(requests=1, streams=2, body=512)


def station(camera: SimCamera) -> None:
    """A docking station where a camera was expected."""
    camera.profile.kind = PeerKind.STATION


def no_simulator(camera: SimCamera) -> None:
    """A device that does not call itself a simulator and yet offers an insecure session."""
    camera.profile.capabilities &= ~(Capability.SIMULATOR | Capability.LAB | Capability.BENCH)


def development(camera: SimCamera) -> None:
    """Development firmware on real hardware: no simulator, never enrolled, and nothing on it is evidence."""
    camera.profile.capabilities = camera.profile.capabilities & ~Capability.SIMULATOR | Capability.LAB


def refusing(camera: SimCamera) -> None:
    """A device that accepts no host; the host believes that the handshake is done when it learns of it."""
    camera.profile.accepts = lambda peer: False


class _Scattered:
    """A session whose output is cut at random; in all else the one that it stands before."""

    def __init__(self, session: Session, rng: random.Random) -> None:
        self._session, self._rng = session, rng

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def outgoing(self) -> list[bytes]:
        joined, pieces = b"".join(self._session.outgoing()), []
        while joined:
            cut = self._rng.randint(1, min(len(joined), 700))
            pieces.append(joined[:cut])
            joined = joined[cut:]
        return pieces


def scattering(camera: SimCamera) -> None:
    """A session whose output is cut anywhere: a stream has no boundaries."""
    rng = random.Random(f"scattering {camera.options.seed}")
    camera.profile.reshape = lambda session: cast(Session, _Scattered(session, rng))


def endless_listing(camera: SimCamera) -> None:
    """A listing whose numbers always go on."""

    def page(session: CameraSession, request: ListRecordings) -> ListPage:
        real = recording_handlers.page(session, ListRecordings(after=0, limit=1))
        if not real.recordings:
            raise Refusal(ErrorCode.NOT_FOUND, "this personality needs a recording")
        entries = tuple(
            replace(real.recordings[0], sequence=request.after + 1 + index) for index in range(request.limit)
        )
        return replace(real, recordings=entries, next=entries[-1].sequence)

    _answer(camera, ListRecordings, page)


def stuck_listing(camera: SimCamera) -> None:
    """A listing whose cursor does not move."""

    def page(session: CameraSession, request: ListRecordings) -> ListPage:
        real = recording_handlers.page(session, replace(request, after=0))
        return replace(real, next=max(1, request.after))

    _answer(camera, ListRecordings, page)


def changing(camera: SimCamera) -> None:
    """Each recording has another manifest when it is read than when it was listed."""

    def page(session: CameraSession, request: ListRecordings) -> ListPage:
        real = recording_handlers.page(session, request)
        entries = tuple(
            replace(entry, manifest_sha256=bytes(DIGEST_SIZE - 1) + b"\x01") for entry in real.recordings
        )
        return replace(real, recordings=entries)

    _answer(camera, ListRecordings, page)


def foreign_manifest(camera: SimCamera) -> None:
    """The manifest of another recording than was asked for."""

    def manifest(session: CameraSession, request: ReadManifest) -> ManifestReply:
        asked = session.camera.recording(request.recording)
        others = [r for r in session.camera.listing(0, 2) if r.recording_id != asked.recording_id]
        return ManifestReply(manifest=others[0].manifest_bytes if others else b"")

    _answer(camera, ReadManifest, manifest)


def huge_table(camera: SimCamera) -> None:
    """A chunk table that would fill any memory."""

    def table(session: CameraSession, request: OpenTable) -> StreamOpened:
        return session.open_stream(ReaderSource(lambda offset, size: bytes(size)), LARGEST_STREAM)

    _answer(camera, OpenTable, table)


def wrong_table(camera: SimCamera) -> None:
    """A chunk table of the right size that is not the manifest's."""

    def table(session: CameraSession, request: OpenTable) -> StreamOpened:
        true = session.camera.recording(request.recording).tables[request.segment]
        return session.open_stream(BytesSource(bytes(len(true))), len(true))

    _answer(camera, OpenTable, table)


def long_segment(camera: SimCamera) -> None:
    """More stored bytes than the manifest states."""

    def segment(session: CameraSession, request: OpenSegment) -> StreamOpened:
        blob = session.camera.recording(request.recording).blobs[request.segment]
        length = (request.length or blob.size_bytes - request.offset) + SURPLUS

        def read(offset: int, size: int) -> bytes:
            return bytes(blob.read(request.offset + offset, size)).ljust(size, b"\0")

        return session.open_stream(ReaderSource(read), length)

    _answer(camera, OpenSegment, segment)


def short_segment(camera: SimCamera) -> None:
    """Fewer stored bytes than the manifest states."""

    def segment(session: CameraSession, request: OpenSegment) -> StreamOpened:
        whole = session.camera.recording(request.recording).blobs[request.segment].size_bytes - request.offset
        half = (request.length or whole) // 2
        return recording_handlers.segment(session, replace(request, length=max(1, half)))

    _answer(camera, OpenSegment, segment)


def forged_log(camera: SimCamera) -> None:
    """A log in which an entry was changed afterwards."""

    def page(session: CameraSession, request: ReadAudit) -> AuditPage:
        real = audit_handlers.page(session, request)
        forged = tuple(replace(entry, detail="nothing happened") for entry in real.entries[-1:])
        return replace(real, entries=real.entries[:-1] + forged)

    _answer(camera, ReadAudit, page)


PERSONALITIES: Final[dict[str, Personality]] = {
    personality.__name__.replace("_", "-"): personality
    for personality in (
        newer_major,
        newer_minor,
        small,
        station,
        no_simulator,
        development,
        refusing,
        scattering,
        endless_listing,
        stuck_listing,
        changing,
        foreign_manifest,
        huge_table,
        wrong_table,
        long_segment,
        short_segment,
        forged_log,
        *FAULTY_EVIDENCE,
    )
}
"""By the name that the command line and the URI take."""
