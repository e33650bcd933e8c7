"""Whose signatures count: by time, by place, and of a denied camera by what its last good manifest leads back to."""

import dataclasses
import random
from collections.abc import Iterable, Sequence
from functools import cache

import pytest

from bwc_protocol.certificates.facts import CertificateFacts, read_certificate
from bwc_protocol.documents.deny_list import Denied, DeniedBy, DeniedKind, DenyList
from bwc_protocol.evidence import ClockState
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.evidence.signers import (
    NS,
    Before,
    Judged,
    Made,
    Signer,
    Span,
    Worth,
    judge_recordings,
    when_made,
)
from tests.tiers import seeds
from tools.generate.sample_evidence import manifest
from tools.testkit import agencies

CAMERA = "SIM-00000007"
AGENCY = agencies.real()
DAY_NS = 86_400 * NS
DAY_0 = agencies.BEGAN_S * NS
"""When the certificates of the agency begin."""


@cache
def certificates() -> tuple[CertificateFacts, CertificateFacts, CertificateFacts]:
    """A camera's, its issuing CA's, and the camera's by another key."""
    first, again = (AGENCY.device(CAMERA, PeerKind.CAMERA, agencies.issuance()) for _ in range(2))
    return (
        read_certificate(first.chain[0]),
        read_certificate(first.chain[1]),
        read_certificate(again.chain[0]),
    )


def signer(begins_day: int = 0, ends_day: int = 1_000, *, renewed: bool = False) -> Signer:
    """Somebody whose certificate counts from the begin of one day to the end of another."""
    leaf, issuer, other = certificates()
    begun = agencies.BEGAN_S
    own = dataclasses.replace(
        other if renewed else leaf,
        not_before_s=begun + begins_day * 86_400,
        not_after_s=begun + ends_day * 86_400,
    )
    return Signer(certificate=own, issuer=issuer)


def digest(number: int, branch: int = 0) -> bytes:
    return bytes([branch]) * 28 + number.to_bytes(4)


def made(number: int, day: float | None = None, by: Signer | None = None, **changed: object) -> Made:
    """A recording that ended about the middle of a day; by default of the day of its number."""
    ended_ns = DAY_0 + int((number if day is None else day) * DAY_NS)
    fields = {
        "camera": CAMERA,
        "generation": 0,
        "sequence": number,
        "sha256": digest(number),
        "when": Span(ended_ns - NS, ended_ns + NS),
        "signer": by or signer(),
    }
    return Made(**(fields | changed))


def unset(number: int, by: Signer | None = None) -> Made:
    return made(number, by=by, when=None)


def manifests(recordings: Iterable[Made]) -> dict[bytes, Before]:
    """Each made after the one of the number before."""
    return {one.sha256: Before(one.sequence, digest(one.sequence - 1)) for one in recordings}


def judge(
    recordings: Sequence[Made], denied: DenyList | None = None, there: dict[bytes, Before] | None = None
) -> list[Judged]:
    return judge_recordings(recordings, manifests(recordings) if there is None else there, denied)


def worths(recordings: Sequence[Made], denied: DenyList | None = None) -> list[Worth]:
    return [one.worth for one in judge(recordings, denied)]


def denying(*entries: Denied) -> DenyList:
    return DenyList(agency="Harbour Police", counter=1, signed_utc_s=1, entries=entries)


def of_name(last: int, sha256: bytes | None = None) -> Denied:
    known = digest(last) if sha256 is None else sha256
    return Denied(
        by=DeniedBy.NAME,
        kind=DeniedKind.CAMERA,
        name=CAMERA,
        last_sequence=last,
        last_manifest_sha256=known if last else bytes(32),
    )


def of_issuer() -> Denied:
    return Denied(by=DeniedBy.ISSUER, key=certificates()[0].issuer_key_id)


# By time


@pytest.mark.rule("REC-089")
@pytest.mark.parametrize(
    ("day", "worth"),
    [(9.99, Worth.EARLY), (10, Worth.GOOD), (15, Worth.GOOD), (20, Worth.GOOD), (20.01, Worth.ENDED)],
)
def test_a_certificate_is_judged_at_the_time_that_the_recording_states(day: float, worth: Worth) -> None:
    assert worths([made(1, day, signer(10, 20))]) == [worth]


def test_the_bound_of_the_clocks_error_speaks_for_the_certificate() -> None:
    by = signer(10, 20)
    for low, high, worth in (
        (9, 10, Worth.GOOD),
        (20, 21, Worth.GOOD),
        (8, 9, Worth.EARLY),
        (21, 22, Worth.ENDED),
    ):
        one = made(1, by=by, when=Span(DAY_0 + low * DAY_NS, DAY_0 + high * DAY_NS))
        assert worths([one]) == [worth], (low, high)


