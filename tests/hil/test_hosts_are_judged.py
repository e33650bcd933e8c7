"""Docking software is judged by a device that listens: the SDK is found sound, and hosts that break a rule are not."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from bwc_protocol.conversation import Conversation
from bwc_protocol.conversation.message import Flag, Message
from bwc_protocol.declare import MalformedMessage, Role
from bwc_protocol.frame import (
    MAX_PAYLOAD,
    Frame,
    FrameParser,
    FrameType,
    Hello,
    HelloAck,
    Reset,
    ResetReason,
    encode_frame,
)
from bwc_protocol.lab.directory import open_lab
from bwc_protocol.messages.core import Ready, SessionInfo, StreamCancel
from bwc_protocol.messages.identity import ReadStatus
from bwc_protocol.messages.recordings import ListPage, OpenSegment, RecordingEntry
from bwc_protocol.session.interface import RECORD_MAX
from bwc_sdk.__main__ import main
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect
from bwc_sdk.errors import BwcError, CommandError, DeviceBusy
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.identity.lab_identities import LabIdentities
from bwc_sdk.offload import offload
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.serving.memory_pipe import HostEnd, MemoryPipe
from firmware_sim.virtual_time import run_virtual
from hil_tests.conformance.folder import verify, write
from hil_tests.conformance.host_report import OF_CERTIFICATES, Reporter
from hil_tests.conformance.listening import ListeningPort
from hil_tests.conformance.page import WATERMARK, WHO_KNOWS
from hil_tests.conformance.report import Report
from hil_tests.conformance.words import headline
from hil_tests.device.identities import BenchIdentities
from hil_tests.hosts.cases import CASES
from hil_tests.hosts.frames import PROTECTION_AT
from hil_tests.hosts.listener import Listener
from hil_tests.hosts.visit import CONNECT, Case, Visit
from hil_tests.judging.rules import Scope, all_rules
from hil_tests.judging.verdict import Conformity, Verdict

NAMED = {case.name: case for case in CASES}


class ToTheListener(MemoryTransport):
    """A pipe to whatever stands ready."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(None)
        self.listener = listener

    async def open(self, receiver: HostEnd) -> None:
        pipe = self._pipe = MemoryPipe(receiver, self.limits.max_payload)
        pipe.user = self.listener.admit(pipe, "memory")
        if pipe.user is None:
            pipe.pull()


Host = Callable[[Case, ToTheListener, Path], Awaitable[None]]


async def sdk(case: Case, transport: MemoryTransport | str, path: Path, *, insecure: bool = False) -> None:
    """What `bwc offload` does, and for cases of connecting alone what `bwc info` does."""
    world = World(entropy=os.urandom, workers=InlineWorkers())

    who = None if insecure else LabIdentities("dock")

    async def reach() -> Camera:
        while True:
            try:
                return await connect(
                    transport, role=Role.DOCK_OFFLOAD, world=world, identity=who, allow_insecure=insecure
                )
            except DeviceBusy as busy:
                await asyncio.sleep(busy.retry_after_s)

    with contextlib.suppress(BwcError):
        if case.tries == CONNECT:
            await (await reach()).close()
            return
        (path / case.name).mkdir()
        job = offload(reach, path / case.name, world=world, allow_insecure=insecure)
        await job.run()


LAB: Final = object()


def visits(host: Host, path: Path, *names: str, agency: object = LAB) -> list[Visit]:
    cases: Sequence[Case] = [NAMED[name] for name in names]

    async def main() -> list[Visit]:
        ready: asyncio.Queue[Case] = asyncio.Queue()
        whose = open_lab().agency if agency is LAB else None
        listener = Listener(cases, whose, lambda case, _: ready.put_nowait(case), settle_s=3.0)
        playing = asyncio.create_task(listener.run())
        for _ in cases:
            await host(await ready.get(), ToTheListener(listener), path)
        return await playing

    return run_virtual(main(), limit_s=86_400)


