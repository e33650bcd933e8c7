"""Copies that were made from recordings: registered with both hashes, and whatever changes of them later is found."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.destination.derive import COPY_PART, Derived, derive
from bwc_sdk.errors import BwcError, EvidenceMismatch, HostFileError, InvalidValue, NoSuchRecording
from bwc_sdk.evidence import derivation
from bwc_sdk.evidence.findings import FindingKind
from bwc_sdk.evidence.verify import verify_stores
from tests.tiers import Tier, chosen

Find = Callable[[str], Path]
FILM = b"a film without faces" * 100_000
QUIET = (FindingKind.UNSIGNED, FindingKind.CUSTODY_CHAIN_DISAGREES)
"""Without somebody to believe; and what chains say of files that are spoilt here has tests of its own."""


def kinds(store: Path, *, quick: bool = False) -> list[FindingKind]:
    return [one.kind for one in verify_stores([store], quick=quick).findings if one.kind not in QUIET]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "Redacted (final).MP4"
    path.write_bytes(FILM)
    return path


def register(source: Path, film: Path, **said: Any) -> Derived:
    return derive(source, film, **({"tool": "blur 2.1", "reason": "faces", "by": "kim"} | said))


@pytest.mark.rule("REC-073")
def test_a_copy_is_registered_with_both_hashes_and_named_in_the_chain(
    store: Path, one_of: Find, film: Path
) -> None:
    source = one_of(".mp4.sealed")
    done = register(source, film)
    said = json.loads(done.record.read_bytes())
    assert said["copy"] == {
        "file": done.copy.name,
        "named": film.name,
        "sha256": hashlib.sha256(FILM).hexdigest(),
        "size_bytes": len(FILM),
    }
    (made_from,) = said["sources"]
    table = source.with_name(source.name.replace(".mp4.sealed", ".table"))
    assert made_from["file"] == source.name
    assert made_from["table_sha256"] == hashlib.sha256(table.read_bytes()).hexdigest()
    assert (said["tool"], said["reason"], said["by"]) == ("blur 2.1", "faces", "kim")
    assert done.copy.name.endswith(".derived.mp4") and done.copy.read_bytes() == FILM == film.read_bytes()
    line = json.loads(next(store.glob("*.chain")).read_bytes().splitlines()[-1])
    assert (line["what"], line["file"]) == ("derivation", done.record.name)
    assert not kinds(store) and not list((store / ".incoming").glob("*.part"))


def test_the_same_again_changes_nothing_and_another_word_is_refused(
    store: Path, one_of: Find, film: Path
) -> None:
    first = register(one_of(".mp4.sealed"), film)
    before = {path.name: path.read_bytes() for path in store.iterdir() if path.is_file()}
    again = register(one_of(".mp4.sealed"), film)
    assert first.fresh and not again.fresh and again.document["utc_ns"] == first.document["utc_ns"]
    with pytest.raises(InvalidValue, match="registered already"):
        register(one_of(".mp4.sealed"), film, reason="another")
    assert before == {path.name: path.read_bytes() for path in store.iterdir() if path.is_file()}


def test_of_a_manifest_all_segments_and_of_an_earlier_copy_that_one(
    store: Path, one_of: Find, film: Path, tmp_path: Path
) -> None:
    whole = register(one_of(".manifest"), film)
    assert [one["segment"] for one in whole.document["sources"]] == [0]
    shorter = tmp_path / "shorter"
    shorter.write_bytes(b"short")
    again = register(whole.copy, shorter)
    (made_from,) = again.document["sources"]
    assert made_from["sha256"] == whole.document["copy"]["sha256"] and again.copy.name.endswith(".bin")
    assert not kinds(store)


@pytest.mark.rule("REC-073")
def test_of_what_is_not_what_was_recorded_nothing_is_registered(
    store: Path, one_of: Find, film: Path
) -> None:
    source = one_of(".mp4.sealed")
    data = source.read_bytes()
    source.chmod(0o600)
    source.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(EvidenceMismatch, match="chunk 1 of segment 0"):
        register(source, film)
    assert not list(store.glob("*.deriv*"))


@pytest.mark.rule("REC-073")
def test_every_flip_in_a_record_and_in_a_copy_is_found(store: Path, one_of: Find, film: Path) -> None:
    done = register(one_of(".mp4.sealed"), film)
    data = done.record.read_bytes()
    done.record.chmod(0o600)
    for at in range(0, len(data) * 8, 1 if chosen() is Tier.NIGHT else 97):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        done.record.write_bytes(changed)
        found = kinds(store, quick=True)
        assert found == [FindingKind.DERIVATION_WRONG, FindingKind.DERIVATION_MISSING], at
    done.record.write_bytes(data)
    done.copy.chmod(0o600)
    for at in (0, 1_000_000, len(FILM) - 1):
        done.copy.write_bytes(FILM[:at] + bytes([FILM[at] ^ 1]) + FILM[at + 1 :])
        assert kinds(store) == [FindingKind.COPY_DAMAGED]
    done.copy.write_bytes(FILM[:-1])
    assert kinds(store, quick=True) == [FindingKind.COPY_DAMAGED]
    done.copy.unlink()
    assert kinds(store) == [FindingKind.COPY_MISSING]
    done.record.unlink()
    done.copy.write_bytes(FILM)
    assert kinds(store) == [FindingKind.DERIVATION_MISSING]


def test_a_source_that_changes_later_is_found(store: Path, one_of: Find, film: Path) -> None:
    register(one_of(".mp4.sealed"), film)
    source = one_of(".mp4.sealed")
    source.chmod(0o600)
    source.write_bytes(source.read_bytes()[:-1] + b"\0")
    assert FindingKind.FOOTAGE_DAMAGED in kinds(store)


def test_a_record_of_another_recording_is_not_taken(store: Path, one_of: Find, film: Path) -> None:
    done = register(one_of(".mp4.sealed"), film)
    other = sorted(store.glob("*.manifest"))[1].stem
    for path in (done.record, done.copy):
        path.rename(store / path.name.replace(path.name[: len(other)], other))
    assert kinds(store) == [FindingKind.DERIVATION_WRONG, FindingKind.DERIVATION_MISSING]


@pytest.mark.parametrize("changed", [{"segment": 1}, {"table_sha256": "ab" * 32}, {"segment": "0"}], ids=str)
def test_a_record_of_another_segment_is_not_taken(
    store: Path, one_of: Find, film: Path, changed: dict[str, Any]
) -> None:
    """Whoever can write it with its sum has the hash of what the copy was made from against him."""
    done = register(one_of(".mp4.sealed"), film)
    said = json.loads(done.record.read_bytes())
    del said["sum"]
    said["sources"][0] |= changed
    done.record.chmod(0o600)
    done.record.write_bytes(derivation.sealed_json.encode(said))
    assert kinds(store) == [FindingKind.DERIVATION_WRONG, FindingKind.DERIVATION_MISSING]


@pytest.mark.parametrize("killed_before", ["create", "read_small"])
def test_whoever_is_killed_on_the_way_runs_the_same_again(
    store: Path, one_of: Find, film: Path, monkeypatch: pytest.MonkeyPatch, killed_before: str
) -> None:
    from bwc_sdk.destination import derive as module
    from bwc_sdk.destination.directory_store import DirectoryStore

    class Killed(BaseException):
        pass

    def kill(*_: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        if killed_before == "create":
            patch.setattr(DirectoryStore, "create", kill)
        else:
            patch.setattr(module, "append_waiting", kill)
        with pytest.raises(Killed):
            register(one_of(".mp4.sealed"), film)
    (store / ".incoming" / COPY_PART).write_bytes(b"left of a killed one")
    done = register(one_of(".mp4.sealed"), film)
    assert done.fresh is (killed_before == "create") and not kinds(store)
    line = json.loads(next(store.glob("*.chain")).read_bytes().splitlines()[-1])
    assert (line["file"], line["found"]) == (done.record.name, killed_before != "create")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"tool": " "}, InvalidValue),
        ({"reason": "a\nb"}, InvalidValue),
        ({"by": "x" * 501}, InvalidValue),
    ],
)
def test_what_says_nothing_is_refused(
    store: Path, one_of: Find, film: Path, wrong: dict[str, str], error: type[BwcError]
) -> None:
    with pytest.raises(error):
        register(one_of(".mp4.sealed"), film, **wrong)


def test_what_is_no_copy_and_what_is_no_recording_is_refused(store: Path, one_of: Find, film: Path) -> None:
    for copy in (film.parent, film.parent / "absent"):
        with pytest.raises(HostFileError):
            register(one_of(".manifest"), copy)
    with pytest.raises(NoSuchRecording):
        register(store / "notes.txt", film)


@pytest.mark.parametrize("step", ["the sum", "the copy's hash"])
def test_each_step_that_is_taken_away_is_missed(
    store: Path, one_of: Find, film: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    done = register(one_of(".mp4.sealed"), film)
    spoilt = done.record if step == "the sum" else done.copy
    data = spoilt.read_bytes()
    spoilt.chmod(0o600)
    spoilt.write_bytes(data.replace(b"kim", b"tim") if step == "the sum" else b"b" + data[1:])
    assert kinds(store)
    if step == "the sum":
        right = json.loads(spoilt.read_bytes())
        monkeypatch.setattr(derivation.sealed_json, "_sum", lambda _: right["sum"])
    else:
        monkeypatch.setattr(derivation, "_copy_wrong", lambda *_, **__: None)
    assert not kinds(store)
