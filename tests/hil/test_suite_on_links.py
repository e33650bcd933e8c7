"""The HIL suite passes on a simulated camera over every link, started in another process as by hand."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.tiers import seeds

FIRST_LINE_S = 30.0
SUITE_S = 240
"""On a machine that does ten other things; alone it takes about twenty seconds."""
IMPATIENT = """
import sys
import firmware_sim.device.trust.admission as admission
admission.FAILURE_EVERY_S = admission.LEFT_EVERY_S = 0.01
"""
"""A device takes one more handshake that fails every 10 s, and one that is left every second; the suite makes many fail
and leaves more: it would do little but wait (TRU-009, which has tests of its own in virtual time)."""
SERVE = f"{IMPATIENT}from bwc_sdk.__main__ import main; sys.exit(main(sys.argv[1:]))"
SUITE = f"{IMPATIENT}import pytest; sys.exit(pytest.main(sys.argv[1:]))"
ONCE = "ten_seconds"
"""What waits for as long over every link, and is tried on one."""

pytestmark = pytest.mark.timeout(300)


def sample(value: str) -> object:
    """One of several ways that are much alike: one runs everywhere, others in CI."""
    return pytest.param(value, marks=pytest.mark.ci)


def rest(value: str) -> object:
    """One more of them, whose parts the others have between them: at night."""
    return pytest.param(value, marks=pytest.mark.night)


@contextmanager
def simulator(listen: str, *options: str) -> Iterator[str]:
    """A simulated device in a process of its own; gives the URI at which it is reached."""
    with serving("sim", "--recordings", "4", "--listen", listen, *options) as uri:
        yield uri


@contextmanager
def serving(*argv: str) -> Iterator[str]:
    """A verb of `bwc` that serves, in a process of its own; gives the URI that it prints."""
    command = [sys.executable, "-c", SERVE, *argv]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        uri = process.stdout.readline().strip()
        assert uri, f"'bwc {argv[0]}' ended with {process.wait(FIRST_LINE_S)}"
        yield uri
        assert process.poll() is None, f"'bwc {argv[0]}' did not survive the suite"
    finally:
        process.send_signal(signal.SIGINT)
        status = process.wait(FIRST_LINE_S)
        assert process.stdout is not None
        process.stdout.close()
    assert status == 0


def run_suite(where: Path, *options: str, chosen: str = f"not {ONCE}") -> str:
    """What the suite's last line says; `ONCE` is left out unless other tests are chosen."""
    return suite_lines(where, *options, chosen=chosen)[-1]


LINK_RULES = "test_frm or test_lnk or test_chn"
"""What waits for timers of the link, and is tried in `test_defects`."""
BOUNDS = "after_five_failed or handshakes_that_are_left"
"""What an impatient device does not keep to (TRU-009, TRU-013), and is tried in `test_defects` on another."""
BUS_AND_AIR = "test_usb or test_ble.py"
"""What shows on one kind of link alone; `test_suite_on_the_bus_and_in_the_air` has it."""
LEFT_OUT = f"{LINK_RULES} or {BOUNDS} or {BUS_AND_AIR}"
UPPER_RULES = " or ".join(
    f"test_{layer}.py"
    for layer in (
        *("ses", "msg", "str", "cfg", "clk", "rec", "rec_released", "aud", "cer", "doc", "tru"),
        *("sta", "sta_hands", "sta_verdicts"),
    )
)
"""What says the same over every link: left out of those that are slow here."""
WITHOUT_RULES = f"not ({ONCE} or {UPPER_RULES})"


def suite_lines(
    where: Path, *options: str, chosen: str = "test", left_out: str = LEFT_OUT, status: int = 0
) -> list[str]:
    """What the suite prints, run from a folder that is not the project's; it ends with `status`.

    All of what is `chosen` is run, but what is left out."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            SUITE,
            "--pyargs",
            "hil_tests",
            "-q",
            "-p",
            "no:cacheprovider",
            "--bwc-seed=0",
            "-k",
            f"({chosen}) and not ({left_out})",
            *options,
        ],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SUITE_S,
        check=False,
    )
    assert done.returncode == status, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout.strip().splitlines()


ENROLMENT = 1
"""Tests that are skipped on a device that belongs to somebody already."""
DESTROYING = 5
"""Tests that are skipped unless the device is named as expendable, a simulator, too."""
OF_CERTIFICATES = 48
"""Tests that are skipped where there are none: of signatures, receipts, keys and who may what."""


IN_SERVICE = 1
"""Tests that are skipped on a device that its agency enrolled for tests, or that is a lab's."""
IN_THE_OPEN = 10
"""Tests that are skipped where a session is protected: of the records of one that is not."""


ALONE = 2
"""Tests that are skipped where there is no other camera."""
BY_HAND = 3
"""Tests that are skipped where nothing but the link acts on the device: of its power."""


