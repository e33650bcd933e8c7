"""Older versions: a device of one keeps to it, and each serves hosts of those that it speaks (spec: Versions)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bwc_protocol.conversation.message import Flag
from bwc_protocol.declare import COMMANDS, Effect, MalformedMessage, Request, Unknown, Wire
from bwc_protocol.declare.older import codec_as_of
from bwc_protocol.messages.core import ErrorReply
from bwc_protocol.messages.identity import Capability, ReadCapabilities
from bwc_protocol.session.preamble import NO_PROTECTION, PROTECTED_SINCE
from bwc_protocol.versions import NEWEST, Version, dotted
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from hil_tests.raw.session import RawSession
from hil_tests.raw.wire import Wire as Host
from hil_tests.rules.asking import commands_for
from hil_tests.verdicts import RuleBroken, not_applicable

pytestmark = pytest.mark.bwc_read_only


def plain_questions(session: RawSession, version: Version) -> Iterator[Request[Any]]:
    """A request of each command of a version that only reads, and needs to be told nothing."""
    for command in commands_for(session.local.roles, of=PeerKind.CAMERA):
        if command.effect is not Effect.READS or command.stream is not None or command.since > version:
            continue
        try:
            yield command()
        except TypeError:
            continue  # it has to be told which recording, and the like


def surplus(cls: type[Wire], body: bytes, version: Version) -> str:
    """What in a body is not of that version; nothing where all of it is."""
    codec = codec_as_of(cls.codec, version)
    try:
        value = codec.decode(body)
    except MalformedMessage as error:
        return str(error)
    if len(codec.encode(value)) != len(body):
        return f"{len(body)} bytes, of which {dotted(version)} has {len(codec.encode(value))}"
    unknown = [f"{name}: {word}" for name, word in _unknown(value)]
    return ", ".join(unknown)


def _unknown(value: Any) -> Iterator[tuple[str, Unknown]]:
    for name, spec in value.codec.fields.items():
        found = getattr(value, name)
        if isinstance(found, Unknown):
            yield name, found
        for one in found if isinstance(found, tuple) else (found,) if spec.of is not None else ():
            yield from _unknown(one)


def newest_of(wire: Host) -> Version:
    """The newest version that the device speaks, of those that this suite knows."""
    speaks = wire.conversation().greet()
    wire.hang_up()
    return min(speaks.newest, NEWEST)


@pytest.mark.rule("MSG-026")
def test_a_device_of_an_older_version_says_nothing_that_came_later(wire: Host) -> None:
    newest = newest_of(wire)
    if newest >= NEWEST:
        not_applicable(f"the device speaks {dotted(NEWEST)}, and nothing came later")
    session = wire.session()
    for request in plain_questions(session, newest):
        said = session.answer(session.request(request))
        cls = ErrorReply if said.flags == Flag.ERROR else request.reply
        wrong = surplus(cls, said.body, newest)
        if wrong:
            raise RuleBroken(f"of {request.name} what {dotted(newest)} has (MSG-026)", wrong)
    assert session.device_info is not None
    stated = Capability(session.device_info.capabilities & 0xFFFF_FFFF)
    for can in (stated, session.ask(ReadCapabilities()).capabilities):
        if can != can.as_of(newest):
            raise RuleBroken(f"capabilities of {dotted(newest)} (MSG-026)", str(can))


@pytest.mark.rule("MSG-026")
@pytest.mark.rule("MSG-002")
def test_a_command_that_came_later_is_unknown_to_a_device_of_an_older_version(wire: Host) -> None:
    newest = newest_of(wire)
    later = [command for command in COMMANDS.values() if command.since > newest]
    if not later:
        not_applicable(f"the device speaks {dotted(newest)}, and no command came later")
    session = wire.session()
    for command in later:
        number = session.next_id()
        session.say(command.opcode, request=number)
        session.refused(number, f"MSG-026: {command.name}", ErrorCode.UNSUPPORTED)
    session.goes_on("MSG-026")


@pytest.mark.rule("MSG-027")
@pytest.mark.rule("MSG-016")
def test_a_host_of_each_older_version_is_answered(wire: Host) -> None:
    """By the commands of that version that only read: each has a reply, or an error that its own list has."""
    speaks = wire.conversation().greet()
    wire.hang_up()
    first = (1, 0) if wire.protection == NO_PROTECTION else PROTECTED_SINCE
    top = min(speaks.newest, NEWEST)
    older = [(1, minor) for minor in range(top[1]) if (1, minor) >= max(first, speaks.oldest)]
    if not older:
        not_applicable(f"the device speaks no version before {dotted(top)} in such a session")
    for version in older:
        session = wire.conversation()
        session.greet(newest=version)
        session.shake_hands()
        session.inform()
        session.get_ready()
        for request in plain_questions(session, version):
            body = codec_as_of(request.codec, version).encode(request)
            number = session.next_id()
            session.say(request.opcode, body, request=number)
            said = session.answer(number)
            if said.flags == Flag.ERROR:
                code = ErrorReply.codec.decode(said.body).code
                if code not in {ErrorCode.UNSUPPORTED, *(one for one, _ in request.errors)}:
                    raise RuleBroken(
                        f"a reply to {request.name} as of {dotted(version)} (MSG-027)", str(code)
                    )
                continue
            try:
                codec_as_of(request.reply.codec, version).decode(said.body)
            except MalformedMessage as error:
                told = f"a reply to {request.name} that a host of {dotted(version)} reads (MSG-027)"
                raise RuleBroken(told, str(error)) from error
        session.goes_on("MSG-027")
        wire.hang_up()
