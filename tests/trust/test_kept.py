"""What a device keeps of its trust: the same after a boot, whole after a loss of power, refused when it is damaged."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bwc_protocol.certificates.facts import read_certificate
from bwc_protocol.declare import Role
from bwc_protocol.documents.desired_state import DesiredAssignment, DesiredSetting, DesiredState
from bwc_protocol.messages.audit import AuditKind
from firmware_sim.camera.desired_state import take_desired
from firmware_sim.device.trust.kept import KeptTrust, load_private, public_sha256
from firmware_sim.device.trust.signed import take_deny_list
from firmware_sim.flash.flash import PowerLost, StateError
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.scenarios import make_camera
from firmware_sim.state.directory import StateOfAnother
from firmware_sim.state.files import from_part, to_part
from tests.tiers import times
from tools.testkit import agencies
from tools.testkit.enrolling import certified, entries, installing, renewal

New = Callable[..., Any]


def technician() -> Any:
    return read_certificate(agencies.real().host("K. Weber", Role.TECHNICIAN).chain[0])


def enrolled(camera: Any) -> None:
    camera.trust.enroll(
        installing(certified(camera.trust.request(), agencies.real()), agencies.real()), technician()
    )


def renewed(camera: Any) -> None:
    camera.trust.renew(renewal(camera.trust.request(), agencies.real()), "K. Weber")


def denied(camera: Any) -> None:
    take_deny_list(camera, agencies.deny_list(agencies.real(), 3), technician(), "K. Weber")


CHANGES: dict[str, tuple[Callable[[Any], None], bool, AuditKind]] = {
    "enrolment": (enrolled, False, AuditKind.ENROLLED),
    "renewal": (renewed, True, AuditKind.RENEWED),
    "deny list": (denied, True, AuditKind.DENY_LIST),
}


@pytest.mark.rule("TRU-006")
@pytest.mark.parametrize("what", CHANGES)
def test_power_lost_at_any_step_leaves_the_old_or_the_new(new_device: New, what: str) -> None:
    change, enrolled_before, kind = CHANGES[what]
    for seed in range(times(2)):
        for cut in range(100):
            flash = MemoryFlash()
            camera = new_device(state=flash, enrolled=enrolled_before)
            old = camera.trust.kept
            flash.before = _cut(flash.operations + cut)
            try:
                change(camera)
                new = camera.trust.kept
                flash.before = None
                last = True
            except PowerLost:
                new, last = None, False
            flash.before = None
            flash.lose_power(random.Random(f"{what} {seed} {cut}"))
            again = new_device(state=flash, enrolled=enrolled_before)
            kept, logged = again.trust.kept, bool(entries(again, kind))
            if last:
                assert (kept, logged) == (new, True)  # what was acknowledged stays
                break
            is_new = (kept.chain, kept.deny_list) != (old.chain, old.deny_list)
            assert is_new == logged, "the log tells of it if and only if it is so"
            assert kept.roots == (agencies.real().anchors if is_new or enrolled_before else ())
            if kept.chain:  # whatever it is, it can prove it
                assert read_certificate(kept.chain[0]).key_sha256 == public_sha256(load_private(kept.key))
        else:
            raise AssertionError("it never came to an end")


def _cut(at: int) -> Callable[[int, str, str], None]:
    def before(number: int, operation: str, name: str) -> None:
        if number >= at:
            raise PowerLost

    return before


@pytest.mark.rule("TRU-006")
def test_power_lost_while_a_desired_state_is_taken_leaves_all_of_it_or_nothing(new_device: New) -> None:
    """Configuration, assignment, counter and log are one step: no camera has half of what a technician signed."""
    real = agencies.real()
    technician = agencies.signer(real.host("K. Weber", Role.TECHNICIAN))
    for cut in range(100):
        flash = MemoryFlash()
        camera = new_device(state=flash)
        wanted = DesiredState(
            camera=camera.serial,
            counter=1,
            signed_utc_s=agencies.SIGNED_S,
            settings=(DesiredSetting(key="audio.gain_db", value=3),),
            assignment=DesiredAssignment(officer="4711"),
        )
        session: Any = SimpleNamespace(camera=camera, identity="dock-7")
        flash.before = _cut(flash.operations + cut)
        try:
            take_desired(session, agencies.signed(wanted, technician))
            ended = True
        except PowerLost:
            ended = False
        flash.before = None
        flash.lose_power(random.Random(cut))
        again = new_device(state=flash)
        facts = {
            again.trust.kept.desired_counter == 1,
            again.settings.number("audio.gain_db") == 3,
            again.assignment.officer == "4711",
            bool(entries(again, AuditKind.DESIRED_STATE)),
        }
        assert len(facts) == 1 and (not ended or facts == {True})
        if ended:
            return
    raise AssertionError("it never came to an end")


def test_a_full_flash_refuses_and_changes_nothing(new_device: New) -> None:
    flash = MemoryFlash()
    camera = new_device(state=flash)
    camera.trust.request()
    before = camera.trust.kept

    def full(number: int, operation: str, name: str) -> None:
        raise OSError(28, "No space left on device")

    flash.before = full
    with pytest.raises(OSError, match="No space"):
        renewed(camera)
    flash.before = None
    assert camera.trust.kept == before
    renewed(camera)


def test_a_boot_changes_nothing(new_device: New, tmp_path: Path) -> None:
    camera = new_device(state=tmp_path)
    denied(camera)
    camera.trust.request()
    kept = camera.trust.kept
    camera.close()
    again = new_device(agencies.real("Valley Sheriff"), state=tmp_path)  # whoever serves it now
    assert again.trust.kept == kept and again.trust.own.agency == "Harbour Police"


def _changed(part: dict[str, Any], key: str) -> dict[str, Any]:
    value = part[key]
    other = {
        bool: lambda: 1,
        int: lambda: -1,
        str: lambda: "=" + value,
        list: lambda: [*value[1:], "!"],
    }[type(value)]()
    return {**part, key: other}


@pytest.mark.parametrize("key", [*KeptTrust.__dataclass_fields__, "all of it", "another key", "no key"])
def test_a_trust_that_is_damaged_is_refused_and_left_as_it_is(
    new_device: New, tmp_path: Path, key: str
) -> None:
    camera = new_device(state=tmp_path)
    denied(camera)
    other = new_device(seed=2).trust.kept.to_part()
    camera.close()
    file = tmp_path / "trust.json"
    part = from_part(file.read_bytes(), "trust")
    if key == "all of it":
        file.write_bytes(file.read_bytes()[:-9])
    else:
        made = {
            "another key": lambda: {**part, "key": other["key"]},
            "no key": lambda: {**part, "key": ""},
        }.get(key, lambda: _changed(part, key))()
        file.write_bytes(to_part(made))
    damaged = file.read_bytes()
    with pytest.raises(StateError, match=r"cannot be read|is damaged"):
        new_device(state=tmp_path)
    assert file.read_bytes() == damaged


def test_an_identity_that_is_gone_is_not_made_anew(new_device: New, tmp_path: Path) -> None:
    new_device(state=tmp_path).close()
    (tmp_path / "trust.json").unlink()
    with pytest.raises(StateError, match="identity is gone"):
        new_device(state=tmp_path)


def test_a_camera_with_an_identity_is_not_served_without_protection(new_device: New, tmp_path: Path) -> None:
    new_device(state=tmp_path, recordings=1).close()
    with pytest.raises(StateOfAnother, match="development firmware"):
        make_camera(seed=1, state=tmp_path)
    assert new_device(state=tmp_path).trust.enrolled


def test_a_camera_that_an_earlier_version_kept_gets_its_identity(new_device: New, tmp_path: Path) -> None:
    make_camera(seed=1, mib=1, state=tmp_path).close()
    camera = new_device(state=tmp_path)
    assert camera.trust.enrolled and len(camera.storage) == 0
    camera.close()
    assert json.loads((tmp_path / "device.json").read_text())["identity"] is True


def test_recordings_of_development_firmware_do_not_become_those_of_an_identity(
    new_device: New, tmp_path: Path
) -> None:
    """Nothing of them is signed: taken up, they would be damaged, and not listed."""
    make_camera(seed=1, mib=1, recordings=1, state=tmp_path).close()
    with pytest.raises(StateOfAnother, match="none of them is signed"):
        new_device(state=tmp_path)
    camera = make_camera(seed=1, mib=1, state=tmp_path)
    assert len(camera.storage) == 1, "and they are where they were"
    camera.close()


def test_the_file_with_the_keys_is_its_owners_alone(new_device: New, tmp_path: Path) -> None:
    camera = new_device(state=tmp_path)
    denied(camera)
    assert (tmp_path / "trust.json").stat().st_mode & 0o777 == 0o600


def test_no_key_and_no_certificate_is_in_the_log(new_device: New) -> None:
    camera = new_device()
    renewed(camera)
    denied(camera)
    camera.reset_by_opening()
    last, _ = camera.audit.head()
    said = " ".join(entry.detail for entry in camera.audit.read(0, last).entries)
    for secret in (camera.trust.kept.factory_key, camera.trust.kept.factory_chain[0]):
        assert secret.hex()[:40] not in said
