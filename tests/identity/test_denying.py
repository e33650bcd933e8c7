"""Deny lists of the CA: complete, counted, signed by a root, and never one that shuts everybody out."""

import os
import shutil
from pathlib import Path

import pytest

from bwc_protocol.certificates.issue import Issuance, make_host, make_request, new_key
from bwc_protocol.declare import Role
from bwc_protocol.documents import deny_list
from bwc_protocol.documents.deny_list import DENIED_MAX, DenyList, accept_deny_list, verify_deny_list
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.errors import AgencyError
from bwc_sdk.identity.ca import founding
from bwc_sdk.identity.ca.authority import IssuedCertificate, opened
from bwc_sdk.identity.ca.denying import Published, publish
from bwc_sdk.identity.ca.handing_out import hand_out, renew_identity
from bwc_sdk.identity.ca.layout import issuing_file
from bwc_sdk.identity.ca.lifetimes import DAY_S
from bwc_sdk.identity.ca.register import Denied
from bwc_sdk.identity.ca.requests import answer_all
from bwc_sdk.identity.durable_files import write_new
from bwc_sdk.identity.key_file import sealed
from tests.identity.conftest import NOW_S, PASSPHRASE, YEAR_S, Agency, Begin


def _host(agency: Agency, name: str = "dock 1", role: Role = Role.DOCK_OFFLOAD) -> IssuedCertificate:
    return agency.ca.issue_host(name, role, new_key().public_key())


def _published(agency: Agency, *denied: Denied, floor_s: int | None = None) -> tuple[Published, DenyList]:
    done = publish(agency.ca, agency.made.root_file, denied, floor_s=floor_s)
    assert done.path.read_bytes() == done.data
    return done, verify_deny_list(done.data, (agency.made.root.der, agency.made.standby.der))


def test_a_stolen_dock_is_denied_by_name_by_key_and_by_its_old_issuer(agency: Agency) -> None:
    stolen, other = _host(agency), _host(agency, "dock 2")
    _, by_name = _published(agency, Denied(name="dock 1"))
    assert by_name.denies(stolen.facts) and not by_name.denies(other.facts)
    _, by_key = _published(agency, Denied(key_sha256=other.facts.key_sha256))
    assert by_key.denies(other.facts) and by_key.denies(stolen.facts)  # complete: the first is in it, too
    old = stolen.facts.issuer_key_id
    founding.rotate(agency.ca, agency.made.root_file, lambda: PASSPHRASE)
    third = _host(agency, "dock 3")
    _, by_issuer = _published(agency, Denied(issuer_key_id=old))
    assert by_issuer.denies(stolen.facts) and not by_issuer.denies(third.facts)


def test_who_is_denied_is_issued_nothing_more(agency: Agency) -> None:
    key = new_key().public_key()
    stolen = agency.ca.issue_host("dock 1", Role.DOCK_OFFLOAD, key)
    _published(agency, Denied(name="dock 1", of_kind="host"), Denied(key_sha256=stolen.facts.key_sha256))
    with pytest.raises(AgencyError, match="denied"):
        _host(agency)
    with pytest.raises(AgencyError, match="denied"):
        agency.ca.issue_host("another name", Role.DOCK_OFFLOAD, key)
    agency.ca.issue_device("dock 1", PeerKind.CAMERA, new_key().public_key())  # of another kind


def test_who_is_denied_by_a_key_gets_no_other_by_renewal(agency: Agency, tmp_path: Path) -> None:
    """Whoever stole a key file may hand it in to be renewed, and a camera ask for whatever it likes."""
    stolen = hand_out(agency.ca, tmp_path / "dock", "dock 1", Role.DOCK_OFFLOAD, PASSPHRASE)
    other = hand_out(agency.ca, tmp_path / "other", "dock 2", Role.DOCK_OFFLOAD, PASSPHRASE)
    camera = agency.ca.issue_device("CAM-1", PeerKind.CAMERA, new_key().public_key())
    _published(agency, *(Denied(key_sha256=one.facts.key_sha256) for one in (stolen, camera)))
    before = stolen.path.read_bytes()
    with pytest.raises(AgencyError, match="denied"):
        renew_identity(agency.ca, stolen.path, lambda path: PASSPHRASE)
    assert stolen.path.read_bytes() == before
    (tmp_path / "CAM-1.csr").write_bytes(make_request(new_key(), "CAM-1"))
    (answer,) = answer_all(agency.ca, tmp_path, tmp_path / "out")
    assert answer.error is not None and "denied" in answer.error.rule and not (tmp_path / "out").exists()
    renew_identity(agency.ca, other.path, lambda path: PASSPHRASE)


