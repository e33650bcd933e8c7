"""What a device may say otherwise than it was recorded: each field by name, with the reason. All else must be equal."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from bwc_protocol.declare import Wire
from bwc_protocol.messages.assignment import AssignmentState
from bwc_protocol.messages.audit import AuditHead, AuditPage
from bwc_protocol.messages.battery import BatteryStatus
from bwc_protocol.messages.bench import BenchRecording, BenchState
from bwc_protocol.messages.clock import ClockExchange, ClockReading, ClockSet, ExchangeTime
from bwc_protocol.messages.config import ConfigPage, ConfigState
from bwc_protocol.messages.core import ErrorReply, SessionInfo, StreamEnd
from bwc_protocol.messages.identity import DeviceIdentity, DeviceStatus, RebootAccepted, SelfTestStep
from bwc_protocol.messages.recordings import (
    Annotation,
    AnnotationPage,
    AnnotationState,
    ManifestReply,
    ReleaseState,
)
from bwc_protocol.messages.station import BayStatus, StationStatus
from bwc_protocol.messages.storage import StorageHealth, StorageStatus
from bwc_protocol.messages.trust import (
    CertificateRequest,
    OpeningChallenge,
    OpeningProof,
    OrderNonce,
    TrustState,
)


class Nature(enum.Enum):
    """Why a field is not the same twice."""

    TIME = "time"
    """What a clock says, or how long something has lasted."""
    NONCE = "nonce"
    """Drawn anew each time, so that nothing can be said twice."""
    COUNTER = "counter"
    """Counts what happens to a device: that it was asked before is enough."""
    MEASURED = "measured"
    """A sensor says it, or it follows from what one says."""
    IDENTITY = "identity"
    """Who the device is: the record may be of another one."""
    FIRMWARE = "firmware"
    """What is judged: a later one is to answer as the earlier did."""
    SIGNATURE = "signature"
    """By a key that no record holds; ECDSA draws a number for each. Conformance verifies signatures."""
    LOG = "log"
    """Grows with each session. Conformance and soak check its chain."""
    WORDS = "words"
    """For a log; nobody decides by it (spec: Control messages)."""


_T, _N, _C, _M = Nature.TIME, Nature.NONCE, Nature.COUNTER, Nature.MEASURED
_I, _F, _S, _L, _W = Nature.IDENTITY, Nature.FIRMWARE, Nature.SIGNATURE, Nature.LOG, Nature.WORDS

VARIES: Final[Mapping[type[Wire], Mapping[str, Nature]]] = {
    # session, errors, streams
    SessionInfo: {
        "preambles_sha256": _N,
        "identity": _I,
        "boot_counter": _C,
        "firmware_sha256": _F,
        "deny_counter": _C,
    },
    ErrorReply: {"detail": _W, "retry_after_ms": _T},
    StreamEnd: {"detail": _W},
    # identity
    DeviceIdentity: {
        "serial": _I,
        "hardware": _I,
        "firmware": _F,
        "firmware_sha256": _F,
        "boot_counter": _C,
        "simulator": _I,
    },
    DeviceStatus: {"uptime_s": _T, "boot_counter": _C},
    SelfTestStep: {"detail": _W},
    RebootAccepted: {"delay_ms": _T},
    # measured
    BatteryStatus: {
        "charge_pct": _M,
        "state": _M,
        "voltage_mv": _M,
        "current_ma": _M,
        "temperature_dc": _M,
        "cycles": _C,
        "health_pct": _M,
        "time_left_s": _M,
    },
    StorageStatus: {"free_bytes": _M, "recording_time_left_s": _M},
    StorageHealth: {
        "life_time_a": _M,
        "life_time_b": _M,
        "bad_blocks": _M,
        "written_bytes": _C,
    },
    # clock
    ClockReading: {"utc_ns": _T, "uncertainty_ns": _T, "last_set_utc_ns": _T, "revision": _C},
    ExchangeTime: {"host_sent_ns": _T},
    ClockExchange: {"host_sent_ns": _T, "device_received_ns": _T, "device_sent_ns": _T, "revision": _C},
    ClockSet: {"before_utc_ns": _T, "after_utc_ns": _T, "revision": _C},
    # of a bench: what it was told to be stays equal
    BenchState: {"clock_revision": _C, "last_sequence": _C},
    BenchRecording: {"recording": _N, "sequence": _C, "manifest_sha256": _N},
    # settings, assignment, log
    ConfigPage: {"revision": _C},
    ConfigState: {"revision": _C, "effective_revision": _C},
    AssignmentState: {"since_utc_ns": _T, "revision": _C, "pseudonym": _N},
    AuditPage: {"entries": _L, "previous_sha256": _L, "last": _L},
    AuditHead: {"sequence": _L, "sha256": _L, "first": _L},
    # recordings
    ManifestReply: {"signature": _S},
    Annotation: {"utc_ns": _T},
    AnnotationPage: {"signature": _S},
    AnnotationState: {"annotations": _C, "annotations_sha256": _T},
    ReleaseState: {"left_min": _T},
    # trust
    OpeningProof: {"utc_ns": _T, "powered_min": _T},
    TrustState: {
        "agency": _I,
        "lab": _I,
        "roots": _I,
        "issuer_key_id": _I,
        "not_before_s": _T,
        "not_after_s": _T,
        "deny_counter": _C,
        "recipients": _I,
        "floor_s": _T,
        "desired_counter": _C,
        "generation": _C,
        "window_s": _T,
        "proofs": _T,
    },
    CertificateRequest: {"request": _S, "proof": _S},
    OrderNonce: {"nonce": _N},
    OpeningChallenge: {"sealed": _N},
    # station
    StationStatus: {"supply_mv": _M, "supply_ma": _M, "temperature_dc": _M},
    BayStatus: {
        "docking": _C,
        "charge": _M,
        "charge_ma": _M,
        "temperature_dc": _M,
        "incident": _C,
        "retry_after_ms": _T,
        "lease_s": _T,
    },
}  # fmt: skip


def nature_of(kind: type[Wire], field: str) -> Nature | None:
    """Why a field may differ; None: it must not."""
    return VARIES.get(kind, {}).get(field)
