"""A docking station is enrolled first itself, by its own button, and then what stands in its bays, each by its own."""

from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.clients.connecting import connect_station
from bwc_sdk.enrolment import AlreadyEnrolled, ButtonWanted, Enrolled, EnrolmentFailed, Vendor
from bwc_sdk.errors import NotEnrolled, SessionRefused
from firmware_sim.scenarios import Footage, make_station
from firmware_sim.station.station import SimStation
from firmware_sim.virtual_time import run_virtual
from tests.enrolment.conftest import NOW_S, Agency, Begin, button_of, enrolled, reach


def new_station(factory: LabAgency, bays: int = 4, docked: int = 3) -> SimStation:
    return make_station(
        bays,
        docked=docked,
        footage=Footage.SYNTHETIC,
        utc_ns=NOW_S * 1_000_000_000,
        agency=factory,
        enrolled=False,
    )


def test_it_says_whose_button_comes_next(agency: Agency, factory: LabAgency, vendor: Vendor) -> None:
    station = new_station(factory)

    async def scenario() -> None:
        events = await enrolled(station, agency, vendor)
        told = [event.slot for event in events if isinstance(event, ButtonWanted)]
        assert told == ["device", "bay 1", "bay 2", "bay 3"]  # before it answers nobody knows what it is
        done = [event for event in events if isinstance(event, Enrolled)]
        assert [(event.slot, event.kind) for event in done] == [
            ("station", PeerKind.STATION),
            *[(f"bay {bay}", PeerKind.CAMERA) for bay in (1, 2, 3)],
        ]
        assert len({event.serial for event in done}) == 4
        async with connect_station(reach(station)(), identity=agency.people(), world=agency.world) as ours:
            for bay in (1, 2, 3):
                async with ours.camera(bay) as camera:
                    assert camera.peer.secure and (await camera.trust.read()).enrolled

    run_virtual(scenario())


def test_one_that_nobody_presses_stops_no_other(agency: Agency, factory: LabAgency, vendor: Vendor) -> None:
    station = new_station(factory)

    async def scenario() -> None:
        events = await enrolled(
            station, agency, vendor, press=lambda slot: "" if slot == "bay 2" else button_of(station, slot)
        )
        (failed,) = [event for event in events if isinstance(event, EnrolmentFailed)]
        assert failed.slot == "bay 2" and isinstance(failed.error, NotEnrolled)
        assert "the camera in bay 2" in failed.error.rule
        assert [event.slot for event in events if isinstance(event, Enrolled)] == [
            "station",
            "bay 1",
            "bay 3",
        ]
        again = await enrolled(station, agency, vendor)
        assert [type(event) for event in again] == [
            AlreadyEnrolled,
            AlreadyEnrolled,
            ButtonWanted,
            Enrolled,
            AlreadyEnrolled,
        ]

    run_virtual(scenario())


def test_a_station_that_nobody_presses_is_all_that_is_tried(
    agency: Agency, factory: LabAgency, vendor: Vendor
) -> None:
    station = new_station(factory)

    async def scenario() -> None:
        wanted, failed = await enrolled(station, agency, vendor, press=lambda slot: "")
        assert isinstance(wanted, ButtonWanted) and isinstance(failed, EnrolmentFailed)

    run_virtual(scenario())


def test_two_agencies_at_one_dock(agency: Agency, begin: Begin, factory: LabAgency, vendor: Vendor) -> None:
    """The dock is one agency's; a camera of the other in its bay learns and tells nothing, and is left alone."""
    other, station = begin("Rangers"), new_station(factory, bays=2, docked=2)
    guest = station.bays[2].camera
    assert guest is not None

    async def scenario() -> None:
        assert isinstance((await enrolled(guest, other, vendor))[-1], Enrolled)
        events = await enrolled(station, agency, vendor)
        (failed,) = [event for event in events if isinstance(event, EnrolmentFailed)]
        assert failed.slot == "bay 2" and isinstance(failed.error, SessionRefused)
        assert guest.serial not in failed.error.rule
        assert [event.slot for event in events if isinstance(event, Enrolled)] == ["station", "bay 1"]
        # Its own agency reaches it through the other's dock, which cannot read a word of it.
        from bwc_protocol.declare import Role
        from bwc_sdk.clients.connecting import connect

        async with connect(
            reach(station)(), bay=2, role=Role.DOCK_OFFLOAD, identity=other.people(), world=other.world
        ) as camera:
            assert camera.identity == guest.serial

    run_virtual(scenario())
