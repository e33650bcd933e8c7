"""Times in JSON beside which stands what every reader can read: JavaScript and others round integers above 2^53."""

import datetime
import json
from collections.abc import Callable, Mapping
from typing import Any

from bwc_sdk.quantity import exact_utc


def dumps(document: Mapping[str, Any]) -> str:
    """The document as one line of JSON, with text or seconds beside each time in ns."""
    return json.dumps(readable(document))


def readable(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same with `started_utc` (ISO 8601) beside `started_utc_ns`, and `offset_s` beside `offset_ns`."""
    found: dict[str, Any] = {}
    for name, one in document.items():
        found[name] = _inside(one)
        if not name.endswith("_ns") or isinstance(one, bool) or not (one is None or isinstance(one, int)):
            continue
        beside = name.removesuffix("_ns") if name.endswith("utc_ns") else f"{name.removesuffix('_ns')}_s"
        if beside not in document:
            found[beside] = exact_utc(one) if name.endswith("utc_ns") else _seconds(one)
    return found


def _inside(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_inside(one) for one in value]
    return readable(value) if isinstance(value, Mapping) else value


def _seconds(ns: int | None) -> float | None:
    return None if ns is None else ns / 1e9


def _stamp(ns: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(ns // 1_000_000_000, datetime.UTC)


class Stamps:
    """When events are told, by the host's clock (`World.utc_ns`)."""

    def __init__(self, utc_ns: Callable[[], int]) -> None:
        self._utc_ns = utc_ns

    def fields(self) -> dict[str, Any]:
        """Of an event in JSON."""
        return {"utc_ns": self._utc_ns()}

    def text(self) -> str:
        """Of a line in a pipe: to the millisecond, always as long."""
        ns = self._utc_ns()
        return f"{_stamp(ns):%Y-%m-%dT%H:%M:%S}.{ns // 1_000_000 % 1000:03d}Z"

    def short(self) -> str:
        """Of a line on a terminal, where the day is known."""
        return f"{_stamp(self._utc_ns()):%H:%M:%SZ}"
