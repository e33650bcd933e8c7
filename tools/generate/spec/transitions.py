"""The transition tables of link, channel and conversation: each state with each event, as the code does it.

Nothing here says what ought to happen: each cell is played on a real end, and written down (spec: Link, Channel,
Session). A change of the code changes the table, and the check of the generated parts shows it.
"""

from collections.abc import Callable
from typing import Final

from bwc_protocol.conversation.message import HEADER, Flag
from bwc_protocol.frame import Bye, ByeReason, Frame, FrameType, Hello, Reset, ResetReason
from bwc_protocol.link import LinkRole, LinkState
from bwc_protocol.link.channel import ChannelState
from bwc_protocol.messages.battery import ReadBattery
from bwc_protocol.messages.core import ErrorReply, Ready, SessionInfo
from bwc_protocol.session.insecure import RecordType
from bwc_protocol.session.interface import Alert
from bwc_protocol.vocabulary import PeerKind
from tools.generate.trace import HOST_NONCE, LINK_NONCE
from tools.generate.vectors.behaviour import (
    OTHER_NONCE,
    bye,
    greeted,
    handshake,
    info,
    live,
    met,
    opened,
    preamble,
    ready,
)
from tools.testkit.behaviour import NONCE_STEP, Player, record

Act = Callable[[Player], None]
Acts = dict[str, Act]
H, D = LinkRole.HOST, LinkRole.DEVICE
NOTHING: Final = "–"


