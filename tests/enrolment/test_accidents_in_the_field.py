"""Accidents of a fleet that concern docks, lists, clocks and cameras: footage comes off, and all can be mended."""

import shutil
from pathlib import Path

import pytest

from bwc_protocol.certificates.checks import Standing
from bwc_protocol.declare import Role
from bwc_protocol.documents.deny_list import Denied as Entry
from bwc_protocol.documents.deny_list import DeniedBy, DenyList
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.documents.reset_record import verify_reset_record
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.evidence import ClockState
from bwc_protocol.evidence.sign1 import KeySigner
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.messages.clock import ClockReason, TimeSource
from bwc_protocol.messages.trust import ReadResetRecord
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect, connect_station
from bwc_sdk.clients.order_making import Stepping, make_order
from bwc_sdk.connection.access import Connecting
from bwc_sdk.enrolment import Enrolled, Renewed, Vendor, renew
from bwc_sdk.errors import AgencyError, CommandError, NotEnrolled, SessionRefused
from bwc_sdk.identity.ca import founding
from bwc_sdk.identity.ca.authority import opened
from bwc_sdk.identity.ca.denying import publish
from bwc_sdk.identity.ca.handing_out import renew_identity
from bwc_sdk.identity.ca.register import Denied
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.identity.identity_directory import IdentityDirectory
from bwc_sdk.identity.lab_identities import LabIdentities
from bwc_sdk.identity.orders import sign_order
from bwc_sdk.offload import offload
from firmware_sim.camera.camera import SimCamera
from firmware_sim.scenarios import make_camera
from firmware_sim.virtual_time import run_virtual
from tests.enrolment.conftest import (
    DAY_S,
    NOW_S,
    PASSPHRASE,
    YEAR_S,
    Agency,
    Begin,
    enrolled,
    new_camera,
    reach,
    record,
)
from tests.enrolment.test_station import new_station

DOCK = Role.DOCK_OFFLOAD
S_NS = 1_000_000_000


def at(
    camera: SimCamera,
    agency: Agency,
    who: IdentityDirectory | HostIdentity | LabIdentities | None = None,
    role: Role = DOCK,
) -> Connecting[Camera]:
    return connect(reach(camera)(), role=role, identity=who or agency.people(), world=agency.world)


async def emptied(camera: SimCamera, agency: Agency, into: Path, who: IdentityDirectory | None = None) -> int:
    """Offloads everything; how many recordings came off."""
    into.mkdir()  # noqa: ASYNC240  # nothing else runs meanwhile
    job = offload(lambda: at(camera, agency, who), into, world=agency.world)
    result = await job.run()
    assert result.complete, result
    return len(list(Path(into).rglob("*.mp4*")))  # noqa: ASYNC240  # nothing else runs meanwhile


async def turned_away(
    camera: SimCamera, agency: Agency, who: IdentityDirectory | HostIdentity | LabIdentities
) -> SessionRefused:
    with pytest.raises(SessionRefused) as caught:
        async with at(camera, agency, who):
            raise AssertionError("it got in")
    assert camera.serial not in str(caught.value)
    return caught.value


def test_the_certificate_of_a_dock_has_ended(
    agency: Agency, factory: LabAgency, vendor: Vendor, tmp_path: Path
) -> None:
    """A device asks no clock: the dock goes on, says so at each connection, and is renewed in its place."""
    camera = new_camera(factory)

    async def scenario() -> None:
        await enrolled(camera, agency, vendor)
        record(camera)
        dock = agency.people("dock", DOCK, days=30)
        agency.now_s += 60 * DAY_S
        assert await emptied(camera, agency, tmp_path / "evidence", dock) > 0
        async with at(camera, agency, dock) as ours:
            assert any("has ended" in notice or "ended" in notice for notice in ours.notices), ours.notices
        renew_identity(agency.ca, dock.path / "dock-offload.p12", lambda path: b"")
        async with at(camera, agency, dock) as ours:
            assert ours.notices == ()

    run_virtual(scenario())


def test_the_root_is_lost_and_the_standby_root_goes_on(
    agency: Agency, factory: LabAgency, vendor: Vendor
) -> None:
    """It signs the next deny list, and the next issuing CA; devices know it since their enrolment."""
    camera = new_camera(factory)

    async def scenario() -> None:
        await enrolled(camera, agency, vendor)
        stolen, before = agency.people("stolen", DOCK), agency.people()
        agency.made.root_file.unlink()
        publish(agency.ca, agency.made.standby_file, [Denied(name="stolen dock-offload")])
        shutil.copy(agency.directory / "deny-list.cose", before.path)
        founding.rotate(agency.ca, agency.made.standby_file, lambda: PASSPHRASE)
        after = agency.people("after", DOCK)
        for who in (before, after):  # under the issuing CA of the lost root, and of the standby root
            async with at(camera, agency, who):
                pass
        await turned_away(camera, agency, stolen)
        async with at(camera, agency, after) as ours:
            assert isinstance(await renew(ours, agency.authority, within_days=9_999), Renewed)
        async with at(camera, agency, before) as ours:
            assert ours.peer.standing is Standing.GOOD

    run_virtual(scenario())


