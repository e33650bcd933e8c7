"""A bench file: the devices of a bench, who they are, and what may be done to them (hil_tests/README.md)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Final

from bwc_protocol.frame import MAX_CHANNEL
from bwc_sdk.errors import HostFileError, InvalidUri
from bwc_sdk.host.file_advice import file_advice
from bwc_sdk.transport.uri import DeviceUri
from hil_tests.actuators.actuator import Actuator
from hil_tests.benches.actuator_tables import actuators
from hil_tests.benches.checked import BenchFileError as BenchFileError
from hil_tests.benches.checked import Wrong, is_table, matching, number, switch
from hil_tests.benches.checked import text as checked_text
from hil_tests.benches.limits import Limit, limits
from hil_tests.benches.station_bays import bay_uris, numbers_of

FILE_MAX: Final = 1 << 20
"""Bytes of a bench file: one of 256 devices has a tenth."""
DEVICES_MAX: Final = 256
"""More than one host has ports for, hubs included."""
TEXT_MAX: Final = 1024
"""Characters of a URI or a path."""
SERIAL_NUMBER_MAX: Final = 32
"""What a device can say of itself (spec: `device.identify`)."""
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
TEXTS: Final[Mapping[str, int]] = {
    "uri": TEXT_MAX,
    "serial_number": SERIAL_NUMBER_MAX,
    "identity": TEXT_MAX,
    "control": TEXT_MAX,
}
"""Keys of a device that are text, and how long it may be."""
SWITCHES: Final = ("expendable", "lab", "insecure")
"""Keys of a device that are true or false."""
STEPS_MAX: Final = 32
STEP: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
"""The name of a step that cannot be taken back, as the marker `bwc_irreversible` names it."""
OTHERS: Final = ("restart_s", "irreversible", "flash_wear_budget_gib", "limits", "bays", "actuators")
"""Keys of a device that are numbers, lists or tables."""
RESTART_S: Final = (1, 600)
"""From a microcontroller's to that of a camera which checks its whole storage."""
WEAR_GIB: Final = (0.001, 1e6)
"""From that of a test to more than any eMMC takes."""
REQUIRED: Final = ("serial_number", "uri")
ONE_OF: Final = ("identity", "lab", "insecure")
"""By whom the bench speaks: one of these, or none, which is the lab."""
KEYS_ADVICE: Final = (
    f"a device has {', '.join([*TEXTS, *SWITCHES, *OTHERS])}; the package's bench.schema.json describes each"
)


@dataclass(frozen=True, slots=True)
class BenchDevice:
    """One device of a bench."""

    name: str
    uri: str
    serial_number: str
    """Who is expected there."""
    expendable: bool = False
    identity: Path | None = None
    """The directory of the bench's key files; None = the lab, or nobody where it is `insecure`."""
    insecure: bool = False
    control: Path | None = None
    irreversible: frozenset[str] = frozenset()
    """Steps that cannot be taken back and that it may suffer, beyond what `expendable` allows."""
    restart_s: float | None = None
    """Within this it is back from a restart; None = as any device."""
    flash_wear_budget_gib: float | None = None
    """What tests may write to it in all, over their runs; None = as much as they like."""
    limits: Mapping[str, Limit] = field(default_factory=dict)
    """What its measurements may come to, by name."""
    bays: Mapping[int, str] = field(default_factory=dict)
    """Of a docking station: which devices of the file stand in its bays."""
    actuators: Mapping[str, Actuator] = field(default_factory=dict)
    """What acts on it beside its link, by name."""


@dataclass(frozen=True, slots=True)
class BenchFile:
    """A bench as its file describes it."""

    path: Path
    devices: Mapping[str, BenchDevice]

    def choose(self, name: str | None, option: str = "--bwc-use") -> BenchDevice:
        """The device of that name; without one the only device. Raises `BenchFileError` with the names there are."""
        if name is None and len(self.devices) == 1:
            return next(iter(self.devices.values()))
        if name is not None and name in self.devices:
            return self.devices[name]
        what = "has several devices" if name is None else f"has no device {name[:64]!r}"
        raise BenchFileError(
            f"{what}: {', '.join(self.devices)}", device=str(self.path), advice=f"name one: {option} NAME"
        )


def schema() -> str:
    """The JSON Schema of a bench file, as the package brings it."""
    return files("hil_tests.benches").joinpath("bench.schema.json").read_text("utf-8")


