"""Everything that the SDK raises: one root, and a class for each thing that a caller may want to do next.

Each error names the layer that found it, the device (its URI or identity) and the rule that was broken, and
chains its cause.
"""

from __future__ import annotations

import copyreg
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from bwc_protocol.declare import Unknown
from bwc_protocol.versions import Version, dotted
from bwc_protocol.vocabulary import ErrorCode
from bwc_protocol.word import label
from bwc_sdk.quantity import size as size_text

if TYPE_CHECKING:
    from bwc_protocol.documents.refusal import DocumentCheck
    from bwc_protocol.messages.clock import ClockSet
    from bwc_sdk.link_seen import LinkSeen

__all__ = [
    "AgencyBusy",
    "AgencyError",
    "AuditBroken",
    "BwcError",
    "CertificateExpired",
    "ClockImplausible",
    "ClockNotVerified",
    "ClockUnsteady",
    "CommandError",
    "CommandTimeout",
    "ConfigError",
    "ConfigFileError",
    "DestinationBusy",
    "DestinationError",
    "DestinationFull",
    "DestinationMoved",
    "DeviceBusy",
    "DeviceLost",
    "DocumentError",
    "EvidenceMismatch",
    "ForkedHandle",
    "HostExhausted",
    "HostFileError",
    "IdentityError",
    "IdentityMissing",
    "InvalidUri",
    "InvalidValue",
    "KeyFileLoose",
    "LinkError",
    "MissingExtra",
    "NoSuchRecording",
    "NotADevice",
    "NotEnrolled",
    "NotInVersion",
    "OutcomeUnknown",
    "PassphraseWrong",
    "PolicyError",
    "PortBusy",
    "PortForbidden",
    "PortNotFound",
    "ProgramFault",
    "ProtectionMismatch",
    "ProtocolViolation",
    "RecordsInUse",
    "RosterError",
    "SelfTestFailed",
    "SessionError",
    "SessionRefused",
    "SlowLink",
    "StreamStalled",
    "TimeStampError",
    "TimeStampUnavailable",
    "TransportError",
    "VersionMismatch",
    "WrongDevice",
    "WrongPart",
]


_TRY = "try: "


class BwcError(Exception):
    """Root of all errors of this SDK.

    `device` is the URI or the identity of the device, or "" where none is concerned; `rule` says in one
    sentence what did not hold; `advice` what to do about it, where that is known.
    """

    layer: ClassVar[str] = "sdk"
    seen: LinkSeen | None = None
    """What had been seen of the device when its connection did not come about, or ended; None where there was none."""

    def __init__(self, rule: str, *, device: str = "", advice: str = "") -> None:
        super().__init__(rule)
        self.rule = rule
        self.device = device
        self.advice = advice

    @property
    def advice(self) -> str:
        """What to do about it, where that is known; a traceback shows it as `try: …`."""
        return self._advice

    @advice.setter
    def advice(self, text: str) -> None:
        self._advice = text
        others = [one for one in getattr(self, "__notes__", ()) if not one.startswith(_TRY)]
        self.__notes__ = [*others, f"{_TRY}{text}"] if text else others

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied and pickled with its facts: the arguments of a class say only what they are made of."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]  # typeshed's

    def __str__(self) -> str:
        return f"{self.device}: {self.layer}: {self.rule}" if self.device else f"{self.layer}: {self.rule}"


class ProgramFault(BwcError):
    """Raised when this program failed at one of several devices: a defect, which is chained as the cause.

    Its traceback is logged. Other devices go on.
    """


class HostExhausted(BwcError):
    """Raised when this host or this process has run out of something: file descriptors, threads, memory.

    Nothing else is wrong: once there is more of it, or less is done at once, the same call works.
    """

    layer = "host"


class ForkedHandle(BwcError, RuntimeError):
    """Raised when something of a process is used in a child that was forked from it: it is the parent's alone."""


# Before anything is opened


class InvalidUri(BwcError):
    """Raised when a device URI does not have the form `scheme:address[?key=value&…]`."""

    layer = "uri"


class InvalidValue(BwcError, ValueError):
    """Raised when a value is not one that its field can carry; nothing was sent."""

    layer = "call"


class HostFileError(BwcError):
    """Raised when a file of this host that the caller named cannot be read or written."""

    layer = "file"


