"""A bench file: the devices of a bench, who they are, and what may be done to them (hil_tests/README.md)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeGuard

from bwc_sdk.errors import BwcError, HostFileError, InvalidUri
from bwc_sdk.host.file_advice import file_advice
from bwc_sdk.transport.uri import DeviceUri

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
REQUIRED: Final = ("uri", "serial_number")
ONE_OF: Final = ("identity", "lab", "insecure")
"""By whom the bench speaks: one of these, or none, which is the lab."""
KEYS_ADVICE: Final = (
    f"a device has {', '.join([*TEXTS, *SWITCHES])}; the package's bench.schema.json describes each"
)


class BenchFileError(BwcError):
    """Raised when a bench file is not what it has to be; the text names the table and the key."""

    layer = "bench file"


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


@dataclass(frozen=True, slots=True)
class BenchFile:
    """A bench as its file describes it."""

    path: Path
    devices: Mapping[str, BenchDevice]

    def choose(self, name: str | None) -> BenchDevice:
        """The device of that name; without one the only device. Raises `BenchFileError` with the names there are."""
        if name is None and len(self.devices) == 1:
            return next(iter(self.devices.values()))
        if name is not None and name in self.devices:
            return self.devices[name]
        what = "has several devices" if name is None else f"has no device {name[:64]!r}"
        raise BenchFileError(
            f"{what}: {', '.join(self.devices)}", device=str(self.path), advice="name one: --bwc-use NAME"
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
    wrong = _Wrong(path)
    for key in document:
        if key != "devices":
            raise wrong(f"there is no key {key[:64]!r} at its top", "the one table there is 'devices'")
    tables = document.get("devices")
    if not _is_table(tables) or not tables:
        raise wrong("it has no table 'devices'", "begin one device by [devices.NAME]")
    if len(tables) > DEVICES_MAX:
        raise wrong(f"'devices' has {len(tables)}, and at most {DEVICES_MAX}", "make it two files")
    devices = {name: _device(name, table, wrong) for name, table in tables.items()}
    _require_each_uri_once(devices.values(), wrong)
    return BenchFile(path, devices)


class _Wrong:
    """Makes errors that name the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, rule: str, advice: str) -> BenchFileError:
        return BenchFileError(rule, device=str(self.path), advice=advice)

    def beside(self, text: str | None) -> Path | None:
        """A path in the file begins where the file is, wherever the tests run."""
        return None if text is None else self.path.absolute().parent / Path(text).expanduser()


def _is_table(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def _device(name: str, table: object, wrong: _Wrong) -> BenchDevice:
    where = f"[devices.{name[:64]}]"
    if not NAME.fullmatch(name):
        raise wrong(
            f"{where}: that is no name", "take letters, digits, and _ . - after the first, 64 at most"
        )
    if not _is_table(table):
        raise wrong(f"{where} is no table", f"write {where} on a line of its own, and its keys below")
    for key in table:
        if key not in TEXTS and key not in SWITCHES:
            raise wrong(f"{where} has no key {key[:64]!r}", KEYS_ADVICE)
    for key in REQUIRED:
        if key not in table:
            raise wrong(
                f"{where} lacks {key!r}", f"add {key} = \"…\"; 'bwc info' shows a device's serial number"
            )
    texts = {key: _text(where, key, table[key], wrong) for key in TEXTS if key in table}
    switches: dict[str, bool] = {
        key: _switch(where, key, table[key], wrong) for key in SWITCHES if key in table
    }
    speaks = [key for key in ONE_OF if key in texts or (switches.get(key))]
    if len(speaks) > 1:
        raise wrong(
            f"{where} has {' and '.join(map(repr, speaks))}", "leave one: it is by one that a bench speaks"
        )
    try:
        uri = DeviceUri.parse(texts["uri"])
    except InvalidUri as error:
        raise wrong(f"{where} 'uri': {error.rule}", error.advice) from error
    return BenchDevice(
        name=name,
        uri=str(uri),
        serial_number=texts["serial_number"],
        expendable=switches.get("expendable", False),
        identity=wrong.beside(texts.get("identity")),
        insecure=switches.get("insecure", False),
        control=wrong.beside(texts.get("control")),
    )


def _text(where: str, key: str, value: object, wrong: _Wrong) -> str:
    at_most = TEXTS[key]
    if not isinstance(value, str) or not 1 <= len(value) <= at_most:
        raise wrong(f"{where} {key!r} is not text of 1 to {at_most} characters", f'write {key} = "…"')
    return value


def _switch(where: str, key: str, value: object, wrong: _Wrong) -> bool:
    if not isinstance(value, bool):
        raise wrong(f"{where} {key!r} is neither true nor false", f"write {key} = true, without quotes")
    return value


def _require_each_uri_once(devices: Iterable[BenchDevice], wrong: _Wrong) -> None:
    """Two devices cannot both be what answers at one URI: one of them is a slip of whoever copied the table."""
    seen: dict[str, str] = {}
    for one in devices:
        if one.uri in seen:
            raise wrong(
                f"[devices.{one.name}] 'uri' is that of [devices.{seen[one.uri]}]", "each has its own"
            )
        seen[one.uri] = one.name
