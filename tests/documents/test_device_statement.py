"""What a camera signs: by its own agency certificate, and by nobody else's."""

import pytest

from bwc_protocol.documents.device_statement import verify_device_statement
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.evidence import sign1
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.vocabulary import PeerKind
from tools.testkit import agencies
from tools.testkit import fixed_agency as agency
from tools.testkit.checks_taken_away import document_check_taken_away

PAYLOAD = b"what a camera states of itself"


def verify(
    signer: sign1.Signer,
    payload: bytes = PAYLOAD,
    roots: tuple[bytes, ...] = agency.anchors(),
    lab: str = "",
    camera: str = agency.CAMERA,
) -> str:
    return verify_device_statement(payload, sign1.sign(PAYLOAD, signer), roots, lab=lab, camera=camera).name


def signer_of(lab: LabAgency, serial: str, kind: PeerKind) -> sign1.KeySigner:
    device = lab.device(serial, kind)
    return sign1.KeySigner(device.chain, device.key)


def test_a_camera_signs_what_it_states() -> None:
    assert verify(agency.signer("camera")) == agency.CAMERA


def test_a_camera_of_a_lab_counts_in_that_lab_alone() -> None:
    lab, other = agencies.lab(), LabAgency.make(lambda size: bytes(size))
    signer = signer_of(lab, "BWC-1", PeerKind.CAMERA)
    assert verify(signer, roots=lab.anchors, lab=lab.id, camera="BWC-1") == "BWC-1"
    with pytest.raises(DocumentRefused, match=r"^lab: "):
        verify(signer, roots=lab.anchors, camera="BWC-1")
    with pytest.raises(DocumentRefused, match=r"^chain: "):
        verify(signer, roots=other.anchors, lab=other.id, camera="BWC-1")


def test_other_bytes_than_were_signed_are_refused() -> None:
    with pytest.raises(DocumentRefused, match=r"^signature: "):
        verify(agency.signer("camera"), PAYLOAD + b"!")


def test_another_agencys_camera_is_refused() -> None:
    with pytest.raises(DocumentRefused, match=r"^chain: "):
        verify(agency.signer("other/camera"))


@pytest.mark.parametrize("who", ["dock", "technician", "records"])
def test_no_host_signs_for_a_camera(who: str) -> None:
    def call() -> None:
        verify(agency.signer(who), camera=agency.facts(who).name)

    with pytest.raises(DocumentRefused, match=r"^signer: "):
        call()
    with document_check_taken_away(DocumentCheck.SIGNER):
        call()


def test_no_station_and_no_factory_signs_for_a_camera() -> None:
    lab = agencies.real()
    for signer, roots in (
        (signer_of(lab, "BWC-1", PeerKind.STATION), lab.anchors),
        (
            sign1.KeySigner((made := lab.factory_device("BWC-1", PeerKind.CAMERA)).chain, made.key),
            (lab.factory_root.certificate,),
        ),
    ):
        with pytest.raises(DocumentRefused, match=r"^signer: "):
            verify(signer, roots=roots, camera="BWC-1")


def test_no_camera_signs_for_another() -> None:
    def call() -> None:
        verify(agency.signer("camera"), camera="BWC-000043")

    with pytest.raises(DocumentRefused, match=r"^device: "):
        call()
    with document_check_taken_away(DocumentCheck.DEVICE):
        call()
