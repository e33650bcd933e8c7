"""The agency's CA: what it makes, what it refuses, and that its register knows of everything that is in the world."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bwc_protocol.certificates.chain import verify_chain
from bwc_protocol.certificates.checks import PeerRefused, Trust, check_peer
from bwc_protocol.certificates.facts import read_certificate
from bwc_protocol.certificates.issue import make_request, new_key
from bwc_protocol.declare import Role
from bwc_protocol.documents.renewal_proof import sign_renewal_proof
from bwc_protocol.evidence.sign1 import KeySigner
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.errors import (
    AgencyBusy,
    AgencyError,
    HostFileError,
    IdentityError,
    KeyFileLoose,
    PassphraseWrong,
)
from bwc_sdk.identity.ca import commit_lock, founding
from bwc_sdk.identity.ca.agency_file import from_pem, read_certificates, to_pem
from bwc_sdk.identity.ca.authority import Ca, IssuedCertificate
from bwc_sdk.identity.ca.denying import publish
from bwc_sdk.identity.ca.handing_out import hand_out, renew_identity, requested, write_chain
from bwc_sdk.identity.ca.layout import REGISTER_FILE
from bwc_sdk.identity.ca.lifetimes import DAY_S, DEVICE_DAYS, STAGGER_PCT
from bwc_sdk.identity.ca.register import Listed, Register
from bwc_sdk.identity.ca.requests import answer_all, write_proof
from bwc_sdk.identity.ca.standing import find, holders
from bwc_sdk.identity.key_file import unsealed
from tests.identity.conftest import NOW_S, PASSPHRASE, YEAR_S, Agency, Begin

ROLES = [role for role in Role if role is not Role.ENROLLER]


def _host(agency: Agency, name: str = "dock 1", role: Role = Role.DOCK_OFFLOAD) -> IssuedCertificate:
    return agency.ca.issue_host(name, role, new_key().public_key())


def _camera(agency: Agency, serial: str = "CAM-1") -> IssuedCertificate:
    return agency.ca.issue_device(serial, PeerKind.CAMERA, new_key().public_key())


def _openssl(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *argv], capture_output=True, text=True, check=False)


# What it makes


@pytest.mark.parametrize("role", ROLES, ids=str)
def test_a_host_of_each_role_passes_the_checks_of_a_device(agency: Agency, role: Role) -> None:
    issued = _host(agency, role=role)
    facts = verify_chain(issued.leaf, issued.issuing, issued.roots)
    assert (facts.name, facts.agency, facts.roles) == ("dock 1", "Sheriff of X", role)
    if role is Role.EVIDENCE_RECIPIENT:
        assert facts.agrees and not facts.signs
    else:
        check_peer(facts, Trust())


@pytest.mark.parametrize("kind", [PeerKind.CAMERA, PeerKind.STATION], ids=str)
def test_a_device_passes_the_checks_of_a_host(agency: Agency, kind: PeerKind) -> None:
    issued = agency.ca.issue_device("CAM-1", kind, new_key().public_key())
    facts = verify_chain(issued.leaf, issued.issuing, issued.roots)
    check_peer(facts, Trust(kind=kind))


def test_openssl_takes_what_was_issued_for_its_purpose_and_nothing_else(
    agency: Agency, tmp_path: Path
) -> None:
    host, camera = _host(agency), _camera(agency)
    roots, issuing = agency.directory / "agency.pem", tmp_path / "issuing.pem"
    issuing.write_text(to_pem([host.issuing]))
    for name, issued in (("host", host), ("camera", camera)):
        (tmp_path / f"{name}.pem").write_text(to_pem([issued.leaf]))

    def verify(name: str, *more: str) -> str:
        strict = ["-x509_strict", "-policy_check", "-attime", str(NOW_S + 60), "-CAfile", str(roots)]
        return _openssl(
            "verify", *strict, *more, "-untrusted", issuing, tmp_path / f"{name}.pem"
        ).stdout.strip()

    assert verify("host", "-purpose", "sslserver").endswith("OK")
    assert verify("camera", "-purpose", "sslclient").endswith("OK")
    assert not verify("host", "-purpose", "sslclient").endswith("OK")
    assert not verify("camera", "-purpose", "sslserver").endswith("OK")
    assert not verify("host", "-attime", str(NOW_S + 2 * YEAR_S)).endswith("OK")
    other = _openssl(
        "verify", "-x509_strict", "-attime", str(NOW_S + 60), "-CAfile", roots, tmp_path / "host.pem"
    )
    assert "unable to get local issuer" in other.stderr


def test_an_issuing_ca_issues_no_further_ca(agency: Agency, tmp_path: Path) -> None:
    """pathLen 0, by OpenSSL's word: a leaf under a second CA does not verify."""
    from bwc_protocol.certificates.issue import Issuance, Issuer, make_host, make_issuing

    held = unsealed(next(agency.directory.glob("issuing-*.p12")).read_bytes(), PASSPHRASE, name="issuing")
    times = Issuance(not_before_s=NOW_S - 60, not_after_s=NOW_S + YEAR_S, entropy=os.urandom)
    key = new_key()
    second = make_issuing(Issuer(held.chain[0], held.key), key.public_key(), "a second", times)
    leaf = make_host(Issuer(second, key), new_key().public_key(), "thief", Role.TECHNICIAN, times)
    (tmp_path / "untrusted.pem").write_text(to_pem([held.chain[0], second]))
    (tmp_path / "leaf.pem").write_text(to_pem([leaf]))
    said = _openssl(
        "verify", "-attime", str(NOW_S), "-CAfile", agency.directory / "agency.pem",
        "-untrusted", tmp_path / "untrusted.pem", tmp_path / "leaf.pem",
    )  # fmt: skip
    assert "path length constraint exceeded" in said.stderr
    with pytest.raises(PeerRefused):
        verify_chain(leaf, second, read_certificates(agency.directory / "agency.pem"))


