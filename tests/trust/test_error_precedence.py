"""The codes of the commands of trust come in the order of their declarations (spec: Error codes).

Each ladder begins with what is wrong in every way that can be, and mends one thing after the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bwc_protocol.declare import COMMANDS, Role
from bwc_protocol.documents.desired_state import DesiredSetting, DesiredState
from bwc_protocol.documents.order import ClockStep, Order, Transfer
from bwc_protocol.messages.trust import (
    CarryOut,
    Enroll,
    GiveNonce,
    InstallDenyList,
    ReadDenyList,
    ReadResetRecord,
    Renew,
    RequestCertificate,
    Seize,
    TakeDesiredState,
)
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.scenarios import make_camera
from tools.testkit import agencies
from tools.testkit.device_host import DeviceHost
from tools.testkit.enrolling import installation, renewal

New = Callable[..., Any]
Play = Callable[[Any], Any]
At = Callable[..., Any]
DECADE_NS = 3_652 * 86_400 * 10**9


def codes(refusals: Any) -> list[ErrorCode]:
    """Each code once, in the order of the declaration."""
    return list(dict.fromkeys(code for code, _ in refusals))


async def misannounced(host: DeviceHost, kind: Any, data: bytes, **fields: Any) -> ErrorCode | None:
    """The verdict on what hashes to something else than was announced."""
    wrong = hashlib.sha256(data + b"!").digest()
    return await host.upload(kind, data, sha256=wrong, **fields)


@pytest.mark.rule("MSG-018")
def test_development_firmware_and_devices_of_nobody_say_what_they_lack(
    new_device: New, enroller_at: At, host_at: At, play: Play
) -> None:
    plain = make_camera(seed=9, mib=1)

    async def scenario() -> None:
        host = await DeviceHost(plain, None, Role.TECHNICIAN | Role.ENROLLER).connect()
        assert await host.refused(RequestCertificate()) is ErrorCode.WRONG_STATE
        for request in (ReadDenyList(), ReadResetRecord()):
            assert await host.refused(request) is ErrorCode.NOT_FOUND
        for kind in (Enroll, Renew, InstallDenyList, TakeDesiredState):
            assert await host.upload(kind, b"\xa0") is ErrorCode.WRONG_STATE
        assert await host.refused(GiveNonce()) is ErrorCode.WRONG_STATE
        assert await host.upload(CarryOut, b"\xa0", nonce=bytes(16)) is ErrorCode.WRONG_STATE
        enrolled = await host_at(new_device())
        assert await enrolled.upload(CarryOut, b"\xa0", nonce=bytes(16)) is ErrorCode.CONFLICT

    play(scenario())
    plain.close()


@pytest.mark.rule("MSG-018")
def test_verdicts_on_an_installation(new_device: New, enroller_at: At, play: Play) -> None:
    camera = new_device(enrolled=False)

    async def scenario() -> list[ErrorCode | None]:
        camera.press_enroll()
        host = await enroller_at(camera)
        good = await installation(host, agencies.real())
        found = [await misannounced(host, Enroll, b"\xa0")]
        kept = camera.trust.kept

        async def meanwhile(data: bytes) -> ErrorCode | None:
            """The request is gone by the time that the bytes are there."""
            verdict: list[ErrorCode | None] = []
            real_enroll = camera.trust.demand_enrollable

            def once() -> None:
                real_enroll()
                camera.trust.kept = replace(camera.trust.kept, requested_key=b"")
                camera.trust.demand_enrollable = real_enroll

            camera.trust.demand_enrollable = once
            verdict.append(await host.upload(Enroll, data))
            camera.trust.kept = kept
            return verdict[0]

        found.append(await meanwhile(b"\xa0"))
        found.append(await host.upload(Enroll, b"\xa0"))
        found.append(await host.upload(Enroll, replace(good, certificate=b"\x30").encode()))
        assert await host.upload(Enroll, good.encode()) is None
        return found

    assert play(scenario()) == codes(Enroll.verdicts)


@pytest.mark.rule("MSG-018")
def test_verdicts_on_a_renewal(new_device: New, host_at: At, play: Play) -> None:
    camera = new_device()

    async def scenario() -> list[ErrorCode | None]:
        host = await host_at(camera)
        good = renewal(camera.trust.request(), agencies.real())
        found = [await misannounced(host, Renew, b"\xa0")]
        kept, camera.trust.kept = camera.trust.kept, replace(camera.trust.kept, requested_key=b"")
        found.append(await host.upload(Renew, good.encode()))
        found.append(await host.upload(Renew, b"\xa0"))
        camera.trust.kept = kept
        found.append(await host.upload(Renew, replace(good, certificate=b"\x30").encode()))
        assert await host.upload(Renew, good.encode()) is None
        return found

    assert play(scenario()) == codes(Renew.verdicts)


@pytest.mark.rule("MSG-018")
def test_verdicts_on_a_deny_list(new_device: New, host_at: At, play: Play) -> None:
    from bwc_protocol.documents.deny_list import Denied, DeniedBy

    camera, real, other = new_device(), agencies.real(), agencies.real("Valley Sheriff")
    carrier = Denied(by=DeniedBy.NAME, name="K. Weber")

    async def scenario() -> list[ErrorCode | None]:
        host = await host_at(camera)
        assert await host.upload(InstallDenyList, agencies.deny_list(real, 7)) is None
        return [
            await misannounced(host, InstallDenyList, b"\xa0"),
            await host.upload(InstallDenyList, b"\xa0"),
            await host.upload(InstallDenyList, agencies.deny_list(other, 6, carrier)),
            await host.upload(InstallDenyList, agencies.deny_list(real, 6, carrier)),
            await host.upload(InstallDenyList, agencies.deny_list(real, 8, carrier)),
        ]

    assert play(scenario()) == [c for c in codes(InstallDenyList.verdicts) if c is not ErrorCode.WRONG_STATE]


@pytest.mark.rule("MSG-018")
def test_verdicts_on_an_order(new_device: New, host_at: At, play: Play) -> None:
    held, free = new_device(recordings=3), new_device(seed=2, recordings=1)
    real = agencies.real()
    people = [agencies.signer(real.host(*one)) for one in (("A", Role.TECHNICIAN), ("B", Role.TECHNICIAN))]

    async def scenario() -> list[ErrorCode | None]:
        host = await host_at(held)
        given = await host.ask(GiveNonce())
        order = Order(
            device=held.serial,
            kind=held.kind,
            nonce=given.nonce,
            chain_head_sha256=bytes(32),
            signed_utc_s=agencies.SIGNED_S,
            terms=Transfer(),
        )
        named = replace(order, chain_head_sha256=given.manifest_sha256)

        async def carried(document: bytes, nonce: bytes = given.nonce) -> ErrorCode | None:
            return await host.upload(CarryOut, document, nonce=nonce)

        found = [
            await misannounced(host, CarryOut, b"\xa0", nonce=given.nonce),
            await carried(b"\xa0"),
            await carried(agencies.signed(order, people[0])),
            await carried(agencies.signed(order, *people)),
            await carried(agencies.signed(named, *people)),
        ]
        host = await host_at(free)
        given = await host.ask(GiveNonce())
        at_other = {"device": free.serial, "nonce": given.nonce, "chain_head_sha256": given.manifest_sha256}
        found.append(await carried(agencies.signed(replace(named, **at_other), *people), given.nonce))
        step = ClockStep(step_ns=10 * DECADE_NS, uncertainty_ms=0, revision=free.clock.revision)
        found.append(
            await carried(agencies.signed(replace(named, **at_other, terms=step), *people), given.nonce)
        )
        return found

    assert play(scenario()) == [c for c in codes(CarryOut.verdicts) if c is not ErrorCode.WRONG_STATE]


@pytest.mark.rule("MSG-018")
def test_verdicts_on_a_desired_state(new_device: New, host_at: At, play: Play) -> None:
    camera, real = new_device(), agencies.real()

    def signed(by: Role, counter: int, *settings: tuple[str, Any]) -> bytes:
        found = DesiredState(
            camera=camera.serial,
            counter=counter,
            signed_utc_s=agencies.SIGNED_S,
            settings=tuple(DesiredSetting(key=key, value=value) for key, value in sorted(settings)),
        )
        return agencies.signed(found, agencies.signer(real.host("K. Weber", by)))

    async def scenario() -> list[ErrorCode | None]:
        host = await host_at(camera)
        assert await host.upload(TakeDesiredState, signed(Role.TECHNICIAN, 5)) is None
        unknown, wrong, beyond = ("a.b", 1), ("audio.gain_db", True), ("audio.gain_db", 99)
        purpose = ("recording.purpose", "first-amendment-only")
        return [
            await misannounced(host, TakeDesiredState, b"\xa0"),
            await host.upload(TakeDesiredState, b"\xa0"),
            await host.upload(TakeDesiredState, signed(Role.AUDITOR, 4, unknown)),
            await host.upload(TakeDesiredState, signed(Role.TECHNICIAN, 4, unknown)),
            await host.upload(TakeDesiredState, signed(Role.TECHNICIAN, 6, unknown, wrong)),
            await host.upload(TakeDesiredState, signed(Role.TECHNICIAN, 6, wrong)),
            await host.upload(TakeDesiredState, signed(Role.TECHNICIAN, 6, purpose)),
            await host.upload(TakeDesiredState, signed(Role.TECHNICIAN, 6, beyond)),
        ]

    assert play(scenario()) == [c for c in codes(TakeDesiredState.verdicts) if c is not ErrorCode.WRONG_STATE]


def test_every_command_of_trust_with_verdicts_is_here() -> None:
    judged = {c for c in COMMANDS.values() if c.name.startswith("trust.") and c.verdicts}
    beside = {Seize}  # `test_sanitise_and_seize`
    assert judged - beside == {Enroll, Renew, InstallDenyList, CarryOut, TakeDesiredState}


def test_a_flash_that_is_full_is_the_verdict_and_nothing_is_changed(
    new_device: New, host_at: At, play: Play
) -> None:
    from firmware_sim.flash.memory_flash import MemoryFlash

    flash = MemoryFlash()
    camera = new_device(state=flash)

    def full(number: int, operation: str, name: str) -> None:
        raise OSError(28, "No space left on device")

    async def scenario() -> None:
        host = await host_at(camera)
        document = agencies.deny_list(agencies.real(), 1)
        flash.before = full
        assert await host.upload(InstallDenyList, document) is ErrorCode.FULL
        flash.before = None
        assert camera.trust.deny_counter == 0
        assert await host.upload(InstallDenyList, document) is None  # the session goes on

    play(scenario())
