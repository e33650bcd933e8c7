"""Control messages: the conversation's own (spec: Control messages).

A message about a stream carries the id of the request that opened it. `stream.data` (0x11) has no
declaration: its body is an offset of 64 bits and the bytes themselves (spec: Streams).
"""

from bwc_protocol.declare import (
    Control,
    Role,
    Wire,
    blob,
    control,
    flags,
    text,
    u8,
    u16,
    u32,
    u64,
    wire,
)
from bwc_protocol.declare.fields import Unknown, choice
from bwc_protocol.versions import V1_2
from bwc_protocol.vocabulary import ErrorCode, PeerKind


@control(0x01, "session.info")
class SessionInfo(Control):
    """First message of each side inside the session: binds the preambles and says who speaks."""

    preambles_sha256: bytes = blob("SHA-256 of the host's preamble followed by the device's", size=32)
    major: int = u8("protocol version chosen, major")
    minor: int = u8("protocol version chosen, minor")
    kind: PeerKind | Unknown = choice(PeerKind, "what the sender is")
    roles: Role = flags(Role, "roles of a host; 0 from a device")
    identity: str = text("name in the sender's certificate; a device's serial number", max=64)
    capabilities: int = u64("low 32 bits: those of device.capabilities; the others 0, ignored; 0 from a host")
    boot_counter: int = u32("boots of a device since it was made; 0 from a host")
    firmware_sha256: bytes = blob("SHA-256 of a device's firmware; zeros from a host", size=32)
    deny_counter: int = u32(
        "counter of the newest deny list that the sender holds; 0 = none", since=V1_2, default=0
    )


@control(0x02, "session.ready")
class Ready(Control):
    """The host has checked the device's session info; from here on the device executes requests."""


@control(0x03, "error")
class ErrorReply(Control):
    """The answer to a request that was not carried out; sent with the request's opcode and the ERROR flag."""

    code: ErrorCode | Unknown = choice(ErrorCode, "why")
    retry_after_ms: int = u32("when to ask again; 0 = no statement", unit="ms")
    detail: str = text("for a log; never needed to decide", max=200)


@control(0x10, "stream.credit")
class StreamCredit(Control):
    """The receiver of a stream allows its bytes up to `limit`; never less than before."""

    limit: int = u64("offset that the sender may not pass", unit="byte")


@control(0x12, "stream.end")
class StreamEnd(Control):
    """From the sender: everything was sent. From the receiver of an upload: its verdict."""

    offset: int = u64("bytes of the stream in all", unit="byte")
    code: int = u16("0 = success, else an error code")
    detail: str = text("for a log", max=200)


@control(0x13, "stream.cancel")
class StreamCancel(Control):
    """Either side gives the stream up; nothing more is sent on it, and what is under way is dropped."""

    code: int = u16("0 = no longer wanted, else an error code")


@wire
class StreamOpened(Wire):
    """The stream that the request opened exists under the request's id; it waits for credit."""

    length: int = u64("bytes that will follow", unit="byte")


@wire
class Done(Wire):
    """It is done; there is nothing to add."""
