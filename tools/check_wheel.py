"""Builds the wheel, installs it into clean environments and uses it there, away from the source tree.

    python -m tools.check_wheel                 the core alone
    python -m tools.check_wheel --every-extra   and each extra alone: with the demo, and the suite, from the wheel

Without extras the core must work, bring what it promises (specification, vectors, udev rule, manual page,
completions) and name the extra that is missing.
"""

from __future__ import annotations

import email
import json
import os
import re
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
STEP_S: Final = 600
"""No step takes a tenth of this; one that hangs must not hold up a whole test run."""
FORBIDDEN: Final = ("protocol/", "tools/", "tests/")
SIMULATOR_ONLY: Final = ("av", "numpy", "pillow", "bumble")
"""Packages that a bench with hardware does without."""
BENCH_MIB_MAX: Final = 120
"""What a bench with hardware takes on its disk at most, with pip and all; with the simulator it is three times that."""
RELATIVE_LINK: Final = re.compile(r"\]\((?!https:)")


def run(*command: str | Path, cwd: Path, fails: bool = False) -> str:
    """Runs a command outside the source tree and gives what it printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "BWC_"))}
    try:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=cwd,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=STEP_S,
        )
    except subprocess.TimeoutExpired as late:
        print(late.stdout.decode(errors="replace") if late.stdout else "")
        sys.exit(f"check_wheel: {' '.join(map(str, command))} did not end within {STEP_S} s")
    if (done.returncode != 0) != fails:
        print(done.stdout)
        sys.exit(f"check_wheel: {' '.join(map(str, command))} gave {done.returncode}")
    return done.stdout


def need(holds: bool, otherwise: str) -> None:
    """Ends the check unless something holds."""
    if not holds:
        sys.exit(f"check_wheel: {otherwise}")


def build(into: Path) -> Path:
    """The wheel, built in isolation from a copy of the tree as it stands."""
    run(sys.executable, "-m", "build", "--wheel", "--outdir", into, ROOT, cwd=into)
    (wheel,) = into.glob("*.whl")
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    for package in ("bwc_protocol", "bwc_sdk", "firmware_sim", "hil_tests"):
        need(f"{package}/py.typed" in names, f"{package}/py.typed is not in {wheel.name}")
    for name in names:
        need(not name.startswith(FORBIDDEN), f"{wheel.name} carries {name}")
    (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
    page = str(email.message_from_bytes(archive.read(metadata)).get_payload())
    need("make demo" in page, "the description is not the README")
    need(not RELATIVE_LINK.search(page), "the description has a link that leads nowhere on a package index")
    return wheel


@dataclass(frozen=True)
class Environment:
    """A clean one, with the wheel in it."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def bwc(self) -> Path:
        return self.folder / "bin" / "bwc"

    def bwc_fails(self, *words: str) -> str:
        """What a command line that has to fail says."""
        return run(self.bwc, *words, cwd=self.folder, fails=True)

    def packages(self) -> set[str]:
        """What is installed in it."""
        listed = run(
            self.python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check", cwd=self.folder
        )
        return {str(one["name"]).lower() for one in json.loads(listed.splitlines()[0])}

    def mib(self) -> float:
        """What it takes on the disk."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file()) / (1 << 20)

    def install(self, wheel: Path, extra: str = "") -> None:
        """Adds the wheel with an extra."""
        what = f"{wheel}[{extra}]" if extra else str(wheel)
        run(
            self.python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            what,
            cwd=self.folder,
        )


def environment(place: Path, name: str, wheel: Path, extra: str = "") -> Environment:
    """A new environment with the wheel and one extra."""
    made = Environment(place / name)
    venv.create(made.folder, with_pip=True)
    made.install(wheel, extra)
    return made


def check_core(core: Environment) -> None:
    """What works without any extra, and what is said of each that is missing."""
    run(core.bwc, "doctor", cwd=core.folder)
    for extra, words in {
        "plot": ("soak", "-d", "sim:", "--report", "night"),
        "sim": ("sim",),
        "usb": ("info", "-d", "usb:1-4"),
        "ble": ("info", "-d", "ble:"),
        "bench": ("conformance", "-d", "tcp:127.0.0.1:1", "--report", "report"),
    }.items():
        said = core.bwc_fails(*words)
        need(f"bwc-sdk[{extra}]" in said, f"without extras, 'bwc {' '.join(words)}' names no extra: {said}")
    rule = (ROOT / "bwc_sdk" / "shipped" / "70-bwc.rules").read_text(encoding="utf-8")
    need(rule in run(core.bwc, "udev", cwd=core.folder), "'bwc udev' prints another rule")
    run(core.bwc, "spec", "--to", "specification", cwd=core.folder)
    for ours in (ROOT / "protocol" / "README.md", *(ROOT / "protocol" / "vectors").glob("*.json")):
        there = core.folder / "specification" / ours.relative_to(ROOT / "protocol")
        need(there.read_bytes() == ours.read_bytes(), f"'bwc spec' writes another {ours.name}")
    for ours in (path for path in (ROOT / "share").rglob("*") if path.is_file()):
        there = core.folder / ours.relative_to(ROOT)
        need(there.read_bytes() == ours.read_bytes(), f"{there} is another one")


def check_usb(usb: Environment) -> None:
    """pyusb and libusb are found: what is missing is the device."""
    need(
        "bwc-sdk[" not in usb.bwc_fails("info", "-d", "usb:99-4"),
        "with the extra 'usb', it is said to be missing",
    )


def check_ble(ble: Environment) -> None:
    """bleak is found: what is missing is the radio."""
    run(ble.python, "-c", "import bleak", cwd=ble.folder)
    said = ble.bwc_fails("info", "-d", "ble:00:00:5E:00:53:01", "--timeout", "5s")
    need("bwc-sdk[" not in said, f"with the extra 'ble', it is said to be missing: {said}")


def check_sim(sim: Environment) -> None:
    """The simulator films, and gives it up."""
    run(sim.bwc, "demo", cwd=sim.folder)


def check_evidence(evidence: Environment) -> None:
    """What verifies time stamps is found: what is missing is a time stamp."""
    asked = "from bwc_sdk.evidence.time_stamps import verify_time_stamp as v; v(b'0', b'0', ())"
    said = run(evidence.python, "-c", asked, cwd=evidence.folder, fails=True)
    need("TimeStampError" in said and "bwc-sdk[" not in said, f"with the extra 'evidence': {said}")


def check_policy(policy: Environment) -> None:
    """The shipped packs are read and compared."""
    said = policy.bwc_fails("policy", "diff", "us-cbp-example", "--against", "us-dhs-2023")
    need("falls-short" in said, f"with the extra 'policy': {said}")


def check_plot(plot: Environment) -> None:
    """A soak of one cycle is drawn."""
    words = ("soak", "-d", "sim:", "--report", "night", "--cycles", "1")
    run(plot.bwc, *words, cwd=plot.folder)
    need((plot.folder / "night" / "trend.png").stat().st_size > 10_000, "with the extra 'plot': no picture")


def check_hil(hil: Environment) -> None:
    """The suite, but for what waits for timers, on a simulated camera, which conforms to each rule that is tried."""
    quick = ("-m", "not bwc_fails_a_handshake", "-k", "not (ten_seconds or test_lnk or test_chn)")
    words = ("--pyargs", "hil_tests", "-q", "-p", "no:cacheprovider", "--bwc-report", "report")
    said = run(hil.python, "-m", "pytest", *words, *quick, cwd=hil.folder)
    report = json.loads((hil.folder / "report" / "conformance.json").read_text(encoding="utf-8"))
    need(
        report["verdict"] == "conforming",
        f"the simulator's verdict is {report['verdict']}: {report['counts']}",
    )
    print("hil_tests:", said.strip().splitlines()[-1], report["counts"])


def check_bench(bench: Environment) -> None:
    """The suite without the simulator's packages, on a device that another environment serves."""
    there = bench.packages() & set(SIMULATOR_ONLY)
    need(not there, f"the extra 'bench' brings {', '.join(sorted(there))}")
    size = bench.mib()
    need(size < BENCH_MIB_MAX, f"the extra 'bench' takes {size:.0f} MiB")
    served = [str(Path(sys.executable).with_name("bwc")), "sim", "--mib", "1", "--listen", "tcp:127.0.0.1:0"]
    with subprocess.Popen(served, stdout=subprocess.PIPE, text=True, cwd=bench.folder) as device:
        assert device.stdout is not None
        try:
            uri = device.stdout.readline().strip()
            words = (
                "--pyargs",
                "hil_tests",
                "-q",
                "-m",
                "bwc_stack",
                "--bwc-device",
                uri,
                "-p",
                "no:cacheprovider",
            )
            said = run(bench.python, "-m", "pytest", *words, cwd=bench.folder)
            judged = ("conformance", "-d", uri, "--report", "report", "--only", "FRM-001")
            run(bench.bwc, *judged, cwd=bench.folder)
            run(bench.bwc, "conformance", "verify", "report", "--lab", cwd=bench.folder)
        finally:
            device.terminate()
    print(f"bench: {size:.0f} MiB:", said.strip().splitlines()[-1])


