"""`bwc order` and `bwc desired` without a device: two people sign a file, a technician signs for cameras elsewhere."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.certificates.profile import FOREVER_S
from bwc_protocol.declare import Role
from bwc_protocol.documents.desired_state import DesiredState
from bwc_protocol.documents.order import NONCE_SIZE, ClockStep, Decommission, Order, Transfer
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.cli.exit_codes import ExitCode
from tools.testkit.identity_files import write_identity
from tools.testkit.secure_ends import Agency

Bwc = Callable[..., Any]
CAMERA = "BWC-000042"


@pytest.fixture(scope="module")
def agency() -> Agency:
    return Agency.new("Springfield PD")


@pytest.fixture
def people(agency: Agency, tmp_path: Path) -> Callable[[str, Role], str]:
    """Makes the identity directory of a person; gives its path."""

    def make(name: str, role: Role, of: Agency | None = None) -> str:
        directory = tmp_path / name.replace(" ", "-")
        write_identity(directory, of or agency, role, name=name, ends_s=FOREVER_S)
        return str(directory)

    return make


@pytest.fixture
def order_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes an order as 'bwc order make' does."""

    def make(terms: Any = None, **changes: Any) -> Path:
        given: dict[str, Any] = {
            "device": CAMERA,
            "kind": PeerKind.CAMERA,
            "nonce": bytes(NONCE_SIZE),
            "chain_head_sha256": bytes(32),
            "signed_utc_s": int(time.time()),
            "terms": terms or Decommission(),
        }
        path = tmp_path / "the.order"
        path.write_bytes(SignedDocument(Order(**given | changes).encode()).encode())
        return path

    return make


def test_two_people_sign_and_each_step_says_the_next(
    bwc: Bwc, people: Callable[..., str], order_file: Callable[..., Path]
) -> None:
    kim, lee = people("Kim Lopez", Role.TECHNICIAN), people("Lee", Role.TECHNICIAN)
    file = str(order_file())
    first = bwc("order", "sign", file, CAMERA, "--identity", kim)
    assert first.code == 0, first.err
    assert "it still takes one signature" in first.err and "Kim Lopez (technician)" in first.out
    second = bwc("order", "sign", file, "--yes", "--identity", lee, "--json")
    assert second.code == 0
    told = second.document["order"]
    assert [one["name"] for one in told["signers"]] == ["Kim Lopez", "Lee"] and told["missing"] == ""
    shown = bwc("order", "show", file, "--json").document["order"]
    assert (shown["action"], shown["device"], shown["kind"]) == ("decommission", CAMERA, "camera")
    third = bwc("order", "sign", file, "--yes", "--identity", kim)
    assert third.code == ExitCode.BAD_DOCUMENT and "bwc order run" in third.err


def test_what_may_lose_footage_asks_for_the_records_section(
    bwc: Bwc, people: Callable[..., str], order_file: Callable[..., Path]
) -> None:
    file = str(order_file(Transfer(loses_held=2, loses_undelivered=7, to_agency="Shelbyville PD")))
    kim, lee = people("Kim Lopez", Role.TECHNICIAN), people("Lee", Role.TECHNICIAN)
    assert "under records" in bwc("order", "sign", file, CAMERA, "--identity", kim).err
    refused = bwc("order", "sign", file, CAMERA, "--identity", lee)
    assert refused.code == ExitCode.BAD_DOCUMENT and "--role records" in refused.err
    holt = people("Holt", Role.RECORDS)
    done = bwc("order", "sign", file, CAMERA, "--role", "records", "--identity", holt)
    assert done.code == 0 and "loses held" not in done.err
    assert "loses_held\t2" in done.out and "Shelbyville PD" in done.out


@pytest.mark.parametrize("argv", [("sign",), ("run",)])
def test_an_order_needs_the_name_of_its_device(
    bwc: Bwc, people: Callable[..., str], order_file: Callable[..., Path], argv: tuple[str, ...]
) -> None:
    file, kim = str(order_file()), people("Kim Lopez", Role.TECHNICIAN)
    assert bwc("order", *argv, file, "--identity", kim).code == ExitCode.USAGE
    wrong = bwc("order", *argv, file, "BWC-000043", "--identity", kim)
    assert wrong.code == ExitCode.NOT_A_DEVICE and "bwc order show" in wrong.err
    assert not SignedDocument.decode(Path(file).read_bytes()).signatures


