"""Whom an enrolled device lets in, how often a handshake may fail, and that its own clock is never a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bwc_protocol.certificates.issue import make_host, make_issuing, new_key
from bwc_protocol.conversation import FailReason
from bwc_protocol.declare import Role
from bwc_protocol.lab.agency import Certified
from bwc_protocol.link import ResetReason
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.identity import ReadStatus
from bwc_protocol.messages.trust import InstallDenyList
from bwc_protocol.session.insecure import InsecureSession
from bwc_protocol.session.preamble import TLS_1_3
from bwc_protocol.vocabulary import PeerKind
from firmware_sim.device.make import BUILT_S
from firmware_sim.device.trust.admission import (
    FAILURE_EVERY_S,
    FAILURES_MAX,
    LEFT_EVERY_S,
    LEFT_MAX,
    LOGGED_EVERY_S,
)
from tests.trust.conftest import hang_up
from tools.testkit import agencies
from tools.testkit.device_host import STEP_S, DeviceHost, HostRefused
from tools.testkit.enrolling import entries

New = Callable[..., Any]
Play = Callable[[Any], Any]
At = Callable[..., Any]
REFUSED = (FailReason.REFUSED, FailReason.SESSION, ResetReason.REFUSED, ResetReason.PROTOCOL)
FOREIGN = "Valley Sheriff"


async def refused(host_at: At, *args: Any, **given: Any) -> HostRefused:
    with pytest.raises(HostRefused) as caught:
        await (await host_at(*args, **given)).ask(ReadStatus())  # a host may know only then
    return caught.value


def shown(issuing: Any, role: Role, issuance: Any = None, name: str = "K. Weber") -> Certified:
    key = new_key()
    leaf = make_host(issuing, key.public_key(), name, role, issuance or agencies.issuance())
    return Certified((leaf, issuing.certificate), key)


def below() -> Any:
    """A CA below an issuing CA."""
    issuing, key = agencies.real().issuing, new_key()
    made = make_issuing(issuing, key.public_key(), "Harbour Police below", agencies.issuance())
    return type(issuing)(made, key)


STRANGERS: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "of another agency": (
        "chain",
        lambda: {"shown": agencies.real(FOREIGN).host("K. Weber", Role.TECHNICIAN)},
    ),
    "of a lab": ("chain", lambda: {"shown": agencies.lab().host("K. Weber", Role.TECHNICIAN)}),
    "of a CA below an issuing CA": ("chain", lambda: {"shown": shown(below(), Role.TECHNICIAN)}),
    "an evidence recipient": (
        "",
        lambda: {"shown": shown(agencies.real().issuing, Role.EVIDENCE_RECIPIENT)},
    ),
    "a device": (
        "",
        lambda: {"shown": agencies.real().device("SIM-00000077", PeerKind.CAMERA)},
    ),
    "ended before the firmware was built": (
        "floor",
        lambda: {
            "shown": shown(
                agencies.real().issuing, Role.TECHNICIAN, agencies.issuance(1_600_000_000, BUILT_S - 1)
            )
        },
    ),
}


@pytest.mark.parametrize("who", STRANGERS)
def test_strangers_are_refused_and_logged_by_the_check_that_failed(
    new_device: New, host_at: At, play: Play, who: str
) -> None:
    camera = new_device()
    check, given = STRANGERS[who]

    async def scenario() -> None:
        assert (await refused(host_at, camera, **given())).reason in REFUSED
        await host_at(camera)

    play(scenario())
    (entry,) = entries(camera, AuditKind.HANDSHAKE_FAILED)
    assert entry.startswith(f"{check}:") if check else entry.partition(":")[0] in ("purpose", "kind", "role")


@pytest.mark.parametrize("asked", [Role.BENCH, Role.TECHNICIAN | Role.RECORDS, Role.ENROLLER, Role(0)])
def test_a_session_has_no_role_that_the_certificate_has_not(
    new_device: New, host_at: At, play: Play, asked: Role
) -> None:
    camera = new_device()

    async def scenario() -> None:
        by = agencies.real().host("K. Weber", Role.TECHNICIAN)
        assert (await refused(host_at, camera, role=asked, shown=by)).reason in REFUSED

    play(scenario())


@pytest.mark.rule("CER-012")
def test_a_device_refuses_nobody_by_its_own_clock(new_device: New, host_at: At, play: Play) -> None:
    """Reset, years ahead or years behind: whoever was let in is let in."""
    camera = new_device()

    async def scenario() -> None:
        ended = shown(agencies.real().issuing, Role.TECHNICIAN, agencies.issuance(1_700_000_000, BUILT_S + 1))
        to_come = shown(
            agencies.real().issuing, Role.TECHNICIAN, agencies.issuance(2_000_000_000, 2_100_000_000)
        )
        for set_to in (None, 1_000_000_000, 2_500_000_000):
            camera.clock.reset()
            if set_to is not None:
                camera.clock.set_utc_ns(set_to * 10**9, 0)
            for one in (ended, to_come):
                await (await host_at(camera, shown=one)).ask(ReadStatus())

    play(scenario())
    assert not entries(camera, AuditKind.HANDSHAKE_FAILED)


@pytest.mark.rule("DOC-012")
def test_the_floor_rises_and_falls_by_lists_alone(new_device: New, host_at: At, play: Play) -> None:
    camera, real = new_device(), agencies.real()
    short = shown(real.issuing, Role.AUDITOR, agencies.issuance(BUILT_S, 1_780_000_000))

    async def scenario() -> None:
        await host_at(camera, role=Role.AUDITOR, shown=short)
        for counter, floor_s, let_in in ((1, 1_790_000_000, False), (2, 1_770_000_000, True), (3, 1, True)):
            host = await host_at(camera)
            document = agencies.deny_list(real, counter, floor_utc_s=floor_s)
            assert await host.upload(InstallDenyList, document) is None
            assert camera.trust.floor_s == max(BUILT_S, floor_s)
            if let_in:
                await host_at(camera, role=Role.AUDITOR, shown=short)
            else:
                assert (await refused(host_at, camera, role=Role.AUDITOR, shown=short)).reason in REFUSED

    play(scenario())


@pytest.mark.rule("TRU-009")
def test_five_handshakes_may_fail_and_one_more_every_ten_seconds(
    new_device: New, host_at: At, play: Play
) -> None:
    camera = new_device()

    async def scenario() -> None:
        stranger = agencies.real(FOREIGN).host("K. Weber", Role.TECHNICIAN)
        for _ in range(FAILURES_MAX):
            assert (await refused(host_at, camera, shown=stranger)).reason in REFUSED
        busy = await refused(host_at, camera, shown=stranger)
        assert busy.reason is ResetReason.BUSY and 0 < busy.retry_after_ms <= FAILURE_EVERY_S * 1000
        assert (await refused(host_at, camera)).reason is ResetReason.BUSY  # it cannot know who comes
        camera.time.skip(busy.retry_after_ms / 1000)
        await host_at(camera)
        assert (await refused(host_at, camera, shown=stranger)).reason in REFUSED
        assert (await refused(host_at, camera, shown=stranger)).reason is ResetReason.BUSY
        camera.time.skip(FAILURES_MAX * FAILURE_EVERY_S)
        for _ in range(FAILURES_MAX):
            assert (await refused(host_at, camera, shown=stranger)).reason in REFUSED

    play(scenario())


@pytest.mark.rule("TRU-009")
def test_whoever_is_let_in_uses_up_nothing(new_device: New, host_at: At, play: Play) -> None:
    camera = new_device()

    async def scenario() -> None:
        for _ in range(3 * FAILURES_MAX):
            await host_at(camera)

    play(scenario())


@pytest.mark.rule("TRU-010")
def test_who_keeps_failing_fills_no_log(new_device: New, host_at: At, play: Play) -> None:
    camera = new_device()

    async def scenario() -> None:
        foreign = agencies.real(FOREIGN).host("K. Weber", Role.TECHNICIAN)
        ended = shown(agencies.real().issuing, Role.AUDITOR, agencies.issuance(1_600_000_000, BUILT_S - 1))
        for who in (foreign, ended, foreign, foreign, ended):
            await refused(host_at, camera, shown=who)
            camera.time.skip(FAILURE_EVERY_S)
        found = entries(camera, AuditKind.HANDSHAKE_FAILED)
        assert [entry.partition(":")[0] for entry in found] == ["chain", "floor"]
        camera.time.skip(LOGGED_EVERY_S)
        await refused(host_at, camera, shown=foreign)
        (third,) = entries(camera, AuditKind.HANDSHAKE_FAILED)[2:]
        assert third.startswith("chain (2 more since the last entry): ")

    play(scenario())


def test_without_protection_a_device_of_an_agency_says_nothing(
    new_device: New, host_at: At, play: Play
) -> None:
    """Also as the factory made it, with its button pressed: there is no session to fall back to."""
    camera, new = new_device(), new_device(seed=2, enrolled=False)

    async def scenario() -> None:
        new.press_enroll()
        for device in (camera, new):
            with pytest.raises(HostRefused) as refused_by:
                await DeviceHost(device, None, Role.BENCH | Role.ENROLLER).connect()
            assert refused_by.value.reason is FailReason.PROTECTION
        await host_at(camera)

    play(scenario())


class _Mute(InsecureSession):
    """A host that begins a secure session and never says anything in it."""

    protection = TLS_1_3

    def receive(self, data: bytes | memoryview) -> list[bytes | memoryview]:
        return []


@pytest.mark.rule("TRU-010")
def test_a_handshake_that_is_never_finished_ends_and_counts_as_one_that_failed(
    new_device: New, host_at: At, play: Play
) -> None:
    camera = new_device()

    async def scenario() -> None:
        host = DeviceHost(camera, None, Role.BENCH)
        host._sessions = lambda side: _Mute(side, None)
        begun = camera.time()
        with pytest.raises(HostRefused) as refused_by:
            await host.connect()
        assert refused_by.value.reason in (FailReason.TIMEOUT, ResetReason.PROTOCOL)
        assert camera.time() - begun < 15
        await host_at(camera)

    play(scenario())
    (entry,) = entries(camera, AuditKind.HANDSHAKE_FAILED)
    assert entry.startswith("session: not ready after 10 s")


async def left(camera: Any, how: str) -> HostRefused | None:
    """A host begins a handshake, hears the device's hello and leaves; gives why it could not begin."""
    said = asyncio.Event()

    class Hears(_Mute):
        def receive(self, data: bytes | memoryview) -> list[bytes | memoryview]:
            said.set()
            return []

    host = DeviceHost(camera, None, Role.BENCH)
    host._sessions = lambda side: Hears(side, None)
    connecting = asyncio.ensure_future(host.connect())
    hearing = asyncio.ensure_future(said.wait())
    await asyncio.wait((connecting, hearing), return_when=asyncio.FIRST_COMPLETED)
    if not said.is_set():
        hearing.cancel()
        with pytest.raises(HostRefused) as caught:
            await connecting
        return caught.value
    connecting.cancel()
    match how:
        case "reset":
            host._endpoint.close_channel(0, asyncio.get_running_loop().time())
            host._move()
            await asyncio.sleep(STEP_S)
            host._pipe.pull()
        case "bye":
            await host.leave()
        case "pulled":
            host._pipe.pull()
    await asyncio.sleep(STEP_S)
    return None


