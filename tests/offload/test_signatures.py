"""Offloads from cameras with an identity: what is stored was signed by this camera, or is said not to be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.evidence import sign1
from bwc_protocol.lab.agency import Certified
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.cli.printing.offload_events import next_steps, outcome_document, values_of
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect
from bwc_sdk.evidence.signed_manifest import ManifestSigned, SignedManifest
from bwc_sdk.offload import OffloadResult, Outcome, RecordingFinished, Refused, StoredVerified, offload
from bwc_sdk.offload.signature import CheckedSignature
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual
from tools.testkit import agencies
from tools.testkit.identity_files import host_identity, secure_camera, world_at
from tools.testkit.secure_ends import agency

Change = Callable[[SimCamera], object]


def run(camera: SimCamera, path: Path, *, secure: bool = True) -> OffloadResult:
    world = world_at()

    async def connected() -> Camera:
        identity = host_identity(agency(), Role.DOCK_OFFLOAD) if secure else None
        return await connect(
            MemoryTransport(camera),
            role=Role.DOCK_OFFLOAD,
            identity=identity,
            world=world,
            allow_insecure=not secure,
        )

    async def main() -> OffloadResult:
        return await offload(connected, path, world=world).run()

    return run_virtual(main(), limit_s=86_400)


@pytest.fixture
def camera() -> Iterator[SimCamera]:
    made = secure_camera(agency(), recordings=2)
    yield made
    made.close()


def first(camera: SimCamera) -> Any:
    return camera.listing(0, 9)[0]


def in_order(result: OffloadResult) -> list[Outcome]:
    """Marked recordings are stored first."""
    return sorted(result.outcomes, key=lambda one: one.entry.sequence)


def signatures(path: Path) -> list[Path]:
    return sorted(path.glob("*.manifest.cose"))


def custody(path: Path) -> list[str]:
    return [json.loads(one.read_bytes())["manifest_signed"] for one in sorted(path.glob("*.custody.json"))]


@pytest.mark.rule("REC-042")
def test_what_is_stored_was_signed_by_the_camera_and_its_signature_lies_beside_it(
    camera: SimCamera, tmp_path: Path
) -> None:
    result = run(camera, tmp_path)
    assert result.complete and custody(tmp_path) == ["verified"] * 2
    for outcome in result.outcomes:
        assert isinstance(outcome, StoredVerified) and outcome.manifest_signed is ManifestSigned.VERIFIED
        assert outcome_document(outcome)["manifest_signed"] == "verified"
    assert {one.read_bytes() for one in signatures(tmp_path)} == {
        one.signature for one in camera.listing(0, 9)
    }
    for one in signatures(tmp_path):
        manifest = one.with_name(one.name.removesuffix(".cose"))
        sign1.verify(manifest.read_bytes(), one.read_bytes(), agency().anchors)
    assert not next_steps(result)
    assert not [one for one in (tmp_path / ".incoming").iterdir() if one.name.endswith(".cose")]
    again = run(camera, tmp_path)
    assert again.complete and all(getattr(one, "already_there", False) for one in again.outcomes)


def stranger(camera: SimCamera, payload: bytes, by: Certified) -> bytes:
    return sign1.sign(payload, sign1.KeySigner(by.chain, by.key))


def wrong(what: str, camera: SimCamera) -> bytes:
    """A signature of the first manifest that is not what it should be."""
    mine, serial = first(camera).manifest_bytes, camera.serial
    theirs = agencies.real("Shelbyville PD")
    issued = {
        "of another agency": theirs.device(serial, PeerKind.CAMERA),
        "of a lab": agencies.lab().device(serial, PeerKind.CAMERA),
    }
    if what in issued:
        return stranger(camera, mine, issued[what])
    own = agency()
    match what:
        case "of another recording":
            return bytes(camera.listing(0, 9)[1].signature)
        case "of another camera":
            held = own.device(serial="SIM-00000009")
        case "of a station":
            held = own.device(PeerKind.STATION, serial=serial)
        case "of a host":
            held = own.host(Role.DOCK_OFFLOAD, name=serial)
        case "of nothing":
            return b"\x00"
    return sign1.sign(mine, sign1.KeySigner(tuple(held.chain), held.key))


@pytest.mark.rule("REC-042")
@pytest.mark.parametrize(
    "what, check",
    [
        ("of another recording", "signature"),
        ("of another agency", "chain"),
        ("of a lab", "chain"),
        ("of another camera", "device"),
        ("of a station", "signer"),
        ("of a host", "signer"),
        ("of nothing", "form"),
    ],
)
def test_a_wrong_signature_is_refused_and_the_others_are_stored(
    camera: SimCamera, tmp_path: Path, what: str, check: str
) -> None:
    first(camera).signature = wrong(what, camera)
    result = run(camera, tmp_path)
    refused, stored = in_order(result)
    assert isinstance(refused, Refused) and isinstance(stored, StoredVerified)
    assert refused.reason.startswith(f"recording 1: the signature of the manifest is not good: {check}: ")
    assert refused.error is not None and "examined" in refused.error.advice
    assert len(list(tmp_path.glob("*.mp4"))) == len(signatures(tmp_path)) == 1


@pytest.mark.rule("REC-043")
def test_one_that_nobody_signed_is_stored_and_said(camera: SimCamera, tmp_path: Path) -> None:
    first(camera).signature = b""
    result = run(camera, tmp_path)
    assert result.complete and len(list(tmp_path.glob("*.mp4"))) == 2
    assert [getattr(one, "manifest_signed", None) for one in in_order(result)] == [
        ManifestSigned.ABSENT,
        ManifestSigned.VERIFIED,
    ]
    assert sorted(custody(tmp_path)) == ["absent", "verified"] and len(signatures(tmp_path)) == 1
    assert values_of(RecordingFinished(in_order(result)[0]))[2] == "verified; NOT SIGNED by the camera"
    (line,) = next_steps(result)
    assert line.startswith("stored, and not signed: recording 1. ")


def test_without_certificates_nothing_is_checked_and_nothing_unverified_stored(tmp_path: Path) -> None:
    from firmware_sim.scenarios import make_camera

    camera = make_camera(seed=3, recordings=1, mib=1)
    try:
        first(camera).signature = b"anything"
        result = run(camera, tmp_path, secure=False)
    finally:
        camera.close()
    assert result.complete and custody(tmp_path) == ["not checked"] and not signatures(tmp_path)
    assert not next_steps(result)


# What is there already


def twin(signature: bytes) -> bytes:
    """Another signature over the same: anybody makes it of the first."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    s = int.from_bytes(signature[-32:])
    return signature[:-32] + (order - s).to_bytes(32)