def test_an_old_deny_list_is_brought_to_the_host_to_the_device_and_on_a_stick(
    agency: Agency, factory: LabAgency, vendor: Vendor
) -> None:
    """Whoever was denied stays so: the counter never falls."""
    camera, other = new_camera(factory, 1), new_camera(factory, 2)

    async def scenario() -> None:
        await enrolled(camera, agency, vendor)
        await enrolled(other, agency, vendor)
        stolen, dock = agency.people("stolen", DOCK), agency.people("dock", DOCK)
        old = publish(agency.ca, agency.made.root_file)
        new = publish(agency.ca, agency.made.root_file, [Denied(name="stolen dock-offload")])
        kept = dock.path / "deny-list.cose"
        kept.write_bytes(new.data)
        async with at(camera, agency, dock) as ours:
            with pytest.raises(CommandError) as caught:  # at the device
                await ours.trust.install_deny_list(old.data)
            assert caught.value.code is ErrorCode.CONFLICT
            identity = ours.connection.identity
            assert identity is not None
            with pytest.raises(DocumentRefused, match="not newer"):  # at the host
                identity.deny_lists.take(old.data, b"")
        kept.write_bytes(old.data)  # from a stick, over the newer file, while the dock runs
        async with at(camera, agency, dock) as ours:
            assert (await ours.trust.read()).deny_counter == new.counter
            assert identity.deny_lists.counter == new.counter
        kept.write_bytes(old.data)  # and once more, before it was started again
        restarted = IdentityDirectory(dock.path, lambda prompt: "")
        async with at(camera, agency, restarted):
            pass  # which brings the newer list back
        assert kept.read_bytes() == new.data
        async with at(other, agency, restarted):
            pass
        for device in (camera, other):
            await turned_away(device, agency, stolen)

    run_virtual(scenario())


def _signed_by_root(agency: Agency, *entries: Entry, floor_s: int = 0) -> bytes:
    """A list that `bwc ca` would not sign: by somebody who has the root, and another tool."""
    root = opened(agency.made.root_file, lambda path: PASSPHRASE)
    document = DenyList(
        agency=agency.name,
        counter=agency.now_s + 1_000,
        signed_utc_s=agency.now_s + YEAR_S,
        floor_utc_s=floor_s,
        entries=tuple(sorted(entries, key=repr)),
    )
    return SignedDocument(document.encode()).signed_by(KeySigner((root.certificate,), root.key)).encode()


def test_a_deny_list_denies_everybody(
    agency: Agency, factory: LabAgency, vendor: Vendor, tmp_path: Path
) -> None:
    """No CA signs it, no device takes it from whoever it denies or against its last dock, no host takes it either."""
    camera = new_camera(factory)

    async def scenario() -> None:
        await enrolled(camera, agency, vendor)
        record(camera)
        issuing = agency.made.issuing
        with pytest.raises(AgencyError):
            publish(agency.ca, agency.made.root_file, [Denied(issuer_key_id=issuing.key_id)])
        everybody = _signed_by_root(agency, Entry(by=DeniedBy.ISSUER, key=issuing.key_id))
        late = _signed_by_root(agency, floor_s=agency.now_s + YEAR_S)
        async with at(camera, agency) as ours:
            with pytest.raises(CommandError) as caught:
                await ours.trust.install_deny_list(everybody)
            assert caught.value.code is ErrorCode.OUT_OF_RANGE
            identity = ours.connection.identity
            assert identity is not None
            with pytest.raises(DocumentRefused, match="denies the CA"):
                identity.deny_lists.take(everybody, identity.certificate.issuer_key_id)
        ending = agency.people("ends first", DOCK, days=30)
        async with at(camera, agency, ending) as ours:
            with pytest.raises(CommandError) as caught:  # a floor above the end of whoever brings it
                await ours.trust.install_deny_list(late)
            assert caught.value.code is ErrorCode.OUT_OF_RANGE
        assert await emptied(camera, agency, tmp_path / "evidence") > 0

    run_virtual(scenario())


