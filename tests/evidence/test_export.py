"""What is given away is a whole bag, verifies off line, says what is left out, and is recorded where it came from."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import bagit
import pytest

from bwc_protocol.declare import Role
from bwc_protocol.evidence import Manifest
from bwc_protocol.lab.directory import open_lab
from bwc_sdk.destination import export as module
from bwc_sdk.destination.derive import derive
from bwc_sdk.destination.export import Asked, Exported, export
from bwc_sdk.errors import (
    DestinationError,
    EvidenceMismatch,
    HostFileError,
    IdentityMissing,
    InvalidValue,
    NoSuchRecording,
)
from bwc_sdk.evidence import bag as bag_module
from bwc_sdk.evidence.decrypt import Opened, RecipientKey, decrypt
from bwc_sdk.evidence.findings import FindingKind, Report, Severity, Verdict
from bwc_sdk.evidence.search import Wanted
from bwc_sdk.evidence.statements import Believed
from bwc_sdk.evidence.verify import verify_stores
from tests.tiers import Tier, chosen

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:bagit")
Find = Callable[[str], Path]


def believed() -> Believed:
    agency = open_lab().agency
    return Believed(roots=agency.anchors, lab=agency.id)


def lab_key() -> Sequence[RecipientKey]:
    return (RecipientKey("lab evidence", open_lab().agency.recipient().key),)


def give(*paths: Path, to: Path, **asked: Any) -> Exported:
    return export(paths, to, Asked(**({"by": "kim"} | asked)), keys=lab_key, believed=believed())


def check(bag: Path) -> Report:
    """What two independent eyes say of a bag: the Library of Congress's of the whole, ours of the payload."""
    bagit.Bag(str(bag)).validate()
    return verify_stores([bag / "data"], believed=believed())


def errors(report: Report) -> list[FindingKind]:
    return [one.kind for one in report.findings if one.severity is Severity.ERROR]


def manifest(store: Path, number: int) -> Path:
    return next(
        path for path in store.glob("*.manifest") if Manifest.decode(path.read_bytes()).sequence == number
    )


def left_out(bag: Path) -> Any:
    return json.loads((bag / "data" / "left-out.json").read_bytes())


@pytest.mark.rule("REC-084")
def test_a_whole_store_goes_out_as_a_bag_that_verifies(store: Path, tmp_path: Path) -> None:
    done = give(store, to=tmp_path / "bag", given_to="court", organization="Springfield PD")
    report = check(done.path)
    assert report.verdict is Verdict.VERIFIED and report.recordings == 4 and not report.left_out
    bag = bagit.Bag(str(done.path))
    info = bag.info
    payload = list((done.path / "data").iterdir())
    assert bag.version == "1.0" and bag.algorithms == ["sha256"]
    assert info["Payload-Oxum"] == f"{sum(path.stat().st_size for path in payload)}.{len(payload)}"
    assert info["Source-Organization"] == "Springfield PD" and len(info["External-Identifier"]) == 4
    assert "bwc evidence verify data --root agency.pem" in (done.path / "README.txt").read_text()
    assert done.path.stat().st_mode & 0o077 == 0


@pytest.mark.rule("REC-084")
def test_the_store_says_that_it_was_exported_and_its_chain_says_so(store: Path, tmp_path: Path) -> None:
    done = give(store, to=tmp_path / "bag", given_to="court")
    (record,) = store.glob("export_*.json")
    said = json.loads(record.read_bytes())
    assert (said["given_to"], said["by"], said["bag"]) == ("court", "kim", "bag")
    assert said["payload_manifest_sha256"] == done.document["payload_manifest_sha256"]
    line = json.loads(next(store.glob("*.chain")).read_bytes().splitlines()[-1])
    assert (line["what"], line["file"]) == ("export", record.name)
    assert verify_stores([store], believed=believed(), quick=True).verdict is Verdict.VERIFIED
    data = record.read_bytes()
    for at in range(0, len(data) * 8, 501):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        record.chmod(0o600)
        record.write_bytes(changed)
        assert FindingKind.EXPORT_WRONG in errors(verify_stores([store], quick=True)), at
    record.write_bytes(data)
    again = give(store, to=tmp_path / "again")
    assert again.left_out == ("1 file: it says what was given to others",)
    assert check(again.path).verdict is Verdict.VERIFIED


