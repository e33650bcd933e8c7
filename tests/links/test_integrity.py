"""Whatever is done to a secure session beneath its link ends it at both ends, by a word for it; on every link."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from bwc_protocol.conversation.message import build
from bwc_protocol.declare import Role
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.identity import Reboot
from bwc_protocol.session.interface import Session, SessionSide
from bwc_sdk.clients.camera import Camera
from bwc_sdk.errors import BwcError, DeviceLost, LinkError, NotADevice, ProtocolViolation, SessionError
from firmware_sim.camera.camera import SimCamera
from tools.testkit.beneath import TO_DEVICE, TO_HOST, Dropped, Flipped, Replayed
from tools.testkit.enrolling import entries
from tools.testkit.every_link import LINKS, Way, along
from tools.testkit.identity_files import host_identity, secure_camera
from tools.testkit.secure_ends import agency, host_sessions

HOME = agency("Harbour Police")
SHOWN = HOME.device(serial="SIM-00000003")
CHANGES = {"flipped": Flipped, "replayed": Replayed, "dropped": Dropped}
SAMPLE = {("memory", way, how) for way in (TO_DEVICE, TO_HOST) for how in CHANGES} | {
    ("tcp", TO_HOST, "dropped"),
    ("pty", TO_DEVICE, "replayed"),
    ("usb", TO_HOST, "flipped"),
    ("ble", TO_DEVICE, "dropped"),
    ("bridge", TO_DEVICE, "flipped"),
    ("bay", TO_HOST, "replayed"),
    ("bay", TO_DEVICE, "dropped"),
}
"""What everybody runs of what can be done to any link."""


@pytest.fixture
def camera() -> Iterator[SimCamera]:
    made = secure_camera(HOME, SHOWN)
    yield made
    made.close()


async def met(way: Way, at: Any) -> Camera:
    """A technician of the agency, who has a session."""
    return await way.connect(at, host_identity(HOME, Role.TECHNICIAN), Role.TECHNICIAN)


async def closed(camera: SimCamera) -> str:
    """How the camera says that its last session ended, once it has."""
    while camera.sessions:  # noqa: ASYNC110  # the camera is of another kind of code, and has no events
        await asyncio.sleep(0.01)
    return entries(camera, AuditKind.SESSION_CLOSED)[-1]


@pytest.mark.parametrize(
    ("link", "way_of", "how"),
    [
        pytest.param(*case, marks=() if case in SAMPLE else pytest.mark.ci)
        for case in product(LINKS, (TO_DEVICE, TO_HOST), CHANGES)
    ],
)
def test_a_record_that_was_changed_beneath_the_link_ends_the_session_at_both_ends(
    link: str, way_of: str, how: str, camera: SimCamera
) -> None:
    """The frames around it are good: no CRC and no number of the link tells."""

    async def use(way: Way) -> tuple[BwcError, str]:
        at = await way.beneath()
        host = await met(way, at)
        await host.device.status()
        at.change = CHANGES[how](at, way_of, way.channel)
        asked: list[asyncio.Future[Any]] = []
        found: list[BaseException] = []
        while not found and len(asked) < 50:  # of a record that is missing, the next one tells
            asked.append(asyncio.ensure_future(host.device.status()))
            await asyncio.wait(asked, timeout=0.1)
            found = [error for one in asked if one.done() and (error := one.exception()) is not None]
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        (error, *_) = found
        assert isinstance(error, BwcError)
        word = await closed(camera)
        with pytest.raises(BwcError):
            await host.device.status()
        await host.close()
        again = await way.connect_next(host_identity(HOME, Role.TECHNICIAN), Role.TECHNICIAN)
        await again.device.status()
        await again.close()
        return error, word

    error, word = along(link, camera, HOME, use)
    assert isinstance(error, SessionError | LinkError), repr(error)
    said = str(error) if way_of == TO_HOST else word
    assert "changed, left out, repeated or made up" in said, (str(error), word)
    assert word != "closed by the host"


@pytest.mark.parametrize("link", LINKS)
def test_a_pipe_that_is_lost_without_a_close_is_told_as_lost(link: str, camera: SimCamera) -> None:
    async def use(way: Way) -> tuple[BwcError, str]:
        at = await way.beneath()
        host = await met(way, at)
        await host.device.status()
        at.pull()
        with pytest.raises(BwcError) as lost:
            await host.device.status()
        await at.close()
        await host.close()
        return lost.value, await closed(camera)

    error, word = along(link, camera, HOME, use)
    assert isinstance(error, DeviceLost) and not isinstance(error, SessionError)
    assert word != "closed by the host"


class Early:
    """A host of the agency that asks for something before it may: at its `number`th word."""

    def __init__(self, side: SessionSide, number: int, boot_counter: int) -> None:
        self._session = host_sessions(HOME)(side)
        self._left = number
        self._asked = build(Reboot.opcode, 0, 1, Reboot.codec.encode(Reboot(boot_counter=boot_counter)))

    def seal(self, *parts: bytes | memoryview) -> None:
        if self._left == 0:
            self._session.seal(self._asked)
        self._left -= 1
        self._session.seal(*parts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


@pytest.mark.parametrize("number", [0, 1], ids=["before SESSION_INFO", "before READY"])
@pytest.mark.parametrize("link", LINKS)
def test_nothing_is_done_for_whoever_is_not_ready(link: str, number: int, camera: SimCamera) -> None:
    boots = camera.boot_counter

    async def use(way: Way) -> None:
        def early(side: SessionSide) -> Session:
            made: Any = Early(side, number, boots)
            return made

        with pytest.raises((SessionError, NotADevice, ProtocolViolation)):
            await way.connect(
                await way.pipe(), host_identity(HOME, Role.TECHNICIAN), Role.BENCH, instead=early
            )
        assert not camera.sessions
        host = await way.connect_next(host_identity(HOME, Role.TECHNICIAN), Role.TECHNICIAN)
        assert (await host.device.status()).boot_counter == boots
        await host.close()

    along(link, camera, HOME, use)
    assert camera.boot_counter == boots
