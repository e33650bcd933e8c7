"""Settings that cameras have had so far, known without a camera: for whoever writes a name before one is connected.

Only a camera can say what it has. Another maker's may have more, so that a name which is not here is not wrong by that.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bwc_sdk.errors import ConfigError

SETTINGS: Final = (
    "alarm.battery_low_pct",
    "alarm.recording_s",
    "alarm.storage_low_s",
    "audio.gain_db",
    "audio.pre_event",
    "category.default",
    "erase.keep_h",
    "erase.proof_days",
    "erase.receipts",
    "haptics.enabled",
    "holder.pseudonym",
    "indicator.brightness_pct",
    "indicator.front_led",
    "indicator.tones",
    "mute.allowed",
    "names.sealed",
    "overlay.identity",
    "overlay.timestamp",
    "policy.id",
    "policy.sha256",
    "power.sleep_after_s",
    "radio.ble_docked",
    "radio.ble_undocked",
    "recording.bitrate_kbps",
    "recording.event",
    "recording.post_event_s",
    "recording.pre_event_s",
    "recording.purpose",
    "recording.resolution",
    "recording.segment_s",
    "remote_activation",
    "stealth.allowed",
    "trigger.holster",
    "trigger.peer",
)
NUMBERS: Final = {
    "alarm.battery_low_pct": (5, 50),
    "alarm.recording_s": (0, 900),
    "alarm.storage_low_s": (300, 14_400),
    "audio.gain_db": (-12, 12),
    "erase.keep_h": (0, 8_760),
    "erase.proof_days": (0, 3_650),
    "erase.receipts": (1, 4),
    "indicator.brightness_pct": (0, 100),
    "power.sleep_after_s": (0, 14_400),
    "recording.bitrate_kbps": (500, 12_000),
    "recording.post_event_s": (0, 60),
    "recording.pre_event_s": (0, 120),
    "recording.segment_s": (30, 900),
}
"""Those that are numbers: the least and the most that any camera has taken so far."""
TEXTS: Final = frozenset(
    {
        "category.default",
        "policy.id",
        "policy.sha256",
        "radio.ble_docked",
        "radio.ble_undocked",
        "recording.event",
        "recording.purpose",
        "recording.resolution",
    }
)
"""Those that are texts, or one of several words. All others are true or false."""
NEAR: Final = 0.85
"""How like a known name another is that is taken for a slip: a letter or two of it are wrong."""
NAMED_MAX: Final = 20
"""As many are told as somebody mends before he looks again."""
SHOWN_MAX: Final = 80


def require_spelt(keys: Iterable[str], path: Path) -> None:
    """Raises `ConfigError` for names of a file that are slips: nearly known, and the known one is not there as well."""
    there = frozenset(keys)
    problems = []
    for key in sorted(there.difference(SETTINGS)):
        near = difflib.get_close_matches(key, SETTINGS, n=1, cutoff=NEAR)
        if near and near[0] not in there:
            problems.append(f"{key[:SHOWN_MAX]}: no such setting; did you mean {near[0]}?")
    if problems:
        more = len(problems) - NAMED_MAX
        told = problems[:NAMED_MAX] + ([f"and {more} more"] if more > 0 else [])
        error = ConfigError((f"{path}: {told[0]}", *told[1:]))
        error.advice = (
            "mend the file; if the cameras do have a setting of that name, write the known one beside it"
        )
        raise error


def value_fault(key: str, value: bool | int | str) -> str:
    """Why no camera so far takes a value for a known setting, in words; "" where one does, or the name is not known."""
    if key not in SETTINGS:
        return ""
    if key in NUMBERS:
        low, high = NUMBERS[key]
        right, takes = type(value) is int and low <= value <= high, f"a number from {low} to {high}"
    elif key in TEXTS:
        right, takes = isinstance(value, str), "a text"
    else:
        right, takes = isinstance(value, bool), "true or false"
    shown = str(value).lower() if isinstance(value, bool) else repr(value)[:SHOWN_MAX]
    return "" if right else f"{key} = {shown}, and cameras take {takes}"


def not_known(keys: Iterable[str]) -> tuple[str, ...]:
    """Names that no camera had so far."""
    return tuple(sorted(frozenset(keys).difference(SETTINGS)))
