"""Documents from the people who sign them to the device that obeys: by the SDK, over real handshakes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.certificates.facts import read_certificate
from bwc_protocol.declare import Role
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.clock import TimeAssurance, TimeSource
from bwc_protocol.messages.config import ConfigView
from bwc_protocol.messages.trust import OrderNonce
from bwc_protocol.session.tls import KeyCredentials
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from bwc_sdk.clients.connecting import AnyDevice
from bwc_sdk.clients.order_making import Leaving, MadeOrder, Stepping, make_order
from bwc_sdk.errors import (
    BwcError,
    ClockImplausible,
    CommandError,
    DocumentError,
    NotEnrolled,
    ProtocolViolation,
)
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.host.workers import InlineWorkers
from bwc_sdk.host.world import World
from bwc_sdk.identity.deny_lists import DenyLists
from bwc_sdk.identity.desired import desired_path, read_desired, sign_desired
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.identity.orders import check_order, sign_order
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage
from firmware_sim.station.station import SimStation
from tools.testkit import agencies

NOON_S = 1_800_014_400
DAY_S = 86_400
TEN_YEARS_NS = 10 * 365 * DAY_S * 1_000_000_000
Play = Callable[[Any], Any]
NewDevice = Callable[..., Any]


def person(name: str, role: Role, of: LabAgency | None = None) -> HostIdentity:
    home = of or agencies.real()
    held = home.host(name, role, agencies.issuance(lab=home.id))
    return HostIdentity(
        credentials=KeyCredentials(held.chain, held.key),
        certificate=read_certificate(held.chain[0]),
        anchors=home.anchors,
        source="a test",
        deny_lists=DenyLists(None, home.anchors, home.id),
    )


KIM, ADA = person("Kim Lopez", Role.TECHNICIAN), person("Ada Byron", Role.TECHNICIAN)
HOLT, DOCK = person("R. Holt", Role.RECORDS), person("dock-7", Role.DOCK_OFFLOAD)


def world(synchronised: bool = True) -> World:
    """A host whose clock goes with the loop's, from noon on."""
    known = HostTime(synchronised, 2_000_000, "kernel")
    return World(
        utc_ns=lambda: NOON_S * 1_000_000_000 + round(asyncio.get_running_loop().time() * 1e9),
        workers=InlineWorkers(),
        host_time=lambda: known,
    )


def at(device: SimCamera | SimStation, by: HostIdentity, **given: Any) -> Any:
    """A connection to the device."""
    connect = bwc_sdk.connect_station if isinstance(device, SimStation) else bwc_sdk.connect
    role = next(iter(by.roles))
    return connect(MemoryTransport(device), role=role, identity=by, world=given.pop("world", world()))


async def made(device: AnyDevice, wanted: Leaving | Stepping) -> bytes:
    found: MadeOrder = await make_order(device, wanted)
    return SignedDocument(found.order.encode()).encode()


def sign(data: bytes, *people: HostIdentity) -> bytes:
    for one in people:
        data = sign_order(data, one, NOON_S + 60)
    return data


async def run(device: AnyDevice, data: bytes, by: HostIdentity) -> None:
    order = check_order(data, by, device.identity).order
    await device.trust.order(data, nonce=order.nonce)


async def code_of(work: Any) -> Any:
    with pytest.raises(CommandError) as found:
        await work
    return found.value.code


# Desired state


