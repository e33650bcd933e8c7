"""A state directory in which something else lies than what was kept: said with its cause, never a hang or a crash.

What is damaged is left as it is: it may be all that is left of a device.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bwc_protocol.messages.identity import Fault, TestResult
from firmware_sim.camera.self_test import self_test
from firmware_sim.cli import sim
from firmware_sim.flash.flash import StateError
from firmware_sim.handlers import STATION
from firmware_sim.scenarios import make_camera, make_station
from firmware_sim.state.directory import StateDirectory
from firmware_sim.state.files import FILE_MAX, to_part
from tests.tiers import seeds

NOON_NS = 1_800_014_400 * 1_000_000_000
DEEP = b"[" * 200_000 + b"]" * 200_000
VALUES: list[Any] = [None, True, -1, 10**30, 10**5000, 1e400, 0.5, "", "x" * 10_000, "\ud800", [], {}, [None]]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A station whose camera in bay 1 has recordings of both kinds, and was killed while it recorded."""
    path = tmp_path_factory.mktemp("prepared") / "station"
    station = make_station(2, seed=3, mib=1, docked=1, recordings=3, utc_ns=NOON_NS, state=path)
    camera = station.undock(1)
    assert camera.wearer.start()
    camera.time.skip(3)
    camera.settle()
    camera._held.close()
    station.close()
    return path


