"""Firmware of an older minor version: log, settings, footage and refusals are those of its time."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from bwc_protocol.evidence import NO_SHA256
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.recordings import EraseRecording, HoldRecording, ListRecordings
from bwc_protocol.versions import NEWEST, V1_0, V1_1, Version
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.setting_rules import RULES
from firmware_sim.camera.settings import Settings
from firmware_sim.device.audit_log import AuditLog
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.scenarios import make_camera
from firmware_sim.state.commit import Commits, Replace
from tools.testkit import agencies


@pytest.mark.rule("MSG-026")
def test_a_log_has_no_entry_of_a_kind_that_came_later_and_what_it_was_about_happens() -> None:
    flash = MemoryFlash()
    log = AuditLog(lambda: 7, Commits(flash), speaks=V1_0)
    log.append(AuditKind.BOOT, "boot 1")
    log.count_session()
    assert log.append(AuditKind.ERASED_FOR_ROOM, "recording 1", "", Replace("part", b"{}")) is None
    assert flash.exists("part"), "the change is made all the same"
    log.append(AuditKind.DOCKED, "bay 1")
    log.note(AuditKind.HANDSHAKE_FAILED, "signature")
    entries = log.read(0, 10).entries
    assert [entry.kind for entry in entries] == [AuditKind.BOOT, AuditKind.DOCKED]
    assert [entry.sequence for entry in entries] == [1, 2] and log.verify_tail() == (True, 2)
    assert not log.waiting


@pytest.mark.rule("MSG-026")
@pytest.mark.parametrize(("version", "kinds"), [(V1_0, 2), (V1_1, 3), (NEWEST, 3)])
def test_sessions_are_counted_by_firmware_that_has_a_word_for_it(version: Version, kinds: int) -> None:
    log = AuditLog(lambda: 7, Commits(MemoryFlash()), speaks=version)
    log.append(AuditKind.BOOT)
    log.count_session()
    log.append(AuditKind.DOCKED)
    assert len(log.read(0, 10).entries) == kinds


def test_settings_that_came_later_are_at_their_defaults_and_nobody_is_told() -> None:
    older, now = Settings(speaks=V1_1), Settings()
    later = set(now.rules) - set(older.rules)
    assert later == {key for key, rule in RULES.items() if rule.since > V1_1}
    assert "recording.purpose" in later and older["recording.purpose"] == RULES["recording.purpose"].default


@pytest.mark.rule("MSG-026")
def test_what_an_older_camera_made_is_as_it_would_have_made_it(
    new_camera: Callable[..., SimCamera],
) -> None:
    for version in (V1_0, V1_1):
        for recording in new_camera(recordings=2, speaks=version).listing(0, 9):
            assert recording.manifest.circumstances is None and not recording.manifest.clock_revision
            assert set(recording.manifest.to_map()) == set(range(20))


def test_an_older_camera_erases_by_the_head_that_it_tells(
    new_camera: Callable[..., SimCamera], desk_type: Callable[..., object]
) -> None:
    """None: so a host is told what is in the way, and not that more was said."""
    desk: Any = desk_type(new_camera(recordings=1, speaks=V1_1))
    entry = desk.ask(ListRecordings()).recordings[0]
    which = {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}
    assert desk.refused(EraseRecording(**which, annotations_sha256=NO_SHA256)) is ErrorCode.NEEDS_RECEIPT
    desk.ask(HoldRecording(**which, reason="court"))
    assert desk.refused(EraseRecording(**which, annotations_sha256=NO_SHA256)) is ErrorCode.HELD


def test_a_device_of_before_the_secure_session_has_no_agency() -> None:
    with pytest.raises(ValueError, match=r"a device of protocol 1\.1 knows the insecure session alone"):
        make_camera(agency=agencies.lab(), speaks=V1_1)


def test_whoever_speaks_the_newest_version_loads_nothing_of_older_ones() -> None:
    program = (
        "import sys; from tools.testkit.pair import Pair; Pair().run(); "
        "sys.exit('bwc_protocol.declare.older' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
