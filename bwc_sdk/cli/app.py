"""`bwc`: finds the verb, loads its file, runs it."""

import contextlib
import inspect
import io
import keyword
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.streams import check_streams, settle, unfailing_remarks, writing
from bwc_sdk.cli.running.command import Noun
from bwc_sdk.cli.running.completion import asks_for_bash, join_words
from bwc_sdk.cli.running.loading import uncollected
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.usage import is_overview
from bwc_sdk.cli.running.verb import common_options, guarded, verbs
from bwc_sdk.version import __version__

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

PLUGINS: Final = "bwc_sdk.commands"
"""Entry-point group through which other packages bring verbs."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb in the overview. `extra` is the optional part that brings it; "" = it is one of ours."""

    help: str
    extra: str = ""


VERBS: Final = {
    "devices": Verb("List what is plugged in, by slot."),
    "info": Verb("Who and what the device is, and what it is doing."),
    "check": Verb("Tell whether cameras are fit for the shift, and why not."),
    "self-test": Verb("Run the device's self-test."),
    "battery": Verb("Level, load and health of the battery."),
    "storage": Verb("How full the storage is, and how worn."),
    "clock": Verb("Read, measure and set the device's clock."),
    "config": Verb("Read, compare and change the configuration."),
    "assign": Verb("Show or change who carries the device."),
    "recordings": Verb("List, inspect, mark, hold and erase recordings."),
    "offload": Verb("Copy recordings off the device, verified, and resume where it stopped."),
    "evidence": Verb("Verify what is stored, look into it, and open it."),
    "receipt": Verb("Sign receipts for what a store holds, and check them."),
    "incoming": Verb("Show and remove what interrupted offloads left behind."),
    "station": Verb("Show a docking station, and switch its bays."),
    "dock": Verb("Offload every camera that comes to a docking station."),
    "audit": Verb("Read the device's log and check its chain of hashes."),
    "desired": Verb("Sign what cameras are to be set to, and deliver it."),
    "order": Verb("Give a device away, end its service, empty it, move its clock: by two people."),
    "seize": Verb("Seize a camera for a case: nobody changes it any more."),
    "reboot": Verb("Reboot the device."),
    "enroll": Verb(
        "Make a factory-new device one of the agency: a camera, or a docking station and then what stands in its bays."
    ),
    "provision": Verb(
        "Configure, assign and test every camera that is there, by a profile and a roster: all at once."
    ),
    "return": Verb("Take cameras back: their footage first, and when it is stored their assignments end."),
    "people": Verb(
        "Who has which camera, by the records of 'bwc provision', and the end of somebody's part."
    ),
    "renew": Verb(
        "Renew the certificate of a device, and with a docking station of all cameras in its bays. Without a button."
    ),
    "ca": Verb("Keep the agency's own small CA."),
    "raw": Verb("Send one declared command, such as battery.status cell=0."),
    "decode": Verb("Print a capture file in the specification's words."),
    "bridge": Verb("Offer a local device to a remote bench as tcp:HOST:PORT."),
    "policy": Verb("Hold policies against one another, and cameras against their policy."),
    "identity": Verb("Show and check what this host can prove to devices."),
    "doctor": Verb("Check what this host needs: parts, ports, permissions, adapters."),
    "udev": Verb("Print the udev rule that lets users open cameras on Linux."),
    "spec": Verb("Print the specification of the protocol, in Markdown."),
    "version": Verb("Versions of the SDK, the protocol and its parts."),
    "sim": Verb("Serve a simulated camera or docking station.", extra="sim"),
    "demo": Verb("Watch a simulated camera give up its footage.", extra="sim"),
    "conformance": Verb("Judge a device by the numbered rules of the specification.", extra="bench"),
    "replay": Verb("Make a regression test of a wire log: of a device, or of a host.", extra="bench"),
    "soak": Verb("Dock, offload, verify, undock and resume, all night long.", extra="bench"),
    "bench": Verb("Prove a bench before the night.", extra="bench"),
}


