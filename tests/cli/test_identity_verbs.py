"""`bwc identity`, and the options by which every verb is told who this host is."""

import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.certificates.issue import Issuer, make_issuing, new_key
from bwc_protocol.declare import ANYONE, Role
from bwc_protocol.lab.directory import open_lab
from bwc_sdk import doctor
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.fleet_output import FleetTeller
from bwc_sdk.cli.printing.output import Output
from bwc_sdk.cli.running import on_camera
from bwc_sdk.identity.key_file import sealed
from bwc_sdk.offload import CameraEvent, Connected
from firmware_sim.ports import memory
from firmware_sim.scenarios import Footage, make_camera
from tools.testkit.identity_files import Enrolling, deny_list_of, write_agency, write_identity
from tools.testkit.secure_ends import Agency, issuance

Bwc = Callable[..., Any]
NOW_S = int(time.time())
DAY_S = 86_400
YEAR_S = 365 * DAY_S - DAY_S // 2


@pytest.fixture(scope="module")
def police() -> Agency:
    return Agency.new("Harbour Police")


@pytest.fixture
def directory(tmp_path: Path, police: Agency, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An identity directory that is in order."""
    for name in ("BWC_IDENTITY", "BWC_IDENTITY_PASSPHRASE_FILE", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BWC_LAB", str(tmp_path / "lab"))
    path = tmp_path / "identity"
    for role, name in ((Role.TECHNICIAN, "Kim Lopez"), (Role.DOCK_OFFLOAD, "dock-7")):
        write_identity(path, police, role, name=name, ends_s=NOW_S + YEAR_S)
    return path


@pytest.fixture
def camera(police: Agency, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URI of a camera in this process that belongs to the agency."""
    made = make_camera(
        seed=5, recordings=1, mib=1, footage=Footage.SYNTHETIC, agency=Enrolling(police), utc_ns=None
    )
    monkeypatch.setattr(memory, "open_sim", lambda *given, **more: memory.MemoryTransport(made, name="sim:"))
    monkeypatch.setattr(
        "bwc_sdk.clients.connecting.transport_for", lambda uri: memory.MemoryTransport(made, name=str(uri))
    )
    yield "sim:?seed=5"
    made.close()


def test_info_says_by_which_identity_this_host_speaks_and_how_long_both_are_good(
    bwc: Bwc, camera: str, directory: Path
) -> None:
    ran = bwc("info", "--json", "--identity", str(directory), device=camera)
    assert ran.code == 0, ran.err
    assert ran.document["session"] == {
        "protection": "TLS 1.3",
        "host": "Kim Lopez",
        "identity": str(directory / "technician.pem"),
        "agency": "Harbour Police",
        "lab": "",
        "days_left": 364,
        "device_certificate": "good",
        "device_days_left": ran.document["session"]["device_days_left"],
    }
    assert ran.document["device"]["secure"] is True
    ran = bwc("info", "--identity", str(directory), device=camera)
    assert f"session.identity\t{directory / 'technician.pem'}" in ran.out
    assert "session.lab" not in ran.out and "this session is protected" in ran.err


def test_the_verb_chooses_the_role_and_the_role_the_identity(
    bwc: Bwc, camera: str, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BWC_IDENTITY", str(directory))
    store = tmp_path / "store"
    store.mkdir()
    assert bwc("offload", str(store), device=camera).code == 0
    ran = bwc("audit", device=camera)
    assert ran.code == ExitCode.BAD_IDENTITY
    assert "holds technician, dock-offload, and nothing for the role auditor" in ran.err
    assert "try: have one issued: 'bwc ca issue'" in ran.err
    ran = bwc("audit", "--json", "--role", "technician", device=camera)
    actors = {entry["actor"] for entry in ran.document["entries"] if entry["kind"] == "session-opened"}
    assert {"dock-7", "Kim Lopez"} <= actors


READS = (
    ("info",),
    ("battery",),
    ("storage",),
    ("clock", "show"),
    ("config", "show"),
    ("config", "get", "recording.pre_event_s"),
    ("recordings", "list"),
    ("recordings", "show", "1"),
    ("raw", "trust.read"),
)


@pytest.mark.parametrize("verb", READS, ids=" ".join)
def test_what_any_role_may_do_is_done_by_the_role_that_is_there(
    bwc: Bwc, camera: str, tmp_path: Path, police: Agency, verb: tuple[str, ...]
) -> None:
    dock = tmp_path / "dock"
    write_identity(dock, police, Role.DOCK_OFFLOAD, name="dock-7", ends_s=NOW_S + YEAR_S)
    ran = bwc(*verb, "--identity", str(dock), device=camera)
    assert ran.code == 0, ran.err
    assert "note: this host has no identity for the role technician; it speaks as dock-offload" in ran.err
    asked = bwc(*verb, "--identity", str(dock), "--role", "technician", device=camera)
    assert asked.code == ExitCode.BAD_IDENTITY, "--role has the last word"


@pytest.mark.parametrize(
    "role", [role for role in Role if role in ANYONE and role is not Role.BENCH], ids=str
)
def test_whichever_role_that_is(bwc: Bwc, camera: str, tmp_path: Path, police: Agency, role: Role) -> None:
    only = tmp_path / "only"
    write_identity(only, police, role, name="whoever", ends_s=NOW_S + YEAR_S)
    ran = bwc("info", "--identity", str(only), device=camera)
    assert ran.code == 0 and "session.host\twhoever" in ran.out, ran.err
    assert ("it speaks as" in ran.err) == (role is not Role.TECHNICIAN)


def test_what_needs_a_role_is_done_by_no_other(bwc: Bwc, camera: str, tmp_path: Path, police: Agency) -> None:
    dock = tmp_path / "dock"
    write_identity(dock, police, Role.DOCK_OFFLOAD, name="dock-7", ends_s=NOW_S + YEAR_S)
    for verb in (("config", "set", "recording.pre_event_s=5"), ("clock", "sync"), ("audit",), ("self-test",)):
        ran = bwc(*verb, "--identity", str(dock), device=camera)
        assert ran.code == ExitCode.BAD_IDENTITY and "it speaks as" not in ran.err


def test_a_key_file_that_is_spoilt_is_never_passed_over_for_another_role(
    bwc: Bwc, camera: str, directory: Path
) -> None:
    (directory / "technician.pem").write_text("spoilt")
    ran = bwc("info", "--identity", str(directory), device=camera)
    assert ran.code == ExitCode.BAD_IDENTITY and "it speaks as" not in ran.err


def test_what_ends_soon_is_said_once_beside_the_result(
    bwc: Bwc, camera: str, directory: Path, police: Agency
) -> None:
    write_identity(
        directory, police, Role.TECHNICIAN, name="Kim Lopez", ends_s=NOW_S + 9 * DAY_S + DAY_S // 2
    )
    ran = bwc("battery", "--identity", str(directory), device=camera)
    assert ran.code == 0 and ran.err.count("remark: this host's certificate 'Kim Lopez' ends in 9 days") == 1
    ran = bwc("battery", "--json", "--identity", str(directory), device=camera)
    assert ran.code == 0 and ran.document


def test_a_person_is_asked_for_a_passphrase_before_any_device_is(
    bwc: Bwc, camera: str, directory: Path, police: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    (directory / "technician.pem").unlink()
    held = police.host(Role.TECHNICIAN, ends_s=NOW_S + YEAR_S)
    path = directory / "technician.p12"
    path.touch(0o600)
    path.write_bytes(sealed(held.key, held.chain, b"correct horse battery"))
    ran = bwc("info", "--identity", str(directory), device=camera)
    assert ran.code == ExitCode.BAD_IDENTITY and "needs its passphrase, and none is given" in ran.err
    asked: list[str] = []

    def typed(prompt: str) -> str:
        asked.append(prompt)
        return "correct horse battery"

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", typed)
    assert on_camera.ask_on_terminal("x") == "correct horse battery"
    asked.clear()
    ran = bwc("info", "--identity", str(directory), device=camera)
    assert ran.code == 0 and asked == [f"passphrase of {path}: "]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


# bwc identity


def test_show_tells_who_this_host_is(bwc: Bwc, directory: Path, tmp_path: Path) -> None:
    ran = bwc("identity", "show", "--json", "--role", "dock-offload", "--identity", str(directory))
    told = ran.document["identity"]
    assert told["source"] == str(directory / "dock-offload.pem") and told["roles"] == ["dock-offload"]
    assert (told["name"], told["agency"], told["days_left"]) == ("dock-7", "Harbour Police", 364)
    ran = bwc("identity", "show", "--lab")
    lab = open_lab(tmp_path / "lab").agency.id
    assert f"lab\t{lab}" in ran.out and "ends\tnever" in ran.out


def test_list_has_a_line_a_key_file(bwc: Bwc, directory: Path) -> None:
    (directory / "auditor.pem").write_text("x")
    (directory / "auditor.pem").chmod(0o644)
    ran = bwc("identity", "list", "--json", "--identity", str(directory))
    rows = {row["role"]: row for row in ran.document["key_files"]}
    assert set(rows) == {"technician", "dock-offload", "auditor"}
    assert rows["technician"]["name"] == "Kim Lopez" and rows["technician"]["problem"] == ""
    assert "without their key" in rows["auditor"]["problem"] or rows["auditor"]["problem"]
    ran = bwc("identity", "list", "--lab")
    assert len(ran.out.splitlines()) == 6


def findings(bwc: Bwc, directory: Path) -> tuple[int, dict[str, tuple[str, str]]]:
    ran = bwc("identity", "check", "--json", "--identity", str(directory))
    found = ran.document["findings"]
    return ran.code, {Path(one["path"]).name: (one["problem"], one["advice"]) for one in found}


def test_check_finds_nothing_in_a_directory_that_is_in_order(
    bwc: Bwc, directory: Path, police: Agency
) -> None:
    (directory / "deny-list.cose").write_bytes(deny_list_of(police, 4, "stolen dock"))
    code, found = findings(bwc, directory)
    assert code == 0 and set(found) == {
        "identity",
        "agency.pem",
        "deny-list.cose",
        "technician.pem",
        "dock-offload.pem",
    }
    assert set(found.values()) == {("", "")}


def test_a_certificate_that_lies_beside_the_key_files_is_none_of_them(
    bwc: Bwc, directory: Path, police: Agency
) -> None:
    (directory / "maker.pem").write_bytes((directory / "agency.pem").read_bytes())
    code, found = findings(bwc, directory)
    assert code == 0 and "maker.pem" not in found


def spoil_rights(directory: Path, police: Agency) -> None:
    (directory / "technician.pem").chmod(0o640)


def spoil_directory(directory: Path, police: Agency) -> None:
    directory.chmod(0o777)


def spoil_end(directory: Path, police: Agency) -> None:
    write_identity(directory, police, Role.TECHNICIAN, ends_s=NOW_S - DAY_S)


def spoil_begin(directory: Path, police: Agency) -> None:
    write_identity(directory, police, Role.TECHNICIAN, began_s=NOW_S + DAY_S, ends_s=NOW_S + YEAR_S)


def spoil_name(directory: Path, police: Agency) -> None:
    (directory / "technician.pem").rename(directory / "kim.pem")


def spoil_role(directory: Path, police: Agency) -> None:
    write_identity(directory, police, Role.AUDITOR, "technician", ends_s=NOW_S + YEAR_S)


def spoil_root(directory: Path, police: Agency) -> None:
    write_agency(directory, Agency.new("Elsewhere"))


def spoil_list(directory: Path, police: Agency) -> None:
    (directory / "deny-list.cose").write_bytes(b"\0" * 50)


def spoil_standing(directory: Path, police: Agency) -> None:
    (directory / "deny-list.cose").write_bytes(deny_list_of(police, 4, "Kim Lopez"))


def spoil_signature(directory: Path, police: Agency) -> None:
    """A certificate whose issuer has the right name, and not the right key."""
    forger = Issuer(police.root.certificate, new_key())
    key = new_key()
    issuing = Issuer(make_issuing(forger, key.public_key(), "issuing", issuance()), key)
    write_identity(directory, replace(police, issuing=issuing), Role.TECHNICIAN, ends_s=NOW_S + YEAR_S)


@pytest.mark.parametrize(
    ("spoil", "file", "problem", "advice"),
    [
        (spoil_rights, "technician.pem", "others may read", "chmod 600"),
        (spoil_directory, "identity", "others may change", "chmod go-w"),
        (spoil_end, "technician.pem", "has ended", "bwc ca issue"),
        (spoil_begin, "technician.pem", "has not begun", "timedatectl"),
        (spoil_name, "kim.pem", "not named after that", "technician.pem"),
        (spoil_role, "technician.pem", "it is for auditor", "auditor.pem"),
        (spoil_root, "technician.pem", "under another root", "of their own"),
        (spoil_list, "deny-list.cose", "is no deny list", "move it away"),
        (spoil_standing, "technician.pem", "denied: deny list 4", "bwc ca issue"),
        (spoil_signature, "technician.pem", "chain: the issuing CA is not signed", "bwc ca issue"),
    ],
)
def test_check_names_the_file_what_is_wrong_and_what_mends_it(
    bwc: Bwc,
    directory: Path,
    police: Agency,
    spoil: Callable[[Path, Agency], None],
    file: str,
    problem: str,
    advice: str,
) -> None:
    spoil(directory, police)
    code, found = findings(bwc, directory)
    assert code == ExitCode.BAD_IDENTITY
    assert problem in found[file][0] and advice in found[file][1], found[file]


def test_check_of_nothing_is_no_fault(bwc: Bwc, directory: Path) -> None:
    ran = bwc("identity", "check", "--lab")
    assert ran.code == 0 and "nothing to be checked" in ran.err


def test_words_that_contradict_each_other_are_told(bwc: Bwc, directory: Path, camera: str) -> None:
    ran = bwc("info", "--lab", "--allow-insecure", "--json", device=camera)
    assert ran.code == ExitCode.BAD_IDENTITY and "exclude each other" in ran.error["rule"]
    assert json.loads(ran.err)["error"]["layer"] == "identity"


def test_of_many_cameras_each_remark_is_a_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    teller = FleetTeller(Output(False, terminal=False))
    for bay in (1, 2):
        notices = ("this host's certificate ends today", f"the certificate of CAM-{bay} ends today")
        teller.tell(CameraEvent(f"bay {bay}", Connected(f"CAM-{bay}", False, True, notices)))
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[2] for line in lines if line[1] == "remark"] == [
        "this host's certificate ends today",
        "the certificate of CAM-1 ends today",
        "the certificate of CAM-2 ends today",
    ]


def test_the_doctor_says_which_identity_there_is_and_whether_it_is_this_users_alone(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> doctor.Check:
        return next(one for one in doctor.examine() if one.name == "identity")

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert found().state is doctor.State.ABSENT
    monkeypatch.setenv("BWC_IDENTITY", str(directory))
    assert found().state is doctor.State.GOOD and "technician, dock-offload" in found().found
    directory.chmod(0o777)
    assert found().state is doctor.State.WARNING and found().advice.startswith("chmod go-w")
    monkeypatch.setenv("BWC_IDENTITY", str(tmp_path / "none"))
    assert found().state is doctor.State.WARNING and "there is no directory" in found().found
    (tmp_path / "none").mkdir()
    assert "has no key file" in found().found
