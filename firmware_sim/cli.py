"""`bwc sim`: serves a simulated camera, or a docking station full of them, until it is interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Protocol

import typer

from bwc_protocol.evidence import CHUNK_SIZE, MIN_CHUNK_SIZE
from bwc_protocol.frame import MAX_PAYLOAD, MIN_PAYLOAD
from bwc_protocol.lab.directory import LabUnusable, open_lab
from bwc_protocol.messages.station import BAYS_MAX
from bwc_protocol.session.preamble import PROTECTED_SINCE
from bwc_protocol.versions import NEWEST, OLDEST, dotted
from firmware_sim import exit_codes
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.provisioning import provision
from firmware_sim.control.camera_control import CameraControl, Control
from firmware_sim.control.dock_script import DockScript
from firmware_sim.control.hands import Hands
from firmware_sim.control.input import ControlInput
from firmware_sim.control.station_control import StationControl
from firmware_sim.defects import DEFECTS, defect_named
from firmware_sim.faults.arming import arm
from firmware_sim.faults.plan import FaultCount, FaultPlan, FaultSyntaxError
from firmware_sim.faults.plan_file import to_toml
from firmware_sim.faults.reading import is_drawn, read_faults
from firmware_sim.faults.speed import LINKS, Speed, speed
from firmware_sim.flash.flash import StateError
from firmware_sim.footage.mp4 import FootageUnavailable
from firmware_sim.many import CAMERAS_MAX, make_room, nth_place, serve_many
from firmware_sim.personalities import PERSONALITIES, Personality
from firmware_sim.ports.listening import place
from firmware_sim.ports.pty import PtyPort
from firmware_sim.ports.tcp import TcpPort
from firmware_sim.ports.tty import TtyPort
from firmware_sim.ports.usbip import camera_on_usb
from firmware_sim.scenarios import MIB_MAX, RECORDINGS_MAX, Footage, make_camera, make_station
from firmware_sim.serving.heart import Heart
from firmware_sim.shift.leaving import left_by
from firmware_sim.shift.script import ShiftError, read_shift
from firmware_sim.state.directory import StateOfBefore
from firmware_sim.station.station import SimStation
from firmware_sim.storage.storage import StorageFull

DEFAULT_LISTEN: Final = ("tcp:127.0.0.1:0",)
FAREWELL_S: Final = 0.2
"""How long the last bytes of a connection may take to go out at the end."""
SEED_MAX: Final = 0xFFFF_FFFF


class Listener(Protocol):
    """A port that serves the device."""

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
        str,
        typer.Option(
            metavar="PLAN",
            help="Faults, such as drop=0.2,flip=1e-5,cut@100000,power@400op; a file of them, FILE.toml; or seed:N, "
            "which draws some and prints them as such a file.",
        ),
    ] = "",
    state: Annotated[
        Path | None,
        typer.Option(readable=False, metavar="DIR", help="Keep the device in a directory between runs."),
    ] = None,
    personality: Annotated[
        str,
        typer.Option(
            metavar="NAME", help=f"Play a device that is not as it should be: {', '.join(PERSONALITIES)}."
        ),
    ] = "",
    minor: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=OLDEST[1],
            max=NEWEST[1],
            help=f"Firmware of an older version of the protocol: speak {NEWEST[0]}.N, and know nothing that came "
            f"later. Before {dotted(PROTECTED_SINCE)} that is --insecure.",
        ),
    ] = NEWEST[1],
    defect: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Break one rule of the specification, to see that the HIL suite says so; 'list' shows what can be "
            "broken, and ends.",
        ),
    ] = "",
    frame_bytes: Annotated[
        int,
        typer.Option(
            min=MIN_PAYLOAD,
            max=MAX_PAYLOAD,
            help="Largest payload of a frame of a camera, as of one with little memory: 1024.",
        ),
    ] = MAX_PAYLOAD,
    chunk_bytes: Annotated[
        int,
        typer.Option(
            min=MIN_CHUNK_SIZE,
            max=CHUNK_SIZE,
            help="Size of the chunks that a camera stores, as of one with little memory: 4096.",
        ),
    ] = CHUNK_SIZE,
    listen: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHERE",
            help="tcp:HOST:PORT (port 0: any that is free), pty, pty:LINK for a name that stays, "
            "tty:PATH for a line of this machine such as a USB gadget's, "
            "usbip:HOST:PORT for a virtual USB bus, ble:tcp-server:HOST:PORT for virtual Bluetooth, "
            "ble:vhci to give it to this machine, or ble:usb:0 "
            "for the air; repeatable. Default: tcp:127.0.0.1:0.",
        ),
    ] = None,
    link: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help=f"Slow each port down to a line of a kind: {', '.join(LINKS)}. One for all, or one for each --listen "
            "in their order.",
        ),
    ] = None,
    cameras: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            min=1,
            max=CAMERAS_MAX,
            help="Serve so many cameras, of this seed and those that follow, each at a place of its own: of "
            "tcp:HOST:PORT the ports that follow, of pty:LINK names such as LINK-002.",
        ),
    ] = None,
    shift: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Have the shift of this script worked first, in no time, by new cameras with synthetic footage; what "
            "came of it is served: a camera, or a docking station with those that were docked.",
        ),
    ] = None,
    station: Annotated[
        int | None,
        typer.Option(
            metavar="BAYS",
            min=1,
            max=BAYS_MAX,
            help="Serve a docking station with such a camera in each bay.",
        ),
    ] = None,
    churn: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=0.01,
            max=86_400,
            help="Cameras come and go at the station, one in so many seconds on average.",
        ),
    ] = None,
    control: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Take commands such as 'undock 3', a line each, from a file or a named pipe, or - for standard "
            "input; 'help' lists them. Each is answered by a line on standard output, behind the URIs.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Configured so from the start, such as radio.ble_docked=full."
        ),
    ] = None,
    unenrolled: Annotated[
        bool,
        typer.Option(
            "--unenrolled", help="As it leaves the factory: without agency and recordings, for 'bwc enroll'."
        ),
    ] = False,
    unsealed: Annotated[
        bool,
        typer.Option(
            "--unsealed",
            help="Without evidence recipients: footage is stored as recorded, and not encrypted.",
        ),
    ] = False,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure",
            help="Development firmware: no identity, and sessions that protect nothing, for hosts that ask for it by "
            "--allow-insecure.",
        ),
    ] = False,
) -> None:
    """Serve a simulated camera or docking station until interrupted. Prints the URI of each port once it answers."""
    if defect == "list":
        for known in DEFECTS.values():
            typer.echo(f"{known.name:<28} {known.rule}  {known.what}")
        raise typer.Exit
    with contextlib.ExitStack() as held:
        try:
            plan = read_faults(faults, seed)
            words = listen or DEFAULT_LISTEN
            wanted = [
                _on_lines([_where(word) for word in at], link or [])
                for at in ([words] if cameras is None else _places(words, cameras))
            ]
            play = _personality(personality)
            broken = defect_named(defect, station=station is not None) if defect else None
            values = _values(settings or [])
            if churn is not None and station is None:
                raise ValueError("--churn needs a --station")
            if cameras is not None and (station is not None or control is not None):
                raise ValueError("--cameras are neither in a --station nor under the hands of --control")
            speaks = (NEWEST[0], minor)
            insecure = insecure or speaks < PROTECTED_SINCE
            if insecure and unenrolled:
                of = "--insecure" if speaks >= PROTECTED_SINCE else f"a device of protocol {dotted(speaks)}"
                raise ValueError(f"{of} has no identity that could be enrolled: leave out --unenrolled")
            commands = ControlInput(control) if control is not None else None
            if commands is not None:
                held.callback(commands.close)
            agency = None if insecure else open_lab().agency
            if unenrolled:
                recordings = 0
            make = make_camera if station is None else partial(make_station, station)
            devices: list[SimCamera | SimStation] = []
            away: tuple[SimCamera, ...] = ()
            if shift is not None:
                if unenrolled or cameras is not None or plan.decays or speaks < NEWEST:
                    raise ValueError(
                        "--shift goes without --unenrolled, --cameras and --minor, and without rot and badblock of "
                        "--faults"
                    )
                script = read_shift(shift)
                try:
                    left = left_by(
                        script,
                        bays=station,
                        seed=seed,
                        mib=mib,
                        state=state,
                        agency=agency,
                        sealed=not unsealed,
                    )
                except ShiftError as error:
                    raise ShiftError(f"{shift}: {error}") from error
                devices, away = [left.device], left.away
                for one in {left.device, *left.played.cameras}:
                    held.callback(one.close)
                for line in left.told():
                    typer.echo(f"bwc sim: {line}", err=True)
            for number in range(1, (cameras or 1) + 1 if shift is None else 1):
                devices.append(
                    make(
                        seed=(seed + number - 1) & SEED_MAX,
                        recordings=recordings,
                        mib=mib,
                        footage=footage,
                        state=state / f"camera-{number:03d}" if state is not None and cameras else state,
                        faults=plan,
                        frame_bytes=frame_bytes,
                        chunk_bytes=chunk_bytes,
                        agency=agency,
                        enrolled=not unenrolled,
                        sealed=not unsealed,
                        speaks=speaks,
                    )
                )
                held.callback(devices[-1].close)
            each = [*away, *(camera for device in devices for camera in device.cameras())]
            for camera in each:
                provision(camera, values)
        except (FaultSyntaxError, ShiftError, ValueError) as error:
            raise typer.BadParameter(str(error)) from error
        except (FootageUnavailable, StateError, StorageFull, LabUnusable, OSError) as error:
            typer.echo(f"bwc sim: {_in_words(error)}", err=True)
            if isinstance(error, FileNotFoundError) and control is not None and error.filename == control:
                typer.echo(f"  try: make it first: mkfifo {shlex.quote(control)}", err=True)
            if isinstance(error, StateOfBefore):
                typer.echo(f"  try: {error.advice}", err=True)
            raise typer.Exit(exit_codes.making(error)) from error
        if broken is not None:
            for device in devices:
                broken.put(device)
        for camera in each:
            play(camera)
            for which in camera.storage.damaged:
                typer.echo(
                    f"bwc sim: {camera.serial}: not listed, and left as it is: recording {which}", err=True
                )
        if plan.on_link or plan.decays:
            typer.echo(f"bwc sim: faults {plan} with seed {plan.seed}", err=True)
        if is_drawn(faults):
            typer.echo(
                f"# drawn by {faults}; from a file: bwc sim --faults FILE.toml\n{to_toml(plan)}", err=True
            )
        try:
            if cameras is None:
                asyncio.run(_serve(devices[0], away, plan, wanted[0], churn, commands))
            else:
                asyncio.run(serve_many(each, plan, wanted, _say))
        except OSError as error:
            typer.echo(f"bwc sim: cannot listen: {_in_words(error)}", err=True)
            raise typer.Exit(exit_codes.listening(error)) from error
        except ImportError as error:
            typer.echo(f"bwc sim: a part is missing ({error.name}): pip install 'bwc-sdk[sim]'", err=True)
            raise typer.Exit(exit_codes.MISSING_PART) from error
        for one in {*devices, *each}:
            if one.unkept is not None:
                typer.echo(f"bwc sim: {one.serial}: the end of this run was not kept: {one.unkept}", err=True)
                raise typer.Exit(exit_codes.BAD_FILE)


def _places(words: Sequence[str], cameras: int) -> list[list[str]]:
    """Where each camera listens. Raises `ValueError`, and `OSError` where the system does not allow so many."""
    make_room(cameras, len(words))
    return [[nth_place(word, number) for word in words] for number in range(1, cameras + 1)]


def _in_words(error: Exception) -> str:
    """What a person needs of an error: no number of the system's, and no address that was typed a moment ago."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    said = error.strerror.partition(" (while attempting")[0]
    where = error.filename2 or error.filename
    return f"{where}: {said}" if where else said


