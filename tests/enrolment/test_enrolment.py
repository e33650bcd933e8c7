"""A factory-new camera becomes the agency's, by its button, and gives its footage to nobody else from then on."""

import asyncio
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.certificates.issue import read_request
from bwc_protocol.declare import Role
from bwc_protocol.documents.installation import Installation
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from bwc_sdk.clients.connecting import connect
from bwc_sdk.enrolment import (
    AgencyParts,
    AlreadyEnrolled,
    ButtonWanted,
    CaAuthority,
    CertifiedKey,
    Enrolled,
    EnrolmentEvent,
    EnrolmentFailed,
    Vendor,
    enroll,
)
from bwc_sdk.errors import CommandError, IdentityError, NotEnrolled, ProtocolViolation, SessionRefused
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual
from tests.enrolment.conftest import Agency, Begin, enrolled, new_camera, reach, record


def test_a_camera_is_enrolled_by_its_button_and_talks_to_its_agency(
    agency: Agency, factory: LabAgency, vendor: Vendor
) -> None:
    camera = new_camera(factory)

    async def scenario() -> None:
        wanted, done = await enrolled(camera, agency, vendor)
        assert wanted == ButtonWanted("device", 120.0)
        assert isinstance(done, Enrolled)
        assert (done.kind, done.serial) == (PeerKind.CAMERA, camera.serial)
        async with connect(
            reach(camera)(), role=Role.DOCK_OFFLOAD, identity=agency.people(), world=agency.world
        ) as ours:
            state = await ours.trust.read()
            assert ours.peer.secure and ours.identity == camera.serial
        assert (state.agency, state.lab, state.locked) == ("Sheriff of X", "", True)
        assert state.not_after_s == done.until_s
        roots = agency.made.root, agency.made.standby
        assert [one.sha256 for one in state.roots] == [hashlib.sha256(root.der).digest() for root in roots]

    run_virtual(scenario())


def test_what_is_installed_is_all_that_the_agency_has(
    agency: Agency, factory: LabAgency, vendor: Vendor
) -> None:
    """Deny list and evidence recipients, too."""
    from bwc_protocol.certificates.issue import new_key
    from bwc_sdk.identity.ca import founding
    from bwc_sdk.identity.ca.denying import publish
    from bwc_sdk.identity.ca.register import Denied

    camera = new_camera(factory)
    agency.ca.issue_host("vault", Role.EVIDENCE_RECIPIENT, new_key().public_key())
    founding.rotate(agency.ca, agency.made.root_file, lambda: b"correct horse battery")
    agency.ca.issue_host("safe", Role.EVIDENCE_RECIPIENT, new_key().public_key())
    listed = publish(agency.ca, agency.made.root_file, [Denied(key_sha256=bytes(32))])

    async def scenario() -> None:
        done = (await enrolled(camera, agency, vendor))[-1]
        assert isinstance(done, Enrolled), done
        async with connect(reach(camera)(), identity=agency.people(), world=agency.world) as ours:
            state = await ours.trust.read()
        assert state.deny_counter == listed.counter
        recipients = agency.ca.recipients()
        assert [one.sha256 for one in state.recipients] == [
            hashlib.sha256(one).digest() for one in recipients
        ]
        assert len(recipients) == 2

    run_virtual(scenario())


def test_without_its_button_a_camera_says_nothing_and_is_given_up(
    agency: Agency, factory: LabAgency, vendor: Vendor
) -> None:
    camera = new_camera(factory)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        wanted, failed = await enrolled(camera, agency, vendor, press=lambda slot: "")
        assert isinstance(wanted, ButtonWanted) and isinstance(failed, EnrolmentFailed)
        assert isinstance(failed.error, NotEnrolled)
        assert "nobody pressed the enrolment button of the device within 120 s" in failed.error.rule
        assert 119 <= loop.time() - began <= 140
        assert not agency.ca.register().issued_to(camera.serial)

    run_virtual(scenario())