@pytest.mark.rule("TRU-013")
@pytest.mark.parametrize("how", ["reset", "bye", "pulled"])
def test_a_handshake_that_is_left_counts_however_it_is_left(new_device: New, play: Play, how: str) -> None:
    camera = new_device()

    async def scenario() -> None:
        begun = 0
        while (refused_by := await left(camera, how)) is None:
            begun += 1
            assert begun < 3 * LEFT_MAX
        assert begun >= LEFT_MAX
        assert refused_by.reason is ResetReason.BUSY
        assert 0 < refused_by.retry_after_ms <= LEFT_EVERY_S * 1000

    play(scenario())
    assert not entries(camera, AuditKind.HANDSHAKE_FAILED), "a cable that was pulled is nothing for the log"


@pytest.mark.rule("TRU-013")
def test_a_loose_cable_locks_no_good_host_out(new_device: New, host_at: At, play: Play) -> None:
    """Ten times in a row within a second, as a plug that is wiggled; and whoever used up all waits a second."""
    camera = new_device()

    async def scenario() -> None:
        for _ in range(10):
            assert await left(camera, "pulled") is None
        await host_at(camera)
        camera.time.skip(LEFT_MAX * LEFT_EVERY_S)
        await hang_up(camera)
        for _ in range(LEFT_MAX):
            assert await left(camera, "pulled") is None
        assert (await left(camera, "pulled")) is not None
        camera.time.skip(LEFT_EVERY_S)
        await host_at(camera)

    play(scenario())


