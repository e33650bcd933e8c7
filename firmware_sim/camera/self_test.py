"""The camera's self-test: real checks of the models, and nothing that changes a recording."""

import hashlib
from typing import Final

from bwc_protocol.evidence import chunk_digest, chunk_span
from bwc_protocol.messages.battery import ChargeState
from bwc_protocol.messages.identity import SelfTestStep, TestResult
from bwc_protocol.messages.storage import PreEol
from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.self_test import Outcome, Steps, audit_step, clock_step, run_steps, verdict
from firmware_sim.footage.source import Mp4Footage

WORN_OUT_PCT: Final = 70
"""State of health below which a cell no longer lasts a shift: 10 of 13 hours."""
VOLTAGE_MV: Final = (2_750, 4_250)

NAMED_MAX: Final = 6
"""Recordings that a step names: its detail is a line."""


def self_test(camera: SimCamera) -> tuple[SelfTestStep, ...]:
    """Runs all steps, in order."""
    steps: Steps[SimCamera] = (
        ("storage", _storage),
        ("recordings", _recordings),
        ("battery", _battery),
        ("clock", clock_step),
        ("sensor", _sensor),
        ("audio", _audio),
        ("indicators", _indicators),
        ("audit log", audit_step),
        ("assignment", _assignment),
    )
    return run_steps(camera, steps)


def _storage(camera: SimCamera) -> Outcome:
    emmc = camera.storage.emmc
    if camera.storage.damaged:
        return TestResult.FAILED, f"{len(camera.storage.damaged)} recordings cannot be used"
    if camera.recorder.full:
        return TestResult.FAILED, "recording stopped for want of room"
    free_pct = camera.storage.free_bytes * 100 // camera.storage.capacity_bytes
    worn = emmc.pre_eol in (PreEol.WARNING, PreEol.URGENT)
    return verdict(not worn, f"{free_pct} % free, spare blocks {emmc.pre_eol.name.lower()}")


def _recordings(camera: SimCamera) -> Outcome:
    """Looks whether every recording that was closed and not erased is there; reads back the first chunk
    of the newest one and hashes it."""
    gone = camera.missing()
    if gone:
        more = f" and {len(gone) - NAMED_MAX} more" if len(gone) > NAMED_MAX else ""
        named = ", ".join(str(number) for number in gone[:NAMED_MAX])
        return TestResult.FAILED, f"missing or damaged: {named}{more} of {camera.storage.next_sequence - 1}"
    newest = camera.listing(max(0, camera.storage.next_sequence - 2), 1)
    if not newest:
        return TestResult.SKIPPED, "nothing is stored"
    recording = newest[0]
    facts = recording.manifest.segments[0]
    offset, size = chunk_span(0, facts.size_bytes, facts.chunk_size)
    try:
        read = hashlib.sha256(recording.blobs[0].read(offset, size)).digest()
    except OSError as error:
        camera.report.storage_error = True
        return TestResult.FAILED, str(error)
    return verdict(
        read == chunk_digest(recording.tables[0], 0), f"recording {recording.sequence}, first chunk"
    )


def _battery(camera: SimCamera) -> Outcome:
    battery = camera.battery
    low, high = VOLTAGE_MV
    good = (
        low <= battery.voltage_mv <= high
        and battery.health_pct >= WORN_OUT_PCT
        and battery.charge_state not in (ChargeState.FAULT, ChargeState.STOPPED_BY_TEMPERATURE)
    )
    detail = f"{battery.voltage_mv} mV, {battery.temperature_dc / 10:.1f} °C, health {battery.health_pct} %"
    return verdict(good, detail)


def _sensor(camera: SimCamera) -> Outcome:
    if not isinstance(camera.options.footage, Mp4Footage):
        return TestResult.SKIPPED, "footage is synthetic"
    return TestResult.PASSED, f"{camera.recorder.settings.picture.bytes_per_second} bytes/s"


def _audio(camera: SimCamera) -> Outcome:
    if not isinstance(camera.options.footage, Mp4Footage):
        return TestResult.SKIPPED, "footage is synthetic"
    return (
        TestResult.PASSED,
        "muted" if camera.recorder.muted else f"gain {camera.settings['audio.gain_db']} dB",
    )


def _indicators(camera: SimCamera) -> Outcome:
    """What a wearer would see, hear and feel of a recording, as it is configured."""
    settings = camera.settings
    parts = (
        ("indicator.front_led", f"front light {settings['indicator.brightness_pct']} %"),
        ("indicator.tones", "tones"),
        ("haptics.enabled", "vibration"),
    )
    shown = [words for key, words in parts if settings[key]]
    if camera.recorder.stealthy:
        return TestResult.SKIPPED, "all off: stealth"
    return (
        (TestResult.PASSED, ", ".join(shown)) if shown else (TestResult.SKIPPED, "all off by configuration")
    )


def _assignment(camera: SimCamera) -> Outcome:
    if not camera.assignment.assigned:
        return TestResult.SKIPPED, "in the pool"
    return TestResult.PASSED, camera.assignment.officer
