"""What evidence costs: encryption to an offload and to a camera that records, the custody chain to a store."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from bwc_protocol.evidence import CHUNK_SIZE, TriggerReason
from bwc_protocol.evidence.sealing import KEY_SIZE, Sealer
from bwc_protocol.evidence.vocabulary import TAG_SIZE
from bwc_protocol.lab.agency import LabAgency
from firmware_sim.camera.camera import SimCamera
from firmware_sim.scenarios import make_camera
from tools.bench.offloading import LISTEN, MIB, OURS, warm
from tools.bench.process import BenchError, Sample, run_child, serving
from tools.bench.result import Result, compare
from tools.bench.sessions import simulator

UNCHAINED: Final = "tools.bench.unchained_receiver"
CHAINED: Final = (500, 1)
CHAINED_QUICK: Final = (100, 1)
"""Recordings, MiB each."""
ROOM: Final = 3
"""Free space wanted, in sizes: the throw-away file, the stored one, and a margin."""
FILMS: Final = 5
FILM_MS: Final = 4_000
BEGAN_NS: Final = 1_790_000_000_000_000_000
CHUNKS: Final = 64
"""Chunks of a MiB in one sample."""


def sealed_offload(sizes_mib: list[int], rounds: int | None, store: Path) -> Iterator[Result]:
    """One recording that is encrypted beside one that is not, both by secure sessions: to a dock both are bytes."""
    for mib in sizes_mib:
        _check_room(store, mib)
        camera = ("bwc_sdk", "sim", "--recordings", "1", "--mib", str(mib), "--listen", LISTEN["tcp"])
        with serving(*camera) as sealed, serving(*camera, "--unsealed") as plain:
            contenders = {"sealed": (OURS, sealed, str(mib)), "plain": (OURS, plain, str(mib))}
            found = _in_turns(contenders, mib, rounds or 7, store)
        rate = mib * MIB / 1e6
        rates = {name: [rate / one.seconds for one in samples] for name, samples in found.items()}
        yield compare(
            f"offload tcp {mib} MiB, encrypted / plain",
            "MB/s",
            rates["sealed"],
            rates["plain"],
            aim="≥ 0.95",
        )
        yield _cpu_of(f"offload tcp {mib} MiB, encrypted / plain", found["sealed"], found["plain"])


def custody(quick: bool, mib: int | None, rounds: int | None, store: Path) -> Iterator[Result]:
    """Many small recordings with this host's custody chain beside the same without one."""
    count, each = CHAINED_QUICK if quick or mib else CHAINED
    each = mib or each
    _check_room(store, count * each)
    total = str(count * each)
    camera = simulator("--recordings", str(count), "--mib", str(each), "--listen", LISTEN["tcp"])
    with serving(*camera) as uri:
        contenders = {"chained": (OURS, uri, total), "without": (UNCHAINED, uri, total)}
        found = _in_turns(contenders, count * each, rounds or 5, store)
    name = f"custody chain, {count} × {each} MiB / without"
    seconds = {kind: [one.seconds for one in samples] for kind, samples in found.items()}
    yield compare(name, "s", seconds["chained"], seconds["without"], aim="")
    yield _cpu_of(name, found["chained"], found["without"])


def _cpu_of(name: str, ours: list[Sample], beside: list[Sample]) -> Result:
    """The receiver's processor time, which a busy machine disturbs less than the rate."""
    spent = [[one.cpu_seconds for one in samples] for samples in (ours, beside)]
    return compare(f"{name}, CPU", "s", *spent, aim="")


def _in_turns(
    contenders: dict[str, tuple[str, str, str]], mib: int, rounds: int, store: Path
) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = {name: [] for name in contenders}
    order = list(contenders)
    for _ in range(rounds):
        for name in order:
            module, address, size = contenders[name]
            warm(store, mib)
            target = store / "target"
            target.mkdir()
            try:
                samples[name].append(run_child(module, address, size, target))
            finally:
                shutil.rmtree(target)
        order.reverse()  # neither always runs on what the other left behind
    return samples


def _check_room(store: Path, mib: int) -> None:
    if shutil.disk_usage(store).free < ROOM * mib * MIB:
        raise BenchError(f"{store} has no room for {ROOM} × {mib} MiB")


def recording(rounds: int | None) -> Iterator[Result]:
    """What a simulated camera computes for films that it closes, encoding apart: hashed, kept; signed; and encrypted.

    And a chunk alone, as a camera has it whose picture is made by other silicon: hashed and encrypted beside hashed.
    """
    agency = LabAgency.make(os.urandom)
    kinds: dict[str, tuple[LabAgency | None, bool]] = {
        "neither": (None, False),
        "signed": (agency, False),
        "both": (agency, True),
    }
    spent: dict[str, list[float]] = {kind: [] for kind in kinds}
    order = list(kinds)
    for round_ in range(1 + (rounds or 15)):
        for kind in order:
            seconds = _filming(*kinds[kind])
            if (
                round_
            ):  # the first one encodes the films, which are the same in all, and loads what is loaded once
                spent[kind].append(seconds)
        order.reverse()
    films = f"recording {FILMS} films"
    yield compare(f"{films}, signed / not, CPU", "s", spent["signed"], spent["neither"], aim="")
    yield compare(
        f"{films}, signed and encrypted / neither, CPU", "s", spent["both"], spent["neither"], aim=""
    )
    yield _chunks(rounds or 15)


def _filming(agency: LabAgency | None, sealed: bool) -> float:
    camera = make_camera(seed=1, agency=agency, sealed=sealed)
    try:
        with camera.storage.hurrying():
            return _cpu(lambda: _film(camera))
    finally:
        camera.close()


def _film(camera: SimCamera) -> None:
    for number in range(FILMS):
        began_ns = BEGAN_NS + number * 2 * FILM_MS * 1_000_000
        if camera.recorder.backfill(began_ns, FILM_MS, TriggerReason.OFFICER_BUTTON) is None:
            raise BenchError("a film did not fit")


def _chunks(rounds: int) -> Result:
    sealer, plain = Sealer(bytes(KEY_SIZE)), bytes(CHUNK_SIZE - TAG_SIZE)
    stored = bytes(CHUNK_SIZE)
    ours, beside = [], []
    for _ in range(rounds):
        ours.append(
            _cpu(lambda: [hashlib.sha256(sealer.seal_chunk(0, n, plain)).digest() for n in range(CHUNKS)])
        )
        beside.append(_cpu(lambda: [hashlib.sha256(stored).digest() for _ in range(CHUNKS)]))
    return compare("chunks of 1 MiB, encrypted and hashed / hashed, CPU", "s", ours, beside, aim="")


def _cpu(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin
