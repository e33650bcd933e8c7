"""Each way in which a stream of footage may end, with each thing that may have come: typed, and the others go on."""

from pathlib import Path

import pytest

from bwc_protocol.declare import Unknown
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import BwcError, CommandError, DeviceLost, ProtocolViolation
from bwc_sdk.host.filesystem import OsFileSystem
from bwc_sdk.offload import OffloadPolicy, Refused, Resumed, StillOnCamera, StoredVerified

ENDS: list[BwcError | None] = [
    None,
    *(CommandError("stream", code, "at its end") for code in ErrorCode),
    CommandError("stream", Unknown(250), "of a newer firmware"),
    DeviceLost("unplugged"),
    ProtocolViolation("success before the last byte"),
]
PATIENCE = OffloadPolicy(attempts=2, reserve_bytes=0)


def say(error: object) -> str:
    return str(getattr(error, "code", type(error).__name__))


@pytest.mark.parametrize("share", [0.0, 0.6, 1.0], ids=["nothing", "part", "all"])
@pytest.mark.parametrize("spoilt", [False, True], ids=["good", "bad"])
@pytest.mark.parametrize("error", ENDS, ids=say)
@pytest.mark.parametrize("times", [1, 100], ids=["once", "always"])
def test_one_recording_is_concerned_and_the_others_are_stored(
    lab, tmp_path: Path, error, share: float, spoilt: bool, times: int
) -> None:
    device = lab.device([lab.recording(sequence, (50_000,)) for sequence in (1, 2)])
    device.endings[1] = lab.ending(share, error, times, spoilt)
    result, _ = lab.run(device, OsFileSystem(), tmp_path, policy=PATIENCE)
    one, other = result.outcomes
    assert isinstance(other, StoredVerified)
    assert not isinstance(one, Refused)
    if share == 1.0 and not spoilt:
        assert isinstance(one, StoredVerified), "its bytes are what they should be, whatever the end says"
    if isinstance(one, StoredVerified):
        assert one.segments[0].path.read_bytes() == device.recordings[0].footage[0]
    else:
        assert isinstance(one, StillOnCamera) and one.reason


def test_all_bytes_are_good_and_then_the_storage_fails(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (50_000,))])
    device.endings[1] = lab.ending(1.0, CommandError("stream", ErrorCode.STORAGE_FAULT, ""), 100)
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete and device.sent == 50_000 and result.reconnections == 0


def test_a_fault_of_the_storage_is_counted_where_it_was_and_what_came_before_it_is_kept(
    lab, tmp_path: Path
) -> None:
    # Within one slab: the chunks before the bad one are whole, and hash to what they should.
    device = lab.device([lab.recording(1, (10 * lab.chunk,))], piece=lab.chunk)
    device.unreadable[1, 0, 7] = 2
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete
    bad, behind = (7 * lab.chunk, lab.chunk), (8 * lab.chunk, 2 * lab.chunk)
    assert [ask[2:] for ask in device.asked] == [(0, 10 * lab.chunk), bad, behind, bad]


def test_a_camera_that_reads_ahead_gives_the_chunks_before_the_bad_one(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10 * lab.chunk,))], piece=3 * lab.chunk)
    device.unreadable[1, 0, 8] = 100  # read together with 6 and 7
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert isinstance(result.outcomes[0], StillOnCamera)
    again, events = lab.run(device, OsFileSystem(), tmp_path)
    resumed = next(event for event in events if isinstance(event, Resumed))
    assert resumed.bytes_kept == 9 * lab.chunk and isinstance(again.outcomes[0], StillOnCamera)


def test_what_came_before_the_cable_was_pulled_is_kept_chunk_by_chunk(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10 * lab.chunk,))], cut_at=[7 * lab.chunk + 1])
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete
    assert [offset for _, _, offset, _ in device.asked] == [0, 7 * lab.chunk]
