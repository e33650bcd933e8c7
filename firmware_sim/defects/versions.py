"""Devices of which one version of the protocol is not like the others (spec: Versions)."""

from operator import attrgetter
from typing import Any, Final

from bwc_protocol.conversation import Conversation
from bwc_protocol.conversation.dialect import PRESENT
from bwc_protocol.conversation.message import Message
from bwc_protocol.versions import NEWEST
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.camera import SimCamera
from firmware_sim.defects.defect import Defect


class _SpeaksAsEver(Conversation):
    """Says and takes what the newest version has, whichever it states."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._codec = self._answering._codec = attrgetter("codec")
        self._dialect, self._answering._commands = PRESENT, PRESENT.commands


class _ServesTheNewestAlone(Conversation):
    def _dispatch(self, message: Message) -> None:
        older = self.peer is not None and self.peer.version < NEWEST
        if older and not message.flags and message.opcode in PRESENT.commands:
            code, detail = ErrorCode.MALFORMED, "a host of before"
            self._answering.refuse(message.opcode, message.request, code, detail)
            return
        super()._dispatch(message)


def _older_in_name(camera: SimCamera) -> None:
    camera.profile.newest = (NEWEST[0], NEWEST[1] - 1)
    camera.profile.talk = _SpeaksAsEver


def _newest_hosts_alone(camera: SimCamera) -> None:
    camera.profile.talk = _ServesTheNewestAlone


DEFECTS: Final = (
    Defect("older-in-name", "MSG-026", "states an older version, and says what came later", _older_in_name),
    Defect("newest-hosts-alone", "MSG-027", "refuses all that an older host asks", _newest_hosts_alone),
)
