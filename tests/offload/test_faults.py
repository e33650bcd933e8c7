"""Faults of the destination: each operation fails once, the power fails at each operation, the medium lies.

Whatever fails: nothing final that is not verified, nothing replaced, one outcome a recording, and once the
faults stop everything is stored.
"""

import errno
import random

import pytest

from bwc_sdk.errors import BwcError, DestinationError, DestinationFull
from bwc_sdk.offload import Finished, OffloadPolicy, Refused, StillOnCamera, StoredVerified
from tests.tiers import seeds
from tools.testkit.model_disk import Inode

pytestmark = pytest.mark.usefixtures("small_slabs")
SIZES = ((2 * 4096 + 100, 300), (50,))


def recordings(lab):
    return [lab.recording(number, sizes) for number, sizes in enumerate(SIZES, 1)]


def footage(device) -> set[bytes]:
    return {data for recording in device.recordings for data in recording.footage}


def check_finals(device, disk) -> None:
    """No final name holds anything but whole, verified content."""
    tables = {table for recording in device.recordings for table in recording.tables}
    manifests = {recording.manifest.encode() for recording in device.recordings}
    for name, content in disk.final().items():
        if name.endswith(".mp4"):
            assert content in footage(device), name
        elif name.endswith(".table"):
            assert content in tables, name
        elif name.endswith(".manifest"):
            assert content in manifests, name


def check_all_stored(device, disk) -> None:
    check_finals(device, disk)
    assert {c for name, c in disk.final().items() if name.endswith(".mp4")} == footage(device)


def steps_of_a_clean_run(lab) -> int:
    files = lab.files(lab.disk())
    assert lab.run(lab.device(recordings(lab)), files)[0].complete
    return files.steps


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, pytest.param(errno.EROFS, marks=pytest.mark.ci)])
@pytest.mark.parametrize("lasting", [False, True])
def test_an_error_at_any_operation_costs_no_recording(lab, number: int, lasting: bool) -> None:
    for failing in range(steps_of_a_clean_run(lab)):
        disk, device = lab.disk(), lab.device(recordings(lab))

        def fail(step: int, operation: str, failing: int = failing) -> None:
            if step == failing or (lasting and step > failing):
                raise OSError(number, f"injected at {step} ({operation})")

        files = lab.files(disk, fail)
        try:
            result, events = lab.run(device, files)
        except DestinationError:
            assert device.sent == 0  # found before anything was copied
        else:
            assert [outcome.entry.sequence for outcome in result.outcomes] == [1, 2]
            assert isinstance(events[-1], Finished)
            for recording, outcome in zip(device.recordings, result.outcomes, strict=True):
                assert not isinstance(outcome, Refused)
                if isinstance(outcome, StoredVerified):
                    held = [disk.final()[segment.path.name] for segment in outcome.segments]
                    assert held == recording.footage
                elif number in (errno.ENOSPC, errno.EDQUOT):
                    assert isinstance(outcome.error, DestinationFull)
        assert not files.open_handles  # nothing stays open, and so nothing locked
        check_finals(device, disk)
        assert lab.run(device, lab.files(disk))[0].complete, failing
        check_all_stored(device, disk)


@pytest.mark.rule("REC-014")
def test_an_error_on_sync_discards_the_file_and_fetches_all_of_it_again(lab) -> None:
    disk, device = lab.disk(), lab.device([lab.recording(1, (10 * lab.chunk,))])
    syncs = []

    def fail(step: int, operation: str) -> None:
        if operation == "sync":
            syncs.append(step)
            if len(syncs) == 3:  # after table and manifest: the footage
                raise OSError(errno.EIO, "injected")

    result, _ = lab.run(device, lab.files(disk, fail))
    assert result.complete
    assert device.sent == 20 * lab.chunk


def test_a_medium_that_fails_every_sync_is_not_tried_for_ever(lab) -> None:
    disk, device = lab.disk(), lab.device([lab.recording(1, (10 * lab.chunk,))])
    seen = []

    def fail(step: int, operation: str) -> None:
        seen.append(operation)
        if operation == "sync" and seen.count("write") > 5:
            raise OSError(errno.EIO, "injected")

    result, _ = lab.run(device, lab.files(disk, fail))
    assert isinstance(result.outcomes[0], StillOnCamera)
    assert device.sent <= 20 * lab.chunk
    assert not disk.final()