SLOW_CASE = "endless-listing"
"""A host may well read a million entries before it gives up: that takes 13 s of CPU."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.night) if name == SLOW_CASE else name for name in NAMED],
)
def test_the_sdk_is_found_sound(name: str, tmp_path: Path) -> None:
    (visit,) = visits(sdk, tmp_path, name)
    found = visit.judge.found
    assert {rule: one for rule, one in found.items() if one.is_broken} == {}
    assert set(visit.case.rules) - set(found) == set(), "\n".join(visit.judge.transcript.lines[-40:])


@pytest.mark.parametrize("name", ["sound", "small", "other-binding", "other-protection", "wrong-chunk"])
def test_the_sdk_is_found_sound_without_protection(name: str, tmp_path: Path) -> None:
    (visit,) = visits(partial(sdk, insecure=True), tmp_path, name, agency=None)
    assert {rule: one for rule, one in visit.judge.found.items() if one.is_broken} == {}
    assert set(visit.case.rules) - set(visit.judge.found) <= set(OF_CERTIFICATES)


# Hosts that break one rule: the SDK's own with one thing changed


@dataclass
class Broken:
    """What a host does otherwise."""

    out: Callable[[Frame], list[Frame]] = lambda frame: [frame]
    into: Callable[[Frame], list[Frame]] = lambda frame: [frame]
    talk: type[Conversation] = Conversation
    run: Host = sdk


class Tampering(ToTheListener):
    """Says and hears other frames than the SDK's link does."""

    def __init__(self, listener: Listener, broken: Broken) -> None:
        super().__init__(listener)
        self._broken = broken
        self._said, self._heard = FrameParser(MAX_PAYLOAD), FrameParser(MAX_PAYLOAD)

    async def open(self, receiver: HostEnd) -> None:
        self._receiver = receiver
        await super().open(self)

    def write(self, parts: list[bytes]) -> None:
        frames = self._said.feed(b"".join(parts), 0.0)
        super().write([encode_frame(said) for frame in frames for said in self._broken.out(frame)])

    def received(self, data: bytes | memoryview) -> None:
        for frame in self._heard.feed(bytes(data), 0.0):
            for heard in self._broken.into(frame):
                self._receiver.received(encode_frame(heard))

    def lost(self, error: Exception) -> None:
        self._receiver.lost(error)

    def writable(self) -> None:
        self._receiver.writable()


def is_data(frame: Frame) -> bool:
    return frame.type is FrameType.DATA


def opens_with_one(frame: Frame) -> list[Frame]:
    return [frame._replace(seq=frame.seq + 1) if is_data(frame) else frame]


def opens_twice(frame: Frame) -> list[Frame]:
    opening = is_data(frame) and not frame.seq
    return [frame, frame._replace(epoch=(frame.epoch + 1) % 256)] if opening else [frame]


def beyond_the_window(frame: Frame) -> list[Frame]:
    return [frame, frame._replace(seq=frame.seq + 40)] if is_data(frame) and frame.seq else [frame]


def ahead_of_the_device(frame: Frame) -> list[Frame]:
    return [frame, frame._replace(seq=1)] if is_data(frame) and not frame.seq else [frame]


def larger_than_agreed(frame: Frame) -> list[Frame]:
    return [frame._replace(payload=bytes(600))] if is_data(frame) else [frame]


def never_pings(frame: Frame) -> list[Frame]:
    return [frame._replace(type=FrameType.ACK) if frame.type is FrameType.PING else frame]


class BelievesAnyNonce:
    """Takes the first HELLO_ACK for its own."""

    def __init__(self) -> None:
        self.nonce = 0

    def out(self, frame: Frame) -> list[Frame]:
        if frame.type is FrameType.HELLO:
            self.nonce = Hello.decode(frame.payload).host_nonce
        return [frame]

    def into(self, frame: Frame) -> list[Frame]:
        if frame.type is not FrameType.HELLO_ACK:
            return [frame]
        ack = HelloAck.decode(frame.payload)
        return [frame._replace(payload=replace(ack, host_nonce=self.nonce).encode())]