def test_devices_of_one_day_do_not_end_on_one_day(agency: Agency) -> None:
    ends = sorted(_camera(agency, f"CAM-{number}").facts.not_after_s for number in range(40))
    longest = NOW_S + DEVICE_DAYS * DAY_S
    assert longest - DEVICE_DAYS * DAY_S * STAGGER_PCT // 100 <= ends[0] and ends[-1] <= longest
    assert (ends[-1] - ends[0]) / DAY_S > 100
    busiest = max(sum(start <= end < start + 7 * DAY_S for end in ends) for start in ends)
    assert busiest < 15  # of 40 in any week


def test_nothing_outlives_what_issued_it(agency: Agency) -> None:
    agency.now_s = NOW_S + 9 * YEAR_S + 300 * DAY_S
    assert _host(agency).facts.not_after_s == agency.made.issuing.not_after_s
    agency.now_s = NOW_S + 11 * YEAR_S
    with pytest.raises(AgencyError, match="the issuing CA has ended") as caught:
        _host(agency)
    assert "bwc ca rotate" in caught.value.advice


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb", "‮evil"])
def test_a_name_that_cannot_stand_in_a_certificate_is_refused(agency: Agency, name: str) -> None:
    with pytest.raises(AgencyError, match="cannot be certified"):
        _host(agency, name)
    assert not agency.ca.register().issued()


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_a_lifetime_beyond_reason_is_refused(agency: Agency, days: int) -> None:
    with pytest.raises(IdentityError, match="lasts 1 to"):
        agency.ca.issue_host("dock", Role.DOCK_OFFLOAD, new_key().public_key(), days=days)


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb"])
def test_an_agency_without_a_good_name_does_not_begin(tmp_path: Path, name: str) -> None:
    with pytest.raises(AgencyError, match="name of an agency"):
        founding.found(
            tmp_path / "ca",
            name,
            passphrase=lambda path: PASSPHRASE,
            clock=lambda last: NOW_S,
            entropy=os.urandom,
        )
    assert not (tmp_path / "ca").exists()


def test_an_agency_whose_name_is_as_long_as_it_can_be_begins(begin: Begin) -> None:
    name = "ü" * 32
    assert _host(begin(name)).facts.agency == name