def test_the_lab_does_not_enrol_a_device_for_an_agency_and_a_stranger_no_device_at_all(
    agency: Agency, begin: Begin, factory: LabAgency, vendor: Vendor
) -> None:
    """The technician has to be of the agency whose root is installed."""
    other = begin("Rangers")
    camera = new_camera(factory)

    async def scenario() -> None:
        with pytest.raises(IdentityError, match="not of the agency that would be installed"):
            async for _ in enroll(
                reach(camera), agency.authority, vendor=vendor, identity=other.people(), world=agency.world
            ):
                raise AssertionError("something was tried")

    run_virtual(scenario())


def test_a_dock_enrols_nobody(agency: Agency, factory: LabAgency, vendor: Vendor) -> None:
    camera = new_camera(factory)

    async def scenario() -> None:
        dock = agency.people("dock", Role.DOCK_OFFLOAD)
        with pytest.raises(IdentityError, match="technician"):
            async for _ in enroll(
                reach(camera), agency.authority, vendor=vendor, identity=dock, world=agency.world
            ):
                raise AssertionError("something was tried")

    run_virtual(scenario())


def test_a_device_of_another_factory_is_not_let_in(agency: Agency, factory: LabAgency) -> None:
    """A counterfeit has no certificate of the vendor; nothing is issued for it."""
    camera = new_camera(LabAgency.make(os.urandom))
    vendor = Vendor((factory.factory_root.certificate,))

    async def scenario() -> None:
        failed = (await enrolled(camera, agency, vendor))[-1]
        assert isinstance(failed, EnrolmentFailed) and isinstance(failed.error, SessionRefused)
        assert failed.error.check == "chain"
        assert not agency.ca.register().issued_to(camera.serial)

    run_virtual(scenario())


def test_a_serial_number_that_was_not_bought_is_not_let_in(
    agency: Agency, factory: LabAgency, tmp_path: Path
) -> None:
    root, serials = tmp_path / "vendor.der", tmp_path / "serials.txt"
    root.write_bytes(factory.factory_root.certificate)
    ours, stranger = new_camera(factory, 1), new_camera(factory, 2)
    serials.write_text(f"# bought in May\n{ours.serial}   # Anna's\n\n")
    vendor = Vendor.of_files(root, serials)

    async def scenario() -> None:
        assert isinstance((await enrolled(ours, agency, vendor))[-1], Enrolled)
        failed = (await enrolled(stranger, agency, vendor))[-1]
        assert isinstance(failed, EnrolmentFailed) and isinstance(failed.error, SessionRefused)
        assert failed.error.check == "factory" and "list of serial numbers" in failed.error.rule
        assert not agency.ca.register().issued_to(stranger.serial)

    run_virtual(scenario())


def test_a_device_that_is_ours_already_is_told_and_left_alone(
    agency: Agency, factory: LabAgency, vendor: Vendor
) -> None:
    camera = new_camera(factory)

    async def scenario() -> None:
        done = (await enrolled(camera, agency, vendor))[-1]
        assert isinstance(done, Enrolled)
        (again,) = await enrolled(camera, agency, vendor)
        assert again == AlreadyEnrolled("camera", PeerKind.CAMERA, camera.serial, done.until_s)
        assert len(agency.ca.register().issued_to(camera.serial)) == 1

    run_virtual(scenario())


def test_a_device_of_another_agency_is_refused(
    agency: Agency, begin: Begin, factory: LabAgency, vendor: Vendor
) -> None:
    other, camera = begin("Rangers"), new_camera(factory)

    async def scenario() -> None:
        assert isinstance((await enrolled(camera, agency, vendor))[-1], Enrolled)
        (failed,) = await enrolled(camera, other, vendor)
        assert isinstance(failed, EnrolmentFailed) and isinstance(failed.error, SessionRefused)
        assert not other.ca.register().issued_to(camera.serial)

    run_virtual(scenario())


def test_after_its_enrolment_nobody_enrols_it_again(
    agency: Agency, factory: LabAgency, vendor: Vendor
) -> None:
    camera = new_camera(factory)

    async def scenario() -> None:
        assert isinstance((await enrolled(camera, agency, vendor))[-1], Enrolled)
        assert "it is enrolled" in camera.press_enroll()

    run_virtual(scenario())


