"""Two cameras beside each other: what one says is never the other's (spec: Signatures of recordings)."""

from __future__ import annotations

import pytest

from bwc_sdk.sync import SyncCamera
from hil_tests.device.bench import Bench
from hil_tests.testkit.abilities import need_agency


@pytest.mark.bwc_read_only
def test_two_cameras_are_two(two_cameras: tuple[SyncCamera, SyncCamera]) -> None:
    one, other = two_cameras
    assert one.identity != other.identity
    seen = [{entry.recording for entry in camera.recordings.list()} for camera in two_cameras]
    assert not seen[0] & seen[1], "a recording's id is of one camera alone"
    heads = [camera.audit.head() for camera in two_cameras]
    assert heads[0].sha256 != heads[1].sha256


@pytest.mark.rule("REC-040")
@pytest.mark.bwc_read_only
def test_what_a_camera_signed_is_no_other_camera_s(
    two_cameras: tuple[SyncCamera, SyncCamera], bwc_bench: Bench
) -> None:
    own = need_agency(bwc_bench)
    names = []
    for camera in two_cameras:
        for entry in camera.recordings.list()[:1]:
            given = camera.recordings.read_signed_manifest(entry)
            if given.signature:
                names.append((given.signed_by(own.anchors, own.lab).name, camera.identity))
    assert all(signer == identity for signer, identity in names)
