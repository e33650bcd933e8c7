"""Vectors of what link, channel and session do: scripts of bytes and times in, bytes and times out (spec: Vectors)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from bwc_protocol.declare import NO_ROLE, Role
from bwc_protocol.frame import Bye, ByeReason, FrameType, ResetReason
from bwc_protocol.link import LinkRole
from bwc_protocol.messages.battery import ReadBattery
from bwc_protocol.messages.core import Ready, SessionInfo, StreamCredit
from bwc_protocol.session.insecure import RecordType, _Hello
from bwc_protocol.session.interface import Alert
from bwc_protocol.session.preamble import NEWEST, OLDEST, Preamble, binding
from bwc_protocol.vocabulary import PeerKind
from tools.generate.trace import HOST_NONCE, LINK_NONCE, STATUS
from tools.testkit.behaviour import MAX_PAYLOAD, NONCE_STEP, WINDOW, Player
from tools.testkit.behaviour import record as sealed
from tools.testkit.pair import BENCH, CAMERA, DEVICE_RANDOM, HOST_RANDOM

H, D = LinkRole.HOST, LinkRole.DEVICE
OTHER_NONCE: Final = 0x0BAD_CAFE
Script = Callable[[Player], None]

# What the peer says on the way to READY


def preamble(kind: PeerKind, **fields: Any) -> Preamble:
    random = HOST_RANDOM if kind is PeerKind.HOST else DEVICE_RANDOM
    return replace(
        Preamble(oldest=OLDEST, newest=NEWEST, kind=kind, max_plaintext=65_536, random=random), **fields
    )


def handshake(kind: PeerKind) -> bytes:
    host = kind is PeerKind.HOST
    hello = _Hello(
        identity=BENCH if host else CAMERA,
        roles=Role.BENCH if host else NO_ROLE,
        random=(HOST_RANDOM if host else DEVICE_RANDOM)[::-1],
    )
    return sealed(RecordType.HANDSHAKE, hello.codec.encode(hello))


def info(of: PeerKind, /, **fields: Any) -> bytes:
    host = of is PeerKind.HOST
    bound = binding(preamble(PeerKind.HOST).encode(), preamble(PeerKind.CAMERA).encode())
    said = SessionInfo(
        preambles_sha256=bound,
        major=NEWEST[0],
        minor=NEWEST[1],
        kind=of,
        roles=Role.BENCH if host else NO_ROLE,
        identity=BENCH if host else CAMERA,
        capabilities=0 if host else 1 << 31,
        boot_counter=0 if host else 9,
        firmware_sha256=bytes(32) if host else bytes(range(32)),
    )
    return SessionInfo.codec.encode(replace(said, **fields))


def live(player: Player) -> None:
    """The link is live."""
    if player.role is D:
        player.hello()
        player.link = player.heard[-1].link
        player.hear(FrameType.PING, epoch=255)
    else:
        player.do("open the link")
        player.grant()
        player.hear(FrameType.PONG, epoch=255)


def greeted(player: Player, **fields: Any) -> None:
    """Both preambles passed, and what the device says behind its own."""
    live(player)
    if player.role is D:
        player.data(preamble(PeerKind.HOST, **fields).encode())
    else:
        player.do("open channel 0")
        player.data(preamble(PeerKind.CAMERA, **fields).encode())


def met(player: Player) -> None:
    """Both handshakes passed: SESSION_INFO of the end is on its way."""
    greeted(player)
    player.data(handshake(PeerKind.HOST if player.role is D else PeerKind.CAMERA))


def ready(player: Player) -> None:
    """Requests may pass."""
    met(player)
    player.say(SessionInfo.opcode, info(PeerKind.HOST if player.role is D else PeerKind.CAMERA))
    if player.role is D:
        player.say(Ready.opcode)
    player.ack()


def bye(player: Player, reason: ByeReason, link: int, **fields: Any) -> None:
    player.hear(FrameType.BYE, link=link, payload=Bye(reason=reason, **fields).encode())


# Link


def device_opens(p: Player) -> None:
    p.wait(2.0)
    p.feed(bytes(range(200, 230)) + b"\xb3\x57")
    p.wait(0.25)
    p.hello()
    p.wait(0.25)
    p.hello()
    p.link = p.heard[-1].link
    p.hear(FrameType.PING, epoch=255, seq=7)
    p.hello()
    bye(p, ByeReason.NORMAL, p.link)
    p.wait(8.0)


def device_refuses(p: Player) -> None:
    p.hello(lowest=2, highest=3)
    p.hello(max_payload=19)
    p.hello(max_window=0)
    p.hear(FrameType.HELLO, link=0, payload=b"\x01\x02\x03")
    p.hello(lowest=1, highest=9, max_payload=61_440, max_window=32)


def device_candidate(p: Player) -> None:
    live(p)
    first = p.link
    p.hello(OTHER_NONCE)
    candidate = p.heard[-1].link
    p.hear(FrameType.PING, epoch=255)
    bye(p, ByeReason.NORMAL, candidate)
    p.hear(FrameType.PING, link=candidate, epoch=255)
    p.hear(FrameType.PING, link=first, epoch=255, seq=2)
    p.hello(OTHER_NONCE)
    p.link = p.heard[-1].link
    p.hear(FrameType.PING, epoch=255, seq=3)
    p.hear(FrameType.PING, link=first, epoch=255, seq=4)


def device_strangers(p: Player) -> None:
    for at in (0.0, 0.4, 0.5, 0.2):
        p.wait(at)
        p.hear(FrameType.PING, link=OTHER_NONCE, epoch=255)
    bye(p, ByeReason.NORMAL, OTHER_NONCE)


def silence(p: Player) -> None:
    live(p)
    p.wait(0.6)
    p.hear(FrameType.ACK, epoch=0)
    p.wait(5.5)


def host_calls_in_vain(p: Player) -> None:
    p.do("open the link")
    p.wait(5.5)


def host_opens(p: Player) -> None:
    p.wait(0.1)
    p.do("open the link")
    p.wait(0.3)
    p.grant(OTHER_NONCE)
    p.grant()
    p.wait(0.3)
    p.hear(FrameType.PONG, epoch=255)
    p.grant()
    p.wait(0.5)
    p.do("close the link")


def host_refused(p: Player) -> None:
    p.do("open the link")
    bye(p, ByeReason.BUSY, 0, host_nonce=OTHER_NONCE, retry_after_ms=1_000)
    bye(p, ByeReason.BUSY, 0, host_nonce=HOST_NONCE, retry_after_ms=1_000)
    p.wait(0.5)


def host_refuses(p: Player) -> None:
    p.do("open the link")
    p.grant(max_payload=MAX_PAYLOAD + 1)
    p.wait(0.5)


def host_forgotten(p: Player) -> None:
    p.do("open the link")
    p.grant()
    bye(p, ByeReason.UNKNOWN_LINK, p.link)
    p.wait(0.25)
    p.grant(HOST_NONCE + NONCE_STEP)
    p.hear(FrameType.PONG, epoch=255)
    bye(p, ByeReason.NORMAL, p.link)
    p.wait(0.5)


# Channel


def device_channel(p: Player) -> None:
    live(p)
    hello = preamble(PeerKind.HOST).encode()
    p.data(hello[:10])
    p.wait(0.01)
    p.hear(FrameType.DATA, epoch=0, seq=0, window=WINDOW, payload=hello[:10])
    p.hear(FrameType.DATA, epoch=0, seq=2, window=WINDOW, payload=hello[20:])
    p.hear(FrameType.DATA, epoch=0, seq=9, window=WINDOW, payload=b"beyond the window")
    p.hear(FrameType.DATA, epoch=0, seq=1, window=WINDOW)
    p.hear(FrameType.DATA, epoch=1, seq=0, window=WINDOW, payload=b"another epoch")
    p.hear(FrameType.DATA, epoch=0, seq=1, window=WINDOW, payload=hello[10:20])
    p.ack()
    p.hear(FrameType.PING, epoch=0, seq=5, ack=1, window=WINDOW)


def device_epochs(p: Player) -> None:
    live(p)
    p.reset(ResetReason.NORMAL, epoch=255)
    p.reset(ResetReason.NORMAL, epoch=0)
    p.reset(ResetReason.ANSWER, epoch=0)
    p.hear(FrameType.DATA, epoch=0, window=WINDOW, payload=b"closed by now")
    p.hear(FrameType.DATA, epoch=1, window=WINDOW, payload=b"BWC\x01")
    p.wait(0.01)
    p.reset(ResetReason.NORMAL, epoch=0)
    p.reset(ResetReason.NORMAL, epoch=1)
    p.hear(FrameType.DATA, epoch=2, seq=1, window=WINDOW, payload=b"not its first")
    p.hear(FrameType.DATA, epoch=2, window=WINDOW, payload=b"BWC\x01")
    p.wait(0.01)


def device_no_channel(p: Player) -> None:
    live(p)
    p.hear(FrameType.DATA, channel=3, epoch=0, window=WINDOW, payload=b"BWC\x01")
    p.reset(channel=3, epoch=0)
    p.hear(FrameType.DATA, channel=3, epoch=1, window=WINDOW, payload=b"BWC\x01")
    p.wait(0.3)
    p.reset(channel=3, epoch=1)
    p.hear(FrameType.PING, channel=3, epoch=1, seq=1)
    p.hear(FrameType.PING, channel=65, epoch=1, seq=1)
    p.hear(FrameType.DATA, channel=65, epoch=0, window=WINDOW, payload=b"BWC\x01")


def device_unheard(p: Player) -> None:
    """Its reply is never acknowledged, though the link lives."""
    ready(p)
    p.say(ReadBattery.opcode, b"\x00", request=1, ack=2)
    while p.end.conversations:
        p.wait(0.9)
        p.hear(FrameType.PING, epoch=255)
    p.reset()


def host_channel(p: Player) -> None:
    live(p)
    p.do("open channel 0")
    p.wait(0.1)
    p.data(preamble(PeerKind.CAMERA).encode(), ack=0)
    p.ack(ack=5)
    p.wait(0.3)
    p.ack()
    p.reset(ResetReason.NORMAL)
    p.do("open channel 0")
    p.reset(ResetReason.NORMAL, epoch=1)


# Session


def whole_session(p: Player) -> None:
    if p.role is D:
        ready(p)
        p.say(ReadBattery.opcode, b"\x00", request=1)
        p.say(0x0EEE, request=2)
        p.data(sealed(RecordType.ALERT, b"\x00"))
        p.wait(0.01)
        p.ack()
        p.reset(ResetReason.NORMAL)
    else:
        ready(p)
        p.do("ask battery.status")
        p.say(ReadBattery.opcode, STATUS.codec.encode(STATUS), flags=1, request=1)
        p.do("close the session")
        p.data(sealed(RecordType.ALERT, b"\x00"))
        p.wait(0.01)
        p.reset(ResetReason.NORMAL)
    p.wait(0.01)


def cut_into_bytes(p: Player) -> None:
    live(p)
    said = preamble(PeerKind.HOST).encode() + handshake(PeerKind.HOST)
    for at in range(0, len(said), 9):
        p.data(said[at : at + 9])
    p.ack()
    p.wait(0.01)


def before_ready(p: Player) -> None:
    met(p)
    p.say(ReadBattery.opcode, b"\x00", request=1)
    p.say(SessionInfo.opcode, info(PeerKind.HOST))
    p.say(ReadBattery.opcode, b"\x00", request=2)
    p.say(Ready.opcode)
    p.say(ReadBattery.opcode, b"\x00", request=3)
    p.ack()


def no_version(p: Player) -> None:
    greeted(p, oldest=(2, 0), newest=(2, 4))
    p.wait(0.1)
    p.ack()
    p.wait(0.01)


def other_protection(p: Player) -> None:
    greeted(p, protection=1)
    p.wait(0.1)
    p.ack()
    p.wait(0.01)


def to_the_end(p: Player) -> None:
    """The alert is acknowledged, and the RESET answered."""
    p.wait(0.01)
    if p.end.conversations:
        p.ack()
    p.wait(0.01)
    p.reset()


def not_acknowledged(p: Player) -> None:
    ready(p)
    p.say(0x7F)
    for _ in range(3):
        p.wait(0.5)
        p.hear(FrameType.PONG, epoch=255)
    p.reset()


def peer(player: Player) -> PeerKind:
    return PeerKind.HOST if player.role is D else PeerKind.CAMERA


def breaking(until: Callable[[Player], None], wrong: Script) -> Script:
    """Goes as far as `until`, does what is wrong, and sees it through."""

    def script(p: Player) -> None:
        until(p)
        wrong(p)
        to_the_end(p)

    return script


def waiting(until: Callable[[Player], None]) -> Script:
    """Goes as far as `until`, and no further: 10 s after the opening it is over. The link is kept alive."""

    def script(p: Player) -> None:
        until(p)
        p.ack()
        while p.now < 10.3:
            p.wait(0.9)
            p.hear(FrameType.PONG, epoch=255)
        p.reset()

    return script


def opened(p: Player) -> None:
    live(p)
    if p.role is H:
        p.do("open channel 0")


def _alert(value: int) -> bytes:
    return sealed(RecordType.ALERT, bytes([value]))


def _endings() -> list[tuple[str, str, Script]]:
    """Name, rules, and what the peer does; for either role."""

    def wrong_info(**fields: Any) -> Script:
        return breaking(met, lambda p: p.say(SessionInfo.opcode, info(peer(p), **fields)))

    return [
        ("no preamble", "SES-002 SES-018", breaking(opened, lambda p: p.data(b"AT+CGMI\r\n"))),
        (
            "no preamble, and what was said is not acknowledged",
            "SES-002 SES-018",
            breaking(opened, lambda p: p.data(b"AT+CGMI\r\n", ack=0)),
        ),
        (
            "a preamble of the same kind of end",
            "SES-002 SES-018",
            breaking(opened, lambda p: p.data(preamble(_same(p)).encode())),
        ),
        ("no preamble for 10 s", "SES-005 SES-018", waiting(_spoken)),
        ("no handshake for 10 s", "SES-005 SES-018", waiting(greeted)),
        ("no SESSION_INFO for 10 s", "SES-005 SES-018", waiting(met)),
        ("an unknown record", "SES-014 SES-018", breaking(greeted, lambda p: p.data(b"\x09\x00\x00\x00"))),
        (
            "data before the handshake",
            "SES-014 SES-018",
            breaking(greeted, lambda p: p.data(sealed(RecordType.DATA, b"?"))),
        ),
        (
            "a handshake that breaks its table",
            "SES-014 SES-018",
            breaking(greeted, lambda p: p.data(sealed(RecordType.HANDSHAKE, b"\x09"))),
        ),
        ("a second handshake", "SES-014 SES-018", breaking(met, lambda p: p.data(handshake(peer(p))))),
        ("SESSION_INFO of other preambles", "SES-006 SES-018", wrong_info(preambles_sha256=bytes(32))),
        ("SESSION_INFO of another version", "SES-006 SES-018", wrong_info(minor=NEWEST[1] + 1)),
        ("SESSION_INFO of another identity", "SES-006 SES-018", wrong_info(identity="somebody else")),
        ("SESSION_INFO of another kind", "SES-006 SES-018", wrong_info(kind=PeerKind.STATION)),
        ("SESSION_INFO without a role", "SES-020 SES-018", wrong_info(roles=NO_ROLE)),
        (
            "SESSION_INFO with a role that the host does not have",
            "SES-020 SES-018",
            wrong_info(roles=Role.BENCH | Role.RECORDS),
        ),
        (
            "a second SESSION_INFO",
            "SES-009 SES-018",
            breaking(ready, lambda p: p.say(SessionInfo.opcode, info(peer(p)))),
        ),
        (
            "READY once more, or from a device",
            "SES-009 SES-018",
            breaking(ready, lambda p: p.say(Ready.opcode)),
        ),
        ("READY before SESSION_INFO", "SES-017 SES-018", breaking(met, lambda p: p.say(Ready.opcode))),
        ("unknown flags", "MSG-004 SES-018", breaking(ready, lambda p: p.say(0x0101, flags=3, request=9))),
        (
            "a message that is too long",
            "MSG-004 SES-018",
            breaking(ready, lambda p: p.data(sealed(RecordType.DATA, b"\xf5\xff\0\0" + bytes(8)))),
        ),
        ("an unknown control message", "MSG-023 SES-018", breaking(ready, lambda p: p.say(0x7F))),
        (
            "a control message that breaks its declaration",
            "MSG-004 SES-018",
            breaking(ready, lambda p: p.say(StreamCredit.opcode, b"\0", request=1)),
        ),
        ("an alert: REFUSED", "SES-015 SES-018", breaking(ready, lambda p: p.data(_alert(Alert.REFUSED)))),
        (
            "an alert: MALFORMED",
            "SES-015 SES-018",
            breaking(ready, lambda p: p.data(_alert(Alert.MALFORMED))),
        ),
        ("an alert without a name", "SES-015 SES-018", breaking(ready, lambda p: p.data(_alert(77)))),
        ("an alert that is never acknowledged", "SES-018", not_acknowledged),
    ]


OF_DEVICES: Final = (
    "READY before SESSION_INFO",
    "SESSION_INFO without a role",
    "SESSION_INFO with a role that the host does not have",
)
"""Ends that a host does not come to."""


def _same(p: Player) -> PeerKind:
    return PeerKind.CAMERA if p.role is D else PeerKind.HOST


def _spoken(p: Player) -> None:
    opened(p)
    p.data(b"BWC\x01")


SCRIPTS: Final[list[tuple[str, LinkRole, str, str, Script]]] = [
    (
        "link",
        D,
        "a device answers HELLO, and no more before it",
        "LNK-001 LNK-002 FRM-006 LNK-014",
        device_opens,
    ),
    ("link", D, "offers that are refused", "LNK-017 LNK-018 FRM-009", device_refuses),
    (
        "link",
        D,
        "a candidate: forgotten by BYE, live by its first frame",
        "LNK-003 LNK-011 LNK-021",
        device_candidate,
    ),
    ("link", D, "frames of a link that it does not have", "LNK-010 LNK-012", device_strangers),
    ("link", D, "silence", "LNK-013 LNK-015 LNK-023", silence),
    ("link", H, "nobody answers", "LNK-016", host_calls_in_vain),
    ("link", H, "a host opens a link and closes it", "LNK-006 LNK-007 LNK-023", host_opens),
    ("link", H, "a device that is busy", "LNK-011", host_refused),
    ("link", H, "a grant beyond the offer", "LNK-019", host_refuses),
    ("link", H, "a grant that the device forgot", "LNK-021", host_forgotten),
    ("link", H, "silence", "LNK-013 LNK-015 LNK-023", silence),
    ("channel", D, "order, duplicates, gaps, the window", "CHN-014 CHN-016 CHN-019 CHN-026", device_channel),
    ("channel", D, "epochs", "CHN-002 CHN-004 CHN-005 CHN-007 CHN-009", device_epochs),
    ("channel", D, "channels that it does not have", "CHN-008 LNK-022", device_no_channel),
    ("channel", D, "what it says is never acknowledged", "CHN-024 CHN-025", device_unheard),
    (
        "channel",
        H,
        "frame 0 alone, a void ack, the next epoch",
        "CHN-001 CHN-003 CHN-011 CHN-015",
        host_channel,
    ),
    ("session", D, "a whole session", "SES-001 SES-016 MSG-001 MSG-002", whole_session),
    ("session", H, "a whole session", "SES-008 SES-016", whole_session),
    ("session", D, "cut anywhere", "SES-001 SES-011", cut_into_bytes),
    ("session", D, "requests before READY", "SES-007 SES-017", before_ready),
    ("session", D, "no common version", "SES-003", no_version),
    ("session", H, "no common version", "SES-003 SES-018", no_version),
    ("session", D, "another protection", "SES-019", other_protection),
    ("session", H, "another protection", "SES-019 SES-018", other_protection),
    *(
        ("session", role, f"ends: {name}", rules, script)
        for name, rules, script in _endings()
        for role in (D, H)
        if not (role is H and name in OF_DEVICES)
    ),
]


def play(role: LinkRole, script: Script) -> Player:
    player = Player(role)
    script(player)
    return player


def given() -> dict[str, Any]:
    """What every end of these scripts is made with."""
    return {
        "max_payload": MAX_PAYLOAD,
        "window": WINDOW,
        "nonces": {"host": HOST_NONCE, "device": LINK_NONCE, "each_next_plus": NONCE_STEP},
        "preambles": {
            "host": preamble(PeerKind.HOST).encode().hex(),
            "device": preamble(PeerKind.CAMERA).encode().hex(),
        },
        "handshakes": {"host": handshake(PeerKind.HOST).hex(), "device": handshake(PeerKind.CAMERA).hex()},
        "session_infos": {"host": info(PeerKind.HOST).hex(), "device": info(PeerKind.CAMERA).hex()},
        "battery_status_reply": STATUS.codec.encode(STATUS).hex(),
        "timer_ms": {"initial": 250, "floor": 20, "max": 2_000, "retries": 15, "rate_bytes_s": 8_192},
    }


def record() -> dict[str, Any]:
    """The content of `behaviour.json`."""
    scripts = []
    for layer, role, name, rules, script in SCRIPTS:
        player = play(role, script)
        scripts.append(
            {
                "layer": layer,
                "under_test": role.value,
                "name": name,
                "rules": rules.split(),
                "steps": player.steps,
            }
        )
    types = {
        "at_ms": "number, milliseconds since the end was made",
        "in": "bytes in hexadecimal",
        "out": "bytes in hexadecimal, one frame",
        "do": "text, one of five",
        "is": "text, for people",
        "again": "true, or absent",
    }
    return {"types": types, "given": given(), "scripts": scripts}
