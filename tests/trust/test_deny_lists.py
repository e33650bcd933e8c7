"""Deny lists as devices take them: newer ones, of their own root, from whoever brings them; and no trap among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bwc_protocol.certificates.facts import read_certificate
from bwc_protocol.conversation import FailReason
from bwc_protocol.declare import Role
from bwc_protocol.documents.deny_list import Denied, DeniedBy
from bwc_protocol.link import ResetReason
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.trust import InstallDenyList, ReadDenyList, ReadTrust
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.device.trust.signed import take_deny_list
from tools.testkit import agencies
from tools.testkit.device_host import HostRefused
from tools.testkit.enrolling import entries

New = Callable[..., Any]
Play = Callable[[Any], Any]
At = Callable[..., Any]
SOMEBODY = Denied(by=DeniedBy.NAME, name="dock-13")


def test_a_list_is_taken_told_and_given_away(new_device: New, host_at: At, play: Play) -> None:
    camera, real = new_device(), agencies.real()
    document = agencies.deny_list(real, 7, SOMEBODY)

    async def scenario() -> None:
        host = await host_at(camera, role=Role.AUDITOR)  # whoever has a session may carry it
        assert host.peer.deny_counter == 0
        assert await host.refused(ReadDenyList()) is ErrorCode.NOT_FOUND
        assert await host.upload(InstallDenyList, document) is None
        assert (await host.ask(ReadTrust())).deny_counter == 7
        again = await host_at(camera, role=Role.DOCK_OFFLOAD)
        assert again.peer.deny_counter == 7
        assert await again.read(ReadDenyList()) == document
        assert await again.upload(InstallDenyList, document) is None  # sent again

    play(scenario())
    assert entries(camera, AuditKind.DENY_LIST) == ["list 7, 1 entries"]


REFUSED: dict[str, tuple[Callable[[Any], bytes], ErrorCode]] = {
    "an older one": (lambda real: agencies.deny_list(real, 6), ErrorCode.CONFLICT),
    "another of the same counter": (
        lambda real: agencies.deny_list(real, 7, SOMEBODY, Denied(by=DeniedBy.NAME, name="dock-14")),
        ErrorCode.CONFLICT,
    ),
    "another agency's": (
        lambda real: agencies.deny_list(agencies.real("Valley Sheriff"), 8),
        ErrorCode.UNTRUSTED,
    ),
    "one that denies its carrier": (
        lambda real: agencies.deny_list(real, 8, Denied(by=DeniedBy.NAME, name="K. Weber")),
        ErrorCode.OUT_OF_RANGE,
    ),
    "one that denies everybody, by the CA": (
        lambda real: agencies.deny_list(
            real, 8, Denied(by=DeniedBy.ISSUER, key=read_certificate(real.issuing.certificate).key_id)
        ),
        ErrorCode.OUT_OF_RANGE,
    ),
    "bytes": (lambda real: b"\x82\x40\x80", ErrorCode.MALFORMED),
}


@pytest.mark.rule("DOC-010")
@pytest.mark.parametrize("what", REFUSED)
def test_a_list_that_does_not_hold_changes_nothing(
    new_device: New, host_at: At, play: Play, what: str
) -> None:
    camera, real = new_device(), agencies.real()
    make, code = REFUSED[what]

    async def scenario() -> None:
        host = await host_at(camera)
        assert await host.upload(InstallDenyList, agencies.deny_list(real, 7, SOMEBODY)) is None
        assert await host.upload(InstallDenyList, make(real)) is code
        assert camera.trust.deny_counter == 7 and camera.trust.denied.entries == (SOMEBODY,)

    play(scenario())


@pytest.mark.rule("DOC-011")
def test_a_list_that_shuts_out_the_last_docks_is_refused_whoever_brings_it(
    new_device: New, host_at: At, play: Play
) -> None:
    """Else a list that denies the wrong CA leaves full cameras that no dock can reach, and nothing can be put right."""
    camera, real = new_device(), agencies.real()
    second = agencies.issuing_ca(real.root, "Harbour Police second")
    lost = agencies.deny_list(
        real, 1, Denied(by=DeniedBy.ISSUER, key=read_certificate(real.issuing.certificate).key_id)
    )
    new = type(real)(**{name: getattr(real, name) for name in real.__slots__} | {"issuing": second})

    async def scenario() -> None:
        await host_at(camera, role=Role.DOCK_OFFLOAD)
        carrier = await host_at(camera, new)  # of the new CA: it is not denied itself
        assert await carrier.upload(InstallDenyList, lost) is ErrorCode.OUT_OF_RANGE
        await host_at(camera, new, role=Role.DOCK_OFFLOAD)
        carrier = await host_at(camera, new)
        assert await carrier.upload(InstallDenyList, lost) is None
        with pytest.raises(HostRefused):
            await host_at(camera, role=Role.DOCK_OFFLOAD)

    play(scenario())


def test_the_standby_root_signs_lists_as_well(new_device: New, host_at: At, play: Play) -> None:
    camera, real = new_device(), agencies.real()

    async def scenario() -> None:
        host = await host_at(camera)
        assert await host.upload(InstallDenyList, agencies.deny_list(real, 1, standby=True)) is None

    play(scenario())


@pytest.mark.rule("TRU-011")
def test_a_stolen_dock_that_is_revoked_loses_its_session_and_gets_none(
    new_device: New, host_at: At, play: Play
) -> None:
    station, real = new_device(bays=1, docked=0), agencies.real()

    async def scenario() -> None:
        await station.start()
        stolen = await host_at(station, role=Role.DOCK_OFFLOAD, name="dock-13")
        session = next(iter(station.sessions))
        document = agencies.deny_list(real, 1, SOMEBODY)
        # This device has one host at a time, and none is denied by what it brings: as if another had brought it.
        take_deny_list(station, document, None, "K. Weber")
        assert (await stolen.ended()).reason == "closed" and session not in station.sessions
        await stolen.leave()
        with pytest.raises(HostRefused) as refused:
            await host_at(station, role=Role.DOCK_OFFLOAD, name="dock-13")
        assert refused.value.reason in (FailReason.REFUSED, ResetReason.REFUSED)
        await host_at(station, role=Role.DOCK_OFFLOAD, name="dock-14")

    play(scenario())


def test_it_lives_on_over_a_boot(new_device: New, host_at: At, play: Play, tmp_path: Any) -> None:
    camera, real = new_device(state=tmp_path), agencies.real()

    async def scenario() -> None:
        host = await host_at(camera)
        assert await host.upload(InstallDenyList, agencies.deny_list(real, 3, SOMEBODY)) is None

    play(scenario())
    camera.close()
    again = new_device(state=tmp_path)
    assert again.trust.deny_counter == 3 and again.trust.own.name == again.serial
