"""Arrivals and departures are told by slot, within a second, and nothing is opened or kept for it."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from itertools import accumulate
from types import SimpleNamespace
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.bindings.ble import PAIRING_WINDOW_S
from bwc_sdk.discovery import watching
from bwc_sdk.discovery.slots import Slot, slots_of
from bwc_sdk.discovery.watching import (
    FAILURES_MAX,
    HEARD_MAX,
    SILENT_S,
    Arrived,
    Change,
    Departed,
    Sighting,
    watch,
)
from bwc_sdk.errors import TransportError
from firmware_sim.virtual_time import run_virtual
from tools.testkit.air import Air, in_the_air


def seen(path: str, uri: str, plugging: str = "", **other: Any) -> Sighting:
    facts = {"usb_id": "1209:0001", "description": "camera", "accessible": True, **other}
    return Sighting(Slot(uri=uri, port_path=path, **facts), plugging)


def told(
    look: Callable[[float], Iterable[Sighting]], until_s: float, **options: Any
) -> list[tuple[float, Change]]:
    """What is told within a time, and when; `look` says what is plugged in at a time."""

    async def main() -> list[tuple[float, Change]]:
        loop = asyncio.get_running_loop()
        found: list[tuple[float, Change]] = []
        try:
            async with (
                asyncio.timeout(until_s),
                aclosing(watch(look=lambda: look(loop.time()), **options)) as changes,
            ):
                async for change in changes:
                    found.append((loop.time(), change))
        except TimeoutError:
            pass
        return found

    return run_virtual(main())


def short(changes: list[tuple[float, Change]]) -> list[str]:
    return [f"{'+' if isinstance(change, Arrived) else '-'}{change.name}" for _, change in changes]


ONE = seen("1-4.2", "serial:/dev/ttyACM0")
TWO = seen("1-5", "serial:/dev/ttyACM1")


def test_what_is_there_is_told_first_and_at_once() -> None:
    changes = told(lambda at: [ONE, TWO], 5)
    assert short(changes) == ["+1-4.2", "+1-5"]
    assert [at for at, _ in changes] == [0, 0]


def test_an_arrival_and_a_departure_are_told_within_a_second() -> None:
    changes = told(lambda at: [ONE] if 10.01 <= at < 20.01 else [], 30)
    assert short(changes) == ["+1-4.2", "-1-4.2"]
    assert changes[0][0] - 10.01 < 1 and changes[1][0] - 20.01 < 1
    assert changes[1][1].slot == ONE.slot


def test_a_slot_keeps_its_name_when_the_port_gets_another_one() -> None:
    other = seen("1-4.2", "serial:/dev/ttyACM7")
    changes = told(lambda at: [ONE] if at < 3 else [] if at < 6 else [other], 10)
    assert short(changes) == ["+1-4.2", "-1-4.2", "+1-4.2"]
    assert [change.slot.uri for _, change in changes[1:]] == ["serial:/dev/ttyACM0", "serial:/dev/ttyACM7"]


@pytest.mark.parametrize(
    "after",
    [
        seen("1-4.2", "serial:/dev/ttyACM0", "18"),
        seen("1-4.2", "serial:/dev/ttyACM1", "17"),
        seen("1-4.2", "serial:/dev/ttyACM0", "17", usb_id="1209:0002"),
        seen("1-4.2", "serial:/dev/ttyACM0", "17", accessible=False),
    ],
    ids=["plugged in again", "another name", "another device", "another right"],
)
def test_what_changed_between_two_looks_is_a_departure_and_an_arrival(after: Sighting) -> None:
    before = seen("1-4.2", "serial:/dev/ttyACM0", "17")
    changes = told(lambda at: [before] if at < 3 else [after], 6)
    assert short(changes) == ["+1-4.2", "-1-4.2", "+1-4.2"]
    assert changes[-1][1].slot == after.slot


def test_another_wording_is_no_change() -> None:
    changes = told(lambda at: [seen("1-4.2", "serial:/dev/ttyACM0", description=f"{at}")], 10)
    assert short(changes) == ["+1-4.2"]


def test_a_device_is_told_once_the_system_is_done_with_it() -> None:
    """The access rights of a new port come a moment after the port."""
    early = seen("1-4.2", "serial:/dev/ttyACM0", accessible=False)
    changes = told(lambda at: [] if at < 2.1 else [early] if at < 2.3 else [ONE], 6)
    assert short(changes) == ["+1-4.2"]
    assert changes[0][1].slot.accessible and changes[0][0] - 2.1 < 1


def test_what_came_and_went_between_two_looks_is_not_told() -> None:
    assert told(lambda at: [ONE] if 2.1 < at < 2.3 else [], 5) == []


def test_the_ports_of_one_device_have_names_of_their_own_whatever_they_are_called() -> None:
    def ports(first: int) -> list[Sighting]:
        listed = [
            SimpleNamespace(
                device=f"/dev/ttyUSB{first + n}", location=f"1-3:1.{n}", vid=1, pid=2, description=""
            )
            for n in range(4)
        ]
        return [Sighting(slot) for slot in slots_of(reversed(listed))]

    changes = told(lambda at: ports(0) if at < 2 else ports(8), 5)
    names = ["1-3", "1-3#2", "1-3#3", "1-3#4"]
    assert short(changes[:4]) == [f"+{name}" for name in names]
    again = {change.name: change.slot.uri for _, change in changes[8:]}
    assert again == {name: f"serial:/dev/ttyUSB{8 + n}" for n, name in enumerate(names)}


def test_what_is_not_on_usb_is_named_by_its_uri() -> None:
    uart = seen("", "serial:/dev/ttyS0", usb_id="")
    assert short(told(lambda at: [uart], 1)) == ["+serial:/dev/ttyS0"]


def test_a_look_that_fails_now_and_then_ends_nothing() -> None:
    calls = iter(range(10_000))

    def look(at: float) -> list[Sighting]:
        if next(calls) % 3:
            raise OSError("it went away while it was looked at")
        return [ONE]

    assert short(told(look, 60)) == ["+1-4.2"]


def test_looks_that_all_fail_are_an_error() -> None:
    def look(at: float) -> list[Sighting]:
        raise PermissionError("no")

    with pytest.raises(TransportError):
        told(look, FAILURES_MAX + 1)


def test_a_slow_reader_is_told_the_difference_and_nothing_is_queued() -> None:
    async def main() -> list[Change]:
        loop = asyncio.get_running_loop()
        count = iter(range(100_000))

        def look() -> list[Sighting]:
            at = loop.time()
            return [seen("1-4", "serial:/dev/ttyACM0", str(next(count)))] if at < 500 else [TWO]

        found: list[Change] = []
        async with aclosing(watch(look=look)) as changes:
            async for change in changes:
                found.append(change)
                if isinstance(change, Arrived) and change.name == "1-5":
                    return found
                await asyncio.sleep(1000)
        return found

    assert [type(change) for change in run_virtual(main())] == [Arrived, Departed, Arrived]


def test_thousands_of_changes_leave_nothing_behind() -> None:
    changes, size = watching.Changes(), 0
    tracemalloc.start()
    try:
        for number in range(4_000):
            there = [seen(f"1-{n}", f"serial:/dev/ttyACM{number}{n}", str(number // 2)) for n in range(4)]
            assert len(changes.since(there)) <= 8
            if number == 500:
                gc.collect()
                size = tracemalloc.get_traced_memory()[0]
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < size + 20_000
    finally:
        tracemalloc.stop()


# On the air


@dataclass
class Radio:
    """Bluetooth as far as `watch` uses it."""

    talking: Callable[[float], list[str]]
    listening: bool = False

    @asynccontextmanager
    async def hearing(self, heard: Callable[[Any], None], name: str = "") -> AsyncIterator[None]:
        async def talk() -> None:
            loop = asyncio.get_running_loop()
            while True:
                for address in self.talking(loop.time()):
                    heard(
                        SimpleNamespace(
                            device=SimpleNamespace(address=address), signal_dbm=-60 - loop.time() % 7
                        )
                    )
                await asyncio.sleep(0.1)

        talking = asyncio.create_task(talk())
        self.listening = True
        try:
            yield
        finally:
            self.listening = False
            talking.cancel()


def test_a_camera_on_the_air_arrives_when_it_is_heard_and_departs_when_it_falls_silent() -> None:
    radio = Radio(lambda at: ["AA:00"] if 5 <= at < 20 or 25 <= at < 40 else [])
    changes = told(lambda at: [ONE], 100, bluetooth=radio)
    assert short(changes) == ["+1-4.2", "+ble:AA:00", "-ble:AA:00"]
    assert changes[1][0] - 5 < 1 and 0 <= changes[2][0] - 40 - SILENT_S < 1
    assert not radio.listening


def test_bleak_hears_a_camera_whose_button_is_pressed_until_its_window_closes() -> None:
    async def use(air: Air) -> None:
        port = await air.camera(docked=False, settings={})
        loop = asyncio.get_running_loop()
        async with aclosing(watch(look=lambda: [], bluetooth=await air.host())) as changes:
            pressed = loop.call_later(5, port.camera.radio.press)
            arrived = await anext(changes)
            assert isinstance(arrived, Arrived) and arrived.slot.uri == port.uri
            assert loop.time() - pressed.when() < 1
            assert isinstance(await anext(changes), Departed)
            assert abs(loop.time() - pressed.when() - PAIRING_WINDOW_S - SILENT_S) < 1
        assert not port.camera.sessions

    in_the_air(use)


def test_a_flood_of_addresses_is_bounded() -> None:
    def talking(at: float) -> list[str]:
        return [f"{at}-{n}" for n in range(20)]

    changes = told(lambda at: [], 13, bluetooth=Radio(talking))
    steps = [1 if isinstance(change, Arrived) else -1 for _, change in changes]
    assert max(accumulate(steps)) == HEARD_MAX


def test_the_radio_is_used_only_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bwc_sdk.discovery.watching._listen", lambda *given: pytest.fail("it listens"))
    assert short(told(lambda at: [ONE], 2)) == ["+1-4.2"]


# By this machine, and for blocking programs


def test_this_machines_ports_are_looked_at_and_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serial.Serial.open", lambda self: pytest.fail("it opens a port"))
    assert isinstance(watching.local(uarts=True), list)


def test_a_usb_device_has_a_mark_for_each_plugging(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "1-4").mkdir()
    (tmp_path / "1-4" / "devnum").write_text("23\n")
    real = watching.Path
    monkeypatch.setattr(watching, "Path", lambda root, *rest: real(tmp_path, *rest))
    monkeypatch.setattr(watching, "slots", lambda uarts: (seen("1-4", "a").slot, seen("1-5", "b").slot))
    assert [one.plugging for one in watching.local()] == ["23\n", ""]


def test_a_blocking_program_sees_the_same() -> None:
    from bwc_sdk.sync import watch as blocking

    changes = blocking(look=lambda: [ONE, TWO], timeout=10)
    assert [next(changes).name, next(changes).name] == ["1-4.2", "1-5"]
    changes.close()


def test_it_is_public() -> None:
    assert bwc_sdk.watch is watch and bwc_sdk.Arrived is Arrived and bwc_sdk.Departed is Departed
