"""The SDK with devices of each minor version: what they have works, and what came later is said (spec: Versions)."""

import pickle
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.conversation import Conversation
from bwc_protocol.conversation.message import Flag, Message
from bwc_protocol.declare import COMMANDS, CONTROLS, EVENTS, Request, Role, Unknown
from bwc_protocol.declare.older import codec_as_of
from bwc_protocol.evidence import Manifest, StopReason
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.clock import TimeAssurance, TimeSource
from bwc_protocol.messages.core import ErrorReply
from bwc_protocol.messages.identity import Capability
from bwc_protocol.versions import NEWEST, Version, dotted
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from bwc_sdk import errors
from bwc_sdk.evidence.findings import Verdict
from bwc_sdk.evidence.verify import verify_stores
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import Finished, dock_watch, offload
from firmware_sim.camera.camera import SimCamera
from firmware_sim.control.camera_hands import LoneCameraHands
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import make_camera, make_station
from firmware_sim.station.station import SimStation
from firmware_sim.virtual_time import run_virtual
from tools.generate import samples

UTC_NS = 1_800_014_400 * 1_000_000_000
EVERY: list[Version] = [(1, minor) for minor in range(NEWEST[1] + 1)]
OLDER = EVERY[:-1]
each_version = pytest.mark.parametrize("version", EVERY, ids=dotted)
each_older = pytest.mark.parametrize("version", OLDER, ids=dotted)


def world(**more: Any) -> World:
    return World(utc_ns=lambda: UTC_NS, entropy=random.Random(3).randbytes, workers=InlineWorkers(), **more)


class Heard:
    """Every message that a device says, held to what its version has."""

    def __init__(self, device: SimCamera | SimStation) -> None:
        self.version = device.profile.newest
        self.bodies = 0
        heard = self

        class Tapped(Conversation):
            def __init__(self, *args: Any) -> None:
                super().__init__(*args)
                self.tap = heard.message

        device.profile.talk = Tapped

    def message(self, sent: bool, message: Message) -> None:
        if not sent:
            return
        self.bodies += 1
        cls: Any
        if message.flags == Flag.ERROR:
            cls = ErrorReply
        elif message.flags == Flag.REPLY:
            cls = COMMANDS[message.opcode].reply
            assert COMMANDS[message.opcode].since <= self.version, cls
        else:
            cls = (EVENTS if message.flags == Flag.EVENT else CONTROLS)[message.opcode]
            assert cls.since <= self.version, cls
        codec = codec_as_of(cls.codec, self.version)
        value = codec.decode(message.body)
        assert codec.encode(value) == message.body, (
            f"{cls.__name__} with more than {dotted(self.version)} has"
        )
        assert not list(unknown_in(value)), f"{cls.__name__} says what {dotted(self.version)} has no name for"


def unknown_in(value: Any) -> Iterator[Any]:
    """Numbers, and bits, without a name in a declared value."""
    for name, spec in value.codec.fields.items():
        found = getattr(value, name, None)
        if isinstance(found, Unknown):
            yield found
        elif spec.of is not None:
            for one in found if isinstance(found, tuple) else (found,):
                yield from unknown_in(one)


@pytest.fixture
def device() -> Iterator[Callable[..., SimCamera]]:
    made: list[SimCamera] = []

    def make(version: Version, **options: Any) -> SimCamera:
        given = {"seed": 3, "recordings": 2, "mib": 1, "utc_ns": UTC_NS} | options
        made.append(make_camera(**given, speaks=version))
        return made[-1]

    yield make
    for one in made:
        one.close()


def meet(device: SimCamera, use: Callable[[bwc_sdk.Camera], Any], role: Role = Role.BENCH) -> Any:
    async def main() -> Any:
        async with bwc_sdk.connect(
            MemoryTransport(device), role=role, allow_insecure=True, world=world()
        ) as camera:
            return await use(camera)

    return run_virtual(main())


# A day with it


