"""The host's side of a record, said again to a device: its requests in their order, its answers beside the old ones.

Before each thing that the host said, what the device had said by then is waited for. Pauses are not kept.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bwc_protocol.conversation.message import Flag, Message
from bwc_protocol.declare import (
    ANYONE,
    COMMANDS,
    Effect,
    FieldRangeError,
    MalformedMessage,
    Request,
    Role,
    StreamDirection,
)
from bwc_protocol.messages.core import SessionInfo, StreamCancel, StreamCredit, StreamEnd
from bwc_protocol.messages.identity import Capability
from bwc_sdk.clients.connecting import AnyDevice
from bwc_sdk.connection.access import Connecting
from bwc_sdk.connection.connection import Connection
from bwc_sdk.errors import BwcError, DeviceLost, InvalidValue
from hil_tests.replay.comparing import Difference, Varied, compare, shown
from hil_tests.replay.recorded import Recorded, RecordedConversation, Said
from hil_tests.replay.varying import Nature, nature_of

SILENCES_MAX: Final = 3
"""Requests that a device may leave unanswered before the replay is given up: each takes as long as a reply may."""
SLOWEST: Final = 10_000
"""Bytes a second below which a stream is given up: a UART at 115,200 baud brings as many."""
BYTES_ARE_MISSING: Final = "it uploads something, whose bytes no capture holds"


@dataclass(frozen=True, slots=True)
class NotSent:
    """A request that was recorded, and not said again."""

    where: str
    request: str
    why: str


@dataclass(slots=True)
class Replayed:
    """What became of a replay against a device."""

    identity: str = ""
    simulator: bool = False
    sent: int = 0
    compared: int = 0
    """Messages of the device that were held against recorded ones."""
    differences: list[Difference] = field(default_factory=list)
    varied: Varied = field(default_factory=Counter)
    not_sent: list[NotSent] = field(default_factory=list)
    events: int = 0
    """What the device told unasked; held against nothing, since it tells of what happens to it besides."""
    stream_bytes: int = 0
    """Of streams that came: counted, and held against nothing, since no capture holds them."""

    def require_same(self) -> Replayed:
        """Raises `AssertionError` for a difference, and for what could not be said again."""
        told = [line for one in self.differences for line in difference_lines(one)]
        told += [f"not sent: {one.request} ({one.where}): {one.why}" for one in self.not_sent]
        if told:
            raise AssertionError("\n".join(["the device does not answer as recorded", *told]))
        return self


def difference_lines(one: Difference) -> list[str]:
    """A difference, expected beside observed."""
    what = f"{one.message}: {one.field}" if one.field else one.message
    return [
        f"{what} ({one.where})",
        f"  expected {_short(one.expected)}",
        f"  observed {_short(one.observed)}",
    ]


SHOWN_MAX: Final = 400
"""Characters of one value; JSON has it whole."""


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}… ({len(text)} characters)"


Connect = Callable[[Role], Connecting[AnyDevice]]
"""Makes one connection to the device, under a role."""


async def replay(
    recorded: Recorded,
    connect: Connect,
    *,
    role: Role | None = None,
    expendable: str | None = None,
    timeout_s: float | None = None,
) -> Replayed:
    """Says all conversations of a record to the device that `connect` reaches, each on a connection of its own.

    It speaks under the recorded role, or under `role`. What changes a device is said to a simulator, and to the one
    whose serial number is `expendable`. A reply may take `timeout_s`. Raises `InvalidValue` for a host that had no
    role, and what connecting raises; what happens afterwards is in the result.
    """
    result = Replayed()
    for one in recorded.conversations:
        spoken = role_for(one) if role is None else role
        async with connect(spoken) as client:
            peer = client.peer
            result.identity = peer.identity
            result.simulator = bool(peer.capabilities & Capability.SIMULATOR)
            may_change = result.simulator or (expendable is not None and expendable == peer.identity)
            if timeout_s is not None:
                client.connection.call_timeout_s = timeout_s
            side = HostSide(client.connection, one, result, role=spoken, may_change=may_change)
            await side.run()
        if side.given_up:
            break
    return result


def role_for(one: RecordedConversation) -> Role:
    """The role under which the host spoke. Raises `InvalidValue` where a host cannot have had it."""
    if one.role not in list(ANYONE):
        raise InvalidValue(
            f"{one.where}: the host had the role {one.role or 'of nobody'}, under which no host can ask again",
            advice="name another: --role",
        )
    return one.role


class HostSide:
    """One conversation with one device."""

    def __init__(
        self,
        connection: Connection,
        record: RecordedConversation,
        result: Replayed,
        *,
        role: Role,
        may_change: bool,
    ) -> None:
        assert connection.conversation is not None
        self.given_up = False
        self._connection = connection
        self._conversation = connection.conversation
        self._record = record
        self._result = result
        self._role = role
        self._may_change = may_change
        self._ids: dict[int, int] = {}
        """The recorded id of each request that was said again, and its present one."""
        self._came: dict[int, list[Message]] = {}
        """What the device said to each request and is not compared yet."""
        self._closed: set[int] = set()
        """Recorded ids of streams that did not come about, or were given up."""
        self._learned: dict[tuple[str, str, Any], Any] = {}
        """Counters that the device said, by subject, field and what was recorded in their place."""
        self._lengths: dict[int, int] = {}
        self._silences = 0
        self._news = asyncio.Event()
        before = self._conversation.tap

        def tap(sent: bool, message: Message) -> None:
            if before is not None:
                before(sent, message)
            if not sent:
                self._heard(message)

        self._conversation.tap = tap

    def _heard(self, message: Message) -> None:
        if message.flags == Flag.EVENT:
            self._result.events += 1
        elif message.request in self._came:
            self._came[message.request].append(message)
        self._news.set()

    async def run(self) -> None:
        """Plays the conversation to its end, or to that of the connection."""
        watching = asyncio.create_task(self._watch())
        waiting: list[Said] = []
        said: Said | None = None
        try:
            self._compare_infos()
            for said in self._record.said:
                if not said.by_host:
                    if not said.is_event:
                        waiting.append(said)
                    continue
                await self._settle(waiting)
                self._say(said)
                if self.given_up:
                    return
            await self._settle(waiting)
        except DeviceLost as lost:
            self._lost(waiting, said, lost)
        finally:
            watching.cancel()
            self._result.stream_bytes += self._conversation.stream_counters.bytes_in

    async def _watch(self) -> None:
        """Takes the events off the connection, and wakes whoever waits when that ends."""
        try:
            async for _ in self._connection.events():
                pass
        except BwcError:
            self._news.set()

    # What the host said

    def _say(self, said: Said) -> None:
        if self._connection.error is not None:
            raise DeviceLost("the connection has ended")
        if said.is_request:
            self._ask(said)
        elif said.message.request in self._ids and said.message.request not in self._closed:
            self._control(said.message)
        self._connection.driver.pump()

    def _ask(self, said: Said) -> None:
        kind = said.request
        name = kind.name if kind is not None else f"{said.message.opcode:#06x}"
        why = self._why_not(kind)
        if not why and kind is not None:
            try:
                request = self._with_counters(kind, kind.codec.decode(said.message.body))
                number = self._conversation.request(request)
            except (MalformedMessage, FieldRangeError) as error:
                why = f"it cannot be said by this SDK: {error}"
            else:
                self._ids[said.message.request] = number
                self._came[number] = []
                self._result.sent += 1
        if why:
            self._ids.pop(said.message.request, None)
            self._result.not_sent.append(NotSent(said.where, name, why))

    def _why_not(self, kind: type[Request[Any]] | None) -> str:
        if kind is None:
            return "a command of another version of the protocol"
        if kind.stream is StreamDirection.TO_DEVICE:
            return BYTES_ARE_MISSING
        if kind.effect is not Effect.READS and not self._may_change:
            identity = self._result.identity
            return f"it changes the device, and {identity} is no simulator, and not named as expendable"
        if kind.roles & self._record.role and not kind.roles & self._role:
            return f"the role {self._role} may not ask for it"
        return ""

    def _with_counters(self, kind: type[Request[Any]], request: Request[Any]) -> Request[Any]:
        """What the host took from an earlier answer, such as a revision, it takes from the present one."""
        subject = kind.name.partition(".")[0]
        present = {}
        for name in kind.codec.fields:
            known = (subject, name, getattr(request, name))
            if isinstance(known[2], int) and known in self._learned:
                present[name] = self._learned[known]
        if not present:
            return request
        known_fields = {name: getattr(request, name) for name in kind.codec.fields}
        return kind(**(known_fields | present))

    def _control(self, message: Message) -> None:
        number = self._ids[message.request]
        try:
            if message.opcode == StreamCredit.opcode:
                self._conversation.grant(number, StreamCredit.codec.decode(message.body).limit)
            elif message.opcode == StreamCancel.opcode:
                self._conversation.cancel(number, StreamCancel.codec.decode(message.body).code)
                self._closed.add(message.request)
        except MalformedMessage:
            pass  # the host itself said nothing by it

    # What the device says

    async def _settle(self, waiting: list[Said]) -> None:
        """Waits for all that is to come by now. What it has, it takes out of `waiting`."""
        while waiting:
            expected = waiting[0]
            request = expected.message.request
            is_stream = not expected.is_answer
            of_stream = expected.message.opcode in (StreamEnd.opcode, StreamCancel.opcode)
            if request in self._ids and (expected.is_answer or (of_stream and request not in self._closed)):
                observed = await self._next(self._ids[request], stream=is_stream)
                self._judge(expected, observed)
            waiting.pop(0)

    async def _next(self, number: int, *, stream: bool) -> Message | None:
        """The next thing that the device says to a request; None: nothing in time. Raises `DeviceLost`."""
        loop = asyncio.get_running_loop()
        patience = self._connection.call_timeout_s
        until = loop.time() + patience
        last = until + self._lengths.get(number, 0) / SLOWEST if stream else until
        before = self._conversation.stream_counters.bytes_in
        while not self._came[number]:
            if self._connection.error is not None:
                raise DeviceLost(self._connection.error.rule, device=self._connection.name)
            self._news.clear()
            try:
                async with asyncio.timeout_at(min(until, last)):
                    await self._news.wait()
            except TimeoutError:
                arrived = self._conversation.stream_counters.bytes_in
                if not stream or arrived == before or loop.time() >= last:
                    return None
                before, until = arrived, loop.time() + patience
        return self._came[number].pop(0)

    def _judge(self, expected: Said, observed: Message | None) -> None:
        message, request = expected.message, expected.message.request
        self._result.compared += 1
        name = _name(message)
        if observed is None:
            self._silences += 1
            self.given_up = self._silences >= SILENCES_MAX
            given_up = "; given up here" if self.given_up else ""
            silence = f"nothing within {self._connection.call_timeout_s:g} s{given_up}"
            self._result.differences.append(Difference(expected.where, name, "", shown(message), silence))
            return
        found = list(compare(name, expected.where, message, observed, self._result.varied))
        self._result.differences += found
        if expected.is_answer:
            self._learn(message, observed)
            self._follow_stream(message, observed, request)

    def _follow_stream(self, message: Message, observed: Message, request: int) -> None:
        command = COMMANDS.get(message.opcode)
        if command is None or command.stream is None:
            return
        opened, opens = message.flags == Flag.REPLY, observed.flags == Flag.REPLY
        if opens:
            try:
                self._lengths[self._ids[request]] = command.reply.codec.decode(observed.body).length
            except MalformedMessage:
                opens = False
        if opens and not opened:
            self._conversation.cancel(self._ids[request])
        if not opens:
            self._closed.add(request)

    def _learn(self, recorded: Message, observed: Message) -> None:
        command = COMMANDS.get(recorded.opcode)
        if command is None or recorded.flags != Flag.REPLY or observed.flags != Flag.REPLY:
            return
        try:
            old, new = (command.reply.codec.decode(one.body) for one in (recorded, observed))
        except MalformedMessage:
            return
        subject = command.name.partition(".")[0]
        for name in command.reply.codec.fields:
            if nature_of(command.reply, name) is Nature.COUNTER:
                self._learned[subject, name, getattr(old, name)] = getattr(new, name)

    def _compare_infos(self) -> None:
        """What the device says of itself, in a session that stands."""
        old, peer = self._record.device, self._connection.peer
        if old is None or peer is None:
            return
        major, minor = peer.version
        new = replace(
            old,
            major=major,
            minor=minor,
            kind=peer.kind,
            capabilities=peer.capabilities,
            identity=peer.identity,
            boot_counter=peer.boot_counter,
            firmware_sha256=peer.firmware_sha256,
            deny_counter=peer.deny_counter,
        )
        self._learned["device", "boot_counter", old.boot_counter] = peer.boot_counter
        first, second = (
            Message(SessionInfo.opcode, Flag(0), 0, SessionInfo.codec.encode(one)) for one in (old, new)
        )
        self._result.compared += 1
        self._result.differences += compare(
            SessionInfo.name, self._record.where, first, second, self._result.varied
        )

    def _lost(self, waiting: list[Said], last: Said | None, error: DeviceLost) -> None:
        """The connection ended: as it did in the record, or before."""
        self.given_up = True
        due = next((one for one in waiting if one.message.request in self._ids), None)
        if due is None and last is not None and last.is_request:
            due = last  # nobody is there to take it
        if due is not None:
            went = f"it went away: {error.rule}"
            self._result.differences.append(
                Difference(due.where, _name(due.message), "", shown(due.message), went)
            )


def _name(message: Message) -> str:
    from bwc_sdk.capture.decoding import decode_message

    return decode_message(0.0, "", 0, message).name