def test_a_host_of_a_denied_issuing_ca_is_renewed_only_if_it_is_in_the_register(
    agency: Agency, tmp_path: Path
) -> None:
    known = hand_out(agency.ca, tmp_path / "known", "dock 1", Role.DOCK_OFFLOAD, PASSPHRASE)
    old = known.facts.issuer_key_id
    issuer = opened(agency.directory / issuing_file(old), lambda path: PASSPHRASE)
    key, issuance = new_key(), Issuance(not_before_s=NOW_S, not_after_s=NOW_S + YEAR_S, entropy=os.urandom)
    leaf = make_host(issuer, key.public_key(), "forged", Role.RECORDS, issuance)
    forged = tmp_path / "forged" / "records.p12"
    forged.parent.mkdir(mode=0o700)
    write_new(forged, sealed(key, (leaf, issuer.certificate), PASSPHRASE))
    founding.rotate(agency.ca, agency.made.root_file, lambda: PASSPHRASE)
    _published(agency, Denied(issuer_key_id=old))
    with pytest.raises(AgencyError, match="its issuing CA"):
        renew_identity(agency.ca, forged, lambda path: PASSPHRASE)
    renew_identity(agency.ca, known.path, lambda path: PASSPHRASE)


def test_of_a_camera_the_earlier_footage_stays_good(agency: Agency) -> None:
    camera = agency.ca.issue_device("CAM-1", PeerKind.CAMERA, new_key().public_key())
    denied = Denied(name="CAM-1", of_kind="camera", last_sequence=17, last_manifest=bytes(range(32)))
    _, found = _published(agency, denied)
    entry = found.entry_for(camera.facts)
    assert entry is not None
    assert (entry.last_sequence, entry.last_manifest_sha256) == (17, bytes(range(32)))


def test_the_counter_rises_and_so_does_that_of_a_ca_from_an_old_backup(
    agency: Agency, tmp_path: Path
) -> None:
    """A CA that forgot what it signed would sign lists that nobody takes, and the stolen dock would go on."""
    backup = shutil.copytree(agency.directory, tmp_path / "backup")
    _host(agency)
    newest = [_published(agency, Denied(name=f"dock {number}")) for number in range(5)][-1][1]
    agency.now_s += 3_600
    founding.rebuild(
        tmp_path / "new",
        backup,
        passphrase=lambda path: PASSPHRASE,
        clock=lambda last: agency.now_s,
        entropy=os.urandom,
    )
    again = Agency(tmp_path / "new", agency.made, agency.now_s)
    done = publish(again.ca, agency.made.root_file, [Denied(key_sha256=bytes(32))])
    roots = agency.made.root.der, agency.made.standby.der
    accept_deny_list(done.data, roots, held=newest, carrier=None)


def test_a_list_from_a_dock_brings_back_what_a_rebuilt_ca_has_forgotten(
    agency: Agency, tmp_path: Path
) -> None:
    backup = shutil.copytree(agency.directory, tmp_path / "backup")
    stolen = _host(agency)
    _published(agency, Denied(name="dock 1"))
    shutil.copy(agency.directory / "deny-list.cose", backup)  # as a dock has it
    founding.rebuild(
        tmp_path / "new",
        backup,
        passphrase=lambda path: PASSPHRASE,
        clock=lambda last: agency.now_s,
        entropy=os.urandom,
    )
    _, found = _published(Agency(tmp_path / "new", agency.made, agency.now_s), Denied(name="dock 7"))
    assert found.denies(stolen.facts)
    assert len(found.entries) == 2


def test_a_list_of_another_agency_is_not_taken_over(begin: Begin, agency: Agency) -> None:
    other = begin("Rangers", "other")
    _published(other, Denied(name="dock 1"))
    shutil.copy(other.directory / "deny-list.cose", agency.directory)
    with pytest.raises(AgencyError, match="no deny list of"):
        _published(agency)


