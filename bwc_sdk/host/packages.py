"""The packages that the SDK is built on: whether each is there, is the right one, new enough, and can be loaded.

A name is no proof. `pip install serial` brings another package than pyserial under the same name; a file `usb.py` of
one's own hides pyusb; a system's package may be years old. Loads nothing of ours, so that it can tell of any of them.
"""

import importlib
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final


@dataclass(frozen=True, slots=True)
class Part:
    """A package."""

    distribution: str
    """What pip calls it."""
    oldest: str
    wanted: tuple[str, ...]
    """What is used of it, as `module:name`; the first module is the package's own."""

    @property
    def module(self) -> str:
        """What Python calls it."""
        return self.wanted[0].partition(":")[0].partition(".")[0]

    @property
    def requirement(self) -> str:
        """How pip is asked for it."""
        return f"{self.distribution}>={self.oldest}"

    @property
    def found(self) -> str:
        """Name and version of what is installed."""
        return f"{self.distribution} {_version(self) or '(version unknown)'}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a part cannot be used."""

    part: Part
    missing: bool
    """Whether it is just not there."""
    rule: str
    advice: str


CORE: Final = (
    Part("construct", "2.10.70", ("construct:Struct", "construct:Int32ul")),
    Part("crcmod", "1.7", ("crcmod:mkCrcFun",)),
    Part("google-crc32c", "1.6", ("google_crc32c:extend", "google_crc32c:value")),
    Part("cbor2", "5.6", ("cbor2:dumps", "cbor2:loads")),
    Part("pyserial", "3.5", ("serial:Serial", "serial:SerialException", "serial.tools.list_ports:comports")),
    Part("cryptography", "47", ("cryptography.x509:load_der_x509_certificate",)),
    Part("typer", "0.15", ("typer:Typer",)),
    Part("rich", "13", ("rich.console:Console",)),
    Part("segno", "1.6", ("segno:make",)),
)
EXTRAS: Final = {
    "usb": (
        Part("pyusb", "1.3", ("usb.core:find", "usb.util:claim_interface")),
        Part("libusb-package", "1.0.26", ("libusb_package:find_library",)),
    ),
    "ble": (Part("bleak", "3.0.2", ("bleak:BleakClient", "bleak:BleakScanner")),),
    "sim": (
        Part("av", "14", ("av:open",)),
        Part("bumble", "0.0.236", ("bumble.device:Device",)),
        Part("numpy", "1.26", ("numpy:ndarray",)),
        Part("pillow", "10", ("PIL.Image:open",)),
    ),
    "policy": (Part("pydantic", "2.7", ("pydantic:BaseModel", "pydantic:ValidationError")),),
    "evidence": (Part("rfc3161-client", "1.0.3", ("rfc3161_client:VerifierBuilder",)),),
    "plot": (Part("matplotlib", "3.8", ("matplotlib.figure:Figure",)),),
    "hil": (
        Part("pytest", "8", ("pytest:fixture",)),
        Part("pytest-timeout", "2.3", ("pytest_timeout:pytest_configure",)),
    ),
}
PARTS: Final = {
    part.distribution: part for part in (*CORE, *(one for parts in EXTRAS.values() for one in parts))
}


_good: Final[set[Part]] = set()


def problem_of(part: Part) -> Problem | None:
    """What is wrong with a part, or None. Loads it; of a good one that is remembered."""
    if part in _good:
        return None
    problem = _found_wrong(part)
    if problem is None:
        _good.add(part)
    return problem


def _found_wrong(part: Part) -> Problem | None:
    again = f"pip install --force-reinstall '{part.requirement}'"
    if not _is_there(part.module):
        return _absent(part)
    installed = _version(part)
    if installed and _numbers(installed) < _numbers(part.oldest):
        rule = f"{part.distribution} {installed} is too old: {part.oldest} or newer is needed"
        return Problem(part, False, rule, f"pip install --upgrade '{part.requirement}'")
    for wanted in part.wanted:
        name, _, attribute = wanted.partition(":")
        try:
            module = importlib.import_module(name)
        except Exception as error:  # whatever a package does when it is loaded, it is not ours to end by
            if isinstance(error, ModuleNotFoundError) and sys.modules.get(error.name or "", error) is None:
                break  # somebody has put it out of reach
            if isinstance(error, ModuleNotFoundError) and (error.name or "").startswith(part.module):
                return _another(part, error.name or name)
            rule = f"{part.distribution} cannot be loaded: {type(error).__name__}: {error}"
            return Problem(part, False, rule, again)
        if not hasattr(module, attribute):
            return _another(part, f"{name}.{attribute}")
    else:
        return None
    return _absent(part)


def problems(parts: Iterable[Part]) -> list[Problem]:
    """What is wrong with any of them."""
    return [found for found in map(problem_of, parts) if found is not None]


def _absent(part: Part) -> Problem:
    return Problem(part, True, f"{part.distribution} is not installed", f"pip install '{part.requirement}'")


def _another(part: Part, lacks: str) -> Problem:
    """Something else has the name."""
    module = importlib.import_module(part.module)
    where = getattr(module, "__file__", None) or "where it was found"
    from importlib.metadata import packages_distributions  # it brings the parser of mails

    owners = [one for one in packages_distributions().get(part.module, []) if one != part.distribution]
    first = f"pip uninstall {' '.join(sorted(set(owners)))}" if owners else f"remove or rename {where}"
    return Problem(
        part,
        False,
        f"the module {part.module} ({where}) is not {part.distribution}'s: it has no {lacks}",
        f"{first}, then: pip install --force-reinstall '{part.requirement}'",
    )


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # half loaded by somebody else
        return True


def _version(part: Part) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(part.distribution) or ""
    except PackageNotFoundError:
        return ""  # brought by a system's package without its facts


def _numbers(text: str) -> tuple[int, ...]:
    """What a version is compared by: its leading numbers, as 3.0.2 of 3.0.2rc1."""
    found = re.match(r"\d+(?:\.\d+)*", text)
    numbers = [int(one[:9]) for one in found[0].split(".")] if found else [0]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()  # 13 and 13.0 are the same
    return tuple(numbers)
