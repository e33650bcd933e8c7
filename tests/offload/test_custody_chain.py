"""The custody chain of a store: what it names, who may write it at once, and what is found when it was changed."""

import hashlib
import random
import threading
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.destination.custody_log import ChainHeld, CustodyLog, Fact
from bwc_sdk.destination.destination import Destination
from bwc_sdk.evidence.custody_chain import ChainFault, chains_of, check_chain, read_chain
from bwc_sdk.evidence.custody_line import LINE_MAX, CustodyLine, LineError, Recorded, is_chain, is_chain_of
from bwc_sdk.host.filesystem import OsFileSystem
from bwc_sdk.host.world import World
from bwc_sdk.offload import StoredVerified

HOST = b"this host"


def log_in(path: Path, host: bytes = HOST, seed: int = 1) -> CustodyLog:
    world = World(
        utc_ns=lambda: 1_700_000_000_000_000_000, entropy=random.Random(seed).randbytes, host_id=lambda: host
    )
    return CustodyLog(Destination.open(OsFileSystem(), path), world)


def fact(number: int, *, fresh: bool = True) -> Fact:
    name = f"record-{number}"
    return Fact(Recorded.SEGMENT, name, hashlib.sha256(name.encode()).digest(), fresh=fresh)


def the_chain(path: Path) -> Path:
    (chain,) = chains_of(path)
    return chain


def sound(path: Path) -> list[CustodyLine]:
    lines = list(read_chain(path))
    assert not [line for line in lines if isinstance(line, ChainFault)], lines
    return [line for line in lines if isinstance(line, CustodyLine)]


@pytest.mark.rule("REC-080")
def test_every_custody_record_of_an_offload_is_named_in_one_chain(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000, 300)), lab.recording(2, (50,))])
    for _ in range(2):  # repeated, it names nothing again
        assert lab.run(device, OsFileSystem(), tmp_path)[0].complete
        lines = sound(the_chain(tmp_path))
        assert [line.counter for line in lines] == [1, 2, 3]
        assert {(line.file, line.sha256) for line in lines} == {
            (path.name, hashlib.sha256(path.read_bytes()).digest())
            for path in tmp_path.glob("*.custody.json")
        }
        assert not any(line.found or line.cut_bytes for line in lines)


def test_one_append_a_recording_whatever_its_segments(lab) -> None:
    device = lab.device([lab.recording(1, (5000,) * 8)])
    calls: list[tuple[str, ...]] = []
    append = CustodyLog.append

    def counted(log: CustodyLog, facts: list[Fact]) -> None:
        calls.append(tuple(one.file for one in facts))
        append(log, facts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CustodyLog, "append", counted)
        assert lab.run(device, lab.files(lab.disk()))[0].complete
    assert [len(call) for call in calls] == [8]


@pytest.mark.rule("REC-081")
def test_a_record_without_a_line_is_named_by_the_next_run_which_says_so(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000, 300))])
    lab.run(device, OsFileSystem(), tmp_path)
    the_chain(tmp_path).unlink()  # a store of before there were chains
    assert lab.run(device, OsFileSystem(), tmp_path)[0].complete
    assert [line.found for line in sound(the_chain(tmp_path))] == [True, True]


def test_a_line_whose_record_went_is_followed_by_one_for_the_record_that_took_its_place(
    lab, tmp_path: Path
) -> None:
    device = lab.device([lab.recording(1, (300,))])
    lab.run(device, OsFileSystem(), tmp_path)
    (record,) = tmp_path.glob("*.custody.json")
    record.write_bytes(record.read_bytes().replace(b"1700", b"1600"))
    assert lab.run(device, OsFileSystem(), tmp_path)[0].complete
    lines = sound(the_chain(tmp_path))
    assert [line.file for line in lines] == [record.name] * 2
    assert lines[0].sha256 != lines[1].sha256 and lines[1].found


@pytest.mark.rule("REC-081")
def test_an_unfinished_line_is_cut_off_and_the_next_one_says_how_much(tmp_path: Path) -> None:
    log_in(tmp_path).append([fact(1)])
    chain = the_chain(tmp_path)
    whole = chain.read_bytes()
    for torn in (b"{", whole[:-1], bytes(300)):
        chain.write_bytes(whole + torn)
        log_in(tmp_path).append([fact(2)])
        assert [line.cut_bytes for line in sound(chain)] == [0, len(torn)]
    chain.write_bytes(whole[:40])  # the first line of all
    log_in(tmp_path).append([fact(2)])
    assert [(line.counter, line.cut_bytes) for line in sound(chain)] == [(1, 40)]


@pytest.mark.rule("REC-080", "REC-081")
@pytest.mark.parametrize("whose", [b"one", b"two"])
def test_an_unfinished_line_names_nothing(tmp_path: Path, whose: bytes) -> None:
    """Its file is named by the next run: the line is cut off, and would be the only one."""
    log_in(tmp_path, whose).append([fact(1)])
    chain = the_chain(tmp_path)
    whole = chain.read_bytes()
    log_in(tmp_path, whose).append([fact(2), fact(3)])
    second, third = chain.read_bytes()[len(whole) :].splitlines(keepends=True)
    for torn in (second[:-1], second[:-20]):
        chain.write_bytes(whole + torn)
        log_in(tmp_path, b"one", 2).append([fact(1, fresh=False), fact(2, fresh=False)])
        named = [
            line.file
            for one in chains_of(tmp_path)
            for line in read_chain(one)
            if isinstance(line, CustodyLine)
        ]
        assert sorted(named) == ["record-1", "record-2"]
        for one in set(chains_of(tmp_path)) - {chain}:
            one.unlink()
    chain.write_bytes(whole + second + third[:-1])
    log_in(tmp_path, b"one", 3).append([fact(2, fresh=False)])
    assert b"record-2" not in b"".join(one.read_bytes() for one in set(chains_of(tmp_path)) - {chain})


