"""A verification that believes a root: whose recordings these are, until when its camera is to be believed."""

from pathlib import Path

import pytest

from bwc_protocol.documents.deny_list import Denied, DeniedBy, DeniedKind, DenyList
from bwc_protocol.evidence import Manifest, sign1
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.evidence.findings import FindingKind, Verdict
from bwc_sdk.evidence.verify import Believed, verify_stores
from tools.testkit import agencies

CAMERA = "SIM-00000007"
AGENCY = agencies.real()


def signer(
    serial: str = CAMERA, ends_s: int = agencies.ENDS_S, began_s: int = agencies.BEGAN_S
) -> sign1.Signer:
    device = AGENCY.device(serial, PeerKind.CAMERA, agencies.issuance(began_s, ends_s))
    return sign1.KeySigner(device.chain, device.key)


def manifests(store: Path) -> list[Manifest]:
    found = [Manifest.decode(path.read_bytes()) for path in store.glob("*.manifest")]
    return sorted(found, key=lambda manifest: manifest.sequence)


@pytest.fixture
def store(store: Path) -> Path:
    """The store without what its camera signed: another one signs it here."""
    for path in [*store.glob("*.annotations"), *store.glob("*.cose"), *store.glob("*.chain")]:
        path.unlink()
    for path in store.glob("*.custody.json"):
        path.chmod(0o600)
        path.write_bytes(
            path.read_bytes().replace(b'"manifest_signed": "verified"', b'"manifest_signed": "absent"')
        )
    return store


def sign(store: Path, by: sign1.Signer) -> None:
    for path in store.glob("*.manifest"):
        signature = path.with_name(path.name + ".cose")
        if signature.exists():
            signature.chmod(0o600)
        signature.write_bytes(sign1.sign(path.read_bytes(), by))


def check(
    store: Path, deny_list: DenyList | None = None
) -> tuple[Verdict, list[tuple[FindingKind, int | None]]]:
    report = verify_stores([store], believed=Believed(roots=AGENCY.anchors, deny_list=deny_list), quick=True)
    return report.verdict, sorted((one.kind, one.sequence) for one in report.findings)


@pytest.fixture
def signed(store: Path) -> Path:
    """The store, as if a camera of a real agency had signed it: by a certificate of the time of its recordings."""
    began = min(manifest.ended_utc_ns for manifest in manifests(store)) // 10**9 - 1
    sign(store, signer(began_s=began, ends_s=began + 10 * 365 * 86_400))
    return store


def denying(last: int, sha256: bytes) -> DenyList:
    entry = Denied(
        by=DeniedBy.NAME,
        kind=DeniedKind.CAMERA,
        name=CAMERA,
        last_sequence=last,
        last_manifest_sha256=sha256,
    )
    return DenyList(agency=AGENCY.root.certificate.hex()[:8], counter=1, signed_utc_s=1, entries=(entry,))


def test_what_a_camera_of_the_agency_signed_is_verified(signed: Path) -> None:
    assert check(signed) == (Verdict.VERIFIED, [])


def test_every_flip_in_a_signature_is_found(signed: Path) -> None:
    path = min(signed.glob("*.cose"))
    data = path.read_bytes()
    for at in range(0, len(data) * 8, 37):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        path.write_bytes(changed)
        verdict, found = check(signed)
        assert verdict is Verdict.FINDINGS and [kind for kind, _ in found] == [FindingKind.SIGNATURE_WRONG], (
            at
        )


def test_another_camera_of_the_agency_is_not_this_one(store: Path) -> None:
    sign(store, signer("SIM-00000008"))
    verdict, found = check(store)
    assert verdict is Verdict.FINDINGS and {kind for kind, _ in found} == {FindingKind.SIGNATURE_WRONG}


def test_signatures_that_were_left_out_are_no_verification(signed: Path) -> None:
    min(signed.glob("*.cose")).unlink()
    verdict, found = check(signed)
    assert verdict is not Verdict.VERIFIED and len(found) == 1


@pytest.mark.rule("REC-089")
def test_a_denied_camera_is_believed_up_to_its_last_good_recording(signed: Path) -> None:
    second = manifests(signed)[1]
    verdict, found = check(signed, denying(2, second.sha256))
    assert verdict is Verdict.FINDINGS
    assert found == [(FindingKind.SIGNER_DENIED, 3), (FindingKind.SIGNER_DENIED, 4)]


def test_the_last_good_recording_is_that_one_and_no_other_of_its_number(signed: Path) -> None:
    """And nothing leads back from one that is not here."""
    _, found = check(signed, denying(4, bytes([1]) * 32))
    assert found == [(FindingKind.SIGNER_DENIED, number) for number in (1, 2, 3, 4)]


@pytest.mark.rule("REC-089")
def test_a_recording_of_before_its_certificate_does_not_count(store: Path) -> None:
    began = max(manifest.ended_utc_ns for manifest in manifests(store)) // 10**9 + 86_400
    sign(store, signer(began_s=began, ends_s=began + 86_400))
    verdict, found = check(store)
    assert {kind for kind, _ in found} == {FindingKind.SIGNER_TIME} and len(found) == 4
    assert verdict is Verdict.FINDINGS


@pytest.mark.rule("REC-089")
def test_what_a_camera_recorded_after_its_certificate_had_ended_is_told_and_does_not_count(
    store: Path,
) -> None:
    ended = sorted(manifest.ended_utc_ns for manifest in manifests(store))
    sign(store, signer(began_s=ended[0] // 10**9 - 86_400, ends_s=ended[1] // 10**9 + 1))
    verdict, found = check(store)
    assert [number for kind, number in found if kind is FindingKind.SIGNER_TIME] == [3, 4]
    assert verdict is Verdict.HASHES_ONLY


def test_it_counts_once_the_camera_was_renewed_and_goes_on(store: Path) -> None:
    """What it signs by its new certificate is signed over all that came before."""
    ended = sorted(manifest.ended_utc_ns for manifest in manifests(store))
    sign(store, signer(began_s=ended[0] // 10**9 - 86_400, ends_s=ended[1] // 10**9 + 1))
    newest = manifests(store)[3]
    (path,) = (one for one in store.glob("*.manifest") if newest.recording_id.hex() in one.name)
    renewed = signer(began_s=ended[3] // 10**9 - 1, ends_s=ended[3] // 10**9 + 86_400)
    path.with_name(path.name + ".cose").write_bytes(sign1.sign(path.read_bytes(), renewed))
    verdict, found = check(store)
    assert found == [(FindingKind.SIGNER_TIME, 3)] and verdict is Verdict.VERIFIED
