"""The table of all ways in which a conversation ends, from what the code says (spec: Ends of a conversation)."""

from typing import Final

from bwc_protocol.conversation import FailReason
from bwc_protocol.conversation.endings import BY_PEER, ENDINGS, LINGER_S, ORDERLY, Ending
from bwc_protocol.frame import ResetReason
from bwc_protocol.session.tls_failures import ALERTS

_SAID: Final = f"once the alert is acknowledged, or else after {LINGER_S:g} s"
_SILENT: Final = "at once"
_F: Final = FailReason

OWN: Final[tuple[tuple[str, str, str, Ending], ...]] = (
    (
        "SES-002",
        "either",
        "the first bytes are no preamble, or one that breaks a rule",
        ENDINGS[_F.NOT_A_DEVICE],
    ),
    ("SES-003", "host", "the device's preamble has no version in common", ENDINGS[_F.VERSION]),
    ("SES-019", "host", "the device's preamble names another protection", ENDINGS[_F.PROTECTION]),
    ("SES-005", "either", "not READY 10 s after the channel opened, in whatever state", ENDINGS[_F.TIMEOUT]),
    (
        "SES-010, SES-024, SES-026",
        "either",
        "the peer's certificate, identity or roles are not accepted",
        ENDINGS[_F.REFUSED],
    ),
    (
        "SES-020",
        "device",
        "SESSION_INFO names no role, or one that the host does not have",
        ENDINGS[_F.REFUSED],
    ),
    ("SES-012, SES-014", "either", "a record that breaks a rule, or too much handshake", ENDINGS[_F.SESSION]),
    ("SES-006", "either", "SESSION_INFO does not agree", ENDINGS[_F.SESSION]),
    ("SES-009, SES-017", "either", "a second SESSION_INFO; READY that is not due", ENDINGS[_F.PROTOCOL]),
    ("MSG-004, MSG-023 to MSG-025", "either", "a message that breaks a rule", ENDINGS[_F.PROTOCOL]),
    ("STR-003, STR-004", "either", "a stream that breaks a rule", ENDINGS[_F.PROTOCOL]),
    ("CHN-021", "either", "more waits for the peer than the bound of the queue", ENDINGS[_F.OVERFLOW]),
    ("SES-021", "either", "a secure session is 24 h old, or has carried 2^24 records", ENDINGS[_F.LIMIT]),
    ("SES-015", "either", "an alert of the peer other than CLOSE", BY_PEER),
    ("SES-016", "either", "the peer's CLOSE, answered or in answer to the own", ORDERLY),
)
"""Rule, who ends it, what happened, and what that end says."""
BELOW: Final = (
    (
        "CHN-024",
        "either",
        "a frame stays unacknowledged through all its retransmissions",
        ResetReason.TIMEOUT,
    ),
    ("STA-004", "station", "the camera leaves its bay", ResetReason.UNDOCKED),
    ("STA-004, CHN-008", "device", "an opening of a channel without a device", ResetReason.NO_DEVICE),
    ("STA-005", "station", "an opening while another host has the camera", ResetReason.BUSY),
    (
        "SES-022",
        "device",
        "an opening of a device that belongs to no agency, when or where it cannot be enrolled",
        ResetReason.NOT_ENROLLED,
    ),
    ("CHN-004", "either", "a RESET of the peer", ResetReason.ANSWER),
)
"""What the link itself says; the session has no part in it."""


def endings() -> str:
    """One row for each way."""
    rows = ["| rule | who ends it | what happened | alert | RESET | when |", "|---|---|---|---|---|---|"]
    for rule, who, what, (alert, reset) in OWN:
        when = _SILENT if alert is None else _SAID
        rows.append(
            f"| {rule} | {who} | {what} | {alert.name if alert is not None else '–'} | {reset.name} | {when} |"
        )
    rows += [
        f"| {rule} | {who} | {what} | – | {reset.name} | {_SILENT} |" for rule, who, what, reset in BELOW
    ]
    rows.append(
        "| LNK-015, LNK-011, LNK-003 | either | the link ends | – | – | at once, with all its channels |"
    )
    return "\n".join(rows)


def tls_alerts() -> str:
    """What an alert of TLS says to who receives it."""
    rows = ["| alert | check of its sender | what it says |", "|---|---|---|"]
    for name, (check, words) in ALERTS.items():
        rows.append(f"| {name.lower()} | `{check}` | {words.format(own='end')} |")
    rows.append("| any other, but close_notify | – | what came was broken |")
    return "\n".join(rows)
