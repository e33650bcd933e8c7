"""A loss of power loses nothing that was closed, and states what it cut short (spec: Recording).

Power is lost when all supply goes: of a camera its battery and what feeds it. A bench that cannot cut both tests none
of this, and a cable that is pulled is no loss of power.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from bwc_sdk import RecordingEntry, Role, StopReason
from bwc_sdk.errors import LinkError, TransportError
from bwc_sdk.offload import OffloadPolicy, Progress
from bwc_sdk.sync import SyncCamera, SyncOffloadJob, offload
from hil_tests.actuators.actuator import ENTIRE_SUPPLY, ActuatorFailed, Cut
from hil_tests.actuators.at_device import OFF_S, Actuators
from hil_tests.device.bench import Bench
from hil_tests.device.restarting import when_answering, when_back
from hil_tests.run.measuring import Measure
from hil_tests.testkit.abilities import need_footage_link
from hil_tests.verdicts import not_tested

GONE_S: Final = 15.0
"""Within this a host notices that the device is gone: three times the link's dead time."""
RECORDED_S: Final = 10.0
"""How much is recorded before the power goes: more than a device keeps in memory alone, which is a chunk."""
SIMULATED_S: Final = 1.5
"""The same of a simulator, which stores second by second."""
SIMULATED_OFF_S: Final = 0.3
"""How long something stays off, of a simulator, which has no capacitors."""
ENTIRE_MAX: Final = 64 << 20
"""More footage than this is not copied by a test: on a slow line it would take hours."""
RECORD: Final = "button_record"


def gone(camera: SyncCamera) -> None:
    """Waits until the device is seen to be gone. Fails if it goes on answering: then its power was not lost."""
    until = time.monotonic() + GONE_S
    try:
        while time.monotonic() < until:
            camera.device.status()
            time.sleep(0.1)
    except (LinkError, TransportError):
        return
    finally:
        camera.close()
    raise ActuatorFailed(
        f"the device answers {GONE_S:g} s after all its supply was cut, in the same boot",
        advice="what the bench file says that its actuators cut is not so: 'bwc bench check' tries each",
    )


def closed(camera: SyncCamera) -> dict[int, RecordingEntry]:
    """What is listed, by number."""
    return {entry.sequence: entry for entry in camera.recordings.list()}


@pytest.mark.rule("REC-032", "REC-040")
def test_a_recording_that_lost_its_power_is_closed_and_says_so_and_the_others_are_as_they_were(
    connect_as: Callable[[Role], SyncCamera], actuators: Actuators, bwc_bench: Bench, measure: Measure
) -> None:
    actuators.that_cut(ENTIRE_SUPPLY), actuators.of(RECORD)  # not tested, before anything is done
    camera = connect_as(Role.BENCH)
    before, listed, head = camera.device.status(), closed(camera), camera.audit.head()
    actuators.press(RECORD)
    time.sleep(SIMULATED_S if bwc_bench.simulator else RECORDED_S)
    began = time.monotonic()
    actuators.lose_power()
    gone(camera)
    with when_back(bwc_bench, Role.BENCH, before.boot_counter) as camera:
        measure("time to be back after a loss of power", time.monotonic() - began, "s")
        assert camera.device.status().boot_counter == before.boot_counter + 1
        after = closed(camera)
        assert {number: after.get(number) for number in listed} == listed, "what was closed is as it was"
        new = [after[number] for number in sorted(after.keys() - listed.keys())]
        assert len(new) == 1, "what was being recorded is one recording, up to its last whole chunk"
        manifest = camera.recordings.read_manifest(new[0])
        assert manifest.cut
        if manifest.circumstances is not None:
            assert manifest.circumstances.ending is StopReason.POWER_LOST
        own = bwc_bench.identities.of(Role.AUDITOR)
        given = camera.recordings.read_signed_manifest(new[0])
        if own is not None and given.signature:
            given.signed_by(own.anchors, own.lab)
        entries = list(camera.audit.entries(after=head.sequence - 1))
        assert entries[0].sha256 == head.sha256, "the log goes on where it was"


@pytest.mark.rule("REC-004")
@pytest.mark.parametrize("what", ["power", "cable"])
def test_an_offload_in_which_it_goes_costs_no_footage(
    what: str,
    connect_as: Callable[[Role], SyncCamera],
    actuators: Actuators,
    bwc_bench: Bench,
    dock_store: Path,
) -> None:
    """The dock takes it up again where it was, and what it has stored in the end is what the camera signed."""
    cut = ENTIRE_SUPPLY if what == "power" else {Cut.DATA}
    chosen_by = actuators.that_cut(cut, sparing=() if what == "power" else {Cut.BATTERY})
    need_footage_link(bwc_bench)
    camera = connect_as(Role.BENCH)
    boot_counter, listed = camera.device.status().boot_counter, closed(camera)
    camera.close()
    by_size = sorted(listed.values(), key=lambda entry: entry.size_bytes)
    chosen = [entry.sequence for entry in by_size if entry.size_bytes <= ENTIRE_MAX][-2:]
    if not chosen:
        not_tested("the device has no recording that is small enough to be copied by a test")
    bwc_bench.note_identity(Role.DOCK_OFFLOAD)
    lost = False
    with _job(bwc_bench, dock_store, chosen) as job:
        for event in job:
            if isinstance(event, Progress) and not lost:
                lost = True
                off_s = SIMULATED_OFF_S if bwc_bench.simulator else OFF_S
                actuators.cycle(*(one.name for one in chosen_by), off_s=off_s)
    assert lost, "nothing was copied"
    when_answering(bwc_bench)
    if not job.result.complete:  # it gave up before the device was back: what it has is kept for the next one
        assert _job(bwc_bench, dock_store, chosen).run().complete
    with bwc_bench.connect(Role.BENCH) as camera:
        assert (camera.peer.boot_counter != boot_counter) is (what == "power")
        assert closed(camera) == listed
    assert not list(dock_store.rglob("*.part"))


def _job(bench: Bench, store: Path, recordings: list[int]) -> SyncOffloadJob:
    return offload(
        bench.uri,
        store,
        recordings=recordings,
        identity=bench.key_files,
        lab=bench.lab,
        allow_insecure=bench.allow_insecure,
        policy=OffloadPolicy(allow_slow=True),
    )