def check_labgrid(labgrid: Environment) -> None:
    """labgrid and the SDK in one environment; the exporter; and what is said where its pyserial was taken away."""
    run(labgrid.python, "-c", "import bwc_sdk.labgrid", cwd=labgrid.folder)
    run(labgrid.python, "-m", "bwc_sdk.labgrid.exporter", "--help", cwd=labgrid.folder)
    need(
        {"pyserial", "pyserial-labgrid"} <= labgrid.packages(),
        "labgrid brings no pyserial of its own any more",
    )
    run(labgrid.bwc, "doctor", cwd=labgrid.folder)
    run(labgrid.python, "-m", "pip", "uninstall", "--quiet", "--yes", "pyserial-labgrid", cwd=labgrid.folder)
    said = labgrid.bwc_fails("info", "-d", "serial:/dev/null")
    need("pyserial" in said, f"without its files, nothing is said of pyserial: {said}")


EXTRAS: Final[dict[str, Callable[[Environment], None]]] = {
    "usb": check_usb,
    "ble": check_ble,
    "evidence": check_evidence,
    "policy": check_policy,
    "plot": check_plot,
    "labgrid": check_labgrid,
    "sim": check_sim,
    "bench": check_bench,
    "hil": check_hil,
}
"""What shows that each works alone."""


def main() -> int:
    """Runs the check."""
    with tempfile.TemporaryDirectory(prefix="bwc-wheel-") as name:
        place = Path(name)
        wheel = build(place)
        core = environment(place, "core", wheel)
        check_core(core)
        print(f"check_wheel: {run(core.bwc, '--version', cwd=place).strip()}: the core alone")
        if "--every-extra" in sys.argv[1:]:
            for extra, check in EXTRAS.items():
                alone = environment(place, extra, wheel, extra)
                check(alone)
                print(f"check_wheel: {extra} alone, {alone.mib():.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
