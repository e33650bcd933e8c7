"""The HIL suite on a device that labgrid has: the same tests, by the place, with the lab's own switches and keys."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.testkit.labgrid_bench import LabgridBench

pytestmark = [pytest.mark.ci, pytest.mark.timeout(240)]

Serve = Callable[..., Path]
DOCS = Path(__file__).parents[2] / "docs" / "labgrid"
PLACE = str(DOCS / "place.yaml")
SOME = ("--pyargs", "hil_tests", "-k", "test_battery or test_identity or test_recordings")

IN_THE_MIDDLE = """
import os, signal, time

def test_before(camera):
    assert camera.device.status().docked

def test_while_the_exporter_dies(camera):
    os.kill({process}, signal.SIGKILL)
    for _ in range(600):
        camera.device.status()
        time.sleep(0.05)
    raise AssertionError("nothing was noticed")

def test_after(camera):
    assert camera.device.status().docked
"""


def test_the_same_tests_by_a_place(bench: LabgridBench) -> None:
    bench.export(DOCS / "exporter.yaml")
    bench.place("cam1", "cellar/practice/*")
    bench.acquire("cam1")
    said = bench.suite(*SOME, "--lg-env", PLACE)
    assert re.search(
        r"tcp:127\.0\.0\.1:\d+: SimCam 1 SIM-00000007, firmware .*, simulator, LAB session", said
    )
    assert "by labgrid: target main, place cam1, tcp:127.0.0.1:" in said
    came_to = bench.outcomes()
    assert len(came_to) > 8 and {*came_to.values()} <= {"passed", "not tested", "not applicable"}, came_to
    assert list(came_to.values()).count("passed") > 6


def test_an_exporter_that_dies_is_infra_and_no_failure(bench: LabgridBench) -> None:
    exporter = bench.export(DOCS / "exporter.yaml")
    bench.place("cam1", "cellar/practice/*")
    bench.acquire("cam1")
    (bench.folder / "test_night.py").write_text(IN_THE_MIDDLE.format(process=exporter.process.pid))
    said = bench.suite("test_night.py", "--lg-env", PLACE, fails=True)
    assert bench.outcomes() == {"test_before": "passed", "test_while_the_exporter_dies": "INFRA"}, said
    assert "DEAD, and its other tests were not run" in said


def test_who_has_not_the_place_tests_nothing(bench: LabgridBench) -> None:
    bench.export(DOCS / "exporter.yaml")
    bench.place("cam1", "cellar/practice/*")
    bench.acquire("cam1")
    (bench.folder / "test_night.py").write_text("def test_reads(camera): ...\n")
    said = bench.suite("test_night.py", "--lg-env", PLACE, fails=True, LG_USERNAME="somebody")
    assert {*bench.outcomes().values()} == {"INFRA"}
    assert "acquired by night" in said and "labgrid-client who" in said

    bench.exporter.kill()
    said = bench.suite("test_night.py", "--lg-env", PLACE, fails=True)
    assert {*bench.outcomes().values()} == {"INFRA"}
    assert "place cam1 has an orphaned resource" in said and "is its exporter running" in said

    nobody = {"LG_COORDINATOR": "127.0.0.1:1"}
    assert "is the coordinator running there" in bench.suite(
        "test_night.py", "--lg-env", PLACE, fails=True, **nobody
    )
    assert {*bench.outcomes().values()} == {"INFRA"}


BY_SWITCHES = """
import pytest
from bwc_sdk.errors import BwcError

def test_out_of_its_dock(camera, actuators):
    actuators.off("vbus_relay")
    for _ in range(200):
        if not camera.device.status().docked:
            break
    else:
        raise AssertionError("it is still docked")
    actuators.on("vbus_relay")

def test_back_in_its_dock(camera):
    assert camera.device.status().docked

@pytest.mark.bwc_needs("button_record")
def test_its_button_is_there(camera): ...

@pytest.mark.bwc_needs("power_cycle")
def test_all_power_cannot_be_taken_here(camera): ...
"""

BY_STRATEGY = """
import pytest
from labgrid.strategy import StrategyError

def test_states(strategy, target):
    camera = target.get_driver("BWCDriver", activate=False)
    strategy.transition("provisioned")
    assert camera.status().docked and camera.sync_clock() is not None
    strategy.transition("undocked")
    assert not camera.status().docked
    strategy.transition("docked")
    assert camera.status().docked
    strategy.transition("recording")
    assert str(camera.status().state) == "recording" and not camera.status().docked