OF_STATIONS = 26
"""Tests that are skipped on a camera: of bays, and of what passes through a station."""


WITH_EVIDENCE = 1
"""Tests that are skipped where a device states that nothing on it is evidence: of what only others must not do."""


FOR_GOOD = 35
"""Tests that leave on a device what nobody takes back, and so take a simulator of the suite's own process."""


OF_OLDER_ONES = 2
"""Tests that are skipped on a device of the newest version: of what came later than the one that it speaks."""


BEFORE_PROTECTION = 1
"""One of those in the open that is tried over slow links as well, and skipped: of versions before protection."""


SEVERAL_PIPES = 3
"""Tests, at most, that are skipped where a line is one pipe: they need another beside it."""


def check(
    summary: str,
    *,
    skipped: int = ENROLMENT
    + DESTROYING
    + IN_THE_OPEN
    + IN_SERVICE
    + BY_HAND
    + ALONE
    + OF_STATIONS
    + FOR_GOOD,
    one_pipe: bool = False,
) -> None:
    passed = re.search(r"(\d+) passed", summary)
    assert passed is not None
    assert int(passed[1]) >= 110, summary
    told = re.search(r"(\d+) skipped", summary)
    more = (int(told[1]) if told else 0) - skipped - WITH_EVIDENCE - OF_OLDER_ONES
    assert 0 <= more <= SEVERAL_PIPES * one_pipe, "on the simulator every other test runs"


@pytest.mark.ci
def test_without_protection_on_development_firmware(tmp_path: Path) -> None:
    with simulator("tcp:127.0.0.1:0", "--insecure") as uri:
        lines = suite_lines(tmp_path, "--bwc-insecure", "--bwc-device", uri, chosen=f"not {ONCE}")
    check(
        lines[-1],
        skipped=ENROLMENT
        + DESTROYING
        + OF_CERTIFICATES
        + IN_SERVICE
        + BY_HAND
        + ALONE
        + OF_STATIONS
        + FOR_GOOD,
    )
    assert any("INSECURE session" in line for line in lines)


def test_in_memory_without_any_option(tmp_path: Path) -> None:
    check(suite_lines(tmp_path)[-1], skipped=DESTROYING + IN_THE_OPEN + IN_SERVICE + OF_STATIONS)


@pytest.mark.night
@pytest.mark.parametrize("seed", seeds(1)[1:6])
def test_in_memory_in_any_order(seed: int, tmp_path: Path) -> None:
    check(
        suite_lines(tmp_path, f"--bwc-seed={seed}")[-1],
        skipped=DESTROYING + IN_THE_OPEN + IN_SERVICE + OF_STATIONS,
    )


def test_a_factory_new_simulator_is_enrolled_by_its_button_and_then_tested_as_any(tmp_path: Path) -> None:
    hands = tmp_path / "hands"
    os.mkfifo(hands)
    with serving("sim", "--unenrolled", "--control", str(hands), "--listen", "tcp:127.0.0.1:0") as uri:
        lines = suite_lines(
            tmp_path,
            *("--bwc-device", uri, "--bwc-control", str(hands)),
            chosen="enrolment or identity or trust",
        )
    assert "passed" in lines[-1] and "skipped" not in lines[-1]
    assert any("LAB session" in line for line in lines)


@pytest.mark.parametrize("bay", [sample("3"), rest("")])
def test_hands_at_a_simulator_take_its_power_and_its_cable(bay: str, tmp_path: Path) -> None:
    hands = tmp_path / "hands"
    os.mkfifo(hands)
    words = ("--control", str(hands), *(("--station", "4") if bay else ()))
    with simulator("tcp:127.0.0.1:0", *words) as uri:
        options = ("--bwc-device", f"{uri}?bay={bay}" if bay else uri, "--bwc-control", str(hands))
        lines = suite_lines(tmp_path, *options, chosen="test_power_loss")
    assert f"{BY_HAND} passed" in lines[-1] and "skipped" not in lines[-1]


@pytest.mark.night
def test_on_a_simulator_that_was_started_by_hand_without_options(tmp_path: Path) -> None:
    with serving("sim") as uri:
        check(run_suite(tmp_path, "--bwc-device", uri))


@pytest.mark.night
@pytest.mark.parametrize("listen", ["tcp:127.0.0.1:0", "pty", "usbip:127.0.0.1:0"])
def test_on_a_simulator_in_another_process(listen: str, tmp_path: Path) -> None:
    with simulator(listen) as uri:
        check(run_suite(tmp_path, "--bwc-device", uri), one_pipe=not listen.startswith("tcp"))


@pytest.mark.parametrize("listen", [sample("tcp:127.0.0.1:0"), rest("pty"), rest("usbip:127.0.0.1:0")])
def test_in_a_bay_of_a_docking_station(listen: str, tmp_path: Path) -> None:
    with in_a_bay(listen) as uri:
        check(
            run_suite(tmp_path, "--bwc-device", uri, chosen=WITHOUT_RULES),
            skipped=ENROLMENT + DESTROYING + BY_HAND + ALONE + BEFORE_PROTECTION,
        )


