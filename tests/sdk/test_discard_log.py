"""What a line throws away is told with its reason, in the log, now and then, and never what it was."""

import asyncio
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bwc_sdk
from bwc_protocol.counting import Counts
from bwc_sdk import (
    ChannelCounters,
    Counters,
    DiscardReason,
    LinkCounters,
    MessageCounters,
    MessageDiscard,
    Role,
    StreamCounters,
    StreamDiscard,
)
from bwc_sdk.connection.discard_log import EVERY_S, DiscardLog, described
from bwc_sdk.errors import BwcError, CommandTimeout
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import OffloadPolicy, offload
from firmware_sim.faults.plan import FaultCount, FaultPlan
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera, make_station
from firmware_sim.virtual_time import run_virtual

LOGGER = "bwc_sdk.connection.discard_log"


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == LOGGER]


def test_every_reason_is_told_in_words() -> None:
    for reason in DiscardReason:
        counts = Counts(DiscardReason, {reason: 2})
        assert list(described(Counters(link=LinkCounters(discarded=counts)))) == [
            f"discarded 2 frames: {reason.value}"
        ]
    everything = Counters(
        LinkCounters(skipped_bytes=1, retransmissions=2, timeouts=1, void_acks=1),
        ChannelCounters(discarded=Counts(DiscardReason, {DiscardReason.DUPLICATE: 1})),
        MessageCounters(discarded=Counts(MessageDiscard, {MessageDiscard.LATE_REPLY: 1})),
        StreamCounters(discarded=Counts(StreamDiscard, {StreamDiscard.GIVEN_UP: 3})),
        events_unread=4,
    )
    assert list(described(everything)) == [
        "discarded 1 byte outside of any frame",
        "sent 2 frames again after 1 timeout",
        "ignored 1 acknowledgement of what is not in flight",
        "discarded 1 frame of its channel: came before",
        "discarded 1 message: the answer to what nobody waits for any more",
        "discarded 3 pieces: of a stream that was given up or has ended",
        "discarded 4 events that nobody read",
    ]
    assert list(described(Counters(LinkCounters(frames_in=9), ChannelCounters(bytes_in=9)))) == []


def test_a_bad_line_is_told_at_most_once_a_second_and_nothing_of_what_passed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="bwc_sdk")
    lived_s = 0.0
    connections = 0

    async def scenario() -> None:
        nonlocal lived_s, connections
        device = make_camera(seed=3, recordings=1, mib=1, footage=Footage.SYNTHETIC)
        faults = FaultCount(FaultPlan.parse("flip=1e-6,duplicate=0.1,drop=0.05", 5))

        async def connect() -> bwc_sdk.Camera:
            nonlocal connections
            connections += 1
            transport = MemoryTransport(device, faults=faults, rate=100_000, name="sim:bad")
            return await bwc_sdk.connect(transport, role=Role.DOCK_OFFLOAD, allow_insecure=True)

        world = World(workers=InlineWorkers())
        policy = OffloadPolicy(attempts=8, allow_slow=True)
        result = await offload(connect, tmp_path, world=world, policy=policy, allow_insecure=True).run()
        lived_s = asyncio.get_running_loop().time()
        assert result.complete and result.counters.link.discarded[DiscardReason.DUPLICATE] > 20

    run_virtual(scenario(), limit_s=3_600)
    told = _told(caplog)
    reasons = "|".join(
        re.escape(reason.value) for reason in [*DiscardReason, *MessageDiscard, *StreamDiscard]
    )
    sentence = (
        rf"discarded \d+ (frames?( of its channel)?|messages?|pieces?): ({reasons})"
        r"|discarded \d+ bytes? outside of any frame|discarded \d+ events? that nobody read"
        r"|sent \d+ frames? again after \d+ timeouts?"
        r"|ignored \d+ acknowledgements? of what is not in flight"
    )
    assert told
    for line in told:
        assert re.fullmatch(rf"sim:bad: ({sentence})(; ({sentence}))*", line), line
    assert any(DiscardReason.DUPLICATE.value in line for line in told)
    # One for the line, one for the connection, and the last of each.
    assert len(told) <= 2 * (lived_s / EVERY_S + 2 * connections)


