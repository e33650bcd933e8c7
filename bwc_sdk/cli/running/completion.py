"""What a shell completes beyond verbs and options: devices, settings, commands. Opens no device, and waits for none.

Settings are those that are known without a camera. A name that is missing there can still be typed.
"""

import os
import re
from typing import Final

OFFERED_MAX: Final = 200
"""Words that are offered at most: a shell asks before it shows more than a screen of them."""
BASH: Final = "complete_bash"
_ASKED: Final = "_BWC_COMPLETE"
_BREAKS: Final = re.compile(r"[:=]+")
"""Characters at which bash cuts a word in two, before it asks: `serial:/dev/ttyACM0` comes as three."""


def devices(incomplete: str) -> list[str]:
    """URIs of what is plugged in, every way to it."""
    from bwc_sdk.discovery.slots import slots

    found = [uri for slot in slots() for uri in (slot.uri, *slot.others)]
    return [uri for uri in found if uri.startswith(incomplete)][:OFFERED_MAX]


def settings(incomplete: str) -> list[str]:
    """Names of settings."""
    from bwc_sdk.clients.known_settings import SETTINGS

    return [key for key in SETTINGS if key.startswith(incomplete)]


def settings_to_set(incomplete: str) -> list[str]:
    """The same with the sign behind which the value goes."""
    return [f"{key}=" for key in settings(incomplete)]


def commands(incomplete: str) -> list[str]:
    """Names of declared commands."""
    import bwc_protocol.messages  # noqa: F401 (it says where commands are declared)
    from bwc_protocol.declare import COMMANDS

    return sorted(kind.name for kind in COMMANDS.values() if kind.name.startswith(incomplete))[:OFFERED_MAX]


# bash


def asks_for_bash() -> bool:
    """Whether this process was started by bash to complete a word."""
    return os.environ.get(_ASKED) == BASH


def join_words() -> str:
    """Makes whole words again of what bash cut at `:` and `=`.

    Returns what has to be taken off each answer: bash replaces only the last piece.
    """
    raw = os.environ.get("COMP_WORDS", "")
    words = raw.split("\n" if "\n" in raw else " ")
    at = os.environ.get("COMP_CWORD", "")
    if not at.isdecimal() or len(at) > 5 or int(at) >= len(words):
        return ""
    joined: list[str] = []
    before = ""
    for number, word in enumerate(words[: int(at) + 1]):
        broken = number > 1 and (_BREAKS.fullmatch(word) or _BREAKS.fullmatch(words[number - 1]))
        if broken and word:
            before = joined[-1] + (word if _BREAKS.fullmatch(word) else "")
            joined[-1] += word
        else:
            before = ""
            joined.append(word)
    os.environ["COMP_WORDS"] = "\n".join(joined)
    os.environ["COMP_CWORD"] = str(len(joined) - 1)
    # Of `--device=serial:` only `serial:` is answered.
    return before.partition("=")[2] if before.startswith("-") and "=" in before else before
