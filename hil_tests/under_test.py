"""Which device is under test, and how the bench speaks to it: by the options, and by the bench file beneath them.

Imports nothing of the SDK unless there is a bench file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from hil_tests.benches.bench_file import BenchDevice

DEFAULT_DEVICE: Final = "sim:?seed=1&recordings=4"
"""A simulated camera in memory, with footage enough to list, annotate and copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderTest:
    """The device under test as this session was told of it; nobody has asked the device yet."""

    uri: str
    expendable: str | None
    identity: Path | None
    insecure: bool
    control: Path | None
    expected: str | None = None
    """The serial number that a bench file expects there."""
    entry: BenchDevice | None = None
    """All that the bench file says of it; None where there is no file."""


UNDER_TEST: Final = pytest.StashKey[UnderTest]()


def choose_device(config: pytest.Config) -> None:
    """Settles what is under test, before anything is collected. Raises `UsageError` for a bench file that is wrong."""
    given = UnderTest(
        uri=config.getoption("--bwc-device") or DEFAULT_DEVICE,
        expendable=config.getoption("--bwc-expendable"),
        identity=config.getoption("--bwc-identity"),
        insecure=config.getoption("--bwc-insecure"),
        control=config.getoption("--bwc-control"),
    )
    path: Path | None = config.getoption("--bwc-bench")
    if path is not None:
        given = _by_file(config, path, given)
    elif config.getoption("--bwc-use") is not None:
        raise pytest.UsageError(
            "--bwc-use names a device of a bench file: name that, too, by --bwc-bench FILE"
        )
    config.stash[UNDER_TEST] = given
    # As text: who asks for the option gets the device, and workers of pytest-xdist are sent it.
    config.option.bwc_device = given.uri


def _by_file(config: pytest.Config, path: Path, given: UnderTest) -> UnderTest:
    from bwc_sdk.errors import BwcError
    from hil_tests.benches.bench_file import read_bench

    try:
        device = read_bench(path).choose(config.getoption("--bwc-use"))
    except BwcError as error:
        raise pytest.UsageError(f"{error}; try: {error.advice}") from error
    own = given.identity is not None
    return UnderTest(
        uri=config.getoption("--bwc-device") or device.uri,
        expendable=given.expendable or (device.serial_number if device.expendable else None),
        identity=given.identity if own or given.insecure else device.identity,
        insecure=given.insecure or (device.insecure and not own),
        control=given.control or device.control,
        expected=device.serial_number,
        entry=device,
    )