def read_bench(path: Path) -> BenchFile:
    """Reads a bench file. Raises `HostFileError` if it cannot be read, `BenchFileError` for what is in it."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX + 1)
    except OSError as error:
        rule = f"the bench file {path} cannot be read: {error.strerror or error}"
        raise HostFileError(rule, advice=file_advice(error)) from error
    if len(data) > FILE_MAX:
        raise BenchFileError(
            f"is longer than {FILE_MAX} bytes", device=str(path), advice="is the path right?"
        )
    try:
        return parse_bench(data.decode("utf-8"), path)
    except UnicodeDecodeError as error:
        raise BenchFileError("is no text in UTF-8", device=str(path), advice="is the path right?") from error


def parse_bench(text: str, path: Path) -> BenchFile:
    """The bench that `text` describes; `path` is where it stands. Raises `BenchFileError`."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BenchFileError(f"is no TOML: {error}", device=str(path), advice="mend that line") from error
    wrong = Wrong(path)
    for key in document:
        if key != "devices":
            raise wrong(f"there is no key {key[:64]!r} at its top", "the one table there is 'devices'")
    tables = document.get("devices")
    if not is_table(tables) or not tables:
        raise wrong("it has no table 'devices'", "begin one device by [devices.NAME]")
    if len(tables) > DEVICES_MAX:
        raise wrong(f"'devices' has {len(tables)}, and at most {DEVICES_MAX}", "make it two files")
    in_bays = bay_uris(tables, wrong)
    devices = {name: _device(name, table, in_bays.get(name), wrong) for name, table in tables.items()}
    _require_each_uri_once(devices.values(), wrong)
    return BenchFile(path, devices)


def _device(name: str, table: object, in_bay: DeviceUri | None, wrong: Wrong) -> BenchDevice:
    where = f"[devices.{name[:64]}]"
    if not NAME.fullmatch(name):
        raise wrong(
            f"{where}: that is no name", "take letters, digits, and _ . - after the first, 64 at most"
        )
    if not is_table(table):
        raise wrong(f"{where} is no table", f"write {where} on a line of its own, and its keys below")
    for key in table:
        if key not in TEXTS and key not in SWITCHES and key not in OTHERS:
            raise wrong(f"{where} has no key {key[:64]!r}", KEYS_ADVICE)
    for key in REQUIRED:
        if key not in table and not (key == "uri" and in_bay is not None):
            raise wrong(
                f"{where} lacks {key!r}", f"add {key} = \"…\"; 'bwc info' shows a device's serial number"
            )
    texts = {key: checked_text(where, key, table[key], TEXTS[key], wrong) for key in TEXTS if key in table}
    switches: dict[str, bool] = {
        key: switch(where, key, table[key], wrong) for key in SWITCHES if key in table
    }
    speaks = [key for key in ONE_OF if key in texts or (switches.get(key))]
    if len(speaks) > 1:
        raise wrong(
            f"{where} has {' and '.join(map(repr, speaks))}", "leave one: it is by one that a bench speaks"
        )
    uri = _uri(where, texts.get("uri"), in_bay, wrong)
    control = wrong.beside(texts.get("control"))
    return BenchDevice(
        name=name,
        uri=str(uri),
        serial_number=texts["serial_number"],
        expendable=switches.get("expendable", False),
        identity=wrong.beside(texts.get("identity")),
        insecure=switches.get("insecure", False),
        control=control,
        irreversible=_steps(where, table.get("irreversible", []), wrong),
        restart_s=number(where, "restart_s", table["restart_s"], *RESTART_S, wrong)
        if "restart_s" in table
        else None,
        flash_wear_budget_gib=number(
            where, "flash_wear_budget_gib", table["flash_wear_budget_gib"], *WEAR_GIB, wrong
        )
        if "flash_wear_budget_gib" in table
        else None,
        limits=limits(name, table.get("limits", {}), wrong),
        bays=numbers_of(table.get("bays")),
        actuators=actuators(name, table["actuators"], uri=str(uri), control=control, wrong=wrong)
        if "actuators" in table
        else {},
    )


def _uri(where: str, text: str | None, in_bay: DeviceUri | None, wrong: Wrong) -> DeviceUri:
    """The way to a device: its own, or that by the station in whose bay it stands."""
    if text is None:
        assert in_bay is not None
        return in_bay
    try:
        own = DeviceUri.parse(text)
        own.option("bay", 0, low=1, high=MAX_CHANNEL)
    except InvalidUri as error:
        raise wrong(f"{where} 'uri': {error.rule}", error.advice) from error
    if in_bay is not None and str(own) != str(in_bay):
        raise wrong(f"{where} 'uri' is not that of its bay, {in_bay}", "leave it out: the station says it")
    return own


def _steps(where: str, value: object, wrong: Wrong) -> frozenset[str]:
    if not isinstance(value, list) or len(value) > STEPS_MAX:
        raise wrong(
            f"{where} 'irreversible' is no list of at most {STEPS_MAX} names",
            'write irreversible = ["sanitise"]',
        )
    return frozenset(matching(where, "irreversible", one, STEP, '["sanitise"]', wrong) for one in value)


def _require_each_uri_once(devices: Iterable[BenchDevice], wrong: Wrong) -> None:
    """Two devices cannot both be what answers at one URI: one of them is a slip of whoever copied the table."""
    seen: dict[str, str] = {}
    for one in devices:
        if one.uri in seen:
            raise wrong(
                f"[devices.{one.name}] 'uri' is that of [devices.{seen[one.uri]}]", "each has its own"
            )
        seen[one.uri] = one.name