def test_one_person_signs_once(bwc: Bwc, people: Callable[..., str], order_file: Callable[..., Path]) -> None:
    file, kim = str(order_file()), people("Kim Lopez", Role.TECHNICIAN)
    assert bwc("order", "sign", file, CAMERA, "--identity", kim).code == 0
    before = Path(file).read_bytes()
    again = bwc("order", "sign", file, CAMERA, "--identity", kim, "--json")
    assert again.code == ExitCode.BAD_DOCUMENT and again.error["check"] == "subjects"
    assert "another person" in again.error["advice"] and Path(file).read_bytes() == before
    as_another = bwc("order", "sign", file, CAMERA, "--identity", kim, "--as", "Somebody")
    assert as_another.code == ExitCode.BAD_IDENTITY and "leave --as out" in as_another.err


def test_a_lab_plays_both(
    bwc: Bwc, order_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BWC_LAB", str(tmp_path / "lab"))
    no = bwc("order", "sign", str(order_file()), CAMERA, "--lab")
    assert no.code == ExitCode.BAD_DOCUMENT and "lab" in no.err, "an agency's order"
    lab = bwc("identity", "show", "--lab", "--json").document["identity"]["lab"]
    file = str(order_file(ClockStep(step_ns=5, uncertainty_ms=1, revision=2), lab=lab))
    assert bwc("order", "sign", file, CAMERA, "--lab").code == 0
    twice = bwc("order", "sign", file, CAMERA, "--lab")
    assert twice.code == ExitCode.BAD_DOCUMENT
    for name in ("", "  ", "x" * 65, "a\tb"):
        wrong = bwc("order", "sign", file, CAMERA, "--lab", "--as", name)
        assert wrong.code == ExitCode.USAGE and "try:" in wrong.err, name
    done = bwc("order", "sign", file, CAMERA, "--lab", "--role", "records", "--as", "Second person", "--json")
    assert done.code == 0, done.err
    assert done.document["order"]["missing"] == ""


def test_a_file_that_is_no_order_is_told_as_one(bwc: Bwc, tmp_path: Path) -> None:
    for content, words in ((b"", "form"), (b"\x82\x40\x80", "form"), (bytes(20_000), "more than")):
        (tmp_path / "x").write_bytes(content)
        ran = bwc("order", "show", str(tmp_path / "x"))
        assert ran.code == ExitCode.BAD_DOCUMENT and "try:" in ran.err, words
    missing = bwc("order", "show", str(tmp_path / "none"))
    assert missing.code == ExitCode.BAD_DESTINATION and "try:" in missing.err


@pytest.mark.parametrize(
    "argv",
    [
        ("transfer", "--source", "ntp"),
        ("clock-step", "--lose-held"),
        ("clock-step", "--to", "X"),
        ("decommission", "--to", "X"),
        ("clock-step", "--uncertainty", "soon"),
        ("erase",),
    ],
)
def test_options_of_another_action_are_a_wrong_command_line(
    bwc: Bwc, tmp_path: Path, argv: tuple[str, ...]
) -> None:
    action, *options = argv
    ran = bwc("order", "make", action, str(tmp_path / "x"), *options, device="sim:?seed=1")
    assert ran.code == ExitCode.USAGE and not (tmp_path / "x").exists()


# Desired state


@pytest.fixture
def profile(tmp_path: Path) -> str:
    path = tmp_path / "patrol.toml"
    path.write_text('recording.pre_event_s = 30\naudio.pre_event = true\npolicy.id = "day"\n')
    return str(path)


def test_a_technician_signs_for_cameras_that_are_elsewhere(
    bwc: Bwc, people: Callable[..., str], profile: str, tmp_path: Path
) -> None:
    kim, out = people("Kim Lopez", Role.TECHNICIAN), tmp_path / "new" / "outbox"
    argv = ("desired", "sign", profile, "--camera", CAMERA, "--camera", "B 2", "--out", str(out))
    failed = bwc(*argv, "--identity", str(tmp_path / "nobody"))
    assert failed.code == ExitCode.BAD_IDENTITY and not out.parent.exists(), "nothing is left of a failure"
    signed = bwc(*argv, "--identity", kim, "--json").document["signed"]
    assert [(one["camera"], one["counter"]) for one in signed] == [(CAMERA, 1), ("B 2", 1)]
    again = bwc(*argv, "--identity", kim, "--json").document["signed"]
    assert [(one["counter"], one["generation"]) for one in again] == [(2, 0), (2, 0)]
    shown = bwc("desired", "show", signed[0]["file"], "--json").document["desired"]
    assert shown["settings"] == {
        "audio.pre_event": True,
        "policy.id": "day",
        "recording.pre_event_s": 30,
    }
    assert (shown["profile"], shown["assignment"], shown["counter"]) == ("patrol", None, 2)
    assert shown["generation"] == 0
    plain = bwc("desired", "show", signed[0]["file"])
    assert "settings.recording.pre_event_s\t30" in plain.out and "assignment\tas it is" in plain.out
    assert sorted(path.name for path in out.iterdir()) == sorted(Path(one["file"]).name for one in signed)


def test_the_generation_is_named_once_and_kept(
    bwc: Bwc, people: Callable[..., str], profile: str, tmp_path: Path
) -> None:
    argv = ("desired", "sign", profile, "--camera", CAMERA, "--out", str(tmp_path), "--json")
    argv += ("--identity", people("Kim Lopez", Role.TECHNICIAN))
    assert [
        bwc(*argv, *more).document["signed"][0]["generation"]
        for more in ((), ("--generation", "2"), (), ("--generation", "0"))
    ] == [0, 2, 2, 0]
    assert bwc(*argv, "--generation", "-1").code == ExitCode.USAGE
    assert bwc(*argv, "--generation", str(1 << 32)).error["class"] == "InvalidValue"


def test_what_is_no_directory_is_signed_into_by_nobody(
    bwc: Bwc, people: Callable[..., str], profile: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        argv = ("desired", "sign", profile, "--camera", CAMERA, "--out", str(out))
        assert bwc(*argv, "--identity", people("Kim Lopez", Role.TECHNICIAN)).code == ExitCode.BAD_DESTINATION


@pytest.mark.parametrize("name", ["é" * 60 + ".toml", "night\u200bshift.toml", os.fsdecode(b"\xff.toml")])
def test_any_file_may_be_a_profile_whatever_it_is_called(
    bwc: Bwc, people: Callable[..., str], tmp_path: Path, name: str
) -> None:
    kim = people("Kim Lopez", Role.TECHNICIAN)
    (tmp_path / name).write_text("recording.pre_event_s = 30\n")
    argv = ("desired", "sign", str(tmp_path / name), "--out", str(tmp_path), "--identity", kim)
    assert bwc(*argv, "--camera", CAMERA).code == 0


def test_an_assignment_goes_with_it(
    bwc: Bwc, people: Callable[..., str], profile: str, tmp_path: Path
) -> None:
    kim = people("Kim Lopez", Role.TECHNICIAN)
    argv = ("desired", "sign", profile, "--out", str(tmp_path), "--identity", kim, "--camera", CAMERA)
    file = bwc(*argv, "--officer", "K1234", "--unit", "5th", "--counter", "9", "--json").document["signed"][0]
    document = SignedDocument.decode(Path(file["file"]).read_bytes())
    state = DesiredState.decode(document.payload)
    assert state.assignment is not None
    assert (state.assignment.officer, state.assignment.unit, state.counter) == ("K1234", "5th", 9)
    for wrong in (("--unit", "5th"), ("--officer", "K1", "--camera", "B2"), ("--counter", "0")):
        assert bwc(*argv, *wrong).code == ExitCode.USAGE
    assert bwc(*argv, "--officer", " ", "--json").error["class"] == "InvalidValue"


def test_only_a_technician_signs_and_without_an_identity_nobody(
    bwc: Bwc, people: Callable[..., str], profile: str, tmp_path: Path
) -> None:
    argv = ("desired", "sign", profile, "--camera", CAMERA, "--out", str(tmp_path))
    dock = people("dock-7", Role.DOCK_OFFLOAD)
    assert bwc(*argv, "--identity", dock).code == ExitCode.BAD_IDENTITY
    asked = bwc(*argv, "--identity", dock, "--role", "dock-offload")
    assert asked.code == ExitCode.BAD_DOCUMENT and "technician" in asked.err
    nobody = bwc(*argv, "--allow-insecure")
    assert nobody.code == ExitCode.BAD_IDENTITY and "--identity" in nobody.err
    assert not list(tmp_path.glob("*.desired"))