def test_what_is_told_adds_up_to_what_was_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="bwc_sdk")

    async def scenario() -> LinkCounters:
        faults = FaultPlan.parse("duplicate=0.3", 5)
        camera = await bwc_sdk.connect(
            MemoryTransport(make_camera(seed=3), faults=faults), allow_insecure=True
        )
        for _ in range(30):
            await camera.device.status()
            await asyncio.sleep(0.3)
        await camera.close()
        return camera.connection.driver.endpoint.link.counters  # to the very end, the farewell included

    counted = run_virtual(scenario(), limit_s=600)
    duplicates = [
        int(n) for n in re.findall(r"discarded (\d+) frames?: came before", "\n".join(_told(caplog)))
    ]
    assert len(duplicates) > 3
    assert sum(duplicates) == counted.discarded[DiscardReason.DUPLICATE], "each once, the last ones as well"


def test_an_answer_that_comes_too_late_is_told_while_the_connection_lives(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="bwc_sdk")

    async def scenario() -> None:
        async with bwc_sdk.connect(
            MemoryTransport(make_camera(seed=3), rate=4_000), allow_insecure=True
        ) as camera:
            camera.connection.call_timeout_s = 0.001
            with pytest.raises(CommandTimeout):
                await camera.battery.status()
            await asyncio.sleep(10)
            assert any(MessageDiscard.LATE_REPLY.value in line for line in _told(caplog))

    run_virtual(scenario(), limit_s=600)


def test_noise_that_never_becomes_a_link_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="bwc_sdk")

    async def scenario() -> None:
        with pytest.raises(BwcError):
            await bwc_sdk.connect(
                MemoryTransport(make_camera(seed=3), faults=FaultPlan.parse("flip.rx=0.1", 5)),
                allow_insecure=True,
            )

    run_virtual(scenario(), limit_s=600)
    assert any("outside of any frame" in line for line in _told(caplog))


def test_what_a_bay_meets_is_told_of_the_bay(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="bwc_sdk")

    async def scenario() -> None:
        device = make_station(2, seed=3)
        transport = MemoryTransport(device, faults=FaultPlan.parse("duplicate=0.5", 5), name="sim:station")
        async with (
            bwc_sdk.connect_station(transport, allow_insecure=True) as station,
            station.camera(2) as camera,
        ):
            for _ in range(20):
                await camera.device.status()
        device.close()

    run_virtual(scenario(), limit_s=600)
    told = _told(caplog)
    assert any(line.startswith("sim:station?bay=2: ") and "of its channel" in line for line in told)
    assert any(line.startswith("sim:station: discarded") for line in told)


def test_nothing_is_counted_for_a_log_that_nobody_reads(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="bwc_sdk")

    async def scenario() -> None:
        faults = FaultPlan.parse("duplicate=0.5", 5)
        async with bwc_sdk.connect(
            MemoryTransport(make_camera(seed=3), faults=faults), allow_insecure=True
        ) as camera:
            await camera.device.status()

    run_virtual(scenario(), limit_s=600)
    assert _told(caplog) == []


def test_nothing_is_counted_up_unless_it_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="bwc_sdk")

    def count() -> Counters:
        raise AssertionError("nobody wants to know")

    log = DiscardLog("sim:", count)
    log.look(5.0)
    log.end()


PROBE = """
import logging, sys
from bwc_sdk.__main__ import main
main(sys.argv[1:])
logging.getLogger("bleak.backends").debug("what passed: footage")
logging.getLogger("asyncio").info("of others")
logging.getLogger("bwc_sdk.connection.link_driver").debug("ours")
"""


def test_vv_shows_the_logs_of_the_sdk_and_not_what_libraries_write_of_what_passes() -> None:
    command = [sys.executable, "-c", PROBE, "-vv", "info", "-d", "sim:?seed=3&faults=duplicate=0.5"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "ours" in done.stderr and "discarded" in done.stderr and "came before" in done.stderr
    assert "footage" not in done.stderr and "of others" not in done.stderr
