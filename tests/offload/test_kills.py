"""A process is killed, another one goes on with what it finds in the page cache, and then the power fails.

What was found is not what is on the medium: it is synced before anybody trusts it, and a sync that fails is final.
"""

import errno
import hashlib
import random

import pytest

from bwc_sdk.destination.custody_log import CustodyLog
from bwc_sdk.destination.final_names import FinalNames
from bwc_sdk.evidence.custody_chain import check_chain
from bwc_sdk.evidence.custody_line import CustodyLine, is_chain
from bwc_sdk.offload import Refused, StillOnCamera, StoredVerified

pytestmark = pytest.mark.usefixtures("small_slabs")
SIZES = ((2 * 4096 + 100, 300), (50,))


def device_of(lab):
    return lab.device([lab.recording(number, sizes) for number, sizes in enumerate(SIZES, 1)])


def at(step: int, raised: type[BaseException]):
    def before(now: int, operation: str) -> None:
        if now == step:
            raise raised

    return before


def steps_of_a_clean_run(lab, **options) -> int:
    files = lab.files(lab.disk(), **options)
    assert lab.run(device_of(lab), files)[0].complete
    return files.steps


def named_in_chains(files: dict[str, bytes]) -> set[tuple[str, bytes]]:
    """What the custody chains of a store name; they hold up to an unfinished last line."""
    named = set()
    for name in filter(is_chain, files):
        lines = files[name].splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
        for line in check_chain(name, lines):
            assert isinstance(line, CustodyLine), line
            named.add((line.file, line.sha256))
    return named


def check_reported(disk, device, outcomes) -> None:
    """What was said to be stored is there whole, beside it what it was checked against, and its custody record."""
    by_sequence = {recording.manifest.sequence: recording for recording in device.recordings}
    named = named_in_chains(disk.final())
    for outcome in outcomes:
        if isinstance(outcome, StoredVerified):
            recording = by_sequence[outcome.entry.sequence]
            for number, segment in enumerate(outcome.segments):
                name = segment.path.name
                assert disk.final()[name] == recording.footage[number]
                assert disk.final()[name.replace(".mp4", ".table")] == recording.tables[number]
                assert disk.final()[name.replace(".mp4", ".custody.json")].endswith(b"}\n")
                record = name.replace(".mp4", ".custody.json")
                assert (record, hashlib.sha256(disk.final()[record]).digest()) in named
            assert recording.manifest.encode() in disk.final().values()


def kill_go_on_and_cut(lab, seed: int, step: int, skip: tuple[str, ...] = (), **options) -> None:
    rng = random.Random(f"{seed}/{step}")
    disk, device = lab.disk(), device_of(lab)
    with pytest.raises(lab.power_cut):
        lab.run(device, lab.files(disk, at(step, lab.power_cut), skip=skip, **options))
    disk.kill()
    result, _ = lab.run(device, lab.files(disk, skip=skip, **options))
    assert result.complete, step
    disk.power_cut(rng)
    check_reported(disk, device, result.outcomes)
    result, _ = lab.run(device, lab.files(disk, **options))
    assert result.complete, step
    assert not any(isinstance(outcome, Refused) for outcome in result.outcomes)


@pytest.mark.rule("REC-013")
@pytest.mark.parametrize("links", [True, False])
def test_what_a_killed_process_left_in_memory_survives_a_power_cut_once_it_is_called_stored(
    lab, links: bool
) -> None:
    for step in range(0, steps_of_a_clean_run(lab, links=links), 1 if links else 3):
        kill_go_on_and_cut(lab, 0, step, links=links)


