"""How long a run will take, told before its first test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import pytest

from bwc_sdk.transport.uri import DeviceUri
from hil_tests.run.order import FAILS_A_HANDSHAKE
from hil_tests.run.running import is_on_device

TEST_S: Final = 0.2
"""Of a test on a simulator, on the average of all: few wait for timers, most ask a thing or two."""
FAIL_MAX: Final = 5
FAIL_EVERY_S: Final = 10.0
"""Handshakes that may fail at once, and how often one more (TRU-009)."""
SHORT_S: Final = 20
"""What takes less is over before anybody has read when it will be."""


def estimate(items: Sequence[pytest.Item], device: str, *, insecure: bool) -> str:
    """In words; "" of what is short. A device that is none of this process lets handshakes that fail wait."""
    tests = [item for item in items if is_on_device(item)]
    failing = sum(item.get_closest_marker(FAILS_A_HANDSHAKE) is not None for item in tests)
    here = DeviceUri.parse(device).scheme == "sim"
    waits_s = 0.0 if here or insecure else FAIL_EVERY_S * max(0, failing - FAIL_MAX)
    about_s = TEST_S * len(tests) + waits_s
    if about_s < SHORT_S:
        return ""
    minutes = math.ceil(about_s / 60)
    told = f"{len(tests)} tests: about {minutes} minute{'s' * (minutes > 1)} on a link that is quick"
    if not waits_s:
        return told
    each = f"of which a device takes one every {FAIL_EVERY_S:g} s (TRU-009)"
    return f"{told}; in {failing} of them a handshake fails, {each}"