def test_a_list_that_would_shut_out_everybody_is_not_signed(agency: Agency) -> None:
    with pytest.raises(AgencyError, match="issuing CA of today"):
        _published(agency, Denied(issuer_key_id=agency.made.issuing.key_id))
    with pytest.raises(AgencyError, match="floor in the future"):
        _published(agency, floor_s=agency.now_s + YEAR_S)
    with pytest.raises(AgencyError, match="not said whom"):
        _published(agency, Denied())
    assert not agency.ca.register().denied() and agency.ca.register().listed is None


def test_a_floor_stays_until_another_is_given_and_a_later_list_lowers_it(agency: Agency) -> None:
    """What mends a floor that a wrong clock has set: the list above it."""
    agency.now_s += 10 * YEAR_S  # the clock of this host is wrong
    _, wrong = _published(agency, floor_s=agency.now_s - DAY_S)
    agency.now_s -= 10 * YEAR_S
    held, mended = wrong, _published(agency, floor_s=agency.now_s - YEAR_S)[1]
    roots = agency.made.root.der, agency.made.standby.der
    data = publish(agency.ca, agency.made.root_file).data
    assert accept_deny_list(data, roots, held=mended, carrier=None).floor_utc_s == mended.floor_utc_s
    assert mended.counter > held.counter and mended.floor_utc_s < held.floor_utc_s


def test_the_standby_root_signs_when_the_root_is_lost(agency: Agency) -> None:
    done = publish(agency.ca, agency.made.standby_file, [Denied(name="dock 1")])
    verify_deny_list(done.data, (agency.made.standby.der,))
    with pytest.raises(DocumentRefused):
        verify_deny_list(done.data, (agency.made.root.der,))


def test_the_root_of_another_agency_signs_nothing(begin: Begin, agency: Agency) -> None:
    other = begin("Rangers", "other")
    with pytest.raises(AgencyError, match="no root of"):
        publish(agency.ca, other.made.root_file, [Denied(name="dock 1")])
    assert not agency.ca.register().denied()


def test_a_list_that_is_full_says_how_to_make_room(agency: Agency) -> None:
    many = [Denied(key_sha256=number.to_bytes(32)) for number in range(DENIED_MAX + 1)]
    with pytest.raises(AgencyError, match="cannot be signed") as caught:
        _published(agency, *many)
    assert "--floor" in caught.value.advice
    assert not agency.ca.register().denied()


def test_a_floor_lets_entries_go_of_what_it_refuses_by_itself(agency: Agency) -> None:
    """And what is denied stays denied at the CA: nothing more is issued to it."""
    gone, lost = _host(agency, "gone"), _host(agency, "lost")
    agency.now_s += 2 * YEAR_S
    _host(agency, "here")
    denied = [Denied(name="gone"), Denied(key_sha256=lost.facts.key_sha256), Denied(name="here")]
    stranger = Denied(key_sha256=bytes(range(32)))  # of a certificate that this CA does not know
    _, full = _published(agency, *denied, stranger)
    assert len(full.entries) == 4
    _, short = _published(agency, floor_s=gone.facts.not_after_s + 1)
    assert [entry.name or entry.key for entry in short.entries] == ["here", stranger.key_sha256]
    with pytest.raises(AgencyError, match="denied"):
        _host(agency, "gone")


def test_a_denied_camera_stays_in_the_list_as_long_as_there_is_room(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its evidence is verified long after its certificate ended, and no verifier has a floor."""
    cameras = [
        agency.ca.issue_device(f"CAM-{number}", PeerKind.CAMERA, new_key().public_key()) for number in (1, 2)
    ]
    gone = _host(agency, "gone")
    denied = [Denied(name="CAM-1", last_sequence=3, last_manifest=bytes(range(32))), Denied(name="CAM-2")]
    agency.now_s += 20 * YEAR_S
    floor_s = max(one.facts.not_after_s for one in (*cameras, gone)) + 1
    _, found = _published(agency, *denied, Denied(name="gone"), floor_s=floor_s)
    assert [entry.name for entry in found.entries] == ["CAM-1", "CAM-2"]
    monkeypatch.setattr(deny_list, "DENIED_MAX", 1)
    _, found = _published(agency)
    assert len(found.entries) == 1
