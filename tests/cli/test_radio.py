"""Cameras by radio on the command line: found on request, used like any other, footage only with leave."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk import doctor
from bwc_sdk.doctor import Check, State, examine

Bwc = Callable[..., Any]
FIRST_LINE_S = 30.0
CAMERA = ("--recordings", "1", "--mib", "1", "--set", "radio.ble_docked=full")


@pytest.fixture(scope="module")
def camera() -> Iterator[str]:
    """The URI of a camera in virtual Bluetooth, in a process of its own."""
    command = [sys.executable, "-m", "bwc_sdk", "sim", *CAMERA, "--listen", "ble:tcp-server:127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        uri = process.stdout.readline().strip()
        try:
            yield uri
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(FIRST_LINE_S) == 0


def test_devices_lists_a_camera_in_reach_when_it_is_asked_to_listen(bwc: Bwc, camera: str) -> None:
    hci = camera.partition("?hci=")[2]
    found = bwc("devices", "--hci", hci, "--identify", "--json").document["devices"]
    (one,) = [entry for entry in found if entry["uri"].startswith("ble:")]
    assert one["uri"] == camera
    assert "SIM-00000000" in one["found"]


def test_a_camera_by_radio_is_used_like_any_other(bwc: Bwc, camera: str) -> None:
    ran = bwc("info", device=camera)
    assert "serial\tSIM-00000000" in ran.out


def test_footage_by_radio_needs_leave_and_the_refusal_says_what_it_would_take(
    bwc: Bwc, camera: str, tmp_path: Path
) -> None:
    ran = bwc("offload", str(tmp_path), device=camera)
    assert ran.code == 15
    assert "1 min" in ran.err and "--allow-slow" in ran.err
    assert not list(tmp_path.glob("*.mp4*"))
    assert bwc("offload", str(tmp_path), "--allow-slow", device=camera).code == 0
    assert len(list(tmp_path.glob("*.mp4*"))) == 1
    assert bwc("offload", str(tmp_path), device=camera).code == 0, "what is there needs no radio"


def test_the_refusal_tells_size_and_time_as_json(bwc: Bwc, camera: str, tmp_path: Path) -> None:
    ran = bwc("offload", str(tmp_path), "--json", device=camera)
    assert ran.error["size_bytes"] == 1_048_576
    assert ran.error["estimate_s"] == 24


# The simulator's side


def sim(*argv: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bwc_sdk", "sim", "--recordings", "0", *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=FIRST_LINE_S, check=False)


@pytest.mark.parametrize("where", ["tcp-server:nowhere", "tcp-server:127.0.0.1:99999", "hci-nonsense:1"])
def test_a_place_that_cannot_be_served_is_said_in_a_line(where: str) -> None:
    done = sim("--listen", f"ble:{where}")
    assert done.returncode == 3
    assert "cannot listen" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "word", ["radio.ble_docked", "radio.ble_docked=loud", "no.such=1", "haptics.enabled=yes"]
)
def test_a_setting_that_the_device_would_refuse_is_a_usage_error(word: str) -> None:
    done = sim("--set", word)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


# The doctor


def bluetooth() -> Check:
    return next(check for check in examine() if check.name == "bluetooth")


@pytest.fixture
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An adapter as Linux shows it, switched on."""
    switch = tmp_path / "hci0" / "rfkill3"
    switch.mkdir(parents=True)
    (switch / "soft").write_text("0\n")
    (switch / "hard").write_text("0\n")
    monkeypatch.setattr(doctor, "BLUETOOTH", tmp_path)
    monkeypatch.setattr(doctor, "SYSTEM_BUS", tmp_path)
    return switch


def test_the_doctor_tells_the_adapters(adapter: Path) -> None:
    assert bluetooth() == Check("bluetooth", State.GOOD, "hci0")


def test_the_doctor_sees_an_adapter_that_is_switched_off(adapter: Path) -> None:
    (adapter / "soft").write_text("1\n")
    found = bluetooth()
    assert found.state is State.WARNING
    assert "rfkill" in found.advice


def test_the_doctor_sees_that_the_bluetooth_service_cannot_be_reached(
    adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(doctor, "SYSTEM_BUS", adapter / "nothing")
    assert bluetooth().state is State.WARNING
