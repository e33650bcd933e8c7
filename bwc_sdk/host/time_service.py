"""What the service that keeps this host's clock says of it: chrony, or systemd-timesyncd.

They are asked by their own programs, without a shell, in the C locale, for two seconds at most. Others (ntpd,
openntpd, daemons of PTP) tell the kernel what they know, or nobody.
"""

from __future__ import annotations

import math
import os
import re
import selectors
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ANSWER_MAX_S: Final = 2.0
"""Both answer from memory in milliseconds; one that hangs is no witness."""
ANSWER_MAX: Final = 8192
"""Bytes of an answer: both take less than one kilobyte."""
SYNCHRONISED_FILE: Final = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd touches it each time that a server has answered; gone after a reboot."""
_UNSET: Final = frozenset({"00000000", "7F7F0101"})
"""Reference of a chrony without servers, and of one that takes its own clock for the truth (`local`)."""
_KEEPS_TIME: Final = frozenset({"normal", "insert second", "delete second"})
_FARTHEST_STRATUM: Final = 15

Run = Callable[[tuple[str, ...]], str | None]
"""Runs a program: its standard output, None if it is not there, fails or does not answer."""


@dataclass(frozen=True, slots=True)
class ServiceTime:
    """What a service says."""

    name: str
    synchronised: bool
    max_error_ns: int | None = None
    """Bound of the clock's error; None: it does not say."""
    detail: str = ""
    needs_kernel: bool = False
    """Whether the bound is of the last answer of a server, and the kernel has what was added since."""


def service_time() -> ServiceTime | None:
    """Asks the service that runs here; None if there is none that would answer."""
    return chrony(answer) or timesyncd(answer, SYNCHRONISED_FILE)


def chrony(run: Run) -> ServiceTime | None:
    """What `chronyc tracking` says, as comma-separated values."""
    said = run(("chronyc", "-c", "-n", "tracking"))
    columns = said.strip().split(",") if said is not None else []
    if len(columns) < 14:
        return None
    reference, server, leap = columns[0].upper(), columns[1], columns[13].strip().lower()
    try:
        stratum = int(columns[2])
        ahead_s, delay_s, dispersion_s = (float(columns[at]) for at in (4, 10, 11))
    except ValueError:
        return None
    error_s = abs(ahead_s) + delay_s / 2 + dispersion_s
    if leap not in _KEEPS_TIME or not 0 < stratum <= _FARTHEST_STRATUM:
        return ServiceTime("chrony", False, detail="no server that it trusts")
    if reference in _UNSET:
        return ServiceTime("chrony", False, detail="it takes its own clock for the truth")
    if not math.isfinite(error_s) or error_s < 0:
        return ServiceTime("chrony", True, detail=_word(server))
    return ServiceTime("chrony", True, math.ceil(error_s * 1e9), detail=_word(server))


def timesyncd(run: Run, synchronised_file: Path) -> ServiceTime | None:
    """What `timedatectl timesync-status` says, if systemd-timesyncd has had an answer since this host started."""
    try:
        if not synchronised_file.exists():
            return None
    except OSError:
        return None
    said = run(("timedatectl", "timesync-status", "--no-pager")) or ""
    facts: dict[str, str] = {}
    for line in said.splitlines():
        name, _, value = line.partition(":")
        facts[name.strip().lower()] = value.strip()
    if facts.get("leap", "normal").startswith("not"):
        return ServiceTime("timesyncd", False, detail="its server is not synchronised")
    server = _word(facts.get("server", ""))
    spans = [_span_ns(facts.get(name, "").partition("(")[0]) for name in ("root distance", "offset", "delay")]
    if None in spans:
        return ServiceTime("timesyncd", True, detail=server)
    distance, offset, delay = (span or 0 for span in spans)
    return ServiceTime(
        "timesyncd", True, distance + abs(offset) + delay // 2, detail=server, needs_kernel=True
    )


_UNITS_NS: Final = {
    "us": 1e3,
    "μs": 1e3,  # GREEK SMALL LETTER MU
    "µs": 1e3,  # MICRO SIGN
    "ms": 1e6,
    "s": 1e9,
    "min": 60e9,
    "h": 3600e9,
}
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zμµ]+)")


def _span_ns(said: str) -> int | None:
    """A length of time as systemd writes it: `1min 3.5s`, `-33us`, `0`; None if it is none."""
    said = said.strip().lstrip("+-")
    if said == "0":
        return 0
    parts = _SPAN.findall(said)
    if not parts or any(unit not in _UNITS_NS for _, unit in parts):
        return None
    return math.ceil(sum(float(number) * _UNITS_NS[unit] for number, unit in parts))


def _word(said: str) -> str:
    """A server's name, safe to print."""
    word = said.split(" ")[0][:64]
    return word if word.isprintable() else ""


def answer(command: tuple[str, ...]) -> str | None:
    """What a program prints, if it succeeds within `ANSWER_MAX_S` and prints no more than `ANSWER_MAX`."""
    if os.name != "posix":
        return None  # neither service is there, and pipes of Windows cannot be waited for
    program = shutil.which(
        command[0], path=os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin:/sbin"
    )
    if program is None:
        return None
    try:
        process = subprocess.Popen(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C", "LANG": "C", "SYSTEMD_COLORS": "0"},
        )
    except OSError:
        return None
    with process:
        try:
            said = _heard(process, time.monotonic() + ANSWER_MAX_S)
        finally:
            if process.poll() is None:
                process.kill()
    return said.decode("utf-8", "replace") if said is not None else None


def _heard(process: subprocess.Popen[bytes], until_s: float) -> bytes | None:
    """What a program prints until it ends well; None if it takes too long, prints too much or fails."""
    assert process.stdout is not None
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while len(said) <= ANSWER_MAX:
            # Not a read until the end: a child of the program may hold the pipe for ever.
            if not selector.select(max(0.0, until_s - time.monotonic())):
                return None
            piece = os.read(process.stdout.fileno(), ANSWER_MAX)
            if not piece:
                try:
                    return said if process.wait(max(0.0, until_s - time.monotonic())) == 0 else None
                except subprocess.TimeoutExpired:
                    return None
            said += piece
    return None
