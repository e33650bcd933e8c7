"""The custody chains of a store: every change of what a host recorded is found, and of the files that it names."""

from pathlib import Path

import pytest

from bwc_sdk.evidence import verify
from bwc_sdk.evidence.findings import FindingKind
from bwc_sdk.evidence.verify import verify_stores

QUIET = (FindingKind.UNSIGNED, FindingKind.SIGNER_TIME)


def kinds(store: Path) -> list[FindingKind]:
    report = verify_stores([store], quick=True)
    return [one.kind for one in report.findings if one.kind not in QUIET]


@pytest.fixture
def chain(store: Path) -> Path:
    (path,) = store.glob("*.chain")
    path.chmod(0o600)
    return path


def test_a_chain_as_a_host_wrote_it_has_nothing_wrong(store: Path, chain: Path) -> None:
    assert chain.stat().st_size and not kinds(store)


def test_every_flip_in_a_chain_is_found(store: Path, chain: Path) -> None:
    data = chain.read_bytes()
    for at in range(0, len(data) * 8, 61):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        chain.write_bytes(changed)
        found = kinds(store)
        assert FindingKind.CUSTODY_CHAIN_BROKEN in found or found == [FindingKind.UNFINISHED], at


def test_a_line_that_was_taken_out_moved_or_repeated_is_found(store: Path, chain: Path) -> None:
    lines = chain.read_bytes().splitlines(keepends=True)
    for changed in (lines[1:], [lines[0], *lines[2:]], lines[::-1], [*lines, lines[-1]]):
        chain.write_bytes(b"".join(changed))
        assert kinds(store)[0] is FindingKind.CUSTODY_CHAIN_BROKEN


def test_a_line_that_a_power_cut_left_is_no_error(store: Path, chain: Path) -> None:
    with chain.open("ab") as file:
        file.write(b'{"clock"')
    assert kinds(store) == [FindingKind.UNFINISHED]


def test_a_line_without_an_end_is_bounded(store: Path, chain: Path) -> None:
    with chain.open("ab") as file:
        file.write(b"x" * (3 << 20))
    assert kinds(store) == [FindingKind.CUSTODY_CHAIN_BROKEN]


def test_a_custody_record_that_was_replaced_by_a_good_one_is_found(store: Path) -> None:
    """The record says the same of the same segment, and another time: only the chain tells."""
    path = min(store.glob("*.custody.json"))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b'"stored_utc_ns": 1', b'"stored_utc_ns": 2', 1))
    assert kinds(store) == [FindingKind.CUSTODY_CHAIN_DISAGREES]


def test_the_files_are_compared(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test before finds is missed without it."""
    path = min(store.glob("*.custody.json"))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b'"stored_utc_ns": 1', b'"stored_utc_ns": 2', 1))
    monkeypatch.setattr(verify, "files_of", lambda *_: iter(()))
    assert not kinds(store)
