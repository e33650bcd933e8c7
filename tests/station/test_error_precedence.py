"""The codes of a station's commands come in the order of their declarations (spec: Error codes)."""

import asyncio

import pytest

from bwc_protocol.declare import COMMANDS
from bwc_protocol.messages.station import (
    IdentifyBay,
    LeaseBay,
    ReadBay,
    ReleaseBay,
    SwitchData,
    SwitchPower,
)
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.errors import CommandError

ABSENT, HOT, FULL, OTHER = 9, 1, 2, 3


@pytest.mark.rule("MSG-018")
def test_what_a_station_refuses_it_refuses_in_the_order_of_the_declaration(station, host, play) -> None:
    async def scenario() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        async with host(station) as device:
            await asyncio.sleep(5)
            station.bays[HOT].heat_dc = 700
            await asyncio.sleep(3)
            hot, full = station.bays[HOT], station.bays[FULL]
            await device.connection.call(
                LeaseBay(bay=OTHER, docking=station.bays[OTHER].docking, label="BWC-1", seconds=60)
            )
            for request in (
                ReadBay(bay=ABSENT),
                IdentifyBay(bay=ABSENT, seconds=1),
                SwitchPower(bay=ABSENT, on=False),
                SwitchPower(bay=HOT, on=False),
                SwitchData(bay=ABSENT, on=False),
                SwitchData(bay=HOT, on=False),
                ReleaseBay(bay=ABSENT, incident=99),
                ReleaseBay(bay=HOT, incident=99),
                ReleaseBay(bay=HOT, incident=hot.incident),
                LeaseBay(bay=ABSENT, docking=99, label=" ", seconds=1),
                LeaseBay(bay=FULL, docking=99, label=" ", seconds=1),
                LeaseBay(bay=FULL, docking=full.docking, label=" ", seconds=1),
            ):
                with pytest.raises(CommandError) as refused:
                    await device.connection.call(request)
                found.setdefault(request.name, []).append(refused.value.code.name)
            with pytest.raises(CommandError, match="another bay"):
                await device.connection.call(
                    LeaseBay(bay=FULL, docking=full.docking, label="BWC-1", seconds=1)
                )
        return found

    found = play(scenario())
    declared = {
        command.name: [code.name for code, _ in command.errors]
        for command in COMMANDS.values()
        if command.answered_by == {PeerKind.STATION} and command.errors
    }
    assert found == declared