@pytest.mark.rule("REC-084")
@pytest.mark.parametrize("how", ["by number", "by its file", "by a question"])
def test_a_selection_says_what_is_left_out_and_verifies_in_part(
    store: Path, tmp_path: Path, how: str
) -> None:
    path = manifest(store, 3)
    said = Manifest.decode(path.read_bytes())
    match how:
        case "by number":
            done = give(store, to=tmp_path / "bag", recordings=("3",))
        case "by its file":
            done = give(path, to=tmp_path / "bag")
        case _:
            wanted = Wanted(from_ns=said.started_utc_ns, to_ns=said.started_utc_ns + 1)
            done = give(store, to=tmp_path / "bag", wanted=wanted)
    report = check(done.path)
    assert not errors(report) and report.verdict is Verdict.PART
    assert (report.recordings, report.left_out) == (1, 3)
    assert [one["sequence"] for one in left_out(done.path)["recordings"]] == [1, 2, 4]
    assert {one["reason"] for one in left_out(done.path)["recordings"]} == {"not asked for"}
    assert (done.path / "left-out.csv").read_text().count("recording,") == 3


@pytest.mark.rule("REC-074")
def test_what_is_left_out_without_a_word_is_found(store: Path, tmp_path: Path) -> None:
    """The word of whoever exported covers what he names, and nothing else; and is itself held against the chain."""
    bag = give(store, to=tmp_path / "bag", recordings=("3", "4")).path
    for path in (bag / "data").glob(
        f"*_{Manifest.decode(manifest(store, 4).read_bytes()).recording_id.hex()}_*"
    ):
        path.unlink()
    assert FindingKind.CUSTODY_CHAIN_DISAGREES in errors(verify_stores([bag / "data"], believed=believed()))
    stated = bag / "data" / "left-out.json"
    data = stated.read_bytes()
    for at in range(0, len(data) * 8, 301):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        stated.write_bytes(changed)
        assert FindingKind.LEFT_OUT_WRONG in errors(verify_stores([bag / "data"], quick=True)), at
    stated.unlink()
    assert FindingKind.RECORDINGS_MISSING in errors(verify_stores([bag / "data"], quick=True))


@pytest.mark.rule("REC-074")
def test_one_that_is_said_to_be_left_out_is_the_one_that_the_next_one_names(
    store: Path, tmp_path: Path
) -> None:
    from bwc_sdk.evidence import sealed_json

    bag = give(store, to=tmp_path / "bag", recordings=("3",)).path
    stated = left_out(bag)
    del stated["sum"]
    stated["recordings"][1]["manifest_sha256"] = "ab" * 32
    (bag / "data" / "left-out.json").write_bytes(sealed_json.encode(stated))
    assert FindingKind.CHAIN_BROKEN in errors(verify_stores([bag / "data"], quick=True))


def test_for_a_recipient_keys_are_wrapped_anew_and_open(store: Path, tmp_path: Path) -> None:
    court = open_lab().agency.host("court", Role.EVIDENCE_RECIPIENT)
    done = give(store, to=tmp_path / "bag", recipients=(court.chain[0],), recordings=("1",))
    assert check(done.path).verdict is Verdict.PART
    assert [one["name"] for one in done.document["recipients"]] == ["court"]
    (tmp_path / "films").mkdir()
    (film,) = decrypt([done.path / "data"], tmp_path / "films", (RecipientKey("court", court.key),))
    assert isinstance(film, Opened) and film.recipient == "court"
    assert not errors(verify_stores([done.path / "data"], quick=True))
    wraps = min((done.path / "data").glob("*.wraps"))
    data = wraps.read_bytes()
    for at in range(0, len(data) * 8, 7):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        wraps.write_bytes(changed)
        with pytest.raises(bagit.BagValidationError):
            bagit.Bag(str(done.path)).validate()
        shutil.rmtree(tmp_path / "films")
        (tmp_path / "films").mkdir()
        (failed,) = decrypt([done.path / "data"], tmp_path / "films", (RecipientKey("court", court.key),))
        assert not isinstance(failed, Opened), at
    wraps.write_bytes(data[:-1])
    assert errors(verify_stores([done.path / "data"], quick=True)) == [FindingKind.WRAPS_WRONG]