@pytest.mark.night
def test_on_a_serial_port_behind_a_bridge(tmp_path: Path) -> None:
    with behind_a_bridge() as uri:
        check(run_suite(tmp_path, "--bwc-device", uri), one_pipe=True)


@pytest.mark.parametrize("listen", ["pty", rest("tcp:127.0.0.1:0")])
def test_a_device_with_small_frames_and_small_chunks(listen: str, tmp_path: Path) -> None:
    """As a small one on a UART has them: frames of 1 KiB cost it 5 %, and the specification advises them. It is
    expendable, so that its footage and its service are taken as well."""
    with simulator(
        listen, "--frame-bytes", "1024", "--chunk-bytes", "4096", "--mib", "1", "--seed", "7"
    ) as uri:
        options = ("--bwc-device", uri, "--bwc-expendable", "SIM-00000007")
        check(
            run_suite(tmp_path, *options),
            skipped=ENROLMENT + IN_THE_OPEN + IN_SERVICE + BY_HAND + ALONE + OF_STATIONS + FOR_GOOD,
            one_pipe=True,
        )


@pytest.mark.night
def test_by_radio_through_bleak(tmp_path: Path) -> None:
    with by_radio() as uri:
        summary = run_suite(tmp_path, "--bwc-device", uri, chosen=WITHOUT_RULES)
        check(summary, skipped=ENROLMENT + DESTROYING + BY_HAND + ALONE + BEFORE_PROTECTION, one_pipe=True)


@contextmanager
def in_a_bay(listen: str) -> Iterator[str]:
    """A camera in the third bay of a station."""
    with simulator(listen, "--station", "4") as uri:
        yield f"{uri}{'&' if '?' in uri else '?'}bay=3"


@contextmanager
def behind_a_bridge() -> Iterator[str]:
    """A camera on a serial port that a bridge passes on."""
    with simulator("pty") as device, serving("bridge", "--device", device) as uri:
        yield uri


def by_radio() -> AbstractContextManager[str]:
    """A camera that is heard through bleak."""
    camera = ("sim", "--recordings", "4", "--mib", "1", "--set", "radio.ble_docked=full")
    return serving(*camera, "--listen", "ble:tcp-server:127.0.0.1:0")


@pytest.mark.ci
@pytest.mark.parametrize(
    "reached",
    [
        pytest.param(lambda: simulator("usbip:127.0.0.1:0"), id="usb"),
        pytest.param(lambda: in_a_bay("usbip:127.0.0.1:0"), id="bay"),
        pytest.param(behind_a_bridge, id="bridge"),
        pytest.param(by_radio, id="radio"),
    ],
)
def test_the_few_that_are_enough_to_try_a_link_over_each_other_one(
    reached: Callable[[], AbstractContextManager[str]], tmp_path: Path
) -> None:
    """The whole suite over each is night's work."""
    with reached() as uri:
        summary = run_suite(tmp_path, "--bwc-device", uri, "-m", "bwc_stack")
    assert "skipped" not in summary
    passed = re.search(r"(\d+) passed", summary)
    assert passed is not None and int(passed[1]) >= 14, summary


@pytest.mark.parametrize("faults", ["drop=0.02,cut@1000000", rest("drop=0.02,flip=1e-6,cut%4000000")])
def test_footage_through_a_poor_cable_is_no_failure_of_a_healthy_camera(faults: str, tmp_path: Path) -> None:
    with simulator("tcp:127.0.0.1:0", "--faults", faults) as uri:
        summary = run_suite(tmp_path, "--bwc-device", uri, chosen="test_offload")
    assert "passed" in summary
    assert "skipped" not in summary


@pytest.mark.night
def test_on_a_docking_station_itself_whose_cameras_somebody_takes_out(tmp_path: Path) -> None:
    """What is about cameras is not about it; bays come and go by lines that the suite writes."""
    hands = tmp_path / "hands"
    os.mkfifo(hands)
    options = ("--station", "3", "--mib", "1", "--footage", "synthetic", "--control", str(hands))
    with simulator("tcp:127.0.0.1:0", *options) as uri:
        lines = suite_lines(
            tmp_path, "--bwc-device", uri, "--bwc-control", str(hands), "-rs", chosen=f"not {ONCE}"
        )
    passed = re.search(r"(\d+) passed", lines[-1])
    assert passed is not None and int(passed[1]) >= 90, lines[-1]
    assert any("another way to a camera in a bay" in line for line in lines), "that takes a cable beside it"
    assert not any("it takes hands" in line for line in lines)
    assert any("SimDock 1 DOCK-" in line for line in lines)
