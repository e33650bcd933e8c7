"""Officers' names are for those alone who can open the footage, where the agency says so (spec: Encryption)."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from bwc_protocol.evidence import Manifest, sealing
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.messages.assignment import Assign
from bwc_protocol.messages.config import ApplyConfig, Setting, SettingType, StageConfig
from bwc_protocol.messages.recordings import AnnotationKind
from firmware_sim.camera.camera import SimCamera
from firmware_sim.scenarios import Footage, make_camera
from firmware_sim.storage.storage import StoredRecording
from tests.sim.conftest import NOON_NS, Desk

LAB = LabAgency.make(secrets.token_bytes)
OFFICER = "K1-Muster"
UNIT = "north"


def made(*, sealed: bool = True) -> Desk:
    return Desk(make_camera(seed=1, footage=Footage.SYNTHETIC, utc_ns=NOON_NS, agency=LAB, sealed=sealed))


def switch(desk: Desk, key: str, on: bool = True) -> None:
    revision = desk.camera.settings.revision
    setting = Setting(key=key, type=SettingType.BOOL, number=on)
    desk.ask(StageConfig(revision=revision, settings=(setting,)))
    desk.ask(ApplyConfig(revision=revision))


def carried(desk: Desk) -> str:
    """The camera is an officer's from now on; his pseudonym."""
    assign = Assign(officer=OFFICER, unit=UNIT, revision=desk.camera.assignment.revision)
    return desk.ask(assign).pseudonym


def recorded(camera: SimCamera, meanwhile: Callable[[], object] = lambda: None) -> StoredRecording:
    assert camera.wearer.start()
    camera.time.skip(3)
    meanwhile()
    camera.wearer.stop()
    camera.settle()
    return camera.listing(0, 99)[-1]


def name_in(manifest: Manifest, agency: LabAgency = LAB) -> str:
    assert manifest.protection is not None and manifest.circumstances is not None
    key = sealing.unwrap_key(manifest.protection, agency.recipient().key, manifest.recording_id)
    return sealing.Sealer(key).open_name(manifest.circumstances.sealed_name)


def names_nobody(recording: StoredRecording, pseudonym: str) -> bool:
    """Whether what leaves with the footage names the pseudonym, and the officer nowhere."""
    said = recording.manifest.circumstances
    assert said is not None and said.pseudonym and said.holder == pseudonym
    notes = [one.text for one in recording.annotations if one.kind is AnnotationKind.ASSIGNMENT]
    assert notes == [pseudonym]
    plain = recording.manifest_bytes + str(recording.annotations).encode()
    return OFFICER.encode() not in plain and UNIT.encode() not in plain


@pytest.mark.rule("REC-090")
def test_the_name_is_for_who_can_open_the_footage() -> None:
    desk = made()
    switch(desk, "names.sealed")
    pseudonym = carried(desk)
    first, second = recorded(desk.camera), recorded(desk.camera)
    for recording in (first, second):
        assert names_nobody(recording, pseudonym)
        assert name_in(recording.manifest) == f"{OFFICER} {UNIT}"
    names = {one.manifest.circumstances.sealed_name for one in (first, second) if one.manifest.circumstances}
    assert len(names) == 2, "nobody sees that it was the same officer who does not see it by the pseudonym"


@pytest.mark.rule("REC-090")
@pytest.mark.parametrize("key", ["names.sealed", "holder.pseudonym"])
def test_a_setting_that_goes_while_it_records_gives_no_name_away(key: str) -> None:
    desk = made()
    switch(desk, key)
    pseudonym = carried(desk)
    assert names_nobody(recorded(desk.camera, lambda: switch(desk, key, on=False)), pseudonym)


@pytest.mark.rule("REC-090")
def test_without_recipients_nobody_is_named() -> None:
    desk = made(sealed=False)
    switch(desk, "names.sealed")
    pseudonym = carried(desk)
    recording = recorded(desk.camera)
    assert names_nobody(recording, pseudonym)
    assert recording.manifest.circumstances is not None
    assert recording.manifest.circumstances.sealed_name == b""


def test_nobody_carries_it_and_nothing_is_encrypted() -> None:
    desk = made()
    switch(desk, "names.sealed")
    said = recorded(desk.camera).manifest.circumstances
    assert said is not None and (said.holder, said.pseudonym, said.sealed_name) == ("", False, b"")


def test_unless_told_a_recording_names_the_officer() -> None:
    desk = made()
    carried(desk)
    said = recorded(desk.camera).manifest.circumstances
    assert said is not None and (said.holder, said.sealed_name) == (OFFICER, b"")


@pytest.mark.rule("REC-052", "REC-090")
def test_after_a_loss_of_power_it_has_the_name_of_its_begin() -> None:
    desk = made()
    switch(desk, "names.sealed")
    pseudonym = carried(desk)
    assert desk.camera.wearer.start()
    desk.camera.time.skip(30)
    desk.camera.settle()
    desk.camera.crash()
    desk.camera.time.skip(60)
    desk.camera.settle()
    (recording,) = desk.camera.listing(0, 9)
    assert recording.manifest.cut and names_nobody(recording, pseudonym)
    assert name_in(recording.manifest) == f"{OFFICER} {UNIT}"


def test_the_longest_name_fits() -> None:
    desk = made()
    switch(desk, "names.sealed")
    desk.ask(Assign(officer="O" * 64, unit="ü" * 32, revision=desk.camera.assignment.revision))
    assert name_in(recorded(desk.camera).manifest) == "O" * 64 + " " + "ü" * 31, "as an annotation had it"