def test_no_relay_of_a_cable_is_a_loss_of_power(strategy):
    with pytest.raises(StrategyError) as caught:
        strategy.transition("off")
    assert "cuts battery: a camera has a battery" in str(caught.value.__cause__)
    with pytest.raises(StrategyError):
        strategy.transition("docked")  # labgrid's rule: what came to nothing is not tried again
"""


def test_the_labs_switches_are_the_suites_actuators(bench: LabgridBench, served: Serve) -> None:
    (bench.folder / "test_night.py").write_text(BY_SWITCHES)
    said = bench.suite("test_night.py", "--lg-env", str(served()), "-rs")
    assert bench.outcomes() == {
        "test_out_of_its_dock": "passed",
        "test_back_in_its_dock": "passed",
        "test_its_button_is_there": "passed",
        "test_all_power_cannot_be_taken_here": "not tested",
    }, said
    assert "SIM-00000007" in said and "LAB session" in said


def test_a_strategy_moves_them_as_well(bench: LabgridBench, served: Serve) -> None:
    (bench.folder / "test_states.py").write_text(BY_STRATEGY)
    assert "2 passed" in bench.suite("test_states.py", "--lg-env", str(served()))


def test_two_runs_of_one_user_are_kept_apart_too(bench: LabgridBench) -> None:
    bench.export(DOCS / "exporter.yaml")
    bench.place("cam1", "cellar/practice/*")
    bench.acquire("cam1")
    nested = "import subprocess\n\ndef test_first(camera):\n    subprocess.run({line!r}, check=True)\n"
    second = "-m pytest -c /dev/null -q -p no:cacheprovider --pyargs hil_tests -k test_battery --lg-env"
    inner = bench.folder / "inner.py"
    inner.write_text(
        "import subprocess, sys\n"
        f"done = subprocess.run([sys.executable, *{second.split()!r}, {PLACE!r}], text=True, capture_output=True)\n"
        "assert done.returncode == 2, done.stdout\n"
        "assert 'is taken by process' in done.stdout, done.stdout\n"
    )
    (bench.folder / "test_night.py").write_text(nested.format(line=[str(bench.python), str(inner)]))
    assert "1 passed" in bench.suite("test_night.py", "--lg-env", PLACE)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--bwc-device", "labgrid:main"), "name its file, too, by --lg-env FILE"),
        (("--lg-env", PLACE, "--bwc-device", "labgrid:other"), "there is no target other (there are: main)"),
        (("--lg-env", "none.yaml"), "target main has no BWCDriver: add"),
        (("--lg-env", "two.yaml"), "target main has two actuators vbus_relay"),
        (("--lg-env", "wrong.yaml"), "names no port"),
    ],
    ids=["no file", "no target", "no driver", "two of a name", "no port"],
)
def test_what_is_wrong_in_the_file_is_wrong_usage(
    bench: LabgridBench, words: tuple[str, ...], why: str
) -> None:
    head = "imports: [bwc_sdk.labgrid]\ntargets:\n  main:\n    resources:\n"
    switch = "      - {kind}:\n          name: {name}\n{more}"
    relays = "".join(switch.format(kind="ManualSwitchDriver", name=f"relay-{n}", more="") for n in "12")
    twice = "".join(
        switch.format(
            kind="BWCDockPowerDriver", name=f"vbus-{n}", more=f"          bindings: {{output: relay-{n}}}\n"
        )
        for n in "12"
    )
    (bench.folder / "none.yaml").write_text(f"{head}      BWCSimulator: {{}}\n    drivers: {{}}\n")
    (bench.folder / "two.yaml").write_text(
        f"{head}      BWCSimulator: {{}}\n    drivers:\n{relays}{twice}      - BWCDriver: {{}}\n"
    )
    (bench.folder / "wrong.yaml").write_text(
        f"{head}      BWCUSBCamera: {{}}\n    drivers:\n      BWCDriver: {{}}\n"
    )
    (bench.folder / "test_night.py").write_text("def test_reads(camera): ...\n")
    said = bench.suite("test_night.py", *words, fails=True)
    assert "ERROR: " in said and why in said and "Traceback" not in said
