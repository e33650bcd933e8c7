"""Maps the end of a conversation to the error that its caller gets (spec: Error codes, Channel)."""

import copy
from typing import Final

from bwc_protocol.conversation import Failed, FailReason
from bwc_protocol.frame import FrameType
from bwc_protocol.link import ChannelReset, LinkDown, LinkDownReason, LinkState, ResetReason
from bwc_sdk.connection.access import Access
from bwc_sdk.connection.refusals import not_enrolled, other_protection, refused_here, refused_there
from bwc_sdk.errors import (
    BwcError,
    DeviceBusy,
    DeviceLost,
    LinkError,
    NotADevice,
    PortNotFound,
    ProtocolViolation,
    SessionError,
    VersionMismatch,
)
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.link_seen import ConnectStage, LinkSeen

_REPORT: Final = "--capture FILE keeps what passed, for 'bwc decode'"
"""What helps whoever builds the device, where the facts alone do not say what to mend."""


def link_error(down: LinkDown, seen: LinkSeen, device: str, *, dead_after_s: float) -> BwcError:
    """The error for a link that went down, or did not come about."""
    live = down.during is LinkState.LIVE
    match down.reason:
        case LinkDownReason.BUSY:
            retry_after_s = (down.retry_after_ms or 0) / 1000
            return DeviceBusy("another host has the device", device=device, retry_after_s=retry_after_s)
        case LinkDownReason.VERSION:
            return VersionMismatch("no common link version", device=device)
        case LinkDownReason.NO_ANSWER | LinkDownReason.SILENT | LinkDownReason.PROTOCOL if not live:
            return _no_link(down.reason, seen, device)
        case LinkDownReason.SILENT if seen.link.pings and not seen.link.came[FrameType.PONG]:
            rule = f"it answered none of {seen.link.pings} PINGs in {dead_after_s:.0f} s of silence"
            return DeviceLost(rule, device=device, advice=f"{_PONG}; {_OR_GONE}")
        case LinkDownReason.SILENT | LinkDownReason.PIPE_LOST:
            return DeviceLost(f"the device fell silent for {dead_after_s:.0f} s", device=device)
        case LinkDownReason.CLOSED_BY_PEER if live:
            return DeviceLost("the device ended the link with BYE", device=device, advice=SAID_SO)
        case LinkDownReason.UNKNOWN_LINK:
            rule = "the device was restarted: it says BYE(UNKNOWN_LINK)"
            return DeviceLost(rule, device=device, advice=f"run the command again; {_REPORT}")
        case LinkDownReason.PROTOCOL if seen.link.byes_out:
            rule = "the device left a RESET unanswered"
            return LinkError(rule, device=device, advice="it has to answer RESET with RESET(ANSWER)")
        case _:
            return LinkError(f"the link ended: {down.reason.value}", device=device, advice=SAID_SO)


_PONG: Final = "a device answers each PING with a PONG at once"
_OR_GONE: Final = "if it did so before, check cable and power"
SAID_SO: Final = f"it was the device that ended it: see its log; {_REPORT}"


def _no_link(reason: LinkDownReason, seen: LinkSeen, device: str) -> BwcError:
    fault = seen.fault
    if fault is None:
        if reason is LinkDownReason.PROTOCOL:
            rule = "the device refuses HELLO with BYE(PROTOCOL)"
            return LinkError(rule, device=device, advice=_REPORT)
        return NotADevice("nothing answers", device=device, advice="is this the camera's port?")
    advice = f"next has to come: {fault.next}" if fault.next else "is this the camera's port?"
    return NotADevice(fault.rule, device=device, advice=advice)


def failure(failed: Failed, device: str, seen: LinkSeen, identity: HostIdentity | None = None) -> BwcError:
    """The error for a conversation that failed on this side, of a host that speaks by `identity`."""
    error: BwcError
    detail = failed.detail
    match failed.reason:
        case FailReason.NOT_A_DEVICE:
            error = NotADevice(f"it does not speak this protocol: {detail}", device=device)
        case FailReason.VERSION:
            error = VersionMismatch(detail, device=device, advice="update the older of the two")
        case FailReason.PROTECTION:
            error = other_protection(detail, identity, device)
        case FailReason.SESSION if failed.check is not None:
            error = refused_here(failed.check, detail, identity, device)
        case FailReason.REFUSED:
            error = refused_here(failed.check, detail, identity, device)
        case FailReason.LIMIT:
            error = SessionError(
                f"the session has had its time: {detail}", device=device, advice="connect again"
            )
        case FailReason.SESSION:
            error = SessionError(detail, device=device)
        case FailReason.TIMEOUT:
            error = unfinished(detail, device, seen)
        case FailReason.PROTOCOL | FailReason.OVERFLOW:
            error = ProtocolViolation(detail, device=device)
    error.seen = seen
    return error