def takes_any_grant(frame: Frame) -> list[Frame]:
    if frame.type is not FrameType.HELLO_ACK:
        return [frame]
    ack = HelloAck.decode(frame.payload)
    return [frame._replace(payload=replace(ack, max_payload=1024).encode())]


class BelievesAnyBinding(Conversation):
    def _take_info(self, info: SessionInfo) -> None:
        super()._take_info(replace(info, preambles_sha256=self._opening.info().preambles_sha256))


class ReadyAtOnce(Conversation):
    def _send_info(self) -> None:
        super()._send_info()
        self._send_control(0, Ready())


class ManyAtOnce(Conversation):
    def _become_ready(self) -> None:
        super()._become_ready()
        for number in range(32):
            self._send(ReadStatus.opcode, 0, 1_000 + number, b"")


class AsksAgain(Conversation):
    """Sends each request a second time when it has waited for half a second."""

    def _send(self, opcode: int, flags: int, request_id: int, body: bytes) -> None:
        super()._send(opcode, flags, request_id, body)
        if not flags and opcode >= 0x0100 and request_id < 100:
            again = partial(super()._send, opcode, flags, request_id + 1_000, body)
            asyncio.get_running_loop().call_later(0.5, again)


class FearsTheUnknown(Conversation):
    def _dispatch(self, message: Message) -> None:
        if message.flags == Flag.EVENT:
            raise MalformedMessage("message", "an event that is not known")
        super()._dispatch(message)


class LeavesStreamsOpen(Conversation):
    def _send(self, opcode: int, flags: int, request_id: int, body: bytes) -> None:
        if opcode != StreamCancel.opcode:
            super()._send(opcode, flags, request_id, body)


class TakesAnyOpcode(Conversation):
    def _dispatch(self, message: Message) -> None:
        asked = self._asked.get(message.request) if message.flags == Flag.REPLY else None
        if asked is not None and asked.opcode != message.opcode:
            page = ListPage(recordings=(), next=0, total=0)
            message = Message(asked.opcode, message.flags, message.request, page.codec.encode(page))
            asyncio.get_running_loop().call_later(0.5, self._send, ReadStatus.opcode, 0, 1_000, b"")
        super()._dispatch(message)


async def reached(transport: MemoryTransport | str) -> Camera:
    world = World(entropy=os.urandom, workers=InlineWorkers())
    return await connect(transport, role=Role.DOCK_OFFLOAD, world=world, identity=LabIdentities("dock"))


async def read_all(camera: Camera, entry: RecordingEntry) -> None:
    asked = OpenSegment(
        recording=entry.recording, manifest_sha256=entry.manifest_sha256, segment=0, offset=0, length=0
    )
    await camera.connection.read_stream(asked, max_bytes=4 << 20)


async def believes_all(case: Case, transport: ToTheListener, path: Path) -> None:
    """Reads on whatever comes, and has it erased."""
    camera = await reached(transport)
    (entry,) = await camera.recordings.list()
    manifest = await camera.recordings.read_manifest(entry)
    with contextlib.suppress(BwcError):
        await camera.recordings.read_table(entry, manifest, 0)
    with contextlib.suppress(BwcError):
        await read_all(camera, entry)
    with contextlib.suppress(BwcError):
        await camera.recordings.erase_entry(entry)
    await camera.close()


async def begins_anew(case: Case, transport: ToTheListener, path: Path) -> None:
    """After a cable that was pulled it fetches all from 0."""
    for _ in range(2):
        with contextlib.suppress(BwcError):
            camera = await reached(transport)
            (entry,) = await camera.recordings.list()
            await read_all(camera, entry)
            await camera.close()


async def knows_no_patience(case: Case, transport: ToTheListener, path: Path) -> None:
    """Comes again at once when the device is busy."""
    for _ in range(3):
        try:
            await (await reached(transport)).close()
            return
        except DeviceBusy:
            await asyncio.sleep(0.1)


