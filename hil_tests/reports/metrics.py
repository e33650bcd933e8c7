"""`--bwc-metrics FILE`: what a run measured and counted, as OpenMetrics, for whoever draws it night after night.

A family for each measurement, named after it and its unit; labels say on which device, and in which test.

PYTEST_DONT_REWRITE: it asserts nothing, and the plugin has imported it before pytest is told of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from hil_tests.judging.verdict import Verdict
from hil_tests.reports.tally import TALLY, OfDevice
from hil_tests.run.order import SEED
from hil_tests.run.writable import need_file

UNITS: Final[Mapping[str, str]] = {
    "s": "seconds",
    "ms": "milliseconds",
    "V": "volts",
    "mV": "millivolts",
    "mAh": "milliampere_hours",
    "%": "percent",
    "ppm": "parts_per_million",
    "B": "bytes",
    "B/s": "bytes_per_second",
    "MB/s": "megabytes_per_second",
    "MiB/s": "mebibytes_per_second",
    "°C": "celsius",
}
"""Units of measurements in the words of OpenMetrics; others are written as they are. No value is converted."""

FAILURE: Final = pytest.StashKey[str]()
"""Why the file could not be written."""

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Family:
    """Samples of one name."""

    name: str
    says: str
    kind: str = "gauge"
    unit: str = ""
    samples: tuple[tuple[Labels, float], ...] = ()

    def lines(self) -> Iterator[str]:
        """The family in the text format; nothing without samples."""
        if not self.samples:
            return
        yield f"# TYPE {self.name} {self.kind}"
        if self.unit:
            yield f"# UNIT {self.name} {self.unit}"
        yield f"# HELP {self.name} {_escaped(self.says)}"
        suffix = "_info" if self.kind == "info" else ""
        for labels, value in self.samples:
            inside = ",".join(f'{name}="{_escaped(said)}"' for name, said in labels.items())
            yield f"{self.name}{suffix}{{{inside}}} {value:.17g}"


def add_options(group: pytest.OptionGroup) -> None:
    """The option of this room."""
    group.addoption(
        "--bwc-metrics",
        metavar="FILE",
        type=Path,
        default=None,
        help="write what was measured and counted into this file, as OpenMetrics",
    )


def pytest_configure(config: pytest.Config) -> None:
    path: Path | None = config.getoption("--bwc-metrics")
    if path is not None and not hasattr(config, "workerinput"):
        need_file("--bwc-metrics", path)


@pytest.hookimpl(trylast=True)  # a report has its verdicts by then
def pytest_sessionfinish(session: pytest.Session) -> None:
    path: Path | None = session.config.getoption("--bwc-metrics")
    if path is None or hasattr(session.config, "workerinput"):
        return
    try:
        _write(path, text(families(session.config)))
    except OSError as error:
        session.config.stash[FAILURE] = f"--bwc-metrics {path} could not be written: {error}"
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says why there is no file."""
    if failure := config.stash.get(FAILURE, ""):
        terminalreporter.write_line(failure, red=True)


def families(config: pytest.Config) -> list[Family]:
    """All that a run says."""
    from bwc_sdk.version import __version__

    devices = config.stash[TALLY].devices
    run = {"seed": str(config.stash[SEED]), "sdk": __version__}
    tests = [
        ({"device": name, "outcome": what}, float(n))
        for name, one in devices.items()
        for what, n in one.counted.items()
    ]
    dead = [({"device": name}, float(bool(one.dead))) for name, one in devices.items()]
    about = [({"device": name, **one.facts}, 1.0) for name, one in devices.items() if one.facts]
    return [
        Family("bwc_run", "The run: its seed and the version of the suite.", "info", samples=((run, 1.0),)),
        Family("bwc_device", "Who a device said that it is.", "info", samples=tuple(about)),
        Family("bwc_device_dead", "1 for a device that ended the run out of reach.", samples=tuple(dead)),
        Family("bwc_tests", "Tests by what they came to.", samples=tuple(tests)),
        Family("bwc_rules", "Rules of the specification by verdict.", samples=tuple(_rules(config))),
        *_measured(devices),
    ]


def text(families: Iterable[Family]) -> str:
    """The file."""
    return "\n".join([line for family in families for line in family.lines()] + ["# EOF", ""])


def _rules(config: pytest.Config) -> Iterator[tuple[Labels, float]]:
    if config.getoption("--bwc-report") is None:
        return
    from hil_tests.conformance.starting import COLLECTOR

    for name, report in config.stash[COLLECTOR].reports.items():
        for verdict in Verdict:
            yield {"device": name, "verdict": str(verdict)}, float(report.counts[verdict])


def _measured(devices: Mapping[str, OfDevice]) -> list[Family]:
    found: dict[str, Family] = {}
    samples: dict[str, dict[tuple[str, ...], tuple[Labels, float]]] = {}
    within: dict[tuple[str, ...], tuple[Labels, float]] = {}
    for name, device in devices.items():
        for one in device.measured:
            unit = _word(UNITS.get(one["unit"], one["unit"]))
            family = f"bwc_measured_{_word(one['name'])}" + (f"_{unit}" if unit else "")
            found.setdefault(family, Family(family, one["name"], unit=unit))
            labels = {"device": name, "measurement": one["name"], "test": one["test"]}
            # Once: of a test that measured it several times, or was tried again, what it said last.
            samples.setdefault(family, {})[tuple(labels.values())] = labels, float(one["value"])
            within[tuple(labels.values())] = labels, float(one["within"])
    return [
        *(replace(one, samples=tuple(samples[name].values())) for name, one in found.items()),
        Family("bwc_within_limits", "1 for a measurement within its limits.", samples=tuple(within.values())),
    ]


def _word(written: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", written.lower().replace("/", " per ")).strip("_")


def _escaped(said: str) -> str:
    return said.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _write(path: Path, said: str) -> None:
    """Whole or not at all: what reads it may do so at any time. A link stays one, to the new file."""
    path = path.resolve()
    new = path.with_name(f".{path.name}.new")
    new.write_text(said, encoding="utf-8")
    new.replace(path)
