"""Why a conversation ended, as the error that its caller gets (spec: Error codes, Channel)."""

from bwc_protocol.conversation import FailReason
from bwc_protocol.link import ResetReason
from bwc_sdk.errors import (
    BwcError,
    DeviceBusy,
    DeviceLost,
    NotADevice,
    PortNotFound,
    ProtocolViolation,
    SessionError,
    SessionRefused,
    VersionMismatch,
)


def failure(reason: FailReason, detail: str, device: str) -> BwcError:
    """The error for a conversation that failed on this side."""
    match reason:
        case FailReason.NOT_A_DEVICE:
            return NotADevice(f"it does not speak this protocol: {detail}", device=device)
        case FailReason.VERSION:
            return VersionMismatch(detail, device=device, advice="update the older of the two")
        case FailReason.REFUSED:
            return SessionRefused(detail, device=device)
        case FailReason.SESSION:
            return SessionError(detail, device=device)
        case FailReason.TIMEOUT:
            return NotADevice(f"the handshake did not finish: {detail}", device=device)
        case FailReason.PROTOCOL | FailReason.OVERFLOW:
            return ProtocolViolation(detail, device=device)


def reset_error(reason: ResetReason, retry_after_ms: int, device: str, *, established: bool) -> BwcError:
    """The error for a channel that was reset. Before it was `established` there may never have been a device."""
    match reason:
        case ResetReason.BUSY:
            rule = "another host has the camera in this bay"
            return DeviceBusy(rule, device=device, retry_after_s=retry_after_ms / 1000)
        case ResetReason.NO_DEVICE if not established:
            return PortNotFound(
                "no camera answers in this bay, or there is no such bay",
                device=device,
                advice="'bwc station bays' shows what is in each bay",
            )
        case ResetReason.NO_DEVICE:
            return DeviceLost("the camera in this bay no longer answers", device=device)
        case ResetReason.UNDOCKED:
            return DeviceLost("the camera was taken out of its bay", device=device)
        case ResetReason.PROTOCOL if not established:
            return NotADevice("it ended the conversation before it began: RESET(PROTOCOL)", device=device)
        case _:
            return DeviceLost(f"the channel was reset: {reason.name}", device=device)


def told_of(error: BwcError, device: str) -> BwcError:
    """The same error as it is told of one of the devices behind a pipe; the pipe's own is its cause.

    Each gets one of its own: they are raised in several tasks, and each has its traceback.
    """
    if error.device == device:
        return error
    told = type(error).__new__(type(error), *error.args)
    told.__dict__.update(error.__dict__)
    told.device = device
    told.__cause__ = error
    return told