def test_an_enrolled_camera_records_and_its_dock_takes_the_footage_off(
    agency: Agency, factory: LabAgency, vendor: Vendor, tmp_path: Path
) -> None:
    """From the box to a first secure offload."""
    from bwc_sdk.offload import offload

    camera = new_camera(factory)
    (tmp_path / "evidence").mkdir()

    async def scenario() -> None:
        assert isinstance((await enrolled(camera, agency, vendor))[-1], Enrolled)
        record(camera)
        job = offload(
            lambda: connect(
                reach(camera)(), role=Role.DOCK_OFFLOAD, identity=agency.people(), world=agency.world
            ),
            tmp_path / "evidence",
            world=agency.world,
        )
        assert (await job.run()).complete
        assert list((tmp_path / "evidence").rglob("*.mp4*"))

    run_virtual(scenario())


def test_a_technician_under_an_earlier_issuing_ca_enrols_all_the_same(
    agency: Agency, factory: LabAgency, vendor: Vendor
) -> None:
    from bwc_sdk.identity.ca import founding

    technician = agency.people()
    founding.rotate(agency.ca, agency.made.root_file, lambda: b"correct horse battery")
    camera = new_camera(factory)

    async def scenario() -> None:
        assert technician is agency.people()
        assert isinstance((await enrolled(camera, agency, vendor))[-1], Enrolled)

    run_virtual(scenario())


def test_when_the_root_is_lost_devices_are_enrolled_under_the_standby_root(
    agency: Agency, factory: LabAgency, vendor: Vendor
) -> None:
    """And those that were enrolled before take hosts that the standby root's issuing CA has certified."""
    from bwc_sdk.identity.ca import founding

    before, after = new_camera(factory, 1), new_camera(factory, 2)

    async def scenario() -> None:
        assert isinstance((await enrolled(before, agency, vendor))[-1], Enrolled)
        agency.made.root_file.unlink()
        founding.rotate(agency.ca, agency.made.standby_file, lambda: b"correct horse battery")
        agency.identities.clear()
        new = agency.people("new", Role.TECHNICIAN, Role.DOCK_OFFLOAD)
        agency.identities["host"] = new
        done = (await enrolled(after, agency, vendor))[-1]
        assert isinstance(done, Enrolled), done
        for camera in (before, after):
            async with connect(
                reach(camera)(), role=Role.DOCK_OFFLOAD, identity=new, world=agency.world
            ) as ours:
                assert ours.identity == camera.serial

    run_virtual(scenario())


def test_a_camera_that_does_not_take_what_is_installed_says_why(
    agency: Agency, factory: LabAgency, vendor: Vendor
) -> None:
    """A deny list that denies the technician himself: the camera refuses the whole."""
    from bwc_sdk.identity.ca.denying import publish
    from bwc_sdk.identity.ca.register import Denied

    camera = new_camera(factory)
    agency.people()
    publish(agency.ca, agency.made.root_file, [Denied(name="host technician")])

    async def scenario() -> None:
        failed = (await enrolled(camera, agency, vendor))[-1]
        assert isinstance(failed, EnrolmentFailed) and isinstance(failed.error, CommandError)
        assert failed.error.code is ErrorCode.UNTRUSTED
        assert not camera.trust or not camera.trust.enrolled

    run_virtual(scenario())


# Devices and CAs that are not as they should be


@pytest.mark.parametrize("kind", ["agency's", "host's", "root"])
def test_what_a_vendor_has_issued_for_something_else_is_no_factory_certificate(
    factory: LabAgency, vendor: Vendor, kind: str
) -> None:
    from bwc_protocol.certificates.checks import PeerRefused
    from bwc_protocol.certificates.facts import read_certificate
    from bwc_protocol.certificates.issue import Issuance, make_device, make_host, new_key

    times = Issuance(not_before_s=0, not_after_s=2_000_000_000, entropy=os.urandom)
    key = new_key().public_key()
    der = {
        "agency's": make_device(factory.factory, key, "CAM-1", PeerKind.CAMERA, times),
        "host's": make_host(factory.factory, key, "maker", Role.TECHNICIAN, times),
        "root": factory.factory_root.certificate,
    }[kind]
    with pytest.raises(PeerRefused):
        vendor.judge(read_certificate(der))