def test_a_whole_line_that_no_host_wrote_is_left_and_passed_by(tmp_path: Path) -> None:
    log_in(tmp_path).append([fact(1)])
    first = the_chain(tmp_path)
    spoilt = first.read_bytes() + b"something else\n"
    first.write_bytes(spoilt)
    log_in(tmp_path, seed=2).append([fact(2)])
    assert first.read_bytes() == spoilt
    (second,) = set(chains_of(tmp_path)) - {first}
    assert [line.file for line in sound(second)] == ["record-2"]


def test_each_host_has_a_chain_of_its_own_and_names_nothing_that_another_one_named(tmp_path: Path) -> None:
    log_in(tmp_path, b"one", 1).append([fact(1)])
    log_in(tmp_path, b"two", 2).append([fact(1, fresh=False), fact(2)])
    one, two = sorted(chains_of(tmp_path), key=lambda path: is_chain_of(path.name, b"two"))
    assert is_chain_of(one.name, b"one") and not is_chain_of(one.name, b"two")
    assert [line.file for line in sound(one)] == ["record-1"]
    assert [line.file for line in sound(two)] == ["record-2"]


def test_many_writers_of_one_host_make_one_chain(tmp_path: Path) -> None:
    log_in(tmp_path).append([fact(0)])

    def write(writer: int) -> None:
        log = log_in(tmp_path, seed=writer)
        for number in range(20):
            while True:
                try:
                    log.append([fact(1 + 100 * writer + number)])
                except ChainHeld:
                    continue
                break

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({line.file for line in sound(the_chain(tmp_path))}) == 81


def test_without_the_lock_two_writers_spoil_the_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above has teeth: the second writes where the first one does."""
    log_in(tmp_path).append([fact(0)])
    second, put = log_in(tmp_path), CustodyLog._put
    monkeypatch.setattr(CustodyLog, "_hold", lambda log, file: None)

    def late(log: CustodyLog, *arguments: Any) -> None:
        if log is not second:
            second.append([fact(2)])
        put(log, *arguments)

    monkeypatch.setattr(CustodyLog, "_put", late)
    log_in(tmp_path).append([fact(1)])
    assert [line.file for line in sound(the_chain(tmp_path))] == ["record-0", "record-1"]


@pytest.mark.rule("REC-082")
def test_every_flipped_bit_and_every_line_that_is_taken_out_moved_or_said_twice_is_found(
    tmp_path: Path,
) -> None:
    log = log_in(tmp_path)
    for number in range(4):
        log.append([fact(number)])
    chain = the_chain(tmp_path)
    data = chain.read_bytes()

    def faults(changed: bytes, name: str = chain.name) -> list[ChainFault]:
        found = check_chain(name, changed.splitlines(keepends=True))
        return [line for line in found if isinstance(line, ChainFault)]

    assert not faults(data)
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert faults(bytes(flipped)), bit
    lines = data.splitlines(keepends=True)
    for place in range(len(lines) - 1):
        assert faults(b"".join(lines[:place] + lines[place + 1 :]))
        assert faults(b"".join([*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]]))
    assert faults(b"".join([*lines, lines[-1]]))
    assert faults(data, chain.name.replace("a", "b", 1) if "a" in chain.name[8:] else "custody_x.chain")
    assert not faults(b"".join(lines[:-1]))  # which is what checkpoints are for


def test_a_line_is_read_in_the_one_form_in_which_it_is_written() -> None:
    line = CustodyLine(
        counter=1,
        previous_sha256=bytes(32),
        what=Recorded.RECEIPT,
        file="f" * 255,
        sha256=bytes(32),
        found=False,
        cut_bytes=0,
        utc_ns=1,
        clock={"synchronised": None, "max_error_ns": None, "said_by": None},
    )
    assert CustodyLine.decode(line.encode()) == line and len(line.encode()) < LINE_MAX
    for bad in (b"", b"{}", b"[]", b"null", b"[" * 2000, b"x" * 3000, line.encode() + b" ", b"\xff"):
        with pytest.raises(LineError):
            CustodyLine.decode(bad)


def test_a_chain_that_cannot_be_written_leaves_the_recording_on_the_camera(lab) -> None:
    disk, device = lab.disk(), lab.device([lab.recording(1, (300,))])

    class Full(lab.files):
        def create(self, directory: int, name: str) -> int:
            if is_chain(name):
                raise OSError(28, "no room")
            return int(super().create(directory, name))

    result, _ = lab.run(device, Full(disk))
    assert "custody chain" in result.outcomes[0].reason
    result, _ = lab.run(device, lab.files(disk))
    assert isinstance(result.outcomes[0], StoredVerified)