def test_nothing_that_is_there_is_written_over(agency: Agency, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in agency.directory.rglob("*") if path.is_file()}
    with pytest.raises(AgencyError, match="not empty"):
        founding.found(
            agency.directory,
            "Other",
            passphrase=lambda path: PASSPHRASE,
            clock=lambda last: NOW_S,
            entropy=os.urandom,
        )
    with pytest.raises(AgencyError, match="there already"):
        founding.found(
            tmp_path / "new",
            "Other",
            passphrase=lambda path: PASSPHRASE,
            clock=lambda last: NOW_S,
            entropy=os.urandom,
            root_file=agency.made.root_file,
        )
    assert {path: path.read_bytes() for path in agency.directory.rglob("*") if path.is_file()} == before


def test_a_short_passphrase_makes_no_agency(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match="too short"):
        founding.found(
            tmp_path / "ca",
            "X",
            passphrase=lambda path: b"short",
            clock=lambda last: NOW_S,
            entropy=os.urandom,
        )
    assert not (tmp_path / "ca").exists()


def test_a_passphrase_that_is_too_short_leaves_no_root_behind(tmp_path: Path) -> None:
    """Else the next attempt would find a root that is never written over."""

    def passphrase(path: Path) -> bytes:
        return PASSPHRASE if path.name == "root.p12" else b"short"

    def begin() -> None:
        founding.found(
            tmp_path / "ca",
            "X",
            passphrase=passphrase,
            clock=lambda last: NOW_S,
            entropy=os.urandom,
            root_file=tmp_path / "stick" / "root.p12",
        )

    for _ in range(2):
        with pytest.raises(IdentityError, match="too short"):
            begin()
    assert not list(tmp_path.iterdir())


def test_of_two_that_begin_in_one_place_one_is_told(tmp_path: Path) -> None:
    """And nothing of the other is harmed, nor of anything that is called alike."""
    (tmp_path / "ca.half").mkdir()
    (tmp_path / "ca.half" / "mine").write_text("kept")

    def begin(passphrase: Callable[[Path], bytes]) -> None:
        founding.found(
            tmp_path / "ca", "X", passphrase=passphrase, clock=lambda last: NOW_S, entropy=os.urandom
        )

    def meanwhile(path: Path) -> bytes:
        if not (tmp_path / "ca").exists():
            begin(lambda path: PASSPHRASE)
        return PASSPHRASE

    with pytest.raises(AgencyError, match="not empty"):
        begin(meanwhile)
    founding.rotate(
        Ca(tmp_path / "ca", lambda path: PASSPHRASE, lambda last: NOW_S, os.urandom),
        tmp_path / "ca" / "offline" / "root.p12",
        lambda: PASSPHRASE,
    )
    assert (tmp_path / "ca.half" / "mine").read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ca", "ca.half"]


# The register


def test_the_register_knows_of_everything_and_says_who_ends_next(agency: Agency) -> None:
    _camera(agency)
    dock, newer = _host(agency), _host(agency)
    register = agency.ca.register()
    assert [facts.der for facts in find(register, name="dock 1")] == [dock.leaf, newer.leaf]
    assert find(register, serial=dock.facts.serial) == [dock.facts]
    assert [holder.what for holder in holders(register)] == [
        "dock-offload",
        "camera",
        "issuing CA",
        "root",
        "root",
    ]
    assert sum(holder.facts.name == "dock 1" for holder in holders(register, superseded=True)) == 2


@pytest.mark.parametrize("change", ["flip", "remove", "swap", "empty"])
def test_a_register_that_was_changed_is_told(agency: Agency, change: str) -> None:
    for number in range(3):
        _camera(agency, f"CAM-{number}")
    path = agency.directory / "register.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    match change:
        case "flip":
            lines[2] = lines[2].replace(b"CAM-0", b"CAM-9")
        case "remove":
            del lines[2]
        case "swap":
            lines[2], lines[3] = lines[3], lines[2]
        case "empty":
            lines = []
    path.write_bytes(b"".join(lines))
    with pytest.raises(AgencyError, match="damaged") as caught:
        agency.ca.register()
    assert "backup" in caught.value.advice