def test_a_floor_was_set_too_late_and_the_next_list_lowers_it(
    agency: Agency, factory: LabAgency, vendor: Vendor, tmp_path: Path
) -> None:
    camera = new_camera(factory)

    async def scenario() -> None:
        await enrolled(camera, agency, vendor)
        record(camera)
        dock = agency.people("dock", DOCK, days=30)
        agency.now_s += 60 * DAY_S  # it has ended, and worked on
        publish(agency.ca, agency.made.root_file, floor_s=agency.now_s - DAY_S)
        carrier = agency.people()
        shutil.copy(agency.directory / "deny-list.cose", carrier.path)
        async with at(camera, agency):
            pass
        refused = await turned_away(camera, agency, dock)
        assert "floor" in str(refused) or "deny" in refused.advice or refused.advice
        publish(agency.ca, agency.made.root_file, floor_s=agency.now_s - 50 * DAY_S)
        shutil.copy(agency.directory / "deny-list.cose", carrier.path)
        async with at(camera, agency):
            pass
        assert await emptied(camera, agency, tmp_path / "evidence", dock) > 0

    run_virtual(scenario())


def test_the_clock_of_the_ca_was_ten_years_ahead_and_devices_ask_none(
    agency: Agency, factory: LabAgency, vendor: Vendor, tmp_path: Path
) -> None:
    """A dock whose certificate begins in ten years gets in, whatever the camera's clock reads; a list with a floor of
    then shuts out what was issued before, until the next list lowers it."""
    camera = new_camera(factory)

    async def scenario() -> None:
        early = agency.people("early", Role.TECHNICIAN, DOCK, days=3_000)
        agency.identities["host"] = early
        await enrolled(camera, agency, vendor)
        record(camera)
        ahead_s = 10 * YEAR_S - 30 * DAY_S
        agency.now_s += ahead_s
        late = agency.people("late", DOCK, days=365)
        publish(agency.ca, agency.made.root_file, floor_s=agency.now_s - DAY_S)
        shutil.copy(agency.directory / "deny-list.cose", late.path)
        agency.now_s -= ahead_s
        assert late.for_role(DOCK, agency.now_s).certificate.not_before_s > agency.now_s
        for reading_ns in (NOW_S * S_NS, 0, (NOW_S + 20 * YEAR_S) * S_NS):
            camera.clock.set_utc_ns(reading_ns, 0)
            async with at(camera, agency, late) as ours:
                assert ours.peer.identity == camera.serial
        assert await emptied(camera, agency, tmp_path / "evidence", late) > 0
        await turned_away(camera, agency, early)  # it ended before the floor of the list
        publish(agency.ca, agency.made.root_file, floor_s=0)
        shutil.copy(agency.directory / "deny-list.cose", late.path)
        async with at(camera, agency, late):
            pass
        async with at(camera, agency, early) as ours:
            assert (await ours.trust.read()).floor_s < agency.now_s

    run_virtual(scenario())


def test_the_clock_of_a_camera_was_set_ten_years_ahead(
    agency: Agency, factory: LabAgency, vendor: Vendor, tmp_path: Path
) -> None:
    """Its hosts get in, its footage comes off, a sync is refused, and two people mend it by an order."""
    camera = new_camera(factory)
    wrong_ns = (NOW_S + 10 * YEAR_S) * S_NS

    async def scenario() -> None:
        await enrolled(camera, agency, vendor)
        camera.clock.set_utc_ns(wrong_ns, 0, TimeSource.OPERATOR)
        record(camera)
        assert await emptied(camera, agency, tmp_path / "evidence") > 0
        kim = agency.people().for_role(Role.TECHNICIAN, agency.now_s)
        lee = agency.people("lee", Role.TECHNICIAN).for_role(Role.TECHNICIAN, agency.now_s)
        async with at(camera, agency, role=Role.TECHNICIAN) as ours:
            with pytest.raises(CommandError) as caught:
                await ours.clock.set(
                    offset_ns=-10 * YEAR_S * S_NS,
                    uncertainty_ns=S_NS,
                    reason=ClockReason.CORRECTION,
                    source=TimeSource.OPERATOR,
                    revision=camera.clock.revision,
                )
            assert caught.value.code is ErrorCode.IMPLAUSIBLE
            made = await make_order(ours, Stepping(TimeSource.OPERATOR, S_NS))
            document = SignedDocument(made.order.encode()).encode()
            alone = sign_order(document, kim, agency.now_s)
            with pytest.raises(CommandError):
                await ours.trust.order(alone, nonce=made.order.nonce)
            await ours.trust.order(sign_order(alone, lee, agency.now_s), nonce=made.order.nonce)
        assert abs(camera.clock.utc_ns() - agency.utc_ns()) < 120 * S_NS
        record(camera)
        assert await emptied(camera, agency, tmp_path / "later") > 0

    run_virtual(scenario())