def test_who_cannot_open_it_wraps_and_decrypts_nothing_and_leaves_nothing(
    store: Path, tmp_path: Path
) -> None:
    court = open_lab().agency.host("court", Role.EVIDENCE_RECIPIENT)
    for asked in (Asked(by="kim", recipients=(court.chain[0],)), Asked(by="kim", decrypt=True)):
        with pytest.raises(IdentityMissing):
            export([store], tmp_path / "bag", asked, believed=believed())
    assert [path.name for path in tmp_path.iterdir()] == ["store"] and not list(store.glob("export_*"))


def test_plain_films_are_registered_copies_beside_what_the_camera_signed(store: Path, tmp_path: Path) -> None:
    done = give(store, to=tmp_path / "bag", decrypt=True, recordings=("2",), given_to="court")
    assert check(done.path).verdict is Verdict.PART
    (record,) = (done.path / "data").glob("*.derivation")
    said = json.loads(record.read_bytes())
    assert said["tool"].startswith("bwc evidence decrypt ") and said["reason"] == "decrypted for court"
    film = done.path / "data" / said["copy"]["file"]
    (tmp_path / "films").mkdir()
    (plain,) = decrypt([manifest(store, 2)], tmp_path / "films", lab_key())
    assert isinstance(plain, Opened) and film.read_bytes() == plain.path.read_bytes()
    film.write_bytes(b"other")
    assert errors(verify_stores([done.path / "data"], believed=believed())) == [FindingKind.COPY_DAMAGED]


def test_copies_alone_go_out_without_their_originals(store: Path, one_of: Find, tmp_path: Path) -> None:
    with pytest.raises(NoSuchRecording):
        give(store, to=tmp_path / "none", derived_only=True)
    redacted = tmp_path / "redacted.mp4"
    redacted.write_bytes(b"a film")
    source = one_of(".mp4.sealed")
    derive(source, redacted, tool="blur", reason="faces", by="kim")
    done = give(store, to=tmp_path / "bag", derived_only=True)
    assert not list((done.path / "data").glob("*.sealed"))
    report = check(done.path)
    assert report.verdict is Verdict.PART and report.left_out == 4
    assert left_out(done.path)["files"][-1]["file"] == source.name
    (record,) = (done.path / "data").glob("*.derivation")
    assert json.loads(record.read_bytes())["reason"] == "faces"
    with pytest.raises(InvalidValue, match="copies alone"):
        give(store, to=tmp_path / "both", derived_only=True, decrypt=True)


def test_what_is_damaged_goes_out_as_it_is_and_is_told(store: Path, one_of: Find, tmp_path: Path) -> None:
    path = one_of(".mp4.sealed")
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    done = give(store, to=tmp_path / "bag")
    assert done.report.verdict is Verdict.FINDINGS and done.document["verdict"] == "findings"
    assert errors(check(done.path)) == [FindingKind.FOOTAGE_DAMAGED]
    assert (done.path / "data" / path.name).read_bytes() == path.read_bytes()


def test_files_of_nobody_and_links_stay_where_they_are(store: Path, tmp_path: Path) -> None:
    (store / "notes\n=1.txt").touch()
    (store / ".incoming" / "x.part").touch()
    footage = min(store.glob("*.sealed"))
    footage.rename(tmp_path / "elsewhere")
    footage.symlink_to(tmp_path / "elsewhere")
    done = give(store, to=tmp_path / "bag")
    reasons = {one["file"]: one["reason"] for one in left_out(done.path)["files"]}
    assert reasons["notes\n=1.txt"] == "no offload has put it there"
    assert "cannot be read" in reasons[footage.name] and "x.part" in reasons
    assert check(done.path).left_out == 1