@pytest.mark.parametrize(
    "torn", [b'{"n":4,"prev', b'{"n":4,' * 900, b"\0" * 700, b"\0" * 5000, b"\0" * 300 + b'"}\n']
)
def test_what_a_power_cut_left_half_written_counts_for_nothing(agency: Agency, torn: bytes) -> None:
    """It was never synced, so nobody was given what it tells of."""
    _camera(agency)
    path = agency.directory / "register.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    assert len(agency.ca.register().issued()) == 1
    _camera(agency, "CAM-2")
    assert path.read_bytes().startswith(whole + b'{"n":4,')
    assert [facts.name for facts in agency.ca.register().issued()] == ["CAM-1", "CAM-2"]


def test_nothing_of_a_half_written_tail_is_left_behind_the_next_entry(agency: Agency, tmp_path: Path) -> None:
    """Else the end of it would be taken for a line, once what is written over it is just so long."""
    entry = Listed(counter=NOW_S, sha256=bytes(32))
    path = agency.directory / "register.jsonl"
    whole = path.read_bytes()
    agency.ca.register().append(NOW_S, entry)
    longer = path.read_bytes()
    path.write_bytes(whole + bytes(len(longer) - len(whole)) + b"\n")
    agency.ca.register().append(NOW_S, entry)
    assert path.read_bytes() == longer
    agency.ca.register()


def test_a_register_of_ten_thousand_is_not_read_anew_for_each(agency: Agency) -> None:
    """Each certificate reads what was appended since, not everything."""
    ca = agency.ca
    ca.issue_host("dock", Role.DOCK_OFFLOAD, new_key().public_key())
    register = ca.register()
    taken: list[int] = []
    original = Register._take

    def counted(self: Register, line: bytes, number: int) -> None:
        taken.append(number)
        original(self, line, number)

    Register._take = counted
    try:
        for _ in range(5):
            ca.issue_host("dock", Role.DOCK_OFFLOAD, new_key().public_key())
        agency.ca.issue_host("dock 2", Role.DOCK_OFFLOAD, new_key().public_key())  # another process
        taken.clear()
        assert [facts.name for facts in ca.register().issued()][-1] == "dock 2"
    finally:
        Register._take = original
    assert len(taken) == 1 and register is ca.register()


def test_another_process_is_waited_for_and_not_for_ever(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_lock, "_LOOK_S", 0.0)
    with (
        commit_lock.commit_lock(agency.directory),
        pytest.raises(AgencyBusy, match="another process"),
        commit_lock.commit_lock(agency.directory, wait_s=0.0),
    ):
        raise AssertionError("two at once")
    _camera(agency)


# Keys for hosts


def test_an_identity_is_written_and_renewed_in_place(agency: Agency, tmp_path: Path) -> None:
    into = tmp_path / "identity"
    made = hand_out(agency.ca, into, "dock 1", Role.DOCK_OFFLOAD, PASSPHRASE)
    assert sorted(path.name for path in into.iterdir()) == ["agency.pem", "dock-offload.p12"]
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert read_certificates(into / "agency.pem") == (agency.made.root.der, agency.made.standby.der)
    with pytest.raises(AgencyError, match="there already"):
        hand_out(agency.ca, into, "dock 2", Role.DOCK_OFFLOAD, PASSPHRASE)
    agency.now_s += 300 * DAY_S
    renewed = renew_identity(agency.ca, made.path, lambda path: PASSPHRASE)
    held = unsealed(made.path.read_bytes(), PASSPHRASE, name="x")
    assert held.chain[0] == renewed.facts.der != made.facts.der
    assert (renewed.facts.name, renewed.facts.roles) == ("dock 1", Role.DOCK_OFFLOAD)
    assert renewed.facts.key_sha256 != made.facts.key_sha256


