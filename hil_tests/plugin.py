"""The pytest plugin: one option chooses the device, the tests are the same (hil_tests/README.md).

Inert unless one of its fixtures is asked for: loading it imports nothing of the SDK.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from hil_tests.replay.fixtures import bwc_replay as bwc_replay
from hil_tests.replay.fixtures import bwc_replayed as bwc_replayed
from hil_tests.reports import metrics
from hil_tests.reports.tally import start_tally
from hil_tests.run import acting, order, wire_log
from hil_tests.run.acting import actuators as actuators
from hil_tests.run.each_device import require_one_process_each
from hil_tests.run.kinds import ANY_DEVICE, only_of_its_kind
from hil_tests.run.kinds import station_hands as station_hands
from hil_tests.run.losing import find, losing
from hil_tests.run.neighbours import bwc_other_camera as bwc_other_camera
from hil_tests.run.neighbours import bwc_station_bench as bwc_station_bench
from hil_tests.run.neighbours import station as station
from hil_tests.run.neighbours import two_cameras as two_cameras
from hil_tests.run.order import DESTROYS, FAILS_A_HANDSHAKE, draw_seed
from hil_tests.run.running import READ_ONLY, RUNS, begin_runs, is_on_device, let_devices_go
from hil_tests.run.spare import failing_wire as failing_wire
from hil_tests.run.spare import new_wire as new_wire
from hil_tests.run.spare import spare_wire as spare_wire
from hil_tests.run.under_test import DEFAULT_DEVICE, UnderTest, choose_devices
from hil_tests.run.until import set_end, why_too_late
from hil_tests.states.marks import WANTED

if TYPE_CHECKING:
    from bwc_protocol.declare import Role
    from bwc_sdk.sync import SyncCamera
    from hil_tests.device.bench import Bench
    from hil_tests.raw.wire import Wire
    from hil_tests.run.measuring import Measure

pytest_plugins: Final = (
    "hil_tests.labgrid.place",
    "hil_tests.run.each_device",
    "hil_tests.reports.html_page",
    "hil_tests.run.losing",
    "hil_tests.reports.metrics",
    "hil_tests.run.one_test",
    "hil_tests.run.order",
    "hil_tests.states.marks",
    "hil_tests.reports.tally",
    "hil_tests.run.wire_log",
)

STACK: Final = "bwc_stack"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bwc", "body-worn cameras")
    group.addoption(
        "--bwc-device",
        metavar="URI",
        default=None,
        help="the device under test, such as serial:/dev/ttyACM0 (default: that of the bench file, or of the target "
        f"'main' of --lg-env FILE, which is labgrid:main, or a simulated camera, {DEFAULT_DEVICE}); the environment is "
        "not looked at, so that a bench never tests another by mistake",
    )
    group.addoption(
        "--bwc-bench",
        metavar="FILE",
        type=Path,
        default=None,
        help="a bench file (TOML): devices by name, who they are, and what may be done to them; the other options "
        "go before what it says",
    )
    group.addoption(
        "--bwc-use",
        metavar="NAME,NAME",
        default=None,
        help="which devices of the bench file are under test, each with all tests: names, or 'all' (default: the only "
        "one)",
    )
    group.addoption(
        "--bwc-until",
        metavar="06:00",
        default=None,
        help="let no test begin after this time of the day, by this host's time zone; what is left is skipped",
    )
    group.addoption(
        "--bwc-expendable",
        metavar="IDENTITY",
        default=None,
        help="allow tests that change a real device, if its identity is exactly this; "
        "without it only tests marked bwc_read_only run on anything that is no simulator",
    )
    group.addoption(
        "--bwc-identity",
        metavar="DIR",
        type=Path,
        default=None,
        help="the directory with this bench's key files, one a role (default: the lab of this host, which only devices "
        "of that lab take); the environment is not looked at",
    )
    group.addoption(
        "--bwc-insecure",
        action="store_true",
        help="speak without protection, to a simulator or development firmware; marks the report",
    )
    group.addoption(
        "--bwc-control",
        metavar="FILE",
        type=Path,
        default=None,
        help="where the device under test takes its buttons from, as in 'bwc sim --control FILE': the test of "
        "enrolment presses one, on a factory-new device",
    )
    group.addoption(
        "--bwc-capture",
        metavar="DIR",
        type=Path,
        default=None,
        help="write a capture file for each connection of each test into this directory ('bwc decode' prints it)",
    )
    group.addoption(
        "--bwc-report",
        metavar="DIR",
        type=Path,
        default=None,
        help="write a verdict on each rule of the specification into this directory, as JSON and as a page "
        "('bwc conformance' does no more)",
    )
    group.addoption(
        "--bwc-only",
        metavar="LNK,CHN",
        default="",
        help="with --bwc-report: only the tests of these families of rules, or of single ones such as LNK-003",
    )
    group.addoption(
        "--bwc-strict",
        action="store_true",
        help="with --bwc-report: what a device should do counts as what it must do",
    )
    acting.add_options(group)
    order.add_options(group)
    wire_log.add_options(group)
    metrics.add_options(group)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", f"{READ_ONLY}: changes nothing on the device, and connects as auditor; runs on any device"
    )
    # Told, also where a project makes errors of warnings: else a bench would stop two weeks before it has to.
    config.addinivalue_line("filterwarnings", "default::hil_tests.device.ending.EndsSoon")
    config.addinivalue_line(
        "markers",
        "rule(number, ..., level='MUST'): guards these rules of the specification ('bwc spec'); what is broken at the "
        "level 'SHOULD' or 'INFO' warns",
    )
    config.addinivalue_line(
        "markers",
        f"{FAILS_A_HANDSHAKE}: makes one fail, of which a device takes five, and one more every 10 s (TRU-009); "
        "many=True: as many as it takes, and runs behind the others",
    )
    config.addinivalue_line("markers", f"{ANY_DEVICE}: is as much about docking stations as about cameras")
    config.addinivalue_line(
        "markers", f"{acting.RESTARTS}: makes the device restart without a word to it, by hands of its own"
    )
    config.addinivalue_line("markers", f"{STACK}: one of the few that are enough to try a link to a device")
    config.addinivalue_line(
        "markers",
        f"{DESTROYS}: takes all footage of the device, or its service for a while; runs last, and only on the device "
        "that --bwc-expendable names, also where that is a simulator",
    )
    draw_seed(config)
    choose_devices(config)
    require_one_process_each(config)
    begin_runs(config)
    wire_log.begin_logs(config)
    start_tally(config)
    set_end(config)
    if config.getoption("--bwc-report") is not None:
        from hil_tests.conformance.starting import start_report

        start_report(config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if ours := [item for item in items if is_on_device(item)]:
        from hil_tests.judging.rules import require_known

        require_known(ours)


def pytest_unconfigure(config: pytest.Config) -> None:
    let_devices_go(config)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    if late := why_too_late(item.config):
        from hil_tests.verdicts import not_tested

        not_tested(late)
    with _of_this_device(item):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    with _of_this_device(item):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    with _of_this_device(item):
        yield


@contextmanager
def _of_this_device(item: pytest.Item) -> Iterator[None]:
    """A test that needs a command which the device under test does not have is not about this device."""
    try:
        yield
    except Exception as error:
        if "bwc_bench" not in getattr(item, "fixturenames", ()):
            raise
        from hil_tests.device.absent import skip_what_the_bench_lacks, why_not_applicable
        from hil_tests.verdicts import not_applicable

        skip_what_the_bench_lacks(error)
        why = why_not_applicable(error)
        if not why:
            raise
        not_applicable(why)


@pytest.fixture(scope="session")
def bwc_bench(request: pytest.FixtureRequest, bwc_under_test: UnderTest) -> Iterator[Bench]:
    """The device under test and what may be done to it; found out once, by connecting as an auditor."""
    run = request.config.stash[RUNS][bwc_under_test.name]
    bench = run.new_bench()
    if bench.captures is not None:
        bench.captures.mkdir(parents=True, exist_ok=True)
    find(run, bench, request.config)
    run.bench = bench
    yield bench
    bench.close()


@pytest.fixture
def bwc_guarded(
    request: pytest.FixtureRequest, bwc_under_test: UnderTest, bwc_bench: Bench
) -> Iterator[Bench]:
    """The bench for one test: skips what the device must be spared, and leaves it as it was found, healthy."""
    from hil_tests.states.realise import prepare
    from hil_tests.verdicts import not_tested

    only_of_its_kind(request, bwc_bench)
    if not bwc_bench.may_change and not _reads_only(request):
        not_tested(bwc_bench.why_not_changed)
    if request.node.get_closest_marker(DESTROYS) is not None and not bwc_bench.may_destroy:
        not_tested(
            f"--bwc-expendable does not name {bwc_bench.identity}, and this test takes its footage or service"
        )
    request.node.user_properties.extend(bwc_bench.facts())
    bwc_bench.begin(request.node.name)
    with losing(request.config.stash[RUNS][bwc_under_test.name], bwc_bench):
        prepared = prepare(request, bwc_under_test, bwc_bench)
    yield bwc_bench
    request.node.user_properties.append(bwc_bench.used())
    bwc_bench.hang_up()
    with losing(request.config.stash[RUNS][bwc_under_test.name], bwc_bench):
        prepared.give_back(bwc_bench)
        bwc_bench.leave_as_found(
            reads_only=_reads_only(request), may_restart=acting.may_have_restarted(request.node)
        )


def _reads_only(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker(READ_ONLY) is not None


@pytest.fixture
def connect_as(
    request: pytest.FixtureRequest, bwc_under_test: UnderTest, bwc_guarded: Bench
) -> Callable[[Role], SyncCamera]:
    """Connects under a role of the test's choice; one host at a time: close one before the next.

    A test marked `bwc_read_only` has no choice: whatever it connects as besides an auditor fails it, on a
    simulator as on hardware.
    """
    reads_only = _reads_only(request)

    def connect(role: Role) -> SyncCamera:
        if reads_only and role != bwc_guarded.role(reads_only=True):
            pytest.fail(f"a test marked {READ_ONLY} connects as auditor, and not as {role}", pytrace=False)
        with losing(request.config.stash[RUNS][bwc_under_test.name], bwc_guarded):
            return bwc_guarded.connect(role)

    return connect


@pytest.fixture
def camera(
    request: pytest.FixtureRequest, connect_as: Callable[[Role], SyncCamera], bwc_guarded: Bench
) -> Iterator[SyncCamera]:
    """The camera, connected under the role `bench`; as an auditor for a test marked `bwc_read_only`.

    After the test the connection must still be there: use `connect_as` in a test that ends it.
    """
    camera = connect_as(bwc_guarded.role(reads_only=_reads_only(request)))
    yield camera
    from hil_tests.verdicts import require_healthy

    streams = camera.device.status().streams
    require_healthy(streams == 0, f"{streams} streams are still open on the device")


@pytest.fixture
def bwc_device(bwc_guarded: Bench) -> str:
    """The device's URI, for tests that connect by themselves."""
    return bwc_guarded.uri


