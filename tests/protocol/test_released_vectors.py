"""What was released stays understood: every frozen set of vectors holds, and a change that breaks one is told.

Nothing has been released until `protocol/vectors/released` has a set. The check proves itself by sets that are frozen
here: of the present version, of an older one, and such that were broken on purpose.
"""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.conversation.message import Message, MessageReader, build
from bwc_protocol.declare import COMMANDS, CONTROLS, EVENTS, V1_0, Wire
from bwc_protocol.declare.older import codec_as_of
from bwc_protocol.evidence import Manifest
from bwc_protocol.messages.battery import BatteryStatus, ReadBattery
from bwc_protocol.messages.clock import ClockReading
from bwc_protocol.messages.recordings import AnnotationKind
from bwc_protocol.versions import NEWEST, V1_1, V1_2, Version, dotted
from bwc_protocol.word import Dated
from tools.generate import freeze_vectors, write_vectors
from tools.generate.freeze_vectors import ABOUT, RELEASED, NotFrozen, freeze, problems, released
from tools.generate.vectors import types as vectors_types
from tools.testkit.released_declarations import changed_declarations
from tools.testkit.released_replay import broken_vectors

Files = dict[str, Any]


@pytest.mark.rule("MSG-017")
def test_what_was_released_is_understood_and_only_appended_to() -> None:
    assert {folder.name: list(problems(folder)) for folder in released()} == {
        folder.name: [] for folder in released()
    }