def test_several_stores_go_into_one_bag(store: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(store, other)
    for path in store.glob(f"*_{Manifest.decode(manifest(store, 1).read_bytes()).recording_id.hex()}_*"):
        path.unlink()
    done = give(store, other, to=tmp_path / "bag")
    assert check(done.path).verdict is Verdict.VERIFIED
    for one in (store, other):
        assert len(list(one.glob("export_*.json"))) == 1


def test_a_bag_can_be_exported_again_and_stays_whole(store: Path, tmp_path: Path) -> None:
    first = give(store, to=tmp_path / "bag", recordings=("2", "3"))
    second = give(first.path / "data", to=tmp_path / "second", recordings=("3",))
    assert check(first.path).verdict is Verdict.PART
    assert sorted(one["sequence"] for one in left_out(second.path)["recordings"]) == [1, 2, 4]
    assert check(second.path).verdict is Verdict.PART
    with pytest.raises(InvalidValue, match="payload of a bag"):
        derive(min((first.path / "data").glob("*.manifest")), tmp_path / "x", tool="t", reason="r", by="k")


@pytest.mark.rule("REC-084")
def test_nothing_is_replaced(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for make in (Path.touch, Path.mkdir):
        bag = tmp_path / make.__name__
        make(bag)
        with pytest.raises(HostFileError, match="is there already"):
            give(store, to=bag)
    late = tmp_path / "late"
    right = bag_module.BagWriter.publish

    def publish(writer: bag_module.BagWriter) -> None:
        late.mkdir()  # an empty directory, which a plain rename would replace
        right(writer)

    monkeypatch.setattr(bag_module.BagWriter, "publish", publish)
    with pytest.raises(HostFileError, match="is there already"):
        give(store, to=late)
    assert not list(late.iterdir()) and not (tmp_path / ".late.part").exists()
    with pytest.raises(InvalidValue, match="in the store"):
        give(store, to=store / "bag")
    with pytest.raises(HostFileError):
        give(store, to=tmp_path / "absent" / "bag")


KILLS = range(48) if chosen() is Tier.NIGHT else (0, 33, 36, 40, 45)
"""Before which sync: the payload has 25, pages and record some more, the last one is of the bag's own name."""
KILLED = """
import os, signal, sys
from pathlib import Path
from bwc_sdk.destination.export import Asked, export
left, right = int(sys.argv[3]), os.fsync
def fsync(file):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    right(file)
os.fsync = fsync
export([Path(sys.argv[1])], Path(sys.argv[2]), Asked(by="kim"))
"""


@pytest.mark.rule("REC-084")
@pytest.mark.parametrize("after", KILLS)
def test_who_is_killed_leaves_no_bag_and_runs_again(store: Path, tmp_path: Path, after: int) -> None:
    bag = tmp_path / "bag"
    ran = subprocess.run([sys.executable, "-c", KILLED, store, bag, str(after)], check=False, timeout=50)
    assert ran.returncode == -signal.SIGKILL
    if not bag.exists():
        if not list(store.glob("export_*.json")):
            assert not (tmp_path / ".bag.part" / "bagit.txt").exists()
        give(store, to=bag)
    assert check(bag).verdict is Verdict.VERIFIED
    assert not (tmp_path / ".bag.part").exists() and list(store.glob("export_*.json"))


def test_a_disk_that_is_full_leaves_nothing_behind(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(bag_module, "write_all", full)
    with pytest.raises(HostFileError) as raised:
        give(store, to=tmp_path / "bag")
    assert "make room" in raised.value.advice and not list(tmp_path.glob("*bag*"))


def test_a_bag_never_has_its_name_before_the_store_says_so(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the order is for: with it taken away the bag is out, and nothing says so."""

    def broken(*_: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(module, "append_waiting", broken)
    with pytest.raises(DestinationError):
        give(store, to=tmp_path / "bag")
    assert not (tmp_path / "bag").exists() and not (tmp_path / ".bag.part").exists()


def test_what_comes_into_the_store_meanwhile_is_in_no_chain_of_the_bag(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = module.named_in

    def meanwhile(path: Path, which: Sequence[str]) -> Any:
        opened = right(path, which)
        film = tmp_path / "film"
        film.write_bytes(b"film")
        derive(min(store.glob("*.manifest")), film, tool="t", reason="r", by="k")
        return opened

    monkeypatch.setattr(module, "named_in", meanwhile)
    done = give(store, to=tmp_path / "bag")
    assert check(done.path).verdict is Verdict.VERIFIED
    monkeypatch.setattr(module, "named_in", right)
    assert check(give(store, to=tmp_path / "again").path).verdict is Verdict.VERIFIED


def test_a_store_whose_word_on_what_is_left_out_is_damaged_is_not_exported(
    store: Path, tmp_path: Path
) -> None:
    (store / "left-out.json").write_bytes(b"{}")
    with pytest.raises(EvidenceMismatch, match="left-out"):
        give(store, to=tmp_path / "bag")
