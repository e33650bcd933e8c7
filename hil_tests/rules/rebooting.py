"""A device that a raw host reboots, and that comes back."""

from __future__ import annotations

import time
from typing import Final

from bwc_protocol.conversation.message import Flag
from bwc_protocol.messages.core import ErrorReply
from bwc_protocol.messages.identity import ReadStatus, Reboot
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import TransportError
from hil_tests.raw.pipe import PipeLost
from hil_tests.raw.session import RawSession
from hil_tests.raw.wire import Wire
from hil_tests.verdicts import RuleBroken, not_applicable, not_tested

PAUSE_S: Final = 0.1


def boot_of(session: RawSession) -> int:
    """The boot that the device is in."""
    told: int = session.ask(ReadStatus()).boot_counter
    return told


def reboot(session: RawSession) -> float:
    """Has the device reboot. Gives the seconds until its links drop; skips where it does not."""
    said = session.answer(session.request(Reboot(boot_counter=boot_of(session))))
    if said.flags == Flag.ERROR:
        code = ErrorReply.codec.decode(said.body).code
        if code is ErrorCode.UNSUPPORTED:
            not_applicable("the device reboots for nobody")
        not_tested(f"the device does not reboot just now: {code}")
    delay_s: float = Reboot.reply.codec.decode(said.body).delay_ms / 1000
    return delay_s


def back_again(wire: Wire, boot: int, within_s: float) -> RawSession:
    """A session with the device in another boot. Raises what opening one raises, once its time is over."""
    until = time.monotonic() + within_s
    while True:
        wire.hang_up()
        try:
            session = wire.session()
            if boot_of(session) != boot:
                return session
            if time.monotonic() > until:
                raise RuleBroken(
                    f"another boot than {boot} within {within_s:g} s", "an answer in the same boot"
                )
        except (PipeLost, TransportError, RuleBroken):
            if time.monotonic() > until:
                raise
        time.sleep(PAUSE_S)
