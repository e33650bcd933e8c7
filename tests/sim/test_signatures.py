"""The simulated camera signs the manifest of each recording, and lists none that is not signed by itself."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from bwc_protocol.certificates.facts import CertificateFacts, read_certificate
from bwc_protocol.declare import Role
from bwc_protocol.documents.annotation_head import AnnotationHead
from bwc_protocol.documents.device_statement import verify_device_statement
from bwc_protocol.evidence import sign1
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.messages.recordings import ListRecordings, MarkRecording, ReadManifest
from firmware_sim import LoneCameraHands
from firmware_sim.camera.camera import SimCamera
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.storage.recording_files import SIGNATURE
from firmware_sim.storage.storage import StoredRecording
from tests.sim.conftest import NOON_NS, Desk
from tools.testkit import agencies
from tools.testkit.enrolling import certified, installing, renewal

New = Callable[..., SimCamera]


def signer_of(
    camera: SimCamera, recording: StoredRecording, agency: LabAgency | None = None
) -> CertificateFacts:
    held = agency or agencies.real()
    return verify_device_statement(
        recording.manifest_bytes, recording.signature, held.anchors, lab=held.id, camera=camera.serial
    )


def check_said(camera: SimCamera, recording: StoredRecording, agency: LabAgency) -> None:
    """What is said of a recording is signed as a host of the agency expects it."""
    head = AnnotationHead(
        lab=agency.id,
        camera=camera.serial,
        recording_id=recording.recording_id,
        manifest_sha256=recording.manifest_sha256,
        count=len(recording.annotations),
        head_sha256=recording.annotations_sha256,
    )
    assert recording.annotations
    verify_device_statement(
        head.encode(),
        recording.annotations_signature,
        agency.anchors,
        lab=agency.id,
        camera=camera.serial,
    )


def join(camera: SimCamera, agency: LabAgency) -> None:
    """Somebody enrols it."""
    assert camera.trust is not None and camera.press_enroll() == ""
    certificate = certified(camera.trust.request(), agency)
    host = read_certificate(agency.host("K. Weber", Role.TECHNICIAN).chain[0])
    camera.trust.enroll(installing(certificate, agency), host)


def record(camera: SimCamera, seconds: float = 3) -> None:
    camera.wearer.start()
    camera.time.skip(seconds)
    camera.recorder.close_now()


def of(new_camera: New, flash: MemoryFlash, **options: object) -> SimCamera:
    return new_camera(state=flash, agency=agencies.real(), utc_ns=NOON_NS, **options)


@pytest.mark.rule("REC-040")
def test_every_recording_is_signed_and_given_with_its_signature(new_camera: New) -> None:
    for agency in (agencies.real(), agencies.lab()):
        camera = new_camera(agency=agency, recordings=2, utc_ns=NOON_NS)
        record(camera)
        listed = camera.listing(0, 9)
        assert len(listed) == 3
        for recording in listed:
            assert camera.trust and signer_of(camera, recording, agency) == camera.trust.own
            reply = Desk(camera).ask(ReadManifest(recording=recording.recording_id))
            assert (reply.manifest, reply.signature) == (recording.manifest_bytes, recording.signature)


@pytest.mark.rule("REC-040")
def test_one_that_power_cut_short_is_signed_by_the_boot_that_closes_it(new_camera: New) -> None:
    camera = of(new_camera, MemoryFlash())
    camera.wearer.start()
    camera.time.skip(30)
    camera.settle()
    camera.crash()
    camera.time.skip(60)
    camera.settle()
    (recording,) = camera.listing(0, 9)
    assert recording.manifest.cut
    signer_of(camera, recording)


def test_a_signature_is_the_same_after_a_boot(new_camera: New) -> None:
    flash = MemoryFlash()
    camera = of(new_camera, flash, recordings=2)
    before = [one.signature for one in camera.listing(0, 9)]
    camera.close()
    again = of(new_camera, flash)
    assert [one.signature for one in again.listing(0, 9)] == before and again.storage.damaged == ()


def test_development_firmware_signs_nothing(new_camera: New) -> None:
    flash = MemoryFlash()
    camera = new_camera(state=flash, recordings=1)
    (recording,) = camera.listing(0, 9)
    assert (
        recording.signature
        == b""
        == Desk(camera).ask(ReadManifest(recording=recording.recording_id)).signature
    )
    assert not [name for name in flash.contents() if name.endswith(SIGNATURE)]


def other_signature(camera: SimCamera, data: bytes, of: str) -> bytes | None:
    """What may lie in the place of the signature of `data`."""
    recordings = camera.listing(0, 9)
    signer = camera.trust.signer if camera.trust else None
    assert signer is not None
    stranger = agencies.real("Shelbyville PD").device(camera.serial, camera.kind)
    return {
        "nothing": None,
        "an empty file": b"",
        "a torn one": recordings[1].signature[:-1],
        "that of another recording": recordings[0].signature,
        "that of another agency": sign1.sign(data, sign1.KeySigner(stranger.chain, stranger.key)),
    }[of]


@pytest.mark.rule("REC-041")
@pytest.mark.parametrize(
    "what", ["nothing", "an empty file", "a torn one", "that of another recording", "that of another agency"]
)
def test_one_whose_signature_is_damaged_is_not_listed(new_camera: New, what: str) -> None:
    flash = MemoryFlash()
    camera = of(new_camera, flash, recordings=3)
    second = camera.listing(0, 9)[1]
    content = other_signature(camera, second.manifest_bytes, what)
    camera.close()
    (name,) = [one for one in flash.contents() if one.endswith(f"{second.recording_id.hex()}/{SIGNATURE}")]
    flash.remove(name)
    if content is not None:
        flash.create(name, content)
    again = of(new_camera, flash)
    page = Desk(again).ask(ListRecordings())
    assert [one.sequence for one in page.recordings] == [1, 3] and page.total == 3
    assert len(again.storage.damaged) == 1 and "signature" in again.storage.damaged[0]
    record(again)
    assert again.listing(0, 9)[-1].sequence == 4


def test_every_bit_of_a_signature_counts(new_camera: New) -> None:
    """A sample of them on the flash; all of them where signatures are verified, see tests/documents."""
    flash = MemoryFlash()
    camera = of(new_camera, flash, recordings=1)
    (recording,) = camera.listing(0, 9)
    camera.close()
    for at in random.Random(1).sample(range(len(recording.signature)), 25):
        left = flash.copy()
        (name,) = [one for one in left.contents() if one.endswith(SIGNATURE)]
        left.write(name, at, bytes([recording.signature[at] ^ 1 << at % 8]))
        left.sync(name)
        again = of(new_camera, left)
        assert len(again.storage.damaged) == 1, at
        again.close()


def test_its_signature_is_durable_before_a_recording_is_listed(new_camera: New) -> None:
    class ForgetsSignatures(MemoryFlash):
        def sync(self, name: str) -> None:
            if not name.endswith(SIGNATURE):
                super().sync(name)

    lost = {}
    for kind in (MemoryFlash, ForgetsSignatures):
        flash = kind()
        camera = of(new_camera, flash)
        record(camera)
        for seed in range(10):
            left = flash.copy()
            left.lose_power(random.Random(seed))
            again = of(new_camera, left)
            lost[kind] = lost.get(kind, 0) + len(again.storage.damaged)
            again.close()
    assert lost[MemoryFlash] == 0 < lost[ForgetsSignatures]


def test_the_chain_goes_on_over_a_renewal(new_camera: New) -> None:
    flash = MemoryFlash()
    camera = of(new_camera, flash, recordings=1)
    assert camera.trust is not None
    before = camera.trust.own
    camera.trust.renew(renewal(camera.trust.request(), agencies.real()), "dock-1")
    record(camera)
    for device in (camera, of(new_camera, flash.copy())):
        first, second = device.listing(0, 9)
        assert signer_of(device, first) == before != signer_of(device, second) == camera.trust.own
        assert second.manifest.previous_sha256 == first.manifest_sha256


def test_after_a_reset_it_signs_as_whose_it_is_then(new_camera: New) -> None:
    flash = MemoryFlash()
    camera = of(new_camera, flash, recordings=2)
    assert camera.trust is not None
    camera.reset_by_opening()
    camera.time.skip(60)
    camera.settle()
    assert not camera.listing(0, 9)
    other = agencies.real("Shelbyville PD")
    join(camera, other)
    record(camera)
    for device in (camera, of(new_camera, flash.copy())):
        (recording,) = device.listing(0, 9)
        assert signer_of(device, recording, other).agency == "Shelbyville PD"
        assert recording.sequence == 1 and recording.manifest.circumstances is not None
        assert recording.manifest.circumstances.generation == 1


def mark(camera: SimCamera, recording: StoredRecording) -> None:
    asked = MarkRecording(
        recording=recording.recording_id, manifest_sha256=recording.manifest_sha256, marked=True
    )
    Desk(camera).ask(asked)
    assert camera.recording(recording.recording_id).marked


@pytest.mark.rule("REC-036", "REC-040")
@pytest.mark.parametrize("joins", ["the lab", "an agency"])
@pytest.mark.parametrize("was", ["new", "the lab's", "an agency's", "in a snapshot"])
def test_from_its_enrolment_on_all_is_signed_as_whose_it_is(new_camera: New, was: str, joins: str) -> None:
    """Without a boot between the enrolment and the first recording, and whosever it was before."""
    flash, lab, real = MemoryFlash(), agencies.lab(), agencies.real()
    first, agency = lab if was == "the lab's" else real, lab if joins == "the lab" else real
    enrolled = was in ("the lab's", "an agency's")
    camera = new_camera(state=flash, agency=first, utc_ns=NOON_NS, enrolled=enrolled)
    hands = LoneCameraHands(camera)
    hands.snapshot("before")
    if enrolled:
        record(camera)
        camera.reset_by_opening()
        camera.time.skip(60)
        camera.settle()
    join(camera, agency)
    if was == "in a snapshot":
        hands.snapshot("enrolled")
        hands.restore("before")
        hands.restore("enrolled")
    record(camera)
    mark(camera, camera.listing(0, 9)[0])
    again = new_camera(state=camera.flash.copy(), agency=first, utc_ns=NOON_NS)
    assert again.storage.damaged == ()
    mark(again, again.listing(0, 9)[0])
    record(again)
    for device, count in ((camera, 1), (again, 2)):
        assert len(device.listing(0, 9)) == count
        for recording in device.listing(0, 9):
            signer_of(device, recording, agency)
            check_said(device, recording, agency)


def test_a_camera_that_is_started_as_another_is_the_one_that_was_kept(new_camera: New) -> None:
    """Its name is what its flash has, also where its recordings are held against it."""
    flash = MemoryFlash()
    camera = of(new_camera, flash, recordings=2)
    camera.close()
    again = of(new_camera, flash, seed=camera.options.seed + 1)
    assert again.serial == camera.serial != again.options.serial
    assert again.storage.damaged == () and len(again.listing(0, 9)) == 2