@pytest.fixture(scope="module")
def present(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The present version, as it would be released."""
    return freeze(tmp_path_factory.mktemp("released"))


@pytest.fixture(scope="module")
def files(present: Path) -> Files:
    """What is in its files; whoever changes it takes a copy."""
    return {
        name: json.loads((present / name).read_text(encoding="utf-8")) for name in write_vectors.RECORDERS
    }


def test_the_present_version_holds_what_it_would_release(present: Path) -> None:
    assert present.name == dotted(NEWEST) and list(problems(present)) == []
    assert {path.name for path in present.iterdir()} == {*write_vectors.RECORDERS, ABOUT}


def test_a_version_is_released_once(present: Path) -> None:
    with pytest.raises(NotFrozen, match="was released"):
        freeze(present.parent)


def test_vectors_that_are_stale_are_not_frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_vectors, "rendered", lambda name: "other")
    with pytest.raises(NotFrozen, match="stale"):
        freeze(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_command_freezes_and_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(freeze_vectors.freeze, "__defaults__", (tmp_path, NEWEST, write_vectors.FOLDER))
    monkeypatch.setattr(freeze_vectors.released, "__defaults__", (tmp_path,))
    assert freeze_vectors.main([]) == 0 and freeze_vectors.main(["--check"]) == 0
    assert freeze_vectors.main([]) == 1 and "was released" in capsys.readouterr().err
    monkeypatch.setattr(ReadBattery, "name", "battery.state")
    assert freeze_vectors.main(["--check"]) == 1
    assert "1.2: command battery.status (0x0201) is now battery.state" in capsys.readouterr().err


# A release of long ago


@pytest.mark.rule("MSG-017")
@pytest.mark.rule("MSG-026")
@pytest.mark.parametrize("version", [V1_0, V1_1])
def test_a_set_of_an_older_version_holds_as_an_end_of_that_version_writes_it(
    version: Version, files: Files, tmp_path: Path
) -> None:
    folder = kept(as_of(files, version), tmp_path / dotted(version))
    assert list(problems(folder)) == []
    older = json.loads((folder / "messages.json").read_text(encoding="utf-8"))
    assert len(older["commands"]) < len(files["messages.json"]["commands"])


def as_of(files: Files, version: Version) -> Files:
    """The vectors that a release of `version` would have had, of those of the present."""
    messages = dict(files["messages.json"])
    for kind, declared in (("commands", COMMANDS), ("events", EVENTS), ("controls", CONTROLS)):
        registry: Any = declared
        messages[kind] = [
            older_of(one, registry[one["opcode"]], version)
            for one in messages[kind]
            if registry[one["opcode"]].since <= version
        ]
    types = messages["types"]
    messages["types"] = {
        "records": {name: known(fields, version) for name, fields in types["records"].items()},
        "enumerations": {
            name: {
                member: number
                for member, number in members.items()
                if text_since(types["since"].get(name, {}).get(member)) <= version
            }
            for name, members in types["enumerations"].items()
        },
        "since": {},
    }
    told = messages["types"]["enumerations"]["ErrorCode"]
    messages["errors"] = [one for one in messages["errors"] if one["name"] in told or one["name"] == "BUSY"]
    session = dict(files["session.json"])
    session["types"] = {
        name: known(fields, version) if isinstance(fields, list) else fields
        for name, fields in session["types"].items()
    }
    recording = dict(files["recording.json"])
    recording["types"] = {name: known(fields, version) for name, fields in recording["types"].items()}
    recording["manifests"] = [
        one for one in recording["manifests"] if is_of(Manifest.decode(bytes.fromhex(one["hex"])), version)
    ]
    documents = dict(files["documents.json"], types={}, documents=[], refused=[])
    behaviour = dict(files["behaviour.json"], scripts=[])
    return files | {
        "messages.json": messages,
        "session.json": session,
        "recording.json": recording,
        "documents.json": documents,
        "behaviour.json": behaviour,
    }


def is_of(manifest: Manifest, version: Version) -> bool:
    return manifest.as_of(version) == manifest


def text_since(text: str | None) -> Version:
    return V1_0 if text is None else (int(text[0]), int(text[2:]))


def known(fields: list[Files], version: Version) -> list[Files]:
    return [field for field in fields if text_since(field.get("since")) <= version]


def older_of(one: Files, declared: Any, version: Version) -> Files:
    """A command, event or control message with its cases as that version had them."""
    found = {key: known(value, version) if key.endswith("types") else value for key, value in one.items()}
    for key, cls in (
        ("requests", declared),
        ("replies", getattr(declared, "reply", None)),
        ("cases", declared),
    ):
        if key in one:
            found[key] = list(cases(one[key], cls, version))
    return found


def cases(given: list[Files], cls: type[Wire], version: Version) -> Iterator[Files]:
    for case in given:
        value = cls.codec.decode(bytes.fromhex(case["body"]))
        try:
            body = codec_as_of(cls.codec, version).encode(value).hex()
        except ValueError:
            continue  # it says what could not be said
        (said,) = MessageReader().feed(bytes.fromhex(case["message"]))
        assert isinstance(said, Message)
        message = build(said.opcode, said.flags, said.request, bytes.fromhex(body)).hex()
        yield case | {"body": body, "message": message, "fields": cut(case["fields"], cls, version)}


def cut(fields: Files, cls: type[Wire], version: Version) -> Files:
    found = {}
    for name, spec in cls.codec.fields.items():
        if spec.since > version:
            continue
        value = fields[name]
        if spec.of is not None:
            value = (
                [cut(one, spec.of, version) for one in value]
                if isinstance(value, list)
                else cut(value, spec.of, version)
            )
        elif spec.kind == "flags" and spec.enum is not None:
            value &= ~sum(member.value for member in spec.enum if member.since > version)
        elif spec.kind == "enum" and spec.enum is not None and value in list(spec.enum):
            member: Any = spec.enum(value)
            value = int(member.as_of(version))
        found[name] = value
    return found


def kept(files: Files, folder: Path) -> Path:
    """Writes a set."""
    source = folder.parent / f"source-{folder.name}"
    source.mkdir(parents=True)
    for name, content in files.items():
        (source / name).write_text(json.dumps(content), encoding="utf-8")
    return freeze(folder.parent, freeze_vectors.version_of(folder), source)


# Changes that are none


def field_in_the_middle(patch: pytest.MonkeyPatch) -> None:
    fields = dict(BatteryStatus.codec.fields)
    spec = ClockReading.codec.fields["revision"]
    names = list(fields)
    names.insert(2, "added")
    patch.setattr(BatteryStatus.codec, "fields", {name: fields.get(name, spec) for name in names})


def later_field_in_the_middle(patch: pytest.MonkeyPatch) -> None:
    fields = dict(BatteryStatus.codec.fields)
    spec = replace(ClockReading.codec.fields["revision"], since=(1, 3))
    names = list(fields)
    names.insert(2, "added")
    patch.setattr(BatteryStatus.codec, "fields", {name: fields.get(name, spec) for name in names})


def command_appended_without_a_version(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(COMMANDS, "_made", dict(COMMANDS.items()) | {0x0203: ReadBattery})


def field_gone(patch: pytest.MonkeyPatch) -> None:
    fields = dict(BatteryStatus.codec.fields)
    del fields["cycles"]
    patch.setattr(BatteryStatus.codec, "fields", fields)


def field_appended_without_a_version(patch: pytest.MonkeyPatch) -> None:
    fields = dict(BatteryStatus.codec.fields) | {"added": ClockReading.codec.fields["revision"]}
    patch.setattr(BatteryStatus.codec, "fields", fields)


def opcode_changed(patch: pytest.MonkeyPatch) -> None:
    made: dict[int, Any] = dict(COMMANDS.items())
    made[0x0202] = made.pop(ReadBattery.opcode)
    patch.setattr(COMMANDS, "_made", made)


def opcode_used_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ReadBattery, "name", "battery.other")


def command_said_to_be_later(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ReadBattery, "since", (1, 3))


def member_gone(patch: pytest.MonkeyPatch) -> None:
    real = vectors_types.numbers
    patch.setattr(
        vectors_types,
        "numbers",
        lambda of: {k: v for k, v in real(of).items() if k != "STOPPED_BY_TEMPERATURE"},
    )


def member_renumbered(patch: pytest.MonkeyPatch) -> None:
    real = vectors_types.numbers
    patch.setattr(
        vectors_types, "numbers", lambda of: {k: 77 if k == "CHARGING" else v for k, v in real(of).items()}
    )


def member_appended_without_a_version(patch: pytest.MonkeyPatch) -> None:
    real = vectors_types.numbers
    patch.setattr(
        vectors_types,
        "numbers",
        lambda of: real(of) | ({"EMPTY": 6} if of.__name__ == "ChargeState" else {}),
    )


def member_said_to_be_later(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AnnotationKind.HELD, "since", (1, 3))


def unit_changed(patch: pytest.MonkeyPatch) -> None:
    fields = dict(BatteryStatus.codec.fields)
    fields["voltage_mv"] = replace(fields["voltage_mv"], unit="V")
    patch.setattr(BatteryStatus.codec, "fields", fields)


@pytest.mark.rule("MSG-017")
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            field_in_the_middle,
            "unit mV, and is field added",
        ),
        (later_field_in_the_middle, "reply: a later field stands before one of 1.2"),
        (command_appended_without_a_version, "(0x0203) says since 1.0, and was not released with it"),
        (field_gone, "field 5 was field cycles"),
        (field_appended_without_a_version, "the field added says since 1.0, and was not released with it"),
        (opcode_changed, "command battery.status (0x0201) is gone"),
        (opcode_used_again, "is now battery.other: an opcode is never used again"),
        (command_said_to_be_later, "command battery.status (0x0201) is gone, or came later"),
        (member_gone, "ChargeState.STOPPED_BY_TEMPERATURE was 3, and is gone"),
        (member_renumbered, "ChargeState.CHARGING was 1, and is 77"),
        (member_appended_without_a_version, "ChargeState.EMPTY does not say since when it is"),
        (member_said_to_be_later, "AnnotationKind.HELD was released with 1.2, and says since 1.3"),
        (unit_changed, "unit mV, and is"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_change_that_does_not_only_append_is_told(
    change: Callable[[pytest.MonkeyPatch], None], told: str, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(monkeypatch)
    found = list(changed_declarations(files, NEWEST))
    assert any(told in line for line in found), found


@pytest.mark.rule("MSG-017")
def test_what_a_next_version_appends_breaks_nothing(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    later = replace(ClockReading.codec.fields["assurance"], since=(1, 3))
    fields = dict(ClockReading.codec.fields) | {"added": later}
    monkeypatch.setattr(ClockReading.codec, "fields", fields)
    real = vectors_types._later
    said = {"ChargeState": {"EMPTY": "1.3"}}
    monkeypatch.setattr(vectors_types, "_later", lambda of: real(of) | said.get(of.__name__, {}))
    member_appended_without_a_version(monkeypatch)
    assert list(changed_declarations(files, V1_2)) == []


# Sets that were broken


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("messages.json", lambda file: file["commands"][0]["replies"][1].update(body="00")),
        ("messages.json", lambda file: file["commands"][0]["replies"][1]["fields"].update(model="other")),
        ("messages.json", lambda file: file["malformed"][0].update(body="00")),
        ("frames.json", lambda file: file["streams"][0].update(frames=[])),
        ("session.json", lambda file: file["versions"][0].update(chosen=[1, 9])),
        ("session.json", lambda file: file["preambles"][0].update(refused="it was not")),
        ("recording.json", lambda file: file["manifests"][0].update(sha256="00" * 32)),
        ("recording.json", lambda file: file["refused"][0].update(hex=file["manifests"][0]["hex"])),
        ("recording.json", lambda file: file["annotations"]["chain"][0].update(head="00" * 32)),
        ("recording.json", lambda file: file["audit"][1].update(previous_sha256="00" * 32)),
        ("documents.json", lambda file: file["refused"][0].update(hex=file["documents"][0]["hex"])),
        ("documents.json", lambda file: file["documents"][0].update(hex=file["refused"][0]["hex"])),
        ("evidence.json", lambda file: file["manifests"][0].update(sha256="00" * 32)),
        ("behaviour.json", lambda file: file["scripts"][0]["steps"].pop(3)),
    ],
)
def test_a_vector_that_no_longer_holds_is_told_by_its_file(
    name: str, broken: Callable[[Files], None], files: Files
) -> None:
    file = short(copy.deepcopy(files[name]))
    assert list(broken_vectors({name: file}, NEWEST)) == []
    broken(file)
    found = list(broken_vectors({name: file}, NEWEST))
    assert found and all(line.startswith(name) for line in found)


def short(file: Files) -> Files:
    """The first few of each list: enough to break one."""
    return {key: value[:3] if isinstance(value, list) else value for key, value in file.items()}


def test_a_set_that_was_edited_is_told(present: Path, files: Files, tmp_path: Path) -> None:
    folder = kept(files, tmp_path / present.name)
    path = folder / "frames.json"
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    found = list(problems(folder))
    assert found == ["frames.json was changed after it was frozen"]
    renamed = folder.rename(folder.with_name("1.1"))
    found = list(problems(renamed))
    assert "it calls itself 1.2, and lies in 1.1" in found
    assert any(line.startswith("behaviour.json") for line in found), "an end of 1.1 does not speak so"


def test_nothing_is_released_that_is_newer_than_what_is_declared() -> None:
    assert all(freeze_vectors.version_of(folder) <= NEWEST for folder in released(RELEASED))
    assert issubclass(AnnotationKind, Dated)