@pytest.mark.parametrize("again", [False, True], ids=["found at once", "found when it gets its name"])
def test_another_signature_that_is_as_good_may_be_there(
    camera: SimCamera, tmp_path: Path, again: bool
) -> None:
    run(camera, tmp_path)
    name = signatures(tmp_path)[0]
    other = twin(name.read_bytes())
    name.write_bytes(other)
    if again:  # the footage is fetched anew, so that the signature is kept before it is named
        for one in [*tmp_path.glob("*.mp4"), *tmp_path.glob("*.custody.json")]:
            one.unlink()
    assert run(camera, tmp_path).complete
    assert name.read_bytes() == other, "what is there is not replaced"


@pytest.mark.parametrize("content", [b"", b"x", b"\x00" * 5000])
@pytest.mark.parametrize("again", [False, True], ids=["found at once", "found when it gets its name"])
def test_what_is_no_signature_of_it_is_not_replaced_and_not_called_stored(
    camera: SimCamera, tmp_path: Path, again: bool, content: bytes
) -> None:
    run(camera, tmp_path)
    name = signatures(tmp_path)[0]
    name.write_bytes(content)
    if again:
        for one in [*tmp_path.glob("*.mp4"), *tmp_path.glob("*.custody.json")]:
            one.unlink()
    result = run(camera, tmp_path)
    (refused,) = [one for one in result.outcomes if isinstance(one, Refused)]
    assert f"{name.name} is there with another content" in refused.reason
    assert name.read_bytes() == content


def test_a_store_from_before_gets_the_signatures_that_it_lacks(camera: SimCamera, tmp_path: Path) -> None:
    run(camera, tmp_path)
    there = {one.name: one.read_bytes() for one in signatures(tmp_path)}
    for one in signatures(tmp_path):
        one.unlink()
    assert run(camera, tmp_path).complete
    assert {one.name: one.read_bytes() for one in signatures(tmp_path)} == there


# Each bit


def test_every_bit_of_a_manifest_and_of_its_signature_counts(camera: SimCamera) -> None:
    identity = host_identity(agency(), Role.DOCK_OFFLOAD)
    recording = first(camera)
    good = SignedManifest(recording.manifest, recording.manifest_bytes, recording.signature)
    assert CheckedSignature.check(good, identity).signed is ManifestSigned.VERIFIED
    for name in ("data", "signature"):
        whole: bytes = getattr(good, name)
        for bit in range(8 * len(whole)):
            flipped = bytearray(whole)
            flipped[bit // 8] ^= 1 << bit % 8
            refused(replace(good, **{name: bytes(flipped)}), identity)
        for other in (whole[:-1], whole + b"\x00", whole[1:]):
            refused(replace(good, **{name: other}), identity)


def refused(found: SignedManifest, identity: Any) -> None:
    with pytest.raises(Exception, match="signature of the manifest is not good"):
        CheckedSignature.check(found, identity)
