"""A station that lies gets a typed error, in bounded time, and nothing of it is used."""

import pytest

import bwc_sdk
from bwc_protocol.declare import Handlers, Wire, items, wire
from bwc_protocol.declare.fields import text, u16
from bwc_protocol.messages.station import (
    BAYS_MAX,
    BayPage,
    BayStatus,
    ListBays,
    ReadStation,
)
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import CommandError, InvalidUri, PortNotFound, ProtocolViolation
from firmware_sim.handlers import STATION
from firmware_sim.handlers import station as honest
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.station.station import SimStation
from tools.generate import samples


def lie(station: SimStation, request, handler) -> None:
    """Makes a station answer one command differently."""
    handlers: Handlers = Handlers()
    handlers.by_opcode = STATION.by_opcode | {request.opcode: handler}
    station.profile.handlers = handlers


@wire
class Boast(Wire):
    """A station's status, with as many bays as it likes."""

    bays: int = u16("bays")
    rest: str = text("whatever follows", max=64)


@wire
class Many(Wire):
    """A page of more bays than a page may have."""

    bays: tuple[BayStatus, ...] = items(BayStatus, "bays", max=10_000)
    next: int = u16("next")


def a_bay(number: int, label: str = "") -> BayStatus:
    least = samples.least(BayStatus)
    fields = {name: getattr(least, name) for name in BayStatus.codec.fields}
    return BayStatus(**fields | {"bay": number, "label": label})


def test_ten_thousand_bays_are_a_violation(station, host, play) -> None:
    async def scenario() -> None:
        lie(station, ReadStation, lambda session, request: Boast(bays=10_000, rest=""))
        async with host(station) as client:
            with pytest.raises(ProtocolViolation, match="bays"):
                await client.bays.status()
            await client.device.status()

    play(scenario())


def test_a_page_with_more_bays_than_a_page_has_is_a_violation(station, host, play) -> None:
    async def scenario() -> None:
        lie(station, ListBays, lambda session, request: Many(bays=(a_bay(1),) * 500, next=0))
        async with host(station) as client:
            with pytest.raises(ProtocolViolation, match="bays"):
                await client.bays.list()

    play(scenario())


@pytest.mark.rule("STA-012")
@pytest.mark.parametrize(
    "page",
    [
        BayPage(bays=(a_bay(2), a_bay(1)), next=0),
        BayPage(bays=(a_bay(1), a_bay(1)), next=0),
        BayPage(bays=(a_bay(1),), next=1),
        BayPage(bays=(), next=7),
        BayPage(bays=(a_bay(1, "SIM-1"), a_bay(2, "SIM-1")), next=0),
    ],
    ids=["goes back", "repeats", "stands still", "never ends", "two bays, one camera"],
)
def test_a_list_that_cannot_be_is_a_violation(station, host, play, page: BayPage) -> None:
    async def scenario() -> None:
        lie(station, ListBays, lambda session, request: page)
        async with host(station) as client:
            with pytest.raises(ProtocolViolation):
                await client.bays.list()

    play(scenario())


def test_a_bay_that_does_not_exist_is_told_as_that(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            with pytest.raises(CommandError) as refused:
                await client.bays.bay(bay=5)
            assert refused.value.code is ErrorCode.NOT_FOUND
            for bay in (5, BAYS_MAX, BAYS_MAX + 1, 10_000, 0, -1):
                with pytest.raises(PortNotFound):
                    await client.camera(bay)
            await client.bays.status()
        with pytest.raises(PortNotFound, match="no such bay"):
            await bwc_sdk.connect(MemoryTransport(station), bay=5, allow_insecure=True)

    play(scenario())


def test_a_camera_has_no_bays(new_camera, play) -> None:
    async def scenario() -> None:
        camera = new_camera(1)
        with pytest.raises(PortNotFound, match="no such bay"):
            await bwc_sdk.connect(MemoryTransport(camera), bay=1, allow_insecure=True)
        async with bwc_sdk.connect(MemoryTransport(camera), allow_insecure=True) as client:
            await client.device.status()

    play(scenario())


@pytest.mark.parametrize("value", ["0", "65", "10000", "x", "-1", ""])
def test_a_bay_in_a_uri_is_a_number_from_1_to_64(value: str, play) -> None:
    async def scenario() -> None:
        with pytest.raises(InvalidUri, match="bay"):
            await bwc_sdk.connect(f"sim:?station=2&recordings=0&bay={value}")

    play(scenario())


def test_a_uri_with_a_bay_is_no_station(play) -> None:
    async def scenario() -> None:
        with pytest.raises(InvalidUri, match="not the station"):
            await bwc_sdk.connect_station("sim:?station=2&recordings=0&bay=1")

    play(scenario())


def test_the_honest_answers_are_what_the_lies_replaced(station, host, play) -> None:
    """So that a test above fails for its lie, and not for another reason."""

    async def scenario() -> None:
        lie(station, ListBays, honest.page)
        async with host(station) as client:
            assert len(await client.bays.list()) == 4

    play(scenario())
