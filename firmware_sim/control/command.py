"""Commands of a tester's hands, declared once: a method with types is the call, and its line of text as well.

`record_stop(reason)` is written `record stop [REASON]`. An argument says how it is written, and is read, by a `Written`
in its type; one that is passed by its name alone is written `event=WORD`.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from firmware_sim.control.errors import UnknownCommand, WrongUsage
from firmware_sim.device.nearest import among

SHOWN_MAX: Final = 40
"""Characters of what was written that an error repeats."""
MARK: Final = "__command__"
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Written:
    """How an argument is written; `read` makes it of a word, and raises `WrongUsage`."""

    name: str
    read: Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command."""

    key: str
    written: Written
    needed: bool
    by_name: bool

    @property
    def usage(self) -> str:
        """As `help` has it."""
        text = f"{self.key}={self.written.name}" if self.by_name else self.written.name
        return text if self.needed else f"[{text}]"


@dataclass(frozen=True, slots=True)
class Command:
    """A command: the method that carries it out, and how it is written."""

    words: tuple[str, ...]
    method: str
    doc: str
    arguments: tuple[Argument, ...]

    @property
    def usage(self) -> str:
        """As `help` has it."""
        return " ".join((*self.words, *(one.usage for one in self.arguments)))

    def read(self, said: list[str], usage: str) -> tuple[list[object], dict[str, object]]:
        """The arguments of a call, of the words behind the command's own. Raises `WrongUsage`."""
        by_name = {one.key: one for one in self.arguments if one.by_name}
        in_order = [one for one in self.arguments if not one.by_name]
        named = dict(word.partition("=")[::2] for word in said if by_name and "=" in word)
        plain = [word for word in said if not (by_name and "=" in word)]
        needed = sum(one.needed for one in in_order)
        repeated = len(said) - len(plain) > len(named)
        if not needed <= len(plain) <= len(in_order) or not set(named) <= set(by_name) or repeated:
            raise WrongUsage(usage)
        read = [one.written.read(word) for one, word in zip(in_order, plain, strict=False)]
        return read, {key: by_name[key].written.read(word) for key, word in named.items()}


def command(method: F) -> F:
    """Makes a method a command, which is written as its name; its docstring is what a page says of it."""
    setattr(method, MARK, True)
    return method


def commands_of(hands: type) -> dict[tuple[str, ...], Command]:
    """The commands of a class, in the order in which they are written there, those of its bases first."""
    found: dict[tuple[str, ...], Command] = {}
    for of in reversed(hands.__mro__):
        for name, method in vars(of).items():
            if getattr(method, MARK, False):
                words = tuple(name.split("_"))
                found[words] = Command(words, name, inspect.getdoc(method) or "", _arguments(method))
    return found


def usages_of(commands: Mapping[tuple[str, ...], Command]) -> dict[str, str]:
    """How each is written, by its first word."""
    found: dict[str, list[str]] = {}
    for one in commands.values():
        found.setdefault(one.words[0], []).append(one.usage)
    return {word: " | ".join(usages) for word, usages in found.items()}


def carry_out(hands: object, commands: Mapping[tuple[str, ...], Command], words: list[str]) -> object:
    """Carries out a line; gives what the method gives. Raises `ControlError`."""
    usages = usages_of(commands)
    found = commands.get(tuple(words[:2])) or commands.get(tuple(words[:1]))
    if found is None:
        raise not_understood(usages, words)
    arguments, named = found.read(words[len(found.words) :], usages[words[0]])
    return getattr(hands, found.method)(*arguments, **named)


def not_understood(usages: Mapping[str, str], words: list[str]) -> UnknownCommand | WrongUsage:
    """The error for a line that is no command."""
    usage = usages.get(words[0])
    if usage is not None:
        return WrongUsage(usage)
    return UnknownCommand(f"there is no command {shown(words[0])}{among(words[0], usages, 'help')}")


def shown(text: str) -> str:
    """What was written, fit for a line of text."""
    return ascii(text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}...")


def _arguments(method: Callable[..., Any]) -> tuple[Argument, ...]:
    types = typing.get_type_hints(method, include_extras=True)
    found = []
    for key, parameter in inspect.signature(method).parameters.items():
        if key == "self":
            continue
        (written,) = (one for one in typing.get_args(types[key]) if isinstance(one, Written))
        needed = parameter.default is parameter.empty
        found.append(Argument(key, written, needed, parameter.kind is parameter.KEYWORD_ONLY))
    return tuple(found)
