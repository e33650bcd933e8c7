"""What a host says of its own time goes on a camera's record: it is refused where it would not be true."""

import pytest

from bwc_protocol.messages.clock import ClockReason, TimeAssurance, TimeSource
from bwc_sdk.errors import ClockImplausible
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.host.time_claim import TimeClaim, claim_of

MS = 1_000_000
S = 1_000_000_000
KEPT = HostTime(True, 4 * MS, "chrony")
DENIED = HostTime(False, 0, "kernel")
UNBOUNDED = HostTime(True, 0, "timesyncd")
SILENT = HostTime(None, 0)
NTP, NTS, PTP, GNSS = TimeSource.NTP, TimeSource.NTS, TimeSource.PTP, TimeSource.GNSS
OPERATOR, NONE = TimeSource.OPERATOR, TimeSource.UNSYNCHRONISED
VERIFIED, UNVERIFIED = TimeAssurance.VERIFIED, TimeAssurance.UNVERIFIED
ROUTINE, BENCH = ClockReason.ROUTINE, ClockReason.BENCH


@pytest.mark.rule("CLK-010")
@pytest.mark.parametrize(
    ("known", "source", "stated_ns", "word"),
    [
        (KEPT, None, None, TimeClaim(NTP, 4 * MS, VERIFIED)),
        (KEPT, NTP, None, TimeClaim(NTP, 4 * MS, VERIFIED)),
        (KEPT, NTP, 1 * MS, TimeClaim(NTP, 4 * MS, VERIFIED)),
        (KEPT, NTP, 9 * MS, TimeClaim(NTP, 9 * MS, VERIFIED)),
        (KEPT, NTS, None, TimeClaim(NTS, 4 * MS, UNVERIFIED)),
        (UNBOUNDED, NTP, 50 * MS, TimeClaim(NTP, 50 * MS, UNVERIFIED)),
        (SILENT, NTP, 50 * MS, TimeClaim(NTP, 50 * MS, UNVERIFIED)),
        (HostTime(None, 4 * MS), NTP, None, TimeClaim(NTP, 4 * MS, UNVERIFIED)),
        (KEPT, PTP, 1000, TimeClaim(PTP, 1000, UNVERIFIED)),
        (DENIED, PTP, MS, TimeClaim(PTP, MS, UNVERIFIED)),
        (DENIED, GNSS, S, TimeClaim(GNSS, S, UNVERIFIED)),
        (SILENT, GNSS, MS, TimeClaim(GNSS, MS, UNVERIFIED)),
        (KEPT, OPERATOR, None, TimeClaim(OPERATOR, 5 * S, UNVERIFIED)),
        (DENIED, OPERATOR, None, TimeClaim(OPERATOR, 5 * S, UNVERIFIED)),
        (DENIED, OPERATOR, S, TimeClaim(OPERATOR, S, UNVERIFIED)),
        (DENIED, OPERATOR, 30 * S, TimeClaim(OPERATOR, 30 * S, UNVERIFIED)),
    ],
)
def test_what_may_be_said(
    known: HostTime, source: TimeSource | None, stated_ns: int | None, word: TimeClaim
) -> None:
    assert claim_of(known, source, stated_ns, ROUTINE) == word


@pytest.mark.rule("CLK-010")
@pytest.mark.parametrize("reason", [*ClockReason])
@pytest.mark.parametrize("stated_ns", [None, MS])
@pytest.mark.parametrize("source", [NTP, NTS])
def test_a_host_that_denies_being_synchronised_is_not_by_ntp_whoever_says_so(
    source: TimeSource, stated_ns: int | None, reason: ClockReason
) -> None:
    with pytest.raises(ClockImplausible, match="not synchronised") as caught:
        claim_of(DENIED, source, stated_ns, reason, device="sim:")
    assert caught.value.device == "sim:"
    assert "ntp" not in caught.value.advice and "operator" in caught.value.advice


@pytest.mark.parametrize(
    ("known", "source", "stated_ns", "advised"),
    [
        (DENIED, None, None, "time service"),
        (DENIED, None, MS, "time service"),
        (SILENT, None, None, "--uncertainty"),
        (SILENT, None, MS, "--uncertainty"),
        (SILENT, NTP, None, "--uncertainty"),
        (UNBOUNDED, NTP, None, "--uncertainty"),
        (UNBOUNDED, None, None, "--uncertainty"),
        (KEPT, PTP, None, "--uncertainty"),
        (KEPT, GNSS, None, "--uncertainty"),
        (HostTime(True, 2 * S, "kernel"), None, None, "operator"),
        (KEPT, NTP, S + 1, "operator"),
        (DENIED, PTP, S + 1, "operator"),
        (DENIED, OPERATOR, MS, "--uncertainty"),
        (DENIED, OPERATOR, 31 * S, "--uncertainty"),
        (DENIED, NONE, None, "time service"),
    ],
)
def test_what_would_not_be_true_is_refused_with_what_would_be(
    known: HostTime, source: TimeSource | None, stated_ns: int | None, advised: str
) -> None:
    with pytest.raises(ClockImplausible) as caught:
        claim_of(known, source, stated_ns, ROUTINE)
    assert advised in caught.value.advice


@pytest.mark.parametrize("stated_ns", [0, -1])
@pytest.mark.parametrize("source", [*TimeSource, None])
def test_no_clock_is_exact(source: TimeSource | None, stated_ns: int) -> None:
    with pytest.raises(ClockImplausible):
        claim_of(KEPT, source, stated_ns, BENCH)


@pytest.mark.parametrize("known", [DENIED, SILENT])
def test_a_bench_needs_no_time_and_claims_none(known: HostTime) -> None:
    assert claim_of(known, None, None, BENCH) == TimeClaim(NONE, 0, UNVERIFIED)
    assert claim_of(KEPT, None, None, BENCH) == TimeClaim(NTP, 4 * MS, VERIFIED)
    assert claim_of(known, PTP, 9 * S, BENCH).uncertainty_ns == 9 * S
