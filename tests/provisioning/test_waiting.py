"""What takes effect later is told where it is applied: on the line, in the record, on its page; with what makes it."""

from __future__ import annotations

import asyncio
from html import escape
from typing import Any

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_sdk.cli.printing.provisioning import done_words
from bwc_sdk.clients.waiting_settings import waiting_of
from bwc_sdk.fitness import Check, Checked, Limits, Standing, check_station
from bwc_sdk.host.world import World
from bwc_sdk.provisioning import Profile, Provisioned
from bwc_sdk.provisioning.history import page_beside
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.station.station import SimStation
from tests.provisioning.conftest import done, roster

LATER = Profile("later", {"mute.allowed": True, "trigger.peer": False, "recording.pre_event_s": 60})
SAID = (
    "applied, and not in effect yet: undock or restart the camera (mute.allowed); "
    "restart the camera with 'bwc reboot' (trigger.peer)"
)


def words(events: list[Any]) -> list[str]:
    (one,) = (event for event in events if isinstance(event, Provisioned))
    return done_words(one)


def test_what_waits_is_told_by_the_line_the_record_and_the_page_and_by_the_second_run_too(
    new_station, bench
) -> None:
    station = new_station(1)
    first, second = bench(station, roster(), LATER), bench(station, roster(), LATER)
    for events, did in ((first, "3 settings changed"), (second, "as the profile has it already")):
        assert words(events)[1:3] == [did, SAID]
        (record,) = done(events).values()
        assert record.document["not_in_effect_yet"] == {
            "mute.allowed": {"in_effect": False, "applied": True, "takes_effect": "on-undock"},
            "trigger.peer": {"in_effect": True, "applied": False, "takes_effect": "on-reboot"},
        }
        page = page_beside(record.path).read_text()
        assert escape(SAID) in page and "true → false, on-reboot" in page


def test_the_check_after_it_says_the_same_and_a_restart_makes_it_fit(new_station, bench, play, world) -> None:
    station = new_station(1)
    bench(station, roster(), LATER)

    def checked(settings: Profile) -> Any:
        async def scenario() -> Any:
            transport = MemoryTransport(station)
            async with bwc_sdk.connect_station(
                transport, role=Role.TECHNICIAN, lab=True, world=world
            ) as link:
                limits = Limits(hours=0.5, assigned=False, profile=settings.settings)
                (one,) = (await check_station(link, limits, self_test=False)).values()
            assert isinstance(one, Checked)
            return next(found for found in one.verdict.findings if found.check is Check.CONFIGURATION)

        return play(scenario())

    found = checked(LATER)
    assert (found.standing, found.detail) == (Standing.UNFIT, SAID) and "'bwc reboot'" in found.advice
    found = checked(Profile("undocking", {"mute.allowed": True}))
    assert found.standing is Standing.WARNING and "take it out of its dock" in found.advice
    play(restarted(station, world))
    assert checked(LATER).standing is Standing.GOOD
    assert words(bench(station, roster(), LATER))[1] == "configured already"


async def restarted(station: SimStation, world: World) -> None:
    """As by `bwc reboot`."""
    transport = MemoryTransport(station)
    async with bwc_sdk.connect_station(transport, role=Role.TECHNICIAN, lab=True, world=world) as link:
        async with link.camera(1) as camera:
            status = await camera.device.status()
            await camera.device.reboot(boot_counter=status.boot_counter)
        await asyncio.sleep(30)  # of virtual time: it is up again


def test_nothing_more_is_asked_of_a_camera_on_which_nothing_waits() -> None:
    class Asked:
        async def state(self) -> Any:
            return type("State", (), {"pending": 0})()

    assert asyncio.run(waiting_of(Asked())) == ()  # any other question would raise
