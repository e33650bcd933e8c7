"""Certificates end, and no camera with them: whoever docks it renews it, without a button, its footage kept."""

from pathlib import Path

import pytest

from bwc_protocol.certificates.facts import read_certificate
from bwc_protocol.certificates.issue import new_key
from bwc_protocol.declare import Role
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.clients.connecting import connect
from bwc_sdk.enrolment import (
    AgencyParts,
    CertifiedKey,
    Enrolled,
    FileAuthority,
    NotDue,
    Renewed,
    RequestWritten,
    Vendor,
    enroll,
    renew,
)
from bwc_sdk.errors import AgencyError, IdentityError, ProtocolViolation
from bwc_sdk.identity.ca.requests import answer_all
from firmware_sim.camera.camera import SimCamera
from firmware_sim.virtual_time import run_virtual
from tests.enrolment.conftest import DAY_S, YEAR_S, Agency, enrolled, new_camera, reach, record

DOCK = Role.DOCK_OFFLOAD


async def _enrolled(camera: SimCamera, agency: Agency, vendor: Vendor) -> Enrolled:
    done = (await enrolled(camera, agency, vendor))[-1]
    assert isinstance(done, Enrolled), done
    return done


def test_a_dock_renews_a_full_camera_whose_certificate_has_ended(
    agency: Agency, factory: LabAgency, vendor: Vendor
) -> None:
    camera = new_camera(factory)

    async def scenario() -> None:
        first = await _enrolled(camera, agency, vendor)
        record(camera)
        agency.now_s += 4 * YEAR_S
        async with connect(reach(camera)(), role=DOCK, identity=agency.people(), world=agency.world) as ours:
            assert ours.peer.standing.value == "expired"
            done = await renew(ours, agency.authority)
            assert isinstance(done, Renewed) and done.until_s > first.until_s + 3 * YEAR_S
        async with connect(reach(camera)(), role=DOCK, identity=agency.people(), world=agency.world) as ours:
            assert ours.peer.standing.value == "good"
            assert await ours.recordings.list()
            assert isinstance(await renew(ours, agency.authority), NotDue)

    run_virtual(scenario())


def test_a_renewal_keeps_the_name_and_makes_a_new_key(
    agency: Agency, factory: LabAgency, vendor: Vendor
) -> None:
    camera = new_camera(factory)

    async def scenario() -> None:
        await _enrolled(camera, agency, vendor)
        async with connect(reach(camera)(), identity=agency.people(), world=agency.world) as ours:
            await renew(ours, agency.authority, within_days=10_000)
        before, after = agency.ca.register().issued_to(camera.serial)
        assert before.key_sha256 != after.key_sha256
        async with connect(reach(camera)(), identity=agency.people(), world=agency.world) as ours:
            assert ours.peer.certificate is not None and ours.peer.certificate.der == after.der

    run_virtual(scenario())


def test_by_a_ca_that_is_elsewhere_the_certificate_comes_at_the_next_docking(
    agency: Agency, factory: LabAgency, vendor: Vendor, tmp_path: Path
) -> None:
    camera = new_camera(factory)
    out, back = tmp_path / "out", tmp_path / "back"
    parts = agency.authority.parts()
    files = FileAuthority(parts, out, back)

    async def docked() -> object:
        async with connect(reach(camera)(), role=DOCK, identity=agency.people(), world=agency.world) as ours:
            return await renew(ours, files, within_days=10_000)

    async def scenario() -> None:
        await _enrolled(camera, agency, vendor)
        first = await docked()
        assert first == RequestWritten("", camera.serial, out / f"{camera.serial}.csr")
        assert await docked() == first  # the same request again, until there is a certificate
        (answer,) = answer_all(agency.ca, out, back)
        assert answer.error is None
        assert isinstance(await docked(), Renewed)
        assert isinstance(
            await docked(), RequestWritten
        )  # of a further key; the old certificate is left alone

    run_virtual(scenario())


def test_enrolment_by_a_ca_that_is_elsewhere_takes_two_presses(
    agency: Agency, factory: LabAgency, vendor: Vendor, tmp_path: Path
) -> None:
    camera = new_camera(factory)
    out, back = tmp_path / "out", tmp_path / "back"
    files = FileAuthority(agency.authority.parts(), out, back)

    async def pressed() -> object:
        assert camera.press_enroll() == ""
        events = [
            event
            async for event in enroll(
                reach(camera), files, vendor=vendor, identity=agency.people(), world=agency.world
            )
        ]
        return events[-1]

    async def scenario() -> None:
        first = await pressed()
        assert isinstance(first, RequestWritten)
        from bwc_sdk.identity.ca.handing_out import requested, write_chain

        serial, key = requested(first.path)
        issued = agency.ca.issue_device(serial, PeerKind.CAMERA, key)
        write_chain(back, first.path.stem, issued, agency.ca)
        done = await pressed()
        assert isinstance(done, Enrolled) and done.serial == camera.serial

    run_virtual(scenario())