class MissingExtra(BwcError):
    """Raised when a transport or command needs an optional part that is not installed; `extra` names it."""

    layer = "installation"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the optional part '{extra}'", advice=f"pip install 'bwc-sdk[{extra}]'"
        )
        self.extra = extra


class NoSuchRecording(BwcError):
    """Raised when a camera lists, or a store has, no recording of the number or id that was given, or several of them:
    nothing was asked for, or done, with any.

    `numbers` are the sequence numbers that a camera does not list.
    """

    layer = "recordings"

    def __init__(self, rule: str, *, numbers: Sequence[int] = (), device: str = "", advice: str = "") -> None:
        super().__init__(rule, device=device, advice=advice)
        self.numbers = tuple(numbers)


class WrongPart(BwcError):
    """Raised when a package that is needed is another one of that name, is too old, or cannot be loaded."""

    layer = "installation"


class IdentityError(BwcError):
    """Raised when this host's own key, certificate or agency cannot be used; nothing was sent to any device."""

    layer = "identity"


class IdentityMissing(IdentityError):
    """Raised when this host has no identity, or none that holds the role that was asked for."""


class KeyFileLoose(IdentityError):
    """Raised when somebody else than its owner may read a key file, or change what this host trusts."""


class PassphraseWrong(IdentityError):
    """Raised when a key file does not open: there is no passphrase for it, or it is another one."""


class AgencyError(IdentityError):
    """Raised when an agency's CA cannot do what was asked, or what it keeps is damaged; nothing was issued."""

    layer = "agency"


class AgencyBusy(AgencyError):
    """Raised when another process is at work on the same CA for too long; nothing was issued."""


class DocumentError(BwcError):
    """Raised when a signed document (order, desired state, deny list) is not what it has to be; nothing was sent.

    `check` names what did not hold, as in the specification (`DocumentCheck`); None where it is about its use.
    """

    layer = "document"

    def __init__(
        self, rule: str, *, check: DocumentCheck | None = None, device: str = "", advice: str = ""
    ) -> None:
        super().__init__(rule, device=device, advice=advice)
        self.check = check


class TimeStampError(BwcError):
    """Raised when a time-stamping authority gives no time stamp of these bytes, or one that does not verify."""

    layer = "time stamp"


class TimeStampUnavailable(TimeStampError):
    """Raised when the authority cannot be reached, or has no time: asking again later may help."""


# Transport


class TransportError(BwcError):
    """Raised when the byte pipe to a device cannot be opened or used."""

    layer = "transport"


class PortNotFound(TransportError):
    """Raised when there is no such port, address or host, or nobody answers there."""


class PortBusy(TransportError):
    """Raised when another process has the port open: opening is exclusive."""


class PortForbidden(TransportError):
    """Raised when the operating system does not let this user open the port."""


class DeviceLost(TransportError):
    """Raised when the device goes away while it is in use: unplugged, undocked, switched off, out of range.

    Everything on the connection ends; nothing of it is resumed. Connecting again is the caller's choice.
    `known` says that the transport saw what it was, by descriptors or a service, before it went.
    """

    def __init__(self, rule: str, *, device: str = "", advice: str = "", known: bool = False) -> None:
        super().__init__(rule, device=device, advice=advice)
        self.known = known


class StreamStalled(DeviceLost):
    """Raised when a stream, or a list of many pages, brings too little for the time it takes: nothing, or a trickle.

    `came_bytes` came in `window_s`, where bytes are counted. The device may still answer; what it has beside this may
    well be readable.
    """

    layer = "stream"

    def __init__(self, rule: str, *, came_bytes: int = 0, window_s: float = 0.0, device: str = "") -> None:
        super().__init__(rule, device=device, known=True)
        self.came_bytes = came_bytes
        self.window_s = window_s


# Link and session


class LinkError(BwcError):
    """Raised when no link comes about, or a live one fails."""

    layer = "link"


class NotADevice(LinkError):
    """Raised when the other end is silent, sends garbage or speaks another protocol."""


class DeviceBusy(LinkError):
    """Raised when another host has the device, for as long as that one likes.

    `retry_after_s` is what the device says: it is not to be asked again before; 0 if it says nothing.
    """

    def __init__(self, rule: str, *, device: str = "", retry_after_s: float = 0.0, advice: str = "") -> None:
        super().__init__(rule, device=device, advice=advice)
        self.retry_after_s = retry_after_s


