"""The ways in which a conversation ends, and what its end says of each (spec: Ends of a conversation).

A word inside the session comes first, where there is a session: an alert. RESET follows when the alert is acknowledged,
or else after `LINGER_S`; without an alert it goes at once.
"""

from typing import Final, NamedTuple

from bwc_protocol.conversation.events import FailReason
from bwc_protocol.frame import ResetReason
from bwc_protocol.session.interface import Alert

LINGER_S: Final = 1.0
"""How long a conversation that is over may take to deliver its last word before the channel is reset."""


class Ending(NamedTuple):
    """What an end says when it ends a conversation."""

    alert: Alert | None
    """Inside the session; None: nothing is said there."""
    reset: ResetReason


ENDINGS: Final[dict[FailReason, Ending]] = {
    FailReason.NOT_A_DEVICE: Ending(None, ResetReason.PROTOCOL),
    FailReason.VERSION: Ending(None, ResetReason.PROTOCOL),
    FailReason.PROTECTION: Ending(None, ResetReason.PROTOCOL),
    FailReason.REFUSED: Ending(Alert.REFUSED, ResetReason.REFUSED),
    FailReason.SESSION: Ending(Alert.MALFORMED, ResetReason.PROTOCOL),
    FailReason.TIMEOUT: Ending(None, ResetReason.PROTOCOL),
    FailReason.PROTOCOL: Ending(Alert.MALFORMED, ResetReason.PROTOCOL),
    FailReason.OVERFLOW: Ending(None, ResetReason.OVERFLOW),
    FailReason.LIMIT: Ending(Alert.CLOSE, ResetReason.NORMAL),
}
"""For each reason of this end's own. An alert of the peer is not answered by one."""
ORDERLY: Final = Ending(Alert.CLOSE, ResetReason.NORMAL)
BY_PEER: Final = Ending(None, ResetReason.PROTOCOL)
"""The peer ended the session by an alert other than CLOSE."""
