"""Who may what: every command under every role, over secure sessions; the specification's table, kept by firmware."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bwc_protocol.declare import ANYONE, COMMANDS, Role, Wire
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from firmware_sim.device.trust.kept import load_private
from tools.generate import samples
from tools.testkit import agencies
from tools.testkit.enrolling import entries

New = Callable[..., Any]
Play = Callable[[Any], Any]
At = Callable[..., Any]
LEAVING = {"device.reboot", "trust.enroll"}


@pytest.mark.rule("ROL-001")
@pytest.mark.rule("ROL-002")
@pytest.mark.parametrize("kind", [PeerKind.CAMERA, PeerKind.STATION], ids=lambda kind: kind.name.lower())
@pytest.mark.parametrize("role", [role for role in Role if role in ANYONE], ids=lambda role: str(role))
def test_every_command_under_every_role(
    new_device: New, host_at: At, play: Play, kind: PeerKind, role: Role
) -> None:
    """In a lab, which takes BENCH as well. The body says nothing that would be done: roles are looked at first.
    No answer has a private key in it."""
    device = (
        new_device(agencies.lab(), bays=1, docked=0)
        if kind is PeerKind.STATION
        else new_device(agencies.lab())
    )

    async def scenario() -> dict[str, bool]:
        if kind is PeerKind.STATION:
            await device.start()
        host = await host_at(device, agencies.lab(), role)
        found = {}
        for command in COMMANDS.values():
            answer = await host.answer(samples.typical(command))
            if kind not in command.answered_by:
                assert answer is ErrorCode.UNSUPPORTED, command.name
            elif role not in command.roles:
                assert answer is ErrorCode.NOT_PERMITTED, command.name
            else:
                assert answer is not ErrorCode.NOT_PERMITTED or command.name == "clock.set", command.name
            found[command.name] = answer is not ErrorCode.NOT_PERMITTED
            if isinstance(answer, Wire):
                assert not any(secret in answer.codec.encode(answer) for secret in secrets(device)), (
                    command.name
                )
        return found

    allowed = play(scenario())
    said = " ".join(entries(device, AuditKind.REFUSED))
    for command in COMMANDS.values():
        if not allowed[command.name] and command.name != "clock.set":
            assert f"{command.name} is not permitted" in said


def secrets(device: Any) -> list[bytes]:
    """The numbers that must not leave the device."""
    kept = device.trust.kept
    keys = [key for key in (kept.factory_key, kept.key, kept.requested_key) if key]
    return [load_private(key).private_numbers().private_value.to_bytes(32) for key in keys]


def roles_of(name: str) -> Role:
    (found,) = (command.roles for command in COMMANDS.values() if command.name == name)
    return found


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        (
            Role.TECHNICIAN,
            {"config.commit", "assignment.assign", "clock.set", "trust.renew", "audit.page"},
            {"recordings.open", "recordings.table", "recordings.erase", "recordings.lift"},
        ),
        (
            Role.DOCK_OFFLOAD,
            {"recordings.open", "recordings.hold", "trust.desired", "audit.page", "clock.set"},
            {"config.stage", "config.commit", "config.upload", "assignment.assign", "recordings.lift"},
        ),
        (
            Role.DESTINATION,
            {"recordings.open"},
            {"config.commit", "recordings.lift", "trust.renew", "clock.set"},
        ),
        (
            Role.AUDITOR,
            {"audit.page", "recordings.page", "trust.deny_list"},
            {"recordings.open", "recordings.hold", "config.commit", "clock.set", "device.reboot"},
        ),
        (
            Role.RECORDS,
            {"recordings.lift", "recordings.hold", "trust.order"},
            {"recordings.open", "recordings.erase", "config.commit", "clock.set"},
        ),
        (Role.EVIDENCE_RECIPIENT, set(), {command.name for command in COMMANDS.values()}),
    ],
    ids=lambda value: str(value) if isinstance(value, Role) else "",
)
def test_what_each_role_is_for(role: Role, may: set[str], may_not: set[str]) -> None:
    assert all(role in roles_of(name) for name in may)
    assert not any(role in roles_of(name) for name in may_not)


def test_an_auditor_changes_nothing_but_by_what_others_signed() -> None:
    changing = {c.name for c in COMMANDS.values() if Role.AUDITOR in c.roles and c.effect.value != "reads"}
    assert changing == {"trust.deny_list"}


def test_what_goes_while_a_certificate_is_expired_empties_a_camera_and_renews_it_and_no_more() -> None:
    going = {command.name for command in COMMANDS.values() if command.while_expired}
    assert {"recordings.open", "recordings.table", "recordings.page", "trust.renew", "trust.request"} <= going
    assert "recordings.manifest" in going and "trust.deny_list" in going
    changing = {c.name for c in COMMANDS.values() if c.while_expired and c.effect.value != "reads"}
    assert changing == {
        "trust.request",
        "trust.renew",
        "trust.deny_list",
        "station.lease",
        "station.verdict",
        "recordings.receipt",
    }