def test_a_directory_is_for_one_agency(begin: Begin, agency: Agency, tmp_path: Path) -> None:
    other = begin("Rangers", "other")
    hand_out(agency.ca, tmp_path / "identity", "dock 1", Role.DOCK_OFFLOAD, PASSPHRASE)
    with pytest.raises(AgencyError, match="another agency"):
        hand_out(other.ca, tmp_path / "identity", "dock 1", Role.TECHNICIAN, PASSPHRASE)
    with pytest.raises(AgencyError, match="no host's of this agency"):
        renew_identity(other.ca, tmp_path / "identity" / "dock-offload.p12", lambda path: PASSPHRASE)
    assert not other.ca.register().issued()


def test_a_wrong_passphrase_issues_nothing(agency: Agency) -> None:
    ca = Ca(agency.directory, lambda path: b"another passphrase", agency.clock, os.urandom)
    with pytest.raises(PassphraseWrong):
        ca.issue_host("dock 1", Role.DOCK_OFFLOAD, new_key().public_key())
    assert not agency.ca.register().issued()


def test_a_key_in_a_token_is_certified_by_its_request(agency: Agency, tmp_path: Path) -> None:
    """The request that openssl makes for a key that this program never sees."""
    key, request = tmp_path / "key.pem", tmp_path / "request.csr"
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    _openssl("req", "-new", "-key", key, "-subj", "/CN=Anna", "-out", request)
    name, public = requested(request)
    issued = agency.ca.issue_host(name, Role.TECHNICIAN, public)
    path = write_chain(tmp_path / "out", "technician", issued, agency.ca)
    assert from_pem(path.read_text(), name="x") == issued.chain
    assert name == "Anna"


@pytest.mark.parametrize("kind", ["RSA", "ED25519", "EC -pkeyopt ec_paramgen_curve:P-384"])
def test_a_request_for_another_kind_of_key_is_refused(tmp_path: Path, kind: str) -> None:
    key, request = tmp_path / "key.pem", tmp_path / "request.csr"
    _openssl("genpkey", "-algorithm", *kind.split(), "-out", key)
    _openssl("req", "-new", "-key", key, "-subj", "/CN=Anna", "-out", request)
    with pytest.raises(IdentityError, match="not on secp256r1") as caught:
        requested(request)
    assert "P-256" in caught.value.advice


@pytest.mark.parametrize(
    "data", [b"", b"\x30", b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA", b"x" * 5000, b"\xff" * 40]
)
def test_what_is_no_request_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "request.csr").write_bytes(data)
    with pytest.raises(IdentityError):
        requested(tmp_path / "request.csr")


def test_a_fleet_is_renewed_by_a_directory_of_requests(agency: Agency, tmp_path: Path) -> None:
    requests = tmp_path / "requests"
    requests.mkdir()
    for number in range(3):
        key, request = new_key(), make_request(new_key(), f"CAM-{number}")
        issued = agency.ca.issue_device(f"CAM-{number}", PeerKind.CAMERA, key.public_key())
        path = requests / f"CAM-{number}.csr"
        path.write_bytes(request)
        by = KeySigner(issued.chain, key)
        write_proof(path, sign_renewal_proof(request, f"CAM-{number}", "", by))
    (requests / "stranger.csr").write_bytes(make_request(new_key(), "stranger"))
    (requests / "broken.csr").write_bytes(b"garbage")
    answers = {answer.request.stem: answer for answer in answer_all(agency.ca, requests, tmp_path / "out")}
    assert answers["stranger"].error is not None and "never certified" in answers["stranger"].error.rule
    assert answers["broken"].error is not None
    for number in range(3):
        path = answers[f"CAM-{number}"].path
        assert path is not None
        leaf, _ = from_pem(path.read_text(), name="x")
        assert read_certificate(leaf).kind is PeerKind.CAMERA


def test_a_register_that_was_rolled_back_under_a_ca_at_work_is_told_and_nothing_is_issued(
    agency: Agency,
) -> None:
    """An older copy was put in its place: what is issued now would stand behind a gap, where nobody reads it."""
    path = agency.directory / REGISTER_FILE
    ca, older = agency.ca, path.read_bytes()
    ca.issue_device("CAM-1", PeerKind.CAMERA, new_key().public_key())
    path.write_bytes(older)
    with pytest.raises(AgencyError, match="shorter") as caught:
        ca.issue_device("CAM-2", PeerKind.CAMERA, new_key().public_key())
    assert caught.value.advice
    assert path.read_bytes() == older


