"""`bwc ca` as a person meets it: what it says, what it writes, and what it refuses."""

import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.certificates.issue import make_request, new_key
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.identity import key_file

Bwc = Callable[..., Any]
HostKnows = Callable[[bool | None], None]
WORDS = {"CA": "issuing", "CA_ROOT": "root", "CA_STANDBY": "standby", "IDENTITY": "host"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host_knows: HostKnows) -> None:
    """A host whose clock is confirmed, with its passphrases in files; key files open fast."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(key_file, "ROUNDS", 1000)
    monkeypatch.setattr(key_file, "SEAL_ROUNDS", 1000)
    host_knows(True)
    for variable, word in WORDS.items():
        path = tmp_path / f"{word}.passphrase"
        path.write_text(f"the {word}'s passphrase\n")
        path.chmod(0o600)
        monkeypatch.setenv(f"BWC_{variable}_PASSPHRASE_FILE", str(path))


@pytest.fixture
def ca(bwc: Bwc) -> str:
    """A CA that has just begun."""
    assert bwc("ca", "init", "ca", "--agency", "Sheriff of X").code == 0
    return "ca"


def test_init_says_what_must_be_kept_and_where(bwc: Bwc) -> None:
    ran = bwc("ca", "init", "ca", "--agency", "Sheriff of X")
    assert ran.code == 0
    for kept in ("ca/offline/root.p12\toff this host", "ca/offline/standby.p12\toff this host", "on paper"):
        assert kept in ran.out
    assert "in another building" in ran.out
    assert sorted(path.name for path in Path("ca").iterdir() if "issuing" not in path.name) == [
        "agency.pem",
        "offline",
        "register.jsonl",
    ]
    assert all(path.stat().st_mode & 0o077 == 0 for path in Path("ca").rglob("*.p12"))


def test_init_puts_the_roots_on_media_of_their_own(bwc: Bwc) -> None:
    ran = bwc(
        "ca", "init", "ca", "--agency", "X", "--root", "a/root.p12", "--standby", "b/standby.p12", "--json"
    )
    assert ran.code == 0
    assert Path("a/root.p12").exists() and Path("b/standby.p12").exists()
    assert not list(Path("ca").rglob("root.p12"))
    assert ran.document["root"]["file"] == "a/root.p12"


@pytest.mark.parametrize("knows", [None, False])
def test_a_clock_that_nobody_confirmed_is_refused_until_a_person_states_the_date(
    bwc: Bwc, host_knows: HostKnows, knows: bool | None
) -> None:
    host_knows(knows)
    ran = bwc("ca", "init", "ca", "--agency", "X")
    assert (ran.code, Path("ca").exists()) == (ExitCode.CLOCK_IMPLAUSIBLE, False)
    assert "nobody confirms the clock" in ran.err and "--today" in ran.err
    ran = bwc("ca", "init", "ca", "--agency", "X", "--today", "2036-01-01")
    assert ran.code == ExitCode.CLOCK_IMPLAUSIBLE
    assert "this host's clock says" in ran.err
    assert bwc("ca", "init", "ca", "--agency", "X", "--today", f"{datetime.now(UTC):%Y-%m-%d}").code == 0


def test_an_identity_is_issued_listed_and_renewed(bwc: Bwc, ca: str) -> None:
    ran = bwc("ca", "issue", ca, "dock-offload", "--name", "dock 1", "--out", "identity", "--json")
    assert ran.code == 0
    assert sorted(path.name for path in Path("identity").iterdir()) == ["agency.pem", "dock-offload.p12"]
    first = ran.document["certificate"]
    listed = bwc("ca", "list", ca, "--json").document["certificates"]
    assert [one["name"] for one in listed if one["what"] == "dock-offload"] == ["dock 1"]
    ran = bwc("ca", "renew", ca, "identity/dock-offload.p12", "--json")
    assert ran.document["renewed"][0]["certificate"]["key_sha256"] != first["key_sha256"]
    assert len(bwc("ca", "list", ca, "--all", "--json").document["certificates"]) == 5
    assert len(bwc("ca", "list", ca, "--json").document["certificates"]) == 4


def test_issuing_over_a_key_file_says_what_is_meant_instead(bwc: Bwc, ca: str) -> None:
    bwc("ca", "issue", ca, "auditor", "--name", "audit", "--out", "identity")
    ran = bwc("ca", "issue", ca, "auditor", "--name", "audit", "--out", "identity")
    assert ran.code == ExitCode.BAD_IDENTITY
    assert "bwc ca renew" in ran.err


def test_a_watch_is_told_what_ends_soon(bwc: Bwc, ca: str) -> None:
    bwc("ca", "issue", ca, "auditor", "--name", "audit", "--out", "identity")
    assert bwc("ca", "list", ca, "--exit-code").code == 0
    bwc("ca", "issue", ca, "technician", "--name", "temp", "--out", "identity", "--days", "3")
    ran = bwc("ca", "list", ca, "--exit-code", "--within", "30")
    assert ran.code == 1
    assert ran.out.splitlines()[0].startswith("temp\ttechnician\t") and "ends soon" in ran.out
    assert "belongs into a safe" in ran.err  # the roots still lie in the directory


def test_whoever_is_revoked_is_in_the_next_list(bwc: Bwc, ca: str) -> None:
    issued = bwc(
        "ca", "issue", ca, "dock-offload", "--name", "dock 1", "--out", "identity", "--json"
    ).document
    ran = bwc("ca", "revoke", ca, "dock 1", "--kind", "host", "--json")
    assert (ran.code, ran.document["entries"]) == (0, 1)
    by_serial = bwc("ca", "revoke", ca, "--serial", issued["certificate"]["serial"], "--json").document
    assert by_serial["entries"] == 2 and by_serial["counter"] > ran.document["counter"]
    by_key = bwc("ca", "revoke", ca, "--key", issued["certificate"]["key_sha256"], "--json").document
    assert by_key["entries"] == 2  # the same key
    states = {one["name"]: one["denied"] for one in bwc("ca", "list", ca, "--json").document["certificates"]}
    assert states["dock 1"] in ("its name", "its key")
    again = bwc("ca", "renew", ca, "identity/dock-offload.p12")
    assert again.code == ExitCode.INCOMPLETE and "denied" in again.err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["dock 7"], "nobody of the name 'dock 7'"),
        (["--serial", "abc"], "no certificate with the serial number"),
        (["--key", "abc"], "hexadecimal"),
        (["--key", "xyz"], "hexadecimal"),
        (["dock 1", "--key", "00" * 32], "name one"),
        (["dock 1", "--last-sequence", "3"], "belong together"),
        (["--floor", "soon"], "takes a date"),
        (["--floor", "2096-01-01"], "floor in the future"),
    ],
)
def test_a_slip_of_the_pen_denies_nobody(bwc: Bwc, ca: str, argv: list[str], said: str) -> None:
    ran = bwc("ca", "revoke", ca, *argv)
    assert ran.code in (ExitCode.USAGE, ExitCode.BAD_IDENTITY) and said in ran.err
    assert not Path("ca/deny-list.cose").exists()


def test_the_issuing_ca_of_today_cannot_be_denied(bwc: Bwc, ca: str) -> None:
    (issuing,) = [
        one for one in bwc("ca", "list", ca, "--json").document["certificates"] if one["what"] == "issuing CA"
    ]
    ran = bwc("ca", "revoke", ca, "--issuer", issuing["key_id"])
    assert ran.code == ExitCode.BAD_IDENTITY and "bwc ca rotate" in ran.err
    assert bwc("ca", "rotate", ca).code == 0
    assert bwc("ca", "revoke", ca, "--issuer", issuing["key_id"]).code == 0


def test_the_standby_root_takes_over(bwc: Bwc, ca: str) -> None:
    Path("ca/offline/root.p12").unlink()
    ran = bwc("ca", "rotate", ca)
    assert ran.code == ExitCode.BAD_DESTINATION and "root.p12" in ran.err
    assert bwc("ca", "rotate", ca, "--standby").code == 0
    assert bwc("ca", "revoke", ca, "--root", "ca/offline/standby.p12").code == 0


def test_a_ca_is_rebuilt_from_its_backup(bwc: Bwc, ca: str) -> None:
    bwc("ca", "issue", ca, "auditor", "--name", "audit", "--out", "identity")
    Path("ca/offline").rename("safe")
    Path("ca").rename("backup")
    ran = bwc("ca", "init", "ca", "--rebuild", "backup")
    assert ran.code == 0 and "deny-list.cose" in ran.err
    assert "audit" in bwc("ca", "list", ca).out
    told = [bwc("ca", "list", where, "--json").document["register"] for where in ("backup", "ca")]
    assert told[0] == told[1] and told[0]["entries"] == 3
    next(Path("backup").glob("issuing-*")).unlink()
    ran = bwc("ca", "init", "ca2", "--rebuild", "backup")
    assert ran.code == ExitCode.BAD_IDENTITY and "--root FILE" in ran.err
    assert bwc("ca", "init", "ca2", "--rebuild", "backup", "--root", "safe/root.p12").code == 0


def test_requests_of_a_fleet_are_answered(bwc: Bwc, ca: str) -> None:
    Path("requests").mkdir()
    Path("one.csr").write_bytes(make_request(new_key(), "CAM-1"))
    assert bwc("ca", "issue", ca, "--csr", "one.csr", "--kind", "camera", "--out", "first").code == 0
    assert Path("first/CAM-1.pem").exists()
    Path("requests/CAM-1.csr").write_bytes(make_request(new_key(), "CAM-1"))
    Path("requests/CAM-2.csr").write_bytes(make_request(new_key(), "CAM-2"))
    there = ("ca", "renew", ca, "--requests", "requests", "--out", "certificates")
    ran = bwc(*there)
    assert ran.code == ExitCode.INCOMPLETE and not Path("certificates").exists()
    assert "nothing proves that 'CAM-1' made it" in ran.err and "--without-proof" in ran.err
    ran = bwc(*there, "--without-proof")
    assert ran.code == ExitCode.INCOMPLETE
    assert [path.name for path in Path("certificates").glob("CAM*")] == ["CAM-1.pem"]
    assert "never certified" in ran.err
    assert bwc("ca", "renew", ca, "one.p12", "--without-proof").code == ExitCode.USAGE


def test_whoever_asks_for_a_certificate_names_no_file_elsewhere(bwc: Bwc, ca: str) -> None:
    """A device chooses its serial number: it may be a path, or the name of what says whom to believe."""
    for number, name in enumerate(("../stolen", "/nowhere/stolen", "..", "a/b", "agency")):
        Path("one.csr").write_bytes(make_request(new_key(), name))
        ran = bwc("ca", "issue", ca, "--csr", "one.csr", "--kind", "camera", "--out", "deep/out")
        assert ran.code == 0, ran.err
        assert len(list(Path().rglob("*.pem"))) == len(list(Path("deep/out").glob("*.pem"))) + 1 == number + 3
    assert Path("deep/out/agency.pem").read_bytes() == Path("ca/agency.pem").read_bytes()


def test_a_request_by_the_name_of_the_agency_file_stops_no_other(bwc: Bwc, ca: str) -> None:
    Path("requests").mkdir()
    Path("one.csr").write_bytes(make_request(new_key(), "CAM-1"))
    assert bwc("ca", "issue", ca, "--csr", "one.csr", "--kind", "camera", "--out", "first").code == 0
    for stem in ("AGENCY", "CAM-1", "agency"):
        Path(f"requests/{stem}.csr").write_bytes(make_request(new_key(), "CAM-1"))
    there = ("ca", "renew", ca, "--requests", "requests", "--out", "certificates")
    ran = bwc(*there, "--without-proof")
    assert ran.code == ExitCode.INCOMPLETE and "in the place of agency.pem" in ran.err
    assert sorted(path.name for path in Path("certificates").glob("*.pem")) == ["CAM-1.pem", "agency.pem"]
    assert Path("certificates/agency.pem").read_bytes() == Path("ca/agency.pem").read_bytes()


@pytest.mark.parametrize(
    "argv",
    [
        ["init", "ca"],
        ["init", "ca", "--agency", "X", "--rebuild", "b"],
        ["issue", "ca", "--name", "x", "--out", "o"],
        ["issue", "ca", "technician", "--name", "x"],
        ["issue", "ca", "technician", "--out", "o"],
        ["issue", "ca", "technician", "--csr", "f", "--kind", "camera", "--out", "o"],
        ["renew", "ca"],
        ["renew", "ca", "--requests", "r"],
        ["init", "ca", "--agency", "X", "--today", "tomorrow"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_does_not_say_enough_is_usage(bwc: Bwc, argv: list[str]) -> None:
    assert bwc("ca", *argv).code == ExitCode.USAGE
    assert not Path("o").exists()


@pytest.mark.parametrize(
    "verb", [["list"], ["issue", "technician", "--name", "x", "--out", "o"], ["rotate"], ["revoke"]]
)
def test_what_is_no_ca_is_told(bwc: Bwc, verb: list[str]) -> None:
    Path("empty").mkdir()
    ran = bwc("ca", verb[0], "empty", *verb[1:])
    assert ran.code == ExitCode.BAD_IDENTITY and "bwc ca init" in ran.err
    assert not list(Path("empty").iterdir())


def test_without_a_passphrase_and_without_a_person_it_says_how_to_give_one(
    bwc: Bwc, ca: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BWC_CA_PASSPHRASE_FILE")
    ran = bwc("ca", "issue", ca, "auditor", "--name", "x", "--out", "o")
    assert ran.code == ExitCode.BAD_IDENTITY
    assert "--passphrase-file FILE or BWC_CA_PASSPHRASE_FILE" in ran.err
    ran = bwc(
        "ca", "issue", ca, "auditor", "--name", "x", "--out", "o", "--passphrase-file", "issuing.passphrase"
    )
    assert ran.code == 0


def test_a_passphrase_that_others_may_read_is_refused(bwc: Bwc, ca: str) -> None:
    Path("issuing.passphrase").chmod(0o644)
    ran = bwc("ca", "issue", ca, "auditor", "--name", "x", "--out", "o")
    assert ran.code == ExitCode.BAD_IDENTITY
    command = re.search(r"(chmod \d+ \S+)", ran.err)
    assert command is not None
    subprocess.run(command[1], shell=True, check=True)
    assert bwc("ca", "issue", ca, "auditor", "--name", "x", "--out", "o").code == 0


def test_a_service_has_its_passphrase_from_systemd(
    bwc: Bwc, ca: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("BWC_CA_PASSPHRASE_FILE")
    credential = tmp_path / "credentials" / "bwc-ca-passphrase"
    credential.parent.mkdir()
    credential.write_text("the issuing's passphrase")
    credential.chmod(0o400)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credential.parent))
    assert bwc("ca", "issue", ca, "auditor", "--name", "x", "--out", "o").code == 0


def test_a_file_without_a_passphrase_needs_its_word(bwc: Bwc, ca: str) -> None:
    assert bwc("ca", "issue", ca, "dock-offload", "--name", "x", "--out", "o", "--no-passphrase").code == 0
    key_file.unsealed(Path("o/dock-offload.p12").read_bytes(), b"", name="x")


def test_the_unsafe_parts_are_said(bwc: Bwc) -> None:
    said = " ".join(bwc("ca", "--help").out.split())
    assert "not by a validated module" in said and "CJIS" in said and "second factor" in said


def test_on_a_terminal_it_is_a_table(bwc: Bwc, ca: str, monkeypatch: pytest.MonkeyPatch) -> None:
    issued = bwc("ca", "issue", ca, "auditor", "--name", "audit", "--out", "identity", "--json").document
    key = issued["certificate"]["key_sha256"]
    monkeypatch.setattr("bwc_sdk.cli.printing.output.sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "140")
    said = bwc("ca", "list", ca)
    assert said.code == 0 and "days left" in said.out
    assert key[:12] in said.out and key not in said.out
    for verb in (["revoke", ca, "audit"], ["rotate", ca], ["renew", ca, "identity/auditor.p12"]):
        assert bwc("ca", *verb).code in (0, ExitCode.INCOMPLETE), verb


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """A person at a terminal, who types these; gives what was asked."""
    for variable in WORDS:
        monkeypatch.delenv(f"BWC_{variable}_PASSPHRASE_FILE")

    def types(*words: str) -> list[str]:
        asked: list[str] = []
        left = iter(words)

        def typed(prompt: str) -> str:
            asked.append(prompt)
            return next(left)

        monkeypatch.setattr("bwc_sdk.cli.arguments.ca.passphrases.getpass.getpass", typed)
        monkeypatch.setattr("bwc_sdk.cli.arguments.ca.passphrases.sys.stdin.isatty", lambda: True)
        return asked

    return types


def test_a_person_types_each_new_passphrase_twice_and_each_old_one_once(
    bwc: Bwc, typing: Callable[..., list[str]]
) -> None:
    root, standby, issuing, host = (
        "the root's own",
        "the standby's own",
        "the issuing's own",
        "the host's own",
    )
    asked = typing(root, root, standby, standby, issuing, issuing)
    assert bwc("ca", "init", "ca", "--agency", "X").code == 0
    assert [prompt for prompt in asked if "again" not in prompt] == [
        "passphrase of ca/offline/root.p12: ",
        "passphrase of ca/offline/standby.p12: ",
        "passphrase of ca/issuing.p12: ",
    ]
    asked = typing(host, host, issuing)
    assert bwc("ca", "issue", "ca", "auditor", "--name", "audit", "--out", "identity").code == 0
    assert len(asked) == 3
    asked = typing(root, issuing, issuing)
    assert bwc("ca", "rotate", "ca").code == 0
    asked = typing(root)
    assert bwc("ca", "revoke", "ca", "audit").code == 0
    assert asked == ["passphrase of ca/offline/root.p12: "]


def test_two_that_are_not_the_same_make_nothing(bwc: Bwc, typing: Callable[..., list[str]]) -> None:
    typing("the root's own", "the roots own")
    ran = bwc("ca", "init", "ca", "--agency", "X")
    assert ran.code == ExitCode.BAD_IDENTITY and "not the same" in ran.err
    assert not Path("ca").exists()


def test_a_wrong_passphrase_is_told_with_what_to_do(
    bwc: Bwc, ca: str, typing: Callable[..., list[str]]
) -> None:
    typing("another passphrase")
    ran = bwc("ca", "rotate", ca)
    assert ran.code == ExitCode.BAD_IDENTITY
    assert "root.p12 does not open" in ran.err and "try: give the file's own passphrase" in ran.err