def test_a_dock_delivers_what_a_technician_signed_and_sets_nothing_itself(
    play: Play, new_device: NewDevice, tmp_path: Path
) -> None:
    camera = new_device()

    def signed(counter: int, seconds: int, by: HostIdentity = KIM) -> bytes:
        return sign_desired(
            by,
            camera=camera.serial,
            counter=counter,
            utc_s=NOON_S,
            settings={"recording.pre_event_s": seconds},
            assignment=("K1234", "5th precinct"),
        )

    async def scenario() -> None:
        desired_path(tmp_path, camera.serial).write_bytes(signed(3, 7))
        async with at(camera, DOCK) as connected:
            found = read_desired(tmp_path, connected.identity)
            assert found is not None
            for _ in range(2):  # delivered again it changes nothing
                await connected.trust.take_desired_state(found[1])
            assert (await connected.config.values(ConfigView.PENDING))["recording.pre_event_s"] == 7
            who = await connected.assignment.read()
            assert (who.officer, who.unit) == ("K1234", "5th precinct")
            assert (await connected.trust.read()).desired_counter == 3
            for old in (signed(3, 8), signed(2, 8)):
                assert await code_of(connected.trust.take_desired_state(old)) is ErrorCode.CONFLICT
            with pytest.raises(CommandError) as refused:
                await connected.config.apply({"recording.pre_event_s": 9})
            assert refused.value.code is ErrorCode.NOT_PERMITTED
            await connected.trust.take_desired_state(signed(4, 9, ADA))
            entries = [entry async for entry in connected.audit.entries()]
        kinds = [entry for entry in entries if entry.kind is AuditKind.DESIRED_STATE]
        assert [entry.actor for entry in kinds] == ["dock-7", "dock-7"]
        assert "Kim Lopez" in kinds[0].detail and "Ada Byron" in kinds[1].detail

    play(scenario())


def test_a_camera_takes_all_of_it_or_nothing(play: Play, new_device: NewDevice) -> None:
    camera = new_device()

    async def scenario() -> None:
        async with at(camera, DOCK) as connected:
            before = await connected.config.values(ConfigView.PENDING)
            for settings, code in (
                ({"recording.pre_event_s": 7, "no.such": 1}, ErrorCode.UNKNOWN_SETTING),
                ({"recording.pre_event_s": 10_000}, ErrorCode.OUT_OF_RANGE),
                ({"recording.pre_event_s": "seven"}, ErrorCode.WRONG_TYPE),
            ):
                data = sign_desired(
                    KIM,
                    camera=camera.serial,
                    counter=1,
                    utc_s=NOON_S,
                    settings=settings,
                    assignment=("K1", ""),
                )
                assert await code_of(connected.trust.take_desired_state(data)) is code
            assert await connected.config.values(ConfigView.PENDING) == before
            assert not (await connected.assignment.read()).assigned
            assert (await connected.trust.read()).desired_counter == 0

    play(scenario())


# Orders


def test_a_camera_is_taken_out_of_service_by_two_people(play: Play, new_device: NewDevice) -> None:
    camera = new_device(recordings=2, footage=Footage.SYNTHETIC)

    async def scenario() -> None:
        async with at(camera, KIM) as connected:
            with pytest.raises(DocumentError, match="2 recordings are without a receipt") as asked:
                await make_order(connected, Leaving(None))
            assert "--lose-undelivered" in asked.value.advice
            unsigned = await made(connected, Leaving(None, lose_undelivered=True))
            with pytest.raises(DocumentError, match="records"):
                sign(unsigned, KIM, ADA)
            order = sign(unsigned, KIM, HOLT)
        async with at(camera, ADA) as connected:
            await run(connected, order, ADA)
        await asyncio.sleep(120)  # it boots
        with pytest.raises(NotEnrolled):
            async with at(camera, KIM):
                pass
        assert len(camera.storage) == 0

    play(scenario())


def test_a_hold_that_is_placed_while_people_sign_makes_the_order_void(
    play: Play, new_device: NewDevice
) -> None:
    camera = new_device(recordings=2, footage=Footage.SYNTHETIC)

    async def scenario() -> None:
        async with at(camera, KIM) as connected:
            order = sign(await made(connected, Leaving(None, lose_undelivered=True)), KIM, HOLT)
            first = (await connected.recordings.list())[0]
        async with at(camera, HOLT) as connected:
            await connected.recordings.hold(
                recording=first.recording,
                manifest_sha256=first.manifest_sha256,
                reason="case 17",
            )
            assert await code_of(run(connected, order, HOLT)) is ErrorCode.HELD
            again = await made(connected, Leaving(None, lose_held=True, lose_undelivered=True))
            await run(connected, sign(again, KIM, HOLT), HOLT)

    play(scenario())


