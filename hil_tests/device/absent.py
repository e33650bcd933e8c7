"""Commands that a device does not have, and actuators that a bench does not have: rules that need them say nothing
(spec: Smallest implementations)."""

from typing import Final

from bwc_protocol.versions import dotted
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import CommandError, NotInVersion
from hil_tests.actuators.actuator import NoSuchActuator
from hil_tests.verdicts import not_tested

OBLIGATORY: Final = frozenset({"device.identify", "device.capabilities", "device.status"})
"""What every device has: to be told that one of these is not supported is a failure."""


def why_not_applicable(error: BaseException | None) -> str:
    """Why a test that ended by `error` is not about this device; "" if it is."""
    if not isinstance(error, CommandError) or error.code is not ErrorCode.UNSUPPORTED:
        return ""
    if isinstance(error, NotInVersion):
        return f"{error.what} came with protocol {dotted(error.since)}, and the device speaks {dotted(error.spoken)}"
    return "" if error.command in OBLIGATORY else f"the device has no {error.command}"


def skip_what_the_bench_lacks(error: BaseException) -> None:
    """Skips a test that ended because the bench has no such actuator."""
    if isinstance(error, NoSuchActuator):
        not_tested(error.rule)