def test_the_certificate_of_the_issuing_ca_has_to_have_counted_too() -> None:
    by = signer(0, 100)
    issuer = dataclasses.replace(by.issuer, not_after_s=agencies.BEGAN_S + 5 * 86_400)
    assert worths([made(6, by=dataclasses.replace(by, issuer=issuer))]) == [Worth.ENDED]


@pytest.mark.parametrize(
    ("state", "bound_ms", "known"),
    [
        (ClockState.SYNCED, 5, True),
        (ClockState.HOLDOVER, 5, True),
        (ClockState.UNSET, 5, False),
        (ClockState.SYNCED, 2**32 - 1, False),
    ],
)
def test_a_time_without_a_bound_is_none(state: ClockState, bound_ms: int, known: bool) -> None:
    stated = dataclasses.replace(manifest(), clock_state=state, clock_uncertainty_ms=bound_ms)
    found = when_made(stated)
    assert (found is not None) is known
    if found is not None:
        assert (found.low_ns + found.high_ns) // 2 == stated.ended_utc_ns
        assert found.high_ns - found.low_ns == 2 * bound_ms * 1_000_000


# By place


@pytest.mark.rule("REC-089")
@pytest.mark.parametrize(
    ("before", "after", "worth"),
    [
        (None, None, Worth.GOOD),
        (12, None, Worth.GOOD),
        (None, 12, Worth.GOOD),
        (19, 30, Worth.GOOD),  # it may have been made on day 20
        (21, 30, Worth.ENDED),
        (21, None, Worth.ENDED),
        (1, 9, Worth.EARLY),
        (None, 9, Worth.EARLY),
        (1, 11, Worth.GOOD),
    ],
)
def test_without_a_clock_a_recording_is_judged_between_its_neighbours(
    before: float | None, after: float | None, worth: Worth
) -> None:
    there = [unset(5, signer(10, 20))]
    if before is not None:
        there.append(made(2, before))
    if after is not None:
        there.append(made(9, after))
    assert worths(there)[0] is worth


def test_the_nearest_neighbours_whose_time_is_known_count() -> None:
    by = signer(10, 20)
    there = [unset(5, by), unset(4), made(3, 22), unset(6), made(2, 11), made(8, 23)]
    assert worths(there)[0] is Worth.ENDED
    assert worths([there[0], there[4], there[5]])[0] is Worth.GOOD


def test_a_neighbour_counts_only_if_it_is_of_this_chain_and_could_have_been_signed() -> None:
    by = signer(10, 20)
    early = made(8, 5, signer(6, 25))  # before its own certificate: its clock is not to be believed
    assert worths([unset(5, by), early])[0] is Worth.GOOD
    assert worths([unset(5, by), made(3, 30, generation=1)])[0] is Worth.GOOD
    assert worths([unset(5, by), made(3, 30, camera="SIM-00000008")])[0] is Worth.GOOD
    assert worths([unset(5, by), made(3, 30)])[0] is Worth.ENDED


def test_without_a_clock_nothing_that_had_ended_counts_again() -> None:
    by = signer(0, 5)
    found = judge([made(1, by=by), made(2, 9, by), unset(3, by)])
    assert [one.worth for one in found] == [Worth.GOOD, Worth.ENDED, Worth.ENDED]
    assert [one.counts for one in found] == [True, False, False]
    alone = judge([made(2, 9, by), unset(3, signer(0, 1_000, renewed=True))])
    assert [one.counts for one in alone] == [False, True]


def test_what_was_made_after_a_certificate_ended_counts_once_a_later_one_leads_back() -> None:
    expired, renewed = signer(0, 5), signer(8, 1_000, renewed=True)
    there = [*(made(number, by=expired) for number in range(1, 8)), made(8, by=renewed)]
    found = judge(there)
    assert [one.worth for one in found] == [Worth.GOOD] * 5 + [Worth.ENDED] * 2 + [Worth.GOOD]
    assert all(one.counts for one in found)
    assert [one.counts for one in judge(there[:-1])] == [True] * 5 + [False] * 2


# Of a denied camera


@pytest.mark.rule("REC-044")
def test_a_denied_camera_is_believed_as_far_back_as_hashes_lead() -> None:
    there = [made(number) for number in range(1, 8)]
    found = judge(there, denying(of_name(4)))
    assert [one.worth for one in found] == [Worth.GOOD] * 4 + [Worth.DENIED] * 3
    assert "was number 4" in found[4].why


@pytest.mark.rule("REC-044")
def test_numbers_and_times_that_a_thief_writes_are_worth_nothing() -> None:
    """He has the key, and makes recordings with the numbers and times of before the theft."""
    genuine = [made(number) for number in range(1, 6)]
    forged = [made(number, sha256=digest(number, branch=9)) for number in range(1, 8)]
    there = manifests(genuine) | {
        one.sha256: Before(one.sequence, digest(one.sequence - 1, branch=9)) for one in forged
    }
    found = judge([*genuine, *forged], denying(of_name(5)), there)
    assert [one.worth for one in found[:5]] == [Worth.GOOD] * 5
    assert [one.worth for one in found[5:]] == [Worth.DENIED] * 7
    assert "leads back to another of this number" in found[5].why
    assert found[9].why == "the last good recording was another of this number"


