"""The settings of the simulated camera: what each may be, and when it takes effect."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bwc_protocol.declare.forbidden_code_points import FORBIDDEN
from bwc_protocol.evidence import (
    SEGMENT_MAX_S,
    ActivationEvent,
    Purpose,
    is_first_amendment_only,
    word_of,
)
from bwc_protocol.messages.config import Setting, SettingSchema, SettingType, TakesEffect
from bwc_protocol.versions import V1_0, V1_2, Version
from bwc_protocol.vocabulary import ErrorCode
from bwc_protocol.word import Word
from firmware_sim.device.refusal import Refusal

Value = bool | int | str
TEXT_MAX: Final = 64
"""Bytes of a text setting: identifiers, no prose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRule:
    """One setting. `low` and `high` bound an int, or the bytes of a text."""

    key: str
    default: Value
    doc: str
    low: int = 0
    high: int = 0
    unit: str = ""
    choices: tuple[str, ...] = ()
    takes_effect: TakesEffect = TakesEffect.AT_ONCE
    form: Callable[[str], object] | None = None
    """What a text must satisfy beyond its length; `doc` says it in words."""
    refuse: Callable[[str], Refusal | None] | None = None
    """The refusal of a text that is well-formed, and that no camera takes."""
    since: Version = V1_0
    """The version of the protocol that has what it is about."""

    @property
    def type(self) -> SettingType:
        """The type on the wire, which follows from the default."""
        if isinstance(self.default, bool):
            return SettingType.BOOL
        if isinstance(self.default, int):
            return SettingType.INT
        return SettingType.CHOICE if self.choices else SettingType.TEXT

    def schema(self) -> SettingSchema:
        """What the device tells of it."""
        text = self.default if isinstance(self.default, str) else ""
        is_bool = self.type is SettingType.BOOL
        return SettingSchema(
            key=self.key,
            type=self.type,
            low=0 if is_bool else self.low,
            high=1 if is_bool else self.high,
            unit=self.unit,
            choices="|".join(self.choices),
            default_number=0 if isinstance(self.default, str) else int(self.default),
            default_text=text,
            takes_effect=self.takes_effect,
            doc=self.doc,
        )

    def to_wire(self, value: Value) -> Setting:
        """A value as it goes over the wire."""
        if isinstance(value, str):
            return Setting(key=self.key, type=self.type, text=value)
        return Setting(key=self.key, type=self.type, number=int(value))

    def accept(self, setting: Setting) -> Value:
        """The value of a setting from the wire. Raises `Refusal` (WRONG_TYPE, OUT_OF_RANGE)."""
        if setting.type is not self.type:
            raise Refusal(ErrorCode.WRONG_TYPE, f"{self.key} takes {self.type}, not {setting.type}")
        value: Value = setting.text if isinstance(self.default, str) else setting.number
        if self.refuse is not None and (refused := self.refuse(str(value))) is not None:
            raise refused
        if not self.allows(value):
            raise Refusal(ErrorCode.OUT_OF_RANGE, f"{self.key} cannot be {value!r}")
        return bool(value) if self.type is SettingType.BOOL else value

    def allows(self, value: object) -> bool:
        """Whether a value is of the right type and within bounds."""
        match self.type:
            case SettingType.BOOL:
                return isinstance(value, int) and value in (0, 1)
            case SettingType.INT:
                return (
                    isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high
                )
            case SettingType.CHOICE:
                return value in self.choices
            case SettingType.TEXT:
                size = len(value.encode(errors="surrogatepass")) if isinstance(value, str) else -1
                fits = self.low <= size <= self.high and FORBIDDEN.isdisjoint(str(value))
                fits = fits and (self.form is None or bool(self.form(str(value))))
                return fits and (self.refuse is None or self.refuse(str(value)) is None)


def refused_purpose(text: str) -> Refusal | None:
    """The refusal of a purpose, or a category, that is solely First Amendment activity; None for any other."""
    if not is_first_amendment_only(text):
        return None
    return Refusal(ErrorCode.PURPOSE_REFUSED, "recording solely First Amendment activity is no purpose")


def _spoken(of: type[Word]) -> Callable[[str], object]:
    return lambda text: word_of(of, text) is not None


_UNDOCK: Final = TakesEffect.ON_UNDOCK
_REBOOT: Final = TakesEffect.ON_REBOOT

