"""What a run found: the values of `conformance.json`, from and to its bytes (docs/conformance.md)."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from bwc_sdk.errors import DocumentError
from bwc_sdk.identity.document_files import read_document
from hil_tests.judging.measured import Measured
from hil_tests.judging.verdict import Conformity, Outcome, Verdict, conformity, counted

SCHEMA: Final = 1
"""Raised only when an older reader would misread: unknown members are passed over."""
REPORT: Final = "conformance.json"
PAGE: Final = "conformance.html"
SIGNATURE: Final = f"{REPORT}.cose"
REPORT_MAX: Final = 64 << 20
"""Bytes of the largest report that is read: a thousand tests with whole transcripts take a fifth of it."""
SIMULATOR: Final = "SIMULATOR"
HARDWARE: Final = "hardware"
UNKNOWN: Final = "unknown"
HOST: Final = "host"
"""What is judged is the host, by a device that listens; by `kind` of who is judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A wire log: what went over one connection of a test."""

    file: str
    """Its name, from the folder of the report."""
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A test, and what became of it."""

    name: str
    outcome: Outcome
    expected: str = ""
    observed: str = ""
    why: str = ""
    """Why it says nothing of the device, where it does not."""
    transcript: tuple[str, ...] = ()
    """What was sent and what came, decoded."""
    seconds: float = 0.0
    attempts: int = 1
    connected_as: str = ""
    moved: tuple[str, ...] = ()
    """Which actuators were moved in it, in their order, and what each cut."""
    captures: tuple[Captured, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A rule, its verdict, and the tests that it rests on."""

    verdict: Verdict
    level: str
    section: str
    sentence: str
    why: str = ""
    tests: tuple[Tried, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """The device under test, as far as it said who it is."""

    uri: str
    identity: str = ""
    kind: str = ""
    manufacturer: str = ""
    model: str = ""
    hardware: str = ""
    firmware: str = ""
    firmware_sha256: str = ""
    protocol: str = ""
    capabilities: tuple[str, ...] = ()
    says_simulator: bool | None = None
    """What the device says of itself; None = it said nothing."""
    unknown_because: str = ""
    """Why it is not known who it is."""

    @property
    def simulator(self) -> bool:
        """Whether nothing here speaks of hardware: the device says so, or it is one in this process."""
        return bool(self.says_simulator) or self.uri.startswith("sim:")

    @property
    def nature(self) -> str:
        """SIMULATOR, hardware or unknown: hardware only by the word of a device that says that it is no simulator. A
        host is a host."""
        if self.kind == HOST:
            return HOST
        if self.simulator:
            return SIMULATOR
        return UNKNOWN if self.says_simulator is None else HARDWARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the suite ran on."""

    sdk: str
    python: str
    pytest: str
    platform: str
    specification_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a run found."""

    device: Device
    session: str
    """What protects the sessions: LAB, INSECURE, an agency's; "none" where no session came about."""
    secure: bool
    scope: tuple[str, ...]
    """The families and rules that were asked for; empty = all."""
    strict: bool
    requirements: dict[str, Requirement]
    others: tuple[Tried, ...]
    """Tests that guard no numbered rule."""
    measurements: tuple[Measured, ...]
    actuators: tuple[str, ...]
    """What could act on the device beside the link, such as a switch of its supply; empty = nothing."""
    seed: int | None
    environment: Environment
    started_utc: str
    duration_s: float
    ended_early: str = ""
    """Why the run ended before its last test; "" = it did not."""
    signed_by: str = ""
    """By whom the report is signed: what the file beside it proves."""
    unsigned_because: str = ""
    remarks: tuple[str, ...] = field(default=())
    role: str = "device"
    """Who is judged: a device, or the host that connects to one that listens."""

    @property
    def conformity(self) -> Conformity:
        """What it all comes to."""
        outcomes = [one.outcome for one in self.others]
        return conformity((one.verdict for one in self.requirements.values()), outcomes)

    @property
    def counts(self) -> dict[str, int]:
        """How many rules got each verdict."""
        return {str(name): n for name, n in counted(r.verdict for r in self.requirements.values()).items()}

    def sections(self) -> dict[str, dict[str, Requirement]]:
        """The requirements by chapter of the specification, in its order."""
        found: dict[str, dict[str, Requirement]] = {}
        for number, one in self.requirements.items():
            found.setdefault(one.section.partition(", ")[0], {})[number] = one
        return found

    def broken(self) -> dict[str, Requirement]:
        """The rules that the device breaks."""
        return {n: one for n, one in self.requirements.items() if one.verdict is Verdict.FAIL}


def encode(report: Report) -> bytes:
    """The file of a report."""
    device = {"is": report.device.nature, **_plain(report.device)}
    measurements = [{**_plain(one), "within": one.within} for one in report.measurements]
    told = {
        "conformance": SCHEMA,
        "verdict": str(report.conformity),
        "simulator": report.device.simulator,
        "counts": report.counts,
        **_plain(report),
        "device": device,
        "measurements": measurements,
    }
    return (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode()


def _plain(thing: Any) -> dict[str, Any]:
    return dataclasses.asdict(thing)


def read(folder: Path) -> Report:
    """The report in a folder, or in a file of that name. Raises `HostFileError`, `DocumentError`."""
    path = folder / REPORT if folder.is_dir() else folder
    return decode(read_document(path, REPORT_MAX), str(path))


def decode(data: bytes, where: str) -> Report:
    """A report of its file's bytes. Raises `DocumentError`; members that are not known are passed over."""
    try:
        told = json.loads(data)
        schema = told["conformance"]
        if schema != SCHEMA:
            raise DocumentError(
                f"{where} has the form {schema!r}, and this version reads {SCHEMA}",
                advice="read it with the version of bwc-sdk that wrote it",
            )
        return _read(Report, told)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DocumentError(
            f"{where} is no report of conformance: {type(error).__name__}: {error}"[:300],
            advice=f"name the folder into which 'bwc conformance --report' wrote its {REPORT}",
        ) from error


T = TypeVar("T")


def _read(kind: type[T], told: Any) -> T:
    """A dataclass of this file from its JSON. Raises what `decode` turns into words."""
    if not isinstance(told, dict):
        raise TypeError(f"{kind.__name__} is no object")
    known = {name: one for name, one in _types(typing.cast(Any, kind)).items() if name in told}
    return kind(**{name: _value(one, told[name]) for name, one in known.items()})


@cache
def _types(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {one.name: hints[one.name] for one in dataclasses.fields(kind)}


def _value(kind: Any, told: Any) -> Any:
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return tuple(_value(parts[0], one) for one in _of(list, told))
    if origin is dict:
        return {str(key): _value(parts[1], one) for key, one in _of(dict, told).items()}
    if origin is types.UnionType:
        return None if told is None else _value(parts[0], told)
    if dataclasses.is_dataclass(kind):
        return _read(typing.cast("type[Any]", kind), told)
    if kind is float and type(told) is int:
        return float(told)
    if issubclass(kind, str) and kind is not str:
        return kind(_of(str, told))
    return _of(kind, told)


def _of(kind: type[T], told: Any) -> T:
    if type(told) is not kind:
        raise TypeError(f"{str(told)[:40]!r} is no {kind.__name__}")
    return told
