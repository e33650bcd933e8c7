"""What recordings say of themselves, in words of the specification (spec: Recording)."""

from __future__ import annotations

import pytest

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import Manifest
from bwc_protocol.evidence.circumstances import AGENCY_FIRST, VOCABULARY_VERSION
from bwc_sdk import ErrorCode, GivenBy, Purpose, Setting, SettingType, StopReason
from bwc_sdk.sync import SyncCamera
from hil_tests.testkit.refusals import refused
from hil_tests.verdicts import not_applicable, not_tested

BY_THE_CAMERA = (
    StopReason.STORAGE_FULL,
    StopReason.POWER_LOST,
    StopReason.SWITCHED_OFF,
    StopReason.CONTINUED,
)


@pytest.fixture
def stating(camera: SyncCamera) -> list[Manifest]:
    """Manifests that state circumstances."""
    manifests = [camera.recordings.read_manifest(entry) for entry in camera.recordings.list()]
    found = [manifest for manifest in manifests if manifest.circumstances is not None]
    if not manifests:
        not_tested("the device has no recordings")
    if not found:
        not_applicable("no recording of this device states its circumstances")
    return found


@pytest.mark.bwc_read_only
@pytest.mark.rule("REC-030")
def test_circumstances_are_words_of_the_vocabulary_or_the_agency_s_own(stating: list[Manifest]) -> None:
    for manifest in stating:
        said = manifest.circumstances
        assert said is not None
        if said.vocabulary > VOCABULARY_VERSION:
            continue  # a newer device may use words that this suite does not know
        reasons = [interval.reason for interval in (*manifest.mute, *manifest.stealth)]
        for word in (said.event, said.ending, said.purpose, *reasons):
            assert not isinstance(word, Unknown) or int(word) >= AGENCY_FIRST
        assert not isinstance(said.event_by, Unknown) and not isinstance(said.ending_by, Unknown)


@pytest.mark.bwc_read_only
@pytest.mark.rule("REC-031", "REC-032")
def test_what_only_the_camera_says_is_said_by_the_camera(stating: list[Manifest]) -> None:
    for manifest in stating:
        said = manifest.circumstances
        assert said is not None
        assert said.purpose is not Purpose.FIRST_AMENDMENT_ONLY
        if said.ending in BY_THE_CAMERA:
            assert said.ending_by is GivenBy.CAMERA
        if manifest.cut:
            assert said.ending is not StopReason.NOT_GIVEN, "power was lost: at least that is stated"
        assert not {interval.reason for interval in (*manifest.mute, *manifest.stealth)} & set(BY_THE_CAMERA)


@pytest.mark.rule("REC-031")
def test_a_purpose_of_solely_first_amendment_activity_cannot_be_set(camera: SyncCamera) -> None:
    if "recording.purpose" not in camera.config.values():
        not_applicable("the device has no setting for what its recordings are for")
    before = camera.config.state()
    solely = Setting(key="recording.purpose", type=SettingType.TEXT, text=str(Purpose.FIRST_AMENDMENT_ONLY))
    with refused(ErrorCode.PURPOSE_REFUSED):
        camera.config.stage(revision=before.revision, settings=(solely,))
    assert camera.config.state() == before