_RULES: Final = (
    SettingRule(key="alarm.battery_low_pct", default=15, low=5, high=50, unit="%", doc="charge that alarms"),
    SettingRule(
        key="alarm.recording_s",
        default=120,
        low=0,
        high=900,
        unit="s",
        doc="reminder while recording; 0 = none",
    ),
    SettingRule(
        key="alarm.storage_low_s",
        default=3_600,
        low=300,
        high=14_400,
        unit="s",
        doc="recording time left that alarms",
    ),
    SettingRule(key="audio.gain_db", default=0, low=-12, high=12, unit="dB", doc="gain of the microphone"),
    SettingRule(
        key="audio.pre_event", default=False, doc="sound in the pre-event buffer", takes_effect=_UNDOCK
    ),
    SettingRule(
        key="category.default",
        default="unclassified",
        choices=("unclassified", "incident", "traffic", "training"),
        doc="category of a recording that nobody categorised",
    ),
    SettingRule(
        key="erase.keep_h",
        since=V1_2,
        default=0,
        low=0,
        high=8_760,
        unit="h",
        doc="powered hours that a recording stays after the last receipt that it needs",
    ),
    SettingRule(
        key="erase.proof_days",
        since=V1_2,
        default=0,
        low=0,
        high=3_650,
        unit="d",
        doc="encrypted recordings are erased while a proof of opening is no older; 0 = none is asked for",
    ),
    SettingRule(
        key="erase.receipts",
        since=V1_2,
        default=1,
        low=1,
        high=4,
        doc="destinations whose receipts a recording needs before it may be erased",
    ),
    SettingRule(key="haptics.enabled", default=True, doc="vibration at start and stop"),
    SettingRule(
        key="holder.pseudonym",
        since=V1_2,
        default=False,
        doc="recordings name the assignment's pseudonym, not the officer",
    ),
    SettingRule(
        key="indicator.brightness_pct", default=80, low=0, high=100, unit="%", doc="brightness of the lights"
    ),
    SettingRule(key="indicator.front_led", default=True, doc="front light while recording"),
    SettingRule(key="indicator.tones", default=True, doc="tones at start and stop"),
    SettingRule(key="mute.allowed", default=False, doc="whether the wearer may mute", takes_effect=_UNDOCK),
    SettingRule(
        key="names.sealed",
        since=V1_2,
        default=False,
        doc="recordings name the pseudonym; officer and unit are encrypted with the footage",
    ),
    SettingRule(key="overlay.identity", default=True, doc="burn the camera's identity into the picture"),
    SettingRule(key="overlay.timestamp", default=True, doc="burn the time into the picture"),
    SettingRule(key="policy.id", default="", high=TEXT_MAX, doc="policy in force; stated in each manifest"),
    SettingRule(
        key="policy.sha256",
        default="",
        high=TEXT_MAX,
        doc="SHA-256 of that policy, 64 hexadecimal digits, or nothing",
        form=re.compile(r"([0-9a-f]{64})?").fullmatch,
    ),
    SettingRule(
        key="power.sleep_after_s",
        default=0,
        low=0,
        high=14_400,
        unit="s",
        doc="undocked time without use until it sleeps; 0 = never",
    ),
    SettingRule(
        key="radio.ble_docked",
        default="off",
        choices=("off", "status", "full"),
        doc="BLE while docked",
        takes_effect=_REBOOT,
    ),
    SettingRule(
        key="radio.ble_undocked",
        default="off",
        choices=("off", "peers"),
        doc="BLE while carried; silent by default",
        takes_effect=_REBOOT,
    ),
    SettingRule(
        key="recording.bitrate_kbps",
        default=6_000,
        low=500,
        high=12_000,
        unit="kbit/s",
        doc="rate of video and sound",
        takes_effect=_UNDOCK,
    ),
    SettingRule(
        key="recording.event",
        since=V1_2,
        default=str(ActivationEvent.NOT_GIVEN),
        high=TEXT_MAX,
        doc="what recordings are begun for unless somebody says; a word of the specification, or 128 to 255",
        form=_spoken(ActivationEvent),
    ),
    SettingRule(
        key="recording.post_event_s", default=0, low=0, high=60, unit="s", doc="recorded after the stop"
    ),
    SettingRule(
        key="recording.pre_event_s", default=30, low=0, high=120, unit="s", doc="recorded before the start"
    ),
    SettingRule(
        key="recording.purpose",
        since=V1_2,
        default=str(Purpose.NOT_GIVEN),
        high=TEXT_MAX,
        doc="what footage is made for unless somebody says; a word of the specification, or 128 to 255",
        form=_spoken(Purpose),
        refuse=refused_purpose,
    ),
    SettingRule(
        key="recording.resolution",
        default="1280x720",
        choices=("848x480", "1280x720", "1920x1080"),
        doc="size of the picture",
        takes_effect=_UNDOCK,
    ),
    SettingRule(
        key="recording.segment_s",
        default=SEGMENT_MAX_S,
        low=30,
        high=SEGMENT_MAX_S,
        unit="s",
        doc="longest segment",
        takes_effect=_UNDOCK,
    ),
    SettingRule(key="remote_activation", default=False, doc="start by somebody elsewhere; audited"),
    SettingRule(
        key="stealth.allowed", default=False, doc="whether the wearer may go dark", takes_effect=_UNDOCK
    ),
    SettingRule(
        key="trigger.holster", default=True, doc="record when a weapon is drawn", takes_effect=_REBOOT
    ),
    SettingRule(
        key="trigger.peer", default=True, doc="record when a camera close by does", takes_effect=_REBOOT
    ),
)

RULES: Final[dict[str, SettingRule]] = {rule.key: rule for rule in sorted(_RULES, key=lambda rule: rule.key)}
"""By key, in the order of keys: the order in which schema and values are told."""
