"""What a declared command, event or control message is: its class, and all that its declaration says of it.

`command` makes these from decorated classes.
"""

import enum
from collections.abc import Callable
from typing import Any, ClassVar, Final, Generic, Self, TypeVar, cast

from bwc_protocol.declare.codec import Codec
from bwc_protocol.declare.registry import Registry
from bwc_protocol.versions import Version
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from bwc_protocol.word import Words

R = TypeVar("R")
D = TypeVar("D")


class Role(Words):
    """What a host may do, given by its certificate (by its word in the insecure session)."""

    TECHNICIAN = 1
    """Provisions cameras: configuration, clock, assignment, self-test. Never footage."""
    DOCK_OFFLOAD = 2
    """Copies footage off a camera and delivers receipts; never signs one."""
    DESTINATION = 4
    """The final store: the only role whose signature makes a receipt."""
    AUDITOR = 8
    """Reads state and logs, changes nothing."""
    BENCH = 16
    """A test bench; refused by devices that are locked for production."""
    RECORDS = 32
    """The agency's records section: lifts holds."""
    EVIDENCE_RECIPIENT = 64
    """Opens footage that was encrypted for it; never opens a session."""
    ENROLLER = 128
    """Whoever stands at the button of a device without an agency, and may only enrol it; in no certificate."""


NO_ROLE: Final = Role(0)
ANYONE: Final = (
    Role.TECHNICIAN | Role.DOCK_OFFLOAD | Role.DESTINATION | Role.AUDITOR | Role.BENCH | Role.RECORDS
)
"""Every role under which a host of the agency has a session."""


CAMERAS: Final = frozenset({PeerKind.CAMERA})
STATIONS: Final = frozenset({PeerKind.STATION})
DEVICES: Final = CAMERAS | STATIONS
"""Which kinds of device answer a command; the others answer UNSUPPORTED."""


class Effect(enum.Enum):
    """What becomes of a command whose reply never came."""

    READS = "reads"
    """Changes nothing: ask again."""
    REPEATABLE = "repeatable"
    """Sets a state: sending it again gives the same state."""
    GUARDED = "guarded"
    """Carries a precondition: sent again after it took effect, it is refused as CONFLICT."""
    ONCE = "once"
    """Neither: the caller gets `OutcomeUnknown` and has to look."""


class StreamDirection(enum.Enum):
    """Which way the bulk stream runs that a command opens."""

    FROM_DEVICE = "from device"
    TO_DEVICE = "to device"


Refusals = tuple[tuple[ErrorCode, str], ...]
"""Error codes with the case in which each is given, in their order: the first that fits is the answer."""
REFUSED_FIRST: Final[Refusals] = (
    (ErrorCode.NOT_READY, "before READY"),
    (ErrorCode.UNSUPPORTED, "no such command, or not of devices of this kind"),
    (ErrorCode.NOT_PERMITTED, "the host's role, or the way by which it came, does not carry it"),
    (ErrorCode.BUSY, "its id is in use, or too many requests or streams are"),
    (ErrorCode.OUT_OF_RANGE, "the body is longer than the device's `max_request`"),
    (ErrorCode.MALFORMED, "its id is 0, or the body breaks the declaration"),
)
"""What any command may be answered with, before it finds anything itself."""
REFUSED_LAST: Final[Refusals] = (
    (ErrorCode.FULL, "what has to be kept finds no room; of commands that change something"),
    (ErrorCode.STORAGE_FAULT, "the storage failed"),
    (ErrorCode.INTERNAL, "the firmware failed"),
)
"""What any command may be answered with when it comes to be carried out."""


class Wire:
    """A class that has a declared form on the wire."""

    __slots__ = ()
    codec: ClassVar[Codec]


class Event(Wire):
    """Something that a device tells without being asked."""

    __slots__ = ()
    opcode: ClassVar[int]
    name: ClassVar[str]
    since: ClassVar[Version]


class Control(Wire):
    """A message of the conversation itself: session, streams, errors (spec: Control messages)."""

    __slots__ = ()
    opcode: ClassVar[int]
    name: ClassVar[str]
    since: ClassVar[Version]


class Request(Wire, Generic[R]):
    """A command's request; `R` is its reply."""

    __slots__ = ()
    opcode: ClassVar[int]
    name: ClassVar[str]
    reply: ClassVar[type[Wire]]
    roles: ClassVar[Role]
    effect: ClassVar[Effect]
    guard: ClassVar[str]
    stream: ClassVar[StreamDirection | None]
    answered_by: ClassVar[frozenset[PeerKind]]
    errors: ClassVar[Refusals]
    verdicts: ClassVar[Refusals]
    """On what was uploaded, in order of precedence."""
    since: ClassVar[Version]
    while_expired: ClassVar[bool]
    """Whether a host still asks it of a device whose certificate has expired."""
    signed: ClassVar[bool]
    """Whether it carries a signed document, whose signatures are its authority: the host only delivers it."""

    @classmethod
    def handler(cls, on: "Handlers[D]") -> Callable[[Callable[[D, Self], R]], Callable[[D, Self], R]]:
        """Registers the function that a device answers this command with."""

        def register(function: Callable[[D, Self], R]) -> Callable[[D, Self], R]:
            if cls.opcode in on.by_opcode:
                raise TypeError(f"{cls.name} has two handlers")
            on.by_opcode[cls.opcode] = cast("Callable[[D, Any], Any]", function)
            return function

        return register


class Handlers(Generic[D]):
    """A device's handlers, by opcode; `D` is what a handler is given to act on."""

    def __init__(self) -> None:
        self.by_opcode: dict[int, Callable[[D, Any], Any]] = {}

    def missing(self, kind: PeerKind = PeerKind.CAMERA) -> set[str]:
        """The names of commands that a device of this kind has to answer and that have no handler."""
        return {
            request.name
            for opcode, request in COMMANDS.items()
            if kind in request.answered_by and opcode not in self.by_opcode
        }


COMMANDS: Final[Registry[type[Request[Any]]]] = Registry()
EVENTS: Final[Registry[type[Event]]] = Registry()
CONTROLS: Final[Registry[type[Control]]] = Registry()
