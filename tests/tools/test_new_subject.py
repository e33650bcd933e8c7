"""A new subject touches three places: its declarations, the list of subjects, its handlers (CONTRIBUTING)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DECLARED = '''
"""What surrounds the device (spec: Ambient)."""

from bwc_protocol.declare import ANYONE, Request, Subject, Wire, i16, method, wire
from bwc_protocol.declare.command import command


@wire
class AmbientReading(Wire):
    """What the enclosure measures."""

    temperature_dc: int = i16("temperature around the device", unit="0.1 °C")


@command(0x7F01, "ambient.read", roles=ANYONE)
class ReadAmbient(Request[AmbientReading]):
    """Read what surrounds the device."""


class Ambient(Subject):
    """What surrounds the device."""

    read = method(ReadAmbient)
'''
HANDLED = '''
"""What surrounds the device."""

from bwc_protocol.messages.ambient import AmbientReading, ReadAmbient
from firmware_sim.camera.session import CameraSession
from firmware_sim.handlers.registry import CAMERA


@ReadAmbient.handler(CAMERA)
def read(session: CameraSession, request: ReadAmbient) -> AmbientReading:
    return AmbientReading(temperature_dc=session.camera.battery.temperature_dc)
'''
USED = """
import bwc_sdk.sync

with bwc_sdk.sync.connect("sim:?seed=7&recordings=0") as camera:
    print("twin", camera.ambient.read().temperature_dc)
"""


@pytest.mark.timeout(180)
def test_a_new_subject_touches_three_places(tmp_path: Path) -> None:
    for folder in ("protocol", "bwc_sdk", "firmware_sim", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    messages = tmp_path / "protocol" / "bwc_protocol" / "messages"
    (messages / "ambient.py").write_text(DECLARED, encoding="utf-8")  # one
    listed = messages / "__init__.py"
    text = listed.read_text(encoding="utf-8")
    assert '    0x0A: "station",\n' in text
    listed.write_text(
        text.replace('    0x0A: "station",\n', '    0x0A: "station",\n    0x7F: "ambient",\n'),
        encoding="utf-8",
    )  # two
    (tmp_path / "firmware_sim" / "handlers" / "ambient.py").write_text(HANDLED, encoding="utf-8")  # three

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{tmp_path / 'protocol'}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.returncode, done.stderr
        return done.stdout

    for generator in ("subjects", "sync_twin", "spec_tables"):  # as `make docs` does
        run("-m", f"tools.generate.{generator}")
    specification = (tmp_path / "protocol" / "README.md").read_text(encoding="utf-8")
    assert "### Ambient\n" in specification and "#### `ambient.read`" in specification
    assert "twin 2" in run("-c", USED)
    assert "temperature" in run(
        "-m", "bwc_sdk", "raw", "ambient.read", "--device", "sim:?seed=7&recordings=0"
    )
