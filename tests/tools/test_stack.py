"""The runner of the real stacks, without a machine: its archive, its command line, and what a run comes to."""

import lzma
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools.stack import kernel, machine, packages
from tools.stack.initramfs import archive, initramfs
from tools.stack.machine import Ended, Limits, NotBooted, Outcome, Vanished
from tools.stack.verdict import verdict

ROOT = Path(__file__).parents[2]
FILES = {"init": b"#!/bin/busybox sh\n", "modules/00-one.ko": b"\0" * 4097, "bin/busybox": b"abc"}


def entries(data: bytes) -> dict[str, tuple[int, bytes]]:
    """Mode and content by name: a reader of the format as the kernel documents it."""
    found: dict[str, tuple[int, bytes]] = {}
    at = 0
    while True:
        assert at % 4 == 0
        assert data[at : at + 6] == b"070701"
        numbers = [int(data[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, name_size = numbers[1], numbers[6], numbers[11]
        name = data[at + 110 : at + 110 + name_size]
        assert name.endswith(b"\0")
        at += -(-(110 + name_size) // 4) * 4
        if name == b"TRAILER!!!\0":
            assert at == len(data)
            return found
        found[name[:-1].decode()] = mode, data[at : at + size]
        at += -(-size // 4) * 4


# The archive that the kernel boots from


def test_the_archive_holds_every_file_in_a_directory_that_comes_before_it() -> None:
    found = entries(archive(FILES))
    assert {name: content for name, (mode, content) in found.items() if mode == 0o100755} == FILES
    names = list(found)
    for name in FILES:
        for parent in Path(name).parents[:-1]:
            assert found[str(parent)] == (0o040755, b"")
            assert names.index(str(parent)) < names.index(name)


@pytest.mark.skipif(shutil.which("cpio") is None and not Path("/bin/busybox").exists(), reason="no cpio here")
def test_cpio_itself_reads_the_archive() -> None:
    tool = ["cpio"] if shutil.which("cpio") else ["/bin/busybox", "cpio"]
    listed = subprocess.run([*tool, "-t"], input=archive(FILES), capture_output=True, check=True)
    assert set(FILES) < set(listed.stdout.decode().split())


def test_modules_are_loaded_in_the_order_of_their_dependencies(tmp_path: Path) -> None:
    modules = [tmp_path / name for name in ("z_first.ko", "a_second.ko.xz")]
    modules[0].write_bytes(b"first")
    modules[1].write_bytes(lzma.compress(b"second"))
    found = entries(initramfs(modules, busybox=modules[0]))
    loaded = sorted(name for name in found if name.startswith("modules/"))
    assert [found[name][1] for name in loaded] == [b"first", b"second"]
    assert "for module in /modules/*" in found["init"][1].decode(), "the shell sorts by name"


# The kernel


def test_the_kernel_is_found_behind_bytes_that_look_like_one() -> None:
    vmlinux = b"\x7fELF" + bytes(range(256)) * 40
    image = b"setup" + kernel.XZ + b"code" + lzma.compress(b"not this") + lzma.compress(vmlinux) + b"\x12\x34"
    assert kernel.extracted(image) == vmlinux
    other = b"nothing" + kernel.XZ + b"here"
    assert kernel.extracted(other) == other, "which boots as well, only later"


def test_without_apt_the_newest_kernel_that_is_kept_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "offered", lambda: None)
    with pytest.raises(kernel.KernelMissing, match="apt-get update"):
        kernel.ready(tmp_path)
    for version in ("6.1.0-9-amd64", "6.1.0-56-amd64"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "vmlinux").touch()
    assert kernel.ready(tmp_path).version == "6.1.0-56-amd64"


def test_a_newer_kernel_takes_the_place_of_the_one_that_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs, cache = tmp_path / "bin", tmp_path / "cache"
    programs.mkdir()
    for name, script in {
        "apt-get": "touch linux-image.deb",
        "dpkg-deb": 'mkdir -p "$3/boot"; printf kernel >"$3/boot/vmlinuz-6.1.0-57-amd64"',
        "depmod": ":",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    (cache / "6.1.0-56-amd64").mkdir(parents=True)
    monkeypatch.setattr(kernel, "offered", lambda: "6.1.0-57-amd64")
    assert kernel.ready(cache).vmlinux.read_bytes() == b"kernel"
    assert [path.name for path in cache.iterdir()] == ["6.1.0-57-amd64"]


def test_a_fetch_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "offered", lambda: "6.1.0-56-amd64")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(kernel.KernelMissing, match="linux-image-6"):
        kernel.ready(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


# The machine


def test_the_host_is_exported_for_reading_only_and_one_directory_for_writing(tmp_path: Path) -> None:
    words = machine.command_line(tmp_path / "vmlinux", tmp_path / "initrd", tmp_path)
    exports = [words[n + 1] for n, word in enumerate(words) if word == "-fsdev"]
    (host,) = (one for one in exports if "readonly=on" in one.split(","))
    assert "path=/" in host.split(",")
    (out,) = (one for one in exports if one != host)
    assert f"path={tmp_path}" in out.split(",")
    assert "kvm" not in " ".join(words)


def played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, limits: Limits
) -> tuple[Outcome, str]:
    """A run in which `script`, with the output directory as OUT, takes the place of qemu."""
    shell = ["/bin/sh", "-c", f"OUT={tmp_path}; {script}"]
    monkeypatch.setattr(machine, "command_line", lambda *paths: shell)
    said: list[str] = []
    outcome = machine.run(
        tmp_path, b"", ["true"], directory=tmp_path, out=tmp_path, limits=limits, said=said.append
    )
    return outcome, "".join(said)


PATIENT = Limits(boot_s=20, run_s=20)


@pytest.mark.parametrize("code", [0, 1, 5])
def test_the_exit_code_of_the_guest_is_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    script = f": >$OUT/booted; echo tested >$OUT/log; echo {code} >$OUT/code; exec sleep 60"
    outcome, said = played(tmp_path, monkeypatch, script, PATIENT)
    assert outcome == Ended(code)
    assert said == "tested\n"


def test_a_kernel_that_does_not_boot_in_time_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "console").write_text("panic\n")
    outcome, _ = played(tmp_path, monkeypatch, "exec sleep 60", Limits(boot_s=0.2, run_s=20))
    assert isinstance(outcome, NotBooted)
    assert (outcome.seconds >= 0.2, outcome.console) == (True, "panic\n")


def test_a_machine_that_ends_before_it_boots_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome, _ = played(tmp_path, monkeypatch, "exit 1", PATIENT)
    assert isinstance(outcome, NotBooted)
    assert outcome.seconds < PATIENT.boot_s


def test_a_guest_that_ends_without_a_result_has_not_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome, said = played(
        tmp_path, monkeypatch, ": >$OUT/booted; echo half >$OUT/log; : >$OUT/code", PATIENT
    )
    assert outcome == Vanished(None, "")
    assert said == "half\n"


def test_a_guest_that_boots_and_ends_between_two_looks_has_booted(tmp_path: Path) -> None:
    class Quick:
        """A machine that does all of it while it is asked whether it still runs."""

        def poll(self) -> int:
            (tmp_path / "booted").touch()
            (tmp_path / "code").write_text("0\n")
            return 0

    machine_of: Any = Quick()
    assert machine._followed(machine_of, tmp_path, PATIENT, lambda said: None) == Ended(0)


def test_tests_that_do_not_end_are_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = ": >$OUT/booted; exec sleep 60"
    outcome, _ = played(tmp_path, monkeypatch, script, Limits(boot_s=20, run_s=0.3))
    assert outcome == Vanished(0.3, "")


def test_the_guest_runs_the_command_in_its_directory_and_leaves_its_exit_code(tmp_path: Path) -> None:
    directory = tmp_path / "a directory"
    directory.mkdir()
    script = machine.guest_script(["/bin/sh", "-c", "pwd; echo $1; exit 7", "x", "two words"], directory)
    here = script.replace("/mnt/", f"{tmp_path}/")
    here = here[: here.index("echo o >/proc/sysrq-trigger")]  # which would switch this machine off
    subprocess.run(["/bin/sh", "-c", here], check=True)
    assert (tmp_path / "booted").exists()
    assert (tmp_path / "log").read_text() == f"{directory}\ntwo words\n"
    assert machine.exit_code(tmp_path / "code") == 7


# The result


@pytest.mark.parametrize(
    ("outcome", "code", "words"),
    [
        (Ended(0), 0, "passed"),
        (Ended(1), 1, "FAILED"),
        (Ended(75), 1, "FAILED"),
        (NotBooted(60.2, "panic"), 75, "the kernel did not boot within 60 s: nothing was tested"),
        (Vanished(None, "panic"), 1, "without a result"),
        (Vanished(240.0, ""), 1, "did not end within 240 s"),
    ],
)
def test_only_a_kernel_that_did_not_boot_is_no_failure(outcome: Outcome, code: int, words: str) -> None:
    given, sentence = verdict(outcome)
    assert given == code
    assert words in sentence
    assert ("panic" in sentence) == (getattr(outcome, "console", "") != "")


def test_missing_packages_are_told_with_the_line_that_installs_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = main_of(monkeypatch)
    monkeypatch.setattr(packages, "PROGRAMS", {"kmod": "/nowhere/modprobe", "dbus": sys.executable})
    assert stack([]) == 69
    told = capsys.readouterr().err
    assert "not installed: kmod\n" in told
    assert packages.INSTALL in told


def main_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], int]:
    from tools.stack import __main__ as stack

    monkeypatch.setattr(stack.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(packages, "debian", lambda: True)
    return stack.main


def test_the_line_that_installs_is_the_one_in_the_notes_for_contributors() -> None:
    for name in ("CONTRIBUTING.md", "tools/stack/README.md"):
        assert packages.INSTALL in (ROOT / name).read_text(), name
