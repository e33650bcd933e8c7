"""Keys are with whoever runs the tests: an exporter has none, and its bridge passes on what it cannot read."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.lab.directory import open_lab
from bwc_sdk.enrolment import ButtonWanted, CaAuthority, Enrolled, Vendor
from bwc_sdk.identity import key_file
from bwc_sdk.identity.ca.authority import Ca
from bwc_sdk.identity.ca.founding import found
from bwc_sdk.identity.ca.handing_out import hand_out
from bwc_sdk.sync import enroll
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.ports.memory import forget_sims, open_sim
from tools.testkit.labgrid_bench import LabgridBench

pytestmark = pytest.mark.timeout(240)

BENCH_FILE = """
[devices.board]
uri = "labgrid:main"
serial_number = "{serial}"
identity = "bench"
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A camera that an agency enrolled for tests; the agency's keys for a bench are in `bench` beside it."""
    monkeypatch.setattr(key_file, "ROUNDS", 1000)
    monkeypatch.setattr(key_file, "SEAL_ROUNDS", 1000)
    now_s, ca, secret = int(time.time()), tmp_path / "ca", b"correct horse battery"
    found(ca, "Sheriff", passphrase=lambda path: secret, clock=lambda last: now_s, entropy=os.urandom)
    authority = Ca(ca, lambda path: secret, lambda last: now_s, os.urandom)
    for role in (Role.AUDITOR, Role.BENCH, Role.TECHNICIAN, Role.DOCK_OFFLOAD):
        hand_out(authority, tmp_path / "bench", f"hil {role!s}", role, b"", days=400)
    uri = f"sim:?seed=7&enrolled=0&footage=synthetic&recordings=0&state={tmp_path / 'state'}"
    camera = open_sim(DeviceUri.parse(uri)).camera
    vendor = Vendor((open_lab().agency.factory_root.certificate,))
    for event in enroll(
        uri, CaAuthority(authority, days=400), vendor=vendor, identity=tmp_path / "bench", bench=True
    ):
        if isinstance(event, ButtonWanted):
            assert camera.press_enroll() == ""
        else:
            assert isinstance(event, Enrolled), event
    camera.close()
    forget_sims()
    yield tmp_path / "state"
    forget_sims()


@pytest.mark.ci
def test_an_agencys_keys_by_a_bench_file(
    bench: LabgridBench, served: Callable[..., Path], state: Path
) -> None:
    file = served("--state", str(state))
    (bench.folder / "bench.toml").write_text(BENCH_FILE.format(serial="SIM-00000007"))
    words = ("--pyargs", "hil_tests", "-k", "test_battery", "--lg-env", str(file))
    said = bench.suite(*words, "--bwc-bench", "bench.toml")
    assert "SIM-00000007" in said and "secure session of 'Sheriff'" in said and "4 passed" in said
    written = [path for path in (bench.folder / "cellar-home").rglob("*") if path.is_file()]
    assert [path for path in written if b"PRIVATE" in path.read_bytes() or path.suffix == ".p12"] == []

    (bench.folder / "bench.toml").write_text(BENCH_FILE.format(serial="SIM-00000008"))
    said = bench.suite(*words, "--bwc-bench", "bench.toml", fails=True)
    assert "another device than the bench file expects" in said and {*bench.outcomes().values()} == {"INFRA"}


@pytest.mark.night
def test_its_keys_by_the_environment_file(
    bench: LabgridBench, served: Callable[..., Path], state: Path
) -> None:
    file = served("--state", str(state))
    file.write_text(file.read_text().replace("BWCDriver: {}", "BWCDriver: {identity: bench}"))
    said = bench.suite("--pyargs", "hil_tests", "-k", "test_battery", "--lg-env", str(file))
    assert "secure session of 'Sheriff'" in said and "4 passed" in said


@pytest.mark.night
def test_without_keys_nobody_gets_in(bench: LabgridBench, served: Callable[..., Path], state: Path) -> None:
    file = served("--state", str(state))
    bench.suite("--pyargs", "hil_tests", "-k", "test_battery", "--lg-env", str(file), fails=True)
    assert "passed" not in bench.outcomes().values()
