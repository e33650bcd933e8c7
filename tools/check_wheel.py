"""Builds the wheel, installs it into a clean environment and uses it there, away from the source tree.

    python -m tools.check_wheel

First without extras (the core must work alone and name the extra that is missing), then with `hil`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
STEP_S: Final = 600
"""No step takes a tenth of this; one that hangs must not hold up a whole test run."""
FORBIDDEN: Final = ("protocol/", "tools/", "tests/")


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


def build(into: Path) -> Path:
    """The wheel, built in isolation from a copy of the tree as it stands."""
    run(sys.executable, "-m", "build", "--wheel", "--outdir", into, ROOT, cwd=into)
    (wheel,) = into.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for package in ("bwc_protocol", "bwc_sdk", "firmware_sim", "hil_tests"):
        if f"{package}/py.typed" not in names:
            sys.exit(f"check_wheel: {package}/py.typed is not in {wheel.name}")
    stray = [name for name in names if name.startswith(FORBIDDEN)]
    if stray:
        sys.exit(f"check_wheel: {wheel.name} carries {stray[0]}")
    return wheel


def main() -> int:
    """Runs the check."""
    with tempfile.TemporaryDirectory(prefix="bwc-wheel-") as name:
        place = Path(name)
        wheel = build(place)
        environment = place / "venv"
        venv.create(environment, with_pip=True)
        python, bwc = environment / "bin" / "python", environment / "bin" / "bwc"
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")

        run(*pip, wheel, cwd=place)
        version = run(bwc, "--version", cwd=place).strip()
        run(bwc, "doctor", cwd=place)
        said = run(bwc, "sim", cwd=place, fails=True)
        if "bwc-sdk[sim]" not in said:
            sys.exit(f"check_wheel: without extras, 'bwc sim' does not name its extra: {said}")

        run(*pip, f"{wheel}[hil]", cwd=place)
        run(bwc, "demo", cwd=place)
        said = run(python, "-m", "pytest", "--pyargs", "hil_tests", "-q", "-p", "no:cacheprovider", cwd=place)
        print(f"check_wheel: {version}: core alone, demo and hil_tests pass from the wheel")
        print("hil_tests:", said.strip().splitlines()[-1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