def unfinished(detail: str, device: str, seen: LinkSeen) -> NotADevice:
    """The error for a handshake that took too long, by what stood in its way."""
    fault = seen.fault
    rule = f"the handshake did not finish: {fault.rule if fault is not None else detail}"
    advice = f"next has to come: {seen.next}" if seen.next else ""
    error = NotADevice(rule, device=device, advice=advice)
    error.seen = seen
    return error


_WHY_RESET: Final = {
    ResetReason.NORMAL: "it was done",
    ResetReason.NO_DEVICE: "it has nothing on channel 0, which has to be the device itself",
    ResetReason.UNDOCKED: "it was taken out of a bay, and channel 0 is none",
    ResetReason.OVERFLOW: "more waited for this host than it keeps",
    ResetReason.TIMEOUT: "frames of its own stayed unacknowledged, or a handshake took too long",
    ResetReason.PROTOCOL: "what it got breaks a rule of its layers above",
    ResetReason.REFUSED: "it does not accept who this host is",
    ResetReason.NOT_ENROLLED: "it belongs to no agency yet",
}
"""What a device says by it."""


def reset_error(reset: ChannelReset, device: str, seen: LinkSeen, access: Access | None = None) -> BwcError:
    """The error for a channel that was reset. Before READY there may never have been a device."""
    error = _reset_error(reset, device, seen, access)
    error.seen = seen
    return error


def _reset_error(reset: ChannelReset, device: str, seen: LinkSeen, access: Access | None) -> BwcError:
    established = seen.stage is ConnectStage.READY
    match reset.reason:
        case ResetReason.BUSY:
            rule = "another host has the " + ("camera in this bay" if reset.channel else "device")
            if access is not None and access.identity is not None:
                rule += ", or too many handshakes with it failed just now"
            return DeviceBusy(rule, device=device, retry_after_s=reset.retry_after_ms / 1000)
        case ResetReason.REFUSED if reset.by_peer and access is not None:
            return refused_there(access, device)
        case ResetReason.NOT_ENROLLED if reset.by_peer:
            return not_enrolled(device, access)
        case ResetReason.NO_DEVICE if reset.channel and not established:
            return PortNotFound(
                "no camera answers in this bay, or there is no such bay",
                device=device,
                advice="'bwc station bays' shows what is in each bay of a station; a camera alone has no ?bay=",
            )
        case ResetReason.NO_DEVICE if reset.channel:
            return DeviceLost("the camera in this bay no longer answers", device=device)
        case ResetReason.UNDOCKED if reset.channel:
            rule = "the camera was taken out of its bay"
            return DeviceLost(rule, device=device, advice="put it back, then run the command again")
    if not reset.by_peer:
        fault = seen.fault
        rule = f"the channel was reset here: {reset.reason.name}" + (f": {fault.rule}" if fault else "")
        advice = f"next has to come: {seen.next}" if seen.next else ""
        return DeviceLost(rule, device=device, advice=advice)
    why = _WHY_RESET.get(reset.reason, "it does not say why")
    kind = DeviceLost if established else NotADevice
    return kind(f"the device said RESET({reset.reason.name}): {why}", device=device, advice=SAID_SO)


def went(error: BwcError, seen: LinkSeen) -> str:
    """The advice for a device whose pipe ended before it was ready: it may have ended by what it was sent."""
    if not isinstance(error, DeviceLost) or error.advice or not seen.link.frames_in or not seen.next:
        return error.advice
    return f"it went when this had to come: {seen.next}; did it crash or restart? Else check cable and power"


def with_device(error: BwcError, device: str) -> BwcError:
    """The same error, naming one of the devices behind a pipe; the pipe's own is its cause.

    Each gets one of its own: they are raised in several tasks, and each has its traceback.
    """
    if error.device == device:
        return error
    named = copy.copy(error)
    named.device = device
    named.__cause__ = error
    return named
