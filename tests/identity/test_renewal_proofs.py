"""Requests for renewal that come as files: a CA answers those that a device itself has made, and no other."""

from pathlib import Path

import pytest

from bwc_protocol.certificates.facts import key_sha256
from bwc_protocol.certificates.issue import make_request, new_key
from bwc_protocol.declare import Role
from bwc_protocol.documents.renewal_proof import sign_renewal_proof
from bwc_protocol.evidence.sign1 import KeySigner
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.identity.ca import founding
from bwc_sdk.identity.ca.denying import publish
from bwc_sdk.identity.ca.lifetimes import DEVICE_DAYS
from bwc_sdk.identity.ca.register import Denied
from bwc_sdk.identity.ca.requests import Answered, answer_all, write_proof
from tests.identity.conftest import PASSPHRASE, YEAR_S, Agency, Begin

CAMERA = "CAM-1"


def device(agency: Agency, serial: str = CAMERA, kind: PeerKind = PeerKind.CAMERA) -> KeySigner:
    """A device of the agency, as it signs."""
    key = new_key()
    return KeySigner(agency.ca.issue_device(serial, kind, key.public_key()).chain, key)


def host(agency: Agency) -> KeySigner:
    key = new_key()
    return KeySigner(agency.ca.issue_host(CAMERA, Role.TECHNICIAN, key.public_key()).chain, key)


def ask(requests: Path, by: KeySigner | None, *, about: bytes = b"", named: str = CAMERA) -> bytes:
    """A request in a file, and who proves it."""
    requests.mkdir(exist_ok=True)
    request = make_request(new_key(), CAMERA)
    path = requests / f"{CAMERA}.csr"
    path.write_bytes(request)
    write_proof(path, b"" if by is None else sign_renewal_proof(about or request, named, "", by))
    return request


def answer(agency: Agency, tmp_path: Path, *, without_proof: bool = False) -> Answered:
    (found,) = answer_all(agency.ca, tmp_path / "in", tmp_path / "out", without_proof=without_proof)
    return found


def refused(agency: Agency, tmp_path: Path) -> str:
    found = answer(agency, tmp_path)
    assert found.path is None and found.error is not None and found.error.advice
    assert not list((tmp_path / "out").glob(f"{CAMERA}*"))
    return found.error.rule


@pytest.mark.rule("TRU-016")
@pytest.mark.parametrize("kind", [PeerKind.CAMERA, PeerKind.STATION])
def test_what_a_device_proves_is_answered(agency: Agency, tmp_path: Path, kind: PeerKind) -> None:
    ask(tmp_path / "in", device(agency, kind=kind))
    found = answer(agency, tmp_path)
    assert found.error is None and found.facts is not None and found.facts.kind is kind


@pytest.mark.rule("TRU-016")
def test_a_name_alone_is_no_proof(agency: Agency, tmp_path: Path) -> None:
    """Whoever can write among the requests asks for a certificate of any device."""
    device(agency)
    ask(tmp_path / "in", None)
    assert "nothing proves that 'CAM-1' made it" in refused(agency, tmp_path)
    assert answer(agency, tmp_path, without_proof=True).path is not None


@pytest.mark.rule("TRU-016")
def test_another_device_a_host_and_another_agency_prove_nothing(
    agency: Agency, begin: Begin, tmp_path: Path
) -> None:
    device(agency)
    other = begin("Rangers", "other")
    for by, said in (
        (device(agency, "CAM-2"), "signed by CAM-2"),
        (host(agency), "is no device"),
        (device(other), "no root that is held"),
    ):
        ask(tmp_path / "in", by)
        assert said in refused(agency, tmp_path)
    ask(tmp_path / "in", device(agency, "CAM-2"), named="CAM-2")
    assert "the request is of CAM-1" in refused(agency, tmp_path)


@pytest.mark.rule("TRU-016")
def test_the_proof_of_another_request_proves_nothing(agency: Agency, tmp_path: Path) -> None:
    """One that lay there before, under a key that somebody else has."""
    by = device(agency)
    ask(tmp_path / "in", by, about=make_request(new_key(), CAMERA))
    assert "another request" in refused(agency, tmp_path)


def test_every_flip_in_a_proof_is_found(agency: Agency, tmp_path: Path) -> None:
    ask(tmp_path / "in", device(agency))
    path = tmp_path / "in" / f"{CAMERA}.csr.proof"
    data = path.read_bytes()
    for at in range(0, len(data) * 8, 97):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        path.write_bytes(changed)
        assert refused(agency, tmp_path)
    path.write_bytes(b"\xff" * 100_000)
    assert refused(agency, tmp_path)


@pytest.mark.rule("TRU-016")
def test_a_key_that_is_denied_proves_nothing(agency: Agency, tmp_path: Path) -> None:
    """A key that was stolen, of a device that has another since."""
    stolen = device(agency)
    mine = device(agency)
    denied = Denied(key_sha256=key_sha256(stolen.key.public_key()))
    publish(agency.ca, agency.made.root_file, [denied])
    ask(tmp_path / "in", stolen)
    assert "denied" in refused(agency, tmp_path)
    ask(tmp_path / "in", mine)
    assert answer(agency, tmp_path).path is not None


def test_a_device_proves_also_when_its_certificate_has_ended_or_is_of_an_earlier_ca(
    agency: Agency, tmp_path: Path
) -> None:
    by = device(agency)
    founding.rotate(agency.ca, agency.made.root_file, lambda: PASSPHRASE)
    agency.now_s += DEVICE_DAYS * 86_400 + YEAR_S
    ask(tmp_path / "in", by)
    found = answer(agency, tmp_path)
    assert found.error is None and found.path is not None


def test_a_stale_proof_does_not_stay_beside_a_request_without(agency: Agency, tmp_path: Path) -> None:
    ask(tmp_path / "in", device(agency))
    ask(tmp_path / "in", None)
    assert "there is no CAM-1.csr.proof" in refused(agency, tmp_path)
