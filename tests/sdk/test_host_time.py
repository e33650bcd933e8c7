"""What a host knows of its own clock is found out, believed when it denies, and never guessed."""

import asyncio
import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bwc_sdk.doctor import State
from bwc_sdk.doctor import _clock as doctor_says
from bwc_sdk.host import kernel_time as kernel
from bwc_sdk.host import time_service
from bwc_sdk.host.host_time import ASKED_AGAIN_S, NOT_TOLD_NS, HostTime, HostTimes, agreed
from bwc_sdk.host.kernel_time import STA_UNSYNC, TIME_ERROR, KernelTime, judged, kernel_time
from bwc_sdk.host.time_service import ServiceTime, answer, chrony, service_time, timesyncd
from bwc_sdk.host.world import World
from firmware_sim.virtual_time import run_virtual

MS = 1_000_000
KEPT = KernelTime(True, 20 * MS, 5000)
LEFT = KernelTime(False)
SILENT = KernelTime(None)
GOOD = (
    "C0248F97,192.36.143.151,2,1721300000.1,-0.000250000,0.00001,0.00002,-3.1,0.001,0.02,"
    "0.030000000,0.002000000,64.2,Normal"
)


# The kernel


def test_what_adjtimex_answers_is_understood() -> None:
    assert judged(0, 0, 1500, 7) == KernelTime(True, 1_500_000, 7000)
    assert judged(0, STA_UNSYNC, 1500) == LEFT
    assert judged(TIME_ERROR, 0, 1500) == LEFT
    assert judged(-1, 0, 0) == SILENT
    assert judged(0, 0, -1).max_error_ns == 0


