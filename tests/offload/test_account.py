"""Complete is said only when all that the camera ever closed is accounted for (spec: Recording, "Accounting")."""

import tracemalloc
from pathlib import Path

import pytest

from bwc_protocol.evidence import NO_SHA256, TriggerReason
from bwc_protocol.messages.recordings import ListPage, Mark, RecordingEntry
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import CommandError, NoSuchRecording
from bwc_sdk.host.filesystem import OsFileSystem
from bwc_sdk.offload import Finished, Missing, RecordingsMissing, StoredVerified
from bwc_sdk.offload.account import MISSING_MAX, Account
from bwc_sdk.offload.listing import Listing, Plan


def numbers(result) -> list[tuple[int, int]]:
    return [(one.first, one.last) for one in result.missing]


def run(lab, device, path: Path, **options):
    result, events = lab.run(device, OsFileSystem(), path, **options)
    told = [event.missing for event in events if isinstance(event, RecordingsMissing)]
    assert told == list(result.missing), "each is told once"
    assert result.complete is (
        not result.missing and all(isinstance(o, StoredVerified) for o in result.outcomes)
    )
    return result


@pytest.mark.parametrize(
    ("unlisted", "missing"),
    [
        (set(), []),
        ({2}, [(2, 2)]),
        ({1}, [(1, 1)]),
        ({5}, [(5, 5)]),
        ({1, 2, 5}, [(1, 2), (5, 5)]),
        ({2, 4}, [(2, 2), (4, 4)]),
        ({1, 2, 3, 4, 5}, [(1, 5)]),
    ],
)
def test_what_the_camera_closed_and_does_not_list_is_missing(lab, tmp_path: Path, unlisted, missing) -> None:
    device = lab.device([lab.recording(sequence, (100,)) for sequence in range(1, 6)], unlisted=unlisted)
    result = run(lab, device, tmp_path)
    assert numbers(result) == missing
    assert len(result.outcomes) == 5 - len(unlisted) and all(
        isinstance(o, StoredVerified) for o in result.outcomes
    )
    assert [one.count for one in result.missing] == [last - first + 1 for first, last in missing]


def test_it_is_missing_also_when_other_recordings_were_asked_for(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(sequence, (100,)) for sequence in (1, 2, 3)], unlisted={2})
    result = run(lab, device, tmp_path, recordings=[1])
    assert numbers(result) == [(2, 2)] and len(result.outcomes) == 1


def test_one_that_is_missing_and_was_asked_for_is_missing_and_no_mistake(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(sequence, (100,)) for sequence in (1, 2, 3)], unlisted={2, 3})
    result = run(lab, device, tmp_path, recordings=[2, 3])
    assert numbers(result) == [(2, 3)] and result.outcomes == ()
    with pytest.raises(NoSuchRecording):
        lab.run(device, OsFileSystem(), tmp_path, recordings=[2, 4])


@pytest.mark.parametrize("says", ["total", "stated"])
def test_what_it_says_that_it_has_counts_by_whichever_command_it_says_so(
    lab, tmp_path: Path, says: str
) -> None:
    device = lab.device([lab.recording(sequence, (100,)) for sequence in (1, 2)])
    setattr(device, says, 4)
    assert numbers(run(lab, device, tmp_path)) == [(3, 4)]


def test_a_gap_counts_whatever_the_camera_says_that_it_has(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(sequence, (100,)) for sequence in (1, 3, 4)], total=3, stated=3)
    assert numbers(run(lab, device, tmp_path)) == [(2, 2)]
    device.total, device.stated = 0, 0
    assert numbers(run(lab, device, tmp_path)) == [(2, 2)]


def test_a_camera_that_does_not_tell_its_storage_is_believed_by_its_listing(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (100,))])
    original = device.connect

    async def connect():
        camera = await original()

        async def status():
            raise CommandError("storage.status", ErrorCode.UNSUPPORTED, "")

        camera.status = status
        return camera

    device.connect = connect
    assert run(lab, device, tmp_path).complete


def test_a_manifest_that_follows_another_one_than_is_listed_says_what_is_missing(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(sequence, (100,)) for sequence in (1, 2, 3)])
    object.__setattr__(device.recordings[2].manifest, "previous_sha256", b"\x01" * 32)
    result = run(lab, device, tmp_path)
    assert numbers(result) == [(2, 2)] and "recording 3" in result.missing[0].reason
    assert all(isinstance(outcome, StoredVerified) for outcome in result.outcomes), "as the camera gives them"


