"""Values of a bench file, each looked at before it is believed; what is wrong is told with its table and key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeGuard

from bwc_sdk.errors import HostFileError


class BenchFileError(HostFileError):
    """Raised when a bench file is not what it has to be; the text names the table and the key."""

    layer = "bench file"


class Wrong:
    """Makes errors that name the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, rule: str, advice: str) -> BenchFileError:
        return BenchFileError(rule, device=str(self.path), advice=advice)

    @property
    def directory(self) -> Path:
        """Where paths of the file begin."""
        return self.path.absolute().parent

    def beside(self, text: str | None) -> Path | None:
        """A path in the file begins where the file is, wherever the tests run."""
        return None if text is None else self.directory / Path(text).expanduser()


def is_table(value: object) -> TypeGuard[dict[str, object]]:
    """Whether it is a table of TOML, whose keys are text."""
    return isinstance(value, dict)


def text(where: str, key: str, value: object, at_most: int, wrong: Wrong) -> str:
    """Text of 1 to `at_most` characters."""
    if not isinstance(value, str) or not 1 <= len(value) <= at_most:
        raise wrong(f"{where} {key!r} is not text of 1 to {at_most} characters", f'write {key} = "…"')
    return value


def switch(where: str, key: str, value: object, wrong: Wrong) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong(f"{where} {key!r} is neither true nor false", f"write {key} = true, without quotes")
    return value


def number(where: str, key: str, value: object, low: float, high: float, wrong: Wrong) -> float:
    """A number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise wrong(
            f"{where} {key!r} is no number from {low:g} to {high:g}", f"write {key} = {low:g}, without quotes"
        )
    return value


def whole(where: str, key: str, value: object, low: int, high: int, wrong: Wrong) -> int:
    """A whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise wrong(
            f"{where} {key!r} is no whole number from {low} to {high}", f"write {key} = {low}, without quotes"
        )
    return value


def texts(where: str, key: str, value: object, items_max: int, at_most: int, wrong: Wrong) -> tuple[str, ...]:
    """A list of 1 to `items_max` texts."""
    if not isinstance(value, list) or not 1 <= len(value) <= items_max:
        raise wrong(f"{where} {key!r} is no list of 1 to {items_max} texts", f'write {key} = ["…", "…"]')
    return tuple(text(where, key, one, at_most, wrong) for one in value)


def matching(
    where: str, key: str, value: object, pattern: re.Pattern[str], example: str, wrong: Wrong
) -> str:
    """Text of a form."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise wrong(f"{where} {key!r} is no such value", f"write it as in {key} = {example}")
    return value
