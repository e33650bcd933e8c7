"""Whether the certificate of a signer counted when it signed: judged by what it signed, never by the clock of today.

A camera's recordings are judged together (spec: Signatures of recordings). A certificate is held against the time that
the manifest states; where the clock was not set, against the recordings before and after it. A camera that is denied
is believed as far as hashes lead back from its last good manifest: numbers and times a thief of its key can write
himself, hashes he cannot.
"""

from __future__ import annotations

import enum
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Self

from bwc_protocol.certificates.facts import CertificateFacts, read_certificate
from bwc_protocol.documents.deny_list import DeniedBy
from bwc_protocol.evidence import ClockState, sign1
from bwc_protocol.evidence.vocabulary import UNBOUNDED_MS

if TYPE_CHECKING:
    from bwc_protocol.documents.deny_list import Denied, DenyList
    from bwc_protocol.evidence import Manifest

NS: Final = 1_000_000_000
MS: Final = 1_000_000


@lru_cache(maxsize=256)
def _facts(der: bytes) -> CertificateFacts:
    """What a certificate says: a camera signs thousands of recordings by one."""
    return read_certificate(der)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signed something: what its certificate says, and that of the CA which issued it."""

    certificate: CertificateFacts
    issuer: CertificateFacts

    @classmethod
    def of(cls, signature: bytes) -> Self:
        """That of a signature which was verified. Raises `EvidenceError`, `MalformedCertificate` for any other."""
        leaf, issuer = sign1.decode(signature).chain
        return cls(certificate=_facts(leaf), issuer=_facts(issuer))

    @property
    def begins_ns(self) -> int:
        """From when on both certificates counted."""
        return max(self.certificate.not_before_s, self.issuer.not_before_s) * NS

    @property
    def ends_ns(self) -> int:
        """Until when both counted: the whole of that second."""
        return (min(self.certificate.not_after_s, self.issuer.not_after_s) + 1) * NS - 1


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in which something happened, in ns of UTC."""

    low_ns: int
    high_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A recording whose manifest a camera signed."""

    camera: str
    generation: int
    sequence: int
    sha256: bytes
    when: Span | None
    """When it ended; None where the camera's clock was not set."""
    signer: Signer

    @classmethod
    def of(cls, manifest: Manifest, signer: Signer) -> Self:
        """As its manifest states it."""
        said = manifest.circumstances
        return cls(
            camera=manifest.camera,
            generation=0 if said is None else said.generation,
            sequence=manifest.sequence,
            sha256=manifest.sha256,
            when=when_made(manifest),
            signer=signer,
        )


def when_made(manifest: Manifest) -> Span | None:
    """When a recording ended, by its camera's clock and the bound of its error; None where there was no bound."""
    bound_ms = manifest.clock_uncertainty_ms
    if manifest.clock_state not in (ClockState.SYNCED, ClockState.HOLDOVER) or bound_ms == UNBOUNDED_MS:
        return None
    ended_ns, bound_ns = manifest.ended_utc_ns, bound_ms * MS
    return Span(ended_ns - bound_ns, ended_ns + bound_ns)


class Worth(enum.Enum):
    """What a signature is worth by its signer's certificate."""

    GOOD = "good"
    DENIED = "denied"
    """The deny list denies the signer, and nothing shows that it signed while it was still good."""
    EARLY = "early"
    """There was no such certificate yet."""
    ENDED = "ended"
    """Its certificate had ended."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What one signature is worth."""

    worth: Worth
    why: str = ""
    """What speaks against it."""
    led: bool = False
    """Whether a later statement of the same camera that is good names it, over the hashes in between."""

    @property
    def counts(self) -> bool:
        """Whether it shows that the camera made this, in its agency's service."""
        return self.worth is Worth.GOOD or self.led


GOOD: Final = Judged(Worth.GOOD)


@dataclass(frozen=True, slots=True)
class Before:
    """What a manifest says of the recording before it."""

    sequence: int
    previous_sha256: bytes


def led_back(starts: Iterable[bytes], links: Mapping[bytes, bytes]) -> set[bytes]:
    """Every statement (by its hash) that one of the starts leads back to, and the starts themselves.

    `links` has for the hash of each statement that is here that of the one before it.
    """
    found: set[bytes] = set()
    for start in starts:
        at = start
        while at not in found:
            found.add(at)
            if at not in links:
                break
            at = links[at]
    return found


def judge_recordings(
    made: Sequence[Made], manifests: Mapping[bytes, Before], denied: DenyList | None
) -> list[Judged]:
    """What the signature of each of these recordings is worth, in their order.

    `manifests` has every manifest that is here, signed or not, by its hash. Of several generations of a camera each is
    a chain of its own.
    """
    links = {sha256: before.previous_sha256 for sha256, before in manifests.items()}
    denials = _Denials(manifests, links, denied)
    judged = [denials.judge(one) for one in made]
    known = [one for one, found in zip(made, judged, strict=True) if found is GOOD and one.when is not None]
    places = _places(one for one in known if _at(one).worth is not Worth.EARLY)
    for number, one in enumerate(made):
        if judged[number] is GOOD:
            judged[number] = _between(one, places) if one.when is None else _at(one)
    good = [
        one.sha256
        for one, found in zip(made, judged, strict=True)
        if found is GOOD
        and one.when is not None  # without a clock nothing speaks for it, but that nothing speaks against
    ]
    led = led_back((links[sha256] for sha256 in good if sha256 in links), links)
    return [
        replace(found, led=True)
        if found is not GOOD and one.sha256 in led and denials.may_be_led(one, found)
        else found
        for one, found in zip(made, judged, strict=True)
    ]


