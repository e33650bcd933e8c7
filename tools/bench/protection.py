"""What protection costs: secure sessions beside insecure ones, beside the ideal receiver and `ssl.MemoryBIO` alone."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tools.bench.offloading import GIB, IDEAL, MIB, OURS, warm
from tools.bench.process import BenchError, Sample, run_child, serving
from tools.bench.result import Result, compare

RAW: Final = "tools.bench.raw_tls"
RAW_MIB: Final = 64
"""What the raw end keeps sealed in memory before it begins."""
HANDSHAKE_MAX: Final = 3_072
"""Bytes that a handshake should stay below, both directions together."""
AIM_RATE: Final = 0.65
AIM_IDEAL: Final = 0.55
AIM_CPU: Final = 1.6
AIM_INFO: Final = 1.3


def secure_offload(sizes_mib: list[int], rounds: int | None, store: Path) -> Iterator[Result]:
    """For each size: the rate beside the insecure one and the ideal receiver's, and CPU beside the insecure one's."""
    with serving("tools.bench.ideal_sender", "tcp") as ideal:
        for mib in sizes_mib:
            camera = ("bwc_sdk", "sim", "--recordings", "1", "--mib", str(mib))
            with serving(*camera) as secure, serving(*camera, "--insecure") as insecure:
                contenders = {
                    "secure": (OURS, secure),
                    "insecure": (OURS, insecure, "insecure"),
                    "ideal": (IDEAL, ideal),
                }
                samples = _interleaved(contenders, mib, rounds or 7, store)
            yield from _told(samples, mib)


def _interleaved(
    contenders: dict[str, tuple[str, ...]], mib: int, rounds: int, store: Path
) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = {name: [] for name in (*contenders, "raw")}
    order = list(contenders)
    for _ in range(rounds):
        for name in order:
            module, address, *more = contenders[name]
            warm(store, mib)
            target = store / "target"
            target.mkdir()
            try:
                samples[name].append(run_child(module, address, str(mib), target, *more))
            finally:
                shutil.rmtree(target)
        samples["raw"].append(run_child(RAW, str(RAW_MIB)))
        order.reverse()  # neither always runs on what the other left behind
    return samples


def _told(samples: dict[str, list[Sample]], mib: int) -> Iterator[Result]:
    rate = mib * MIB / 1e6
    rates = {name: [rate / one.seconds for one in samples[name]] for name in ("secure", "insecure", "ideal")}
    cpu = {name: [one.cpu_seconds * 1024 / mib for one in samples[name]] for name in ("secure", "insecure")}
    raw = statistics.median(one.cpu_seconds for one in samples["raw"]) * GIB / (RAW_MIB * MIB)
    name = f"secure tcp {mib} MiB"
    beside = f"≥ {AIM_RATE:.2f}"
    yield compare(f"{name} / insecure", "MB/s", rates["secure"], rates["insecure"], aim=beside)
    yield compare(f"{name} / ideal", "MB/s", rates["secure"], rates["ideal"], aim=f"≥ {AIM_IDEAL:.2f}")
    more = {
        "opening it by MemoryBIO alone, CPU s/GiB": raw,
        "peak RSS MiB": max(one.peak_rss_bytes for one in samples["secure"]) / MIB,
    }
    yield compare(f"{name} CPU", "s/GiB", cpu["secure"], cpu["insecure"], aim=f"≤ {AIM_CPU:.2f}", more=more)


def handshake(rounds: int | None) -> Result:
    """Bytes of one handshake, both directions, beside the bound; and what both ends together take for it."""
    from tools.testkit.secure_ends import carry, device_session, host_session

    sizes, taken = [], []
    host_session(), device_session()  # their contexts are kept: what comes later is a handshake alone
    for _ in range(rounds or 50):
        host, device = host_session(), device_session()
        begin = time.perf_counter()
        device.start()
        sizes.append(float(sum(len(data) for _, data in carry(host, device))))
        taken.append((time.perf_counter() - begin) * 1e3)
        if host.peer is None or device.peer is None:
            raise BenchError("the handshake failed")
    more = {"ms, both ends": statistics.median(taken)}
    return compare("handshake", "B", sizes, [float(HANDSHAKE_MAX)] * len(sizes), aim="≤ 1.00", more=more)


def secure_info(rounds: int | None) -> Result:
    """`bwc info` of a secure simulator beside the same of an insecure one, until the process has ended."""
    simulator = ("bwc_sdk", "sim", "--recordings", "0", "--footage", "synthetic")
    with (
        tempfile.TemporaryDirectory(prefix="bwc-bench-") as compiled,
        serving(*simulator) as secure,
        serving(*simulator, "--insecure") as insecure,
    ):
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        env["PYTHONPYCACHEPREFIX"] = compiled
        bwc = [sys.executable, "-m", "bwc_sdk", "info"]
        commands = {
            "secure": [*bwc, "--lab", "--device", secure],
            "insecure": [*bwc, "--allow-insecure", "--device", insecure],
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for round_ in range(1 + (rounds or 15)):
            for name, command in commands.items():
                begin = time.perf_counter()
                if subprocess.run(command, env=env, capture_output=True, check=False).returncode:
                    raise BenchError(f"{' '.join(command)} failed")
                if round_:  # the first one writes the bytecode
                    taken[name].append((time.perf_counter() - begin) * 1e3)
    least = min(taken["secure"]) / min(taken["insecure"])
    more = {"ratio of the quickest": least}
    return compare(
        "bwc info, secure", "ms", taken["secure"], taken["insecure"], aim=f"≤ {AIM_INFO:.2f}", more=more
    )