@pytest.mark.parametrize("platform", ["darwin", "win32", "freebsd14"])
def test_a_system_without_the_call_is_not_known_rather_than_good(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", platform)
    assert kernel_time() == SILENT


@pytest.mark.parametrize("error", [ImportError, OSError, AttributeError])
def test_a_python_or_c_library_without_the_call_is_not_known(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent() -> object:
        raise error

    monkeypatch.setattr(kernel, "_adjtimex", absent)
    assert kernel_time() == SILENT


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="adjtimex is of Linux")
def test_the_fields_lie_where_the_headers_of_this_host_have_them(tmp_path: Path) -> None:
    _, timex = kernel._adjtimex()
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    names = ["modes", "maxerror", "esterror", "status"]
    prints = "".join(f'printf("%zu ", offsetof(struct timex, {name}));' for name in names)
    source = tmp_path / "timex.c"
    source.write_text(
        f"#include <stddef.h>\n#include <stdio.h>\n#include <sys/timex.h>\nint main(void) {{{prints}"
        ' printf("%zu", sizeof(struct timex)); }\n'
    )
    if subprocess.run([compiler, str(source), "-o", str(tmp_path / "timex")]).returncode:
        pytest.skip("no headers of the C library")
    said = subprocess.run([str(tmp_path / "timex")], stdout=subprocess.PIPE, text=True, check=True).stdout
    *offsets, size = map(int, said.split())
    assert offsets == [getattr(type(timex), name).offset for name in names]
    assert ctypes.sizeof(timex) >= size


# The services


def chrony_says(line: str | None) -> ServiceTime | None:
    return chrony(lambda command: line)


def test_the_bound_of_chrony_is_offset_and_dispersion_and_half_of_the_delay() -> None:
    assert chrony_says(GOOD) == ServiceTime("chrony", True, 17_250_000, "192.36.143.151")


@pytest.mark.parametrize(
    "line",
    [
        "00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised",
        GOOD.replace("Normal", "Not synchronised"),
        GOOD.replace("C0248F97", "7F7F0101"),
        GOOD.replace(",2,", ",0,"),
        GOOD.replace(",2,", ",16,"),
    ],
    ids=["as-started", "lost", "its-own-clock", "no-stratum", "unreachable"],
)
def test_a_chrony_without_a_server_denies(line: str) -> None:
    said = chrony_says(line)
    assert said is not None and not said.synchronised and said.detail


@pytest.mark.parametrize(
    "line", [None, "", "506 Cannot talk to daemon", GOOD.replace(",2,", ",x,"), GOOD[:60]]
)
def test_an_answer_that_is_none_says_nothing(line: str | None) -> None:
    assert chrony_says(line) is None


def test_a_bound_that_is_no_number_is_not_known() -> None:
    for wrong in ("nan", "inf", "-5.0"):
        said = chrony_says(GOOD.replace("0.002000000", wrong))
        assert said is not None and said.synchronised and said.max_error_ns is None


STATUS = """       Server: 2001:db8::1 (time.example)
Poll interval: 34min 8s (min: 32s; max 34min 8s)
         Leap: normal
      Version: 4
Root distance: 122us (max: 5s)
       Offset: -1.061ms
        Delay: 19.532ms
       Jitter: 1.353ms
"""


def timesyncd_says(said: str | None, tmp_path: Path) -> ServiceTime | None:
    file = tmp_path / "synchronized"
    file.touch()
    return timesyncd(lambda command: said, file)


def test_the_bound_of_timesyncd_has_the_way_to_its_server(tmp_path: Path) -> None:
    said = timesyncd_says(STATUS, tmp_path)
    assert said == ServiceTime("timesyncd", True, 122_000 + 1_061_000 + 9_766_000, "2001:db8::1", True)
    assert agreed(KernelTime(True, 3 * MS), said).max_error_ns == 10_949_000 + 3 * MS
    longer = timesyncd_says(STATUS.replace("19.532ms", "1min 2.5s"), tmp_path)
    assert longer is not None and longer.max_error_ns == 1_183_000 + 31_250_000_000


def test_a_timesyncd_that_never_had_an_answer_says_nothing(tmp_path: Path) -> None:
    assert timesyncd(lambda command: STATUS, tmp_path / "synchronized") is None


@pytest.mark.parametrize("said", [None, "", "Failed to query server", STATUS.replace("122us", "n/a")])
def test_a_timesyncd_that_does_not_say_how_well_bounds_nothing(said: str | None, tmp_path: Path) -> None:
    found = timesyncd_says(said, tmp_path)
    assert found is not None and found.max_error_ns is None
    assert agreed(KEPT, found) == HostTime(True, 0, "timesyncd", found.detail)


def test_a_timesyncd_whose_server_is_lost_denies(tmp_path: Path) -> None:
    found = timesyncd_says(STATUS.replace("normal", "not synchronized"), tmp_path)
    assert found is not None and not found.synchronised


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts a script of that name on the path, ahead of all others."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def put(name: str, script: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    return put


def test_the_real_program_is_run_in_the_c_locale(
    program: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    program("chronyc", f'test "$LC_ALL $*" = "C -c -n tracking" && echo "{GOOD}"')
    assert service_time() == ServiceTime("chrony", True, 17_250_000, "192.36.143.151")


@pytest.mark.parametrize(
    "script", ["exit 1", "echo x; exit 1", "yes", "sleep 60 &", "echo half; sleep 60"], ids=str
)
def test_a_program_that_fails_floods_or_hangs_is_no_witness(
    script: str, program: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_service, "ANSWER_MAX_S", 0.2)
    program("chronyc", script)
    assert answer(("chronyc", "-c", "-n", "tracking")) is None


def test_a_program_that_is_not_there_is_no_witness() -> None:
    assert answer(("bwc-has-no-such-program",)) is None


# Together


YES = ServiceTime("chrony", True, 4 * MS, "192.0.2.1")
NO = ServiceTime("chrony", False, detail="no server that it trusts")


@pytest.mark.parametrize(
    ("kernel_says", "service_says", "found"),
    [
        (KEPT, YES, HostTime(True, 4 * MS, "chrony", "192.0.2.1")),
        (KEPT, None, HostTime(True, 20 * MS, "kernel")),
        (KEPT, NO, HostTime(False, 0, "chrony", "no server that it trusts")),
        (LEFT, YES, HostTime(False, 0, "kernel", "chrony is, and does not tell the kernel")),
        (LEFT, None, HostTime(False, 0, "kernel")),
        (SILENT, YES, HostTime(True, 4 * MS, "chrony", "192.0.2.1")),
        (SILENT, NO, HostTime(False, 0, "chrony", "no server that it trusts")),
        (SILENT, None, HostTime(None, 0)),
        (SILENT, ServiceTime("timesyncd", True, MS, needs_kernel=True), HostTime(True, 0, "timesyncd")),
    ],
)
def test_whoever_denies_is_believed(
    kernel_says: KernelTime, service_says: ServiceTime | None, found: HostTime
) -> None:
    assert agreed(kernel_says, service_says) == found


def test_a_service_that_tells_the_kernel_no_error_gets_no_bound_for_nothing() -> None:
    assert agreed(KernelTime(True, 700_000, 0), None).max_error_ns == 700_000 + NOT_TOLD_NS


def test_the_service_is_asked_again_after_a_while_and_when_the_kernel_changes_its_mind() -> None:
    asked: list[float] = []
    now, says = 0.0, KEPT

    def service() -> ServiceTime:
        asked.append(now)
        return YES

    known = HostTimes(lambda: says, service, lambda: now)
    assert known().max_error_ns == 4 * MS
    now = ASKED_AGAIN_S
    assert known().max_error_ns == 10 * MS, "it drifts, unseen, at 100 ppm"
    now += 1
    assert known().max_error_ns == 4 * MS
    says = LEFT
    assert known().synchronised is False
    assert asked == [0.0, ASKED_AGAIN_S + 1, ASKED_AGAIN_S + 1]


def test_utc_and_stopwatch_are_the_systems_in_real_time_and_the_loops_in_virtual_time() -> None:
    async def an_hour() -> tuple[int, int]:
        world = World()
        utc_ns, elapsed_ns = world.utc_ns(), world.elapsed_ns()
        await asyncio.sleep(3600)
        return world.utc_ns() - utc_ns, world.elapsed_ns() - elapsed_ns

    async def two() -> tuple[int, int]:
        return World().elapsed_ns(), World().elapsed_ns()

    assert run_virtual(an_hour()) == (pytest.approx(3600e9), pytest.approx(3600e9))
    first, then = asyncio.run(two())
    assert 0 <= then - first < 3600e9
    assert abs(World().utc_ns() - time.time_ns()) < 3600e9


def test_a_world_knows_its_host_and_a_document_says_what_is_not_known() -> None:
    assert isinstance(World().host_time(), HostTime)
    assert HostTime(None, 0).plain() == {"synchronised": None, "max_error_ns": None, "said_by": None}
    assert HostTime(True, 5, "kernel").plain() == {
        "synchronised": True,
        "max_error_ns": 5,
        "said_by": "kernel",
    }


@pytest.mark.parametrize(
    ("known", "state", "says"),
    [
        (HostTime(True, 2 * MS, "chrony", "192.0.2.1"), State.GOOD, "within 2.0 ms, says chrony (192.0.2.1)"),
        (HostTime(True, 0, "timesyncd"), State.GOOD, "how well is not known"),
        (HostTime(False, 0, "kernel"), State.WARNING, "not synchronised, says kernel"),
        (HostTime(None, 0), State.WARNING, "does not say"),
    ],
)
def test_the_doctor_tells_it_and_advises_nothing_untrue(known: HostTime, state: State, says: str) -> None:
    check = doctor_says(known)
    assert check.state is state and says in check.found
    assert (state is State.GOOD) == (not check.advice)
    assert "--source ntp" not in check.advice
    if known.synchronised is None:
        assert "--uncertainty" in check.advice


def test_a_chrony_that_does_not_tell_the_kernel_is_advised_to() -> None:
    assert "rtcsync" in doctor_says(agreed(LEFT, YES)).advice
