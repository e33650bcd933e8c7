"""Which rules a test on a device can see broken, and of the others why not."""

from __future__ import annotations

from typing import Final

from hil_tests.judging.rules import Rule
from hil_tests.judging.verdict import UNTESTED

OF_HOSTS: Final = "it is a rule for hosts: no device can break it"
_OF_STORES: Final = "it is about who stores, verifies or issues, and not about a device"
_AT_THE_CONTACTS: Final = (
    "whether a station waits for a camera's answer shows at the contacts of the bay alone"
)
_ON_THE_BUS: Final = (
    "it shows in single packets or in the device's settings: a program on the host sees bytes"
)
_IN_THE_AIR: Final = "it takes a hand at the device's button or dock, or a stack that can pair"
_POWER: Final = "it takes a loss of power at a chosen moment of a write"
_FULL: Final = "it takes a device whose storage or log is full"

_REASONS: Final = {
    _OF_STORES: "CER-001 CER-002 TRU-016 MSG-017 REC-003 REC-010 REC-011 REC-012 REC-013 REC-014 REC-015 REC-022 "
    "REC-023 REC-024 REC-026 REC-027 REC-028 REC-034 REC-038 REC-039 REC-043 REC-044 REC-050 REC-051 REC-072 REC-075 "
    "REC-074 REC-076 REC-077 REC-078 REC-079 REC-080 REC-082 REC-083 REC-084 REC-085 REC-086 REC-087 REC-088 REC-089 "
    "REC-091 REC-094",
    _AT_THE_CONTACTS: "STA-003",
    _ON_THE_BUS: "TRN-001 TRN-005",
    _IN_THE_AIR: "BLE-001 BLE-002 BLE-006 BLE-010",
    _POWER: "TRU-006 REC-052 REC-061",
    _FULL: "REC-060 REC-068",
    "it shows after a day, or after 2^24 records": "SES-021",
    "whether the firmware or its TLS stack judged a time shows in no byte": "SES-025",
    "it takes a hand inside the opened case, and all footage": "TRU-007",
    "what a host leaves unread waits in the pipe's own buffers, of which a device knows nothing": "CHN-020",
    "how much a device lets wait is its own choice, and its bounds on requests and streams come before": "CHN-021",
    "how often a timer may run out is the sender's own choice, and the time for a handshake ends before": "CHN-024",
    "it shows three minutes after a button was pressed": "TRU-014",
    "a device has one host at a time, and takes no list that denies who brings it (DOC-011)": "TRU-011",
    "it takes footage that cannot be read any more": "STR-005",
    "it is the host that opens a link": "LNK-016",
    "it takes a signature that rotted on the device's own flash": "REC-041",
}
NOT_FROM_OUTSIDE: Final = {number: why for why, numbers in _REASONS.items() for number in numbers.split()}
"""Rules that no test on a device can see broken, each with its reason."""


def why_untested(rule: Rule) -> str:
    """Why a rule may have no test."""
    if rule.of_hosts:
        return OF_HOSTS
    why = NOT_FROM_OUTSIDE.get(rule.number)
    return UNTESTED if why is None else f"no test from outside: {why}"
