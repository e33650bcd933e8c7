"""What a test needs of bench and device by name: actuators, and capabilities that the device states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from bwc_protocol.messages.identity import Capability
from bwc_protocol.word import label
from hil_tests.actuators.actuator import BUTTON, ENTIRE_SUPPLY, SWITCHES
from hil_tests.actuators.at_device import Actuators
from hil_tests.run.acting import actuators_there
from hil_tests.verdicts import not_applicable, not_tested

if TYPE_CHECKING:
    from hil_tests.device.bench import Bench
    from hil_tests.run.under_test import UnderTest

POWER_CYCLE: Final = "power_cycle"
"""Whatever at the bench takes all power from the device and gives it back, together."""
ANY_BUTTON: Final = "button"
CAPABILITIES: Final[Mapping[str, Capability]] = {label(one): one for one in Capability}


def known_names() -> frozenset[str]:
    """All that a mark can name; beside them `button_…`, as a bench file calls it."""
    return frozenset({*SWITCHES, POWER_CYCLE, ANY_BUTTON, *CAPABILITIES})


def demand(device: UnderTest, bench: Bench, needs: tuple[str, ...], *, attended: bool) -> None:
    """Skips a test for which the device lacks a capability, or the bench an actuator. Raises `NoSuchActuator`, which
    is the same."""
    stated = Capability(bench.peer.capabilities)
    there = Actuators(bench.identity, actuators_there(device), attended=attended)
    for name in needs:
        if name in CAPABILITIES:
            if CAPABILITIES[name] not in stated:
                not_applicable(f"the device does not state the capability {name}")
        elif name == POWER_CYCLE:
            there.that_cut(ENTIRE_SUPPLY)
        elif name == ANY_BUTTON and name not in there:
            if not any(BUTTON.fullmatch(one.name) for one in there):
                not_tested(f"no button is at {bench.identity}: a bench file names one, button or button_…")
        else:
            there.of(name)
