"""The device in C is a camera to the SDK: over TCP and a pty, with ASan and UBSan, and on an emulated Cortex-M3."""

import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bwc_protocol.frame import Frame, FrameType
from bwc_sdk import AuditKind, ClockReason, ClockState, Role, TimeSource
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect as connect_async
from bwc_sdk.offload import offload
from bwc_sdk.sync import SyncCamera, SyncOffloadJob, connect
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from tests.tiers import times
from tools.testkit.beneath import Beneath

Build = Callable[[str], Path]
BOARDS = ("tcp", "pty", "cortex-m3")
SUITE_S = 280
LINES_MAX = 5
"""qemu says a word or two before it says where its serial port is."""

pytestmark = pytest.mark.timeout(300)  # on two busy cores; alone a test takes some seconds


@dataclass(frozen=True, slots=True)
class Started:
    """A camera that runs, and where."""

    uri: str
    process: subprocess.Popen[str]


@contextmanager
def started(*command: str | Path) -> Iterator[Started]:
    """Until the end of the block."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    try:
        lines: list[str] = []
        while len(lines) < LINES_MAX and process.poll() is None:
            lines.append(process.stdout.readline().strip())
            if found := re.search(r"(tcp:\S+|serial:\S+)|redirected to (\S+)", lines[-1]):
                yield Started(found[1] or f"serial:{found[2]}", process)
                break
        else:
            raise AssertionError(f"it did not say where it is: {lines}")
        assert process.poll() is None, process.stdout.read()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()


def on_board(build: Build, board: str, *options: str) -> tuple[str | Path, ...]:
    """How a camera is started."""
    match board:
        case "tcp":
            return build("smallest_checked"), "--tcp", "0", *options
        case "pty":
            return build("smallest_checked"), "--pty", *options
        case _:
            for program in ("qemu-system-arm", "arm-none-eabi-gcc"):
                if shutil.which(program) is None:
                    pytest.skip(f"there is no {program} here")
            emulated = ("qemu-system-arm", "-M", "lm3s6965evb", "-display", "none", "-monitor", "none")
            return *emulated, "-serial", "pty", "-kernel", build("bwc_cortex_m3.elf")


def connected(uri: str, role: Role = Role.BENCH) -> SyncCamera:
    return connect(uri, role=role, allow_insecure=True)


@pytest.fixture(scope="module", params=BOARDS)
def camera_in_c(build: Build, request: pytest.FixtureRequest) -> Iterator[str]:
    """Its URI."""
    with started(*on_board(build, request.param)) as camera:
        yield camera.uri


def test_bwc_info_shows_it(camera_in_c: str) -> None:
    command = [sys.executable, "-m", "bwc_sdk", "info", "--json", "--allow-insecure", "--device", camera_in_c]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    shown = json.loads(done.stdout)
    assert shown["identity"]["model"] == "Smallest" and shown["identity"]["simulator"]
    assert {"lab", "simulator"} <= set(shown["capabilities"]["capabilities"])
    assert shown["session"]["protection"] == "none" and not shown["remarks"]


def test_it_is_provisioned_and_says_so_in_its_log(camera_in_c: str) -> None:
    with connected(camera_in_c) as camera:
        head = camera.audit.head()
        found = camera.clock.sync(
            reason=ClockReason.BENCH, source=TimeSource.PTP, host_uncertainty_ns=1_000_000
        )
        assert camera.clock.read().state is ClockState.SYNCED
        assert abs(found.after.offset_ns) <= found.uncertainty_ns + found.after.uncertainty_ns
        was = camera.config.values()
        changed = {"policy.id": "bench-4", "recording.pre_event_s": 120, "recording.resolution": "1080p"}
        after = camera.config.apply(changed)
        assert camera.config.values() == was | changed
        camera.config.apply({key: was[key] for key in changed})
        assert camera.config.values() == was
        kinds = [entry.kind for entry in camera.audit.entries(after=head.sequence)]  # which it chains
        assert kinds == [AuditKind.CLOCK_SET, AuditKind.CONFIG_APPLIED, AuditKind.CONFIG_APPLIED]
        assert camera.config.state().revision == after.revision + 1


def test_it_gives_its_footage(camera_in_c: str, tmp_path: Path) -> None:
    async def dock() -> Camera:
        return await connect_async(camera_in_c, role=Role.DOCK_OFFLOAD, allow_insecure=True)

    result = SyncOffloadJob(offload(dock, tmp_path)).run()
    assert result.complete and len(result.outcomes) == 2
    stored = sorted(tmp_path.glob("*.mp4"))
    assert [path.read_bytes() for path in stored] == [Path("protocol/c/boards/footage.mp4").read_bytes()] * 2


def test_what_it_keeps_outlives_its_power(build: Build, tmp_path: Path) -> None:
    command = on_board(build, "tcp", "--state", str(tmp_path))
    with started(*command) as first, connected(first.uri) as camera:
        camera.config.apply({"recording.pre_event_s": 60})
        camera.clock.sync(reason=ClockReason.FIRST_SET, source=TimeSource.PTP, host_uncertainty_ns=1_000)
        boots, head = camera.device.status().boot_counter, camera.audit.head()
    with started(*command) as second, connected(second.uri) as camera:
        assert camera.device.status().boot_counter == boots + 1
        assert camera.config.values()["recording.pre_event_s"] == 60
        assert camera.clock.read().state is ClockState.UNSET, "it has no battery for its clock"
        entries = list(camera.audit.entries(after=head.sequence - 1))
        assert entries[0].sha256 == head.sha256, "the log goes on where it was"
        assert AuditKind.BOOT in {entry.kind for entry in entries}


def test_its_log_is_bounded_and_says_what_it_dropped(build: Build) -> None:
    with started(*on_board(build, "tcp")) as running:
        for _ in range(300):  # two entries each, where 512 fit
            connected(running.uri, Role.AUDITOR).close()
        with connected(running.uri, Role.AUDITOR) as camera:
            entries = list(camera.audit.entries())
    assert entries[0].sequence > 1 and len(entries) < 512
    assert AuditKind.PRUNED in {entry.kind for entry in entries}


def test_it_lives_on_a_pipe_that_loses_frames(build: Build, tmp_path: Path) -> None:
    """Every seventh frame of either way: it sends again what is under way, and takes for it what comes twice."""
    passed = itertools.count()

    def lose(way: str, frame: Frame) -> Frame | None:
        return None if frame.type in (FrameType.DATA, FrameType.ACK) and next(passed) % 7 == 6 else frame

    async def dock() -> Camera:
        beneath = Beneath(transport_for(DeviceUri.parse(running.uri)))
        beneath.change = lose
        return await connect_async(beneath, role=Role.DOCK_OFFLOAD, allow_insecure=True)

    with started(*on_board(build, "tcp")) as running:
        result = SyncOffloadJob(offload(dock, tmp_path)).run()
    assert result.complete and result.reconnections == 0
    assert next(passed) > 100


def sounds(uri: str, where: Path, *options: str) -> str:
    """What the HIL suite says of a device that breaks none of its rules, and whose clock is set."""
    with connected(uri) as camera:
        camera.clock.sync(reason=ClockReason.BENCH, source=TimeSource.PTP, host_uncertainty_ns=1_000_000)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", "--pyargs", "hil_tests", "-q", "-rs", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--bwc-seed=0", "--bwc-device", uri, "--bwc-insecure", *options],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SUITE_S,
        check=False,
    )
    told = "\n".join(line for line in done.stdout.splitlines() if not line.startswith("SKIPPED"))
    assert done.returncode == 0, told[-6000:] + done.stderr[-2000:]
    assert "not applicable: the device has no recordings.hold" in done.stdout
    return done.stdout


def passed(said: str) -> int:
    """How many of its tests."""
    found = re.search(r"(\d+) passed", said)
    assert found
    return int(found[1])


def test_the_hil_suite_passes_on_it(build: Build, tmp_path: Path) -> None:
    """Rules about commands that it does not have are not about it; the others hold. Those that are tried by a raw host
    wait for what must not come, so that they are for the next tier."""
    with started(*on_board(build, "tcp")) as running:
        assert passed(sounds(running.uri, tmp_path, "--ignore-glob", "*/rules/*")) >= 70


@pytest.mark.ci
def test_the_whole_hil_suite_passes_on_it(build: Build, tmp_path: Path) -> None:
    with started(*on_board(build, "tcp")) as running:
        assert passed(sounds(running.uri, tmp_path)) >= 190


@pytest.mark.parametrize(
    ("options", "least"),
    [
        pytest.param(("--ignore-glob", "*/rules/*"), 70, marks=pytest.mark.ci, id="but for rules"),
        pytest.param((), 190, marks=pytest.mark.night, id="whole"),
    ],
)
def test_the_hil_suite_passes_on_the_emulated_board(
    build: Build, tmp_path: Path, options: tuple[str, ...], least: int
) -> None:
    """By TCP into its UART: to a pty qemu looks once a second, and the suite connects hundreds of times."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )  # qemu's end has it, too: it sends byte by byte
        uart = f"socket,id=uart,fd={listener.fileno()},server=on,wait=off"
        *emulated, _, _, kernel, firmware = on_board(build, "cortex-m3")
        command = [*emulated, "-chardev", uart, "-serial", "chardev:uart", kernel, firmware]
        process = subprocess.Popen(command, pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL)
        try:
            said = sounds(f"tcp:127.0.0.1:{listener.getsockname()[1]}", tmp_path, *options)
            assert passed(said) >= least
            assert process.poll() is None
        finally:
            process.kill()
            process.wait()


def test_each_defect_breaks_a_rule_that_there_is(build: Build) -> None:
    listed = subprocess.run(
        [build("smallest_checked"), "--defect", "list"], capture_output=True, text=True, check=False
    )
    defects = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    assert len(defects) >= 30
    specification = Path("protocol/README.md").read_text(encoding="utf-8")
    code = "".join(path.read_text(encoding="utf-8") for path in Path("protocol/c/core").glob("*.c"))
    for name, rule, what in defects:
        assert f"**{rule}**" in specification and what, name
        assert f"DEFECT({name})" in code, name


def test_nonsense_of_every_layer_breaks_nothing(build: Build) -> None:
    """Of a seed, under ASan and UBSan; `make fuzz` goes on for longer."""
    program, inputs = build("fuzz"), str(times(400))
    done = subprocess.run([program, "7", inputs], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout == f"{inputs} inputs\n"