@pytest.mark.rule("REC-044")
def test_behind_a_manifest_that_is_missing_nothing_is_shown() -> None:
    there = [made(number) for number in (1, 2, 4, 5)]
    found = judge(there, denying(of_name(5)))
    assert [one.worth for one in found] == [Worth.DENIED] * 2 + [Worth.GOOD] * 2
    assert "the manifest of number 3 is not here" in found[0].why
    none = judge(there, denying(of_name(9)))
    assert {one.worth for one in none} == {Worth.DENIED}
    assert "the manifest of number 9 is not here" in none[0].why


def test_a_manifest_that_nobody_signed_leads_back_all_the_same() -> None:
    """Its hash says that it is the one which the next names."""
    there = [made(number) for number in (1, 2, 3)]
    found = judge([there[0], there[2]], denying(of_name(3)), manifests(there))
    assert [one.worth for one in found] == [Worth.GOOD] * 2


def test_without_a_last_good_recording_none_is_good() -> None:
    found = judge([made(1), made(2)], denying(of_name(0)))
    assert {one.worth for one in found} == {Worth.DENIED}
    assert all("calls no recording of it good" in one.why for one in found)


def test_recordings_by_another_key_do_not_lift_what_an_entry_says_of_a_key() -> None:
    leaf, _, _ = certificates()
    entry = Denied(
        by=DeniedBy.KEY, key=leaf.key_sha256, last_sequence=2, last_manifest_sha256=digest(2), name=CAMERA
    )
    there = [*(made(number) for number in range(1, 5)), made(5, by=signer(renewed=True))]
    assert worths(there, denying(entry)) == [Worth.GOOD] * 2 + [Worth.DENIED] * 2 + [Worth.GOOD]
    assert not any(one.counts for one in judge(there, denying(entry))[2:4])


def test_each_entry_that_denies_a_signer_has_to_be_kept() -> None:
    leaf, _, _ = certificates()
    key = Denied(
        by=DeniedBy.KEY, key=leaf.key_sha256, last_sequence=2, last_manifest_sha256=digest(2), name=CAMERA
    )
    there = [made(number) for number in range(1, 5)]
    assert worths(there, denying(of_name(4), key)) == [Worth.GOOD] * 2 + [Worth.DENIED] * 2


def test_under_a_denied_ca_counts_what_a_camera_leads_back_to_that_was_certified_anew() -> None:
    again = dataclasses.replace(
        signer(renewed=True),
        certificate=dataclasses.replace(certificates()[2], issuer_key_id=b"another CA"),
    )
    there = [*(made(number) for number in (1, 2, 3)), made(4, by=again)]
    forged = made(3, sha256=digest(3, branch=9))
    known = manifests(there) | {forged.sha256: Before(3, digest(2))}
    found = judge([*there, forged], denying(of_issuer()), known)
    assert [one.counts for one in found] == [True] * 4 + [False]
    assert not any(one.counts for one in judge(there[:-1], denying(of_issuer())))


def test_a_denied_neighbour_says_nothing_of_time() -> None:
    by = signer(10, 20, renewed=True)
    leaf, _, _ = certificates()
    entry = Denied(by=DeniedBy.KEY, key=leaf.key_sha256, name=CAMERA)
    assert worths([unset(5, by), made(3, 30)], denying(entry))[0] is Worth.GOOD


@pytest.mark.rule("REC-044")
@pytest.mark.parametrize("seed", seeds(40))
def test_whatever_a_thief_makes_nothing_of_it_counts(seed: int) -> None:
    """Any numbers, times, ends and links, beside any part of what the camera made: only what it made may count."""
    draw = random.Random(seed)
    count = draw.randint(1, 12)
    last = draw.randint(1, count)
    genuine = [made(number) for number in range(1, count + 1)]
    known = manifests(genuine)
    forged: list[Made] = []
    for at in range(draw.randint(1, 12)):
        number = draw.randint(1, count + 2)
        before = draw.choice([*known, digest(0)])  # he may name whatever he has seen
        own = made(number, draw.randint(0, 999), sha256=digest(at, branch=9))
        own = dataclasses.replace(own, when=draw.choice([own.when, None]))
        known[own.sha256] = Before(number, before)
        forged.append(own)
    kept = [one for one in genuine if draw.random() < 0.8]
    here = {one.sha256 for one in [*kept, *forged]}
    found = judge_recordings(
        [*kept, *forged],
        {sha256: known[sha256] for sha256 in known if sha256 in here},
        denying(of_name(last)),
    )
    assert not any(one.counts for one in found[len(kept) :])
    for one, verdict in zip(kept, found, strict=False):
        led = all(digest(number) in here for number in range(one.sequence, last + 1))
        assert verdict.counts is (one.sequence <= last and led)
