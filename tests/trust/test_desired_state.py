"""Docks deliver, never author: what a camera is set to was signed by a technician, whoever brings it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.documents.desired_state import DesiredAssignment, DesiredSetting, DesiredState
from bwc_protocol.messages.assignment import ReadAssignment
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.config import ConfigApplied, ReadConfigState
from bwc_protocol.messages.trust import Enroll, ReadTrust, TakeDesiredState
from bwc_protocol.vocabulary import ErrorCode
from tools.testkit import agencies
from tools.testkit.enrolling import entries, installation

New = Callable[..., Any]
Play = Callable[[Any], Any]
At = Callable[..., Any]
GAIN = DesiredSetting(key="audio.gain_db", value=3)
STILL = DesiredSetting(key="haptics.enabled", value=False)


def desired(
    to: Any, counter: int, *settings: DesiredSetting, by: Role = Role.TECHNICIAN, **instead: Any
) -> bytes:
    found = DesiredState(
        **{
            "camera": to.serial,
            "counter": counter,
            "signed_utc_s": agencies.SIGNED_S,
            "settings": tuple(sorted(settings, key=lambda one: one.key)),
            **instead,
        }
    )
    return agencies.signed(found, agencies.signer(agencies.real().host("K. Weber", by)))


def test_a_dock_delivers_what_a_technician_signed(
    new_device: New, host_at: At, play: Play, tmp_path: Any
) -> None:
    camera = new_device(state=tmp_path)
    officer = DesiredAssignment(officer="4711", unit="Harbour")

    async def scenario() -> None:
        dock = await host_at(camera, role=Role.DOCK_OFFLOAD, name="dock-7")
        document = desired(camera, 5, GAIN, STILL, assignment=officer)
        assert await dock.upload(TakeDesiredState, document) is None
        assert camera.settings.number("audio.gain_db") == 3 and camera.settings["haptics.enabled"] is False
        state = await dock.ask(ReadAssignment())
        assert (state.officer, state.unit, state.assigned) == ("4711", "Harbour", True)
        assert (await dock.ask(ReadTrust())).desired_counter == 5
        assert any(isinstance(event, ConfigApplied) for event in dock.events)
        again = await dock.ask(ReadConfigState())
        assert await dock.upload(TakeDesiredState, document) is None  # delivered by two docks
        assert await dock.ask(ReadConfigState()) == again

    play(scenario())
    (entry,) = entries(camera, AuditKind.DESIRED_STATE)
    assert entry.startswith("counter 5, no profile, by K. Weber, ")
    camera.close()
    kept = new_device(state=tmp_path)
    assert (kept.settings.number("audio.gain_db"), kept.assignment.officer) == (3, "4711")
    assert kept.trust.kept.desired_counter == 5


REFUSED: dict[str, tuple[Callable[[Any], bytes], ErrorCode]] = {
    "another generation's": (lambda camera: desired(camera, 6, GAIN, generation=1), ErrorCode.CONFLICT),
    "an older one": (lambda camera: desired(camera, 4, GAIN), ErrorCode.CONFLICT),
    "another of the same counter": (lambda camera: desired(camera, 5, STILL), ErrorCode.CONFLICT),
    "signed by a dock": (lambda camera: desired(camera, 6, GAIN, by=Role.DOCK_OFFLOAD), ErrorCode.UNTRUSTED),
    "another camera's": (lambda camera: desired(camera, 6, GAIN, camera="SIM-00000077"), ErrorCode.CONFLICT),
    "a lab's": (lambda camera: desired(camera, 6, GAIN, lab="abcd"), ErrorCode.UNTRUSTED),
    "an unknown key": (
        lambda camera: desired(camera, 6, STILL, DesiredSetting(key="no.such", value=1)),
        ErrorCode.UNKNOWN_SETTING,
    ),
    "a wrong type": (
        lambda camera: desired(camera, 6, STILL, DesiredSetting(key="audio.gain_db", value="loud")),
        ErrorCode.WRONG_TYPE,
    ),
    "a value beyond its limits": (
        lambda camera: desired(camera, 6, STILL, DesiredSetting(key="audio.gain_db", value=99)),
        ErrorCode.OUT_OF_RANGE,
    ),
    "bytes": (lambda camera: b"\x82\x40\x80", ErrorCode.MALFORMED),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_hold_changes_nothing(new_device: New, host_at: At, play: Play, what: str) -> None:
    camera = new_device()
    make, code = REFUSED[what]

    async def scenario() -> None:
        dock = await host_at(camera, role=Role.DOCK_OFFLOAD)
        assert await dock.upload(TakeDesiredState, desired(camera, 5, GAIN)) is None
        before = (await dock.ask(ReadConfigState()), camera.assignment, camera.trust.kept)
        assert await dock.upload(TakeDesiredState, make(camera)) is code
        assert (await dock.ask(ReadConfigState()), camera.assignment, camera.trust.kept) == before
        assert camera.settings["haptics.enabled"] is True

    play(scenario())


def test_what_somebody_has_staged_stays_and_conflicts(new_device: New, host_at: At, play: Play) -> None:
    from bwc_protocol.messages.config import ApplyConfig, Setting, SettingType, StageConfig

    camera = new_device()

    async def scenario() -> None:
        host = await host_at(camera)
        staged = (Setting(key="audio.gain_db", type=SettingType.INT, number=5),)
        await host.ask(StageConfig(revision=1, settings=staged))
        assert await host.upload(TakeDesiredState, desired(camera, 1, STILL)) is None
        assert await host.refused(ApplyConfig(revision=1)) is ErrorCode.CONFLICT
        await host.ask(ApplyConfig(revision=2))
        assert camera.settings.number("audio.gain_db") == 5

    play(scenario())


def test_an_assignment_alone_leaves_the_configuration(new_device: New, host_at: At, play: Play) -> None:
    camera = new_device()

    async def scenario() -> None:
        dock = await host_at(camera, role=Role.DOCK_OFFLOAD)
        officer = DesiredAssignment(officer="4711")
        assert await dock.upload(TakeDesiredState, desired(camera, 1, assignment=officer)) is None
        assert (camera.settings.revision, camera.assignment.officer) == (1, "4711")
        nobody = DesiredAssignment(officer="")
        assert await dock.upload(TakeDesiredState, desired(camera, 2, assignment=nobody)) is None
        assert not camera.assignment.assigned

    play(scenario())


@pytest.mark.rule("DOC-026")
def test_none_of_before_a_reset_is_taken_after_it(
    new_device: New, host_at: At, enroller_at: At, play: Play
) -> None:
    camera = new_device()

    async def scenario() -> None:
        old = desired(camera, 1, assignment=DesiredAssignment(officer="1001", unit="old"))
        dock = await host_at(camera, role=Role.DOCK_OFFLOAD)
        assert await dock.upload(TakeDesiredState, old) is None
        newer = desired(camera, 2, assignment=DesiredAssignment(officer="2002"))
        assert await dock.upload(TakeDesiredState, newer) is None
        camera.reset_by_opening()
        await asyncio.sleep(5)
        assert camera.awake() and camera.press_enroll() == ""
        host = await enroller_at(camera)
        assert await host.upload(Enroll, (await installation(host, agencies.real())).encode()) is None
        dock = await host_at(camera, role=Role.DOCK_OFFLOAD)
        state = await dock.ask(ReadTrust())
        assert (state.generation, state.desired_counter) == (1, 0)
        assert await dock.upload(TakeDesiredState, old) is ErrorCode.CONFLICT
        assert camera.assignment.officer == ""
        new = desired(camera, 1, generation=1, assignment=DesiredAssignment(officer="3003"))
        assert await dock.upload(TakeDesiredState, new) is None
        assert camera.assignment.officer == "3003"

    play(scenario())