def table(
    role: LinkRole,
    states: Acts,
    events: Acts,
    where: Callable[[Player], str],
    *,
    said: Callable[[list[Frame]], list[str]],
) -> str:
    """A row for each event, a column for each state that `states` leads to. A cell says where the end is afterwards,
    unless it is where it was, and what it said."""
    rows = ["| event | " + " | ".join(states) + " |", "|---" * (len(states) + 1) + "|"]
    for event, happen in events.items():
        cells = []
        for state, lead in states.items():
            player = Player(role)
            lead(player)
            if where(player) != state:
                raise AssertionError(f"led to {where(player)}, not {state}")
            before = len(player.heard)
            happen(player)
            after, spoke = where(player), said(player.heard[before:])
            cell = f"→ {after}" if after != state else ""
            cells.append(", ".join(filter(None, (cell, *spoke))) or NOTHING)
        rows.append(f"| {event} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _frames(frames: list[Frame]) -> list[str]:
    """Each kind of frame once, with its reason."""
    names = []
    for frame in frames:
        name = frame.type.name
        if frame.type is FrameType.BYE:
            name = f"BYE({ByeReason(Bye.decode(frame.payload).reason).name})"
        elif frame.type is FrameType.RESET:
            name = f"RESET({ResetReason(Reset.decode(frame.payload).reason).name})"
        names.append(name)
    return list(dict.fromkeys(names))


# Link


def _nothing(player: Player) -> None:
    pass


def _calling(p: Player) -> None:
    p.do("open the link")


def _checking(p: Player) -> None:
    _calling(p)
    p.grant()


def _candidate(p: Player) -> None:
    p.hello()
    p.link = p.heard[-1].link


def _live_and_candidate(p: Player) -> None:
    live(p)
    p.hello(OTHER_NONCE)


def _offered_nonce(p: Player) -> int:
    hellos = [frame for frame in p.heard if frame.type is FrameType.HELLO]
    return Hello.decode(hellos[-1].payload).host_nonce if hellos else HOST_NONCE


def _host_is(player: Player) -> str:
    return player.end.link.state.name


def _device_is(player: Player) -> str:
    link = player.end.link
    candidate = link._opening.granted is not None
    return ("LIVE" if link.state is LinkState.LIVE else "LISTENING") + (", candidate" if candidate else "")


def _refuse(reason: ByeReason) -> Act:
    return lambda p: bye(p, reason, 0, host_nonce=_offered_nonce(p))


def _lost(p: Player) -> None:
    p.end.pipe_lost(p.now)


def _closed(p: Player) -> None:
    p.do("close the link")


HOST_LINK: Final[Acts] = {
    "its owner opens": lambda p: _calling(p) if p.end.link.state is LinkState.CLOSED else None,
    "its owner closes": _closed,
    "the pipe is lost": _lost,
    "HELLO_ACK with its host nonce": lambda p: p.grant(_offered_nonce(p)),
    "HELLO_ACK with another host nonce": lambda p: p.grant(OTHER_NONCE),
    "HELLO_ACK beyond its offer": lambda p: p.grant(_offered_nonce(p), window=33),
    "HELLO": lambda p: p.hello(OTHER_NONCE),
    "PONG of the link that it was granted": lambda p: p.hear(FrameType.PONG, epoch=255),
    "PING of another link": lambda p: p.hear(FrameType.PING, link=OTHER_NONCE, epoch=255),
    "BYE(BUSY) with `link` 0 and its host nonce": _refuse(ByeReason.BUSY),
    "BYE(VERSION), the same": _refuse(ByeReason.VERSION),
    "BYE(PROTOCOL), the same": _refuse(ByeReason.PROTOCOL),
    "BYE(UNKNOWN_LINK) of that link": lambda p: bye(p, ByeReason.UNKNOWN_LINK, p.link),
    "BYE(NORMAL) of that link": lambda p: bye(p, ByeReason.NORMAL, p.link),
    "BYE(BUSY) of that link": lambda p: bye(p, ByeReason.BUSY, p.link),
    "250 ms pass": lambda p: p.wait(0.25),
    "1 s passes": lambda p: p.wait(1.0),
    "5 s pass": lambda p: p.wait(5.0),
}
DEVICE_LINK: Final[Acts] = {
    "HELLO of the same host nonce": lambda p: p.hello(),
    "HELLO of another": lambda p: p.hello(OTHER_NONCE + 1),
    "HELLO that no link can work with": lambda p: p.hello(OTHER_NONCE + 1, max_payload=19),
    "HELLO_ACK": lambda p: p.grant(),
    "first PING with the candidate's nonce": lambda p: p.hear(FrameType.PING, link=_named(p), epoch=255),
    "PING of the live link": lambda p: p.hear(FrameType.PING, link=_live_nonce(p), epoch=255),
    "PING of another link": lambda p: p.hear(FrameType.PING, link=OTHER_NONCE, epoch=255),
    "BYE(NORMAL) with the candidate's nonce": lambda p: bye(p, ByeReason.NORMAL, _named(p)),
    "BYE(NORMAL) of the live link": lambda p: bye(p, ByeReason.NORMAL, _live_nonce(p)),
    "the pipe is lost": _lost,
    "1 s passes": lambda p: p.wait(1.0),
    "5 s pass": lambda p: p.wait(5.0),
}


def _named(p: Player) -> int:
    """The nonce of its candidate, or one that it never gave."""
    granted = p.end.link._opening.granted
    return LINK_NONCE - NONCE_STEP if granted is None else granted.nonce


def _live_nonce(p: Player) -> int:
    channels = p.end.link._channels
    return LINK_NONCE - NONCE_STEP if channels is None else channels.nonce


def host_link() -> str:
    states: Acts = {"CLOSED": _nothing, "CALLING": _calling, "CHECKING": _checking, "LIVE": live}
    return table(H, states, HOST_LINK, _host_is, said=_frames)


def device_link() -> str:
    states: Acts = {
        "LISTENING": _nothing,
        "LISTENING, candidate": _candidate,
        "LIVE": live,
        "LIVE, candidate": _live_and_candidate,
    }
    return table(D, states, DEVICE_LINK, _device_is, said=_frames)


# Channel: states as the diagrams name them


def _channel_is(player: Player) -> str:
    channel = player.end.link._channels._channels.get(0) if player.end.link._channels else None
    if channel is None:
        return "CLOSED(255)"
    if channel.repeating is not None:
        return f"RESETTING({channel.epoch})" + (", wanted" if channel.state is ChannelState.OPENING else "")
    return f"{channel.state.name}({channel.epoch})"


def _open_0(p: Player) -> None:
    opened(p)
    if p.role is D:
        p.hear(FrameType.DATA, epoch=0, window=4, payload=b"BWC\x01")
    else:
        p.hear(FrameType.ACK, epoch=0, ack=1, window=4)
    p.wait(0.006)


def _closed_0(p: Player) -> None:
    _open_0(p)
    p.reset(ResetReason.NORMAL, epoch=0)


def _resetting_0(p: Player) -> None:
    _open_0(p)
    p.end.close_channel(0, p.now)
    p._drain()


def _data(epoch: int, seq: int = 0) -> Act:
    def act(p: Player) -> None:
        p.hear(FrameType.DATA, epoch=epoch, seq=seq, window=4, payload=b"BWC\x01")
        p.wait(0.006)

    return act


def _own_opening(p: Player) -> None:
    if p.end.link._channels is not None and _channel_is(p)[:6] != "OPEN(0":
        p.do("open channel 0")


def _own_reset(p: Player) -> None:
    p.end.close_channel(0, p.now)
    p._drain()


CHANNEL: Final[Acts] = {
    "its owner resets it": _own_reset,
    "DATA(0), the next `seq`": _data(0, 1),
    "DATA(0), `seq` 0": _data(0),
    "DATA(1), `seq` 0": _data(1),
    "DATA(1), `seq` 1": _data(1, 1),
    "ACK(0)": lambda p: p.hear(FrameType.ACK, epoch=0, ack=1, window=4),
    "PING(0)": lambda p: p.hear(FrameType.PING, epoch=0, seq=9),
    "PING(9)": lambda p: p.hear(FrameType.PING, epoch=9, seq=9),
    "RESET(0, NORMAL)": lambda p: p.reset(ResetReason.NORMAL, epoch=0),
    "RESET(0, ANSWER)": lambda p: p.reset(ResetReason.ANSWER, epoch=0),
    "RESET(1, NORMAL)": lambda p: p.reset(ResetReason.NORMAL, epoch=1),
    "RESET(1, ANSWER)": lambda p: p.reset(ResetReason.ANSWER, epoch=1),
    "RESET(255, NORMAL)": lambda p: p.reset(ResetReason.NORMAL, epoch=255),
    "its timer of a RESET": lambda p: p.wait(0.03),
}


def _channel(role: LinkRole) -> str:
    states: Acts = {"CLOSED(0)": _closed_0, "OPEN(0)": _open_0, "RESETTING(0)": _resetting_0}
    events = CHANNEL if role is D else {"its owner opens it": _own_opening, **CHANNEL}
    return table(role, states, events, _channel_is, said=_told)


def host_channel() -> str:
    return _channel(H)


def device_channel() -> str:
    return _channel(D)


def _told(frames: list[Frame]) -> list[str]:
    """Frames of channels with their epochs."""
    names = []
    for frame in frames:
        if frame.type is FrameType.RESET:
            reason = ResetReason(Reset.decode(frame.payload).reason).name
            names.append(f"RESET({frame.epoch}, {reason})")
        else:
            names.append(f"{frame.type.name}({frame.epoch})")
    return list(dict.fromkeys(names))


# Conversation


def _conversation_is(player: Player) -> str:
    conversation = player.end.conversations.get(0)
    if conversation is not None:
        return conversation.state.name
    return (
        "PREAMBLE" if _channel_is(player) == "CLOSED(255)" else "OVER"
    )  # a device's begins with the first bytes


def _other(p: Player) -> PeerKind:
    return PeerKind.HOST if p.role is D else PeerKind.CAMERA


def _quiet(lead: Act) -> Act:
    """Everything that it said on the way is acknowledged, and so is what it says of what happens."""

    def act(p: Player) -> None:
        lead(p)
        p.ack()
        p.wait(0.006)

    return act


CONVERSATION: Final[Acts] = {
    "preamble": lambda p: p.data(preamble(_other(p)).encode()),
    "preamble without a common version": lambda p: p.data(
        preamble(_other(p), oldest=(2, 0), newest=(2, 1)).encode()
    ),
    "preamble of another protection": lambda p: p.data(preamble(_other(p), protection=1).encode()),
    "other bytes": lambda p: p.data(b"AT+CGMI\r\n"),
    "handshake": lambda p: p.data(handshake(_other(p))),
    "SESSION_INFO that agrees": lambda p: p.say(SessionInfo.opcode, info(_other(p))),
    "SESSION_INFO that does not": lambda p: p.say(SessionInfo.opcode, info(_other(p), minor=9)),
    "READY": lambda p: p.say(Ready.opcode),
    "a request": lambda p: p.say(ReadBattery.opcode, b"\x00", request=1),
    "an event": lambda p: p.say(0x0EF0, flags=4),
    "an answer that nobody waits for": lambda p: p.say(ReadBattery.opcode, b"", flags=2, request=9),
    "an unknown control message": lambda p: p.say(0x7F),
    "alert CLOSE": lambda p: p.data(record(RecordType.ALERT, b"\x00")),
    "alert REFUSED": lambda p: p.data(record(RecordType.ALERT, b"\x01")),
    "its owner closes": lambda p: p.do("close the session") if 0 in p.end.conversations else None,
    "RESET": lambda p: p.reset(ResetReason.NORMAL),
    "10 s since the opening": lambda p: _ten_seconds(p),
}


def _ten_seconds(p: Player) -> None:
    if 0 not in p.end.conversations:
        p.data(b"BWC\x01")
    for _ in range(11):
        p.wait(0.95)
        p.hear(FrameType.PONG, epoch=255)


def _conversation(role: LinkRole) -> str:
    states: Acts = {
        "PREAMBLE": _quiet(opened),
        "HANDSHAKE": _quiet(greeted),
        "INFO": _quiet(met),
        "READY": _quiet(ready),
    }
    events = {name: _quiet(act) for name, act in CONVERSATION.items()}
    return table(role, states, events, _conversation_is, said=_words)


def host_conversation() -> str:
    return _conversation(H)


def device_conversation() -> str:
    return _conversation(D)


def _words(frames: list[Frame]) -> list[str]:
    """What the frames say inside the channel, and RESETs."""
    data = b"".join(frame.payload for frame in frames if frame.type is FrameType.DATA)
    words = []
    if data[:4] == b"BWC\x01":
        words.append("preamble")
        data = data[32:]
    while len(data) >= 4:
        kind, size = data[0], int.from_bytes(data[1:4], "little")
        body, data = data[4 : 4 + size], data[4 + size :]
        if kind == RecordType.HANDSHAKE:
            words.append("handshake")
        elif kind == RecordType.ALERT:
            words.append(f"alert {Alert(body[0]).name}")
        else:
            words.append(_message(body))
    return words + [word for word in _frames(frames) if word.startswith("RESET")]


def _message(body: bytes) -> str:
    _, opcode, flags, _ = HEADER.unpack_from(body)
    if flags == Flag.ERROR:
        code = ErrorReply.codec.decode(body[HEADER.size :]).code
        return f"error {getattr(code, 'name', code)}"
    return {SessionInfo.opcode: "SESSION_INFO", Ready.opcode: "READY"}.get(opcode, "reply")


TABLES: Final[dict[str, Callable[[], str]]] = {
    "transitions-link-host": host_link,
    "transitions-link-device": device_link,
    "transitions-channel-host": host_channel,
    "transitions-channel-device": device_channel,
    "transitions-conversation-host": host_conversation,
    "transitions-conversation-device": device_conversation,
}
