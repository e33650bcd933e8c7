"""The next step after an error, where there is one."""

from typing import Final

from bwc_protocol.declare import COMMANDS, Unknown
from bwc_protocol.vocabulary import ErrorCode
from bwc_protocol.word import label
from bwc_sdk import errors
from bwc_sdk.transport.uri import ANY_URI

_REPORT: Final = "--capture FILE keeps what passed, for the maker of the device"
_SETTINGS: Final = "'bwc config show', on a terminal or with --json, lists every setting with what it takes"
_ORDER_AGAIN: Final = "have it made again: 'bwc order make'"
_QUARANTINE: Final = (
    "somebody has to look at what is in it; then 'bwc station bay BAY release INCIDENT', "
    "with the incident that 'bwc station bay BAY' shows"
)
_IN_IT: Final = "'bwc station bay BAY' shows whether there is a camera in it: the one that was is gone"

BY_CODE: Final[dict[ErrorCode, str]] = {
    ErrorCode.UNSUPPORTED: "the device does not have this command: 'bwc info' shows firmware and capabilities",
    ErrorCode.MALFORMED: f"'bwc version' and 'bwc info' tell how old each side is; {_REPORT}",
    ErrorCode.NOT_PERMITTED: "ask for a role that may, such as --role bench",
    ErrorCode.NOT_READY: "run the command again",
    ErrorCode.BUSY: "run the command again in a moment",
    ErrorCode.NOT_FOUND: "check the number or name that was given",
    ErrorCode.CONFLICT: "something changed since it was read: read it again, and repeat the command",
    ErrorCode.OUT_OF_RANGE: "give a value within the limits",
    ErrorCode.WRONG_STATE: "'bwc info' shows what the device is doing",
    ErrorCode.NEEDS_RECEIPT: "its final destination signs a receipt first: 'bwc recordings release' says what it lacks",
    ErrorCode.HELD: "'bwc recordings show' names its holds; 'bwc recordings lift --id' lifts one",
    ErrorCode.UNKNOWN_SETTING: _SETTINGS,
    ErrorCode.WRONG_TYPE: _SETTINGS,
    ErrorCode.IMPLAUSIBLE: "find out which clock is wrong; 'bwc clock show' sets nothing",
    ErrorCode.STORAGE_FAULT: "offload what can be read; 'bwc storage' shows how worn it is",
    ErrorCode.FULL: "'bwc storage' shows how full it is",
    ErrorCode.HASH_MISMATCH: "run the command again; nothing of what arrived was used",
    ErrorCode.UNTRUSTED: "the detail names the check that failed: have the document made anew",
    ErrorCode.PURPOSE_REFUSED: "give what was enforced or investigated; a recording without that is not to be made",
    ErrorCode.INTERNAL: "'bwc audit' shows what the device says of it; run the command again",
}
"""After a refusal, by its reason."""

_LISTED_BY: Final = {
    "recordings": "'bwc recordings list' shows what there is",
    "config": _SETTINGS,
    "station": "'bwc station bays' shows what there is",
}
"""Where to look up what was not found, by subject of the command."""

_BY_COMMAND: Final[dict[tuple[str, ErrorCode], str]] = {
    (
        "recordings.lift",
        ErrorCode.NOT_FOUND,
    ): "'bwc recordings show RECORDING' names its holds; --id takes the id of one",
    (
        "station.release",
        ErrorCode.CONFLICT,
    ): "'bwc station bay BAY' shows whether it is in quarantine, and its incident: "
    "a bay that is not has nothing to be released",
    (
        "station.release",
        ErrorCode.WRONG_STATE,
    ): "leave it alone until it has cooled down, and its alarms are gone: 'bwc station bay BAY' shows them",
    ("station.power", ErrorCode.WRONG_STATE): _QUARANTINE,
    ("station.data", ErrorCode.WRONG_STATE): _QUARANTINE,
    ("station.verdict", ErrorCode.WRONG_STATE): _QUARANTINE,
    ("station.lock", ErrorCode.WRONG_STATE): _QUARANTINE,
    ("station.verdict", ErrorCode.CONFLICT): _IN_IT,
    ("station.lock", ErrorCode.CONFLICT): _IN_IT,
    (
        "station.verdict",
        ErrorCode.UNSUPPORTED,
    ): "the lights of this station show only what it knows itself: 'bwc station bays'",
    ("station.lock", ErrorCode.UNSUPPORTED): "the bays of this station have no locks",
    (
        "station.lease",
        ErrorCode.CONFLICT,
    ): "'bwc station bays' shows what stands where, and under which label",
    (
        "recordings.erase",
        ErrorCode.CONFLICT,
    ): "somebody said more of it since it was listed: what was said is delivered first, and needs a receipt of its own",
    (
        "recordings.erase",
        ErrorCode.WRONG_STATE,
    ): "'bwc recordings release' says how long it stays, and what it lacks",
    (
        "recordings.receipt",
        ErrorCode.CONFLICT,
    ): "it is for another recording, or more was said of this one since: have the destination sign what it is now",
    (
        "recordings.receipt",
        ErrorCode.UNTRUSTED,
    ): "have a destination of this camera's agency sign it, by a certificate that has the role destination alone",
    ("trust.order", ErrorCode.CONFLICT): f"an order is for one device as it was, and once: {_ORDER_AGAIN}",
    (
        "trust.order",
        ErrorCode.HELD,
    ): f"lift the holds, or {_ORDER_AGAIN}, with --lose-held: it says how many recordings may be lost",
    (
        "trust.order",
        ErrorCode.NEEDS_RECEIPT,
    ): f"{_ORDER_AGAIN}, with --lose-undelivered: it says how many recordings may be lost",
    (
        "trust.order",
        ErrorCode.UNTRUSTED,
    ): f"{_ORDER_AGAIN}, and have two people sign whose certificates this device's agency issued and does not deny",
    (
        "trust.order",
        ErrorCode.OUT_OF_RANGE,
    ): "no device takes a time before 2024 or after 2100: is this host's own clock right?",
    (
        "trust.desired",
        ErrorCode.CONFLICT,
    ): "it is for another camera, of before a reset of this one, or older than what it took: sign it anew "
    "('bwc desired sign --generation --counter'); 'bwc raw trust.read' says its generation, and what it took last",
    (
        "trust.desired",
        ErrorCode.UNTRUSTED,
    ): "have a technician of this camera's agency sign it, whose certificate is not denied: 'bwc desired sign'",
}
"""After a refusal whose reason says more of one command than of the others."""