class SessionError(BwcError):
    """Raised when the session that protects the conversation fails. It never falls back to anything weaker."""

    layer = "session"


class VersionMismatch(SessionError):
    """Raised when the device and this SDK have no protocol version in common."""


class ProtectionMismatch(SessionError):
    """Raised when only one side protects its sessions: neither ever falls back to what the other speaks."""


class SessionRefused(SessionError):
    """Raised when one side does not accept the other's certificate or role.

    `check` names the check that did not hold, "" where the device keeps it to itself.
    """

    def __init__(self, rule: str, *, check: str = "", device: str = "", advice: str = "") -> None:
        super().__init__(rule, device=device, advice=advice)
        self.check = check


class NotEnrolled(SessionRefused):
    """Raised when the device belongs to no agency yet: it talks only to who enrols it, after its button was pressed."""


class CertificateExpired(SessionError):
    """Raised when a command is not for a device whose certificate has ended, or has not begun: nothing was sent.

    Its footage can be taken off, its log read and its certificate renewed all the same. `until_s` is the UTC in seconds
    at which the certificate ends, `command` what was to be sent.
    """

    def __init__(
        self, rule: str, *, command: str = "", until_s: int = 0, device: str = "", advice: str = ""
    ) -> None:
        super().__init__(rule, device=device, advice=advice)
        self.command = command
        self.until_s = until_s


class WrongDevice(SessionError):
    """Raised when the device is another one, or of another kind, than the caller asked for."""


# Messages


class ProtocolViolation(BwcError):
    """Raised when a device breaks a rule of the protocol: the connection is ended, nothing of it is used."""

    layer = "protocol"


class CommandError(BwcError):
    """Raised when the device answers a command with an error.

    `code` says why (an `ErrorCode`, or `Unknown` for a code of a newer firmware); nothing was changed.
    """

    layer = "command"

    def __init__(
        self,
        command: str,
        code: ErrorCode | Unknown,
        detail: str,
        *,
        device: str = "",
        retry_after_s: float = 0.0,
    ) -> None:
        name = str(code) if isinstance(code, Unknown) else label(code)
        super().__init__(f"{command} was refused: {name}" + (f" ({detail})" if detail else ""), device=device)
        self.command = command
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s


class NotInVersion(CommandError):
    """Raised when what was asked came with a later version of the protocol than the device speaks: nothing was sent.

    `what` is the command, or one of its fields; `since` is the version that it came with, `spoken` the device's. `code`
    is UNSUPPORTED, as the device would have answered.
    """

    def __init__(
        self,
        command: str,
        what: str,
        since: Version,
        spoken: Version,
        *,
        kind: str = "device",
        device: str = "",
    ) -> None:
        detail = f"this {kind} speaks {dotted(spoken)}; {what} came with {dotted(since)}"
        super().__init__(command, ErrorCode.UNSUPPORTED, detail, device=device)
        self.rule = f"{command} was not sent: {detail}"
        self.advice = f"update its firmware to one that speaks {dotted(since)}, or do without"
        self.what, self.since, self.spoken = what, since, spoken


class CommandTimeout(BwcError):
    """Raised when a command that changes nothing got no reply in time; it may be asked again."""

    layer = "command"


class OutcomeUnknown(BwcError):
    """Raised when the reply to a command that changes something never came.

    `safe_to_repeat` says whether sending it again can do harm: a guarded or repeatable command cannot.
    """

    layer = "command"

    def __init__(self, command: str, *, safe_to_repeat: bool, device: str = "") -> None:
        advice = "send it again" if safe_to_repeat else "look at the device's state before sending it again"
        super().__init__(f"no reply to {command}: it may have taken effect", device=device, advice=advice)
        self.command = command
        self.safe_to_repeat = safe_to_repeat


# Configuration and clock


class ConfigError(BwcError):
    """Raised when a configuration does not fit the device's schema; nothing was sent or changed.

    `problems` has one line for each setting that does not fit.
    """

    layer = "configuration"

    def __init__(self, problems: tuple[str, ...], *, device: str = "") -> None:
        super().__init__("; ".join(problems), device=device)
        self.problems = problems


