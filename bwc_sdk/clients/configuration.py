"""Configuration values against a device's schema, and configuration files (spec: Configuration).

A file is TOML: dotted keys or tables, one value a setting. Only the device's schema says what is allowed.
"""

from __future__ import annotations

import codecs
import datetime
import difflib
import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from bwc_protocol.messages.config import Setting, SettingSchema, SettingType
from bwc_sdk.errors import ConfigError, ConfigFileError, HostFileError
from bwc_sdk.host.file_advice import file_advice

Value = bool | int | str
FILE_MAX: Final = 1_048_576
SHOWN_MAX: Final = 60
"""Characters of a value that a problem repeats: a setting is short, and what is not is no setting's value."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""What a file begins with that says how its text is stored: editors and PowerShell write it on Windows."""
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def value_of(setting: Setting) -> Value:
    """A setting's value as Python has it."""
    if setting.type is SettingType.BOOL:
        return bool(setting.number)
    return setting.number if setting.type is SettingType.INT else setting.text


def default_of(schema: SettingSchema) -> Value:
    """The default of a setting."""
    if schema.type is SettingType.BOOL:
        return bool(schema.default_number)
    return schema.default_number if schema.type is SettingType.INT else schema.default_text


def fit(schema: Iterable[SettingSchema], values: Mapping[str, Value]) -> tuple[str, ...]:
    """One line for each value that does not fit; empty when all do."""
    known = {s.key: s for s in schema}
    problems = []
    for key, value in values.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            problems.append(f"{_cut(key)}: no such setting{hint}")
        elif problem := _misfit(known[key], value):
            problems.append(f"{key}: {problem}")
    return tuple(problems)


def _misfit(schema: SettingSchema, value: Value) -> str:
    unit = f" {schema.unit}" if schema.unit else ""
    match schema.type:
        case SettingType.BOOL:
            return "" if isinstance(value, bool) else f"takes true or false, not {_shown(value)}"
        case SettingType.INT:
            if isinstance(value, bool) or not isinstance(value, int):
                return f"takes a whole number, not {_shown(value)}"
            if not schema.low <= value <= schema.high:
                return f"{_shown(value)}{unit} is not within {schema.low} to {schema.high}{unit}"
            return ""
        case SettingType.CHOICE:
            choices = schema.choices.split("|")
            return "" if value in choices else f"takes one of {', '.join(choices)}, not {_shown(value)}"
        case SettingType.TEXT:
            if not isinstance(value, str):
                return f"takes a text, not {_shown(value)}"
            try:
                size = len(value.encode())
            except UnicodeEncodeError:  # bytes of a command line that are no text
                return "takes a text in UTF-8"
            if not schema.low <= size <= schema.high:
                return f"{size} bytes are not within {schema.low} to {schema.high}"
            return ""
        case _:
            return "has a type that this SDK does not know; update it"


def to_settings(
    schema: Iterable[SettingSchema], values: Mapping[str, Value], *, device: str = ""
) -> list[Setting]:
    """The values as they go over the wire, in the order of their keys. Raises `ConfigError`."""
    known = {s.key: s for s in schema}
    problems = fit(known.values(), values)
    if problems:
        raise ConfigError(problems, device=device)
    found = []
    for key, value in sorted(values.items()):
        text = value if isinstance(value, str) else ""
        number = 0 if isinstance(value, str) else int(value)
        found.append(Setting(key=key, type=known[key].type, number=number, text=text))
    return found


def parse_value(schema: SettingSchema, text: str) -> Value:
    """A value that a person typed, by the type of its setting. Raises `ConfigError`."""
    value: Value = text
    if schema.type is SettingType.BOOL and text.lower() in ("true", "false", "on", "off", "yes", "no"):
        value = text.lower() in ("true", "on", "yes")
    elif schema.type is SettingType.INT:
        try:
            value = int(text, 0)
        except ValueError:
            pass  # `_misfit` says what is wrong with it
    problem = _misfit(schema, value)
    if problem:
        raise ConfigError((f"{schema.key}: {problem}",))
    return value


def read_file(path: Path) -> dict[str, Value]:
    """The values of a configuration file.

    Raises `HostFileError` when it cannot be read, `ConfigError` when it is no configuration file.
    """
    import tomllib  # only files need it, and it takes as long as ten subjects to load

    try:
        with path.open("rb") as file:
            content = file.read(FILE_MAX + 1)
    except OSError as error:
        rule = f"{path} cannot be read: {error.strerror or error}"
        raise HostFileError(rule, advice=file_advice(error)) from error
    if len(content) > FILE_MAX:
        raise ConfigFileError(f"{path}: larger than {FILE_MAX} bytes")
    try:
        return dict(_flatten("", tomllib.loads(_text(content))))
    except UnicodeDecodeError as error:
        raise ConfigFileError(f"{path}: not TOML: it is not {error.encoding.upper()}") from error
    except RecursionError as error:
        raise ConfigFileError(f"{path}: tables within tables without end") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigFileError(f"{path}: not TOML: {error}") from error
    except ValueError as error:  # of `int`, which takes no more digits
        digits = sys.get_int_max_str_digits()
        raise ConfigFileError(f"{path}: a number of more than {digits} digits") from error


def _text(content: bytes) -> str:
    """Raises `UnicodeDecodeError`. Without a mark it is UTF-8, as TOML has to be."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    return content.decode("utf-8")


def _flatten(prefix: str, tree: Mapping[str, Any]) -> Iterable[tuple[str, Value]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flatten(f"{prefix}{key}.", value)
        elif isinstance(value, bool | int | str):
            yield prefix + key, value
        else:
            problem = f"takes a whole number, a text or true/false, not {_kind_of(value)}"
            raise ConfigError((f"{prefix}{key}: {problem}",))


def _kind_of(value: object) -> str:
    """A TOML value that no setting takes, in TOML's words."""
    match value:
        case float():
            return str(value)
        case datetime.datetime() | datetime.date() | datetime.time():
            return f"the date or time {value.isoformat()}"
        case _:
            return "a list"


def to_toml(values: Mapping[str, Value]) -> str:
    """The values as a configuration file that `read_file` reads back."""
    return "".join(f"{_toml_key(key)} = {_toml_value(value)}\n" for key, value in sorted(values.items()))


def _shown(value: Value) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 64:
        return "a number beyond any setting's"  # its digits may be more than an interpreter prints
    return _cut(_toml_value(value))


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def _toml_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _toml_value(key)


def _toml_value(value: Value) -> str:
    # JSON's numbers, booleans and strings are TOML's, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
