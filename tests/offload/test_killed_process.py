"""A real offload, over TCP from a real simulator, killed with SIGKILL at many points, twice in a row, and then
finished: nothing that is not whole under a final name, and nothing fetched twice that is good on the disk."""

import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.lab.directory import open_lab
from bwc_sdk.evidence.findings import FindingKind, Verdict
from bwc_sdk.evidence.statements import Believed
from bwc_sdk.evidence.verify import verify_stores
from tests.tiers import seeds

CHUNK = 1_048_576
MIB = 3
RECORDINGS = 2
POINTS = 20
WHOLE_STEPS = 700
"""Operations of the file system on the whole way are some 680; of one that is taken up again, fewer."""
WRONG = frozenset(
    {
        FindingKind.MANIFEST_DAMAGED,
        FindingKind.SIGNATURE_WRONG,
        FindingKind.TABLE_DAMAGED,
        FindingKind.FOOTAGE_SIZE,
        FindingKind.FOOTAGE_DAMAGED,
        FindingKind.TOMBSTONE_WRONG,
        FindingKind.RECEIPT_WRONG,
        FindingKind.OBJECTS_WRONG,
        FindingKind.OBJECT_DISAGREES,
    }
)
"""What no stop may leave behind; that something is not there yet is another thing."""

Offload = Callable[[int, Path], dict[str, Any]]


def started(*command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )


@contextmanager
def killing(*how: str, seed: int = 5) -> Iterator[Offload]:
    """A simulator, and what runs offloads from it that are killed before a given operation of the file system."""
    sim = ["-m", "bwc_sdk", "sim", "--recordings", str(RECORDINGS), "--mib", str(MIB), "--seed", str(seed)]
    with started(*sim) as camera:
        assert camera.stdout is not None
        uri = camera.stdout.readline().strip()
        with started(str(Path(__file__).with_name("killed_offload.py")), uri, *how) as runner:
            assert runner.stdin is not None and runner.stdout is not None

            def ask(step: int, destination: Path) -> dict[str, Any]:
                runner.stdin.write(f"{step} {destination}\n")
                runner.stdin.flush()
                answer: dict[str, Any] = json.loads(runner.stdout.readline())
                return answer

            yield ask
            runner.stdin.close()
        camera.terminate()


@pytest.fixture(scope="module")
def kill_at() -> Iterator[Offload]:
    """Runs an offload that is killed before a given operation of the file system."""
    with killing() as ask:
        yield ask


@pytest.fixture(scope="module")
def clean(kill_at: Offload, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, bytes]]:
    """Operations of an offload that nobody kills, and what it stored."""
    store = tmp_path_factory.mktemp("clean")
    answer = kill_at(-1, store)
    assert answer["complete"] and answer["bytes_received"] == RECORDINGS * MIB * CHUNK
    return answer["steps"], {path.name: path.read_bytes() for path in store.glob("*.mp4*")}


def good_bytes(store: Path, footage: dict[str, bytes]) -> int:
    """Bytes on the disk, final or not, whose chunks are what they should be."""
    good = 0
    for name, whole in footage.items():
        part = store / ".incoming" / name.replace(".mp4.sealed", ".part")
        found = store / name if (store / name).exists() else part
        data = found.read_bytes() if found.exists() else b""
        for at in range(0, len(whole), CHUNK):
            chunk = data[at : at + CHUNK]
            if hashlib.sha256(chunk).digest() == hashlib.sha256(whole[at : at + CHUNK]).digest():
                good += len(chunk)
    return good


@pytest.mark.parametrize("point", range(POINTS))
def test_a_killed_offload_is_resumed_without_fetching_again(
    point: int, kill_at: Offload, clean: tuple[int, dict[str, bytes]], tmp_path: Path
) -> None:
    steps, footage = clean
    rng = random.Random(point)
    for _ in range(2):
        kill_at(rng.randrange(1, steps), tmp_path)  # the second may be beyond what is left to do
        for path in tmp_path.glob("*.mp4*"):
            assert path.read_bytes() == footage[path.name]
        assert {path.suffix for path in (tmp_path / ".incoming").glob("*.mp4*")} == set()
    good = good_bytes(tmp_path, footage)
    answer = kill_at(-1, tmp_path)
    assert answer["complete"]
    assert answer["bytes_received"] == RECORDINGS * MIB * CHUNK - good
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.mp4*")} == footage
    assert [path.name for path in (tmp_path / ".incoming").iterdir()] == ["lock-probe"]


@pytest.mark.rule("REC-076")
@pytest.mark.timeout(180)  # four seconds of work, for which a busy machine may take much longer
@pytest.mark.parametrize("seed", seeds(1))
def test_a_killed_whole_way_is_gone_to_its_end(seed: int, tmp_path: Path) -> None:
    """By real locks, threads and a real link: receipts are signed and delivered, recordings erased, or nothing is."""
    rng = random.Random(seed)
    agency = open_lab().agency
    believed = Believed(roots=agency.anchors, lab=agency.id)
    with killing("whole", seed=9_000 + seed) as kill_at:
        for _ in range(4):
            kill_at(rng.randrange(1, WHOLE_STEPS), tmp_path)
            there = verify_stores([tmp_path], believed=believed, workers=1)
            assert not [one for one in there.findings if one.kind in WRONG], there.findings
            receipts = len(list(tmp_path.glob("*.receipt")))
            assert (
                len(list(tmp_path.glob("*.tombstone")))
                <= receipts
                <= len(list(tmp_path.glob("*.mp4.sealed")))
            )
        assert kill_at(-1, tmp_path)["complete"]
        again = kill_at(-1, tmp_path)
        assert again["complete"] and again["bytes_received"] == 0
    assert len(list(tmp_path.glob("*.tombstone"))) == len(list(tmp_path.glob("*.receipt"))) == RECORDINGS
    report = verify_stores([tmp_path], believed=believed, workers=1)
    assert report.verdict is Verdict.VERIFIED and report.recordings == RECORDINGS, report.findings
