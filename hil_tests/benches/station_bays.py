"""Which devices of a bench file stand in the bays of a docking station: `bays = { 1 = "left", 3 = "right" }`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bwc_protocol.frame import MAX_CHANNEL
from bwc_sdk.errors import InvalidUri
from bwc_sdk.transport.uri import DeviceUri
from hil_tests.benches.checked import Wrong, is_table

BAYS_ADVICE: Final = 'write bays = { 1 = "left", 3 = "right" }: names of devices in this file'


def bay_uris(tables: Mapping[str, object], wrong: Wrong) -> dict[str, DeviceUri]:
    """The way to each device that a station's table names, by its name. Raises `BenchFileError`."""
    found: dict[str, DeviceUri] = {}
    for station, table in tables.items():
        if not is_table(table) or "bays" not in table:
            continue
        where = f"[devices.{station[:64]}] 'bays'"
        for number, name in _numbered(where, table["bays"], wrong).items():
            if name not in tables:
                raise wrong(f"{where} names {name[:64]!r}, which is no device of this file", BAYS_ADVICE)
            if name in found or name == station:
                raise wrong(f"{where} names {name!r}, which stands elsewhere", "a device is in one bay")
            found[name] = _uri_of(where, table.get("uri"), number, wrong)
    return found


def numbers_of(value: object) -> dict[int, str]:
    """The bays of a table that `bay_uris` has looked at."""
    return {int(number): str(name) for number, name in value.items()} if is_table(value) else {}


def _numbered(where: str, value: object, wrong: Wrong) -> dict[int, str]:
    if not is_table(value) or not value:
        raise wrong(f"{where} is no table of bays", BAYS_ADVICE)
    for number, name in value.items():
        if number not in map(str, range(1, MAX_CHANNEL + 1)):
            raise wrong(f"{where} has {number[:20]!r}, which is no bay from 1 to {MAX_CHANNEL}", BAYS_ADVICE)
        if not isinstance(name, str):
            raise wrong(f"{where} has no name at bay {number}", BAYS_ADVICE)
    return numbers_of(value)


def _uri_of(where: str, text: object, number: int, wrong: Wrong) -> DeviceUri:
    try:
        station = DeviceUri.parse(text if isinstance(text, str) else "")
        if station.bay:
            raise wrong(f"{where}: its own 'uri' names a bay", "name the station: leave out bay=")
    except InvalidUri as error:
        raise wrong(f"{where}: it lacks a 'uri' of its own", error.advice) from error
    return DeviceUri(station.scheme, station.address, {**station.options, "bay": str(number)})
