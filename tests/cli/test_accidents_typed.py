"""Accidents of a fleet as somebody at a command line meets them: what is said, and that what is advised works."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.certificates.profile import FOREVER_S
from bwc_protocol.declare import Role
from bwc_protocol.documents.deny_list import Denied, DeniedBy
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.lab.directory import open_lab
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.clients import connecting
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera
from tools.testkit import agencies
from tools.testkit.identity_files import write_identity
from tools.testkit.secure_ends import Agency

Bwc = Callable[..., Any]
People = Callable[..., str]
TEN_YEARS_NS = 10 * 365 * 86_400 * 1_000_000_000


@pytest.fixture
def at(bwc: Bwc, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[LabAgency], SimCamera]]:
    """A camera of an agency, at which every command line of the test ends from then on."""
    made: list[SimCamera] = []

    def plug(agency: LabAgency) -> SimCamera:
        made.append(
            make_camera(seed=5, recordings=1, footage=Footage.SYNTHETIC, utc_ns=time.time_ns(), agency=agency)
        )
        monkeypatch.setattr(connecting, "transport_for", lambda *given: MemoryTransport(made[-1]))
        monkeypatch.setenv("BWC_DEVICE", "sim:")
        return made[-1]

    yield plug
    for camera in made:
        camera.close()


@pytest.fixture
def people(tmp_path: Path) -> People:
    """Makes the identity directory of somebody of an agency; gives its path."""

    def make(agency: LabAgency, name: str, role: Role) -> str:
        directory = tmp_path / f"{agency.root.certificate[-4:].hex()} {name}"
        files = Agency(name="", lab="", root=agency.root, issuing=agency.issuing)
        write_identity(directory, files, role, name=name, ends_s=FOREVER_S)
        return str(directory)

    return make


def test_a_clock_that_is_ten_years_ahead_is_mended_by_two_people(
    bwc: Bwc, at: Any, people: People, tmp_path: Path
) -> None:
    home = agencies.real("Springfield PD")
    camera = at(home)
    camera.clock.set_utc_ns(camera.true_utc_ns() + TEN_YEARS_NS, 0)
    dock = people(home, "dock-7", Role.DOCK_OFFLOAD)
    kim, ada = people(home, "Kim", Role.TECHNICIAN), people(home, "Ada", Role.TECHNICIAN)
    assert bwc("offload", str(tmp_path / "evidence"), "--mkdir", "--identity", dock).code == 0
    assert list((tmp_path / "evidence").rglob("*.mp4*"))
    refused = bwc("clock", "sync", "--source", "operator", "--reason", "correction", "--identity", kim)
    assert refused.code == ExitCode.CLOCK_IMPLAUSIBLE, refused.err
    file = str(tmp_path / "clock.order")
    assert bwc("order", "make", "clock-step", file, "--source", "operator", "--identity", kim).code == 0
    for person in (kim, ada):
        assert bwc("order", "sign", file, camera.serial, "--identity", person).code == 0
    done = bwc("order", "run", file, camera.serial, "--identity", ada)
    assert done.code == 0, done.err
    assert abs(camera.clock.utc_ns() - camera.true_utc_ns()) < 60 * 1_000_000_000


def test_a_stolen_dock_gets_nothing_once_another_has_been_here(
    bwc: Bwc, at: Any, people: People, tmp_path: Path
) -> None:
    home = agencies.real("Springfield PD")
    camera = at(home)
    stolen, dock = (people(home, name, Role.DOCK_OFFLOAD) for name in ("dock-7", "dock-8"))
    listed = agencies.deny_list(home, 9, Denied(by=DeniedBy.NAME, name="dock-7"))
    (Path(dock) / "deny-list.cose").write_bytes(listed)
    assert bwc("info", "--identity", dock).code == 0
    refused = bwc("offload", str(tmp_path / "evidence"), "--mkdir", "--identity", stolen)
    assert refused.code not in (0, ExitCode.UNEXPECTED) and camera.serial not in refused.err + refused.out
    assert not list((tmp_path / "evidence").rglob("*.mp4*")) and "try:" in refused.err


def test_the_dock_of_another_agency_is_told_so(bwc: Bwc, at: Any, people: People) -> None:
    home, away = agencies.real("Springfield PD"), agencies.real("Valley Sheriff")
    camera = at(home)
    refused = bwc("info", "--identity", people(away, "dock-1", Role.DOCK_OFFLOAD))
    assert refused.code == ExitCode.NOT_A_DEVICE, refused.err
    assert camera.serial not in refused.err and "agency" in refused.err and "try:" in refused.err
    assert bwc("info", "--identity", people(home, "dock-7", Role.DOCK_OFFLOAD)).code == 0


def test_the_lab_at_a_real_camera_and_an_agency_at_a_cameras_of_a_lab(
    bwc: Bwc, at: Any, people: People
) -> None:
    home = agencies.real("Springfield PD")
    camera = at(home)
    refused = bwc("info", "--lab")
    assert refused.code == ExitCode.NOT_A_DEVICE, refused.err
    assert camera.serial not in refused.err and "--identity" in refused.err
    at(open_lab().agency)
    dock = people(home, "dock-7", Role.DOCK_OFFLOAD)
    reverse = bwc("info", "--identity", dock)
    assert reverse.code == ExitCode.NOT_A_DEVICE and "--lab" in reverse.err, reverse.err
    assert bwc("info", "--lab").code == 0
