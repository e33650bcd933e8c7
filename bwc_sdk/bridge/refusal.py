"""What a client hears that comes while another one has the device (spec: Link)."""

from bwc_protocol.link import DeviceGate, Link, LinkParams, LinkRole


class _FirstClient:
    """Whoever is served, as the gate sees it: it has the device for as long as anybody is refused."""

    def forget_candidate(self) -> None:
        """It keeps none here."""


class Refusal:
    """Answers a HELLO as the device does when a host on another of its pipes has it: BYE(BUSY), and when to ask again.

    Nothing is known here of the client that is served, and no link comes about.
    """

    def __init__(self) -> None:
        gate = DeviceGate()
        gate.elect(_FirstClient())
        self._link = Link(LinkRole.DEVICE, LinkParams(), nonce=_no_nonce, gate=gate)

    def answer(self, data: bytes, now: float) -> bytes:
        """What the client is sent for these bytes of its own, cut anywhere; b"" for what is no HELLO yet."""
        self._link.receive(data, now)
        return b"".join(self._link.outgoing(now))


def _no_nonce() -> int:
    raise AssertionError("a device that is busy grants no link")
