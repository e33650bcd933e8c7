"""Device URIs: `scheme:address[?key=value&…]`, read in this one place.

`serial:/dev/ttyACM0`, `serial:COM3`, `serial:1-4.2`, `usb:1-4.2`, `ble:ADDRESS`, `tcp:127.0.0.1:7000`,
`sim:?seed=7&state=DIR`.
"""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from bwc_protocol.frame import MAX_CHANNEL
from bwc_sdk.errors import InvalidUri

URI_MAX: Final = 1024
"""Bytes of a URI: a path of the longest, and options."""

ANY_URI: Final = "write scheme:address, such as serial:/dev/ttyACM0, usb:1-4.2 or tcp:127.0.0.1:7000"
_PORT: Final = re.compile(r"/dev/[\w./+-]+|COM[0-9]{1,3}", re.IGNORECASE)
_USB_SLOT: Final = re.compile(r"[0-9]{1,3}-[0-9]{1,3}(\.[0-9]{1,3}){0,6}")


def _meant(text: str) -> str:
    """What to write instead of the name of a port, as other programs take it."""
    if _PORT.fullmatch(text):
        return f"write serial:{text}"
    return f"write usb:{text}" if _USB_SLOT.fullmatch(text) else ANY_URI


@dataclass(frozen=True, slots=True)
class DeviceUri:
    """A parsed device URI."""

    scheme: str
    address: str
    options: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        options = "&".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.scheme}:{self.address}" + (f"?{options}" if options else "")

    @staticmethod
    def parse(text: str) -> "DeviceUri":
        """Raises `InvalidUri`."""
        scheme, colon, rest = text.partition(":")
        if not colon or not scheme.isalpha() or len(text) > URI_MAX or not text.isprintable():
            raise InvalidUri(
                f"{text[:80]!r} is not a device URI",
                advice=_meant(text),
            )
        address, _, query = rest.partition("?")
        if address.startswith("//"):
            place = address.lstrip("/")
            advice = {
                "serial": f"write serial:/{place}",
                **({known: f"write {known}:{place}" for known in ("tcp", "usb", "ble")} if place else {}),
                "sim": f"write sim:{place}",
            }.get(scheme.lower(), ANY_URI)
            raise InvalidUri(f"{text!r} is not a device URI: there is no // behind the colon", advice=advice)
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
        except ValueError as error:
            raise InvalidUri(f"the options of {text!r} are not key=value&…") from error
        options = dict(pairs)
        if len(options) != len(pairs):
            raise InvalidUri(f"{text!r} gives an option twice")
        return DeviceUri(scheme.lower(), address, options)

    def option(self, key: str, default: int, *, low: int, high: int) -> int:
        """A numeric option. Raises `InvalidUri` when it is not a number from `low` to `high`."""
        raw = self.options.get(key)
        if raw is None:
            return default
        if not (raw.isascii() and raw.isdecimal()) or not low <= int(raw) <= high:
            raise InvalidUri(
                f"option {key}={raw} of {self} is not a number from {low} to {high}",
                advice="write such a number, or leave the option out",
            )
        return int(raw)

    @property
    def bay(self) -> int:
        """The bay of a docking station whose camera is meant; 0 = the device itself. Raises `InvalidUri`."""
        return self.option("bay", 0, low=1, high=MAX_CHANNEL)

    def without_bay(self) -> "DeviceUri":
        """The same pipe, whichever device at its end is meant."""
        options = {key: value for key, value in self.options.items() if key != "bay"}
        return DeviceUri(self.scheme, self.address, options)

    def allow(self, *keys: str) -> None:
        """Raises `InvalidUri` when there are other options than these."""
        surplus = self.options.keys() - set(keys)
        if surplus:
            known = f"leave it out, or write one that it knows: {', '.join(keys)}" if keys else "leave it out"
            raise InvalidUri(f"{self} has the unknown option {min(surplus)!r}", advice=known)
