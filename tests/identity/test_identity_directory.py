"""Identity directories: one file a role, the newest that is valid, and nothing that does not belong together."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bwc_protocol.declare import Role
from bwc_sdk.errors import IdentityError, IdentityMissing, KeyFileLoose
from bwc_sdk.identity import role_file
from bwc_sdk.identity.identity_directory import FILES_MAX, IdentityDirectory
from bwc_sdk.identity.key_file import sealed
from bwc_sdk.identity.lab_identities import LabIdentities
from tools.testkit.identity_files import pem, write_agency, write_identity
from tools.testkit.secure_ends import NOW_S, Agency, agency


def test_a_role_has_its_own_file_and_its_own_certificate(tmp_path: Path) -> None:
    for role, name in ((Role.TECHNICIAN, "Kim Lopez"), (Role.DOCK_OFFLOAD, "dock-7")):
        write_identity(tmp_path, agency(), role, name=name)
    directory = IdentityDirectory(tmp_path)
    assert directory.roles() == (Role.TECHNICIAN, Role.DOCK_OFFLOAD)
    found = directory.for_role(Role.DOCK_OFFLOAD, NOW_S)
    assert (found.name, found.roles, found.agency, found.lab) == (
        "dock-7",
        Role.DOCK_OFFLOAD,
        "Harbour Police",
        "",
    )
    assert found.anchors == agency().anchors
    assert found.source == str(tmp_path / "dock-offload.pem")
    assert directory.for_role(Role.TECHNICIAN, NOW_S).name == "Kim Lopez"


def test_a_role_that_is_missing_is_told_with_those_that_are_there(tmp_path: Path) -> None:
    write_identity(tmp_path, agency(), Role.TECHNICIAN)
    with pytest.raises(
        IdentityMissing, match="holds technician, and nothing for the role auditor"
    ) as missing:
        IdentityDirectory(tmp_path).for_role(Role.AUDITOR, NOW_S)
    assert "bwc ca issue" in missing.value.advice and "--role technician" in missing.value.advice


def test_of_several_files_the_newest_that_is_valid_is_taken(tmp_path: Path) -> None:
    now = int(NOW_S)
    year = 365 * 86_400
    spans = {
        "dock-offload": (now - 2 * year, now - year),
        "dock-offload-2027": (now - year, now + 10),
        "dock-offload-2028": (now - 10, now + year),
        "dock-offload-2029": (now + year, now + 3 * year),
    }
    for stem, (began_s, ends_s) in spans.items():
        write_identity(tmp_path, agency(), Role.DOCK_OFFLOAD, stem, name=stem, began_s=began_s, ends_s=ends_s)
    directory = IdentityDirectory(tmp_path)
    assert directory.for_role(Role.DOCK_OFFLOAD, now).name == "dock-offload-2028"
    assert directory.for_role(Role.DOCK_OFFLOAD, now - year - 10).name == "dock-offload"
    assert directory.for_role(Role.DOCK_OFFLOAD, now + 2 * year).name == "dock-offload-2029"
    assert directory.for_role(Role.DOCK_OFFLOAD, now + 9 * year).name == "dock-offload-2029", (
        "an agency that forgot to renew still gets its footage"
    )


def test_a_certificate_that_was_renewed_on_the_disk_is_taken_without_a_restart(tmp_path: Path) -> None:
    path = write_identity(tmp_path, agency(), Role.DOCK_OFFLOAD, name="old")
    directory = IdentityDirectory(tmp_path)
    assert directory.for_role(Role.DOCK_OFFLOAD, NOW_S).name == "old"
    write_identity(tmp_path, agency(), Role.DOCK_OFFLOAD, name="renewed")
    os.utime(path, ns=(1, 1))  # whatever the clock of the file system is worth
    assert directory.for_role(Role.DOCK_OFFLOAD, NOW_S).name == "renewed"


def test_a_file_is_opened_once_for_all_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_identity(tmp_path, agency(), Role.DOCK_OFFLOAD)
    directory = IdentityDirectory(tmp_path)
    first = directory.for_role(Role.DOCK_OFFLOAD, NOW_S)

    def opened(*given: object) -> None:
        raise AssertionError("it was opened before")

    monkeypatch.setattr(role_file, "read_secret", opened)
    assert directory.for_role(Role.DOCK_OFFLOAD, NOW_S + 1) is first


def test_a_fleet_that_begins_opens_each_file_once(tmp_path: Path) -> None:
    """Opening one takes a fifth of a second, and may ask somebody for a passphrase."""
    held = agency().host(Role.DOCK_OFFLOAD)
    write_agency(tmp_path, agency())
    (tmp_path / "dock-offload.p12").touch(0o600)
    (tmp_path / "dock-offload.p12").write_bytes(sealed(held.key, held.chain, b"correct horse battery"))
    asked: list[str] = []

    def typed(prompt: str) -> str:
        asked.append(prompt)
        for _ in range(1_000):  # the others have their turns, and would ask as well
            os.sched_yield()
        return "correct horse battery"

    directory = IdentityDirectory(tmp_path, typed)
    with ThreadPoolExecutor(8) as bays:
        found = list(bays.map(lambda bay: directory.for_role(Role.DOCK_OFFLOAD, NOW_S), range(16)))
    assert len(asked) == 1 and all(one is found[0] for one in found)


def test_a_name_that_promises_another_role_is_refused(tmp_path: Path) -> None:
    write_identity(tmp_path, agency(), Role.AUDITOR, "technician")
    with pytest.raises(IdentityMissing, match="holds a certificate for auditor, not for technician"):
        IdentityDirectory(tmp_path).for_role(Role.TECHNICIAN, NOW_S)


def test_a_role_is_never_found_by_the_beginning_of_another_name(tmp_path: Path) -> None:
    write_identity(tmp_path, agency(), Role.TECHNICIAN, "technicians")
    with pytest.raises(IdentityMissing):
        IdentityDirectory(tmp_path).for_role(Role.TECHNICIAN, NOW_S)


def test_a_key_file_of_another_agency_is_refused(tmp_path: Path) -> None:
    write_identity(tmp_path, Agency.new("Elsewhere"), Role.TECHNICIAN)
    write_agency(tmp_path, agency())
    with pytest.raises(
        IdentityError, match="issued by 'Elsewhere' under another root than those of 'Harbour Police'"
    ):
        IdentityDirectory(tmp_path).for_role(Role.TECHNICIAN, NOW_S)


def test_roots_have_to_be_there_and_to_be_roots_of_one_world(tmp_path: Path) -> None:
    write_identity(tmp_path, agency(), Role.TECHNICIAN)
    directory = IdentityDirectory(tmp_path)
    write_agency(tmp_path, agency(), agency("Lab", "ab12"))
    with pytest.raises(IdentityError, match="mixes roots of a lab and of an agency"):
        directory.for_role(Role.TECHNICIAN, NOW_S)
    write_agency(tmp_path, *[agency()] * 5)
    with pytest.raises(IdentityError, match="has to hold 1 to 4 roots"):
        directory.for_role(Role.TECHNICIAN, NOW_S)
    write_agency(tmp_path)
    with pytest.raises(IdentityError, match="has to hold 1 to 4 roots"):
        directory.for_role(Role.TECHNICIAN, NOW_S)
    (tmp_path / "agency.pem").write_bytes(pem(agency().host().chain[0]))
    with pytest.raises(IdentityError, match="and nothing else"):
        directory.for_role(Role.TECHNICIAN, NOW_S)
    (tmp_path / "agency.pem").unlink()
    with pytest.raises(IdentityError, match=r"agency\.pem is missing") as missing:
        directory.for_role(Role.TECHNICIAN, NOW_S)
    assert "bwc ca issue" in missing.value.advice


def test_what_others_may_change_is_refused(tmp_path: Path) -> None:
    path = write_identity(tmp_path, agency(), Role.TECHNICIAN)
    directory = IdentityDirectory(tmp_path)
    for loose, mode in ((path, 0o640), (tmp_path / "agency.pem", 0o666), (tmp_path, 0o777)):
        before = loose.stat().st_mode & 0o777
        loose.chmod(mode)
        with pytest.raises(KeyFileLoose) as refused:
            IdentityDirectory(tmp_path).for_role(Role.TECHNICIAN, NOW_S)
        assert str(loose) in refused.value.advice
        loose.chmod(before)
    assert directory.for_role(Role.TECHNICIAN, NOW_S).roles == Role.TECHNICIAN


def test_files_of_one_role_are_counted(tmp_path: Path) -> None:
    for number in range(FILES_MAX + 1):
        write_identity(tmp_path, agency(), Role.TECHNICIAN, f"technician-{number}")
    with pytest.raises(IdentityError, match="9 key files for technician, at most 8"):
        IdentityDirectory(tmp_path).for_role(Role.TECHNICIAN, NOW_S)


def test_a_directory_that_is_not_there_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(IdentityError) as missing:
        IdentityDirectory(tmp_path / "none").for_role(Role.TECHNICIAN, NOW_S)
    assert "BWC_IDENTITY" in missing.value.advice


def test_an_unattended_service_restarts_without_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = agency().host(Role.DOCK_OFFLOAD, name="dock-7")
    write_agency(tmp_path, agency())
    path = tmp_path / "dock-offload.p12"
    path.touch(0o600)
    path.write_bytes(sealed(held.key, held.chain, b"correct horse battery"))
    credentials = tmp_path / "run"
    credentials.mkdir()
    (credentials / "bwc-passphrase").touch(0o400)
    (credentials / "bwc-passphrase").chmod(0o600)
    (credentials / "bwc-passphrase").write_text("correct horse battery\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    for _ in range(2):  # a new process has a new one
        assert IdentityDirectory(tmp_path).for_role(Role.DOCK_OFFLOAD, NOW_S).name == "dock-7"


def test_the_lab_has_an_identity_for_every_role_at_first_use(tmp_path: Path) -> None:
    lab = LabIdentities("kim@bench", tmp_path / "lab")
    for role in (Role.TECHNICIAN, Role.DESTINATION, Role.BENCH):
        found = lab.for_role(role, NOW_S)
        assert found.roles == role and found.name == "kim@bench" and found.lab
        assert found is lab.for_role(role, NOW_S)
        assert str(tmp_path / "lab") in found.source
    (tmp_path / "lab" / "lab.json").write_text("{}")
    with pytest.raises(IdentityError, match="is not a lab"):
        lab.for_role(Role.AUDITOR, NOW_S)
