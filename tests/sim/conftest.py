"""A camera, and a host at its handlers without any link between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from bwc_protocol.conversation import PeerInfo
from bwc_protocol.conversation.stream import StreamSource
from bwc_protocol.declare import ANYONE, Event, Request, Role, Wire
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.session import CameraSession
from firmware_sim.handlers import CAMERA
from firmware_sim.scenarios import make_camera

R = TypeVar("R")
NOON_NS = 1_800_014_400 * 1_000_000_000
"""A day in 2027: no test depends on when it runs."""


class Desk:
    """Asks a camera's handlers, in the place of a conversation, and keeps what they do with streams and events."""

    def __init__(self, camera: SimCamera, roles: Role = ANYONE) -> None:
        self.camera = camera
        self.told: list[Event] = []
        self.streams: dict[int, tuple[StreamSource, int]] = {}
        self.uploads: dict[int, int] = {}
        self.verdicts: dict[int, ErrorCode | None] = {}
        self.detail = ""
        """Of the last refusal."""
        self._answer: Wire | ErrorCode | None = None
        self._number = 0
        peer = PeerInfo(
            kind=PeerKind.HOST,
            identity="tester",
            roles=roles,
            version=(1, 0),
            capabilities=0,
            boot_counter=0,
            firmware_sha256=bytes(32),
            secure=False,
        )
        self.session = CameraSession(camera, self, peer, CAMERA)
        camera.sessions.add(self.session)

    def ask(self, request: Request[R]) -> R:
        """The reply; a refusal is a failure."""
        answer = self._put(request)
        assert not isinstance(answer, ErrorCode), answer
        return answer

    def refused(self, request: Request[Any]) -> ErrorCode:
        """The error code; a reply is a failure."""
        answer = self._put(request)
        assert isinstance(answer, ErrorCode), answer
        return answer

    def read_stream(self, request: Request[Any]) -> bytes:
        """The bytes of the stream that the request opens."""
        self.ask(request)
        source, length = self.streams[self._number]
        return bytes(source.read(0, length))

    def upload(self, request: Request[Any], data: bytes) -> ErrorCode | None:
        """The verdict on an upload."""
        self.ask(request)
        for at in range(0, len(data), 1000):
            self.session.upload_data(self._number, data[at : at + 1000])
        return self.verdicts[self._number]

    def _put(self, request: Request[Any]) -> Wire | ErrorCode:
        self._number += 1
        self._answer = None
        again = type(request).codec.decode(type(request).codec.encode(request))
        self.session.answer(self._number, again)
        assert self._answer is not None, "every request is answered"
        return self._answer

    # What a conversation offers to a session

    open_streams = 0

    def reply(self, request_id: int, reply: Wire) -> None:
        assert self._answer is None, "a request is answered once"
        self._answer = type(reply).codec.decode(type(reply).codec.encode(reply))

    def refuse(self, request_id: int, code: ErrorCode, detail: str = "", retry_after_ms: int = 0) -> None:
        assert self._answer is None, "a request is answered once"
        self._answer, self.detail = code, detail

    def send_stream(self, stream: int, source: StreamSource, length: int) -> None:
        assert self._answer is not None, "the reply comes before the stream"
        self.streams[stream] = source, length

    def expect_stream(self, stream: int, length: int) -> None:
        assert self._answer is not None, "the reply comes before the stream"
        self.uploads[stream] = length

    def grant(self, stream: int, limit: int) -> None:
        assert limit <= self.uploads[stream]

    def finish(self, stream: int, code: ErrorCode | None = None, detail: str = "") -> None:
        self.verdicts[stream] = code

    def send_event(self, event: Event) -> None:
        self.told.append(event)


@pytest.fixture
def new_camera() -> Iterator[Callable[..., SimCamera]]:
    """Makes cameras (see `make_camera`) with synthetic footage of 2 MiB a recording; closes them."""
    made: list[SimCamera] = []

    def make(**options: Any) -> SimCamera:
        made.append(make_camera(**{"seed": 1, "mib": 2, "utc_ns": NOON_NS, **options}))
        return made[-1]

    yield make
    for camera in made:
        camera.close()


@pytest.fixture
def camera(new_camera: Callable[..., SimCamera]) -> SimCamera:
    """A camera with three recordings."""
    return new_camera(recordings=3)


@pytest.fixture
def desk(camera: SimCamera) -> Desk:
    """A host that may do everything."""
    return Desk(camera)


@pytest.fixture
def desk_as(camera: SimCamera) -> Callable[[Role], Desk]:
    """A host in some role."""
    return lambda roles: Desk(camera, roles)


@pytest.fixture
def desk_type() -> type[Desk]:
    """For tests that make their own camera."""
    return Desk
