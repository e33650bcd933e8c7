"""Many cameras in one process: each has a place of its own to listen at, and a life of its own."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from firmware_sim.camera.camera import SimCamera
from firmware_sim.faults.arming import arm
from firmware_sim.faults.plan import FaultCount, FaultPlan
from firmware_sim.ports.listening import place, written_place
from firmware_sim.serving.heart import Heart

CAMERAS_MAX: Final = 1_000
"""A fleet that one process still keeps alive: each is looked at once a second."""
PORT_MAX: Final = 65_535
SPARE: Final = 64
"""Descriptors beside those of the cameras."""
EACH: Final = 3
"""Descriptors of a camera on one place: what listens, a host, and the lock of its directory."""
FAREWELL_S: Final = 0.2
"""How long the last bytes of connections may take to go out at the end."""


class Listener(Protocol):
    """A port that serves a camera."""

    @property
    def uri(self) -> str: ...

    def close(self) -> None: ...


Make = Callable[[SimCamera, FaultCount], Listener | Awaitable[Listener]]


def nth_place(word: str, number: int) -> str:
    """Where camera `number`, from 1, listens if the first listens at `word`: the ports that follow, the names
    `LINK-002`, … Raises `ValueError` for a place that there is once."""
    scheme, _, rest = word.partition(":")
    if scheme == "tcp" and (at := place(rest)) is not None:
        host, port = at
        if port and port + number - 1 > PORT_MAX:
            raise ValueError(f"{word}: port {port + number - 1} of camera {number} is beyond {PORT_MAX}")
        return f"tcp:{written_place(host, port + number - 1 if port else 0)}"
    if scheme == "pty":
        return f"pty:{rest}-{number:03d}" if rest else word
    raise ValueError(
        f"{word[:80]!r} is a place for one camera: with --cameras write tcp:HOST:PORT or pty:LINK"
    )


def make_room(cameras: int, places: int) -> None:
    """Has the system allow as many descriptors as they need. Raises `OSError` where it does not."""
    try:
        import resource
    except ImportError:  # Windows
        return
    wanted = SPARE + cameras * EACH * places
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise OSError(
                errno.EMFILE,
                f"{cameras} cameras need {wanted} open files, and no more than {hard} are allowed",
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def serve_many(
    cameras: Sequence[SimCamera],
    plan: FaultPlan,
    makers: Sequence[Sequence[Make]],
    say: Callable[[str], None],
) -> None:
    """Serves each camera at its places until the process is told to end; says each URI, in the order of the cameras.

    A plan strikes each camera for itself. Raises `OSError` for a place that cannot be had.
    """
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    listeners: list[Listener] = []
    with contextlib.ExitStack() as held:
        try:
            for camera, places in zip(cameras, makers, strict=True):
                faults = FaultCount(plan)
                arm(faults, camera)
                held.callback(Heart(camera).close)
                for make in places:
                    made = make(camera, faults)
                    listeners.append(await made if isinstance(made, Awaitable) else made)
                    say(listeners[-1].uri)
            await ended.wait()
        finally:
            connected = any(camera.sessions for camera in cameras)
            for camera in cameras:
                camera.go_down()
            await asyncio.sleep(FAREWELL_S if connected else 0)
            for listener in listeners:
                listener.close()