@pytest.fixture
def directory(prepared: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(prepared, tmp_path / "station")


def camera_of(directory: Path) -> Path:
    return directory / "bay-01"


def contents(directory: Path) -> dict[str, bytes]:
    """Every file but the lock, which holds nothing."""
    files = (path for path in sorted(directory.rglob("*")) if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files if path.name != "lock"}


def start(directory: Path) -> str:
    """How a start of this camera ends."""
    try:
        camera = make_camera(seed=4, mib=1, recordings=3, utc_ns=NOON_NS, state=directory)
    except StateError as error:
        assert str(error)
        return "StateError"
    outcome = "damaged" if camera.storage.damaged else "started"
    if outcome == "damaged":
        assert camera.report.faults & Fault.STORAGE_ERROR
        found = {step.name: step.result for step in self_test(camera)}
        assert TestResult.FAILED in (found["storage"], found["recordings"])
    camera.close()
    return outcome


PARTS = ("device.json", "settings.json", "sequence.json", "recording.json", "audit.log")


def names_of(directory: Path) -> list[str]:
    return list(contents(directory))


# Everything that can be under a name


def put_fifo(path: Path) -> None:
    os.mkfifo(path)


def put_directory(path: Path) -> None:
    path.mkdir()


def put_link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def put_dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def put_loop(path: Path) -> None:
    path.symlink_to(path.name)


def put_device(path: Path) -> None:
    path.symlink_to("/dev/zero")  # to make one takes rights; a link leads to it as well


def put_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(path.parent)  # the name of a socket is short
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


KINDS = [put_fifo, put_directory, put_link, put_dangling, put_loop, put_device, put_socket]


@pytest.mark.parametrize("put", KINDS, ids=lambda put: put.__name__)
def test_whatever_lies_under_a_name_is_told_and_never_waited_for(
    directory: Path, put: Callable[[Path], None]
) -> None:
    camera = camera_of(directory)
    (camera / "settings.json").touch()  # it has none: nothing was configured
    (camera / "settings.json").unlink()
    used = [*names_of(camera), "lock", "settings.json", "commit.json", ".tmp-device.json"]
    places = [camera / name for name in [*used, "recordings", "recordings/.tmp-00000004-x", "recordings/x"]]
    places += [path for path in (camera / "recordings").iterdir() if path.is_dir()]
    for path in places:
        if put is put_directory and (path.is_dir() or path.parent.name == "recordings"):
            continue  # that is what is there
        aside = path.with_name("aside") if path.exists() else None
        if aside is not None:
            path.rename(directory / "aside")
        put(path)
        before = contents(camera)
        assert start(camera) == "StateError", path
        assert contents(camera) == before, f"{path}: left as it is"
        assert path.is_symlink() or path.exists()
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
        if aside is not None:
            (directory / "aside").rename(path)
    assert start(camera) == "started"


def test_a_pipe_that_comes_between_look_and_opening_is_not_waited_for(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, look = camera_of(directory) / "device.json", Path.lstat

    def swap(self: Path) -> os.stat_result:
        found = look(self)
        if self == path and stat.S_ISREG(found.st_mode):
            path.unlink()
            os.mkfifo(path)
        return found

    monkeypatch.setattr(Path, "lstat", swap)
    assert start(camera_of(directory)) == "StateError"


def test_a_device_file_is_not_even_opened(directory: Path) -> None:
    path = camera_of(directory) / "device.json"
    path.unlink()
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except OSError:
        pytest.skip("device files cannot be made here")
    assert start(camera_of(directory)) == "StateError"


@pytest.mark.parametrize("name", ["device.json", "station.json", "lock", "bay-01", "bay-01/device.json"])
def test_the_command_ends_with_9_and_names_the_pipe(directory: Path, name: str) -> None:
    path = directory / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    os.mkfifo(path)
    app = typer.Typer()
    app.command()(sim)
    result = CliRunner().invoke(app, ["--station=2", "--mib=1", "--listen=pty", f"--state={directory}"])
    assert result.exit_code == 9, result.output
    assert result.output.startswith("bwc sim: ")
    if name != "device.json":  # that a camera's file is there is enough to know what lives there
        assert "a named pipe" in result.output or "cannot be used" in result.output


# Rot


def rotten(data: bytes, rng: random.Random) -> bytes:
    """What may become of a file: a bit flips, its end goes, a block is zeroed or comes twice."""
    at = rng.randrange(len(data))
    match rng.randrange(4):
        case 0:
            return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
        case 1:
            return data[:at]
        case 2:
            return data[:at] + bytes(min(64, len(data) - at)) + data[at + 64 :]
        case _:
            return data[:at] + data[max(0, at - 64) : at] + data[at:]


@pytest.mark.parametrize("seed", seeds(12))
def test_rot_of_any_file_is_told_and_nothing_else_changes(directory: Path, seed: int) -> None:
    camera, rng = camera_of(directory), random.Random(f"rot {seed}")
    for name in names_of(camera):
        path = camera / name
        good = path.read_bytes()
        bad = rotten(good, rng)
        if bad == good:
            continue
        path.write_bytes(bad)
        outcome = start(camera)
        # A loss of power leaves anything of the newest line; what the kept state knows to have been there is missed all
        # the same: the next test.
        newest_line = name == "audit.log" and bad.startswith(b"".join(good.splitlines(keepends=True)[:-1]))
        if name in PARTS and not newest_line:
            assert outcome == "StateError", (name, outcome, good, bad)
            assert path.read_bytes() == bad, "left as it is"
        elif name.startswith("recordings/") and name.endswith((".cbor", ".table")):
            assert outcome in ("damaged", "StateError"), (name, outcome)
            assert path.read_bytes() == bad, "left as it is"
        shutil.rmtree(camera)
        shutil.copytree(directory.parent / "keep", camera) if (directory.parent / "keep").exists() else None
        path.write_bytes(good) if path.exists() else None


@pytest.fixture(autouse=True)
def _keep(request: pytest.FixtureRequest, prepared: Path, tmp_path: Path) -> None:
    """A copy that the tests of rot take from again, since a start that succeeds changes a directory."""
    if "rot" in request.node.name:
        shutil.copytree(prepared / "bay-01", tmp_path / "keep")


def test_a_log_that_lost_its_end_is_told_though_what_is_left_is_whole(directory: Path) -> None:
    path = camera_of(directory) / "audit.log"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0])
    with pytest.raises(StateError, match="the log is damaged: entry"):
        make_camera(state=camera_of(directory))
    path.write_bytes(
        lines[0] + bytes(sum(map(len, lines[1:])))
    )  # the blocks are there, and nothing was written
    with pytest.raises(StateError, match="the log is damaged: entry"):
        make_camera(state=camera_of(directory))
    path.unlink()
    with pytest.raises(StateError, match="the log is damaged: entry"):
        make_camera(state=camera_of(directory))