# Roots, rotation, rebuild


def test_a_new_issuing_ca_takes_over_and_what_the_old_one_issued_stays_good(agency: Agency) -> None:
    old = _camera(agency)
    running = agency.ca
    running.issue_host("dock 1", Role.DOCK_OFFLOAD, new_key().public_key())
    made = founding.rotate(agency.ca, agency.made.root_file, lambda: PASSPHRASE)
    new = _camera(agency, "CAM-2")
    assert new.facts.issuer_key_id == made.key_id != old.facts.issuer_key_id
    for issued in (old, new):
        verify_chain(issued.leaf, issued.issuing, issued.roots)
    assert len(list(agency.directory.glob("issuing-*.p12"))) == 1
    late = running.issue_host("dock 2", Role.DOCK_OFFLOAD, new_key().public_key())
    assert late.facts.issuer_key_id == made.key_id  # a process that had the old key


def test_when_the_root_is_lost_the_standby_root_takes_over(agency: Agency) -> None:
    """Every device pinned both at its enrolment: none has to be enrolled anew."""
    agency.made.root_file.unlink()
    founding.rotate(agency.ca, agency.made.standby_file, lambda: PASSPHRASE)
    issued = _camera(agency)
    verify_chain(issued.leaf, issued.issuing, [agency.made.standby.der])
    verify_chain(issued.leaf, issued.issuing, issued.roots)


def test_the_root_of_another_agency_is_refused(begin: Begin, agency: Agency) -> None:
    other = begin("Rangers", "other")
    with pytest.raises(AgencyError, match="no root of"):
        founding.rotate(agency.ca, other.made.root_file, lambda: PASSPHRASE)


def _rebuilt(agency: Agency, backup: Path, where: Path, *, root: Path | None = None) -> Agency:
    founding.rebuild(
        where,
        backup,
        passphrase=lambda path: PASSPHRASE,
        clock=lambda last: agency.now_s,
        entropy=os.urandom,
        root_file=root,
        new_passphrase=lambda: PASSPHRASE,
    )
    return Agency(where, agency.made, agency.now_s)


def test_a_ca_whose_host_is_lost_is_rebuilt_from_its_backup(agency: Agency, tmp_path: Path) -> None:
    before = _camera(agency)
    backup = tmp_path / "backup"
    shutil.copytree(agency.directory, backup, ignore=shutil.ignore_patterns("offline", ".lock"))
    root = shutil.copy(agency.made.root_file, tmp_path / "root.p12")
    shutil.rmtree(agency.directory)
    again = _rebuilt(agency, backup, tmp_path / "new")
    assert find(again.ca.register(), name="CAM-1") == [before.facts]
    issued = _camera(again)
    assert issued.issuing == before.issuing
    verify_chain(issued.leaf, issued.issuing, before.roots)
    founding.rotate(again.ca, Path(root), lambda: PASSPHRASE)


