"""What was signed in the stores of one verification, kept until all of it is known, and then judged together.

Whether a signature counts may depend on recordings that come later, or that lie in another store
(spec: Verifying a store).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bwc_sdk.evidence.chain import Link
from bwc_sdk.evidence.findings import Finding, FindingKind, Severity
from bwc_sdk.evidence.signers import (
    Before,
    Judged,
    Made,
    Signer,
    Worth,
    by_time,
    entries_of,
    judge_recordings,
    led_back,
    when_made,
)

if TYPE_CHECKING:
    from bwc_protocol.documents.deny_list import DenyList
    from bwc_protocol.documents.tombstone import Tombstone
    from bwc_protocol.evidence import Manifest

Found = Callable[..., Finding]
"""Makes a finding about a file: takes kind, severity and detail."""


@dataclass(frozen=True, slots=True)
class _Said:
    """A file of annotations that a camera signed."""

    manifest_sha256: bytes
    began_ns: int | None
    signer: Signer
    found: Found


@dataclass(frozen=True, slots=True)
class _Erased:
    """A tombstone: by whom, and what it would account for."""

    tombstone: Tombstone
    signer: Signer | None
    """None where nobody is believed."""
    has_manifest: bool
    link: Link
    found: Found


@dataclass(slots=True)
class Judging:
    """The signatures that verify, until all of them are there."""

    denied: DenyList | None = None
    signed: int = 0
    """Recordings whose signature counts, once it is settled."""
    _manifests: dict[bytes, Before] = field(default_factory=dict)
    _made: list[Made] = field(default_factory=list)
    _found: list[Found] = field(default_factory=list)
    _said: list[_Said] = field(default_factory=list)
    _erased: list[_Erased] = field(default_factory=list)

    def manifest(self, manifest: Manifest) -> None:
        """A manifest that is here, signed or not."""
        self._manifests[manifest.sha256] = Before(manifest.sequence, manifest.previous_sha256)

    def recording(self, manifest: Manifest, signer: Signer, found: Found) -> None:
        """A manifest whose signature verifies."""
        self._made.append(Made.of(manifest, signer))
        self._found.append(found)

    def annotations(self, manifest: Manifest, signer: Signer, found: Found) -> None:
        """What was said of a recording, by a signature that verifies."""
        when = when_made(manifest)
        self._said.append(_Said(manifest.sha256, None if when is None else when.low_ns, signer, found))

    def tombstone(
        self,
        tombstone: Tombstone,
        signer: Signer | None,
        *,
        has_manifest: bool,
        link: Link,
        found: Found,
    ) -> None:
        """The word of a camera that it erased a recording."""
        self._erased.append(_Erased(tombstone, signer, has_manifest, link, found))

    def settle(self) -> Iterator[Finding | Link]:
        """What speaks against signers; and the erased recordings that are accounted for."""
        judged = judge_recordings(self._made, self._manifests, self.denied)
        good = set()
        for one, verdict, found in zip(self._made, judged, self._found, strict=True):
            if verdict.counts:
                self.signed += 1
                good.add(one.sha256)
            yield from _of_recording(verdict, found)
        for said in self._said:
            if said.manifest_sha256 in good:  # else all of it is told already
                yield from self._of_annotations(said)
        yield from self._of_tombstones()

    def _of_annotations(self, said: _Said) -> Iterator[Finding]:
        if entries_of(said.signer, self.denied):
            yield said.found(
                kind=FindingKind.SIGNER_DENIED,
                severity=Severity.WARNING,
                detail="its camera is denied, and nothing shows that this was said before",
            )
        verdict = by_time(said.signer, said.began_ns, None, "the recording ended")
        if verdict.worth is not Worth.GOOD:
            yield said.found(kind=FindingKind.SIGNER_TIME, severity=Severity.WARNING, detail=verdict.why)

    def _of_tombstones(self) -> Iterator[Finding | Link]:
        """One of a denied camera accounts for nothing, unless a later one that is good names it."""
        links = {one.tombstone.sha256: one.tombstone.previous_sha256 for one in self._erased}
        good = [
            one.tombstone.sha256
            for one in self._erased
            if one.signer is None or not entries_of(one.signer, self.denied)
        ]
        led = led_back(good, links)
        for one in self._erased:
            if one.tombstone.sha256 not in led:
                yield one.found(
                    kind=FindingKind.SIGNER_DENIED,
                    severity=Severity.WARNING if one.has_manifest else Severity.ERROR,
                    detail="its camera is denied, and nothing shows that it erased the recording before",
                )
                continue
            if one.signer is not None and one.tombstone.utc_ns > one.signer.ends_ns:
                yield one.found(
                    kind=FindingKind.SIGNER_TIME,
                    severity=Severity.WARNING,
                    detail="the recording was erased after the certificate of the camera had ended",
                )
            if not one.has_manifest:
                yield one.link


def _of_recording(verdict: Judged, found: Found) -> Iterator[Finding]:
    match verdict.worth:
        case Worth.GOOD:
            return
        case Worth.DENIED if verdict.led:
            return  # the CA's, which is denied: what the camera signed since says that it made this
        case Worth.DENIED:
            yield found(kind=FindingKind.SIGNER_DENIED, severity=Severity.ERROR, detail=verdict.why)
        case Worth.EARLY if not verdict.led:
            yield found(kind=FindingKind.SIGNER_TIME, severity=Severity.ERROR, detail=verdict.why)
        case Worth.EARLY | Worth.ENDED:
            led = "; a later recording that counts leads back to it" if verdict.led else ""
            yield found(kind=FindingKind.SIGNER_TIME, severity=Severity.WARNING, detail=verdict.why + led)
