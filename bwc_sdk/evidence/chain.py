"""The chain of each camera's recordings: numbers without gaps, each naming the one before (spec: Recording)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bwc_protocol.evidence import NO_SHA256
from bwc_sdk.evidence.findings import Finding, FindingKind, Severity

GAPS_MAX: Final = 256
"""Gaps of one camera that are told one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What the chain needs of a recording: that is here, or whose tombstone is."""

    camera: str
    generation: int
    sequence: int
    sha256: bytes
    previous_sha256: bytes | None
    """None where it is not known: of one that was erased."""
    store: str
    file: str


@dataclass(slots=True)
class Chains:
    """Those of all cameras. A physical reset begins a camera's chain anew: by generation."""

    _links: dict[tuple[str, int], dict[int, Link]] = field(default_factory=dict)
    _twice: list[tuple[Link, Link]] = field(default_factory=list)

    def add(self, link: Link) -> None:
        """Takes one more; the same recording may lie in several stores."""
        links = self._links.setdefault((link.camera, link.generation), {})
        there = links.get(link.sequence)
        if there is None or (there.sha256 == link.sha256 and there.previous_sha256 is None):
            links[link.sequence] = link
        elif there.sha256 != link.sha256:
            self._twice.append((there, link))

    def spans(self) -> dict[str, tuple[int, int]]:
        """For each camera its lowest and its highest number."""
        found: dict[str, tuple[int, int]] = {}
        for (camera, _), links in sorted(self._links.items()):
            low, high = min(links), max(links)
            before = found.get(camera, (low, high))
            found[camera] = min(low, before[0]), max(high, before[1])
        return found

    def findings(self) -> Iterator[Finding]:
        """What does not hold."""
        for there, other in self._twice:
            yield Finding(
                kind=FindingKind.NUMBER_TWICE,
                severity=Severity.ERROR,
                detail=f"{there.file} and {other.file} are both number {there.sequence}",
                store=other.store,
                file=other.file,
                camera=other.camera,
                sequence=other.sequence,
            )
        for (camera, _), links in sorted(self._links.items()):
            yield from self._gaps(camera, links)
            yield from self._breaks(links)

    def _gaps(self, camera: str, links: dict[int, Link]) -> Iterator[Finding]:
        """Numbers that are left out, from 1."""
        before, gaps = 0, []
        for number in sorted(links):
            if number > before + 1:
                gaps.append((before + 1, number - 1))
            before = number
        if len(gaps) > GAPS_MAX:
            gaps = [*gaps[: GAPS_MAX - 1], (gaps[GAPS_MAX - 1][0], gaps[-1][1])]
        for first, last in gaps:
            link = links[min(number for number in links if number > last)]
            numbers = f"recording {first}" if first == last else f"recordings {first} to {last}"
            yield Finding(
                kind=FindingKind.RECORDINGS_MISSING,
                severity=Severity.ERROR,
                detail=f"{numbers} of {camera}: not here, and not erased by its own word",
                store=link.store,
                camera=camera,
                sequence=first,
            )

    def _breaks(self, links: dict[int, Link]) -> Iterator[Finding]:
        for number, link in sorted(links.items()):
            before = links.get(number - 1)
            known = NO_SHA256 if number == 1 else before.sha256 if before is not None else None
            if link.previous_sha256 is None or known is None or known == link.previous_sha256:
                continue
            yield Finding(
                kind=FindingKind.CHAIN_BROKEN,
                severity=Severity.ERROR,
                detail=f"recording {number} was made after the manifest {link.previous_sha256.hex()[:16]}…, "
                f"and that of number {number - 1} is {known.hex()[:16]}…",
                store=link.store,
                file=link.file,
                camera=link.camera,
                sequence=number,
            )
