"""A time in a custody record stands beside what the host knew of its clock at that moment."""

import json
import random
from pathlib import Path

import pytest

from bwc_sdk.host.host_time import HostTime
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import OffloadPolicy, offload
from bwc_sdk.quantity import exact_utc
from firmware_sim.virtual_time import run_virtual

AT_NS = 1_700_000_000_000_000_000


@pytest.mark.parametrize(
    ("known", "stands"),
    [
        (
            HostTime(True, 4_000_000, "chrony", "192.0.2.1"),
            {"synchronised": True, "max_error_ns": 4_000_000, "said_by": "chrony"},
        ),
        (HostTime(False, 0, "kernel"), {"synchronised": False, "max_error_ns": None, "said_by": "kernel"}),
        (HostTime(None, 0), {"synchronised": None, "max_error_ns": None, "said_by": None}),
    ],
    ids=["synchronised", "not", "not-known"],
)
def test_what_the_host_knew_of_its_clock_stands_beside_the_time(
    lab, known: HostTime, stands: dict[str, object]
) -> None:
    disk = lab.disk()
    world = World(
        utc_ns=lambda: AT_NS,
        entropy=random.Random(1).randbytes,
        files=lab.files(disk),
        workers=InlineWorkers(),
        host_time=lambda: known,
    )

    async def main() -> None:
        device = lab.device([lab.recording(1, (40_000,))])
        policy = OffloadPolicy(reserve_bytes=0)
        async for _ in offload(device.connect, Path("/store"), world=world, policy=policy):
            pass

    run_virtual(main())
    (record,) = [json.loads(c) for name, c in disk.final().items() if name.endswith(".custody.json")]
    assert (record["stored_utc_ns"], record["stored_utc"]) == (AT_NS, exact_utc(AT_NS))
    assert record["stored_clock"] == stands