async def reads_anyway(case: Case, transport: ToTheListener, path: Path) -> None:
    """Fetches footage whatever its manifest is, and all of it twice."""
    camera = await reached(transport)
    (entry,) = await camera.recordings.list()
    for _ in range(2):
        await read_all(camera, entry)
    await camera.close()


async def asks_at_once(case: Case, transport: ToTheListener, path: Path) -> None:
    """Knows no BUSY of a request."""
    camera = await reached(transport)
    (entry,) = await camera.recordings.list()
    for _ in range(2):
        with contextlib.suppress(CommandError):
            await read_all(camera, entry)
    await camera.close()


async def turns_the_same_page(case: Case, transport: ToTheListener, path: Path) -> None:
    """Follows the cursor of a listing wherever it leads."""
    camera = await reached(transport)
    after = 0
    for _ in range(10):
        after = (await camera.recordings.page(after=after)).next
    await camera.close()


class GoesOnUnprotected(Conversation):
    """Does not look at what the device's preamble says of protection."""

    def _take_preamble(self, data: bytes | memoryview) -> bytes | memoryview | None:
        seen = bytearray(data)
        seen[PROTECTION_AT] = self._opening.ours[PROTECTION_AT]
        return super()._take_preamble(bytes(seen))


class SealsAtOnce(Conversation):
    def _become_ready(self) -> None:
        super()._become_ready()
        self._opening.peer_limit = RECORD_MAX
        self._send(ReadStatus.opcode, 0, 1_000, bytes(600))


class CallsSeldom:
    """Says one of five HELLOs, or PINGs."""

    def __init__(self, type: FrameType) -> None:
        self.type, self.count = type, -1

    def __call__(self, frame: Frame) -> list[Frame]:
        self.count += frame.type is self.type
        return [] if frame.type is self.type and self.count % 5 else [frame]


def leaves_as_if_all_were_well(frame: Frame) -> list[Frame]:
    if frame.type is not FrameType.RESET:
        return [frame]
    return [frame._replace(payload=Reset(reason=ResetReason.NORMAL).encode())]


