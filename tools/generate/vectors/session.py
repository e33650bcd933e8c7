"""Vectors of preambles and of the insecure session (spec: Preamble, Session)."""

from dataclasses import replace
from typing import Any

from bwc_protocol.conversation.message import build
from bwc_protocol.declare import NO_ROLE, Role
from bwc_protocol.messages.battery import ReadBattery
from bwc_protocol.messages.core import SessionInfo
from bwc_protocol.session.insecure import _Hello, insecure_session
from bwc_protocol.session.interface import Alert, SessionSide
from bwc_protocol.session.preamble import (
    NEWEST,
    NO_PROTECTION,
    OLDEST,
    TLS_1_3,
    Preamble,
    binding,
    choose_version,
)
from bwc_protocol.vocabulary import PeerKind
from tools.generate.trace import STATUS
from tools.generate.vectors import types as vectors_types
from tools.generate.vectors.plain_values import shown
from tools.testkit.pair import BENCH, CAMERA, DEVICE_RANDOM, HOST_RANDOM, Pair, Versions, device_end, host_end


def types() -> dict[str, Any]:
    """What its fields are."""
    return {
        "preamble": vectors_types.layout("preamble"),
        "record": vectors_types.layout("session-record"),
        "handshake": vectors_types.fields(_Hello),
        "alert": vectors_types.numbers(Alert),
        "session_info": vectors_types.fields(SessionInfo),
        "message": vectors_types.layout("message-header"),
    }


def record() -> dict[str, Any]:
    """The content of `session.json`."""
    return {
        "types": types(),
        "preambles": _preambles(),
        "versions": _versions(),
        "bindings": _bindings(),
        "records": _records(),
        "conversation": _conversation(),
    }


def _preamble(
    kind: PeerKind,
    versions: Versions = ((1, 0), (1, 0)),
    max_plaintext: int = 65_536,
    protection: int = NO_PROTECTION,
) -> Preamble:
    random = HOST_RANDOM if kind is PeerKind.HOST else DEVICE_RANDOM
    return Preamble(
        oldest=versions[0],
        newest=versions[1],
        kind=kind,
        protection=protection,
        max_plaintext=max_plaintext,
        random=random,
    )


def _preambles() -> list[dict[str, Any]]:
    made = [
        _preamble(PeerKind.HOST),
        _preamble(PeerKind.CAMERA),
        _preamble(PeerKind.STATION, ((1, 0), (2, 7)), 512),
        _preamble(PeerKind.HOST, (OLDEST, NEWEST), protection=TLS_1_3),
        _preamble(PeerKind.CAMERA, (OLDEST, NEWEST), 16_384, TLS_1_3),
    ]
    good = [
        {
            "fields": {
                "oldest": list(one.oldest),
                "newest": list(one.newest),
                "kind": int(one.kind),
                "protection": one.protection,
                "max_plaintext": one.max_plaintext,
                "random": one.random.hex(),
            },
            "hex": one.encode().hex(),
        }
        for one in made
    ]
    raw = _preamble(PeerKind.CAMERA).encode()
    bad = [
        ("another magic", b"BWC\x02" + raw[4:]),
        ("an unknown kind", raw[:8] + b"\x09" + raw[9:]),
        ("takes less than 512 bytes at once", raw[:12] + (511).to_bytes(4, "little") + raw[16:]),
    ]
    return good + [{"refused": why, "hex": data.hex()} for why, data in bad]


