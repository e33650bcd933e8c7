"""A desired state as a camera takes it: configuration, assignment and counter in one step (spec: Desired state)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bwc_protocol.documents.desired_state import DesiredState
from bwc_protocol.messages.assignment import AssignmentState
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.config import Setting, SettingType
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.session import CameraSession
from firmware_sim.device.trust.signed import verified_desired_state
from firmware_sim.state.commit import Change


def take_desired(session: CameraSession, document: bytes) -> None:
    """Takes what a technician signed, whoever brings it. Raises `Refusal` and `OSError`, and then nothing changed."""
    camera, trust = session.camera, session.camera.trust
    assert trust is not None
    found = verified_desired_state(trust, document, camera.serial)
    if found is None:
        return  # it was taken before
    kept = replace(trust.kept, desired_counter=found.state.counter, desired_sha256=found.sha256)
    assignment = _assignment(camera, found.state)
    detail = (
        f"counter {found.state.counter}, {found.state.profile or 'no profile'}, by {found.signer.name}, "
        f"{found.sha256.hex()[:16]}"
    )

    def keep(changes: tuple[Change, ...]) -> None:
        assigned = camera.state_change(assignment=assignment)
        said = detail if assignment is camera.assignment else f"{detail}, {assignment.pseudonym or 'nobody'}"
        trust.keep(kept, AuditKind.DESIRED_STATE, said, session.identity, *changes, *assigned)

    camera.settings.apply_at_once(_settings(camera, found.state), keep)
    camera.assignment = assignment
    if found.state.settings:
        camera.apply_settings()
        camera.report.config()


def _assignment(camera: SimCamera, state: DesiredState) -> AssignmentState:
    """The assignment from then on; the same one where the document does not change it."""
    wanted, present = state.assignment, camera.assignment
    if wanted is None or (wanted.officer, wanted.unit) == (present.officer, present.unit):
        return present
    return AssignmentState(
        assigned=bool(wanted.officer),
        officer=wanted.officer,
        unit=wanted.unit,
        since_utc_ns=camera.clock.utc_ns(),
        revision=present.revision + 1,
        pseudonym=camera.new_pseudonym() if wanted.officer else "",
    )


def _settings(camera: SimCamera, state: DesiredState) -> Iterator[Setting]:
    """As a host would send them; whether the schema has them, and such, is judged as for any host."""
    for setting in state.settings:
        rule = camera.settings.rules.get(setting.key)
        match setting.value:
            case bool() as flag:
                yield Setting(key=setting.key, type=SettingType.BOOL, number=int(flag))
            case int() as number:
                yield Setting(key=setting.key, type=SettingType.INT, number=number)
            case text:
                choice = rule is not None and rule.type is SettingType.CHOICE
                kind = SettingType.CHOICE if choice else SettingType.TEXT
                yield Setting(key=setting.key, type=kind, text=text)