@pytest.mark.parametrize("wrong", ["name", "key", "kind", "agency", "host"])
def test_a_certificate_that_is_no_use_to_the_device_is_not_sent(
    agency: Agency, begin: object, factory: LabAgency, vendor: Vendor, wrong: str
) -> None:
    """A CA that is elsewhere makes mistakes, too: they are told here, and the device keeps what it has."""
    camera = new_camera(factory)

    class Wrong:
        def parts(self) -> AgencyParts:
            return agency.authority.parts()

        def certify(self, serial: str, kind: PeerKind, request: bytes, key: object) -> CertifiedKey:
            ca = agency.ca if wrong != "agency" else begin("Rangers").ca
            key = new_key().public_key() if wrong == "key" else key
            name = "CAM-X" if wrong == "name" else serial
            kind = PeerKind.STATION if wrong == "kind" else kind
            issued = ca.issue_host(name, DOCK, key) if wrong == "host" else ca.issue_device(name, kind, key)
            return CertifiedKey(issued.leaf, issued.issuing)

    async def scenario() -> None:
        first = await _enrolled(camera, agency, vendor)
        async with connect(reach(camera)(), identity=agency.people(), world=agency.world) as ours:
            with pytest.raises(IdentityError):
                await renew(ours, Wrong(), within_days=10_000)
            assert (await ours.trust.read()).not_after_s == first.until_s

    run_virtual(scenario())


def test_who_is_denied_is_not_renewed(agency: Agency, factory: LabAgency, vendor: Vendor) -> None:
    from bwc_sdk.identity.ca.denying import publish
    from bwc_sdk.identity.ca.register import Denied

    camera = new_camera(factory)

    async def scenario() -> None:
        await _enrolled(camera, agency, vendor)
        publish(agency.ca, agency.made.root_file, [Denied(name=camera.serial, of_kind="camera")])
        async with connect(reach(camera)(), identity=agency.people(), world=agency.world) as ours:
            with pytest.raises(AgencyError, match="denied"):
                await renew(ours, agency.authority, within_days=10_000)

    run_virtual(scenario())


def test_the_name_of_a_file_is_no_word_of_a_device(tmp_path: Path, agency: Agency) -> None:
    from bwc_protocol.certificates.issue import make_request

    files = FileAuthority(agency.authority.parts(), tmp_path / "out", None)
    key = new_key()
    for serial in ("../../etc/passwd", "a/b", ".", "CON", "ü", "%2e", "CAM-1", "CAM-1.csr"):
        files.certify(serial, PeerKind.CAMERA, make_request(key, serial), key.public_key())
    written = sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert len(written) == 8 and all((tmp_path / "out" / name).is_file() for name in written)
    assert "CAM-1.csr" in written and "%2e%2e%2f%2e%2e%2fetc%2fpasswd.csr" in written


def test_lifetimes_of_a_fleet_stay_apart_over_its_renewals(agency: Agency) -> None:
    ends = []
    for turn in range(3):
        agency.now_s += turn * 500 * DAY_S
        ends = [
            agency.ca.issue_device(f"CAM-{number}", PeerKind.CAMERA, new_key().public_key()).facts.not_after_s
            for number in range(30)
        ]
        assert (max(ends) - min(ends)) / DAY_S > 90
    assert read_certificate(agency.made.root.der).not_after_s > max(ends)


def test_a_device_that_only_says_it_was_renewed_is_found_out(
    agency: Agency, factory: LabAgency, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = new_camera(factory)

    async def scenario() -> None:
        await _enrolled(camera, agency, vendor)
        monkeypatch.setattr(camera.trust, "renew", lambda found, actor: None)
        async with connect(reach(camera)(), identity=agency.people(), world=agency.world) as ours:
            with pytest.raises(ProtocolViolation, match="does not have the new certificate"):
                await renew(ours, agency.authority, within_days=10_000)

    run_virtual(scenario())


def test_a_device_that_asks_for_another_certificate_is_not_renewed(
    agency: Agency, factory: LabAgency, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bwc_protocol.certificates.issue import make_request

    camera = new_camera(factory)

    async def scenario() -> None:
        await _enrolled(camera, agency, vendor)
        monkeypatch.setattr(camera.trust, "request", lambda: make_request(new_key(), "CAM-9999"))
        async with connect(reach(camera)(), identity=agency.people(), world=agency.world) as ours:
            with pytest.raises(ProtocolViolation, match="asks for a certificate of"):
                await renew(ours, agency.authority, within_days=10_000)
        assert len([facts for facts in agency.ca.register().issued() if facts.kinds]) == 1

    run_virtual(scenario())
