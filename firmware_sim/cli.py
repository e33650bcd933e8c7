"""`bwc sim`: serves a simulated camera until it is interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Protocol

import typer

from firmware_sim.camera import SimCamera
from firmware_sim.faults import FaultCount, FaultPlan, FaultSyntaxError
from firmware_sim.footage import FootageUnavailable
from firmware_sim.making import MIB_MAX, RECORDINGS_MAX, Footage, make_camera
from firmware_sim.personalities import PERSONALITIES, Personality
from firmware_sim.ports.pty import PtyPort
from firmware_sim.ports.tcp import TcpPort
from firmware_sim.state_dir import StateError
from firmware_sim.storage import StorageFull

DEFAULT_LISTEN: Final = ("tcp:127.0.0.1:0",)
FAREWELL_S: Final = 0.2
"""How long the last bytes of a connection may take to go out at the end."""
SEED_MAX: Final = 0xFFFF_FFFF


class Listener(Protocol):
    """A port that serves the camera."""

    @property
    def uri(self) -> str: ...

    def close(self) -> None: ...


def sim(
    recordings: Annotated[
        int, typer.Option(min=0, max=RECORDINGS_MAX, help="Recordings that it comes with.")
    ] = 3,
    mib: Annotated[
        int | None,
        typer.Option(min=1, max=MIB_MAX, help="Make each of so many MiB of synthetic bytes, for benchmarks."),
    ] = None,
    footage: Annotated[Footage, typer.Option(help="Real MP4 files, or synthetic bytes.")] = Footage.REAL,
    seed: Annotated[int, typer.Option(min=0, max=SEED_MAX, help="The same seed gives the same camera.")] = 0,
    faults: Annotated[
        str, typer.Option(metavar="PLAN", help="Faults, such as drop=0.2,flip=1e-5,cut@100000,stall@5000.")
    ] = "",
    state: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the device in a directory between runs.")
    ] = None,
    personality: Annotated[
        str,
        typer.Option(
            metavar="NAME", help=f"Play a device that is not as it should be: {', '.join(PERSONALITIES)}."
        ),
    ] = "",
    listen: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHERE",
            help="tcp:HOST:PORT (port 0: any that is free), pty, or pty:LINK for a name that stays; repeatable. "
            "Default: tcp:127.0.0.1:0.",
        ),
    ] = None,
) -> None:
    """Serve a simulated camera until interrupted. Prints the URI of each port as soon as it answers."""
    try:
        plan = FaultPlan.parse(faults, seed)
        wanted = [_where(word) for word in listen or DEFAULT_LISTEN]
        play = _personality(personality)
        camera = make_camera(
            seed=seed, recordings=recordings, mib=mib, footage=footage, state=state, faults=plan
        )
    except (FaultSyntaxError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    except (FootageUnavailable, StateError, StorageFull, OSError) as error:
        typer.echo(f"bwc sim: {error}", err=True)
        raise typer.Exit(1) from error
    play(camera)
    if plan.on_link or plan.decays:
        typer.echo(f"bwc sim: faults {plan} with seed {seed}", err=True)
    try:
        asyncio.run(_serve(camera, plan, wanted))
    except OSError as error:
        typer.echo(f"bwc sim: cannot listen: {error}", err=True)
        raise typer.Exit(1) from error
    finally:
        camera.close()


def _personality(name: str) -> Personality:
    """Raises `ValueError` for a name that is not known."""
    if not name:
        return lambda camera: None
    if name not in PERSONALITIES:
        raise ValueError(f"there is no personality {name!r}; known: {', '.join(PERSONALITIES)}")
    return PERSONALITIES[name]


Maker = Callable[[SimCamera, FaultCount], Listener]


def _where(word: str) -> Maker:
    """What makes the port that `word` asks for. Raises `ValueError`."""
    scheme, _, rest = word.partition(":")
    if scheme == "pty":
        link = Path(rest).absolute() if rest else None
        return lambda camera, faults: PtyPort(camera, link=link, faults=faults, moved=_say)
    host, _, port = rest.rpartition(":")
    if scheme == "tcp" and host and port.isdecimal() and int(port) < 65_536:
        return lambda camera, faults: TcpPort(camera, host.strip("[]"), int(port), faults)
    raise ValueError(f"{word!r} is no place to listen: write tcp:127.0.0.1:0, pty or pty:LINK")


async def _serve(camera: SimCamera, plan: FaultPlan, wanted: list[Maker]) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    faults = FaultCount(plan)
    listeners: list[Listener] = []
    try:
        for make in wanted:
            listeners.append(make(camera, faults))
            _say(listeners[-1].uri)
        await ended.wait()
    finally:
        connected = bool(camera.sessions)
        camera.go_down()
        await asyncio.sleep(FAREWELL_S if connected else 0)
        for listener in listeners:
            listener.close()


def _say(uri: str) -> None:
    """One line on stdout, at once. A reader that is gone does not end the device."""
    with contextlib.suppress(BrokenPipeError):
        typer.echo(uri)  # flushes