ANY_NONCE = BelievesAnyNonce()
BROKEN = {
    "opens with seq 1": ("sound", "CHN-001", Broken(out=opens_with_one)),
    "opens the next epoch at once": ("sound", "CHN-003", Broken(out=opens_twice)),
    "sends beyond the window": ("sound", "CHN-027", Broken(out=beyond_the_window)),
    "sends before the device is heard": ("sound", "CHN-015", Broken(out=ahead_of_the_device)),
    "sends larger frames than agreed": ("small", "LNK-017", Broken(out=larger_than_agreed)),
    "begins without PING": ("sound", "LNK-006", Broken(out=never_pings)),
    "believes any nonce": ("another-nonce", "LNK-006", Broken(out=ANY_NONCE.out, into=ANY_NONCE.into)),
    "takes any grant": ("beyond-the-offer", "LNK-019", Broken(into=takes_any_grant)),
    "never checks the binding": ("other-binding", "SES-006", Broken(talk=BelievesAnyBinding)),
    "is READY at once": ("late-info", "SES-008", Broken(talk=ReadyAtOnce)),
    "asks 32 things at once": ("sound", "MSG-022", Broken(talk=ManyAtOnce)),
    "asks again on one link": ("slow", "MSG-006", Broken(talk=AsksAgain)),
    "resets on an unknown event": ("chatty", "MSG-008", Broken(talk=FearsTheUnknown)),
    "leaves a strange stream open": ("chatty", "MSG-007", Broken(talk=LeavesStreamsOpen)),
    "takes any opcode for an answer": ("wrong-opcode", "MSG-025", Broken(talk=TakesAnyOpcode)),
    "calls a wrong chunk good": ("wrong-chunk", "REC-011", Broken(run=believes_all)),
    "believes a wrong table": ("wrong-table", "REC-010", Broken(run=believes_all)),
    "believes a short segment": ("short-segment", "REC-011", Broken(run=believes_all)),
    "has a held recording erased": ("held", "a held recording stays", Broken(run=believes_all)),
    "begins anew": ("cut", "what is there is not fetched again", Broken(run=begins_anew)),
    "says HELLO seldom": ("deaf", "every 250 ms", Broken(out=CallsSeldom(FrameType.HELLO))),
    "says PING seldom": ("deaf", "LNK-023", Broken(out=CallsSeldom(FrameType.PING))),
    "seals more than was named": ("small", "SES-004", Broken(talk=SealsAtOnce)),
    "goes on under another protection": ("other-protection", "SES-019", Broken(talk=GoesOnUnprotected)),
    "leaves an impostor in peace": ("other-agency", "SES-026", Broken(out=leaves_as_if_all_were_well)),
    "resets for no reason": ("wrong-opcode", "MSG-025", Broken(out=leaves_as_if_all_were_well)),
    "believes a long manifest": ("long-manifest", "REC-022", Broken(run=reads_anyway)),
    "fetches all for one chunk": (
        "wrong-chunk",
        "only the bad chunk is asked for again",
        Broken(run=reads_anyway),
    ),
    "turns the same page": (
        "stuck-listing",
        "a listing that does not move is left",
        Broken(run=turns_the_same_page),
    ),
    "ignores BUSY of a request": (
        "busy-to-request",
        "an answer BUSY is waited for",
        Broken(run=asks_at_once),
    ),
    "ignores BUSY of a channel": ("busy-to-opening", "STA-006", Broken(run=knows_no_patience)),
    "ignores BUSY of a link": ("busy-to-hello", "BYE(BUSY) is waited for", Broken(run=knows_no_patience)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_host_that_breaks_a_rule_fails_with_its_number(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, rule, broken = BROKEN[name]
    monkeypatch.setattr("bwc_sdk.connection.connection.Conversation", broken.talk)

    async def host(case: Case, transport: ToTheListener, path: Path) -> None:
        with contextlib.suppress(BwcError):
            await broken.run(case, Tampering(transport.listener, broken), path)

    (visit,) = visits(host, tmp_path, case)
    found = [number for number, one in visit.judge.found.items() if one.is_broken]
    assert rule in found, "\n".join(visit.judge.transcript.lines[-40:])
    assert visit.judge.found[rule].expected and visit.judge.found[rule].observed


# The report


def judged(host: Host | None, path: Path, names: Sequence[str], scope: str = "") -> Report:
    """By TCP, in one process and in real time."""
    cases = [NAMED[name] for name in names]

    async def main() -> Report:
        ready: asyncio.Queue[Case] = asyncio.Queue()
        wait_s = 60.0 if host is not None else 0.2
        listener = Listener(
            cases, open_lab().agency, lambda case, _: ready.put_nowait(case), settle_s=0.3, wait_s=wait_s
        )
        port = ListeningPort(listener, "127.0.0.1", 0)
        reporter = Reporter(port.uri, "LAB session", secure=True, scope=Scope.parse(scope))
        playing = asyncio.create_task(listener.run())
        for _ in cases if host is not None else ():
            case = await ready.get()
            await host(case, port.uri, path)
        await playing
        port.close()
        return reporter.made(cases, listener.visits, listener.ended_early)

    return asyncio.run(main())


def test_the_sdk_conforms_over_tcp_and_the_report_says_host(tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    found = judged(sdk, tmp_path / "to", ["sound", "other-binding", "wrong-chunk"])
    report = write(found, tmp_path, BenchIdentities(None, insecure=False))
    assert report.conformity is Conformity.CONFORMING
    kept = {"LNK-006", "CHN-001", "CHN-015", "SES-006", "SES-008", "MSG-022", "REC-011"}
    assert {number for number in kept if report.requirements[number].verdict is not Verdict.PASS} == set()
    assert report.requirements["LNK-001"].verdict is Verdict.NOT_TESTED
    assert [one.name for one in report.others] == ["only the bad chunk is asked for again (case wrong-chunk)"]
    told = json.loads((tmp_path / "conformance.json").read_text())
    assert (told["role"], told["device"]["is"], told["device"]["identity"]) == ("host", "host", "dock")
    assert not told["simulator"]
    page = (tmp_path / "conformance.html").read_text()
    assert "Conformance of host dock" in page and WATERMARK not in page and WHO_KNOWS not in page
    assert verify(tmp_path, LabIdentities("dock").for_role(Role.AUDITOR, 0.0))[0] == report
    assert headline(report).startswith("CONFORMING in all that was tested: host dock")


def test_a_host_that_reads_on_is_broken_in_the_report(tmp_path: Path) -> None:
    async def host(case: Case, uri: Any, path: Path) -> None:
        await believes_all(case, uri, path)

    report = judged(host, tmp_path, ["wrong-chunk"], "REC")
    assert report.conformity is Conformity.BROKEN
    (one,) = report.broken().values()
    assert one.tests[0].expected and one.tests[0].observed and one.tests[0].transcript


def test_a_host_that_never_comes_or_leaves_early_gets_no_verdict(tmp_path: Path) -> None:
    nobody = judged(None, tmp_path, ["sound", "deaf"], "LNK")
    assert nobody.conformity is Conformity.INCONCLUSIVE and "no host came" in nobody.ended_early
    assert nobody.requirements["LNK-006"].verdict is Verdict.INCONCLUSIVE
    assert nobody.requirements["LNK-006"].why == "no host came"

    async def looks_only(case: Case, uri: Any, path: Path) -> None:
        await (await reached(uri)).close()

    left = judged(looks_only, tmp_path, ["wrong-chunk"], "REC-011")
    assert left.requirements["REC-011"].verdict is Verdict.INCONCLUSIVE
    assert "gave up" in left.requirements["REC-011"].why


@pytest.mark.parametrize("name", ["busy-to-hello", "busy-to-opening"])
def test_who_gives_up_when_the_device_is_busy_has_not_come_too_early(name: str, tmp_path: Path) -> None:
    async def gives_up(case: Case, transport: ToTheListener, path: Path) -> None:
        with pytest.raises(DeviceBusy):
            await reached(transport)

    (visit,) = visits(gives_up, tmp_path, name)
    assert not visit.judge.found[visit.case.rules[0]].is_broken


def test_every_case_is_there_for_something_that_is_known() -> None:
    numbered = [rule for case in CASES for rule in case.rules if rule[3:4] == "-"]
    assert set(numbered) <= set(all_rules()) and len(NAMED) == len(CASES)
    assert {rule for case, rule, _ in BROKEN.values() if rule not in NAMED[case].rules} == {"CHN-003"}


def test_the_command_says_where_it_listens_and_writes_how_far_it_came(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bwc_sdk", "conformance", "--listen", "tcp:127.0.0.1:0", "--report"]
    with subprocess.Popen(
        [*command, str(tmp_path / "report"), "--only", "LNK-006"], stderr=subprocess.PIPE, text=True
    ) as ran:
        assert ran.stderr is not None
        assert ran.stderr.readline().startswith("listening at tcp:127.0.0.1:")
        assert ran.stderr.readline().startswith("case 1 of 2, sound: ")
        ran.send_signal(signal.SIGINT)
        ran.stderr.read()
    told = json.loads((tmp_path / "report" / "conformance.json").read_text())
    assert (told["ended_early"], told["verdict"], told["role"]) == (
        "it was interrupted",
        "inconclusive",
        "host",
    )


@pytest.mark.parametrize(
    "words",
    [
        ["--listen", "serial:/dev/ttyACM0", "--report", "there"],
        ["--listen", "tcp:127.0.0.1:0"],
        ["--listen", "tcp:127.0.0.1:0", "--report", "there", "--only", "CFG"],
        ["--listen", "tcp:127.0.0.1:0", "--report", "there", "--device", "sim:"],
    ],
)
def test_what_says_nothing_to_a_device_that_listens_is_wrong_usage(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["conformance", *words]) == ExitCode.USAGE
    assert not (tmp_path / "there" / "conformance.json").exists()