def test_a_ca_of_which_only_root_and_agency_file_are_left_is_rebuilt(agency: Agency, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    backup.mkdir()
    shutil.copy(agency.directory / "agency.pem", backup)
    with pytest.raises(AgencyError, match="no key of the issuing CA") as caught:
        _rebuilt(agency, backup, tmp_path / "new")
    assert "--root" in caught.value.advice
    again = _rebuilt(agency, backup, tmp_path / "new", root=agency.made.standby_file)
    issued = _camera(again)
    verify_chain(issued.leaf, issued.issuing, [agency.made.standby.der])


def test_a_backup_that_does_not_belong_together_is_refused(
    begin: Begin, agency: Agency, tmp_path: Path
) -> None:
    other = begin("Rangers", "other")
    backup = tmp_path / "backup"
    shutil.copytree(agency.directory, backup)
    shutil.copy(other.directory / "agency.pem", backup)
    with pytest.raises(AgencyError, match="another agency"):
        _rebuilt(agency, backup, tmp_path / "new", root=agency.made.root_file)
    assert not (tmp_path / "new").exists()


def test_evidence_recipients_are_those_that_are_current(agency: Agency) -> None:
    first = _host(agency, "vault", Role.EVIDENCE_RECIPIENT)
    newer = _host(agency, "vault", Role.EVIDENCE_RECIPIENT)
    offline = _host(agency, "safe", Role.EVIDENCE_RECIPIENT)
    assert agency.ca.recipients() == (newer.leaf, offline.leaf)
    assert first.leaf not in agency.ca.recipients()


def test_the_register_is_text_that_other_programs_read(agency: Agency) -> None:
    _camera(agency)
    said = [json.loads(line) for line in (agency.directory / "register.jsonl").read_text().splitlines()]
    assert [one["kind"] for one in said] == ["begun", "issuing", "issued"]
    assert said[2]["name"] == "CAM-1" and said[2]["utc"].startswith("20")


# What the operating system refuses


def test_a_disk_that_is_full_gives_nothing_out_and_says_so(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    ca = agency.ca
    ca.unlock()
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(HostFileError, match="No space left") as caught:
            ca.issue_host("dock 1", Role.DOCK_OFFLOAD, new_key().public_key())
        assert "make room" in caught.value.advice
    issued = ca.issue_host("dock 2", Role.DOCK_OFFLOAD, new_key().public_key())
    assert issued.leaf in [facts.der for facts in Register.read(agency.directory).issued()]


def test_every_line_of_the_register_is_on_the_medium_before_anything_is_given(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: dict[int, int] = {}
    sync = os.fsync

    def noted(file: int) -> None:
        sync(file)
        found = os.fstat(file)
        synced[found.st_ino] = found.st_size

    monkeypatch.setattr(os, "fsync", noted)
    _host(agency)
    found = (agency.directory / "register.jsonl").stat()
    assert synced[found.st_ino] == found.st_size


def test_a_directory_that_others_may_change_is_no_place_for_a_ca(agency: Agency) -> None:
    agency.directory.chmod(0o770)
    with pytest.raises(KeyFileLoose) as caught:
        _host(agency)
    subprocess.run(caught.value.advice, shell=True, check=True)
    _host(agency)


@pytest.mark.parametrize("what", ["ca", "out", "elsewhere"])
def test_a_place_that_cannot_be_written_is_told(agency: Agency, tmp_path: Path, what: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(HostFileError, match="cannot be written"):
        match what:
            case "ca":
                founding.found(
                    tmp_path / "file" / "ca",
                    "X",
                    passphrase=lambda path: PASSPHRASE,
                    clock=lambda last: NOW_S,
                    entropy=os.urandom,
                )
            case "out":
                hand_out(agency.ca, tmp_path / "file" / "out", "dock", Role.AUDITOR, PASSPHRASE)
            case _:
                write_chain(tmp_path / "file" / "out", "x", _host(agency), agency.ca)


def test_a_key_file_of_an_agency_of_the_same_name_is_not_renewed(begin: Begin, tmp_path: Path) -> None:
    """Two agencies may call themselves alike: the root tells them apart."""
    one, other = begin("Sheriff", "one"), begin("Sheriff", "other")
    made = hand_out(one.ca, tmp_path / "identity", "dock", Role.AUDITOR, PASSPHRASE)
    (tmp_path / "identity" / "agency.pem").unlink()
    with pytest.raises(AgencyError, match="no host's of this agency"):
        renew_identity(other.ca, made.path, lambda path: PASSPHRASE)


def test_nobody_waits_at_the_lock_while_a_passphrase_is_typed(agency: Agency) -> None:
    def typed(path: Path) -> bytes:
        with commit_lock.commit_lock(agency.directory, wait_s=0.0):
            return PASSPHRASE

    ca = Ca(agency.directory, typed, agency.clock, os.urandom)
    ca.issue_host("dock", Role.AUDITOR, new_key().public_key())
    founding.rotate(
        Ca(agency.directory, typed, agency.clock, os.urandom), agency.made.root_file, lambda: typed(Path())
    )
    publish(Ca(agency.directory, typed, agency.clock, os.urandom), agency.made.root_file)
