"""The command line of the benchmarks: chooses, runs, prints."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tools.bench.docking import docking
from tools.bench.evidence import custody, recording, sealed_offload
from tools.bench.listing import listing
from tools.bench.offloading import offloading
from tools.bench.process import BenchError
from tools.bench.protection import handshake, secure_info, secure_offload
from tools.bench.radio import radio
from tools.bench.recordings import recordings
from tools.bench.result import Result, table, write_json
from tools.bench.round_trips import round_trips
from tools.bench.sessions import INSECURE_ENV
from tools.bench.start_up import start_up
from tools.bench.verifying import verifying

NAMES: Final = (
    "start-up",
    "listing",
    "round-trip",
    "offload-tcp",
    "offload-pty",
    "offload-usb",
    "offload-ble",
    "secure-handshake",
    "secure-info",
    "secure-offload",
    "recordings-large",
    "recordings-small",
    "station-1",
    "station-4",
    "station-16",
    "station-64",
    "evidence-verify",
    "evidence-offload",
    "evidence-custody",
    "evidence-recording",
)
SIZES_MIB: Final = {
    "tcp": [16, 64, 256, 1024],
    "pty": [16, 32],
    "usb": [16, 64, 256],
    "ble": [16],
    "station": [1024],
    "secure": [256, 1024],
    "verify": [256],
}
QUICK_MIB: Final = {
    "tcp": [64],
    "pty": [16],
    "usb": [64],
    "ble": [8],
    "station": [256],
    "secure": [64],
    "verify": [32],
}
QUICK_ROUNDS: Final = 3


def main(arguments: list[str] | None = None) -> int:
    """Runs the chosen benchmarks; 1 when a contender failed."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.benchmark) - set(NAMES)
    if unknown:
        parser.error(f"no benchmark {min(unknown)!r}; there are {', '.join(NAMES)}")
    if chosen.insecure:
        os.environ[INSECURE_ENV] = "1"
    results: list[Result] = []
    try:
        for name in chosen.benchmark or NAMES:
            for result in _run(name, chosen):
                results.append(result)
                print(f"{result.benchmark}: ratio {result.ratio:.2f} (n = {result.n})", file=sys.stderr)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(table(results))
    print(
        "\nOnly the ratios may be quoted, with their n: the other figures are of this machine in this minute."
    )
    if chosen.json is not None:
        write_json(results, chosen.json)
    return 0


def _run(name: str, chosen: argparse.Namespace) -> Iterator[Result]:
    rounds = chosen.rounds or (QUICK_ROUNDS if chosen.quick else None)
    match name:
        case "start-up":
            yield from start_up(rounds)
        case "listing":
            yield from listing(rounds)
        case "round-trip":
            yield from round_trips(rounds)
        case "secure-handshake":
            yield handshake(rounds)
        case "secure-info":
            yield secure_info(rounds)
        case "secure-offload":
            sizes = chosen.mib or (QUICK_MIB if chosen.quick else SIZES_MIB)["secure"]
            with tempfile.TemporaryDirectory(prefix="bwc-bench-", dir=chosen.store) as store:
                yield from secure_offload(sizes, rounds, Path(store))
        case "evidence-verify":
            for mib in chosen.mib or (QUICK_MIB if chosen.quick else SIZES_MIB)["verify"]:
                with tempfile.TemporaryDirectory(prefix="bwc-bench-", dir=chosen.store) as store:
                    yield verifying(mib, rounds, Path(store))
        case "evidence-offload":
            sizes = chosen.mib or (QUICK_MIB if chosen.quick else SIZES_MIB)["secure"]
            with tempfile.TemporaryDirectory(prefix="bwc-bench-", dir=chosen.store) as store:
                yield from sealed_offload(sizes, rounds, Path(store))
        case "evidence-custody":
            for mib in chosen.mib or [None]:
                with tempfile.TemporaryDirectory(prefix="bwc-bench-", dir=chosen.store) as store:
                    yield from custody(chosen.quick, mib, rounds, Path(store))
        case "evidence-recording":
            yield from recording(rounds)
        case "recordings-large" | "recordings-small":
            with tempfile.TemporaryDirectory(prefix="bwc-bench-", dir=chosen.store) as store:
                kind = name.removeprefix("recordings-")
                for mib in chosen.mib or [None]:
                    yield from recordings(kind, chosen.quick, mib, rounds, Path(store))
        case _ if name.startswith("station-"):
            sizes = chosen.mib or (QUICK_MIB if chosen.quick else SIZES_MIB)["station"]
            with tempfile.TemporaryDirectory(prefix="bwc-bench-", dir=chosen.store) as store:
                yield from docking(int(name.removeprefix("station-")), sizes, rounds, Path(store))
        case _:
            link = name.removeprefix("offload-")
            sizes = chosen.mib or (QUICK_MIB if chosen.quick else SIZES_MIB)[link]
            with tempfile.TemporaryDirectory(prefix="bwc-bench-", dir=chosen.store) as store:
                measure = (
                    radio(sizes, rounds, Path(store))
                    if link == "ble"
                    else offloading(link, sizes, rounds, Path(store))
                )
                yield from measure


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench", description="Ours beside the least possible."
    )
    parser.add_argument("benchmark", nargs="*", help=f"which ones: {', '.join(NAMES)} (default: all)")
    parser.add_argument("--mib", type=int, nargs="+", help="sizes of the offloads")
    parser.add_argument("--rounds", type=int, help="rounds of each benchmark")
    parser.add_argument("--quick", action="store_true", help=f"one size, {QUICK_ROUNDS} rounds")
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="without protection, as what stands beside ours: what aims are of",
    )
    parser.add_argument(
        "--store", type=Path, help="directory on the disk to measure (default: for temporary files)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to a file as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