def test_a_manifest_that_reads_well_and_is_another_one_is_not_listed(directory: Path) -> None:
    for which in sorted((camera_of(directory) / "recordings").iterdir()):
        path = which / "manifest.cbor"
        good = path.read_bytes()
        at = good.index(b"SIM-") + 4
        path.write_bytes(good[:at] + b"F" + good[at + 1 :])  # another camera's name
        copy = shutil.copytree(camera_of(directory), directory.parent / which.name)
        path.write_bytes(good)
        camera = make_camera(state=copy, utc_ns=NOON_NS)
        assert [one for one in camera.storage.damaged if one.startswith(which.name)]
        assert "not the one that was closed" in camera.storage.damaged[0]
        steps = {step.name: step for step in self_test(camera)}
        assert steps["recordings"].result is TestResult.FAILED
        assert str(int(which.name.partition("-")[0])) in steps["recordings"].detail
        camera.close()


def test_what_is_left_of_a_chain_without_an_end_is_not_gone_on_from(directory: Path) -> None:
    camera = camera_of(directory)
    *_, last = sorted((camera / "recordings").iterdir())
    (last / "manifest.cbor").write_bytes(b"\xa0")
    (camera / "sequence.json").unlink()
    (camera / "recording.json").unlink()
    with pytest.raises(StateError, match="the chain of recordings has no end that can be read"):
        make_camera(state=camera)


# Values that no device has


def every_place(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, one in inner for place in every_place(one, (*at, key)))]


def with_value(state: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    changed = json.loads(json.dumps(state))
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return changed


@pytest.mark.parametrize("name", ["device.json", "settings.json", "sequence.json", "recording.json"])
def test_any_value_in_any_place_is_taken_or_told(directory: Path, name: str, tmp_path: Path) -> None:
    """Without its checksum, as an earlier version or a text editor would leave it."""
    camera = camera_of(directory)
    if name == "settings.json":
        made = make_camera(state=camera, utc_ns=NOON_NS)
        made.settings.commit(1)
        made.settings._adopt({"alarm.battery_low_pct": 20}, {"trigger.peer": False}, 2)
        made._held.close()
    state = json.loads((camera / name).read_bytes())
    state.pop("sha256")
    places = every_place(state)
    told = 0
    for number, place in enumerate(places):
        for value in random.Random(f"{name} {number}").sample(VALUES, 5):
            copy = shutil.copytree(camera, tmp_path / "copy")
            changed = with_value(state, place, value)
            sys.set_int_max_str_digits(0)
            (copy / name).write_text(json.dumps(changed))
            sys.set_int_max_str_digits(4300)
            told += start(copy) == "StateError"
            shutil.rmtree(copy)
    assert told > len(places), "most of them are told"


@pytest.mark.parametrize("name", [*PARTS, "commit.json"])
@pytest.mark.parametrize("data", [DEEP, b"null", b"[]", b"\xff\xfe{", b"", b"{}", b"1" * 6000], ids=range(7))
def test_no_state_at_all_is_told(directory: Path, name: str, data: bytes) -> None:
    path = camera_of(directory) / name
    path.write_bytes(data)
    before = contents(camera_of(directory))
    assert start(camera_of(directory)) == "StateError"
    assert contents(camera_of(directory)) == before


@pytest.mark.parametrize(
    "name", ["annotations.json", "segment-000.json", "manifest.cbor", "segment-000.table"]
)
@pytest.mark.parametrize("data", [DEEP, b"null", b"[null]", b"[]" * 9, b"\xff", b"", b"{}"], ids=range(7))
def test_what_is_no_recording_is_not_listed_and_the_others_are(
    directory: Path, name: str, data: bytes
) -> None:
    camera = camera_of(directory)
    first = min((camera / "recordings").iterdir())
    (first / name).write_bytes(data)
    assert start(camera) == "damaged"
    assert (first / name).read_bytes() == data


def test_a_file_of_any_length_is_not_read_whole(directory: Path) -> None:
    path = camera_of(directory) / "device.json"
    with path.open("r+b") as file:
        file.truncate(FILE_MAX + 1)
    with pytest.raises(StateError, match="no simulator makes one of more"):
        make_camera(state=camera_of(directory))


def test_a_station_s_state_is_checked_the_same(directory: Path, tmp_path: Path) -> None:
    state = json.loads((directory / "station.json").read_bytes())
    state.pop("sha256")
    told = 0
    places = every_place(state)
    for number, place in enumerate(places):
        value = random.Random(f"station {number}").choice(VALUES[:4])
        copy = shutil.copytree(directory, tmp_path / "copy", ignore=shutil.ignore_patterns("bay-*"))
        (copy / "station.json").write_text(json.dumps(with_value(state, place, value)))
        try:
            make_station(2, docked=0, state=copy, utc_ns=NOON_NS).close()
        except StateError:
            told += 1
        shutil.rmtree(copy)
    assert told > len(places) // 2
    assert STATION.by_opcode


# Whose eyes


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777], ids=oct)
def test_nobody_else_reads_a_device_s_state_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "state"
    make = (
        "import sys, os; from pathlib import Path; from firmware_sim.scenarios import make_station\n"
        f"os.umask({umask})\n"
        f"make_station(2, mib=1, recordings=1, state=Path({str(path)!r})).close()\n"
        f"make_station(2, mib=1, recordings=1, state=Path({str(path)!r})).close()\n"
    )
    subprocess.run([sys.executable, "-c", make], check=True, timeout=50)
    found = [path, *path.rglob("*")]
    assert len(found) > 20
    modes = {stat.S_IMODE(one.lstat().st_mode) for one in found if one.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(one.lstat().st_mode) for one in found if one.is_dir()} == {0o700}