def test_a_host_that_was_let_in_and_pulls_the_cable_has_left_no_handshake(
    new_device: New, host_at: At, play: Play
) -> None:
    camera = new_device()

    async def scenario() -> None:
        for _ in range(LEFT_MAX + 2):
            await host_at(camera)
            await hang_up(camera)
        assert camera.trust.left.wait_ms() == 0

    play(scenario())


def test_a_lab_does_not_open_a_real_camera_nor_the_reverse(new_device: New, host_at: At, play: Play) -> None:
    real, of_lab = new_device(), new_device(agencies.lab(), seed=2)

    async def scenario() -> None:
        assert (await refused(host_at, real, agencies.lab())).reason in REFUSED
        assert (await refused(host_at, of_lab, agencies.real())).reason in REFUSED
        await host_at(real)
        await host_at(of_lab, agencies.lab())

    play(scenario())


def test_two_agencies_at_one_station_each_see_their_own_cameras(
    new_device: New, host_at: At, play: Play
) -> None:
    ours, theirs = new_device(), new_device(agencies.real(FOREIGN), seed=2)

    async def scenario() -> None:
        for camera, home, other in (
            (ours, agencies.real(), agencies.real(FOREIGN)),
            (theirs, agencies.real(FOREIGN), agencies.real()),
        ):
            assert (await refused(host_at, camera, other)).reason in REFUSED
            await host_at(camera, home)

    play(scenario())
