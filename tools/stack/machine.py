"""The virtual machine: qemu without KVM, booted with a time limit, with the host's files and one directory to write.

Without KVM, because that it can be opened does not mean that a kernel boots with it, and TCG works for every user.
"""

import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

QEMU: Final = "qemu-system-x86_64"
MEMORY_MIB: Final = 2_048
"""Of which the guest's own files are a part: what it writes stays in memory."""
CPUS: Final = 2
"""A camera and its host are two processes."""
LOOK_S: Final = 0.1
"""How often it is looked at what the guest wrote."""
STOP_S: Final = 5.0
"""How long qemu may take to end once it was told to."""
GUEST_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: until the command starts, and from there until it has ended."""

    boot_s: float
    run_s: float


@dataclass(frozen=True, slots=True)
class NotBooted:
    """The command never started: nothing was tested."""

    seconds: float
    console: str


@dataclass(frozen=True, slots=True)
class Vanished:
    """The command started, and the machine ended, or was ended after `limit_s`, without its exit code."""

    limit_s: float | None
    console: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The command ended by itself."""

    code: int


Outcome = NotBooted | Vanished | Ended


def command_line(vmlinux: Path, initrd: Path, out: Path, *, cpus: int = CPUS) -> list[str]:
    """qemu's own. The host's root is exported read-only: no guest can write to it, whatever it mounts."""
    return [
        QEMU,
        *("-M", "q35", "-m", str(MEMORY_MIB), "-smp", str(cpus)),
        *("-accel", "tcg,thread=multi", "-cpu", "max"),
        *("-nodefaults", "-display", "none", "-no-reboot"),
        *("-kernel", str(vmlinux), "-initrd", str(initrd)),
        *("-append", "console=ttyS0 quiet panic=-1 mitigations=off"),
        *("-serial", f"file:{out / 'console'}"),
        *_shared("host", Path("/"), "readonly=on,multidevs=remap"),
        *_shared("out", out, ""),
    ]


def _shared(tag: str, path: Path, options: str) -> tuple[str, ...]:
    escaped = str(path).replace(",", ",,")
    device = f"local,id={tag},path={escaped},security_model=none" + (f",{options}" if options else "")
    return "-fsdev", device, "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"


def guest_script(command: Sequence[str], directory: Path) -> str:
    """What the guest's first process becomes: runs `command`, leaves its exit code, and switches the machine off."""
    return f"""\
export PATH={GUEST_PATH} HOME=/root LANG=C.UTF-8
cd {shlex.quote(str(directory))}
: >/mnt/booted
{shlex.join(command)} </dev/null >/mnt/log 2>&1
echo $? >/mnt/code
echo o >/proc/sysrq-trigger
sleep 60
"""


def run(
    vmlinux: Path,
    initrd: bytes,
    command: Sequence[str],
    *,
    directory: Path,
    out: Path,
    limits: Limits,
    said: Callable[[str], None],
) -> Outcome:
    """Boots, runs `command` in `directory`, and gives what became of it. `said` gets its output as it comes.

    `out` is an empty directory that the guest may write to.
    """
    (out / "initrd").write_bytes(initrd)
    (out / "command").write_text(guest_script(command, directory))
    machine = subprocess.Popen(
        command_line(vmlinux, out / "initrd", out), stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        return _followed(machine, out, limits, said)
    finally:
        machine.kill()
        machine.wait(STOP_S)


def _followed(
    machine: "subprocess.Popen[bytes]", out: Path, limits: Limits, said: Callable[[str], None]
) -> Outcome:
    began = time.monotonic()
    while True:
        over = machine.poll() is not None  # before the rest is looked at, which is then complete
        waited = time.monotonic() - began
        if (out / "booted").exists():
            break
        if over or waited > limits.boot_s:
            return NotBooted(waited, _console(out))
        time.sleep(LOOK_S)
    began, log = time.monotonic(), _Log(out / "log", said)
    while True:
        over = machine.poll() is not None  # before the rest is looked at, which is then complete
        code = exit_code(out / "code")
        log.follow()
        if code is not None:
            return Ended(code)
        if over:
            return Vanished(None, _console(out))
        if time.monotonic() - began > limits.run_s:
            return Vanished(limits.run_s, _console(out))
        time.sleep(LOOK_S)


def exit_code(path: Path) -> int | None:
    """The exit code, once the whole line is written."""
    text = path.read_text() if path.exists() else ""
    return int(text) if text.endswith("\n") and text.strip().isdecimal() else None


class _Log:
    """A file that grows."""

    def __init__(self, path: Path, said: Callable[[str], None]) -> None:
        self._path = path
        self._said = said
        self._at = 0

    def follow(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._at)
            new = file.read()
        self._at += len(new)
        if new:
            self._said(new.decode(errors="replace"))


def _console(out: Path) -> str:
    path = out / "console"
    return path.read_text(errors="replace")[-4_000:] if path.exists() else ""
