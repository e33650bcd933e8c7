"""Which devices are under test, and how the bench speaks to them: by the options, and by the bench file beneath them.

Imports nothing of the SDK unless there is a bench file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from hil_tests.benches.bench_file import BenchDevice, BenchFile

DEFAULT_DEVICE: Final = "sim:?seed=1&recordings=4"
"""A simulated camera in memory, with footage enough to list, annotate and copy."""
LABGRID: Final = "labgrid:"
"""A URI that names a target of labgrid's environment file: before the first test it becomes the way to the device."""
ALL: Final = "all"
"""With `--bwc-use`: every device of the file, unless one is called so."""
OF_ONE: Final = ("--bwc-device", "--bwc-control")
"""Options that say something of one device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderTest:
    """A device under test as this session was told of it; nobody has asked the device yet."""

    uri: str
    expendable: str | None
    identity: Path | None
    insecure: bool
    control: Path | None
    expected: str | None = None
    """The serial number that a bench file expects there."""
    entry: BenchDevice | None = None
    """All that the bench file says of it; None where there is no file."""
    name: str = ""
    """What a bench file calls it; "" = no file does."""


DEVICES: Final = pytest.StashKey[dict[str, UnderTest]]()
"""The devices under test by name, in the order in which they are tested."""


def choose_devices(config: pytest.Config) -> None:
    """Settles what is under test, before anything is collected. Raises `UsageError` for a bench file that is wrong."""
    given = UnderTest(
        uri=config.getoption("--bwc-device") or (LABGRID if has_environment(config) else DEFAULT_DEVICE),
        expendable=config.getoption("--bwc-expendable"),
        identity=config.getoption("--bwc-identity"),
        insecure=config.getoption("--bwc-insecure"),
        control=config.getoption("--bwc-control"),
    )
    path: Path | None = config.getoption("--bwc-bench")
    if path is None and config.getoption("--bwc-use") is not None:
        raise pytest.UsageError(
            "--bwc-use names a device of a bench file: name that, too, by --bwc-bench FILE"
        )
    chosen = [given] if path is None else _by_file(config, path, given)
    config.stash[DEVICES] = {one.name: one for one in chosen}
    if len(chosen) == 1:
        # As text: who asks for the option gets the device.
        config.option.bwc_device = chosen[0].uri


def has_environment(config: pytest.Config) -> bool:
    """Whether the command line names an environment file of labgrid's; what `LG_ENV` says is not looked at."""
    return getattr(config.option, "lg_env", None) is not None


def is_by_labgrid(uri: str) -> bool:
    """Whether a URI names a target, and no device yet."""
    return uri.startswith(LABGRID)


def several(config: pytest.Config) -> bool:
    """Whether each test runs on more than one device."""
    return len(config.stash[DEVICES]) > 1


def _by_file(config: pytest.Config, path: Path, given: UnderTest) -> list[UnderTest]:
    from bwc_sdk.errors import BwcError
    from hil_tests.benches.bench_file import read_bench

    try:
        devices = _named(read_bench(path), config.getoption("--bwc-use"))
    except BwcError as error:
        raise pytest.UsageError(f"{error}; try: {error.advice}") from error
    if len(devices) > 1:
        for option in OF_ONE:
            if config.getoption(option) is not None:
                raise pytest.UsageError(
                    f"{option} says something of one device, and --bwc-use names {len(devices)}: leave it out, or "
                    "name one device"
                )
    return [_with_options(config, device, given) for device in devices]


def _named(bench: BenchFile, use: str | None) -> list[BenchDevice]:
    """The devices that `--bwc-use` means, each once. Raises `BenchFileError`."""
    if use is None or use in bench.devices:
        return [bench.choose(use)]
    if use == ALL:
        return list(bench.devices.values())
    return [bench.choose(name) for name in dict.fromkeys(word.strip() for word in use.split(","))]


def _with_options(config: pytest.Config, device: BenchDevice, given: UnderTest) -> UnderTest:
    own = given.identity is not None
    return UnderTest(
        name=device.name,
        uri=config.getoption("--bwc-device") or device.uri,
        expendable=given.expendable or (device.serial_number if device.expendable else None),
        identity=given.identity if own or given.insecure else device.identity,
        insecure=given.insecure or (device.insecure and not own),
        control=given.control or device.control,
        expected=device.serial_number,
        entry=device,
    )