class ConfigFileError(ConfigError):
    """Raised when a file is no configuration file at all: not TOML, or too large."""

    def __init__(self, problem: str) -> None:
        super().__init__((problem,))
        self.advice = "is the path right? 'bwc config show --toml' prints a file as it has to be"


class PolicyError(BwcError):
    """Raised when a policy pack is none, or what it refers to is not to be had; nothing follows from it.

    `problems` has one line for each thing that is wrong.
    """

    layer = "policy"

    def __init__(self, problems: tuple[str, ...], *, advice: str = "") -> None:
        super().__init__("; ".join(problems), advice=advice)
        self.problems = problems


class RosterError(BwcError):
    """Raised when a roster is none, or says of somebody what cannot be; nobody was given anything.

    `problems` has one line for each thing that is wrong, with the number of its line.
    """

    layer = "roster"

    def __init__(self, problems: tuple[str, ...], *, advice: str = "") -> None:
        super().__init__("; ".join(problems), advice=advice)
        self.problems = problems


class SelfTestFailed(BwcError):
    """Raised when a step of a camera's self-test failed; the text names the steps."""

    layer = "self-test"

    def __init__(self, rule: str, *, device: str = "") -> None:
        super().__init__(rule, device=device, advice="do not give it out: 'bwc self-test' has the details")


class RecordsInUse(BwcError):
    """Raised when another process works on a directory of records; it was left as it is."""

    layer = "file"


class ClockImplausible(BwcError):
    """Raised when a clock must not be set: the step is beyond the limit, or the host has no reliable time.

    Nothing was set.
    """

    layer = "clock"


class ClockUnsteady(ClockImplausible):
    """Raised when a measurement comes to nothing: a clock was stepped meanwhile, or runs off. Nothing was set.

    `discarded` says how many exchanges did not count.
    """

    def __init__(self, rule: str, *, device: str = "", advice: str = "", discarded: int = 0) -> None:
        super().__init__(rule, device=device, advice=advice)
        self.discarded = discarded


class ClockNotVerified(BwcError):
    """Raised when a clock was set and does not read as it should: it is to be taken for wrong.

    `done` is what the device says that the set did, `offset_ns` how far it is off by what was measured after it,
    None if that could not be measured.
    """

    layer = "clock"

    def __init__(self, doubt: str, done: ClockSet, offset_ns: int | None = None, *, device: str = "") -> None:
        super().__init__(
            f"the clock was set, and is to be taken for wrong: {doubt}",
            device=device,
            advice="'bwc clock show' measures it again; set it again only when this host's own clock is steady",
        )
        self.done = done
        self.offset_ns = offset_ns


class AuditBroken(BwcError):
    """Raised when the device's log does not hash to what it claims: an entry was changed, lost or inserted."""

    layer = "audit"


# Offload


class SlowLink(BwcError):
    """Raised when footage would take too long over the link by which the camera was reached; nothing was copied.

    `size_bytes` is what is still to come, `estimate_s` how long that takes at best.
    """

    layer = "offload"

    def __init__(self, size_bytes: int, estimate_s: float, *, device: str = "") -> None:
        hours, minutes = divmod(max(1, round(estimate_s / 60)), 60)
        about = f"{hours} h {minutes} min" if hours else f"{minutes} min"
        super().__init__(
            f"{size_text(size_bytes)} of footage would take about {about} over this link",
            device=device,
            advice="offload over USB, or allow it: --allow-slow, OffloadPolicy(allow_slow=True)",
        )
        self.size_bytes = size_bytes
        self.estimate_s = estimate_s


class DestinationError(BwcError):
    """Raised when the destination of an offload cannot be used: missing, read-only, of a file system that lacks what
    storing needs, or a fault; also when this host ran out of what its use takes, such as file descriptors.
    """

    layer = "destination"


class DestinationFull(DestinationError):
    """Raised when the destination has no room for what is to be stored."""


class DestinationBusy(DestinationError):
    """Raised when another process is offloading the same recording into the same destination."""


class DestinationMoved(DestinationError):
    """Raised when the path of a destination leads elsewhere than at the beginning: the directory was moved, its file
    system unmounted, or another one mounted over it.
    """


class EvidenceMismatch(BwcError):
    """Raised when bytes, a table or a manifest of a recording do not hash to what they should.

    Nothing under a final name was touched.
    """

    layer = "evidence"
