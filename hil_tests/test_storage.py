"""Storage readings add up, and health registers keep their JEDEC encoding (spec: Storage)."""

import pytest

from bwc_sdk import Mark, PreEol
from bwc_sdk.sync import SyncCamera
from hil_tests.verdicts import not_applicable

pytestmark = pytest.mark.bwc_read_only

EXT_CSD_WITH_HEALTH = 7
"""EXT_CSD_REV of eMMC 5.0, the first with health registers."""


def test_level_adds_up(camera: SyncCamera) -> None:
    status = camera.storage.status()
    assert 0 <= status.free_bytes <= status.capacity_bytes
    assert status.held <= status.recordings
    stored = sum(entry.size_bytes for entry in camera.recordings.list())
    assert stored <= status.capacity_bytes - status.free_bytes


def test_counts_agree_with_the_listing(camera: SyncCamera) -> None:
    status = camera.storage.status()
    listing = camera.recordings.list()
    assert status.recordings == len(listing)
    assert status.held == sum(bool(entry.marks & Mark.HELD) for entry in listing)


def test_time_left_is_within_what_the_room_can_hold(camera: SyncCamera) -> None:
    status = camera.storage.status()
    if status.recording_time_left_s:
        assert 10_000 <= status.free_bytes / status.recording_time_left_s <= 10_000_000, "bytes a second"


def test_health_registers_are_in_their_real_encoding(camera: SyncCamera) -> None:
    health = camera.storage.health()
    if health.ext_csd_rev < EXT_CSD_WITH_HEALTH:
        not_applicable("the chip is older than eMMC 5.0 and has no health registers")
    assert isinstance(health.pre_eol, PreEol)
    assert 0x00 <= health.life_time_a <= 0x0B
    assert 0x00 <= health.life_time_b <= 0x0B
