"""A verification finds and names what is wrong in a store, and nothing else."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bwc_protocol.evidence import Manifest
from bwc_sdk.evidence import verify
from bwc_sdk.evidence.findings import Finding, FindingKind, Report, Severity, Verdict
from bwc_sdk.evidence.verify import Progress, verify_stores
from tests.tiers import times

Find = Callable[[str], Path]
QUIET = {FindingKind.UNSIGNED, FindingKind.CUSTODY_CHAIN_DISAGREES}
"""Without somebody to believe; and what chains say of files that are spoilt here has tests of its own."""


def check(*paths: Path, **given: Any) -> Report:
    return verify_stores(paths, **given)


def loud(report: Report) -> list[Finding]:
    """What was found, but for what nobody was asked."""
    return [finding for finding in report.findings if finding.kind not in QUIET]


def kinds(report: Report) -> list[FindingKind]:
    return [finding.kind for finding in loud(report)]


def spoil(path: Path, at: int, with_: bytes = b"\xff") -> None:
    with path.open("r+b") as file:
        file.seek(at)
        old = file.read(len(with_))
        file.seek(at)
        file.write(bytes(a ^ b for a, b in zip(old, with_, strict=True)))


def sequence_of(path: Path) -> int:
    return Manifest.decode(path.read_bytes()).sequence


def manifests(store: Path) -> dict[int, Path]:
    """By the numbers of their recordings."""
    return {sequence_of(path): path for path in store.glob("*.manifest")}


def files_of(store: Path, number: int) -> list[Path]:
    """All files of a recording."""
    camera, recording, _ = manifests(store)[number].name.split("_")
    return [path for path in store.iterdir() if path.name.startswith(f"{camera}_{recording}_")]


def test_a_store_as_an_offload_leaves_it_has_nothing_wrong(offloaded: Path) -> None:
    told: list[Progress] = []
    report = check(offloaded, progress=told.append)
    assert not loud(report)
    assert (report.recordings, report.segments, report.bytes_hashed) == (4, 4, 4 * 2 << 20)
    assert report.cameras == {"SIM-00000007": (1, 4)}
    assert told[-1].recordings == told[-1].of == 4


def test_a_quick_one_reads_no_footage(store: Path, one_of: Find) -> None:
    spoil(one_of(".mp4.sealed"), 5)
    report = check(store, quick=True)
    assert not loud(report) and report.bytes_hashed == 0 and report.quick


def test_an_empty_directory_is_no_store(tmp_path: Path) -> None:
    assert check(tmp_path).verdict is Verdict.EMPTY


@pytest.mark.parametrize("at", [0, 1_048_575, 1_048_576, 2_097_151])
@pytest.mark.rule("REC-085")
def test_one_bit_of_footage_is_found_and_its_chunk_named(store: Path, one_of: Find, at: int) -> None:
    footage = one_of(".mp4.sealed")
    spoil(footage, at, b"\x01")
    (found,) = loud(check(store))
    assert found.kind is FindingKind.FOOTAGE_DAMAGED and found.file == footage.name
    assert found.chunks == (at >> 20, at >> 20) and found.segment == 0 and found.sequence


def test_chunks_that_changed_places_are_found(store: Path, one_of: Find) -> None:
    footage = one_of(".mp4.sealed")
    data = footage.read_bytes()
    footage.chmod(0o600)
    footage.write_bytes(data[1 << 20 :] + data[: 1 << 20])
    (found,) = loud(check(store))
    assert found.kind is FindingKind.FOOTAGE_DAMAGED and found.chunks == (0, 1)


@pytest.mark.parametrize(("size", "chunks"), [(2_097_151, (1, 1)), (1_048_576, (1, 1)), (0, (0, 1))])
def test_footage_that_was_cut_is_found(store: Path, one_of: Find, size: int, chunks: tuple[int, int]) -> None:
    footage = one_of(".mp4.sealed")
    os.truncate(footage, size)
    short, damaged = loud(check(store))
    assert (short.kind, damaged.kind) == (FindingKind.FOOTAGE_SIZE, FindingKind.FOOTAGE_DAMAGED)
    assert damaged.chunks == chunks


def test_footage_with_something_behind_it_is_found(store: Path, one_of: Find) -> None:
    with one_of(".mp4.sealed").open("ab") as file:
        file.write(b"more")
    assert kinds(check(store)) == [FindingKind.FOOTAGE_SIZE]


def test_footage_of_two_recordings_that_changed_places_is_found(store: Path) -> None:
    first, second = sorted(store.glob("*.mp4.sealed"))[:2]
    aside = store / "aside"
    first.rename(aside)
    second.rename(first)
    aside.rename(second)
    assert kinds(check(store)) == [FindingKind.FOOTAGE_DAMAGED] * 2


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        (".mp4.sealed", FindingKind.FOOTAGE_MISSING),
        (".table", FindingKind.TABLE_MISSING),
        (".custody.json", FindingKind.CUSTODY_MISSING),
    ],
)
def test_a_file_that_is_gone_is_found(store: Path, one_of: Find, ending: str, kind: FindingKind) -> None:
    one_of(ending).unlink()
    assert kinds(check(store)) == [kind]


def test_a_manifest_that_is_gone_leaves_a_gap_too(store: Path) -> None:
    manifests(store)[2].unlink()
    assert kinds(check(store)) == [FindingKind.MANIFEST_MISSING, FindingKind.RECORDINGS_MISSING]


@pytest.mark.rule("REC-086")
@pytest.mark.parametrize(("gone", "said"), [((1,), "recording 1 of"), ((2, 3), "recordings 2 to 3 of")])
def test_whole_recordings_that_are_gone_are_found(store: Path, gone: tuple[int, ...], said: str) -> None:
    for path in [path for number in gone for path in files_of(store, number)]:
        path.unlink()
    (found,) = loud(check(store))
    assert found.kind is FindingKind.RECORDINGS_MISSING and said in found.detail


def test_a_cameras_recordings_may_lie_in_several_stores(store: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for path in files_of(store, 3):
        shutil.move(path, other)
    assert kinds(check(store)) == [FindingKind.RECORDINGS_MISSING]
    assert not loud(check(store, other))


@pytest.mark.rule("REC-086")
def test_a_recording_that_was_replaced_breaks_the_chain(store: Path) -> None:
    """Somebody who can compute hashes makes a recording anew, with all its files: its number and its successor tell."""
    path = manifests(store)[2]
    old = Manifest.decode(path.read_bytes())
    forged = Manifest.from_map(old.to_map() | {6: old.started_utc_ns - 1})
    for path_of_said in [one for one in files_of(store, 2) if one.suffix in (".annotations", ".cose")]:
        path_of_said.unlink()  # nobody can sign these anew
    for file in files_of(store, 2):
        file.rename(store / file.name.replace(old.sha256.hex()[:16], forged.sha256.hex()[:16]))
    forged_path = store / path.name.replace(old.sha256.hex()[:16], forged.sha256.hex()[:16])
    forged_path.chmod(0o600)
    forged_path.write_bytes(forged.encode())
    assert kinds(check(store)) == [FindingKind.CUSTODY_DAMAGED, FindingKind.CHAIN_BROKEN]


def test_an_older_form_of_a_recording_beside_the_new_one_is_found(store: Path) -> None:
    path = manifests(store)[2]
    old = Manifest.decode(path.read_bytes())
    other = Manifest.from_map(old.to_map() | {18: True})
    (store / path.name.replace(old.sha256.hex()[:16], other.sha256.hex()[:16])).write_bytes(other.encode())
    assert FindingKind.NUMBER_TWICE in kinds(check(store))


@pytest.mark.rule("REC-085")
def test_every_flip_in_a_manifest_is_found(small: Path) -> None:
    (path,) = small.glob("*.manifest")
    assert not loud(check(small, quick=True))
    path.chmod(0o600)
    for at in range(path.stat().st_size * 8):
        spoil(path, at // 8, bytes([1 << at % 8]))  # in its place: a new file costs a write to the disk
        report = check(small, quick=True)
        assert report.verdict is Verdict.FINDINGS, at
        assert kinds(report)[0] in (FindingKind.MANIFEST_DAMAGED, FindingKind.MANIFEST_OF_ANOTHER), at
        spoil(path, at // 8, bytes([1 << at % 8]))


def test_every_flip_in_a_table_is_found(store: Path, one_of: Find) -> None:
    path = one_of(".table")
    for at in range(64 * 8):
        spoil(path, at // 8, bytes([1 << at % 8]))
        assert kinds(check(store, quick=True)) == [FindingKind.TABLE_DAMAGED], at
        spoil(path, at // 8, bytes([1 << at % 8]))


@pytest.mark.parametrize(
    "spoilt", [b"", b"{}", b"null", b"[" * 5_000, b"\xff\xfe", b'{"version": 1}', bytes(20_000)]
)
def test_a_custody_record_that_is_none_is_found(store: Path, one_of: Find, spoilt: bytes) -> None:
    path = one_of(".custody.json")
    path.chmod(0o600)
    path.write_bytes(spoilt)
    assert kinds(check(store)) == [FindingKind.CUSTODY_DAMAGED]


@pytest.mark.rule("REC-088")
def test_what_leads_elsewhere_is_not_followed(store: Path, one_of: Find, tmp_path: Path) -> None:
    footage = one_of(".mp4.sealed")
    footage.rename(tmp_path / "elsewhere")
    footage.symlink_to(tmp_path / "elsewhere")
    assert kinds(check(store)) == [FindingKind.UNREADABLE]
    footage.unlink()
    os.mkfifo(footage)
    assert kinds(check(store)) == [FindingKind.UNREADABLE]


def test_a_file_that_no_offload_wrote_is_told_and_is_no_error(store: Path) -> None:
    (store / "notes.txt").touch()
    (store / ".incoming" / "x.part").touch()
    report = check(store)
    assert kinds(report) == [FindingKind.FOREIGN, FindingKind.UNFINISHED]
    assert not any(finding.severity is Severity.ERROR for finding in report.findings)


@settings(
    max_examples=times(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    data=st.binary(max_size=600),
    ending=st.sampled_from(
        [".manifest", ".table", ".custody.json", ".manifest.cose", ".annotations", ".receipt"]
    ),
)
@pytest.mark.rule("REC-088")
def test_arbitrary_bytes_give_findings_and_nothing_worse(store: Path, data: bytes, ending: str) -> None:
    name = min(store.glob("*.manifest")).name.removesuffix(".manifest")
    path = {
        ".table": min(store.glob("*.table")),
        ".custody.json": min(store.glob("*.custody.json")),
        ".annotations": store / f"{name}_{'0' * 16}.annotations",
        ".receipt": store / f"{name}_{'0' * 16}_archive.receipt",
    }.get(ending, store / (name + ending))
    before = path.read_bytes() if path.exists() else None
    if before is not None:
        path.chmod(0o600)
    path.write_bytes(data)
    try:
        check(store, quick=True)
    finally:
        path.unlink() if before is None else path.write_bytes(before)


STEPS = {
    "verify_table": lambda table, facts: None,
    "custody_agrees": lambda data, subject: True,
}


@pytest.mark.parametrize("step", ["verify_table", "custody_agrees"])
def test_each_step_that_is_taken_away_is_missed(
    store: Path, one_of: Find, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The tests above fail without it: here it is seen that they would."""
    spoil(one_of({"verify_table": ".table", "custody_agrees": ".custody.json"}[step]), 3)
    assert loud(check(store, quick=True))
    monkeypatch.setattr(verify, step, STEPS[step])
    assert not loud(check(store, quick=True))
