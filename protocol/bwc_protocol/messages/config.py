"""Configuration: a schema that the device tells, staged changes, one apply (spec: Configuration, 0x05xx).

A setting has three values: *effective* (what the device does now), *pending* (applied, but taking effect
only at the moment that the schema names) and *staged* (sent, not applied). `apply` takes all staged values
or none.
"""

from typing import Final

from bwc_protocol.declare import (
    ANYONE,
    Effect,
    Event,
    Refusals,
    Request,
    Role,
    StreamDirection,
    Subject,
    Unknown,
    Wire,
    blob,
    boolean,
    choice,
    command,
    event,
    i64,
    items,
    method,
    text,
    u16,
    u32,
    wire,
)
from bwc_protocol.messages.core import Done, StreamOpened
from bwc_protocol.vocabulary import ErrorCode
from bwc_protocol.word import Word

MAX_SETTINGS = 512
"""Settings that a schema may have; bounds paging on the host and memory on the device."""
MAX_UPLOAD = 262_144
"""Bytes of an uploaded configuration: 512 settings at their largest stay below."""
STAGE_MAX: Final = 64
"""Settings of one request: 13 KiB at their largest. A device with less room is sent them in more pieces."""
STAGE_BYTES: Final = 6
"""Bytes of a staging request without its settings: revision and count."""
VALUES_REFUSED: Final[Refusals] = (
    (ErrorCode.UNKNOWN_SETTING, "a key that the schema does not have"),
    (ErrorCode.MALFORMED, "a key that was given before"),
    (ErrorCode.WRONG_TYPE, "a value of another type"),
    (ErrorCode.PURPOSE_REFUSED, "a purpose that is solely First Amendment activity"),
    (ErrorCode.OUT_OF_RANGE, "a value beyond its limits"),
)
"""What is wrong with settings. They are judged in their order, and the first that does not fit decides."""
UPLOAD_REFUSED: Final[Refusals] = (
    (ErrorCode.HASH_MISMATCH, "the bytes are not those that were announced"),
    (ErrorCode.MALFORMED, "they are no `ConfigDocument`"),
    (ErrorCode.CONFLICT, "another revision by now"),
    *VALUES_REFUSED,
)
"""Verdicts on an upload, in their order."""


class SettingType(Word):
    """The type of a setting's value."""

    BOOL = 1
    INT = 2
    CHOICE = 3
    TEXT = 4


class TakesEffect(Word):
    """When an applied value becomes effective."""

    AT_ONCE = 1
    ON_UNDOCK = 2
    ON_REBOOT = 3


class ConfigView(Word):
    """Which values are read."""

    EFFECTIVE = 1
    PENDING = 2
    """The values after everything applied has taken effect."""
    STAGED = 3
    """Only the settings that are staged."""


@wire
class Setting(Wire):
    """One value: `number` for bool (0, 1) and int, `text` for choice and text."""

    key: str = text("dotted name, such as recording.pre_event_s", max=64)
    type: SettingType | Unknown = choice(SettingType, "type of the value")
    number: int = i64("value of a bool or an int", default=0)
    text: str = text("value of a choice or a text", max=128, default="")


@wire
class SettingSchema(Wire):
    """What a setting may be."""

    key: str = text("dotted name", max=64)
    type: SettingType | Unknown = choice(SettingType, "type of the value")
    low: int = i64("smallest int; least bytes of a text")
    high: int = i64("largest int; most bytes of a text")
    unit: str = text("unit of an int", max=16)
    choices: str = text("the values of a choice, separated by |", max=256)
    default_number: int = i64("default of a bool or an int")
    default_text: str = text("default of a choice or a text", max=128)
    takes_effect: TakesEffect | Unknown = choice(TakesEffect, "when an applied value becomes effective")
    doc: str = text("one line", max=160)


@wire
class SchemaPage(Wire):
    """A page of the schema."""

    settings: tuple[SettingSchema, ...] = items(SettingSchema, "in the order of their keys", max=32)
    next: int = u16("where the next page begins; 0 = this was the last")