@pytest.mark.parametrize("wrong", ["another name", "garbage", "not signed", "another curve"])
def test_a_device_that_asks_for_another_certificate_gets_none(
    agency: Agency, factory: LabAgency, vendor: Vendor, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A counterfeit that has a genuine certificate might ask for somebody else's."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding

    from bwc_protocol.certificates.issue import make_request, new_key

    camera = new_camera(factory)
    request = make_request(new_key(), camera.serial)
    match wrong:
        case "another name":
            request = make_request(new_key(), "CAM-9999")
        case "garbage":
            request = b"0" + bytes(300)
        case "not signed":
            request = request[:-4] + bytes(4)
        case _:
            name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, camera.serial)])
            builder = x509.CertificateSigningRequestBuilder().subject_name(name)
            key = ec.generate_private_key(ec.SECP384R1())
            request = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    assert camera.trust is not None
    monkeypatch.setattr(camera.trust, "request", lambda: request)

    async def scenario() -> None:
        failed = (await enrolled(camera, agency, vendor))[-1]
        assert isinstance(failed, EnrolmentFailed) and isinstance(failed.error, ProtocolViolation)
        assert not [facts for facts in agency.ca.register().issued() if facts.kinds]

    run_virtual(scenario())


@pytest.mark.parametrize("wrong", ["name", "key", "kind"])
def test_a_certificate_that_is_no_use_to_the_device_is_not_installed(
    agency: Agency, factory: LabAgency, vendor: Vendor, wrong: str
) -> None:
    from bwc_protocol.certificates.issue import new_key

    camera = new_camera(factory)

    class Wrong:
        def parts(self) -> AgencyParts:
            return agency.authority.parts()

        def certify(self, serial: str, kind: PeerKind, request: bytes, key: object) -> CertifiedKey:
            key = new_key().public_key() if wrong == "key" else key
            name = "CAM-X" if wrong == "name" else serial
            kind = PeerKind.STATION if wrong == "kind" else kind
            issued = agency.ca.issue_device(name, kind, key)
            return CertifiedKey(issued.leaf, issued.issuing)

    async def scenario() -> None:
        assert camera.press_enroll() == ""
        events = [
            event
            async for event in enroll(
                reach(camera), Wrong(), vendor=vendor, identity=agency.people(), world=agency.world
            )
        ]
        (failed,) = events
        assert isinstance(failed, EnrolmentFailed) and isinstance(failed.error, IdentityError)
        assert camera.trust is not None and not camera.trust.enrolled

    run_virtual(scenario())


def test_a_technician_under_the_other_root_is_told_before_anything_is_installed(
    agency: Agency, factory: LabAgency, vendor: Vendor
) -> None:
    from bwc_sdk.identity.ca import founding

    camera = new_camera(factory)
    agency.people()
    founding.rotate(agency.ca, agency.made.standby_file, lambda: b"correct horse battery")

    async def scenario() -> None:
        failed = (await enrolled(camera, agency, vendor))[-1]
        assert isinstance(failed, EnrolmentFailed) and isinstance(failed.error, IdentityError)
        assert "bwc ca renew" in failed.error.advice
        assert camera.trust is not None and not camera.trust.enrolled

    run_virtual(scenario())


def test_a_device_for_tests_takes_the_role_bench(agency: Agency, factory: LabAgency, vendor: Vendor) -> None:
    service, tests = new_camera(factory, 1), new_camera(factory, 2)

    async def scenario() -> None:
        bench = agency.people("bench", Role.BENCH)
        assert isinstance((await enrolled(service, agency, vendor))[-1], Enrolled)
        assert isinstance((await enrolled(tests, agency, vendor, bench=True))[-1], Enrolled)
        async with connect(reach(tests)(), role=Role.BENCH, identity=bench, world=agency.world) as ours:
            assert not (await ours.trust.read()).locked
        with pytest.raises(SessionRefused):
            async with connect(reach(service)(), role=Role.BENCH, identity=bench, world=agency.world):
                raise AssertionError("a device in service takes no bench")

    run_virtual(scenario())