@pytest.mark.rule("MSG-026")
@each_version
def test_a_day_with_a_camera_of_any_version(
    version: Version, device: Callable[..., SimCamera], tmp_path: Path
) -> None:
    made = device(version)
    heard = Heard(made)

    async def provision(camera: bwc_sdk.Camera) -> None:
        assert camera.peer.version == version
        stated = Capability(camera.peer.capabilities)
        assert stated == stated.as_of(version) and (Capability.LAB in stated) is (version >= (1, 2))
        assert (await camera.device.identify()).simulator
        assert Capability.SIMULATOR in (await camera.device.capabilities()).capabilities
        assert not (await camera.device.status()).seized_for
        assert (await camera.battery.status()).charge_pct > 0
        assert (await camera.storage.status()).recordings == 2
        done = await camera.clock.sync(source=TimeSource.OPERATOR)
        assert done.word.assurance is (
            TimeAssurance.UNVERIFIED if version >= (1, 1) else TimeAssurance.NOT_STATED
        )
        assert (await camera.clock.read()).assurance is done.word.assurance
        await camera.config.apply(
            {"recording.pre_event_s": 60, "category.default": "incident", "mute.allowed": True}
        )
        assert (await camera.config.values())["recording.pre_event_s"] == 60
        state = await camera.assignment.read()
        assert (await camera.assignment.assign(officer="4711", revision=state.revision)).officer == "4711"
        assert (await camera.device.self_test()).passed

    meet(made, provision)
    hands = LoneCameraHands(made)
    hands.undock()
    hands.mute(True, StopReason.PRIVILEGED)
    hands.record_start()
    hands.advance(20.0)
    hands.mark()
    hands.advance(5.0)
    hands.record_stop(StopReason.EVENT_OVER)
    hands.dock()

    async def fetch() -> Any:
        job = offload(
            lambda: bwc_sdk.connect(
                MemoryTransport(made), role=Role.DOCK_OFFLOAD, allow_insecure=True, world=world()
            ),
            tmp_path,
            world=world(),
            allow_insecure=True,
        )
        async for _ in job:
            pass
        return job.result

    result = run_virtual(fetch(), limit_s=86_400)
    assert result.complete and len(result.outcomes) == 3, result
    assert len(list(tmp_path.glob("*.mp4"))) == 3
    manifests = [Manifest.decode(path.read_bytes()) for path in tmp_path.glob("*.manifest")]
    assert len(manifests) == 3
    for manifest in manifests:
        assert (manifest.circumstances is not None) is (version >= (1, 2))
        assert bool(manifest.clock_revision) is (version >= (1, 2))
        assert manifest.as_of(version) == manifest

    report = verify_stores([tmp_path], workers=1)
    assert report.recordings == 3 and report.verdict is Verdict.HASHES_ONLY, report.findings

    async def look(camera: bwc_sdk.Camera) -> None:
        entries = [entry async for entry in camera.audit.entries()]
        kinds = {entry.kind for entry in entries}
        assert {AuditKind.RECORDING_CLOSED, AuditKind.ASSIGNED, AuditKind.CLOCK_SET} <= kinds
        for entry in await camera.recordings.list():
            said = await camera.recordings.read_annotations(entry)
            assert len(said) == entry.annotations

    meet(made, look)
    assert heard.bodies > 50


# What came later


@pytest.mark.rule("MSG-028")
@each_older
def test_a_command_that_came_later_is_not_sent_and_the_error_names_both_versions(
    version: Version, device: Callable[..., SimCamera]
) -> None:
    made = device(version, recordings=0)
    later = [command for command in COMMANDS.values() if command.since > version]
    assert later
    heard = Heard(made)

    async def use(camera: bwc_sdk.Camera) -> None:
        before = heard.bodies
        for command in later:
            with pytest.raises(errors.NotInVersion) as caught:
                await camera.connection.call(samples.typical(command))
            error = caught.value
            assert (error.command, error.since, error.spoken) == (command.name, command.since, version)
            assert error.code is ErrorCode.UNSUPPORTED and error.what == command.name
            sentence = (
                f"this camera speaks {dotted(version)}; {command.name} came with {dotted(command.since)}"
            )
            assert sentence in str(error) and dotted(command.since) in error.advice
        assert heard.bodies == before, "nothing was sent"
        await camera.device.status()

    meet(made, use)


@pytest.mark.rule("MSG-028")
@each_older
def test_a_field_that_the_camera_would_drop_without_a_word_is_not_sent(
    version: Version, device: Callable[..., SimCamera]
) -> None:
    made = device(version)

    async def use(camera: bwc_sdk.Camera) -> None:
        entry = (await camera.recordings.list())[0]
        which = {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}
        with pytest.raises(errors.NotInVersion, match=r"`case` of recordings\.hold came with 1\.2"):
            await camera.recordings.hold(**which, reason="court", case="2026-1")
        assert not (await camera.recordings.list())[0].marks & bwc_sdk.Mark.HELD
        await camera.recordings.hold(**which, reason="court")
        assert (await camera.recordings.list())[0].marks & bwc_sdk.Mark.HELD
        await camera.recordings.lift(**which, reason="over")
        assert not (await camera.recordings.list())[0].marks & bwc_sdk.Mark.HELD

    meet(made, use)


def test_the_error_travels_with_its_facts() -> None:
    error = errors.NotInVersion("a.b", "`c` of a.b", (1, 2), (1, 0), kind="camera", device="sim:")
    again = pickle.loads(pickle.dumps(error))
    assert (
        str(again)
        == str(error)
        == "sim:: command: a.b was not sent: this camera speaks 1.0; `c` of a.b came with 1.2"
    )
    assert (again.what, again.since, again.spoken, again.advice) == (error.what, (1, 2), (1, 0), error.advice)


# Every command


