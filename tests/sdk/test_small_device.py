"""A device that takes little at once, and gives little a page, is served as any other (spec: Messages)."""

from dataclasses import replace
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Request
from bwc_protocol.messages.audit import ReadAudit
from bwc_protocol.messages.config import ReadConfig, ReadSchema, StageConfig
from bwc_protocol.messages.identity import SMALLEST_REQUEST
from bwc_protocol.messages.recordings import ListRecordings
from bwc_sdk.clients.configuration import Value, default_of
from firmware_sim.handlers import CAMERA
from firmware_sim.personalities import small
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera
from firmware_sim.virtual_time import run_virtual


@pytest.mark.rule("MSG-022")
@pytest.mark.parametrize("room", [SMALLEST_REQUEST, 700, 0])
def test_settings_go_in_requests_that_the_device_takes(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = CAMERA.by_opcode[StageConfig.opcode]

    def stage(session: Any, request: StageConfig) -> Any:
        sizes.append(len(request.codec.encode(request)))
        return real(session, request)

    async def main() -> None:
        device = make_camera(seed=3, recordings=0, footage=Footage.SYNTHETIC)
        small(device)
        device.profile.limits = replace(device.profile.limits, body=room)
        monkeypatch.setitem(CAMERA.by_opcode, StageConfig.opcode, stage)
        async with bwc_sdk.connect(MemoryTransport(device)) as camera:
            values: dict[str, Value] = {s.key: default_of(s) for s in await camera.config.schema_all()}
            values |= {"policy.id": "p" * 64, "audio.gain_db": 3}
            await camera.config.apply(values)
            assert await camera.config.values() == values
        device.close()

    run_virtual(main())
    assert sizes and max(sizes) <= (room or StageConfig.codec.size_max)
    assert (len(sizes) == 1) == (room == 0)


@pytest.mark.rule("REC-018")
@pytest.mark.rule("AUD-006")
def test_pages_of_one_entry_are_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def short(command: type[Request[Any]], key: str) -> None:
        real = CAMERA.by_opcode[command.opcode]

        def page(session: Any, request: Any) -> Any:
            whole = real(session, request)
            found = getattr(whole, key)
            page = replace(whole, **{key: found[:1]})
            if len(found) < 2 or command is ReadAudit:
                return page
            after = found[0].sequence if command is ListRecordings else request.start + 1
            return replace(page, next=after)

        monkeypatch.setitem(CAMERA.by_opcode, command.opcode, page)

    async def main() -> None:
        device = make_camera(seed=3, recordings=3, footage=Footage.SYNTHETIC, mib=1)
        for command, key in (
            (ListRecordings, "recordings"),
            (ReadSchema, "settings"),
            (ReadConfig, "settings"),
            (ReadAudit, "entries"),
        ):
            short(command, key)
        async with bwc_sdk.connect(MemoryTransport(device)) as camera:
            assert [entry.sequence for entry in await camera.recordings.list()] == [1, 2, 3]
            assert len(await camera.config.schema_all()) == len(device.settings.rules)
            assert len(await camera.config.values()) == len(device.settings.rules)
            entries = [entry.sequence async for entry in camera.audit.entries()]
            assert entries == list(range(1, len(entries) + 1)) and len(entries) == 2
        device.close()

    run_virtual(main())
