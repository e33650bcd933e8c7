"""Two runs do not take each other's devices, and whoever dies gives his back."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from bwc_sdk.errors import HostFileError
from firmware_sim.ports.memory import forget_sims
from hil_tests.benches.device_lock import DeviceLock, DeviceTaken, Holder, lock_directory

pytest_plugins = ["pytester"]

SERIAL = "SIM-0000004D"
BENCH = f"""
[devices.one]
uri = "sim:?seed=77&recordings=1&mib=1"
serial_number = "{SERIAL}"
"""
HOLDS = f"""
import sys
from hil_tests.benches.device_lock import DeviceLock
lock = DeviceLock.take("{SERIAL}")
print("taken", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has locks and a lab of its own, and devices as they come from the factory."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield
    forget_sims()


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    pytester.path.joinpath("bench.toml").write_text(BENCH)
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.bwc_read_only
        @pytest.mark.parametrize("n", range(2))
        def test_it(FIXTURE, n): ...
        """.replace("FIXTURE", "wire" if "--wire" in options else "camera")
    )
    words = [word for word in options if word != "--wire"] or ["--bwc-bench", "bench.toml"]
    return pytester.runpytest_inprocess("-v", *words)


@pytest.mark.parametrize("fixture", ["camera", "wire"])
def test_a_device_that_another_run_has_is_not_touched_and_it_is_said_who_has_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, fixture: str
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "taken\n"
        with monkeypatch.context() as no_connection:
            no_connection.setattr("hil_tests.device.bench.connect", lambda *_, **__: 1 / 0)
            result = run(pytester, *(["--wire"] if fixture == "wire" else []))
        result.assert_outcomes(errors=1)
        assert result.ret == pytest.ExitCode.INTERRUPTED
        result.stdout.fnmatch_lines(
            [
                f"*{SERIAL}: bench: is taken by process {other.pid} (-c) since 20*Z; try: wait until that run ends*"
            ]
        )
        other.kill()  # and with it goes its lock, whatever it left in the file
    run(pytester).assert_outcomes(passed=2)


def test_a_run_gives_its_device_back_and_has_no_lock_of_one_that_no_file_names(
    pytester: pytest.Pytester,
) -> None:
    held = DeviceLock.take(SERIAL)
    run(pytester, "--bwc-device", "sim:?seed=77&recordings=1&mib=1").assert_outcomes(passed=2)
    held.release()
    run(pytester).assert_outcomes(passed=2)
    held = DeviceLock.take(SERIAL)
    held.release()


def test_a_run_has_its_device_until_its_last_test(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("bench.toml").write_text(BENCH)
    pytester.makepyfile(
        f"""
        import os
        import pytest
        from hil_tests.benches.device_lock import DeviceLock, DeviceTaken

        @pytest.mark.bwc_read_only
        def test_reads(camera): ...

        def test_is_held():
            with pytest.raises(DeviceTaken) as caught:
                DeviceLock.take("{SERIAL}")
            assert caught.value.holder.pid == os.getpid()
        """
    )
    pytester.runpytest_inprocess("--bwc-bench", "bench.toml").assert_outcomes(passed=2)


def test_devices_are_told_apart_and_one_is_one_by_whatever_name(tmp_path: Path) -> None:
    held = [DeviceLock.take(serial, tmp_path) for serial in ("A-1", "a-1", "A/1", "../A-1")]
    assert len(list(tmp_path.iterdir())) == 4, "each has a file, here and nowhere else"
    with pytest.raises(DeviceTaken) as caught:
        DeviceLock.take("a-1", tmp_path)
    assert re.fullmatch(rf"process {os.getpid()} \(.*\) since \S+Z", str(caught.value.holder))
    for lock in held:
        lock.release()
        lock.release()
    DeviceLock.take("a-1", tmp_path).release()


@pytest.mark.parametrize("note", [b"", b"[", b"[]", b'{"pid": "x"}', b"[" * 20_000, b"\xff"])
def test_a_note_that_says_nothing_is_no_error_of_its_own(tmp_path: Path, note: bytes) -> None:
    held = DeviceLock.take("A", tmp_path)
    (tmp_path / "A.lock").write_bytes(note)
    with pytest.raises(DeviceTaken, match="another run, which has only just begun") as caught:
        DeviceLock.take("A", tmp_path)
    assert caught.value.holder == Holder()
    held.release()


def test_where_no_lock_can_be_kept_nothing_is_tested(pytester: pytest.Pytester, tmp_path: Path) -> None:
    (tmp_path / "state" / "bwc").mkdir(parents=True)
    (tmp_path / "state" / "bwc" / "devices").write_text("")
    with pytest.raises(HostFileError):
        DeviceLock.take(SERIAL)
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no lock can be kept at *XDG_STATE_HOME*"])


def test_locks_are_in_the_state_directory_whoever_starts_the_run() -> None:
    assert lock_directory({"HOME": "/home/x"}) == Path("/home/x/.local/state/bwc/devices")
    assert lock_directory({"HOME": "/home/x", "XDG_STATE_HOME": "/var/s"}) == Path("/var/s/bwc/devices")
    assert lock_directory({"HOME": "/home/x", "XDG_STATE_HOME": "s"}) == Path(
        "/home/x/.local/state/bwc/devices"
    )
