"""Round trips: a request through all layers beside a bare asyncio echo of as many bytes."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import bwc_sdk
from bwc_sdk.clients.camera import Camera
from tools.bench.process import serving
from tools.bench.result import Result, compare
from tools.bench.sessions import aim, insecure, simulator

COUNT: Final = 500
"""Round trips of one sample."""
ROUNDS: Final = 9
AIM: Final = "≤ 1.50"

RoundTrip = Callable[[], Awaitable[object]]


def round_trips(rounds: int | None) -> Iterator[Result]:
    """Median times of a battery status, and the rates; the camera and the echo are processes of their own."""
    with serving(*simulator("--recordings", "0", "--listen", "tcp:127.0.0.1:0")) as uri:
        yield asyncio.run(_measure(uri, rounds or ROUNDS))


async def _measure(uri: str, rounds: int) -> Result:
    async with bwc_sdk.connect(uri, allow_insecure=insecure(), lab=not insecure()) as camera:
        size = await _reply_bytes(camera)
        with serving("tools.bench.echo_server", str(size)) as echo:
            host, _, port = echo.removeprefix("tcp:").rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            block = bytes(size)

            async def bare() -> None:
                writer.write(block)
                await reader.readexactly(size)

            ours: list[list[float]] = []
            beside: list[list[float]] = []
            for _ in range(rounds):
                beside.append(await _times(bare))
                ours.append(await _times(camera.battery.status))
            writer.close()
    return compare(
        f"round trip tcp, {size} bytes",
        "us",
        [statistics.median(times) * 1e6 for times in ours],
        [statistics.median(times) * 1e6 for times in beside],
        aim=aim(AIM),
        more={"requests/s": _rate(ours), "echo's": _rate(beside)},
    )


async def _reply_bytes(camera: Camera) -> int:
    """Bytes of the wire for one reply, with its share of acknowledgements."""
    before = camera.counters.link.bytes_in
    for _ in range(COUNT):  # and everything is warm
        await camera.battery.status()
    return round((camera.counters.link.bytes_in - before) / COUNT)


async def _times(round_trip: RoundTrip) -> list[float]:
    times = []
    for _ in range(COUNT):
        begin = time.perf_counter()
        await round_trip()
        times.append(time.perf_counter() - begin)
    return times


def _rate(rounds: list[list[float]]) -> float:
    return statistics.median(len(times) / sum(times) for times in rounds)