def test_a_clock_that_is_ten_years_ahead_is_mended_by_two_people(play: Play, new_device: NewDevice) -> None:
    camera = new_device()

    async def scenario() -> None:
        ahead = camera.clock.set_ahead(TEN_YEARS_NS, 0, TimeSource.NTP, TimeAssurance.VERIFIED, anew=True)
        camera.clock.become(ahead)
        async with at(camera, KIM, world=world(synchronised=False)) as connected:
            with pytest.raises(ClockImplausible):
                await make_order(connected, Stepping())
        async with at(camera, KIM) as connected:
            assert (await connected.clock.measure()).offset_ns < -TEN_YEARS_NS // 2
            order = sign(await made(connected, Stepping()), KIM, ADA)
            await run(connected, order, KIM)
            measured = await connected.clock.measure()
            assert abs(measured.offset_ns) < 10_000_000
            assert await code_of(run(connected, order, KIM)) is ErrorCode.CONFLICT, "once"

    play(scenario())


def test_an_order_is_for_one_device_and_for_the_nonce_that_it_gave_last(
    play: Play, new_device: NewDevice
) -> None:
    camera, other = new_device(), new_device(seed=2)

    async def scenario() -> None:
        async with at(camera, KIM) as connected:
            first = sign(await made(connected, Leaving("Shelbyville PD")), KIM, ADA)
            await made(connected, Leaving("Shelbyville PD"))
            assert await code_of(run(connected, first, KIM)) is ErrorCode.CONFLICT
        async with at(other, KIM) as connected:
            with pytest.raises(DocumentError, match="is for"):
                await run(connected, first, KIM)
            await connected.trust.nonce()
            assert await code_of(connected.trust.order(first, nonce=bytes(16))) is ErrorCode.CONFLICT

    play(scenario())


@pytest.mark.rule("DOC-015")
def test_an_order_runs_out_after_a_week_and_at_a_boot(play: Play, new_device: NewDevice) -> None:
    camera = new_device()

    async def scenario() -> None:
        async with at(camera, KIM) as connected:
            order = sign(await made(connected, Leaving(None)), KIM, ADA)
        await asyncio.sleep(7 * DAY_S + 60)
        async with at(camera, KIM) as connected:
            assert await code_of(run(connected, order, KIM)) is ErrorCode.CONFLICT
            order = sign(await made(connected, Leaving(None)), KIM, ADA)
            status = await connected.device.status()
            await connected.device.reboot(boot_counter=status.boot_counter)
        await asyncio.sleep(120)
        async with at(camera, KIM) as connected:
            assert await code_of(run(connected, order, KIM)) is ErrorCode.CONFLICT

    play(scenario())


def test_a_station_is_given_away_like_a_camera(play: Play, new_device: NewDevice) -> None:
    station = new_device(bays=2)

    async def scenario() -> None:
        async with at(station, KIM) as connected:
            await run(connected, sign(await made(connected, Leaving("Shelbyville PD")), KIM, ADA), KIM)
        with pytest.raises(BwcError):
            async with at(station, KIM):
                pass

    play(scenario())


def test_a_device_without_a_name_is_ordered_nothing() -> None:
    """Whatever a device says of itself, its host gets an error of the SDK."""

    class Trust:
        async def nonce(self) -> OrderNonce:
            return OrderNonce(
                nonce=bytes(16), sequence=0, manifest_sha256=bytes(32), recordings=0, held=0, undelivered=0
            )

    class Nameless:
        name, identity, trust = "sim:", "", Trust()
        peer = type("Peer", (), {"kind": PeerKind.CAMERA, "certificate": None})
        world = type("Clock", (), {"utc_ns": staticmethod(lambda: NOON_S * 10**9)})

    nameless: Any = Nameless()
    with pytest.raises(ProtocolViolation, match="no order can be made"):
        asyncio.run(make_order(nameless, Leaving(None)))