@pytest.mark.rule("MSG-026")
@each_version
@pytest.mark.parametrize("kind", [PeerKind.CAMERA, PeerKind.STATION], ids=str)
def test_every_command_is_answered_in_the_words_of_the_version(
    version: Version, kind: PeerKind, device: Callable[..., SimCamera]
) -> None:
    """Whatever is asked, by the newest of hosts: beyond the version it is UNSUPPORTED."""
    made: SimCamera | SimStation
    made = (
        device(version) if kind is PeerKind.CAMERA else make_station(2, seed=3, utc_ns=UTC_NS, speaks=version)
    )
    heard = Heard(made)
    connect: Any = bwc_sdk.connect if kind is PeerKind.CAMERA else bwc_sdk.connect_station

    async def main() -> None:
        async with connect(
            MemoryTransport(made), role=Role.BENCH, allow_insecure=True, world=world()
        ) as peer:
            connection = peer.connection
            for command in list(COMMANDS.values()):
                if kind not in command.answered_by or command.name == "device.reboot":
                    continue
                try:
                    answer = await past_the_gate(connection, samples.typical(command))
                except errors.CommandError as error:
                    if command.since > version:
                        assert error.code is ErrorCode.UNSUPPORTED, command.name
                    assert error.code is not ErrorCode.INTERNAL, f"{command.name}: {error}"
                    continue
                assert command.since <= version, command.name
                for name, spec in answer.codec.fields.items():
                    if spec.since > version:
                        assert getattr(answer, name) == type(answer).__dataclass_fields__[name].default

    run_virtual(main())
    made.close()
    assert heard.bodies > 20


async def past_the_gate(connection: Any, request: Request[Any]) -> Any:
    """The answer of the device itself: a host that does not mind what its version has asks it."""
    conversation = connection.conversation
    number = conversation.request(request)
    future = connection._outstanding.add(number, request, 10.0)
    connection.driver.pump()
    try:
        answer = await future
        if request.stream is not None:
            conversation.cancel(number)
        return answer
    finally:
        connection._outstanding.remove(number)


# A dock


@pytest.mark.rule("MSG-026")
@each_version
def test_a_dock_of_any_version_has_cameras_of_every_version_offloaded(
    version: Version, device: Callable[..., SimCamera], tmp_path: Path
) -> None:
    station = make_station(len(EVERY), docked=0, seed=11, utc_ns=UTC_NS, speaks=version)
    for bay, of in enumerate(EVERY, 1):
        station.dock(bay, device(of, seed=20 + bay, recordings=1))
    heard = [Heard(station), *map(Heard, station.cameras())]

    async def connect() -> bwc_sdk.DockingStation:
        line = MemoryTransport(station)
        return await bwc_sdk.connect_station(line, role=Role.DOCK_OFFLOAD, allow_insecure=True, world=world())

    async def watch() -> dict[str, bool]:
        found: dict[str, bool] = {}
        async with dock_watch(connect, tmp_path, world=world(), allow_insecure=True) as docked:
            async for tagged in docked:
                if isinstance(tagged.event, Finished):
                    found[tagged.event.result.identity] = tagged.event.result.complete
                if len(found) == len(EVERY):
                    return found
        raise AssertionError("the watch ended by itself")

    found = run_virtual(watch(), limit_s=86_400)
    assert found == {camera.serial: True for camera in station.cameras()}
    assert len(list(tmp_path.glob("*.mp4"))) == len(EVERY) and all(one.bodies for one in heard)
    station.close()


# A host of before


@pytest.mark.rule("MSG-027")
@each_version
def test_a_host_of_any_version_has_its_day_with_a_device_of_today(
    version: Version, device: Callable[..., SimCamera], tmp_path: Path
) -> None:
    made = device(NEWEST)
    older = world(speaks=version)

    async def use() -> Any:
        def connect(role: Role) -> Any:
            return bwc_sdk.connect(MemoryTransport(made), role=role, allow_insecure=True, world=older)

        async with connect(Role.BENCH) as camera:
            assert camera.peer.version == version
            done = await camera.clock.sync(source=TimeSource.OPERATOR)
            assert done.word.assurance is (
                TimeAssurance.UNVERIFIED if version >= (1, 1) else TimeAssurance.NOT_STATED
            )
            await camera.config.apply({"recording.pre_event_s": 60, "recording.purpose": "training"})
            entry = (await camera.recordings.list())[0]
            which = {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}
            await camera.recordings.hold(**which, reason="court")
            await camera.recordings.categorise(**which, category="incident")
            await camera.recordings.lift(**which, reason="over")
            said = await camera.recordings.annotations_all(entry.recording)
            assert [one.hold for one in said] == [""] * len(said)
            assert [entry async for entry in camera.audit.entries()]
            if version < (1, 2):
                with pytest.raises(errors.NotInVersion):
                    await camera.recordings.case(**which, case="2026-1")
        job = offload(lambda: connect(Role.DOCK_OFFLOAD), tmp_path, world=older, allow_insecure=True)
        async for _ in job:
            pass
        return job.result

    result = run_virtual(use(), limit_s=86_400)
    assert result.complete and len(result.outcomes) == 2