BY_CLASS: Final[dict[type[errors.BwcError], str]] = {
    errors.InvalidUri: ANY_URI,
    errors.InvalidValue: "give a value that fits; nothing was sent",
    errors.NoSuchRecording: "'bwc recordings list' shows what there is",
    errors.HostFileError: "is the path right?",
    errors.DocumentError: "'bwc order show' and 'bwc desired show' print what a document says",
    errors.TimeStampError: "is it the right authority, and are these its root's certificates?",
    errors.TimeStampUnavailable: "run the command again later: what is not stamped yet stays in the queue",
    errors.IdentityError: "docs/agency.md says what belongs into the directory of an identity or of a CA",
    errors.PassphraseWrong: "give the file's own passphrase; if that is right, take the file from your backup",
    errors.TransportError: "'bwc devices' lists what is plugged in, 'bwc doctor' what may be in the way",
    errors.PortBusy: "end the program that has it open, then run the command again",
    errors.DeviceLost: "check cable and power, then run the command again",
    errors.LinkError: f"check that the URI names a camera; {_REPORT}",
    errors.DeviceBusy: "another program has it until it closes it, a 'bwc dock watch' until it ends: end that one, or "
    "run the command again later",
    errors.SessionError: f"run the command again; {_REPORT}",
    errors.VersionMismatch: "update the older of the two",
    errors.WrongDevice: "'bwc info' says who is at a URI, 'bwc devices --identify' who is plugged in where",
    errors.ProtocolViolation: _REPORT,
    errors.CommandTimeout: "run the command again; --timeout gives the device longer",
    errors.ConfigError: _SETTINGS,
    errors.SelfTestFailed: "do not give it out: 'bwc self-test' has the details",
    errors.RecordsInUse: "wait for the other process, or end it",
    errors.PolicyError: "docs/policy.md says what a pack has to be; 'bwc policy show us-dhs-2023 --toml' prints one",
    errors.RosterError: "its first line names the columns, 'officer' among them; save it as 'CSV UTF-8'",
    errors.AuditBroken: "keep a copy of the log ('bwc audit --json' as far as it goes), and have the device examined",
    errors.EvidenceMismatch: "nothing was replaced: keep both, and have somebody look",
    errors.DestinationError: "choose another directory, or look at the disk",
    errors.DestinationFull: "make room, or choose another directory; what is stored already is not fetched again",
    errors.DestinationBusy: "wait for the other offload to finish, then run the command again",
}
"""After any other error; the nearest class in its ancestry decides."""


def advice_for(error: errors.BwcError) -> str:
    """What to do next, in one line; "" where nothing can be said. What the error itself advises comes first."""
    if error.advice:
        return error.advice
    if isinstance(error, errors.CommandError):
        return _after_refusal(error)
    return next((BY_CLASS[kind] for kind in type(error).__mro__ if kind in BY_CLASS), "")


def _roles_for(command: str) -> list[str]:
    """The roles that may send a command, as `--role` takes them."""
    return next(
        ([label(role) for role in kind.roles] for kind in COMMANDS.values() if kind.name == command), []
    )


def _after_refusal(error: errors.CommandError) -> str:
    if isinstance(error.code, Unknown):
        return "the device's firmware is newer than this SDK: update it"
    if error.code is ErrorCode.NOT_PERMITTED and (roles := _roles_for(error.command)):
        return f"ask for a role that may: --role {' or '.join(roles)}"
    subject = error.command.partition(".")[0]
    if error.code is ErrorCode.WRONG_STATE and "seized for" in error.detail:
        return "nobody changes a camera that is seized; two people end that: 'bwc order make end-seizure'"
    if error.code is ErrorCode.WRONG_STATE and error.command == "clock.set":
        return "leave --reason out: the one that fits the state of the clock is taken"
    special = _BY_COMMAND.get((error.command, error.code))
    if special is None and error.code is ErrorCode.NOT_FOUND and subject in _LISTED_BY:
        return _LISTED_BY[subject]
    return special or BY_CODE[error.code]
