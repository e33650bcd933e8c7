"""A reboot ends the link, counts, and loses nothing that was closed or applied (spec: Identity)."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from bwc_sdk import ConfigView, ErrorCode, Mark, RecordingEntry, Role
from bwc_sdk.errors import BwcError
from bwc_sdk.sync import SyncCamera
from hil_tests.device.bench import Bench
from hil_tests.device.restarting import when_back
from hil_tests.run.measuring import Measure
from hil_tests.testkit.refusals import refused

HOLD = "hil-reboot"


def _named(entry: RecordingEntry) -> Any:
    """For annotations."""
    return {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}


def test_a_reboot_against_another_boot_is_a_conflict(camera: SyncCamera) -> None:
    boot_counter = camera.device.status().boot_counter
    with refused(ErrorCode.CONFLICT):
        camera.device.reboot(boot_counter=boot_counter - 1)


@pytest.mark.bwc_stack
def test_a_reboot_counts_and_loses_nothing(
    connect_as: Callable[[Role], SyncCamera], bwc_bench: Bench, measure: Measure
) -> None:
    camera = connect_as(Role.BENCH)
    before = camera.device.status()
    free = [entry for entry in camera.recordings.list() if not entry.marks & Mark.HELD][-1:]
    for entry in free:
        camera.recordings.hold(reason="hil test", hold=HOLD, **_named(entry))
    listing = camera.recordings.list()
    pending = camera.config.values(ConfigView.PENDING)
    clock = camera.clock.measure()
    head = camera.audit.head()
    began = time.monotonic()
    accepted = camera.device.reboot(boot_counter=before.boot_counter)
    assert accepted.delay_ms < 10_000
    with pytest.raises(BwcError):
        for _ in range(150):  # the link ends at the device's pace
            camera.device.status()
            time.sleep(0.1)
    camera.close()
    # Not by `connect_as`: until it is back it is out of reach, and that ends no session of the bench.
    with when_back(bwc_bench, Role.BENCH, before.boot_counter) as camera:
        measure("reboot time", time.monotonic() - began, "s", note="from the command to the next session")
        after = camera.device.status()
        assert after.boot_counter == before.boot_counter + 1
        assert after.uptime_s <= bwc_bench.restart_s
        assert camera.recordings.list() == listing
        assert camera.config.values() == pending, "what was pending has taken effect"
        assert camera.clock.read().revision == clock.revision
        entries = list(camera.audit.entries(after=head.sequence - 1))
        assert entries[0].sha256 == head.sha256, "the log goes on where it was"
        for entry in free:
            assert camera.recordings.lift(reason="hil test", hold=HOLD, **_named(entry)).holds == 0