@command(0x0501, "config.schema", roles=ANYONE)
class ReadSchema(Request[SchemaPage]):
    """Read a page of the schema."""

    start: int = u16("index of the first setting wanted", default=0)


@wire
class ConfigPage(Wire):
    """A page of values."""

    revision: int = u32("revision of the applied configuration: pages of different revisions do not fit")
    settings: tuple[Setting, ...] = items(Setting, "in the order of their keys", max=64)
    next: int = u16("where the next page begins; 0 = this was the last")


@command(0x0502, "config.read", roles=ANYONE, errors=((ErrorCode.OUT_OF_RANGE, "an unknown view"),))
class ReadConfig(Request[ConfigPage]):
    """Read a page of values."""

    view: ConfigView | Unknown = choice(ConfigView, "which values")
    start: int = u16("index of the first setting wanted", default=0)


@wire
class ConfigState(Wire):
    """Where the configuration stands."""

    revision: int = u32("counts applies")
    effective_revision: int = u32("the revision that is wholly in effect")
    staged: int = u16("settings that are staged")
    pending: int = u16("settings that are applied and not yet in effect")


@command(0x0503, "config.state", roles=ANYONE)
class ReadConfigState(Request[ConfigState]):
    """Read the revision and what is staged or pending."""


@command(
    0x0504,
    "config.stage",
    roles=Role.TECHNICIAN | Role.BENCH,
    effect=Effect.GUARDED,
    guard="revision",
    errors=((ErrorCode.CONFLICT, "another revision"), *VALUES_REFUSED),
)
class StageConfig(Request[ConfigState]):
    """Validate values and add them to what is staged; all of them or none."""

    revision: int = u32("revision that the values were chosen against")
    settings: tuple[Setting, ...] = items(Setting, "values", max=STAGE_MAX)


@command(
    0x0505,
    "config.commit",
    roles=Role.TECHNICIAN | Role.BENCH,
    effect=Effect.GUARDED,
    guard="revision",
    errors=((ErrorCode.CONFLICT, "another revision"),),
)
class ApplyConfig(Request[ConfigState]):
    """Apply everything that is staged in one transaction; it survives a power cut whole or not at all."""

    revision: int = u32("revision that was read before staging")


@command(0x0506, "config.abort", roles=Role.TECHNICIAN | Role.BENCH, effect=Effect.REPEATABLE)
class AbortConfig(Request[Done]):
    """Drop everything that is staged."""


@command(
    0x0507,
    "config.upload",
    roles=Role.TECHNICIAN | Role.BENCH,
    effect=Effect.GUARDED,
    guard="revision",
    stream=StreamDirection.TO_DEVICE,
    errors=((ErrorCode.CONFLICT, "another revision"),),
    verdicts=UPLOAD_REFUSED,
)
class UploadConfig(Request[StreamOpened]):
    """Stage a whole configuration by a stream: `ConfigDocument` bytes, validated when the last one came."""

    revision: int = u32("revision that the values were chosen against")
    length: int = u32("bytes of the document", unit="byte", min=1, max=MAX_UPLOAD)
    sha256: bytes = blob("SHA-256 of the document", size=32)


@wire
class ConfigDocument(Wire):
    """What `config.upload` carries."""

    settings: tuple[Setting, ...] = items(Setting, "values", max=MAX_SETTINGS)


@event(0x05F0, "config.applied")
class ConfigApplied(Event):
    """A configuration was applied, or a pending one took effect."""

    revision: int = u32("counts applies")
    effective: bool = boolean("whether nothing is pending")


class Config(Subject):
    """The configuration's single steps; `Camera.config` adds the transaction that combines them."""

    schema = method(ReadSchema)
    read = method(ReadConfig)
    state = method(ReadConfigState)
    stage = method(StageConfig)
    commit = method(ApplyConfig)
    abort = method(AbortConfig)