class Overview(Noun):
    """The overview, from the table above; a verb's own file is loaded only when it is used."""

    shared_apart = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands.update({name: _stub(name, verb.help) for name, verb in VERBS.items()})

    def list_commands(self, ctx: Any) -> list[str]:
        others = {plugin.name for plugin in _plugins() if " " not in plugin.name}  # else it is a verb of one
        return [*VERBS, *sorted(others - VERBS.keys())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            for plugin in _plugins(cmd_name):
                package = plugin.dist.name if plugin.dist else plugin.module
                return _stub(cmd_name, f"Brought by {package}.")
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name and command else command, rest


def _plugins(name: str | None = None) -> "list[EntryPoint]":
    from importlib.metadata import entry_points  # a third of the time that a verb needs to start

    found = entry_points(group=PLUGINS) if name is None else entry_points(group=PLUGINS, name=name)
    return list(found)


def _stub(name: str, line: str) -> Any:
    app = verbs()
    app.command(name, help=line)(lambda: None)
    return typer.main.get_command(app)


def file_of(name: str) -> str:
    """The module of a verb: its name, as Python can have it (PEP 8)."""
    return f"{name.replace('-', '_')}{'_' if keyword.iskeyword(name) else ''}"


def load(name: str) -> Any:
    """The click command of a verb, from its own file or from the package that brings it."""
    if name in VERBS and not VERBS[name].extra:
        with uncollected():
            module = import_module(f"bwc_sdk.cli.verbs.{file_of(name)}")
        return typer.main.get_command(module.app)
    app = verbs()
    cause: ImportError | None = None
    for plugin in _plugins(name):
        try:
            loaded = plugin.load()
            if isinstance(loaded, typer.Typer):
                return typer.main.get_command(loaded)  # it has verbs of its own
            if own := [one for one in _plugins() if one.name.startswith(f"{name} ")]:
                return _noun(name, loaded, own)
            app.command(name)(loaded)
            return typer.main.get_command(app)
        except ImportError as error:
            cause = error
    # Whatever options it would have taken: the message is that it is not there.
    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    extra = VERBS[name].extra if name in VERBS else "all"
    app.command(name, context_settings=anything)(_missing(name, extra, cause))
    return typer.main.get_command(app)


def _noun(name: str, function: Callable[..., None], own: "list[EntryPoint]") -> Any:
    """A command of another package that acts by itself, and has verbs of its own: `own`, named as `sim plot` is."""
    app = verbs(subcommand_metavar="[VERB ...]")
    for plugin in own:
        app.command(plugin.name.removeprefix(f"{name} "))(plugin.load())
    options = inspect.signature(function, eval_str=True).parameters

    def act(ctx: typer.Context, **given: Any) -> None:
        if ctx.invoked_subcommand is None:
            function(**given)
            return
        idle = [one for one in options if given[one] != options[one].default]
        if idle:
            raise typer.BadParameter(
                f"--{idle[0].replace('_', '-')} says nothing to {ctx.invoked_subcommand!r}"
            )

    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    every = [context, *(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in options.values())]
    act.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]  # what typer reads
    act.__annotations__ = {one.name: one.annotation for one in every}
    act.__doc__ = function.__doc__
    app.callback(invoke_without_command=True)(act)
    return typer.main.get_command(app)


def _missing(name: str, extra: str, cause: ImportError | None) -> Any:
    def missing(ctx: typer.Context) -> None:
        from bwc_sdk.host.required_packages import lacking_for

        def fail() -> int:
            raise lacking_for(extra, f"'bwc {name}'") from cause

        raise typer.Exit(guarded(ctx.obj if isinstance(ctx.obj, Settings) else Settings(), fail))

    return missing


def _tell_version(asked: bool) -> None:
    if asked:
        with writing():
            sys.stdout.write(f"bwc {__version__}\n")
            sys.stdout.flush()
        raise typer.Exit


VERSION: Final = inspect.Parameter(
    "version",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[
        bool,
        typer.Option("--version", "-V", is_eager=True, callback=_tell_version, help="Print the version."),
    ],
)

app = verbs(
    completion=True,
    cls=Overview,
    no_args_is_help=True,
    help="Body-worn cameras: provision, watch, offload. 'bwc VERB --help' says more.",
)
common_options(app, VERSION)


def run(argv: list[str]) -> int:
    """Runs one command line and gives its exit code."""
    with unfailing_remarks():
        return _run(argv)


def _complete_in_bash(argv: list[str]) -> int:
    cut, said = join_words(), io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            app(argv, prog_name="bwc")
    except SystemExit as end:
        with writing():
            sys.stdout.write("".join(f"{line.removeprefix(cut)}\n" for line in said.getvalue().splitlines()))
        return end.code if isinstance(end.code, int) else ExitCode.UNEXPECTED
    return ExitCode.SUCCESS


def _run(argv: list[str]) -> int:
    try:
        check_streams()
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A terminal that cannot show a character gets its escape: a device's text must not end a report.
            sys.stdout.reconfigure(errors="backslashreplace")
        if asks_for_bash():
            return _complete_in_bash(argv)
        code = app(argv, prog_name="bwc", standalone_mode=False)
        return code if isinstance(code, int) else ExitCode.SUCCESS
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            return ExitCode.READER_GONE  # of a help text: click itself calls that an unexpected error
        if isinstance(end.code, int):
            return end.code
        return ExitCode.UNEXPECTED if end.code else ExitCode.SUCCESS
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except Exception as error:
        if is_overview(error):
            error.show()  # type: ignore[attr-defined]  # click's own
            return ExitCode.USAGE
        # Before a verb began or in one that another package brings; our own never let one pass.
        from bwc_sdk.cli.running.failure import report

        settle()
        return report(error, as_json="--json" in argv)
