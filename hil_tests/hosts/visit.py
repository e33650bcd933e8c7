"""A case, and the visit of a host to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from bwc_protocol.frame import Frame, FrameType, Reset, ResetReason
from bwc_protocol.session.interface import RECORD_MAX
from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.trust.kept import Agency
from firmware_sim.scenarios import make_camera
from hil_tests.hosts.frames import FrameWatch
from hil_tests.hosts.judge import Judge
from hil_tests.hosts.messages import MessageWatch

if TYPE_CHECKING:
    from bwc_protocol.conversation import Conversation

OFFLOAD: Final = "connect, and offload to an empty directory"
CONNECT: Final = "connect"
CHUNK: Final = 65_536
"""Bytes of a chunk: sixteen in a recording of a MiB, so that it shows which of them are asked for again."""


class Pipe(Protocol):
    """A connection, as far as a case acts on it."""

    def say(self, frame: Frame) -> None:
        """Says a frame that the device did not."""

    def writable(self) -> None:
        """Has the device say what it has to say."""

    def pull(self) -> None:
        """Pulls the cable."""


@dataclass(frozen=True, slots=True)
class Case:
    """A prepared device: what it does otherwise than a sound one, and what it judges by that."""

    name: str
    what: str
    """What the device does, in words."""
    rules: tuple[str, ...]
    """What it is there for; what every case sees is judged beside."""
    tries: str = OFFLOAD
    """What the host should try."""
    make: Callable[[], Script] = lambda: Script()


class Script:
    """How a sound device behaves; cases change what they are about. One for each visit."""

    recordings = 1
    max_plaintext = RECORD_MAX
    max_payload = 61_440

    def __init__(self) -> None:
        self.visit: Visit
        self.now: Callable[[], float] = lambda: 0.0

    @property
    def judge(self) -> Judge:
        """Where it says what it finds."""
        return self.visit.judge

    def camera(self, number: int, agency: Agency | None) -> SimCamera:
        """The device, each case with another one."""
        made = make_camera(
            seed=0x4A00 + number, recordings=self.recordings, mib=1, chunk_bytes=CHUNK, agency=agency
        )
        self.arrange(made)
        return made

    def arrange(self, camera: SimCamera) -> None:
        """Changes the camera."""

    def to_host(self, frame: Frame) -> list[Frame]:
        """What the host gets of a frame that the device says."""
        return [frame]

    def to_device(self, frame: Frame) -> bool:
        """Whether the device gets a frame that the host says."""
        return True

    def refusal(self) -> Reset | None:
        """Why an opening is refused; None: it is not."""
        return None

    def answers_after_s(self, request: Any) -> float:
        """How long a request waits for its answer."""
        return 0.0

    def soon(self, then: Callable[[], None]) -> None:
        """Does something once the device has come to rest."""
        asyncio.get_running_loop().call_soon(then)

    def over(self) -> None:
        """The visit is over: judges by all that was seen."""


@dataclass(slots=True)
class Visit:
    """All that a host did in one case, on one connection or on several in a row."""

    case: Case
    script: Script
    camera: SimCamera
    judge: Judge = field(default_factory=Judge)
    messages: MessageWatch = field(init=False)
    links: list[FrameWatch] = field(default_factory=list)
    pipes: list[Pipe] = field(default_factory=list)
    resets: list[tuple[float, Reset]] = field(default_factory=list)
    """By which the host ended a channel, answers left out."""
    conversation: Conversation | None = None
    identity: str = ""
    established: int = 0
    open: int = 0
    """Connections now."""
    last: float = 0.0
    """When something was said last that is no PING, or a connection ended."""

    def __post_init__(self) -> None:
        self.messages = MessageWatch(self.judge)
        self.script.visit = self

    @property
    def came(self) -> bool:
        """Whether a host came at all."""
        return bool(self.links)

    def host_reset(self, frame: Frame, now: float) -> None:
        """A frame of the host that may be a RESET."""
        if frame.type is FrameType.RESET:
            reset = Reset.decode(frame.payload)
            if reset.reason != ResetReason.ANSWER:
                self.resets.append((now, reset))