def entries_of(signer: Signer, denied: DenyList | None) -> tuple[Denied, ...]:
    """The entries of the deny list that deny a signer: each of them has to be kept."""
    if denied is None:
        return ()
    return tuple(entry for entry in denied.entries if entry.means(signer.certificate))


@dataclass(slots=True)
class _Denials:
    """A deny list, and how far hashes lead back from the last good manifests that it names."""

    manifests: Mapping[bytes, Before]
    links: Mapping[bytes, bytes]
    denied: DenyList | None
    _entries: dict[bytes, tuple[Denied, ...]] = field(default_factory=dict)
    """By certificate: a camera signs thousands of recordings by one."""
    _ways: dict[bytes, dict[int, bytes]] = field(default_factory=dict)

    def judge(self, one: Made) -> Judged:
        """What the deny list has against a recording."""
        for entry in self._entries_of(one):
            why = self._against(one, entry)
            if why:
                return Judged(Worth.DENIED, why)
        return GOOD

    def may_be_led(self, one: Made, found: Judged) -> bool:
        """An entry about a camera says itself what is still good of it; one about a CA knows of no camera."""
        return found.worth is not Worth.DENIED or all(
            entry.by is DeniedBy.ISSUER or not self._against(one, entry) for entry in self._entries_of(one)
        )

    def _entries_of(self, one: Made) -> tuple[Denied, ...]:
        der = one.signer.certificate.der
        if der not in self._entries:
            self._entries[der] = entries_of(one.signer, self.denied)
        return self._entries[der]

    def _against(self, one: Made, entry: Denied) -> str:
        """Why an entry speaks against a recording; nothing if it does not."""
        if entry.by is DeniedBy.ISSUER:
            return "the CA that certified its camera is denied, and no later recording of it leads back here"
        last = entry.last_sequence
        if last == 0:
            return "its camera is denied, and the deny list calls no recording of it good"
        if one.sequence > last:
            return f"the last good recording of its camera was number {last}"
        way = self._way(entry.last_manifest_sha256)
        if way.get(one.sequence) == one.sha256 or one.sha256 == entry.last_manifest_sha256:
            return ""
        if one.sequence == last:
            return "the last good recording was another of this number"
        if one.sequence in way:
            return (
                f"the last good recording of its camera, number {last}, leads back to another of this number"
            )
        return (
            f"nothing here leads back to it from the last good recording of its camera, number {last}: "
            f"the manifest of number {min(way, default=last + 1) - 1} is not here"
        )

    def _way(self, start: bytes) -> dict[int, bytes]:
        """The manifests that a last good one leads back to, itself included, by their numbers."""
        if start not in self._ways:
            self._ways[start] = {
                self.manifests[sha256].sequence: sha256
                for sha256 in led_back([start], self.links)
                if sha256 in self.manifests
            }
        return self._ways[start]


def _at(one: Made) -> Judged:
    """By the time that the recording states."""
    if one.when is None:
        return GOOD
    return by_time(one.signer, one.when.low_ns, one.when.high_ns, "the recording ended")


def by_time(signer: Signer, low_ns: int | None, high_ns: int | None, what: str) -> Judged:
    """By the time between which something was signed; None is not known."""
    if low_ns is not None and low_ns > signer.ends_ns:
        return Judged(Worth.ENDED, f"{what} after the certificate of its signer")
    if high_ns is not None and high_ns < signer.begins_ns:
        return Judged(Worth.EARLY, f"{what} before the certificate of its signer began")
    return GOOD


_Places = dict[tuple[str, int], tuple[list[int], list[Span]]]
"""For each camera and generation numbers and times of recordings whose time is known, in the order of the numbers."""


def _places(made: Iterable[Made]) -> _Places:
    found: defaultdict[tuple[str, int], dict[int, Span]] = defaultdict(dict)
    for one in made:
        if one.when is not None:
            found[one.camera, one.generation][one.sequence] = one.when
    return {
        chain: (sorted(spans), [spans[number] for number in sorted(spans)]) for chain, spans in found.items()
    }


def _between(one: Made, places: _Places) -> Judged:
    """By the nearest recordings before and after it whose time is known: it ended between their ends."""
    numbers, spans = places.get((one.camera, one.generation), ([], []))
    at = bisect_left(numbers, one.sequence)
    before = spans[at - 1].low_ns if at else None
    after = spans[at].high_ns if at < len(spans) else None
    return by_time(one.signer, before, after, "by its place between others the recording ended")
