"""A package that is there but wrong is told as that: by the doctor, and by the verb that needs it."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bwc_sdk.errors import HostExhausted, MissingExtra, WrongPart
from bwc_sdk.host import packages
from bwc_sdk.host.packages import CORE, EXTRAS, PARTS, problem_of
from bwc_sdk.host.required_packages import lacking_for, require
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri

ROOT = Path(__file__).parents[2]
ANOTHER = {
    "pyserial": ("serial.py", "def loads(text): ...\n"),
    "pyusb": ("usb.py", "VERSION = 1\n"),
    "crcmod": ("crcmod.py", "x = 1\n"),
    "construct": ("construct.py", "def build(): ...\n"),
    "cbor2": ("cbor2.py", ""),
    "bleak": ("bleak.py", ""),
    "google-crc32c": ("google_crc32c.py", ""),
}
"""Other packages under the same name, as pip brings them, and as a file of one's own is."""
NEEDED_BY_INFO = ("pyserial", "crcmod", "construct", "google-crc32c")


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_good", set())


def bwc(place: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """`bwc` where the packages in `place` come first."""
    path = os.pathsep.join([str(place), str(ROOT), str(ROOT / "protocol")])
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from bwc_sdk.__main__ import main; sys.exit(main(sys.argv[1:]))",
            *argv,
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )


def test_the_parts_are_those_that_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert sorted(part.requirement for part in CORE) == sorted(project["dependencies"])
    for extra, parts in EXTRAS.items():
        wanted = [one for one in project["optional-dependencies"][extra] if not one.startswith("bwc-sdk")]
        assert sorted(part.requirement for part in parts) == sorted(wanted)


def test_what_is_installed_here_is_good() -> None:
    assert [problem_of(part) for part in PARTS.values()] == [None] * len(PARTS)


@pytest.mark.parametrize(
    ("verb", "distribution"),
    [
        *((["info", "--device", "serial:/dev/null"], name) for name in NEEDED_BY_INFO),
        *((["doctor"], name) for name in (*NEEDED_BY_INFO, "cbor2")),  # which only manifests need
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_another_package_under_the_name_of_a_core_part(
    verb: list[str], distribution: str, tmp_path: Path
) -> None:
    file, text = ANOTHER[distribution]
    (tmp_path / file).write_text(text)
    ran = bwc(tmp_path, *verb)
    told = ran.stdout + ran.stderr
    assert ran.returncode in ((11,) if verb != ["doctor"] else (1, 11)), told
    module = file.removesuffix(".py")
    assert f"the module {module} ({tmp_path / file}) is not {distribution}'s: it has no " in told, told
    assert "pip install --force-reinstall" in told and "Traceback" not in told


@pytest.mark.parametrize(
    ("distribution", "uri"), [("pyusb", "usb:1-1"), ("bleak", "ble:"), ("pyserial", "serial:/dev/null")]
)
def test_another_package_under_the_name_of_a_transports_part(
    distribution: str, uri: str, tmp_path: Path
) -> None:
    file, text = ANOTHER[distribution]
    (tmp_path / file).write_text(text)
    ran = bwc(tmp_path, "info", "--device", uri, "--json")
    error = json.loads(ran.stderr)["error"]
    assert (ran.returncode, error["class"]) == (11, "WrongPart")
    assert f"is not {distribution}'s" in error["rule"] and str(tmp_path / file) in error["advice"]
    checked = bwc(tmp_path, "doctor")
    assert f"is not {distribution}'s" in checked.stdout and checked.stderr == ""


def test_a_part_that_cannot_be_loaded_is_told_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "bleak.py").write_text("import ctypes; ctypes.CDLL('libdbus-not-there.so')\n")
    ran = bwc(tmp_path, "info", "--device", "ble:")
    assert ran.returncode == 11 and "bleak cannot be loaded: OSError: libdbus-not-there.so" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("found", "old"), [("3.4", True), ("2.7", True), ("3.5", False), ("3.5.1", False), ("4", False)]
)
def test_a_part_that_is_too_old_is_told(monkeypatch: pytest.MonkeyPatch, found: str, old: bool) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: found)
    if not old:
        require("pyserial", "the transport serial:")
        return
    with pytest.raises(
        WrongPart, match=re.escape(f"pyserial {found} is too old: 3.5 or newer is needed")
    ) as error:
        transport_for(DeviceUri.parse("serial:/dev/null"))
    assert error.value.advice == "pip install --upgrade 'pyserial>=3.5'"


def test_a_package_that_owns_the_name_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """`pip install serial`: both are installed, and one has overwritten the other's files."""
    import serial

    monkeypatch.setattr(
        "importlib.metadata.packages_distributions", lambda: {"serial": ["pyserial", "serial"]}
    )
    monkeypatch.delattr(serial, "Serial")
    with pytest.raises(WrongPart) as error:
        require("pyserial", "the transport serial:")
    assert error.value.advice.startswith(
        "pip uninstall serial, then: pip install --force-reinstall 'pyserial"
    )


def test_what_is_just_missing_is_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    found = lacking_for("ble", "the transport ble:")
    assert isinstance(found, MissingExtra) and found.extra == "ble"


def test_without_descriptors_no_part_is_called_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search for modules takes what it cannot open for what is not there."""
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    opened = os.open

    def none_left(path: str, *args: int) -> int:
        if path == os.devnull:
            raise OSError(24, "Too many open files")
        return opened(path, *args)

    monkeypatch.setattr(os, "open", none_left)
    assert isinstance(lacking_for("ble", "the transport ble:"), HostExhausted)