def _versions() -> list[dict[str, Any]]:
    spans: list[tuple[Versions, Versions]] = [
        (((1, 0), (1, 0)), ((1, 0), (1, 4))),
        (((1, 0), (1, 4)), ((1, 0), (1, 2))),
        (((1, 2), (2, 1)), ((1, 0), (1, 3))),
        (((1, 0), (1, 9)), ((2, 0), (2, 0))),
        (((1, 0), (1, 0)), ((1, 1), (2, 0))),
    ]
    found = []
    pairs = [(_preamble(PeerKind.HOST, host), _preamble(PeerKind.CAMERA, device)) for host, device in spans]
    pairs.append(
        (
            _preamble(PeerKind.HOST, (OLDEST, NEWEST), protection=TLS_1_3),
            _preamble(PeerKind.CAMERA, (OLDEST, NEWEST), protection=TLS_1_3),
        )
    )
    for ours, theirs in pairs:
        chosen = choose_version(ours, theirs)
        found.append(
            {
                "host": ours.encode().hex(),
                "device": theirs.encode().hex(),
                "chosen": None if chosen is None else list(chosen),
                "preambles_sha256": binding(ours.encode(), theirs.encode()).hex(),
            }
        )
    return found


def _bindings() -> list[dict[str, Any]]:
    """SESSION_INFO of both ends behind their preambles, as version 1.2 has it, and as 1.1 had it."""
    found = []
    for newest, protection in (((1, 2), TLS_1_3), ((1, 2), NO_PROTECTION), ((1, 1), NO_PROTECTION)):
        host, device = (
            _preamble(kind, (OLDEST, newest), 16_384, protection).encode()
            for kind in (PeerKind.HOST, PeerKind.CAMERA)
        )
        bound = binding(host, device)
        of_host = SessionInfo(
            preambles_sha256=bound,
            major=newest[0],
            minor=newest[1],
            kind=PeerKind.HOST,
            roles=Role.DOCK_OFFLOAD,
            identity=BENCH,
            capabilities=0,
            boot_counter=0,
            firmware_sha256=bytes(32),
            deny_counter=7 if protection else 0,
        )
        of_device = replace(
            of_host,
            kind=PeerKind.CAMERA,
            roles=NO_ROLE,
            identity=CAMERA,
            capabilities=1 << 31,
            boot_counter=9,
            firmware_sha256=bytes(range(32)),
            deny_counter=3 if protection else 0,
        )
        said = {}
        for by, info in (("host", of_host), ("device", of_device)):
            body = SessionInfo.codec.encode(info)
            if newest < (1, 2):
                body = body[:-4]  # it has no deny_counter
            message = build(SessionInfo.opcode, 0, 0, body)
            said[by] = {"fields": shown(info), "message": message.hex()}
        preambles = {"host": host.hex(), "device": device.hex()}
        found.append({"preambles": preambles, "preambles_sha256": bound.hex(), "session_infos": said})
    return found


def _records() -> list[dict[str, Any]]:
    pair = Pair()
    pair.run()
    side = SessionSide(True, CAMERA, pair.host._local.roles, lambda size: DEVICE_RANDOM)
    session = insecure_session(side)
    session.start()
    found = [
        {
            "record": "handshake",
            "identity": CAMERA,
            "roles": int(Role.BENCH),
            "random": DEVICE_RANDOM.hex(),
            "hex": b"".join(session.outgoing()).hex(),
        }
    ]
    for plaintext in (b"", b"\x01", bytes(range(40))):
        session.seal(plaintext)
        found.append(
            {"record": "data", "plaintext": plaintext.hex(), "hex": b"".join(session.outgoing()).hex()}
        )
    for alert in Alert:
        session.close(alert)
        found.append({"record": "alert", "alert": int(alert), "hex": b"".join(session.outgoing()).hex()})
    return found


def _conversation() -> dict[str, Any]:
    """What each side says, in turn, on the channel: from the preambles to the close."""
    pair = Pair(host_end(), device_end())
    pair.run()
    request_id = pair.host.request(ReadBattery(cell=0))
    pair.run()
    pair.device.reply(request_id, STATUS)
    pair.run()
    pair.host.close()
    pair.run()
    return {
        "host": {"identity": BENCH, "roles": int(Role.BENCH), "random": HOST_RANDOM[::-1].hex()},
        "device": {"identity": CAMERA, "random": DEVICE_RANDOM[::-1].hex()},
        "said": [
            {"by": "host" if from_host else "device", "hex": data.hex()} for from_host, data in pair.passed
        ],
    }