def test_short_writes_and_short_reads_are_gone_on_with(lab) -> None:
    class Short(lab.files):
        def write(self, file, data, offset):
            return super().write(file, data[: max(1, len(data) // 3)], offset)

        def read(self, file, into, offset):
            return super().read(file, into[: max(1, len(into) // 3)], offset)

    disk, device = lab.disk(), lab.device(recordings(lab))
    assert lab.run(device, Short(disk))[0].complete
    check_all_stored(device, disk)


def test_a_write_that_writes_nothing_is_an_error_not_an_endless_loop(lab) -> None:
    class Zero(lab.files):
        def write(self, file, data, offset):
            return 0

    result = None
    try:
        result, _ = lab.run(lab.device(recordings(lab)), Zero(lab.disk()))
    except BwcError:
        return
    assert all(isinstance(outcome, StillOnCamera) for outcome in result.outcomes)


@pytest.mark.rule("REC-013")
def test_a_medium_that_alters_a_byte_is_found_by_reading_back(lab) -> None:
    disk, device = lab.disk(), lab.device([lab.recording(1, (10 * lab.chunk,))])
    files = lab.files(disk)

    def flip_later(step: int, operation: str) -> None:
        if operation == "preallocate":
            files.flip_on_medium = 3 * lab.chunk + 1

    files.before = flip_later
    result, _ = lab.run(device, files)
    assert result.complete
    assert device.sent == 11 * lab.chunk  # only the chunk that read back wrong was fetched again
    check_all_stored(device, disk)


def test_a_medium_that_alters_bytes_again_and_again_is_not_trusted(lab) -> None:
    class Rotten(lab.files):
        def sync(self, file):
            if self._handles[file].reserved:
                self.flip_on_medium = 5
            super().sync(file)

    disk = lab.disk()
    result, _ = lab.run(lab.device([lab.recording(1, (9 * lab.chunk,))]), Rotten(disk))
    assert isinstance(result.outcomes[0], StillOnCamera) and "other bytes" in result.outcomes[0].reason
    assert not disk.final()


@pytest.mark.rule("REC-013")
@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("replaces", [False, True])
def test_a_final_name_that_appears_meanwhile_is_not_replaced(lab, links: bool, replaces: bool) -> None:
    """The second run shows that the test has teeth."""
    step_of_name = "link" if links else "rename"
    disk, device = lab.disk(), lab.device([lab.recording(1, (5000,))])
    names = []

    def plant(step: int, operation: str) -> None:
        part = next((name for name in disk.live[".incoming"] if name.endswith(".part")), None)
        if part is not None and operation == step_of_name and not names:
            names.append(part[:-5] + ".mp4")
            disk.live[""][names[0]] = Inode(bytearray(b"planted"), bytearray(b"planted"))
            files.skip = (step_of_name,) if replaces else ()

    files = lab.files(disk, plant, links=links)
    result, _ = lab.run(device, files)
    assert (disk.final()[names[0]] == b"planted") == (not replaces)
    assert result.complete == replaces
    if not replaces:
        assert isinstance(result.outcomes[0], StillOnCamera) and "appeared" in result.outcomes[0].reason


def cut_and_resume(lab, seed: int, step: int, **options) -> None:
    """The power fails at operation `step`, then, while it is being made good, once more."""
    rng = random.Random(f"{seed}/{step}")
    disk, device = lab.disk(), lab.device(recordings(lab))

    def cut(at: int):
        def before(step: int, operation: str) -> None:
            if step == at:
                raise lab.power_cut

        return before

    for at in (step, rng.randrange(step + 10)):
        stored = []
        try:
            _, events = lab.run(device, lab.files(disk, cut(at), **options))
            stored = events[-1].result.outcomes
        except lab.power_cut:
            pass
        disk.power_cut(rng)
        check_finals(device, disk)
        for outcome in stored:  # what was reported survives any power cut afterwards
            if isinstance(outcome, StoredVerified):
                for segment in outcome.segments:
                    assert segment.path.name in disk.final()
    assert lab.run(device, lab.files(disk))[0].complete
    disk.power_cut(rng)
    check_all_stored(device, disk)


@pytest.mark.parametrize("seed", seeds(3))
def test_the_power_may_fail_at_any_operation_and_again_while_resuming(lab, seed: int) -> None:
    for step in range(steps_of_a_clean_run(lab) + 1):
        cut_and_resume(lab, seed, step)


@pytest.mark.rule("REC-013")
@pytest.mark.parametrize("skipped", ["sync", "sync_directory"])
def test_without_this_step_a_power_cut_shows_it(lab, skipped: str) -> None:
    """The test above has teeth: it fails when the engine leaves the step out."""
    with pytest.raises(AssertionError):
        for seed in range(3):
            for step in range(steps_of_a_clean_run(lab) + 1):
                cut_and_resume(lab, seed, step, skip=(skipped,))


def test_without_dropping_the_cache_the_medium_is_not_what_is_read_back(lab) -> None:
    disk, device = lab.disk(), lab.device([lab.recording(1, (10 * lab.chunk,))])
    files = lab.files(disk, skip=("drop_cache",))

    def flip_later(step: int, operation: str) -> None:
        if operation == "preallocate":
            files.flip_on_medium = 3 * lab.chunk + 1

    files.before = flip_later
    assert lab.run(device, files)[0].complete
    disk.power_cut(random.Random(0))
    with pytest.raises(AssertionError):
        check_finals(device, disk)


def test_a_cache_that_cannot_be_dropped_is_said_in_the_custody_record(lab) -> None:
    for skip, said in (
        ((), b'"read_back_from_medium": true'),
        (("drop_cache",), b'"read_back_from_medium": false'),
    ):
        disk = lab.disk()
        assert lab.run(lab.device(recordings(lab)), lab.files(disk, skip=skip))[0].complete
        records = [c for name, c in disk.final().items() if name.endswith(".custody.json")]
        assert len(records) == 3 and all(said in record for record in records)


@pytest.mark.rule("REC-012")
def test_a_recording_that_another_process_holds_stays_on_the_camera_the_others_are_stored(lab) -> None:
    disk, device = lab.disk(), lab.device(recordings(lab))
    once = OffloadPolicy(attempts=0, reserve_bytes=0)
    device.cut_at = [5000]
    lab.run(device, lab.files(disk), policy=once)
    parts = [inode for name, inode in disk.live[".incoming"].items() if name.endswith(".part")]
    (part,) = [part for part in parts if part.live]  # the others were only prepared
    part.locked_by = -1
    result, _ = lab.run(device, lab.files(disk))
    assert isinstance(result.outcomes[0], StillOnCamera)
    assert "another process" in result.outcomes[0].reason
    assert isinstance(result.outcomes[1], StoredVerified)


def part_name(disk) -> str:
    return next(name for name in disk.live[".incoming"] if name.endswith(".part"))


def test_a_file_that_was_published_between_opening_and_locking_is_not_written(lab) -> None:
    disk, device = lab.disk(), lab.device([lab.recording(1, (10 * lab.chunk,))], cut_at=[5000])
    lab.run(device, lab.files(disk), policy=OffloadPolicy(attempts=0, reserve_bytes=0))
    inode = disk.live[".incoming"][part_name(disk)]
    probes = []

    def publish(step: int, operation: str) -> None:
        """The other process ends just then: its file is the one that was opened."""
        if operation == "lock":
            probes.append(step)
            if len(probes) == 3:  # the first two prove the locks
                name = part_name(disk)
                disk.live[""][name[:-5] + ".mp4"] = disk.live[".incoming"].pop(name)
                inode.live = inode.durable = bytearray(device.recordings[0].footage[0])

    sent = device.sent
    result, _ = lab.run(device, lab.files(disk, publish))
    assert result.complete and result.outcomes[0].already_there
    assert device.sent == sent


def test_a_part_file_that_is_made_just_after_another_process_published_is_removed(lab) -> None:
    disk, device = lab.disk(), lab.device([lab.recording(1, (10 * lab.chunk,))])
    clean, _ = lab.run(device, lab.files(disk))
    final = clean.outcomes[0].segments[0].path.name
    inode = disk.live[""].pop(final)
    created = []

    def publish(step: int, operation: str) -> None:
        if operation == "create":
            created.append(step)
            if len(created) == 3:  # the first two prove the destination
                disk.live[""][final] = inode

    sent = device.sent
    files = lab.files(disk, publish)
    files.disk.live[".incoming"].setdefault("lock-probe", type(inode)())
    result, _ = lab.run(device, files)
    assert result.complete and result.outcomes[0].already_there
    assert device.sent == sent
    assert list(disk.live[".incoming"]) == ["lock-probe"]


def test_a_name_whose_sync_failed_is_taken_back_and_written_anew(lab) -> None:
    """A sync that is repeated after an error reports success for what may be lost."""
    disk, device = lab.disk(), lab.device([lab.recording(1, (5000,))])
    renames = []

    def fail(step: int, operation: str) -> None:
        if operation == "link":
            renames.append(step)
        if operation == "sync_directory" and len(renames) == 5:  # two prove it; manifest, table, footage
            raise OSError(errno.EIO, "injected")

    result, _ = lab.run(device, lab.files(disk, fail))
    assert isinstance(result.outcomes[0], StillOnCamera)
    assert not disk.final()  # the sidecars' names neither
    sent = device.sent
    assert lab.run(device, lab.files(disk))[0].complete
    assert device.sent == sent
    disk.power_cut(random.Random(0))
    check_all_stored(device, disk)


def test_a_file_that_is_given_up_loses_its_name_before_its_lock(lab) -> None:
    disk, device = lab.disk(), lab.device([lab.recording(1, (10 * lab.chunk,))])
    held = []

    def fail(step: int, operation: str) -> None:
        if operation == "write" and not held and any(n.endswith(".part") for n in disk.live[".incoming"]):
            inode = disk.live[".incoming"][part_name(disk)]
            if len(inode.live) > 2 * lab.chunk:
                held.append(inode)
                raise OSError(errno.EIO, "injected")
        if operation == "remove" and held and held[0] in disk.live[".incoming"].values():
            assert held[0].locked_by

    assert lab.run(device, lab.files(disk, fail))[0].complete
    assert held
