"""Checkpoints of custody chains: signed, stamped by a real authority where there is one, and what they show."""

import shutil
from pathlib import Path

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.documents.deny_list import Denied, DeniedBy, DenyList
from bwc_sdk.destination.receipt_signing import ReceiptMade, sign_receipts
from bwc_sdk.errors import EvidenceMismatch
from bwc_sdk.evidence import checkpoints
from bwc_sdk.evidence.checkpoints import Kept, keep_checkpoints
from bwc_sdk.evidence.findings import FindingKind, Severity
from bwc_sdk.evidence.statements import Believed
from bwc_sdk.evidence.time_stamps import verify_time_stamp
from bwc_sdk.evidence.verify import verify_stores
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.identity.lab_identities import LabIdentities
from tools.testkit.time_stamping import authority


@pytest.fixture
def host() -> HostIdentity:
    return LabIdentities("archive-1").for_role(Role.DESTINATION, 0)


def keep(store: Path, host: HostIdentity, **options: object) -> list[Kept]:
    return list(keep_checkpoints(store, host, **options))


def chain_of(store: Path) -> Path:
    (path,) = store.glob("*.chain")
    path.chmod(0o600)
    return path


def test_a_chain_gets_one_checkpoint_for_each_time_that_it_has_gone_on(
    store: Path, host: HostIdentity
) -> None:
    (first,) = keep(store, host)
    assert first.fresh and first.checkpoint.number == 1 and not first.stamped
    (same,) = keep(store, host)
    assert not same.fresh and same.checkpoint == first.checkpoint
    records = chain_of(store).read_bytes().count(b"\n")
    assert first.checkpoint.records == records


@pytest.mark.parametrize("checked", [True, False])
def test_what_was_cut_off_at_the_end_shows(
    store: Path, host: HostIdentity, monkeypatch: pytest.MonkeyPatch, checked: bool
) -> None:
    """And without the comparison it does not: the chain by itself holds together."""
    keep(store, host)
    path = chain_of(store)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    if checked:
        with pytest.raises(EvidenceMismatch, match="its end is gone"):
            keep(store, host)
    else:
        monkeypatch.setattr(checkpoints, "require_sound", lambda *_: None)
        assert keep(store, host)


@pytest.mark.rule("REC-083")
def test_a_verification_finds_what_was_cut_off(store: Path, host: HostIdentity) -> None:
    keep(store, host)
    believed = Believed(roots=host.anchors, lab=host.lab)

    def broken() -> list[str]:
        report = verify_stores([store], believed=believed, quick=True)
        return [one.detail for one in report.findings if one.kind is FindingKind.CUSTODY_CHAIN_BROKEN]

    assert not broken()
    path = chain_of(store)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    (found,) = broken()
    assert "its end is gone" in found


@pytest.mark.rule("REC-083")
def test_a_verification_finds_that_a_whole_chain_is_gone(store: Path, host: HostIdentity) -> None:
    keep(store, host)
    chain_of(store).unlink()
    report = verify_stores([store], quick=True)
    (found,) = (one for one in report.findings if one.kind is FindingKind.CUSTODY_CHAIN_BROKEN)
    assert "is gone" in found.detail


def test_a_chain_that_was_changed_gets_none(store: Path, host: HostIdentity) -> None:
    path = chain_of(store)
    path.write_bytes(path.read_bytes()[1:])
    with pytest.raises(EvidenceMismatch, match="line 1"):
        keep(store, host)
    assert not list(store.glob("*.checkpoint"))


def test_a_checkpoint_that_was_changed_or_is_of_others_is_refused(store: Path, host: HostIdentity) -> None:
    keep(store, host)
    (path,) = store.glob("*.checkpoint")
    data = path.read_bytes()
    path.chmod(0o600)
    for at in range(0, len(data), 53):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(EvidenceMismatch, match=path.name):
            keep(store, host)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the authority is OpenSSL's")
def test_what_an_authority_could_not_stamp_is_stamped_when_it_is_back(
    store: Path, host: HostIdentity, tmp_path: Path
) -> None:
    place = tmp_path / "tsa"
    place.mkdir()
    with authority(place) as tsa:
        options = {"authority": tsa.url, "authority_roots": (tsa.root,)}
        tsa.status, tsa.body = 503, b""
        (queued,) = keep(store, host, **options)
        assert queued.fresh and not queued.stamped and "503" in queued.queued
        tsa.status, tsa.body = 200, None
        (stamped,) = keep(store, host, **options)
        assert stamped.stamped and not stamped.fresh
        (path,) = store.glob("*.tsr")
        assert verify_time_stamp(path.read_bytes(), stamped.checkpoint.encode(), (tsa.root,)).authority
        asked = len(tsa.queries)
        assert keep(store, host, **options)[0].stamped and len(tsa.queries) == asked


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the authority is OpenSSL's")
def test_an_authority_that_cannot_be_reached_is_asked_once_a_run(
    store: Path, host: HostIdentity, tmp_path: Path
) -> None:
    """However many checkpoints wait for their stamps: each question may take as long as an authority may be silent."""
    keep(store, host)
    assert all(isinstance(one, ReceiptMade) for one in sign_receipts(store, host))  # so the chain goes on
    assert [one.fresh for one in keep(store, host)] == [False, True]
    place = tmp_path / "tsa"
    place.mkdir()
    with authority(place) as tsa:
        options = {"authority": tsa.url, "authority_roots": (tsa.root,)}
        tsa.status, tsa.body = 503, b""
        waiting = keep(store, host, **options)
        assert [one.stamped for one in waiting] == [False, False] and len(tsa.queries) == 1
        assert all("503" in one.queued for one in waiting)
        tsa.status, tsa.body = 200, None
        assert all(one.stamped for one in keep(store, host, **options)) and len(tsa.queries) == 3


def denying(host: HostIdentity) -> Believed:
    """The lab, as it denies a host."""
    entry = Denied(by=DeniedBy.KEY, key=host.certificate.key_sha256)
    listed = DenyList(lab=host.lab, agency="BWC lab", counter=1, signed_utc_s=1, entries=(entry,))
    return Believed(roots=host.anchors, lab=host.lab, deny_list=listed)


@pytest.mark.rule("REC-089")
def test_what_a_host_signed_that_is_denied_by_now_is_told_unless_a_later_checkpoint_leads_back(
    store: Path, host: HostIdentity
) -> None:
    keep(store, host)
    believed = denying(host)

    def found() -> list[tuple[FindingKind, str]]:
        report = verify_stores([store], believed=believed, quick=True)
        kinds = (FindingKind.SIGNER_DENIED, FindingKind.CUSTODY_CHAIN_BROKEN)
        return [(one.kind, one.severity) for one in report.findings if one.kind in kinds]

    assert found() == [(FindingKind.SIGNER_DENIED, Severity.WARNING)]
    other = LabIdentities("archive-2").for_role(Role.DESTINATION, 0)
    assert all(isinstance(one, ReceiptMade) for one in sign_receipts(store, other))
    keep(store, other)
    assert len(list(store.glob("*.checkpoint"))) == 2 and not found()
    path = chain_of(store)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert found() == [(FindingKind.CUSTODY_CHAIN_BROKEN, Severity.ERROR)]
