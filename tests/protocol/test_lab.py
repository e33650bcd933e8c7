"""The lab: made whole at first use, the same for all, and worth nothing anywhere else."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bwc_protocol.certificates.chain import verify_chain
from bwc_protocol.certificates.checks import Check, PeerRefused, Trust, check_peer
from bwc_protocol.certificates.facts import read_certificate
from bwc_protocol.declare import Role
from bwc_protocol.lab.agency import LabAgency, NotALab
from bwc_protocol.lab.directory import LAB_ENV, LabUnusable, lab_directory, open_lab
from bwc_protocol.vocabulary import PeerKind


def test_a_lab_is_made_at_first_use_and_found_again(tmp_path: Path) -> None:
    first = open_lab(tmp_path / "new" / "lab")
    assert open_lab(tmp_path / "new" / "lab").agency.encode() == first.agency.encode()
    assert first.path is not None and stat.S_IMODE(first.path.stat().st_mode) == 0o600
    assert [path.name for path in first.path.parent.iterdir()] == ["lab.json"]


def test_those_who_make_it_at_once_get_the_same_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        labs = list(pool.map(lambda _: open_lab(tmp_path / "lab").agency.id, range(24)))
    assert len(set(labs)) == 1


def test_a_device_and_a_host_of_one_lab_take_each_other_and_no_other() -> None:
    ours, other = LabAgency.make(os.urandom), LabAgency.make(os.urandom)
    host, device = ours.host("bench", Role.BENCH), ours.device("SIM1", PeerKind.CAMERA)
    for leaf, kind in ((host, PeerKind.HOST), (device, PeerKind.CAMERA)):
        facts = verify_chain(*leaf.chain, ours.anchors, lab=ours.id)
        check_peer(facts, Trust(lab=ours.id, kind=kind))
        for lab in (other.id, ""):
            with pytest.raises(PeerRefused) as refused:
                check_peer(facts, Trust(lab=lab, kind=kind))
            assert refused.value.check is Check.LAB
        with pytest.raises(PeerRefused):
            verify_chain(*leaf.chain, other.anchors, lab=other.id)


def test_every_certificate_of_a_lab_shows_that_it_is_one_and_its_factory_does_not() -> None:
    lab = LabAgency.make(os.urandom)
    of_lab = [*lab.anchors, *lab.host("x", Role.AUDITOR).chain, *lab.device("y", PeerKind.STATION).chain]
    assert {read_certificate(der).lab for der in of_lab} == {lab.id}
    factory = lab.factory_device("SIM1", PeerKind.CAMERA)
    assert read_certificate(factory.chain[0]).factory
    assert {read_certificate(der).lab for der in (*factory.chain, lab.factory_root.certificate)} == {""}


def test_where_nothing_can_be_written_it_lives_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    first = open_lab(tmp_path / "file" / "lab")
    assert first.path is None and open_lab(tmp_path / "file" / "lab") is first


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"format": "bwc-lab 9"}', b"\xff" * 70_000])
def test_a_file_that_is_no_lab_is_named_and_kept(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lab.json").write_bytes(content)
    with pytest.raises(LabUnusable, match=r"lab\.json is not a lab"):
        open_lab(tmp_path)
    assert (tmp_path / "lab.json").read_bytes() == content


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_its_place_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lab.json")
    with pytest.raises(LabUnusable, match="is not a lab"):
        open_lab(tmp_path)


def test_a_lab_that_is_cut_anywhere_is_none() -> None:
    whole = LabAgency.make(os.urandom).encode()
    for at in range(0, len(whole) - 2, 61):
        with pytest.raises(NotALab):
            LabAgency.decode(whole[:at], os.urandom)


def test_the_environment_says_where_it_is(tmp_path: Path) -> None:
    assert lab_directory({LAB_ENV: "/srv/lab", "HOME": "/home/a"}) == Path("/srv/lab")
    assert lab_directory({"XDG_STATE_HOME": "/state", "HOME": "/home/a"}) == Path("/state/bwc/lab")
    assert lab_directory({"XDG_STATE_HOME": "relative", "HOME": "/home/a"}) == Path(
        "/home/a/.local/state/bwc/lab"
    )