@pytest.fixture
def wire(request: pytest.FixtureRequest, bwc_under_test: UnderTest) -> Iterator[Wire]:
    """The way to the device beneath the SDK: pipes, links and sessions in which a test says anything.

    For a test marked `bwc_read_only` the device need not be able to do more than its link: nobody asks it who it is,
    unless a bench file expects somebody there.
    """
    from bwc_protocol.declare import Role
    from hil_tests.raw.transcript import TRANSCRIPT, Transcript
    from hil_tests.raw.wire import Wire

    reads_only = _reads_only(request)
    if not reads_only or WANTED in request.node.stash:
        request.getfixturevalue("bwc_guarded")
    device = bwc_under_test
    if device.expected is not None:
        request.getfixturevalue("bwc_bench")  # nothing is said to another device than the bench file's
    transcript = request.node.stash[TRANSCRIPT] = Transcript()
    wire = Wire(
        device.uri,
        identities=device.identity,
        insecure=device.insecure,
        role=Role.AUDITOR if reads_only else Role.BENCH,
        transcript=transcript,
    )
    yield wire
    wire.close()


@pytest.fixture
def measure(request: pytest.FixtureRequest) -> Measure:
    """`measure("connect time", 0.4, "s", at_most=15)`: a value for the report; beyond a limit the test fails."""
    from hil_tests.run.measuring import measure_for

    return measure_for(request.node)


@pytest.fixture
def dock_store(tmp_path: Path) -> Path:
    """An empty destination for an offload."""
    store = tmp_path / "store"
    store.mkdir()
    return store