def _personality(name: str) -> Personality:
    """Raises `ValueError` for a name that is not known."""
    if not name:
        return lambda camera: None
    if name not in PERSONALITIES:
        raise ValueError(f"there is no personality {name!r}; known: {', '.join(PERSONALITIES)}")
    return PERSONALITIES[name]


def _values(words: list[str]) -> dict[str, str]:
    """Raises `ValueError`."""
    pairs = [word.partition("=") for word in words]
    if any(not equals for _, equals, _ in pairs):
        raise ValueError("--set takes KEY=VALUE")
    return {key: value for key, _, value in pairs}


Maker = Callable[[SimCamera | SimStation, FaultCount], Listener | Awaitable[Listener]]


def _where(word: str) -> Maker:
    """What makes the port that `word` asks for. Raises `ValueError`."""
    scheme, _, rest = word.partition(":")
    if scheme == "pty":
        link = Path(rest).absolute() if rest else None
        return lambda device, faults: PtyPort(device, link=link, faults=faults, moved=_say)
    if scheme == "tty" and rest:
        line = Path(rest).absolute()
        return lambda device, faults: TtyPort(device, line, faults)
    at = place(rest)
    if scheme == "tcp" and at is not None:
        return lambda device, faults: TcpPort(device, *at, faults)
    if scheme == "usbip" and at is not None:
        return lambda device, faults: camera_on_usb(device, *at, faults)
    if scheme == "ble" and rest:
        return lambda device, faults: _on_air(device, rest, faults)
    raise ValueError(
        f"{word[:80]!r} is no place to listen: write tcp:127.0.0.1:0, pty, pty:LINK, tty:PATH, usbip:127.0.0.1:0 "
        "or ble:tcp-server:…"
    )


