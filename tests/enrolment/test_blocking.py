"""Enrolment and renewal in programs without asyncio: the same, one step after the other."""

import pytest

from bwc_protocol.lab.agency import LabAgency
from bwc_sdk import sync
from bwc_sdk.enrolment import ButtonWanted, Enrolled, NotDue, Vendor, enrolling
from bwc_sdk.host.world import World
from tests.enrolment.conftest import Agency, new_camera, reach


def test_a_blocking_program_enrols_and_renews(
    agency: Agency, factory: LabAgency, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolling, "LOOK_S", 0.02)
    camera = new_camera(factory)
    world = World(utc_ns=agency.utc_ns)
    told = []
    for event in sync.enroll(
        reach(camera), agency.authority, vendor=vendor, identity=agency.people(), world=world
    ):
        told.append(event)
        if isinstance(event, ButtonWanted):
            assert camera.press_enroll() == ""
    assert isinstance(told[-1], Enrolled)
    with sync.connect(reach(camera)(), identity=agency.people(), world=world) as ours:
        assert sync.renew(ours, agency.authority) == NotDue(camera.serial, told[-1].until_s)


def test_an_enrolment_that_is_abandoned_is_ended(agency: Agency, factory: LabAgency, vendor: Vendor) -> None:
    camera = new_camera(factory)
    told = sync.enroll(
        reach(camera),
        agency.authority,
        vendor=vendor,
        identity=agency.people(),
        world=World(utc_ns=agency.utc_ns),
    )
    assert isinstance(next(told), ButtonWanted)
    told.close()
    assert next(told, None) is None