def test_a_camera_that_began_to_count_anew_had_recordings_before(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(sequence, (100,)) for sequence in (1, 2)])
    object.__setattr__(device.recordings[0].manifest, "previous_sha256", b"\x01" * 32)
    object.__setattr__(device.recordings[1].manifest, "previous_sha256", device.recordings[0].manifest.sha256)
    result = run(lab, device, tmp_path)
    assert numbers(result) == [(0, 0)] and "anew" in result.missing[0].reason


def test_the_chain_of_a_recording_that_was_asked_for_is_compared_with_one_that_was_not(
    lab, tmp_path: Path
) -> None:
    device = lab.device([lab.recording(sequence, (100,)) for sequence in (1, 2, 3)])
    object.__setattr__(device.recordings[2].manifest, "previous_sha256", NO_SHA256[:-1] + b"\x01")
    assert numbers(run(lab, device, tmp_path, recordings=[3])) == [(2, 2)]


def test_a_recording_that_is_closed_while_the_camera_is_asked_is_not_missing(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (100,))])
    original = device.connect
    asked: list[str] = []

    async def connect():
        camera = await original()
        honest = camera.pages

        async def pages():
            asked.append("pages")
            async for page in honest():
                if len(asked) == 1:  # closed after its entries were collected, and before the total was
                    device.recordings.append(lab.recording(2, (100,)))
                    device.chain()
                    page = ListPage(recordings=page.recordings, next=0, total=2)
                yield page

        camera.pages = pages
        return camera

    device.connect = connect
    result = run(lab, device, tmp_path)
    assert result.complete and len(result.outcomes) == 2
    assert asked == ["pages", "pages"], "what seems to be missing is looked for again"


def test_nothing_at_all_is_complete(lab, tmp_path: Path) -> None:
    assert run(lab, lab.device([]), tmp_path).complete


def test_finished_has_what_is_missing(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(2, (100,))])
    _, events = lab.run(device, OsFileSystem(), tmp_path)
    assert isinstance(events[-1], Finished) and events[-1].result.missing


def entry(sequence: int) -> RecordingEntry:
    return RecordingEntry(
        recording=sequence.to_bytes(16, "big"),
        sequence=sequence,
        started_utc_ns=1_800_000_000_000_000_000 + sequence,
        duration_ms=60_000,
        size_bytes=1 << 30,
        segments=1,
        trigger=TriggerReason.OFFICER_BUTTON,
        marks=Mark.MARKED if sequence % 1000 == 0 else Mark(0),
        manifest_sha256=sequence.to_bytes(32, "big"),
        annotations=1,
        category="non-evidence",
    )


def test_a_plan_of_very_many_takes_little_memory() -> None:
    count = 20_000
    tracemalloc.start()
    listing = Listing()
    for sequence in range(1, count + 1):
        listing.add(entry(sequence))
    account = Account(listing, count)
    plan = Plan(listing, range(count))
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken / count < 180, "bytes a recording"
    assert account.missing == () and plan.bytes_total == count << 30
    assert plan[7] == entry(8) and list(plan[5:7]) == [entry(6), entry(7)] and len(plan) == count
    assert listing.find(count) == entry(count) and listing.find(count + 1) is None
    assert plan == tuple(plan)


def test_a_manifest_that_is_read_twice_is_one_finding(lab) -> None:
    device = lab.device([lab.recording(sequence, (100,)) for sequence in (1, 2)])
    object.__setattr__(device.recordings[1].manifest, "previous_sha256", b"\x01" * 32)
    listing = Listing()
    for one in device.recordings:
        listing.add(one.entry)
    account = Account(listing, 2)
    for _ in range(3):
        account.follows(device.recordings[1].manifest)
    assert [(one.first, one.last) for one in account.missing] == [(1, 1)]


def test_gaps_without_end_are_told_as_one() -> None:
    listing = Listing()
    for sequence in range(2, 4 * MISSING_MAX, 2):
        listing.add(entry(sequence))
    missing = Account(listing, 0).missing
    assert len(missing) == MISSING_MAX
    assert missing[0] == Missing(1, 1, missing[0].reason) and missing[-1].last == 4 * MISSING_MAX - 3


def test_a_count_that_no_camera_has_costs_nothing() -> None:
    (missing,) = Account(Listing(), 0xFFFF_FFFF).missing
    assert missing.count == 0xFFFF_FFFF
