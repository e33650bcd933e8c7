"""A verification under way: what was found so far, by what, and whose hashes are still waited for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from bwc_sdk.evidence.chain import Chains, Link
from bwc_sdk.evidence.findings import Finding, FindingKind, Report
from bwc_sdk.evidence.hashing import Wrong, stretches
from bwc_sdk.evidence.judging import Judging
from bwc_sdk.evidence.left_out import LeftOut
from bwc_sdk.evidence.receipt_reading import Receipts
from bwc_sdk.evidence.statements import Believed
from bwc_sdk.evidence.store import Store


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a verification has come."""

    recordings: int
    of: int
    bytes_hashed: int


@dataclass(slots=True)
class Pending:
    """A segment whose chunks are being hashed."""

    tasks: list[Future[list[Wrong]]]
    found: Callable[..., None]
    name: str
    chunk_size: int


@dataclass(slots=True)
class Verification:
    """One verification under way."""

    believed: Believed | None
    quick: bool
    of: int
    progress: Callable[[Progress], None] | None
    findings: list[Finding] = field(default_factory=list)
    chains: Chains = field(default_factory=Chains)
    judging: Judging = field(default_factory=Judging)
    receipts: Receipts = field(default_factory=Receipts)
    recordings: int = 0
    segments: int = 0
    bytes_hashed: int = 0
    pending: deque[Pending] = field(default_factory=deque)
    stores: tuple[Store, ...] = ()
    left_out: LeftOut = field(default_factory=LeftOut)

    def report(self) -> Report:
        """All of it."""
        return Report(
            findings=tuple(self.findings),
            recordings=self.recordings,
            segments=self.segments,
            bytes_hashed=self.bytes_hashed,
            signed=self.judging.signed,
            quick=self.quick,
            receipts=self.receipts.count,
            one_site=self.receipts.one_site,
            left_out=self.left_out.count,
            cameras=self.chains.spans(),
        )

    def hashed(self, count: int) -> None:
        """Counts bytes; from any thread."""
        self.bytes_hashed += count  # off by little where two workers meet: it is put right at the end
        self.tell()

    def tell(self) -> None:
        """Says how far it has come."""
        if self.progress is not None:
            self.progress(Progress(self.recordings, self.of, self.bytes_hashed))

    def judge(self) -> None:
        """Judges signers, now that everything is known that they signed."""
        for one in self.judging.settle():
            if isinstance(one, Link):
                self.chains.add(one)
            else:
                self.findings.append(one)

    def settle(self, leave: int = 0) -> None:
        """Takes results until no more than `leave` are waited for."""
        while len(self.pending) > leave:
            one = self.pending.popleft()
            wrong = [found for task in one.tasks for found in task.result()]
            for first, last, why in stretches(wrong):
                one.found(
                    FindingKind.UNREADABLE if why else FindingKind.FOOTAGE_DAMAGED,
                    f"{_chunks(first, last)} {why or 'is not what was recorded'}"
                    f" (bytes {first * one.chunk_size} to {(last + 1) * one.chunk_size - 1})",
                    file=one.name,
                    chunks=(first, last),
                )


def _chunks(first: int, last: int) -> str:
    return f"chunk {first}" if first == last else f"each of the chunks {first} to {last}"
