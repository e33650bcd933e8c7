"""`bwc order` and `bwc desired` at a device of an agency: from the command of one person to what the device does."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.certificates.profile import FOREVER_S
from bwc_protocol.declare import Role
from bwc_protocol.lab.agency import LabAgency
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.clients import connecting
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera
from tools.testkit import agencies
from tools.testkit.identity_files import write_identity
from tools.testkit.secure_ends import Agency

Bwc = Callable[..., Any]
HOME: LabAgency = agencies.real("Springfield PD")


@pytest.fixture
def camera(bwc: Bwc, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimCamera]:
    """A camera of the agency, at which every command line of the test ends."""
    made = make_camera(seed=5, recordings=2, footage=Footage.SYNTHETIC, utc_ns=time.time_ns(), agency=HOME)
    monkeypatch.setattr(connecting, "transport_for", lambda *given: MemoryTransport(made))
    monkeypatch.setenv("BWC_DEVICE", "sim:")
    yield made
    made.close()


@pytest.fixture
def people(tmp_path: Path) -> Callable[[str, Role], str]:
    """Makes the identity directory of a person of the agency; gives its path."""
    files = Agency(name="Springfield PD", lab="", root=HOME.root, issuing=HOME.issuing)

    def make(name: str, role: Role) -> str:
        directory = tmp_path / name.replace(" ", "-")
        if not directory.exists():
            write_identity(directory, files, role, name=name, ends_s=FOREVER_S)
        return str(directory)

    return make


def test_a_camera_leaves_the_agency_by_the_word_of_two(
    bwc: Bwc, camera: SimCamera, people: Callable[..., str], tmp_path: Path
) -> None:
    kim, holt = people("Kim Lopez", Role.TECHNICIAN), people("R Holt", Role.RECORDS)
    file = str(tmp_path / "away.order")
    make = ("order", "make", "transfer", file, "--to", "Shelbyville PD", "--identity", kim)
    asked = bwc(*make)
    assert asked.code == ExitCode.BAD_DOCUMENT, asked.err
    assert "2 recordings are without a receipt" in asked.err and "--lose-undelivered" in asked.err
    assert not Path(file).exists()
    made = bwc(*make, "--lose-undelivered", "--json")
    assert made.code == 0, made.err
    told = made.document["order"]
    assert (told["device"], told["recordings"], told["held"]) == (camera.serial, 2, 0)
    assert (told["loses_undelivered"], told["missing"]) == (2, "two signatures, one of them under records")
    over = bwc(*make, "--lose-undelivered")
    assert over.code == ExitCode.BAD_DESTINATION and "is there already" in over.err, "and it is good still"
    early = bwc("order", "run", file, camera.serial, "--identity", kim)
    assert early.code == ExitCode.BAD_DOCUMENT and "bwc order sign" in early.err
    assert bwc("order", "sign", file, camera.serial, "--identity", kim).code == 0
    signed = bwc("order", "sign", file, camera.serial, "--role", "records", "--identity", holt)
    assert signed.code == 0 and "complete" in signed.err
    done = bwc("order", "run", file, camera.serial, "--identity", kim)
    assert done.code == 0, done.err
    assert "carried_out\ttrue" in done.out and "the next agency enrols it" in done.err


def test_an_order_that_is_void_says_so_and_what_to_do(
    bwc: Bwc, camera: SimCamera, people: Callable[..., str], tmp_path: Path
) -> None:
    kim, ada = people("Kim Lopez", Role.TECHNICIAN), people("Ada Byron", Role.TECHNICIAN)
    first, second = str(tmp_path / "1.order"), str(tmp_path / "2.order")
    for file in (first, second):
        made = bwc("order", "make", "clock-step", file, "--source", "operator", "--identity", kim)
        assert made.code == 0, made.err
        for person in (kim, ada):
            assert bwc("order", "sign", file, camera.serial, "--identity", person).code == 0
    void = bwc("order", "run", first, camera.serial, "--identity", kim)
    assert void.code == ExitCode.REFUSED and "bwc order make" in void.err, void.err
    assert bwc("order", "run", second, camera.serial, "--identity", ada).code == 0
    again = bwc("order", "run", second, camera.serial, "--identity", ada)
    assert again.code == ExitCode.REFUSED and "bwc order make" in again.err


def test_a_hold_that_was_placed_meanwhile_is_told_with_the_way_out(
    bwc: Bwc, camera: SimCamera, people: Callable[..., str], tmp_path: Path
) -> None:
    kim, holt = people("Kim Lopez", Role.TECHNICIAN), people("R Holt", Role.RECORDS)
    file = str(tmp_path / "away.order")
    make = ("order", "make", "decommission", file, "--lose-undelivered", "--identity", kim)
    assert bwc(*make).code == 0
    assert bwc("order", "sign", file, "--yes", "--identity", kim).code == 0
    assert bwc("order", "sign", file, "--yes", "--role", "records", "--identity", holt).code == 0
    hold = ("recordings", "hold", "1", "--reason", "case 17", "--role", "records", "--identity", holt)
    assert bwc(*hold).code == 0
    refused = bwc("order", "run", file, "--yes", "--identity", kim, "--json")
    assert refused.code == ExitCode.REFUSED and refused.error["code"] == "held"
    assert "--lose-held" in refused.error["advice"] and len(camera.storage) == 2


def test_a_dock_delivers_from_a_directory_and_says_what_was_taken_before(
    bwc: Bwc, camera: SimCamera, people: Callable[..., str], tmp_path: Path
) -> None:
    kim, dock = people("Kim Lopez", Role.TECHNICIAN), people("dock-7", Role.DOCK_OFFLOAD)
    (tmp_path / "patrol.toml").write_text("recording.pre_event_s = 7\n")
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    deliver = ("desired", "deliver", str(outbox), "--identity", dock)
    nothing = bwc(*deliver)
    assert nothing.code == 0 and f"nothing for {camera.serial}" in nothing.err

    def sign(*options: str, profile: str = "patrol.toml") -> None:
        base = ("desired", "sign", str(tmp_path / profile), "--camera", camera.serial, "--out", str(outbox))
        assert bwc(*base, "--identity", kim, *options).code == 0

    sign("--officer", "K1234", "--counter", "5")
    taken = bwc(*deliver, "--json")
    assert taken.code == 0, taken.err
    told = taken.document["desired"]
    assert (told["delivered"], told["taken_before"], told["counter"]) == (True, 0, 5)
    assert camera.assignment.officer == "K1234"
    again = bwc(*deliver)
    assert again.code == 0 and "taken it before" in again.err
    sign("--counter", "3")
    old = bwc(*deliver)
    assert old.code == ExitCode.BAD_DOCUMENT and "--counter 6" in old.err
    sign("--counter", "5")
    other = bwc(*deliver)
    assert other.code == ExitCode.REFUSED and "--counter" in other.err, "another one of the same number"
    (tmp_path / "odd.toml").write_text("no.such.setting = 1\n")
    sign("--counter", "6", profile="odd.toml")
    refused = bwc(*deliver)
    assert refused.code == ExitCode.REFUSED and "bwc config show" in refused.err
    assert bwc(
        "config", "set", "recording.pre_event_s=9", "--identity", dock, "--role", "dock-offload"
    ).code == (ExitCode.REFUSED)


def test_an_offload_delivers_and_says_so(
    bwc: Bwc, camera: SimCamera, people: Callable[..., str], tmp_path: Path
) -> None:
    kim, dock = people("Kim Lopez", Role.TECHNICIAN), people("dock-7", Role.DOCK_OFFLOAD)
    (tmp_path / "patrol.toml").write_text("recording.pre_event_s = 7\n")
    outbox, evidence = tmp_path / "outbox", tmp_path / "evidence"
    outbox.mkdir()
    base = ("desired", "sign", str(tmp_path / "patrol.toml"), "--out", str(outbox), "--identity", kim)
    assert bwc(*base, "--camera", camera.serial).code == 0
    offload = ("offload", str(evidence), "--mkdir", "--deliver", str(outbox), "--identity", dock)
    first = bwc(*offload)
    assert first.code == 0, first.err
    lines = [line.split("\t")[:2] for line in first.out.splitlines()]
    assert ["delivered", "desired state 1"] in lines and lines[-1][0] == "complete"
    (tmp_path / "patrol.toml").write_text("no.such = 7\n")
    assert bwc(*base, "--camera", camera.serial).code == 0
    refused = bwc(*offload, "--json")
    assert refused.code == 0, "the footage is stored all the same"
    told = [one for one in map(json.loads, refused.out.splitlines()) if one["event"].startswith("desired")]
    assert [one["event"] for one in told] == ["desired_state_refused"]
    assert told[0]["error"]["class"] == "CommandError" and told[0]["error"]["advice"]
