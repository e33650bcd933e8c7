"""How a verb reads its command line and explains itself: one value an option, and the shared options reported once."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from bwc_sdk.cli.running.options import COMMON
from bwc_sdk.cli.running.usage import WRONG_USAGE

if TYPE_CHECKING:
    _Base = TyperCommand
else:
    _Base = object

SHARED: Final = frozenset(parameter.name for parameter in COMMON)
"""Names of the options that every verb takes."""
SHORT_HELP_MAX: Final = 200
"""Characters of a verb's line in an overview: it is folded, never cut."""
_BOUNDS: Final = re.compile(r"(?P<low>[0-9.]+)<=x<=(?P<high>[0-9.]+)")
_AT_LEAST: Final = re.compile(r"x>=([0-9.]+)")
_KIND: Final = re.compile(r" <(?P<kind>[^|<>]*)>$")
"""`<path>`, `<int range>`: a type of the programming language; `<on|off>` stays, it says what to type."""
_VALUES: Final = {"int": "NUMBER", "float": "NUMBER", "path": "PATH"}
"""What an option takes, where it does not say it itself."""


class _Told(_Base):
    """What verbs and nouns have in common."""

    shared_apart = True
    """Whether the shared options are only named: `bwc --help` explains them."""

    def get_params(self, ctx: Any) -> list[Any]:
        parameters = super().get_params(ctx)
        for parameter in parameters:
            if "process_value" not in vars(parameter):
                _spare_conversion(parameter)
        return parameters

    def make_parser(self, ctx: Any) -> Any:
        parser: Any = super().make_parser(ctx)
        read: Callable[[list[str]], tuple[Any, Any, list[Any]]] = parser.parse_args

        def once(args: list[str]) -> tuple[Any, Any, list[Any]]:
            values, rest, order = read(args)
            if not ctx.resilient_parsing:
                _refuse_twice(order, ctx)
            return values, rest, order

        parser.parse_args = once
        return parser

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [_plain_piece(piece) for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        arguments: list[tuple[str, str]] = []
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            name, said = record
            said = _bounds_in_words(said)
            if parameter.param_type_name == "argument":
                arguments.append((_upper(_KIND.sub("", name)), said))
            else:
                name = _KIND.sub(_value, name)
                (shared if parameter.name in SHARED else own).append((name, said))
        for title, lines in (
            ("Arguments", arguments),
            ("Options", own),
            ("Options of every verb, before it or after it", [] if self.shared_apart else shared),
        ):
            if lines:
                with formatter.section(title):
                    formatter.write_dl(lines)
        self._format_verbs(ctx, formatter)
        if shared and self.shared_apart:
            names = [parameter.name for parameter in self.get_params(ctx) if parameter.name in SHARED]
            flags = [f"--{_FLAGS.get(name, name).replace('_', '-')}" for name in names]
            formatter.write_paragraph()
            formatter.write_text(
                f"Every verb also takes {', '.join(flags[:-1])} and {flags[-1]}: 'bwc --help' explains them."
            )

    def _format_verbs(self, ctx: Any, formatter: Any) -> None:
        """The verbs of a noun."""


_FLAGS: Final = {"as_json": "json", "timeout_s": "timeout"}


class Leaf(_Told, TyperCommand):
    """A verb."""


class Noun(_Told, TyperGroup):
    """A verb that has verbs of its own."""

    def _format_verbs(self, ctx: Any, formatter: Any) -> None:
        lines = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                lines.append((name, command.get_short_help_str(SHORT_HELP_MAX)))
        if lines:
            with formatter.section("Verbs"):
                formatter.write_dl(lines)


def _spare_conversion(parameter: Any) -> None:
    """Lets a parameter pass on a value that is of its type already: text for a text, a default that was not replaced.

    Typer would have pydantic look at it, and loading that takes a third of the time in which a verb has answered.
    """
    convert = parameter.process_value

    def process_value(ctx: Any, value: Any) -> Any:
        if parameter.multiple or parameter.nargs != 1 or parameter.required:
            return convert(ctx, value)
        source = ctx.get_parameter_source(parameter.name)
        if source is None or source.name != "DEFAULT" or not isinstance(value, _PLAIN):
            kind = getattr(parameter, "type_descriptor", None)  # of newer typers
            if type(value) is not str or getattr(kind, "annotation", None) is not str:
                return convert(ctx, value)
        return value if parameter.callback is None else parameter.callback(ctx, parameter, value)

    parameter.process_value = process_value


_PLAIN: Final = (bool, int, float, type(None))
"""Types of defaults that stand for themselves; others may be written as the text that a person would type."""


def _refuse_twice(order: list[Any], ctx: Any) -> None:
    """Raises a usage error for an option that takes one value and is there twice: one of them would go unheard."""
    seen = set()
    for parameter in order:
        if (
            parameter.param_type_name != "option"
            or parameter.multiple
            or parameter.is_flag
            or parameter.count
        ):
            continue
        if parameter.name in seen:
            raise WRONG_USAGE(f"{max(parameter.opts, key=len)} is given twice, and takes one value", ctx)
        seen.add(parameter.name)


def _plain_piece(piece: str) -> str:
    """`DEST`, `[RECORDING...]`: as manuals write it."""
    piece = _upper(piece.replace("...]...", "...]").replace("...}...", "...}"))
    return piece[1:-1] if piece.startswith("{") and piece.endswith("}") else piece


def _upper(name: str) -> str:
    """`ACTION <on|off>`: what somebody has to fill in is in capitals, what can be typed as it stands is not."""
    word, space, choices = name.partition(" ")
    return f"{word.upper()}{space}{choices}"


def _value(found: re.Match[str]) -> str:
    return " " + _VALUES.get(found["kind"].partition(" ")[0], "TEXT")


def _bounds_in_words(said: str) -> str:
    said = _BOUNDS.sub(lambda found: f"{_number(found['low'])} to {_number(found['high'])}", said)
    return _AT_LEAST.sub(lambda found: f"at least {_number(found[1])}", said)


def _number(text: str) -> str:
    return f"{float(text):.15g}"


class Verbs(typer.Typer):
    """A noun whose verbs and help are those of this file."""

    def command(self, name: str | None = None, **options: Any) -> Any:
        return super().command(name, **{"cls": Leaf, **options})
