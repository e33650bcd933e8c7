"""What may stand in an environment file or in an exporter's: checked when it is read, and said in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

SERIAL_NUMBER_MAX: Final = 32
"""What a device can say of itself (spec: `device.identify`)."""

Check = Callable[[Any, Any, object], None]


def whole(low: int, high: int) -> Check:
    """A whole number of that range."""

    def check(owner: Any, field: Any, value: object) -> None:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(
                f"{type(owner).__name__}: {field.name} is {value!r}, and no number from {low} to {high}"
            )

    return check


def one_of(*words: str) -> Check:
    """One of these words."""

    def check(owner: Any, field: Any, value: object) -> None:
        if value not in words:
            raise ValueError(
                f"{type(owner).__name__}: {field.name} is {value!r}, and none of {', '.join(words)}"
            )

    return check


def a_serial_number(owner: Any, field: Any, value: object) -> None:
    """Text that a device can say of itself; "" = whoever is there."""
    if not isinstance(value, str) or len(value) > SERIAL_NUMBER_MAX or not value.isprintable():
        raise ValueError(
            f"{type(owner).__name__}: serial_number is no text of at most {SERIAL_NUMBER_MAX} characters: "
            "'bwc info' shows a device's; write it in quotes"
        )


def seconds(at_most: float) -> Check:
    """A duration up to that."""

    def check(owner: Any, field: Any, value: object) -> None:
        if type(value) not in (int, float) or not 0 <= float(str(value)) <= at_most:
            raise ValueError(
                f"{type(owner).__name__}: {field.name} is {value!r}, and no seconds up to {at_most:g}"
            )

    return check
