"""What was said of a recording is checked against the head that is listed."""

from __future__ import annotations

import dataclasses
import random

import pytest

import bwc_sdk
from bwc_protocol.evidence import NO_SHA256
from bwc_sdk.clients.camera import Camera
from bwc_sdk.errors import EvidenceMismatch
from bwc_sdk.host.world import InlineWorkers, World
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import make_camera
from firmware_sim.virtual_time import run_virtual

NOON_NS = 1_800_014_400 * 1_000_000_000


async def said(client: Camera) -> bwc_sdk.RecordingEntry:
    (entry,) = await client.recordings.list()
    named = {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}
    await client.recordings.hold(**named, reason="court", hold="a", case="24-7", authority="judge")
    await client.recordings.review(**named, note="face")
    return (await client.recordings.list())[0]


@pytest.mark.rule("REC-034")
def test_annotations_that_are_not_those_that_were_listed_are_refused() -> None:
    camera = make_camera(seed=4, recordings=1, mib=1, utc_ns=NOON_NS)
    world = World(utc_ns=camera.true_utc_ns, entropy=random.Random(5).randbytes, workers=InlineWorkers())

    async def scenario() -> None:
        async with bwc_sdk.connect(MemoryTransport(camera), world=world, allow_insecure=True) as client:
            entry = await said(client)
            found = await client.recordings.read_annotations(entry)
            assert len(found) == entry.annotations
            assert [(one.hold, one.case, one.authority) for one in found][-2] == ("a", "24-7", "judge")
            surplus = dataclasses.replace(entry, annotations=entry.annotations + 1)
            with pytest.raises(EvidenceMismatch, match="not those that were listed"):
                await client.recordings.read_annotations(surplus)
            listed_before = dataclasses.replace(entry)
            await client.recordings.mark(recording=entry.recording, manifest_sha256=entry.manifest_sha256)
            later = await client.recordings.read_annotations(listed_before)
            assert later[:-1] == found, "what was said since comes with it"
            more = dataclasses.replace(entry, annotations=entry.annotations + 2)
            other = dataclasses.replace(entry, annotations_sha256=bytes(31) + b"x")
            fewer = dataclasses.replace(entry, annotations=entry.annotations - 1)
            for forged in (more, other, fewer):
                with pytest.raises(EvidenceMismatch, match="not those that were listed"):
                    await client.recordings.read_annotations(forged)
            of_before = dataclasses.replace(entry, annotations_sha256=NO_SHA256)
            assert await client.recordings.read_annotations(of_before) == later

    run_virtual(scenario(), limit_s=3_600)
    camera.close()
