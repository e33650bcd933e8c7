"""Commands that a device does not have: rules about them say nothing of it (spec: Smallest implementations)."""

from typing import Final

from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import CommandError

OBLIGATORY: Final = frozenset({"device.identify", "device.capabilities", "device.status"})
"""What every device has: to be told that one of these is not supported is a failure."""


def why_not_applicable(error: BaseException | None) -> str:
    """Why a test that ended by `error` is not about this device; "" if it is."""
    if not isinstance(error, CommandError) or error.code is not ErrorCode.UNSUPPORTED:
        return ""
    return "" if error.command in OBLIGATORY else f"the device has no {error.command}"
