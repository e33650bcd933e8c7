"""A wrong command line in our words: cause and next step, whichever library read it."""

import re
from typing import Any, Final, cast

import typer

WRONG_USAGE: Final = cast("type[Any]", typer.BadParameter.__mro__[1])
"""`UsageError`: older releases of typer have it from click, newer ones bring it along under a private name."""
SHOWN_MAX: Final = 60
"""Characters that are repeated of what was typed."""
_NO_NUMBER: Final = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "greater_than_equal": "a number",
    "less_than_equal": "a number",
}
"""What was expected, by the kind of error of the library that typer parses values with."""
_OLDER: Final = re.compile(
    r"(?P<given>.*) is not (?:a valid (?P<kind>integer|float)(?: range)?|in the range .*)", re.DOTALL
)
"""The same in the words of click, with which older releases of typer parse."""

_NO_VERB: Final = re.compile(r"No such command '(?P<typed>[a-z-]+)'")
_OTHER_NAMES: Final = {
    "status": "info",
    "show": "info",
    "list": "recordings list",
    "ls": "recordings list",
    "mark": "recordings mark",
    "hold": "recordings hold",
    "release": "recordings lift",
    "lift": "recordings lift",
    "time": "clock show",
    "sync": "clock sync",
    "copy": "offload",
    "download": "offload",
    "get": "config get",
    "set": "config set",
    "settings": "config show",
    "officer": "assign",
    "log": "audit",
    "logs": "audit",
    "watch": "dock watch",
    "bays": "station bays",
    "bay": "station bay",
    "ports": "devices",
    "scan": "devices",
    "serve": "sim",
    "simulate": "sim",
    "test": "self-test",
    "clean": "incoming clean",
    "help": "--help",
}
"""What people type for a verb, by the habits of other programs, and what it is called here."""


def is_overview(error: Exception) -> bool:
    """Whether this is no error but the help text of a noun that was given no verb."""
    return type(error).__name__ == "NoArgsIsHelpError"


def in_words(error: Any) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    ctx = getattr(error, "ctx", None)
    kind = type(error).__name__
    path = ctx.command_path if ctx is not None else "bwc"
    more = f"'{path} --help' says more"
    usage = more
    if ctx is not None:
        usage = f"{path} {' '.join(ctx.command.collect_usage_pieces(ctx))}; {more}"
    if kind == "NoSuchOption":
        near = getattr(error, "possibilities", None)
        return f"there is no option {_cut(error.option_name)}" + (
            f"; did you mean {min(near)}?" if near else ""
        ), usage
    if kind == "MissingParameter":
        return f"{_name(error.param)} is missing", usage
    if isinstance(error, typer.BadParameter):
        words = _about_value(error)
        return (f"{_name(error.param)}: {words}" if error.param is not None else words), more
    said = str(error.message if hasattr(error, "message") else error).rstrip(".")
    unknown = _NO_VERB.match(said)
    if unknown and path.endswith("bwc") and (meant := _OTHER_NAMES.get(unknown["typed"])):
        return f"there is no verb {unknown['typed']!r}; did you mean 'bwc {meant}'?", more
    said = said.replace("No such command", "there is no verb").replace("Missing command", "a verb is missing")
    return f"{said[:1].lower()}{said[1:]}", usage


def _name(parameter: Any) -> str:
    if parameter is None:
        return "an argument"
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name.upper()).removesuffix("...")


def _about_value(error: typer.BadParameter) -> str:
    said = str(error.message).removeprefix("Value error, ").rstrip(".")
    errors = getattr(error.__cause__, "errors", None)
    first: dict[str, Any] = (errors() or [{}])[0] if callable(errors) else {}
    expected, given = _NO_NUMBER.get(first.get("type", "")), str(first.get("input"))
    if older := _OLDER.fullmatch(said):
        expected, given = (
            f"a {'whole ' if older['kind'] == 'integer' else ''}number",
            older["given"].strip("'"),
        )
    if expected is None:
        return said
    return f"takes {expected}{_bounds(error.param)}, not {_cut(given)!r}"


def _bounds(parameter: Any) -> str:
    holder = parameter if hasattr(parameter, "type_descriptor") else getattr(parameter, "type", None)
    low, high = getattr(holder, "min", None), getattr(holder, "max", None)
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}" if high < 1e6 else f" from {low} to {high}"
    if low is not None:
        return f" of at least {low:g}"
    return f" of at most {high:g}" if high is not None else ""


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
