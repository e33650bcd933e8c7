"""Orders of two people as devices carry them out: for this device, at this moment, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.documents.order import NONCE_S, ClockStep, Decommission, Order, Terms, Transfer
from bwc_protocol.documents.reset_record import ResetCause, verify_reset_record
from bwc_protocol.frame import Reset
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.clock import ReadClock
from bwc_protocol.messages.recordings import ListRecordings
from bwc_protocol.messages.trust import CarryOut, Enroll, GiveNonce, OrderNonce, ReadResetRecord, ReadTrust
from bwc_protocol.vocabulary import ErrorCode
from tools.testkit import agencies
from tools.testkit.device_host import DeviceHost
from tools.testkit.enrolling import entries, installation

New = Callable[..., Any]
Play = Callable[[Any], Any]
At = Callable[..., Any]
YEAR_NS = 365 * 86_400 * 10**9


def order(at: Any, given: OrderNonce, terms: Terms, *, alone: bool = False, **instead: Any) -> bytes:
    """An order that a technician and the records office signed."""
    real = agencies.real()
    found = Order(
        **{
            "device": at.serial,
            "kind": at.kind,
            "nonce": given.nonce,
            "chain_head_sha256": given.manifest_sha256,
            "signed_utc_s": agencies.SIGNED_S,
            "terms": terms,
            **instead,
        }
    )
    people = [real.host("K. Weber", Role.TECHNICIAN), real.host("R. Holt", Role.RECORDS)]
    return agencies.signed(found, *map(agencies.signer, people[: 1 if alone else 2]))


def losing_all(given: OrderNonce) -> Transfer:
    return Transfer(loses_held=given.held, loses_undelivered=given.undelivered, to_agency="Valley Sheriff")


async def carried(host: DeviceHost, document: bytes, nonce: bytes) -> ErrorCode | None:
    return await host.upload(CarryOut, document, nonce=nonce)


def after(device: Any) -> None:
    """The device has booted again."""
    for _ in range(2):
        device.time.skip(5)
        device.settle()
    assert device.running


def test_a_transferred_camera_has_nothing_left_of_its_agency(
    new_device: New, host_at: At, enroller_at: At, play: Play
) -> None:
    camera = new_device(recordings=3)
    assert camera.settings.revision == 1

    async def scenario() -> None:
        host = await host_at(camera, role=Role.DOCK_OFFLOAD)  # whoever brings it
        given = await host.ask(GiveNonce())
        assert (given.recordings, given.held, given.sequence) == (3, 1, 3)
        assert await carried(host, order(camera, given, losing_all(given)), given.nonce) is None
        assert not camera.trust.enrolled and not camera.trust.kept.key and not camera.trust.kept.roots
        after(camera)
        assert not camera.has_footage and camera.trust.kept.generation == 1
        camera.press_enroll()
        valley = agencies.real("Valley Sheriff")
        enroller = await enroller_at(camera, valley)
        record = (await enroller.ask(ReadResetRecord())).record
        told = verify_reset_record(record, (valley.factory_root.certificate,))
        assert (told.cause, told.generation, told.agency) == (ResetCause.TRANSFER, 0, "Harbour Police")
        assert (told.recordings, told.held, told.last_sequence) == (3, 1, 3)
        assert told.last_manifest_sha256 == given.manifest_sha256
        assert await enroller.upload(Enroll, (await installation(enroller, valley)).encode()) is None
        new = await host_at(camera, valley)
        assert (await new.ask(ListRecordings())).total == 0
        assert (await new.ask(ReadTrust())).generation == 1

    play(scenario())
    (entry,) = entries(camera, AuditKind.ORDERED)
    assert entry.startswith("transfer to Valley Sheriff, by K. Weber and R. Holt, ")


def test_a_decommissioned_camera_is_never_enrolled_again(
    new_device: New, host_at: At, play: Play, tmp_path: Any
) -> None:
    camera = new_device(state=tmp_path)

    async def scenario() -> None:
        host = await host_at(camera)
        given = await host.ask(GiveNonce())
        assert await carried(host, order(camera, given, Decommission()), given.nonce) is None
        after(camera)

    play(scenario())
    camera.close()
    again = new_device(state=tmp_path)
    assert "service" in again.press_enroll()
    assert not again.reset_by_opening()
    after(again)
    assert "service" in again.press_enroll()
    again.trust.window.open()
    assert isinstance(again.trust.opening(by_radio=False), Reset)


@pytest.mark.rule("TRU-007")
def test_an_order_does_not_outrun_its_answer(new_device: New, host_at: At, play: Play) -> None:
    """The verdict comes before the device goes down; power lost in between changes nothing of what was ordered."""
    camera = new_device(recordings=1)

    async def scenario() -> None:
        host = await host_at(camera)
        given = await host.ask(GiveNonce())
        assert await carried(host, order(camera, given, losing_all(given)), given.nonce) is None
        camera.crash()
        after(camera)
        assert not camera.has_footage and not camera.trust.enrolled

    play(scenario())


REFUSED: dict[str, tuple[Callable[[Any, OrderNonce], bytes], ErrorCode]] = {
    "signed by one": (lambda d, n: order(d, n, losing_all(n), alone=True), ErrorCode.UNTRUSTED),
    "for another camera": (
        lambda d, n: order(d, n, losing_all(n), device="SIM-00000077"),
        ErrorCode.CONFLICT,
    ),
    "with another nonce": (lambda d, n: order(d, n, losing_all(n), nonce=bytes(16)), ErrorCode.CONFLICT),
    "with another chain head": (
        lambda d, n: order(d, n, losing_all(n), chain_head_sha256=b"\x01" * 32),
        ErrorCode.CONFLICT,
    ),
    "silent about footage that is held": (lambda d, n: order(d, n, Transfer()), ErrorCode.HELD),
    "of a lab": (lambda d, n: order(d, n, losing_all(n), lab="abcd"), ErrorCode.UNTRUSTED),
    "bytes": (lambda d, n: b"\x82\x40\x80", ErrorCode.MALFORMED),
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_order_that_does_not_hold_does_nothing(
    new_device: New, host_at: At, play: Play, what: str
) -> None:
    camera = new_device(recordings=3)
    make, code = REFUSED[what]

    async def scenario() -> None:
        host = await host_at(camera)
        given = await host.ask(GiveNonce())
        assert await carried(host, make(camera, given), given.nonce) is code
        assert camera.trust.enrolled and len(camera.storage) == 3
        assert await carried(host, order(camera, given, losing_all(given)), given.nonce) is None

    play(scenario())


def test_footage_without_a_receipt_is_not_lost_by_silence(new_device: New, host_at: At, play: Play) -> None:
    camera = new_device(recordings=1)

    async def scenario() -> None:
        host = await host_at(camera)
        given = await host.ask(GiveNonce())
        assert await carried(host, order(camera, given, Transfer()), given.nonce) is ErrorCode.NEEDS_RECEIPT

    play(scenario())


@pytest.mark.rule("MSG-010")
@pytest.mark.rule("DOC-015")
def test_a_nonce_is_good_once_for_a_week_and_for_this_boot(new_device: New, host_at: At, play: Play) -> None:
    camera = new_device()

    async def scenario() -> None:
        host = await host_at(camera)
        first = await host.ask(GiveNonce())
        second = await host.ask(GiveNonce())
        assert first.nonce != second.nonce
        step = ClockStep(step_ns=-YEAR_NS, uncertainty_ms=500, revision=camera.clock.revision)
        assert await carried(host, order(camera, first, step), first.nonce) is ErrorCode.CONFLICT
        document = order(camera, second, step)
        assert await carried(host, document, second.nonce) is None
        assert await carried(host, document, second.nonce) is ErrorCode.CONFLICT  # once, and for one order
        back = ClockStep(step_ns=YEAR_NS, uncertainty_ms=500, revision=camera.clock.revision)
        assert await carried(host, order(camera, second, back), second.nonce) is ErrorCode.CONFLICT
        old = await host.ask(GiveNonce())
        camera.time.skip(NONCE_S + 1)
        assert await carried(host, b"\xa0", old.nonce) is ErrorCode.CONFLICT
        last = await host.ask(GiveNonce())
        camera.crash()
        after(camera)
        assert await carried(await host_at(camera), b"\xa0", last.nonce) is ErrorCode.CONFLICT

    play(scenario())


@pytest.mark.parametrize("step_ns", [-10 * YEAR_NS, 10 * YEAR_NS])
def test_a_clock_that_is_wrong_by_years_is_mended_by_two_people(
    new_device: New, host_at: At, play: Play, step_ns: int
) -> None:
    camera = new_device(recordings=1)
    wrong_ns = camera.clock.utc_ns() - step_ns

    async def scenario() -> None:
        camera.clock.set_utc_ns(wrong_ns, 0)
        host = await host_at(camera)
        given = await host.ask(GiveNonce())
        before = await host.ask(ReadClock())
        step = ClockStep(step_ns=step_ns, uncertainty_ms=2_000, revision=before.revision)
        assert await carried(host, order(camera, given, step), given.nonce) is None
        now = await host.ask(ReadClock())
        assert abs(now.utc_ns - before.utc_ns - step_ns) < 10**9 and now.revision == before.revision + 1
        assert now.uncertainty_ns >= 2 * 10**9
        assert len(camera.storage) == 1

    play(scenario())
    assert len(entries(camera, AuditKind.ORDERED)) == 1


def test_no_order_sets_a_clock_to_a_time_that_cannot_be(new_device: New, host_at: At, play: Play) -> None:
    camera = new_device()

    async def scenario() -> None:
        host = await host_at(camera)
        given = await host.ask(GiveNonce())
        before = camera.clock.revision
        step = ClockStep(step_ns=100 * YEAR_NS, uncertainty_ms=0, revision=before)
        assert await carried(host, order(camera, given, step), given.nonce) is ErrorCode.OUT_OF_RANGE
        assert camera.clock.revision == before
        flash_full = OSError(28, "No space left on device")
        camera._directory.flash.before = lambda number, operation, name: (_ for _ in ()).throw(flash_full)
        mended = order(camera, given, ClockStep(step_ns=YEAR_NS, uncertainty_ms=0, revision=before))
        assert await carried(host, mended, given.nonce) is ErrorCode.FULL
        camera._directory.flash.before = None
        assert camera.clock.revision == before
        assert await carried(host, mended, given.nonce) is None  # nothing was done, and so nothing used up

    play(scenario())


def test_a_station_is_transferred_alike(new_device: New, host_at: At, play: Play) -> None:
    station = new_device(bays=1, docked=0)

    async def scenario() -> None:
        await station.start()
        host = await host_at(station)
        given = await host.ask(GiveNonce())
        assert await carried(host, order(station, given, Transfer()), given.nonce) is None
        after(station)
        assert not station.trust.enrolled and station.trust.kept.generation == 1

    play(scenario())


@pytest.mark.rule("TRU-012")
def test_what_is_being_recorded_is_not_given_away_with_the_camera(
    new_device: New, host_at: At, play: Play
) -> None:
    """Two people signed for what was there; a recording that runs is not among it."""
    camera = new_device()

    async def scenario() -> None:
        host = await host_at(camera)
        given = await host.ask(GiveNonce())
        assert camera.wearer.start()
        document = order(camera, given, losing_all(given))
        assert await carried(host, document, given.nonce) is ErrorCode.WRONG_STATE
        assert camera.trust.enrolled and camera.trust.nonces.current == given.nonce  # which is still good
        camera.wearer.stop()
        camera.time.skip(120)
        camera.settle()
        assert (
            await carried(host, document, given.nonce) is ErrorCode.CONFLICT
        )  # a recording was closed since
        given = await host.ask(GiveNonce())
        assert given.recordings == 1
        assert await carried(host, order(camera, given, losing_all(given)), given.nonce) is None

    play(scenario())