def test_without_syncing_what_was_found_a_power_cut_shows_it(lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above has teeth."""
    monkeypatch.setattr(FinalNames, "settled", FinalNames.read)
    with pytest.raises((AssertionError, KeyError)):
        for seed in range(4):
            for step in range(steps_of_a_clean_run(lab)):
                kill_go_on_and_cut(lab, seed, step)


@pytest.mark.parametrize("step", ["sync of the chain", "sync of what was found", "a record without a line"])
def test_without_a_step_of_the_custody_chain_a_stop_shows_it(
    lab, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The tests here have teeth for the chain, too."""
    if step == "sync of the chain":
        put = CustodyLog._put

        def unsynced(log, *arguments) -> None:
            with monkeypatch.context() as patch:
                patch.setattr(type(log._files), "sync", lambda files, file: None)
                put(log, *arguments)

        monkeypatch.setattr(CustodyLog, "_put", unsynced)
    elif step == "sync of what was found":
        tail, look = CustodyLog._tail, CustodyLog._look_through

        def trusting(of):
            def unsynced(log, *arguments):
                with monkeypatch.context() as patch:
                    patch.setattr(type(log._files), "sync", lambda files, file: None)
                    patch.setattr(type(log._files), "drop_cache", lambda files, file: True)
                    return of(log, *arguments)

            return unsynced

        monkeypatch.setattr(CustodyLog, "_tail", trusting(tail))
        monkeypatch.setattr(CustodyLog, "_look_through", trusting(look))
    else:
        monkeypatch.setattr(CustodyLog, "_unnamed", lambda log, facts: [one for one in facts if one.fresh])
    with pytest.raises((AssertionError, KeyError)):
        for seed in range(4):
            for at_step in range(steps_of_a_clean_run(lab)):
                kill_go_on_and_cut(lab, seed, at_step)


def test_killed_twice_then_cut(lab) -> None:
    for step in range(0, steps_of_a_clean_run(lab), 5):
        rng = random.Random(step)
        disk, device = lab.disk(), device_of(lab)
        for kill in (step, rng.randrange(step + 10)):
            try:
                lab.run(device, lab.files(disk, at(kill, lab.power_cut)))
            except lab.power_cut:
                disk.kill()
        disk.power_cut(rng)
        result, _ = lab.run(device, lab.files(disk))
        assert result.complete
        disk.power_cut(rng)
        check_reported(disk, device, result.outcomes)


@pytest.mark.parametrize("operation", ["sync", "sync_directory", "sync_way_to"])
def test_a_sync_of_what_was_found_that_fails_is_final(lab, operation: str) -> None:
    """The system takes lost pages for written: whoever asked again would hear yes."""
    for step in range(0, steps_of_a_clean_run(lab), 4):
        disk, device = lab.disk(), device_of(lab)
        with pytest.raises(lab.power_cut):
            lab.run(device, lab.files(disk, at(step, lab.power_cut)))
        disk.kill()
        failed = []

        def fail(now: int, called: str, failed: list[int] = failed) -> None:
            if called == operation and not failed:
                failed.append(now)
                raise OSError(errno.EIO, "injected")

        try:
            result, _ = lab.run(device, lab.files(disk, fail))
        except Exception:
            outcomes = ()  # at the opening
        else:
            outcomes = result.outcomes
        assert failed
        disk.power_cut(random.Random(step))
        check_reported(disk, device, outcomes)
        result, _ = lab.run(device, lab.files(disk))
        assert result.complete


def test_a_final_sidecar_that_cannot_be_synced_leaves_the_recording_on_the_camera(lab) -> None:
    disk, device = lab.disk(), device_of(lab)
    assert lab.run(device, lab.files(disk))[0].complete
    failed = []

    def fail(step: int, operation: str) -> None:
        if operation == "sync" and not failed:
            failed.append(step)
            raise OSError(errno.EIO, "injected")

    result, _ = lab.run(device, lab.files(disk, fail))
    assert {type(outcome) for outcome in result.outcomes} == {StillOnCamera, StoredVerified}


@pytest.mark.parametrize("failing", range(1, 9))
def test_a_process_that_is_killed_right_after_a_sync_failed(lab, failing: int) -> None:
    """What it wrote is lost, and is still seen: the medium has to be read, not the memory."""
    disk, device = lab.disk(), device_of(lab)
    syncs: list[int] = []

    def fail(step: int, operation: str) -> None:
        if len(syncs) == failing:
            raise lab.power_cut
        if operation == "sync":
            syncs.append(step)
            if len(syncs) == failing:
                raise OSError(errno.EIO, "injected")

    with pytest.raises(lab.power_cut):
        lab.run(device, lab.files(disk, fail))
    disk.kill()
    result, _ = lab.run(device, lab.files(disk))
    assert result.complete
    disk.power_cut(random.Random(failing))
    check_reported(disk, device, result.outcomes)
