"""Documents that a raw host brings a device: announced, sent, and what the device says of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final

from bwc_protocol.conversation.message import Flag
from bwc_protocol.declare import Request
from bwc_protocol.messages.core import ErrorReply, StreamCredit, StreamEnd
from bwc_protocol.vocabulary import ErrorCode
from hil_tests.raw.session import RawSession
from hil_tests.verdicts import RuleBroken, not_applicable

STREAM_DATA: Final = 0x11
Upload = Callable[..., Request[Any]]
REFUSED: Final = frozenset(
    {
        ErrorCode.UNTRUSTED,
        ErrorCode.MALFORMED,
        ErrorCode.CONFLICT,
        ErrorCode.NOT_PERMITTED,
        ErrorCode.OUT_OF_RANGE,
    }
)
"""By one of these a device refuses a document that it does not believe."""


def delivered(session: RawSession, upload: Upload, document: bytes, **fields: Any) -> ErrorCode | int:
    """Brings a document. Gives the device's code, of the request or at the end: 0 for one that it took."""
    request = upload(length=len(document), sha256=hashlib.sha256(document).digest(), **fields)
    number = session.request(request)
    said = session.answer(number)
    if said.flags == Flag.ERROR:
        code = ErrorReply.codec.decode(said.body).code
        if code is ErrorCode.UNSUPPORTED:
            not_applicable(f"the device has no {request.name}")
        return _known(code)
    session.expect(
        f"credit for {request.name}", lambda m: m.opcode == StreamCredit.opcode and m.request == number
    )
    session.say(STREAM_DATA, bytes(8) + document, request=number)
    end = session.expect(
        f"a verdict on {request.name} (STR-006)",
        lambda m: m.opcode == StreamEnd.opcode and m.request == number,
    )
    return _known(StreamEnd.codec.decode(end.body).code)


def takes(session: RawSession, rule: str, what: str, upload: Upload, document: bytes, **fields: Any) -> None:
    """The device takes a document. Raises `RuleBroken`."""
    code = delivered(session, upload, document, **fields)
    if code:
        raise RuleBroken(f"{what} taken ({rule})", f"refused with {code!r}")


def refuses(
    session: RawSession, rule: str, what: str, upload: Upload, document: bytes, **fields: Any
) -> None:
    """The device refuses a document. Raises `RuleBroken`, of a device that gives no verdict as well."""
    try:
        code = delivered(session, upload, document, **fields)
    except RuleBroken as broken:
        raise RuleBroken(f"{what} refused ({rule})", f"{broken.observed}, where {broken.expected}") from None
    if code not in REFUSED:
        raise RuleBroken(f"{what} refused ({rule})", f"{code!r}" if code else "taken")


def _known(code: Any) -> ErrorCode | int:
    value = int(getattr(code, "value", code))
    return ErrorCode(value) if value in set(ErrorCode) else value
