"""Devices with an identity, and hosts of their agencies, in virtual time over real handshakes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.lab.agency import LabAgency
from firmware_sim.camera.camera import SimCamera
from firmware_sim.scenarios import make_camera, make_station
from firmware_sim.station.station import SimStation
from firmware_sim.virtual_time import run_virtual
from tools.testkit import agencies
from tools.testkit.device_host import STEP_S, DeviceHost, HostAs

NOON_NS = 1_800_014_400 * 1_000_000_000
"""A day in 2027: no test depends on when it runs."""
LIMIT_S = 30 * 86_400.0
"""Virtual time that no scenario passes."""


@pytest.fixture
def play() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a scenario in virtual time."""
    return lambda scenario: run_virtual(scenario, limit_s=LIMIT_S)


@pytest.fixture
def agency() -> LabAgency:
    """A real agency."""
    return agencies.real()


@pytest.fixture
def new_device() -> Iterator[Callable[..., Any]]:
    """Makes devices (`make_camera`, or `make_station` with `bays`); closes them."""
    made: list[SimCamera | SimStation] = []

    def make(agency: LabAgency | None = None, bays: int = 0, **options: Any) -> SimCamera | SimStation:
        whole = {"seed": 1, "mib": 1, "utc_ns": NOON_NS, "agency": agency or agencies.real(), **options}
        made.append(make_station(bays, **whole) if bays else make_camera(**whole))
        return made[-1]

    yield make
    for device in made:
        device.close()


@pytest.fixture
def host_at() -> Callable[..., Any]:
    """Connects a host of an agency to a device under a role."""

    async def connect(
        device: SimCamera | SimStation,
        agency: LabAgency | None = None,
        role: Role = Role.TECHNICIAN,
        *,
        name: str = "K. Weber",
        by_radio: bool = False,
        **given: Any,
    ) -> DeviceHost:
        await hang_up(device)
        home = agency or agencies.real()
        return await DeviceHost(
            device, host_as(device, home, role, name, **given), role, by_radio=by_radio
        ).connect()

    return connect


@pytest.fixture
def enroller_at() -> Callable[..., Any]:
    """Connects a host of an agency to a device that is in none."""

    async def connect(
        device: SimCamera | SimStation,
        agency: LabAgency | None = None,
        role: Role = Role.TECHNICIAN,
        *,
        by_radio: bool = False,
        **given: Any,
    ) -> DeviceHost:
        await hang_up(device)
        home = agency or agencies.real()
        by = host_as(device, home, role, "K. Weber", factory=True, **given)
        return await DeviceHost(device, by, Role.ENROLLER, by_radio=by_radio).connect()

    return connect


async def hang_up(device: SimCamera | SimStation) -> None:
    """Whoever is connected to the device leaves: one host at a time."""
    ports: list[Any] = list(device.ports)
    for port in ports:
        port.pipe.pull()
    await asyncio.sleep(STEP_S)


def host_as(
    device: SimCamera | SimStation,
    agency: LabAgency,
    role: Role,
    name: str,
    *,
    factory: bool = False,
    **given: Any,
) -> HostAs:
    """A host of an agency, as it comes to a device of the agency or of the factory."""
    anchors = (agency.factory_root.certificate,) if factory else agency.anchors
    issuance = given.pop("issuance", None)
    shown = given.pop("shown", None)
    return HostAs(
        shown=shown if shown is not None else agency.host(name, role, issuance),
        anchors=given.pop("anchors", anchors),
        lab=given.pop("lab", agency.id),
        kind=device.kind,
        factory=factory,
        **given,
    )