def test_the_clock_of_a_camera_was_reset(
    agency: Agency, factory: LabAgency, vendor: Vendor, tmp_path: Path
) -> None:
    """To 1970, as after a deep discharge: nothing of who gets in hangs on it."""
    camera = new_camera(factory)

    async def scenario() -> None:
        await enrolled(camera, agency, vendor)
        record(camera)
        camera.clock.reset()
        assert await emptied(camera, agency, tmp_path / "evidence") > 0
        async with at(camera, agency, role=Role.TECHNICIAN) as ours:
            assert ours.peer.standing is Standing.GOOD
            await ours.clock.sync(
                reason=ClockReason.FIRST_SET, source=TimeSource.OPERATOR, host_uncertainty_ns=S_NS
            )
        assert camera.clock.state is ClockState.SYNCED
        assert abs(camera.clock.utc_ns() - agency.utc_ns()) < 120 * S_NS

    run_virtual(scenario())


def test_a_camera_was_reset_in_the_field(
    agency: Agency, factory: LabAgency, vendor: Vendor, tmp_path: Path
) -> None:
    """Keys and footage are gone, the record says what was, a generation is counted, and it is enrolled again."""
    camera = new_camera(factory)

    async def scenario() -> None:
        await enrolled(camera, agency, vendor)
        record(camera)
        assert camera.reset_by_opening() == ""
        camera.time.skip(10)
        camera.settle()
        assert camera.running and not camera.has_footage
        with pytest.raises(NotEnrolled):
            async with at(camera, agency):
                raise AssertionError("it knows nobody")
        events = await enrolled(camera, agency, vendor)
        assert isinstance(events[-1], Enrolled) and events[-1].serial == camera.serial
        async with at(camera, agency) as ours:
            state = await ours.trust.read()
            kept = (await ours.connection.call(ReadResetRecord())).record
        told = verify_reset_record(kept, vendor.roots)
        assert (state.generation, told.device, told.recordings) == (1, camera.serial, 1)
        record(camera)
        assert await emptied(camera, agency, tmp_path / "evidence") > 0

    run_virtual(scenario())


def test_cameras_of_two_agencies_stand_in_one_dock(
    agency: Agency, begin: Begin, factory: LabAgency, vendor: Vendor
) -> None:
    """Each bay is reached by the identity of its own agency, over one station, and by no other."""
    other = begin("Rangers")
    station = new_station(factory, bays=2, docked=1)
    guest = new_camera(factory, 42)

    async def scenario() -> None:
        await enrolled(station, agency, vendor)
        await enrolled(guest, other, vendor)
        station.dock(2, guest)
        async with connect_station(
            reach(station)(), role=DOCK, identity=agency.people(), world=agency.world
        ) as ours:
            async with ours.camera(1) as camera:
                assert camera.peer.secure
            with pytest.raises(SessionRefused) as caught:
                async with ours.camera(2):
                    raise AssertionError("another agency's camera")
            assert guest.serial not in str(caught.value)
            async with ours.camera(1):
                pass  # and the first bay goes on
        station.undock(2)
        async with at(guest, other) as theirs:
            assert theirs.identity == guest.serial

    run_virtual(scenario())


def test_a_lab_identity_at_a_real_camera_and_the_reverse(
    agency: Agency, factory: LabAgency, vendor: Vendor, tmp_path: Path
) -> None:
    """Both ends refuse, even where somebody has added the lab's root to what he trusts."""
    real = new_camera(factory)
    lab = LabIdentities("Anna", tmp_path / "lab")
    of_lab = lab.for_role(DOCK, NOW_S)
    from bwc_protocol.lab.directory import open_lab

    bench = make_camera(utc_ns=NOW_S * S_NS, agency=open_lab(tmp_path / "lab").agency)

    async def scenario() -> None:
        await enrolled(real, agency, vendor)
        await turned_away(real, agency, of_lab)
        async with at(bench, agency, of_lab) as ours:
            assert ours.peer.secure
        with pytest.raises(SessionRefused) as caught:
            async with at(bench, agency):
                raise AssertionError("a lab's camera")
        assert "lab" in caught.value.advice or "lab" in str(caught.value)
        ours_real = agency.people().for_role(DOCK, agency.now_s)
        trusting = HostIdentity.of(of_lab.credentials, (*of_lab.anchors, *ours_real.anchors))
        await turned_away(real, agency, trusting)
        gullible = HostIdentity.of(ours_real.credentials, (*ours_real.anchors, *of_lab.anchors))
        with pytest.raises(SessionRefused):
            async with at(bench, agency, gullible):
                raise AssertionError("a lab's camera")

    run_virtual(scenario())
