"""Two ends of one conversation, joined without a link: for vectors, worked examples and tests."""

from collections.abc import Callable
from typing import Final

from bwc_protocol.conversation import Conversation, ConversationEvent, LocalInfo, RequestLimits
from bwc_protocol.declare import NO_ROLE, Role
from bwc_protocol.session.insecure import insecure_session
from bwc_protocol.session.interface import RECORD_MAX, PeerCredentials, SessionFactory, SessionSide, anybody
from bwc_protocol.session.preamble import NEWEST, OLDEST, Preamble
from bwc_protocol.vocabulary import PeerKind

HOST_RANDOM: Final = bytes(range(0x10, 0x20))
DEVICE_RANDOM: Final = bytes(range(0xA0, 0xB0))
CAMERA: Final = "BWC-000042"
BENCH: Final = "bench-7"

Versions = tuple[tuple[int, int], tuple[int, int]]


def host_end(
    *,
    roles: Role = Role.BENCH,
    versions: Versions = (OLDEST, NEWEST),
    kind: PeerKind = PeerKind.HOST,
    max_plaintext: int = RECORD_MAX,
    accept: Callable[[PeerCredentials], bool] = anybody,
    split: Callable[[int], int] | None = None,
    session: SessionFactory | None = None,
) -> Conversation:
    """The host's end of a conversation: the session's server."""
    preamble = Preamble(
        oldest=versions[0], newest=versions[1], kind=kind, max_plaintext=max_plaintext, random=HOST_RANDOM
    )
    side = SessionSide(False, BENCH, roles, lambda size: HOST_RANDOM[::-1], accept)
    local = LocalInfo(kind=kind, identity=BENCH, roles=roles)
    return Conversation(local, preamble, session(side) if session else insecure_session(side, split))


def device_end(
    *,
    versions: Versions = (OLDEST, NEWEST),
    kind: PeerKind = PeerKind.CAMERA,
    max_plaintext: int = RECORD_MAX,
    accept: Callable[[PeerCredentials], bool] = anybody,
    split: Callable[[int], int] | None = None,
    session: SessionFactory | None = None,
    info: LocalInfo | None = None,
    limits: RequestLimits | None = None,
) -> Conversation:
    """The device's end: the session's client."""
    preamble = Preamble(
        oldest=versions[0], newest=versions[1], kind=kind, max_plaintext=max_plaintext, random=DEVICE_RANDOM
    )
    side = SessionSide(True, CAMERA, NO_ROLE, lambda size: DEVICE_RANDOM[::-1], accept)
    made = session(side) if session else insecure_session(side, split)
    local = info or LocalInfo(
        kind=kind,
        identity=CAMERA,
        capabilities=1 << 31,
        boot_counter=9,
        firmware_sha256=bytes(range(32)),
    )
    return Conversation(local, preamble, made, limits or RequestLimits())


class Pair:
    """Carries bytes between two conversations until both are quiet.

    `cut` gives for each run of bytes where to cut it, as a link may. What passed is kept in `passed`: True for
    the host's bytes.
    """

    def __init__(
        self,
        host: Conversation | None = None,
        device: Conversation | None = None,
        *,
        cut: Callable[[int], int] = lambda size: size,
    ) -> None:
        self.host = host or host_end()
        self.device = device or device_end()
        self.now = 0.0
        self.budget = 1 << 20
        """Bytes of bulk that each side may seal in one round."""
        self.size = 4096
        """Largest message of bulk."""
        self.passed: list[tuple[bool, bytes]] = []
        self.host_events: list[ConversationEvent] = []
        self.device_events: list[ConversationEvent] = []
        self._cut = cut
        self.host.start(self.now)
        self.device.start(self.now)

    def run(self, rounds: int = 1000) -> None:
        """Raises `AssertionError` when the two are not quiet after `rounds`."""
        for _ in range(rounds):
            if not self.carry(from_host=True) and not self.carry(from_host=False):
                return
        raise AssertionError("the two ends never come to rest")

    def carry(self, *, from_host: bool) -> int:
        """Carries what one side has to say now; gives how many bytes that was."""
        sender, receiver = (self.host, self.device) if from_host else (self.device, self.host)
        data = b"".join(sender.outgoing(self.budget, self.size))
        if data:
            self.passed.append((from_host, data))
        at = 0
        while at < len(data):
            take = max(1, self._cut(len(data) - at))
            receiver.receive(data[at : at + take], self.now)
            at += take
        self.collect()
        return len(data)

    def collect(self) -> None:
        """Takes over what happened on both sides."""
        self.host_events += self.host.events()
        self.device_events += self.device.events()

    def tick(self, seconds: float) -> None:
        """Lets time pass."""
        self.now += seconds
        self.host.tick(self.now)
        self.device.tick(self.now)
        self.collect()
