"""`bwc enroll` and `bwc renew` as a technician meets them."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.lab.directory import open_lab
from bwc_sdk.__main__ import main
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.verbs import enroll as enroll_cli
from bwc_sdk.enrolment import ButtonWanted, enrolling
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports import memory
from firmware_sim.scenarios import Footage, make_camera, make_station
from firmware_sim.station.station import SimStation
from tests.enrolment.conftest import button_of, record

Device = SimCamera | SimStation
_seeds = count(4_000)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str


Bwc = Callable[..., Ran]


@pytest.fixture
def bwc(capsys: pytest.CaptureFixture[str]) -> Bwc:
    def run(*argv: str) -> Ran:
        capsys.readouterr()
        code = main(list(argv))
        said = capsys.readouterr()
        return Ran(int(code), said.out, said.err)

    return run


TODAY = f"{datetime.now(UTC):%Y-%m-%d}"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with a lab and a state directory of his own, and a passphrase in a file."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("BWC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse battery\n")
    passphrase.chmod(0o600)
    for who in ("CA", "CA_ROOT", "CA_STANDBY", "IDENTITY"):
        monkeypatch.setenv(f"BWC_{who}_PASSPHRASE_FILE", str(passphrase))


def _plugged(monkeypatch: pytest.MonkeyPatch, device: Device) -> str:
    """A URI that names this device in this process."""
    uri = f"sim:?seed={next(_seeds)}&recordings=0"
    memory.open_sim(DeviceUri.parse(uri))
    (key,) = [key for key in memory._made if key.seed == int(uri.split("seed=")[1].split("&")[0])]
    monkeypatch.setitem(memory._made, key, (device, memory._made[key][1]))
    return uri


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> SimCamera:
    return make_camera(seed=next(_seeds), footage=Footage.SYNTHETIC, agency=open_lab().agency, enrolled=False)


@pytest.fixture
def uri(camera: SimCamera, monkeypatch: pytest.MonkeyPatch) -> str:
    return _plugged(monkeypatch, camera)


@pytest.fixture
def pressed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Device]]:
    """Whose buttons are pressed when they are asked for: of these devices."""
    devices: list[Device] = []
    tell: Callable[..., None] = enroll_cli.tell

    def told(output: Any, event: Any) -> None:
        tell(output, event)
        if isinstance(event, ButtonWanted):
            for device in devices:
                button_of(device, event.slot)

    monkeypatch.setattr(enroll_cli, "tell", told)
    monkeypatch.setattr(enrolling, "LOOK_S", 0.05)
    yield devices


@pytest.fixture
def agency(bwc: Bwc) -> None:
    """A CA in `ca`, a technician in `anna`, a dock in `dock`."""
    assert bwc("ca", "init", "ca", "--agency", "Sheriff of X", "--today", TODAY).code == 0
    for role, into in (("technician", "anna"), ("dock-offload", "anna"), ("technician", "dock")):
        ran = bwc("ca", "issue", "ca", role, "--name", f"{into} {role}", "--out", into, "--today", TODAY)
        assert ran.code == 0, ran.err


ENROL = ("enroll", "--ca", "ca", "--vendor-root", "simulator", "--identity", "anna", "--today", TODAY)


def test_from_the_box_to_the_first_secure_offload(
    bwc: Bwc, agency: None, camera: SimCamera, uri: str, pressed: list[Device]
) -> None:
    pressed.append(camera)
    ran = bwc(*ENROL, "--device", uri)
    assert ran.code == 0, ran.err
    wanted, done = ran.out.splitlines()
    assert wanted == "device\tpress its enrolment button now; waiting up to 120 s"
    assert done.startswith(f"camera\tenrolled\t{camera.serial}\tuntil ")
    record(camera)
    ran = bwc("offload", "evidence", "--mkdir", "--device", uri, "--identity", "anna")
    assert ran.code == 0, ran.err
    assert list(Path("evidence").rglob("*.mp4*"))
    again = bwc(*ENROL, "--device", uri)
    assert (again.code, again.out.split("\t")[1]) == (0, "enrolled already")


def test_a_recipient_proves_by_the_key_in_the_directory_of_identity_or_by_the_file_that_is_named(
    bwc: Bwc, agency: None, camera: SimCamera, uri: str, pressed: list[Device]
) -> None:
    pressed.append(camera)
    issue = ("ca", "issue", "ca", "evidence-recipient", "--today", TODAY)
    assert bwc(*issue, "--name", "vault", "--out", "anna").code == 0
    assert bwc(*ENROL, "--device", uri).code == 0
    assert not camera.trust.kept.proofs, "an agency's key is not where the technician is"
    prove = ("evidence", "prove", "--json", "--device", uri, "--identity")
    ran = bwc(*prove, "anna")
    assert ran.code == 0, ran.err
    assert [one["name"] for one in json.loads(ran.out)["proved"]] == ["vault"]
    assert len(camera.trust.kept.proofs) == 1
    ran = bwc(*prove, "dock")
    assert ran.code == ExitCode.BAD_IDENTITY and "dock has no key of an evidence recipient" in ran.err
    ran = bwc(*prove, "dock", "--key", "anna/evidence-recipient.p12")
    assert ran.code == 0, ran.err


@pytest.mark.rule("DOC-026")
def test_settings_that_were_signed_before_a_reset_do_not_come_back_after_it(
    bwc: Bwc, agency: None, camera: SimCamera, uri: str, pressed: list[Device]
) -> None:
    pressed.append(camera)
    assert bwc(*ENROL, "--device", uri).code == 0
    Path("night.toml").write_text("indicator.front_led = false\n")
    where = ("--camera", camera.serial, "--out", "outbox")
    sign = ("desired", "sign", "night.toml", *where, "--identity", "anna")
    deliver = ("desired", "deliver", "outbox", "--device", uri, "--identity", "anna", "--json")
    offload = ("offload", "evidence", "--mkdir", "--deliver", "outbox", "--device", uri, "--identity", "anna")
    assert bwc(*sign).code == 0 and json.loads(bwc(*deliver).out)["desired"]["delivered"]
    assert camera.reset_by_opening() == ""
    camera.time.skip(10)
    camera.settle()
    assert bwc(*ENROL, "--device", uri).code == 0

    def counter() -> int:
        return camera.trust.kept.desired_counter

    refused = bwc(*deliver)
    assert refused.code == ExitCode.BAD_DOCUMENT and counter() == 0
    assert "bwc desired sign --generation 1" in refused.err
    told = [json.loads(line) for line in bwc(*offload, "--json").out.splitlines()]
    (event,) = [one for one in told if one["event"].startswith("desired")]
    assert event["event"] == "desired_state_refused" and counter() == 0
    assert "bwc desired sign --generation 1" in event["error"]["advice"]
    assert bwc(*sign, "--generation", "1").code == 0
    ran = bwc(*offload)
    assert ran.code == 0 and "delivered\tdesired state 2" in ran.out and counter() == 2, ran.err


def test_as_json_each_event_is_a_line(
    bwc: Bwc, agency: None, camera: SimCamera, uri: str, pressed: list[Device]
) -> None:
    pressed.append(camera)
    ran = bwc(*ENROL, "--device", uri, "--json")
    wanted, done = map(json.loads, ran.out.splitlines())
    assert wanted == {"event": "button-wanted", "slot": "device", "wait_s": 120.0}
    assert (done["event"], done["serial"], done["kind"]) == ("enrolled", camera.serial, "camera")


def test_a_station_and_its_bays_and_one_that_is_given_up(
    bwc: Bwc, agency: None, monkeypatch: pytest.MonkeyPatch, pressed: list[Device]
) -> None:
    station = make_station(3, docked=2, seed=next(_seeds), agency=open_lab().agency, enrolled=False)
    uri = _plugged(monkeypatch, station)
    two = station.bays[2].camera
    assert two is not None
    pressed.append(station)
    record(two)  # nobody's footage: its button does nothing
    ran = bwc(*ENROL, "--device", uri, "--wait", "1")
    assert ran.code == ExitCode.INCOMPLETE
    told = [line.split("\t")[:2] for line in ran.out.splitlines()]
    assert ["station", "enrolled"] in told and ["bay 1", "enrolled"] in told and ["bay 2", "failed"] in told
    assert "try: run the command again and press it" in ran.out
    ran = bwc(
        "renew", "--ca", "ca", "--identity", "anna", "--device", uri, "--within", "9999", "--today", TODAY
    )
    assert ran.code == ExitCode.INCOMPLETE
    told = [line.split("\t")[:2] for line in ran.out.splitlines()]
    assert told == [["station", "renewed"], ["bay 1", "renewed"], ["bay 2", "failed"]]
    assert "bay 2:" in ran.err


def test_the_lab_enrols_by_one_word(bwc: Bwc, camera: SimCamera, uri: str, pressed: list[Device]) -> None:
    pressed.append(camera)
    ran = bwc("enroll", "--lab", "--device", uri)
    assert ran.code == 0, ran.err
    assert "lab evidence can open its footage" in ran.out
    assert len(camera.trust.kept.proofs) == 1, "nobody has to prove it again before the first erase"
    assert bwc("info", "--lab", "--device", uri).code == 0
    ran = bwc("renew", "--lab", "--device", uri)
    assert (ran.code, ran.out.split("\t")[1]) == (0, "not due")


@pytest.mark.rule("REC-036", "REC-040")
def test_what_is_recorded_after_the_lab_has_enrolled_is_offloaded_and_verified(
    bwc: Bwc, camera: SimCamera, uri: str, pressed: list[Device]
) -> None:
    """By one word each, and without a boot in between; after one all of it is there."""
    pressed.append(camera)
    assert bwc("enroll", "--lab", "--device", uri).code == 0
    record(camera)
    ran = bwc("offload", "s3", "--mkdir", "--device", uri, "--lab")
    assert ran.code == 0, ran.err
    assert "1 of 1 recordings stored and verified" in ran.out
    ran = bwc("evidence", "verify", "s3", "--lab")
    assert ran.code == 0, ran.out + ran.err
    camera.crash()
    camera.time.skip(60)
    camera.settle()
    record(camera)
    assert camera.running and camera.storage.damaged == () and camera.missing() == []
    ran = bwc("offload", "s4", "--mkdir", "--device", uri, "--lab")
    assert ran.code == 0, ran.err
    assert "2 of 2 recordings stored and verified" in ran.out


def test_nobody_at_the_button_is_told_with_what_to_do(
    bwc: Bwc, agency: None, camera: SimCamera, uri: str, pressed: list[Device]
) -> None:
    ran = bwc(*ENROL, "--device", uri, "--wait", "1")
    assert ran.code == ExitCode.NOT_A_DEVICE
    assert "nobody pressed the enrolment button of the device within 1 s" in ran.err
    assert "press it when it is asked for" in ran.err


def test_a_ca_elsewhere_has_the_request_and_gives_the_certificate(
    bwc: Bwc, agency: None, camera: SimCamera, uri: str, pressed: list[Device]
) -> None:
    """Twice at the button, then at any two dockings."""
    pressed.append(camera)
    both = ("--csr-out", "out", "--certificates", "back")
    there = ("enroll", *both, "--vendor-root", "simulator", "--identity", "anna", "--device", uri)
    ran = bwc(*there)
    assert ran.code == 0 and f"request written\t{camera.serial}\tout/{camera.serial}.csr" in ran.out
    csr = f"out/{camera.serial}.csr"
    issued = bwc("ca", "issue", "ca", "--csr", csr, "--kind", "camera", "--out", "back", "--today", TODAY)
    assert issued.code == 0, issued.err
    assert "\tenrolled\t" in bwc(*there).out
    renewing = ("renew", *both, "--within", "9999", "--identity", "anna", "--device", uri)
    assert "request written" in bwc(*renewing).out
    assert bwc("ca", "renew", "ca", "--requests", "out", "--out", "back", "--today", TODAY).code == 0
    assert "\trenewed\t" in bwc(*renewing).out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("enroll", "--vendor-root", "simulator", "--identity", "anna"), "say who certifies"),
        (
            ("enroll", "--ca", "ca", "--csr-out", "x", "--vendor-root", "simulator", "--identity", "anna"),
            "say who",
        ),
        (("enroll", "--ca", "ca", "--identity", "anna"), "--vendor-root FILE has to say"),
        (
            ("enroll", "--ca", "ca", "--vendor-root", "simulator", "--identity", "anna", "--recipient", "x"),
            "elsewhere",
        ),
        (("renew", "--identity", "anna"), "say who certifies"),
    ],
    ids=" ".join,
)
def test_what_is_not_said_is_asked_for_before_any_button(
    bwc: Bwc, agency: None, uri: str, argv: tuple[str, ...], said: str
) -> None:
    ran = bwc(*argv, "--device", uri, *(("--today", TODAY) if "--ca" in argv else ()))
    assert ran.code == ExitCode.USAGE and said in " ".join(ran.err.split())


def test_a_ca_that_does_not_open_asks_nobody_to_press(
    bwc: Bwc, agency: None, uri: str, tmp_path: Path, pressed: list[Device]
) -> None:
    other = tmp_path / "other"
    other.write_text("another passphrase")
    other.chmod(0o600)
    ran = bwc(*ENROL, "--device", uri, "--passphrase-file", "other")
    assert (ran.code, ran.out) == (ExitCode.BAD_IDENTITY, "")
    ran = bwc(*ENROL[:-2], "--device", uri, "--today", "2031-01-01")
    assert (ran.code, ran.out) == (ExitCode.CLOCK_IMPLAUSIBLE, "")


def test_a_vendor_root_that_is_none_is_told(bwc: Bwc, agency: None, uri: str) -> None:
    anna = ("enroll", "--ca", "ca", "--identity", "anna", "--today", TODAY, "--device", uri)
    ran = bwc(*anna, "--vendor-root", "nowhere.pem")
    assert ran.code == ExitCode.BAD_DESTINATION and "nowhere.pem" in ran.err
    Path("empty.pem").write_text("nothing")
    ran = bwc(*anna, "--vendor-root", "empty.pem")
    assert ran.code == ExitCode.BAD_IDENTITY and "no certificate" in ran.err
