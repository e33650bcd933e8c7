"""A device becomes one of an agency: by its button, over a cable, without footage, for whom it can verify, and once."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes

from bwc_protocol.certificates.checks import PeerRefused
from bwc_protocol.certificates.facts import read_certificate
from bwc_protocol.certificates.issue import (
    Issuer,
    make_host,
    make_issuing,
    new_key,
    read_request,
)
from bwc_protocol.certificates.profile import FOREVER_S
from bwc_protocol.conversation import FailReason
from bwc_protocol.declare import COMMANDS, Role
from bwc_protocol.documents.deny_list import Denied, DeniedBy
from bwc_protocol.documents.device_statement import verify_device_statement
from bwc_protocol.evidence import sign1
from bwc_protocol.lab.agency import Certified, LabAgency
from bwc_protocol.link import ResetReason
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.identity import Identify, ReadStatus
from bwc_protocol.messages.trust import ENROLMENT_GRACE_S, WINDOW_S, Enroll, ReadTrust, RequestCertificate
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from firmware_sim.device.refusal import Refusal
from firmware_sim.scenarios import make_camera
from tests.trust.conftest import host_as
from tools.testkit import agencies
from tools.testkit.device_host import DeviceHost, HostRefused
from tools.testkit.enrolling import certified, entries, installation, installing

New = Callable[..., Any]
Play = Callable[[Any], Any]
At = Callable[..., Any]


@pytest.mark.rule("TRU-002")
def test_a_camera_comes_from_the_factory_to_an_agency(
    new_device: New, enroller_at: At, host_at: At, play: Play
) -> None:
    camera = new_device(enrolled=False)

    async def scenario() -> None:
        assert camera.press_enroll() == ""
        host = await enroller_at(camera)
        assert host.peer.certificate.factory and host.peer.identity == camera.serial
        before = await host.ask(ReadTrust())
        assert not before.enrolled and 0 < before.window_s <= WINDOW_S
        found = await installation(host, agencies.real())
        assert await host.upload(Enroll, found.encode()) is None
        assert (await host.ended()).reason == "closed"  # the next session is one of the agency
        technician = await host_at(camera)
        state = await technician.ask(ReadTrust())
        assert (state.enrolled, state.agency, state.lab, state.locked) == (True, "Harbour Police", "", True)
        assert [root.sha256 for root in state.roots] == [
            hashlib.sha256(one).digest() for one in agencies.real().anchors
        ]
        assert not state.requested and state.window_s == 0 == camera.trust.window.left_s
        assert technician.peer.certificate.der == found.certificate
        await technician.ask(ReadStatus())

    play(scenario())
    assert len(entries(camera, AuditKind.ENROLLED)) == len(entries(camera, AuditKind.ENROLMENT_OPENED)) == 1


@pytest.mark.rule("TRU-001")
@pytest.mark.parametrize("pressed", [False, True])
def test_outside_the_two_minutes_after_its_button_it_says_nothing(
    new_device: New, enroller_at: At, play: Play, pressed: bool
) -> None:
    camera = new_device(enrolled=False)

    async def scenario() -> None:
        if pressed:
            camera.press_enroll()
            camera.time.skip(WINDOW_S + 1)
        with pytest.raises(HostRefused) as refused:
            await enroller_at(camera)
        assert refused.value.reason is ResetReason.NOT_ENROLLED
        camera.press_enroll()
        camera.time.skip(WINDOW_S - 3)
        await enroller_at(camera)

    play(scenario())


@pytest.mark.rule("TRU-014")
@pytest.mark.parametrize("late_s", [1, WINDOW_S - 2])
def test_whoever_came_in_time_does_not_stay(
    new_device: New, enroller_at: At, play: Play, late_s: int
) -> None:
    """Wherever in the window the session began: a minute after its end it is over, and so is the installation."""
    camera = new_device(enrolled=False)

    async def scenario() -> None:
        camera.press_enroll()
        begun = camera.time()
        await asyncio.sleep(late_s)
        host = await enroller_at(camera)
        await asyncio.sleep(WINDOW_S + ENROLMENT_GRACE_S - 5 - (camera.time() - begun))
        await host.ask(RequestCertificate())
        assert (await host.ended()).reason == "closed"
        assert WINDOW_S < camera.time() - begun <= WINDOW_S + ENROLMENT_GRACE_S + 2
        assert not camera.sessions
        with pytest.raises(HostRefused):
            await enroller_at(camera)

    play(scenario())


@pytest.mark.rule("TRU-001")
def test_by_radio_or_with_footage_it_says_nothing(new_device: New, enroller_at: At, play: Play) -> None:
    camera, full = new_device(enrolled=False), new_device(enrolled=False, seed=2, recordings=1)

    async def scenario() -> None:
        camera.press_enroll()
        with pytest.raises(HostRefused) as refused:
            await enroller_at(camera, by_radio=True)
        assert refused.value.reason is ResetReason.NOT_ENROLLED
        assert "footage" in full.press_enroll()
        full.trust.window.open()  # as if it had been recorded meanwhile
        with pytest.raises(HostRefused) as refused:
            await enroller_at(full)
        assert refused.value.reason is ResetReason.NOT_ENROLLED
        await enroller_at(camera)

    play(scenario())


@pytest.mark.rule("TRU-001")
def test_a_boot_ends_the_window(new_device: New, enroller_at: At, play: Play) -> None:
    camera = new_device(enrolled=False)

    async def scenario() -> None:
        camera.press_enroll()
        camera.crash()
        camera.time.skip(5)
        camera.settle()
        with pytest.raises(HostRefused) as refused:
            await enroller_at(camera)
        assert refused.value.reason is ResetReason.NOT_ENROLLED

    play(scenario())


def test_a_camera_of_nobody_records_nothing(new_device: New) -> None:
    camera = new_device(enrolled=False)
    assert not camera.wearer.start()
    assert not camera.has_footage
    assert new_device(seed=2).wearer.start()


@pytest.mark.rule("TRU-003")
def test_whoever_stands_at_the_button_may_enrol_and_nothing_else(
    new_device: New, enroller_at: At, play: Play
) -> None:
    camera = new_device(enrolled=False)
    allowed = {"trust.read", "trust.request", "trust.enroll", "trust.reset_record", "device.identify"}
    assert {c.name for c in COMMANDS.values() if Role.ENROLLER in c.roles} == allowed

    async def scenario() -> None:
        camera.press_enroll()
        host = await enroller_at(camera)
        assert (await host.ask(Identify())).serial == camera.serial
        assert await host.refused(ReadStatus()) is ErrorCode.NOT_PERMITTED

    play(scenario())


@pytest.mark.rule("TRU-003")
def test_no_other_role_is_had_at_a_device_of_nobody(new_device: New, play: Play) -> None:
    camera = new_device(enrolled=False)

    async def scenario() -> None:
        camera.press_enroll()
        by = host_as(camera, agencies.real(), Role.TECHNICIAN, "K. Weber", factory=True)
        for asked in (Role.TECHNICIAN, Role.TECHNICIAN | Role.ENROLLER, Role(0)):
            host = await DeviceHost(camera, by, asked).connect()
            with pytest.raises(HostRefused) as refused:
                await host.ask(ReadTrust())
            assert refused.value.reason is ResetReason.REFUSED
            await host.leave()

    play(scenario())


def other_root(real: LabAgency) -> dict[str, Any]:
    other = agencies.real("Valley Sheriff")
    return {"root": other.root.certificate, "standby": other.standby.certificate}


def below_issuing() -> Issuer:
    """A CA below an issuing CA, which none may have."""
    key = new_key()
    made = make_issuing(
        agencies.real().issuing, key.public_key(), "Harbour Police below", agencies.issuance()
    )
    return Issuer(made, key)


def recipient(role: Role = Role.EVIDENCE_RECIPIENT, issuing: Issuer | None = None) -> bytes:
    key = new_key()
    return make_host(
        issuing or agencies.real().issuing, key.public_key(), "evidence room", role, agencies.issuance()
    )


WRONG: dict[str, tuple[Callable[[LabAgency], dict[str, Any]], ErrorCode]] = {
    "a root of another agency": (other_root, ErrorCode.UNTRUSTED),
    "a root that is an issuing CA": (
        lambda real: {"root": real.issuing.certificate, "standby": b""},
        ErrorCode.UNTRUSTED,
    ),
    "a root that is signed otherwise than by SHA-256": (
        lambda real: {"root": agencies.altered(real.root.certificate, real.root, digest=hashes.SHA384())},
        ErrorCode.UNTRUSTED,
    ),
    "a standby root that is the root": (lambda real: {"standby": real.root.certificate}, ErrorCode.UNTRUSTED),
    "a standby root of another agency": (
        lambda real: {"standby": agencies.real("Valley Sheriff").standby.certificate},
        ErrorCode.UNTRUSTED,
    ),
    "a certificate for another key": (lambda real: {"key": new_key().public_key()}, ErrorCode.UNTRUSTED),
    "a certificate of another camera": (lambda real: {"name": "SIM-00000077"}, ErrorCode.UNTRUSTED),
    "a certificate that ended before the floor": (
        lambda real: {"issuance": agencies.issuance(1_600_000_000, 1_700_000_000)},
        ErrorCode.UNTRUSTED,
    ),
    "a lab's certificate": (lambda real: {"issuance": agencies.issuance(lab="abcd")}, ErrorCode.UNTRUSTED),
    "a certificate of a CA below the issuing CA": (
        lambda real: {"issuing_ca": (below := below_issuing()), "issuing": below.certificate},
        ErrorCode.UNTRUSTED,
    ),
    "an issuing CA that issued nothing of it": (
        lambda real: {"issuing": agencies.issuing_ca(real.root, "Harbour Police second").certificate},
        ErrorCode.UNTRUSTED,
    ),
    "a recipient that is a technician": (
        lambda real: {"recipients": (recipient(Role.TECHNICIAN),)},
        ErrorCode.UNTRUSTED,
    ),
    "a recipient of another agency": (
        lambda real: {"recipients": (recipient(issuing=agencies.real("Valley Sheriff").issuing),)},
        ErrorCode.UNTRUSTED,
    ),
    "a deny list of another agency": (
        lambda real: {"deny_list": agencies.deny_list(agencies.real("Valley Sheriff"), 1)},
        ErrorCode.UNTRUSTED,
    ),
    "a deny list that denies whoever enrols": (
        lambda real: {"deny_list": agencies.deny_list(real, 1, Denied(by=DeniedBy.NAME, name="K. Weber"))},
        ErrorCode.UNTRUSTED,
    ),
    "a deny list that denies the device": (
        lambda real: {
            "deny_list": agencies.deny_list(real, 1, Denied(by=DeniedBy.NAME, name="SIM-00000001"))
        },
        ErrorCode.UNTRUSTED,
    ),
    "a standby root that may have no issuing CA": (
        lambda real: {"standby": agencies.altered(real.standby.certificate, real.standby, path_length=0)},
        ErrorCode.UNTRUSTED,
    ),
    "a standby root that its key did not sign": (
        lambda real: {"standby": agencies.altered(real.standby.certificate, real.root)},
        ErrorCode.UNTRUSTED,
    ),
    "a standby root that is signed otherwise than by SHA-256": (
        lambda real: {
            "standby": agencies.altered(real.standby.certificate, real.standby, digest=hashes.SHA384())
        },
        ErrorCode.UNTRUSTED,
    ),
    "no certificate at all": (lambda real: {"certificate": b"\x30\x00"}, ErrorCode.UNTRUSTED),
}


@pytest.mark.rule("TRU-004")
@pytest.mark.parametrize("what", WRONG)
def test_an_installation_is_taken_only_when_all_of_it_holds(
    new_device: New, enroller_at: At, play: Play, what: str
) -> None:
    camera = new_device(enrolled=False)
    instead, code = WRONG[what]

    async def scenario() -> None:
        camera.press_enroll()
        host = await enroller_at(camera)
        found = await installation(host, agencies.real(), **instead(agencies.real()))
        assert await host.upload(Enroll, found.encode()) is code
        assert not camera.trust.enrolled and not camera.trust.kept.roots
        right = await installation(host, agencies.real(), recipients=(recipient(),))
        assert await host.upload(Enroll, right.encode()) is None  # nothing was lost by the attempt

    play(scenario())


@pytest.mark.rule("TRU-004")
@pytest.mark.parametrize(
    ("role", "agency", "check"),
    [(Role.DOCK_OFFLOAD, "Harbour Police", "role"), (Role.TECHNICIAN, "Valley Sheriff", "chain")],
)
def test_whoever_enrols_is_a_technician_of_the_agency_that_he_installs(
    new_device: New, enroller_at: At, play: Play, role: Role, agency: str, check: str
) -> None:
    camera = new_device(enrolled=False)

    async def scenario() -> None:
        camera.press_enroll()
        host = await enroller_at(camera, agencies.real(agency), role)
        found = await installation(host, agencies.real())
        assert await host.upload(Enroll, found.encode()) is ErrorCode.UNTRUSTED
        assert not camera.trust.enrolled

    play(scenario())


def test_the_host_may_be_of_another_issuing_ca_which_it_then_shows(
    new_device: New, enroller_at: At, play: Play
) -> None:
    camera = new_device(enrolled=False)
    real = agencies.real()
    second = agencies.issuing_ca(real.root, "Harbour Police second")
    key = new_key()
    leaf = make_host(second, key.public_key(), "K. Weber", Role.TECHNICIAN, agencies.issuance())

    async def scenario() -> None:
        camera.press_enroll()
        host = await enroller_at(camera, shown=Certified((leaf, second.certificate), key))
        found = await installation(host, real)
        assert await host.upload(Enroll, found.encode()) is ErrorCode.UNTRUSTED
        right = replace(found, host_issuing=second.certificate)
        assert await host.upload(Enroll, right.encode()) is None

    play(scenario())


def test_what_is_no_installation_or_not_what_was_announced_changes_nothing(
    new_device: New, enroller_at: At, play: Play
) -> None:
    camera = new_device(enrolled=False)

    async def scenario() -> None:
        camera.press_enroll()
        host = await enroller_at(camera)
        assert await host.upload(Enroll, b"\xa0") is ErrorCode.WRONG_STATE  # no request was made
        found = (await installation(host, agencies.real())).encode()
        for wrong in (b"\xa0", found[:-1], found + b"\x00", b"\xff" * 40):
            assert await host.upload(Enroll, wrong) is ErrorCode.MALFORMED
        assert not camera.trust.enrolled

    play(scenario())


@pytest.mark.rule("TRU-002")
def test_enrolled_twice_it_is_not(new_device: New, enroller_at: At, play: Play) -> None:
    camera = new_device(enrolled=False)

    async def scenario() -> None:
        camera.press_enroll()
        host = await enroller_at(camera)
        found = await installation(host, agencies.real())
        assert await host.upload(Enroll, found.encode()) is None
        assert "enrolled" in camera.press_enroll()
        with pytest.raises(HostRefused):
            await enroller_at(camera)

    play(scenario())


def test_the_request_is_the_same_until_a_certificate_is_there_also_after_a_boot(
    new_device: New, enroller_at: At, play: Play, tmp_path: Any
) -> None:
    camera = new_device(enrolled=False, state=tmp_path)

    async def scenario() -> None:
        def key(request: bytes) -> bytes:
            return read_request(request)[1].public_numbers().x.to_bytes(32)

        camera.press_enroll()
        host = await enroller_at(camera)
        first = key((await host.ask(RequestCertificate())).request)
        assert key((await host.ask(RequestCertificate())).request) == first
        camera.crash()
        camera.time.skip(5)
        camera.settle()
        camera.press_enroll()
        again = await enroller_at(camera)
        assert key((await again.ask(RequestCertificate())).request) == first
        assert await again.upload(Enroll, (await installation(again, agencies.real())).encode()) is None

    play(scenario())
    assert camera.trust.kept.requested_key == b""


@pytest.mark.rule("ROL-003")
@pytest.mark.parametrize("bench", [False, True])
def test_an_agency_locks_a_device_for_production_unless_it_says_otherwise(
    new_device: New, enroller_at: At, host_at: At, play: Play, bench: bool
) -> None:
    camera = new_device(enrolled=False)

    async def scenario() -> None:
        camera.press_enroll()
        host = await enroller_at(camera)
        found = await installation(host, agencies.real(), bench=bench)
        assert await host.upload(Enroll, found.encode()) is None
        assert (await (await host_at(camera)).ask(ReadTrust())).locked is not bench
        if bench:
            await host_at(camera, role=Role.BENCH)
            return
        with pytest.raises(HostRefused) as refused:
            await host_at(camera, role=Role.BENCH)
        assert refused.value.reason is FailReason.REFUSED or refused.value.reason is ResetReason.REFUSED

    play(scenario())
    locked = [detail for detail in entries(camera, AuditKind.HANDSHAKE_FAILED) if detail.startswith("locked")]
    assert bool(locked) is not bench


def test_a_lab_locks_nothing(new_device: New, host_at: At, play: Play) -> None:
    camera = new_device(agencies.lab())

    async def scenario() -> None:
        host = await host_at(camera, agencies.lab(), Role.BENCH)
        state = await host.ask(ReadTrust())
        assert state.lab == agencies.lab().id and not state.locked

    play(scenario())


def test_a_station_enrols_itself_by_its_own_button(
    new_device: New, enroller_at: At, host_at: At, play: Play
) -> None:
    station = new_device(bays=2, docked=0, enrolled=False)

    async def scenario() -> None:
        await station.start()
        with pytest.raises(HostRefused) as refused:
            await enroller_at(station)
        assert refused.value.reason is ResetReason.NOT_ENROLLED
        assert station.press_enroll() == ""
        host = await enroller_at(station)
        found = await installation(host, agencies.real(), PeerKind.STATION)
        assert await host.upload(Enroll, found.encode()) is None
        technician = await host_at(station)
        assert technician.peer.certificate.kind is PeerKind.STATION
        assert (await technician.ask(ReadTrust())).enrolled

    play(scenario())


def test_a_certificate_for_a_camera_does_not_make_a_station(
    new_device: New, enroller_at: At, play: Play
) -> None:
    station = new_device(bays=1, docked=0, enrolled=False)

    async def scenario() -> None:
        await station.start()
        station.press_enroll()
        host = await enroller_at(station)
        found = await installation(host, agencies.real(), PeerKind.CAMERA)
        assert await host.upload(Enroll, found.encode()) is ErrorCode.UNTRUSTED

    play(scenario())


def test_development_firmware_is_never_enrolled(play: Play) -> None:
    development = make_camera(seed=9, mib=1)

    async def scenario() -> None:
        host = await DeviceHost(development, None, Role.TECHNICIAN | Role.ENROLLER).connect()
        assert not (await host.ask(ReadTrust())).enrolled
        assert await host.refused(RequestCertificate()) is ErrorCode.WRONG_STATE
        assert await host.upload(Enroll, b"\xa0") is ErrorCode.WRONG_STATE
        assert "development" in development.press_enroll() and "development" in development.reset_by_opening()

    play(scenario())
    development.close()


def test_the_factory_identity_has_no_end_and_gives_no_access(new_device: New) -> None:
    camera = new_device(enrolled=False)
    facts = read_certificate(camera.trust.kept.factory_chain[0])
    assert facts.factory and facts.name == camera.serial and facts.not_after_s == FOREVER_S


@pytest.mark.rule("TRU-001")
def test_a_handshake_that_outlives_the_window_is_refused(new_device: New) -> None:
    camera = new_device(enrolled=False)
    camera.press_enroll()
    assert callable(camera.trust.opening(by_radio=False))
    host = read_certificate(agencies.real().host("K. Weber", Role.TECHNICIAN).chain[0])
    judge = camera.trust._showing().judge
    assert judge(host).roles is Role.ENROLLER
    camera.time.skip(WINDOW_S + 1)
    with pytest.raises(PeerRefused, match="press its button again"):
        judge(host)


@pytest.mark.rule("TRU-002")
def test_who_is_enrolled_takes_no_installation_whatever_it_is_asked(new_device: New) -> None:
    camera = new_device()
    real = agencies.real()
    host = read_certificate(real.host("K. Weber", Role.TECHNICIAN).chain[0])
    found = installing(certified(camera.trust.request(), real), real)
    before = camera.trust.kept
    with pytest.raises(Refusal, match="it is enrolled"):
        camera.trust.enroll(found, host)
    assert camera.trust.kept == before


def test_what_is_installed_is_told(new_device: New, enroller_at: At, host_at: At, play: Play) -> None:
    camera = new_device(enrolled=False)
    people = (recipient(), recipient())

    async def scenario() -> None:
        camera.press_enroll()
        host = await enroller_at(camera)
        document = agencies.deny_list(agencies.real(), 9)
        found = await installation(host, agencies.real(), recipients=people, deny_list=document, standby=b"")
        assert await host.upload(Enroll, found.encode()) is None
        state = await (await host_at(camera)).ask(ReadTrust())
        assert [one.sha256 for one in state.recipients] == [hashlib.sha256(one).digest() for one in people]
        assert (state.deny_counter, len(state.roots)) == (9, 1)

    play(scenario())


def test_a_device_signs_by_its_agencys_certificate_as_long_as_it_has_one(new_device: New) -> None:
    agency = agencies.real()
    camera = new_device(agency=agency)
    assert camera.trust.signer.chain == camera.trust.kept.chain
    signature = sign1.sign(b"stated", camera.trust.signer)
    assert (
        verify_device_statement(b"stated", signature, agency.anchors, lab="", camera=camera.serial).name
        == camera.serial
    )
    assert new_device(agency=agency, enrolled=False).trust.signer is None
