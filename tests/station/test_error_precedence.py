"""The codes of a station's commands come in the order of their declarations (spec: Error codes)."""

import asyncio

import pytest

from bwc_protocol.declare import COMMANDS
from bwc_protocol.messages.identity import Capability
from bwc_protocol.messages.station import (
    BayVerdict,
    IdentifyBay,
    JudgeBay,
    LeaseBay,
    LockBay,
    ReadBay,
    ReleaseBay,
    SwitchData,
    SwitchPower,
)
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.errors import CommandError

ABSENT, HOT, FULL, OTHER = 9, 1, 2, 3


def judging(docking: int) -> list[JudgeBay]:
    """Each breaks one precondition less than the one before."""
    none = BayVerdict.NONE
    return [
        JudgeBay(bay=ABSENT, docking=99, verdict=none, seconds=1),
        JudgeBay(bay=ABSENT, docking=99, verdict=none, seconds=1),
        JudgeBay(bay=HOT, docking=99, verdict=none, seconds=1),
        JudgeBay(bay=FULL, docking=99, verdict=none, seconds=1),
        JudgeBay(bay=FULL, docking=docking, verdict=none, seconds=1),
    ]


def locking() -> list[LockBay]:
    """As above."""
    return [LockBay(bay=bay, docking=99, seconds=1) for bay in (ABSENT, ABSENT, HOT, FULL)]


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
                *judging(full.docking)[1:],
                *locking()[1:],
            ):
                with pytest.raises(CommandError) as refused:
                    await device.connection.call(request)
                found.setdefault(request.name, []).append(refused.value.code.name)
            station.profile.capabilities &= ~(Capability.BAY_LIGHTS | Capability.BAY_LOCKS)
            for request in (judging(full.docking)[0], locking()[0]):
                with pytest.raises(CommandError) as refused:
                    await device.connection.call(request)
                found[request.name].insert(0, refused.value.code.name)
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
