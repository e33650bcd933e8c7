"""Accidents of a fleet that concern its CA: no camera is lost by them, and no footage."""

import os
import shutil
from pathlib import Path

import pytest

from bwc_protocol.certificates.checks import Standing
from bwc_protocol.declare import Role
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect, connect_station
from bwc_sdk.connection.access import Connecting
from bwc_sdk.enrolment import Enrolled, Renewed, Vendor, renew
from bwc_sdk.errors import AgencyError, ClockImplausible, CommandError, SessionRefused
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.identity.ca import founding
from bwc_sdk.identity.ca.clock_check import confirmed_now
from bwc_sdk.identity.ca.denying import publish
from bwc_sdk.identity.ca.register import Denied
from bwc_sdk.identity.identity_directory import IdentityDirectory
from bwc_sdk.offload import offload, offload_station
from firmware_sim.camera.camera import SimCamera
from firmware_sim.station.station import SimStation
from firmware_sim.virtual_time import run_virtual
from tests.enrolment.conftest import (
    DAY_S,
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


async def _fleet(agency: Agency, vendor: Vendor, *devices: SimCamera | SimStation) -> None:
    for device in devices:
        events = await enrolled(device, agency, vendor)
        assert [event for event in events if isinstance(event, Enrolled)], events


def _connecting(
    camera: SimCamera, agency: Agency, who: IdentityDirectory | None = None
) -> Connecting[Camera]:
    return connect(reach(camera)(), role=DOCK, identity=who or agency.people(), world=agency.world)


def test_all_certificates_have_ended_with_full_cameras(
    agency: Agency, factory: LabAgency, vendor: Vendor, tmp_path: Path
) -> None:
    """Of devices and of hosts: the footage comes off first, then everybody is renewed, and nobody pressed a button."""
    station = new_station(factory, bays=2, docked=2)
    agency.people("host", Role.TECHNICIAN, DOCK, days=365)

    async def scenario() -> None:
        await _fleet(agency, vendor, station)
        for bay in station.bays.values():
            assert bay.camera is not None
            record(bay.camera)
        agency.now_s += 5 * YEAR_S
        (tmp_path / "evidence").mkdir()
        job = offload_station(
            lambda: connect_station(
                reach(station)(), role=DOCK, identity=agency.people(), world=agency.world
            ),
            tmp_path / "evidence",
            world=agency.world,
        )
        result = await job.run()
        assert len(result.bays) == 2 and result.complete
        async with connect_station(
            reach(station)(), role=DOCK, identity=agency.people(), world=agency.world
        ) as ours:
            assert ours.peer.standing is Standing.EXPIRED
            assert isinstance(await renew(ours, agency.authority), Renewed)
            for bay in (1, 2):
                async with ours.camera(bay) as camera:
                    assert camera.peer.standing is Standing.EXPIRED
                    assert isinstance(await renew(camera, agency.authority), Renewed)
        async with (
            connect_station(
                reach(station)(), role=DOCK, identity=agency.people(), world=agency.world
            ) as ours,
            ours.camera(1) as camera,
        ):
            assert (ours.peer.standing, camera.peer.standing) == (Standing.GOOD, Standing.GOOD)

    run_virtual(scenario())


def test_the_host_of_the_ca_is_lost_and_rebuilt_from_its_backup(
    agency: Agency, factory: LabAgency, vendor: Vendor, tmp_path: Path
) -> None:
    """What was enrolled before is renewed by the new one, and denied by it."""
    before, after = new_camera(factory, 1), new_camera(factory, 2)
    backup = tmp_path / "backup"

    async def scenario() -> None:
        dock = agency.people("dock 1", DOCK)
        agency.people()
        shutil.copytree(agency.directory, backup, ignore=shutil.ignore_patterns("offline"))
        await _fleet(agency, vendor, before)  # after the backup was made
        safe = shutil.copytree(agency.directory / "offline", tmp_path / "safe")
        shutil.rmtree(agency.directory)
        agency.now_s += 30 * DAY_S
        founding.rebuild(
            agency.directory,
            backup,
            passphrase=lambda path: PASSPHRASE,
            clock=lambda last: agency.now_s,
            entropy=os.urandom,
        )
        await _fleet(agency, vendor, after)
        async with _connecting(before, agency) as ours:
            assert isinstance(await renew(ours, agency.authority, within_days=9_999), Renewed)
        publish(agency.ca, safe / "root.p12", [Denied(name="dock 1 dock-offload")])
        shutil.copy(agency.directory / "deny-list.cose", agency.people().path)
        for camera in (before, after):
            async with _connecting(camera, agency):
                pass  # brings the list
            with pytest.raises(SessionRefused):
                async with _connecting(camera, agency, dock):
                    raise AssertionError("the dock was denied")

    run_virtual(scenario())


def test_the_host_of_the_ca_is_lost_with_root_and_backup(
    agency: Agency, factory: LabAgency, vendor: Vendor, tmp_path: Path
) -> None:
    """The standby root in another building, and agency.pem of any dock, are enough to go on."""
    camera = new_camera(factory)

    async def scenario() -> None:
        await _fleet(agency, vendor, camera)
        backup = tmp_path / "backup"
        backup.mkdir()
        shutil.copy(agency.people().path / "agency.pem", backup)
        standby = shutil.copy(agency.made.standby_file, tmp_path / "standby.p12")
        shutil.rmtree(agency.directory)
        agency.identities.clear()
        founding.rebuild(
            agency.directory,
            backup,
            passphrase=lambda path: PASSPHRASE,
            clock=lambda last: agency.now_s,
            entropy=os.urandom,
            root_file=Path(standby),
            new_passphrase=lambda: PASSPHRASE,
        )
        new = agency.people("new", DOCK)
        async with _connecting(camera, agency, new) as ours:
            assert isinstance(await renew(ours, agency.authority, within_days=9_999), Renewed)

    run_virtual(scenario())


def test_a_dock_is_stolen_and_revoked(agency: Agency, factory: LabAgency, vendor: Vendor) -> None:
    """The list spreads by whoever meets whom: from one dock to a camera, and from that to the next dock."""
    camera, other = new_camera(factory, 1), new_camera(factory, 2)

    async def scenario() -> None:
        await _fleet(agency, vendor, camera, other)
        stolen = agency.people("stolen", DOCK)
        first, second = agency.people("first", DOCK), agency.people("second", DOCK)
        async with _connecting(camera, agency, stolen):
            pass  # it is still one of ours
        publish(agency.ca, agency.made.root_file, [Denied(name="stolen dock-offload", of_kind="host")])
        shutil.copy(agency.directory / "deny-list.cose", first.path)
        async with _connecting(camera, agency, first):
            pass
        with pytest.raises(SessionRefused):
            async with _connecting(camera, agency, stolen):
                raise AssertionError("it was denied")
        async with _connecting(camera, agency, second):
            pass
        assert (second.path / "deny-list.cose").exists()
        async with _connecting(other, agency, second):
            pass
        with pytest.raises(SessionRefused):
            async with _connecting(other, agency, stolen):
                raise AssertionError("it was denied")
        with pytest.raises(AgencyError, match="denied"):
            agency.people("again", DOCK)
            from bwc_sdk.identity.ca.handing_out import renew_identity

            renew_identity(agency.ca, stolen.path / "dock-offload.p12", lambda path: b"")

    run_virtual(scenario())


def test_a_stolen_dock_does_not_bring_the_list_that_denies_it(
    agency: Agency, factory: LabAgency, vendor: Vendor
) -> None:
    """Nor does the camera take a list that its carrier would be shut out by: somebody could brick a fleet so."""
    camera = new_camera(factory)

    async def scenario() -> None:
        await _fleet(agency, vendor, camera)
        stolen = agency.people("stolen", DOCK)
        listed = publish(agency.ca, agency.made.root_file, [Denied(name="stolen dock-offload")])
        async with _connecting(camera, agency, stolen) as theirs:
            with pytest.raises(CommandError) as caught:
                await theirs.trust.install_deny_list(listed.data)
            assert caught.value.code is ErrorCode.OUT_OF_RANGE

    run_virtual(scenario())


def test_the_clock_of_the_ca_was_ten_years_ahead(
    agency: Agency, factory: LabAgency, vendor: Vendor, tmp_path: Path
) -> None:
    """Somebody stated the wrong date, too. Devices never refuse by a beginning, hosts say it, and all can be mended."""
    camera = new_camera(factory)

    async def scenario() -> None:
        good = agency.people("early", Role.TECHNICIAN, DOCK, days=3_000)
        agency.now_s += 10 * YEAR_S - 30 * DAY_S
        issuing_ends = agency.made.issuing.not_after_s
        assert agency.now_s < issuing_ends
        agency.identities["host"] = good
        await _fleet(agency, vendor, camera)
        record(camera)
        listed = publish(agency.ca, agency.made.root_file)
        agency.now_s -= 10 * YEAR_S - 30 * DAY_S
        async with _connecting(camera, agency, good) as ours:
            assert ours.peer.standing is Standing.NOT_YET_VALID
        job = offload(lambda: _connecting(camera, agency, good), tmp_path, world=agency.world)
        assert (await job.run()).complete
        async with _connecting(camera, agency, good) as ours:
            done = await renew(ours, agency.authority, within_days=9_999)
            assert isinstance(done, Renewed) and done.until_s < agency.now_s + 3 * YEAR_S
        async with _connecting(camera, agency, good) as ours:
            assert ours.peer.standing is Standing.GOOD
        again = publish(agency.ca, agency.made.root_file)
        assert again.counter > listed.counter

    run_virtual(scenario())


def test_a_ca_whose_clock_is_ten_years_ahead_issues_nothing_by_itself(agency: Agency) -> None:
    """Even where a time server says so: the register's last entry would be ten years old."""
    last_s = agency.ca.register().last_s
    with pytest.raises(ClockImplausible):
        confirmed_now(HostTime(True, 1_000, "chrony"), agency.now_s + 10 * YEAR_S, last_s, None)


def test_two_agencies_whose_cameras_come_to_one_dock(
    agency: Agency, begin: Begin, factory: LabAgency, vendor: Vendor
) -> None:
    """The camera of the other agency gives nothing to this dock's agency, and everything to its own."""
    other, camera = begin("Rangers"), new_camera(factory)

    async def scenario() -> None:
        await _fleet(other, vendor, camera)
        record(camera)
        with pytest.raises(SessionRefused) as caught:
            async with _connecting(camera, agency):
                raise AssertionError("another agency's camera")
        assert camera.serial not in str(caught.value)
        async with _connecting(camera, other) as theirs:
            assert theirs.identity == camera.serial

    run_virtual(scenario())
