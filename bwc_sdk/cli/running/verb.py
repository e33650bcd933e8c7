"""What every verb has in common: the options, the way that it ends, and how it reaches a camera."""

from __future__ import annotations

import functools
import inspect
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec

import typer

from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.output import Output
from bwc_sdk.cli.printing.streams import settle, writing
from bwc_sdk.cli.running.command import Noun, Verbs
from bwc_sdk.cli.running.options import COMMON, Settings, take
from bwc_sdk.cli.running.usage import WRONG_USAGE

if TYPE_CHECKING:
    from bwc_protocol.declare import Role
    from bwc_sdk.clients.camera import Camera
    from bwc_sdk.clients.connecting import AnyDevice
    from bwc_sdk.clients.station import DockingStation

P = ParamSpec("P")

UNCHANGED: Final = "nothing was changed"
LOGGERS: Final = ("bwc_sdk", "firmware_sim")
"""Whose logs -v shows. Not those of the libraries below: some of them write what passes, and that may be footage."""
UNSURE: Final = "the device may have done it; look at its state before you try again"


def verbs(*, completion: bool = False, **options: Any) -> typer.Typer:
    """An empty noun. Errors and help are plain text: they are read in logs as often as on a terminal."""
    options = {"cls": Noun, "subcommand_metavar": "VERB ...", **options}
    return Verbs(
        add_completion=completion,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
        **options,
    )


def local_verb(function: Callable[Concatenate[Settings, Output, P], int | None]) -> Callable[..., None]:
    """A verb that needs no device: `function(settings, output, …)`; what it returns is the exit code."""

    return _command(functools.partial(_run_local, function), function)


def _run_local(function: Callable[..., int | None], settings: Settings, /, **given: Any) -> int | None:
    return function(settings, Output(settings.as_json, verbose=settings.verbose), **given)


def camera_verb(
    role: Role, *, any_role: bool = False, interrupted: str = UNCHANGED
) -> Callable[[Callable[Concatenate[Camera, Output, P], Awaitable[int | None]]], Callable[..., None]]:
    """A verb on a connected camera: `async function(camera, output, …)`.

    `role` is what the host asks to be unless `--role` says otherwise, or, for what `any_role` may do, unless it has no
    identity for it; `interrupted` is what Ctrl-C leaves behind.
    """

    def decorate(
        function: Callable[Concatenate[Camera, Output, P], Awaitable[int | None]],
    ) -> Callable[..., None]:
        def run(settings: Settings, /, **given: Any) -> int | None:
            from bwc_sdk.cli.running.on_camera import run_on_camera

            work = functools.partial(function, **given)
            return run_on_camera(settings, role, work, interrupted=interrupted, any_role=any_role)

        return _command(run, function)

    return decorate


def station_verb(
    role: Role, *, any_role: bool = False, interrupted: str = UNCHANGED
) -> Callable[[Callable[Concatenate[DockingStation, Output, P], Awaitable[int | None]]], Callable[..., None]]:
    """A verb on a connected docking station: `async function(station, output, …)`; see `camera_verb`."""

    def decorate(
        function: Callable[Concatenate[DockingStation, Output, P], Awaitable[int | None]],
    ) -> Callable[..., None]:
        def run(settings: Settings, /, **given: Any) -> int | None:
            from bwc_sdk.cli.running.on_camera import run_on_station

            work = functools.partial(function, **given)
            return run_on_station(settings, role, work, interrupted=interrupted, any_role=any_role)

        return _command(run, function)

    return decorate


def device_verb(
    role: Role, *, any_role: bool = False, interrupted: str = UNCHANGED
) -> Callable[[Callable[Concatenate[AnyDevice, Output, P], Awaitable[int | None]]], Callable[..., None]]:
    """A verb on whatever the URI names: `async function(camera_or_station, output, …)`; see `camera_verb`."""

    def decorate(
        function: Callable[Concatenate[AnyDevice, Output, P], Awaitable[int | None]],
    ) -> Callable[..., None]:
        def run(settings: Settings, /, **given: Any) -> int | None:
            from bwc_sdk.cli.running.on_camera import run_on_device

            work = functools.partial(function, **given)
            return run_on_device(settings, role, work, interrupted=interrupted, any_role=any_role)

        return _command(run, function)

    return decorate


def common_options(group: typer.Typer, *own: inspect.Parameter) -> None:
    """Lets a noun that has verbs of its own take the common options, too; `own` options act by themselves."""

    def callback(ctx: typer.Context, **given: Any) -> None:
        ctx.obj = _inherited(ctx).merged(take(given))

    _declare(callback, list(own))
    group.callback()(callback)


def acting(group: typer.Typer, function: Callable[Concatenate[Settings, Output, P], int | None]) -> None:
    """Lets a noun that has verbs of its own act by itself where none of them follows: `function(settings, output, …)`,
    as a local verb. Its own options say nothing to those verbs, and are wrong usage before one."""
    act = _command(functools.partial(_run_local, function), function)
    own = list(inspect.signature(function, eval_str=True).parameters.values())[2:]

    def callback(ctx: typer.Context, **given: Any) -> None:
        if ctx.invoked_subcommand is None:
            act(ctx, **given)
            return
        ctx.obj = _inherited(ctx).merged(take(given))
        idle = [one.name for one in own if given[one.name] != one.default]
        if idle:
            raise typer.BadParameter(
                f"--{idle[0].replace('_', '-')} says nothing to {ctx.invoked_subcommand!r}"
            )

    callback.__doc__ = function.__doc__
    _declare(callback, own)
    group.callback(invoke_without_command=True)(callback)


def _command(run: Callable[..., int | None], function: Callable[..., Any]) -> Callable[..., None]:
    def command(ctx: typer.Context, **given: Any) -> None:
        settings = _inherited(ctx).merged(take(given))
        code = guarded(settings, functools.partial(run, settings, **given))
        if code:
            raise typer.Exit(int(code))

    command.__name__ = function.__name__
    command.__doc__ = function.__doc__
    own = list(inspect.signature(function, eval_str=True).parameters.values())[2:]
    _declare(command, own)
    return command


def _declare(command: Any, own: list[inspect.Parameter]) -> None:
    """Gives a function the signature that typer reads."""
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    keywords = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    parameters = [context, *keywords, *COMMON]
    command.__signature__ = inspect.Signature(parameters)
    command.__annotations__ = {one.name: one.annotation for one in parameters}


def _inherited(ctx: typer.Context) -> Settings:
    return ctx.obj if isinstance(ctx.obj, Settings) else Settings()


def guarded(settings: Settings, work: Callable[[], int | None]) -> int:
    """Runs a verb; whatever goes wrong ends as a message on stderr and an exit code, never as a traceback."""
    if settings.verbose:
        logging.basicConfig(stream=sys.stderr, format="%(relativeCreated)d ms %(name)s: %(message)s")
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.DEBUG if settings.verbose > 1 else logging.INFO)
    try:
        code = work() or ExitCode.SUCCESS
        with writing():
            sys.stdout.flush()
        return code
    except (typer.Exit, typer.Abort):
        raise
    except KeyboardInterrupt as stop:
        from bwc_sdk.cli.running.failure import report_interrupted

        return report_interrupted(str(stop) or UNCHANGED, as_json=settings.as_json)
    except BrokenPipeError:
        settle()
        return ExitCode.READER_GONE
    except Exception as error:
        if isinstance(error, WRONG_USAGE):
            raise  # told with the usage of the verb, where the command line ends
        from bwc_sdk.cli.running.failure import report

        settle()
        return report(error, as_json=settings.as_json)