@pytest.mark.parametrize("moment", ["request", "enroll"])
def test_a_cable_that_is_pulled_half_way_leaves_a_device_that_can_be_enrolled(
    agency: Agency, factory: LabAgency, vendor: Vendor, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bwc_sdk.enrolment import enrolling

    camera = new_camera(factory)
    cables = []

    def cable() -> MemoryTransport:
        cables.append(MemoryTransport(camera))
        return cables[-1]

    certify = CaAuthority.certify
    enrol = enrolling.Trust.enroll

    def pulled(self: CaAuthority, *args: object) -> object:
        cables[-1].unplug()
        return certify(self, *args)

    async def pulled_after(self: enrolling.Trust, installation: bytes) -> None:
        await enrol(self, installation)
        cables[-1].unplug()

    async def once() -> list[object]:
        assert camera.trust is not None
        camera.press_enroll()
        told = enroll(cable, agency.authority, vendor=vendor, identity=agency.people(), world=agency.world)
        return [event async for event in told]

    async def scenario() -> None:
        with monkeypatch.context() as broken:
            if moment == "request":
                broken.setattr(CaAuthority, "certify", pulled)
            else:
                broken.setattr(enrolling.Trust, "enroll", pulled_after)
            first = (await once())[-1]
        if moment == "request":
            assert isinstance(first, EnrolmentFailed)
        last = (await once())[-1]
        assert isinstance(last, Enrolled | AlreadyEnrolled), last

    run_virtual(scenario())


@pytest.mark.parametrize("lie", ["nothing installed", "other roots", "another certificate"])
def test_a_device_that_only_says_it_was_enrolled_is_found_out(
    agency: Agency, factory: LabAgency, vendor: Vendor, lie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is a new connection by the new certificate, and what the device has then."""
    camera = new_camera(factory)
    assert camera.trust is not None
    trust, enroll_it, state = camera.trust, camera.trust.enroll, camera.trust.state

    def another(found: Installation, host: CertificateFacts) -> None:
        _, key = read_request(trust.request())
        issued = agency.ca.issue_device(camera.serial, PeerKind.CAMERA, key, days=30)
        enroll_it(replace(found, certificate=issued.leaf), host)

    match lie:
        case "nothing installed":
            monkeypatch.setattr(trust, "enroll", lambda found, host: None)
        case "other roots":
            monkeypatch.setattr(trust, "state", lambda: replace(state(), roots=state().roots[:1]))
        case _:
            monkeypatch.setattr(trust, "enroll", another)

    async def scenario() -> None:
        failed = (await enrolled(camera, agency, vendor))[-1]
        assert isinstance(failed, EnrolmentFailed), failed

    run_virtual(scenario())


def test_many_are_enrolled_at_once(agency: Agency, factory: LabAgency, vendor: Vendor) -> None:
    """As provisioning does: one that nobody presses keeps no other waiting."""
    cameras = [new_camera(factory, seed) for seed in range(1, 9)]
    forgotten = cameras[3]

    async def scenario() -> None:
        authority = agency.authority

        async def one(camera: SimCamera) -> EnrolmentEvent:
            events = []
            told = enroll(
                reach(camera), authority, vendor=vendor, identity=agency.people(), world=agency.world
            )
            async for event in told:
                events.append(event)
                if isinstance(event, ButtonWanted) and camera is not forgotten:
                    await asyncio.sleep(1)
                    camera.press_enroll()
            return events[-1]

        ended = dict(zip(cameras, await asyncio.gather(*map(one, cameras)), strict=True))
        assert isinstance(ended.pop(forgotten), EnrolmentFailed)
        assert all(isinstance(event, Enrolled) for event in ended.values()), ended

    run_virtual(scenario())
