"""What a soak knows of the device and of the store, and holds each new sight against."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hil_tests.soak.invariants import hold
from hil_tests.soak.sight import Sight

Found = dict[str, tuple[int, int]]
"""Size and inode of each file under a final name."""


@dataclass(slots=True)
class Ledger:
    """Grows by what each cycle learns; made anew from the journal of a soak that is resumed."""

    recordings: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Sequence number and hash of the manifest, of all that was ever listed."""
    annotations: dict[str, int] = field(default_factory=dict)
    """How many were said of each that is still listed."""
    erased: set[str] = field(default_factory=set)
    """Of these, what the device has signed a tombstone of."""
    log: tuple[int, str] = (0, "")
    """Number and hash of the newest entry of the device's log that was seen."""
    counters: dict[str, int] = field(default_factory=dict)
    files: Found = field(default_factory=dict)

    @classmethod
    def of(cls, learned: Iterable[Mapping[str, Any]]) -> Ledger:
        """What earlier cycles learned, in their order."""
        ledger = cls()
        for one in learned:
            ledger.take(one)
        return ledger

    def take(self, learned: Mapping[str, Any]) -> None:
        """Takes what a cycle learned."""
        for name, (sequence, sha256) in learned.get("recordings", {}).items():
            self.recordings[name] = (sequence, sha256)
        self.erased |= set(learned.get("erased", ()))
        self.annotations |= learned.get("annotations", {})
        sequence, sha256 = learned.get("log", self.log)
        self.log = (sequence, sha256)
        self.counters |= learned.get("counters", {})
        self.files |= {name: (size, inode) for name, (size, inode) in learned.get("files", {}).items()}

    # The device

    def look(self, sight: Sight) -> dict[str, Any]:
        """Holds what is seen of the device against what is known, and gives what is new; raises `InvariantBroken`."""
        listed = sight.recordings
        for name, (sequence, sha256) in self.recordings.items():
            there = listed.get(name)
            if there is not None:
                hold(
                    "I2",
                    (there.sequence, there.manifest_sha256) == (sequence, sha256),
                    f"recording {sequence} ({name}) has the manifest {there.manifest_sha256[:16]}, and had "
                    f"{sha256[:16]}",
                )
                said = self.annotations.get(name, 0)
                hold(
                    "I10",
                    there.annotations >= said,
                    f"of recording {sequence} {there.annotations} things are said, and {said} were",
                )
            else:
                hold(
                    "I1",
                    name in sight.erased,
                    f"recording {sequence} ({name}) is no longer listed, and was not erased",
                )
        self._account(sight)
        self._counters(sight)
        new_log = (sight.log_sequence, sight.log_sha256)
        return {
            "recordings": {
                name: (one.sequence, one.manifest_sha256)
                for name, one in listed.items()
                if name not in self.recordings
            },
            "annotations": {
                name: one.annotations
                for name, one in listed.items()
                if self.annotations.get(name) != one.annotations
            },
            "erased": sorted(sight.erased - self.erased),
            "log": new_log,
            "counters": {k: v for k, v in sight.counters.items() if self.counters.get(k) != v},
        }

    def _account(self, sight: Sight) -> None:
        """The device's own numbers agree: no gap, and as many as it says."""
        numbers = sorted([one.sequence for one in sight.recordings.values()] + sorted(sight.erased_numbers))
        gaps = [number for number in range(1, (numbers or [0])[-1]) if number not in set(numbers)]
        hold("I1", not gaps, f"recordings {gaps[:10]} are neither listed nor erased")
        listed = len(sight.recordings)
        hold(
            "I1",
            sight.stated == listed,
            f"the device says that it has {sight.stated} recordings, and lists {listed}",
        )

    def _counters(self, sight: Sight) -> None:
        for name, value in sight.counters.items():
            before = self.counters.get(name, value)
            hold("I13", value >= before, f"{name} went back from {before} to {value}")

    # The store

    def look_at_files(self, store: Path) -> dict[str, Any]:
        """Holds the final names of the store against those of before, and gives what is new; raises
        `InvariantBroken`."""
        found = final_names(store)
        for name, (size, inode) in self.files.items():
            hold("I4", name in found, f"{name} is gone from the store")
            hold("I4", found[name] == (size, inode), f"{name} was written again")
        return {"files": {name: facts for name, facts in found.items() if name not in self.files}}

    def look_at_erased(self, stored: Set[str]) -> None:
        """What was erased is stored: `stored` are the recordings in the store, by their ids."""
        for name in self.erased & self.recordings.keys():
            sequence, _ = self.recordings[name]
            hold("I1", name in stored, f"recording {sequence} ({name}) was erased, and is not stored")


FOOTAGE: tuple[str, ...] = (".mp4", ".sealed")


def final_names(store: Path) -> Found:
    """The footage under final names."""
    found: Found = {}
    with os.scandir(store) as entries:
        for entry in entries:
            if entry.name.endswith(FOOTAGE) and not entry.name.startswith("."):
                facts = entry.stat(follow_symlinks=False)
                found[entry.name] = (facts.st_size, facts.st_ino)
    return found
