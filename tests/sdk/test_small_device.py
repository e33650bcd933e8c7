"""A device that takes little at once, and gives little a page, is served as any other (spec: Messages)."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Request
from bwc_protocol.messages.audit import ReadAudit
from bwc_protocol.messages.battery import ReadBattery
from bwc_protocol.messages.config import ReadConfig, ReadSchema, StageConfig
from bwc_protocol.messages.identity import SMALLEST_REQUEST
from bwc_protocol.messages.recordings import ListRecordings
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.clients.configuration import Value, default_of
from bwc_sdk.connection.turns import Turns
from bwc_sdk.errors import CommandError
from firmware_sim.device.refusal import Refusal
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
        async with bwc_sdk.connect(MemoryTransport(device), allow_insecure=True) as camera:
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
        async with bwc_sdk.connect(MemoryTransport(device), allow_insecure=True) as camera:
            assert [entry.sequence for entry in await camera.recordings.list()] == [1, 2, 3]
            assert len(await camera.config.schema_all()) == len(device.settings.rules)
            assert len(await camera.config.values()) == len(device.settings.rules)
            entries = [entry.sequence async for entry in camera.audit.entries()]
            assert entries == list(range(1, len(entries) + 1)) and len(entries) == 2
        device.close()

    run_virtual(main())


@pytest.mark.rule("MSG-005")
@pytest.mark.rule("MSG-006")
@pytest.mark.parametrize("most", [1, 3, 16])
def test_a_device_that_takes_few_requests_at_once_is_asked_no_more_once_that_is_known(most: int) -> None:
    """BUSY says that nothing was done: a command that changes something may be asked again, under another id."""

    async def main() -> None:
        device = make_camera(seed=3, recordings=0, footage=Footage.SYNTHETIC)
        device.profile.limits = replace(device.profile.limits, requests=most)
        async with bwc_sdk.connect(MemoryTransport(device), allow_insecure=True) as camera:
            conversation = camera.connection.conversation
            assert conversation is not None
            answers: list[int] = []
            conversation.tap = lambda sent, message: None if sent else answers.append(int(message.flags))
            for _ in range(2):
                before = len(answers)
                found = await asyncio.gather(*(camera.battery.status() for _ in range(40)))
                assert len(found) == 40 and len(set(found)) == 1
                refused = answers[before:].count(2)
            assert refused == 0, "the second time it is known"
            assert answers.count(2) <= 2 * 16
        device.close()

    run_virtual(main())


def test_a_device_that_is_busy_with_something_else_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def busy(session: Any, request: ReadBattery) -> Any:
        raise Refusal(ErrorCode.BUSY, "the cell is measured", 500)

    async def main() -> None:
        device = make_camera(seed=3, recordings=0, footage=Footage.SYNTHETIC)
        monkeypatch.setitem(CAMERA.by_opcode, ReadBattery.opcode, busy)
        async with bwc_sdk.connect(MemoryTransport(device), allow_insecure=True) as camera:
            with pytest.raises(CommandError) as refused:
                await camera.battery.status()
            assert refused.value.code is ErrorCode.BUSY and refused.value.retry_after_s == 0.5
            many = await asyncio.gather(*(camera.battery.status() for _ in range(20)), return_exceptions=True)
            assert all(isinstance(error, CommandError) for error in many)
        device.close()

    run_virtual(main())


def test_turns_are_taken_in_order_and_one_that_is_given_up_is_the_next_ones() -> None:
    async def main() -> None:
        turns, entered = Turns(2), []

        async def take(name: str, seconds: float) -> None:
            async with turns:
                entered.append(name)
                await asyncio.sleep(seconds)

        tasks = [asyncio.create_task(take(name, 1.0)) for name in "abcde"]
        await asyncio.sleep(0.5)
        assert entered == ["a", "b"]
        tasks[2].cancel()  # it waits
        tasks[0].cancel()  # it is in
        await asyncio.sleep(0.1)
        assert entered == ["a", "b", "d"]
        turns.fewer_than(2)
        await asyncio.sleep(0.5)  # b is over
        assert entered == ["a", "b", "d"], "there is one place now"
        await asyncio.gather(*tasks, return_exceptions=True)
        assert entered == ["a", "b", "d", "e"]
        turns.fewer_than(0)
        await take("f", 0.0)
        assert entered[-1] == "f", "never to nothing"

    run_virtual(main())


@pytest.mark.parametrize("first", ["cancel", "leave"])
def test_a_turn_that_is_given_and_given_up_in_one_moment_is_not_lost(first: str) -> None:
    async def main() -> None:
        turns = Turns(1)

        async def take() -> None:
            async with turns:
                pass

        await turns.__aenter__()
        waiting = asyncio.create_task(take())
        await asyncio.sleep(0)
        if first == "cancel":
            waiting.cancel()
            await turns.__aexit__()
        else:
            await turns.__aexit__()
            waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(1):
            await take()

    run_virtual(main())