def test_a_directory_that_could_not_be_used_is_let_go(tmp_path: Path) -> None:
    StateDirectory(tmp_path).close()
    (tmp_path / "commit.json").write_text("null")
    for _ in range(2):
        with pytest.raises(StateError, match="damaged"):
            StateDirectory(tmp_path)
    (tmp_path / "commit.json").unlink()
    StateDirectory(tmp_path).close()


@pytest.mark.parametrize("station", [(), ("--station=2",)], ids=["camera", "station"])
def test_a_directory_in_which_somebody_elses_files_lie_is_refused_and_left_as_it_is(
    tmp_path: Path, station: tuple[str, ...]
) -> None:
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    (evidence / "SIM-1.mp4").write_bytes(b"footage")
    app = typer.Typer()
    app.command()(sim)
    result = CliRunner().invoke(app, [*station, "--mib=1", "--listen=pty", f"--state={evidence}"])
    assert result.exit_code == 9, result.output
    assert "SIM-1.mp4 lies in it; name an empty directory" in result.output
    assert [one.name for one in evidence.iterdir()] == ["SIM-1.mp4"]


@pytest.mark.parametrize("station", [(), ("--station=2",)], ids=["camera", "station"])
@pytest.mark.parametrize("form", [None, 0, 99], ids=["without one", "earlier", "later"])
def test_a_directory_of_another_version_is_refused_with_what_to_do_and_left_as_it_is(
    directory: Path, station: tuple[str, ...], form: int | None
) -> None:
    where = directory if station else camera_of(directory)
    (where / "form.json").unlink()
    if form is not None:
        (where / "form.json").write_bytes(to_part({"form": form}))
    before = contents(directory)
    app = typer.Typer()
    app.command()(sim)
    result = CliRunner().invoke(app, [*station, "--mib=1", "--listen=pty", f"--state={where}"])
    assert result.exit_code == 9, result.output
    assert f"{where} was kept by another version of the simulator" in result.output
    assert "try: serve it with the version that made it (bwc sim --state)" in result.output
    assert "offload" in result.output and "a new directory" in result.output
    assert contents(directory) == before


def test_the_form_that_rotted_is_told_as_damage(directory: Path) -> None:
    (camera_of(directory) / "form.json").write_bytes(b'{"form": 1, "sha256": "00"}')
    with pytest.raises(StateError, match="damaged"):
        make_camera(state=camera_of(directory))


def test_a_fresh_file_system_is_as_good_as_an_empty_directory(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    StateDirectory(tmp_path).close()
    StateDirectory(tmp_path).close()  # nor is one in which a simulator ended before it kept anything


def test_a_file_is_no_state_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="no directory"):
        StateDirectory(tmp_path / "file")