def _on_lines(makers: list[Maker], names: list[str]) -> list[Maker]:
    """The same ports, each on a line of its kind. Raises `ValueError`."""
    if not names:
        return makers
    if len(names) not in (1, len(makers)):
        raise ValueError(
            f"there are {len(makers)} of --listen and {len(names)} of --link: write one, or as many"
        )
    speeds = [speed(name) for name in names] * (len(makers) if len(names) == 1 else 1)

    def slowed(make: Maker, to: Speed) -> Maker:
        return lambda device, faults: make(device, faults.on(to))

    return [slowed(make, to) for make, to in zip(makers, speeds, strict=True)]


async def _on_air(camera: SimCamera | SimStation, where: str, faults: FaultCount) -> Listener:
    if isinstance(camera, SimStation):
        raise OSError("a station has no radio")
    from firmware_sim.ports.ble_listen import listen  # half a second that only Bluetooth is worth

    port = await listen(camera, where, faults, _say)
    if not camera.radio.audible:
        advice = "--set radio.ble_docked=full lets it be heard in its dock"
        typer.echo(f"bwc sim: the camera is silent on BLE; {advice}", err=True)
    return port


async def _serve(
    device: SimCamera | SimStation,
    away: tuple[SimCamera, ...],
    plan: FaultPlan,
    wanted: list[Maker],
    churn: float | None,
    commands: ControlInput | None,
) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    faults = FaultCount(plan)
    arm(faults, device)
    listeners: list[Listener] = []
    officers: asyncio.Task[None] | None = None
    with contextlib.ExitStack() as held:
        control: Control
        if isinstance(device, SimStation):
            hands = Hands(device, away)
            held.callback(hands.close)
            control = StationControl(hands, _say)
            await device.start()
            if churn is not None:
                script = DockScript(device, hands, seed=device.seed, pause_s=churn)
                officers = asyncio.create_task(script.run())
        else:
            control = CameraControl(device, _say)
            held.callback(Heart(device).close)
        try:
            for make in wanted:
                made = make(device, faults)
                listeners.append(await made if isinstance(made, Awaitable) else made)
                _say(listeners[-1].uri)
            if commands is not None:
                commands.start(lambda line: _say(control.answer(line)))
            await ended.wait()
        finally:
            if officers is not None:
                officers.cancel()
            if commands is not None:
                commands.close()
            connected = bool(device.sessions)
            device.go_down()
            await asyncio.sleep(FAREWELL_S if connected else 0)
            for listener in listeners:
                listener.close()


def _say(line: str | None) -> None:
    """One line on stdout, at once. A reader that is gone does not end the device."""
    if line is not None:
        with contextlib.suppress(BrokenPipeError):
            typer.echo(line)  # flushes
