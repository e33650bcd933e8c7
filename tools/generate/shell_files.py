"""What a shell knows of `bwc`: its manual page and its completions, made from the command line itself.

    python -m tools.generate.shell_files            writes them into share/
    python -m tools.generate.shell_files --check    fails if one of them is not what it would write

A wheel puts share/ where the system's `man` and shells look for it, beside the `bin` that `bwc` is in.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer

from bwc_protocol.lab.directory import LAB_ENV
from bwc_sdk.cli.app import VERBS, app, load
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.running.failure import DEBUG_ENV
from bwc_sdk.cli.running.options import COMMON, DEVICE_ENV
from bwc_sdk.clients.connecting import CAPTURE_ENV
from bwc_sdk.identity.lookup import IDENTITY_ENV
from bwc_sdk.identity.passphrase import PASSPHRASE_FILE_ENV
from tools.generate.source_docs import member_docs
from tools.generate.writing import write_or_check

ROOT: Final = Path(__file__).parents[2]
SHARE: Final = ROOT / "share"
COMPLETIONS: Final = {
    "bash": "bash-completion/completions/bwc",
    "zsh": "zsh/site-functions/_bwc",
    "fish": "fish/vendor_completions.d/bwc.fish",
}
"""Where each shell looks, below share/."""
MANUAL: Final = "man/man1/bwc.1"
_SHARED: Final = frozenset(parameter.name for parameter in COMMON)


def files() -> dict[str, str]:
    """All of them: text by path below share/."""
    return {MANUAL: manual()} | {path: completion(shell) for shell, path in COMPLETIONS.items()}


def completion(shell: str) -> str:
    """What `bwc` has a shell read, so that it completes verbs, devices and settings."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from bwc_sdk.__main__ import main; sys.exit(main([]))"],
        env={**os.environ, "_BWC_COMPLETE": f"source_{shell}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip("\n") + "\n"


ENVIRONMENT: Final = {
    DEVICE_ENV: "The device, where --device does not name one.",
    IDENTITY_ENV: "The directory of this host's key files, where --identity does not name one.",
    PASSPHRASE_FILE_ENV: "A file whose first line is the passphrase of this host's key files (chmod 600).",
    LAB_ENV: "The directory of the lab, to be shared with containers and other users.",
    CAPTURE_ENV: "The file of --capture, for programs of the SDK as well.",
    DEBUG_ENV: "1 = show the traceback of every error.",
}
"""What programs of the SDK and bwc read."""


def manual() -> str:
    """The manual page, for man(1)."""
    overview = typer.main.get_command(app)
    lines = [
        '.TH BWC 1 "" "bwc-sdk" "User commands"',
        ".SH NAME",
        r"bwc \- body\-worn cameras and docking stations",
    ]
    lines += [".SH SYNOPSIS", r"\fBbwc\fR \fIVERB\fR [\fIOPTIONS\fR]"]
    lines += [".SH DESCRIPTION", *_paragraphs(str(overview.help))]
    lines += [".SH VERBS"]
    for name in VERBS:
        lines += _verb(load(name), f"bwc {name}")
    lines += [".SH OPTIONS OF EVERY VERB", "Before the verb or after it.", *_options(overview, shared=True)]
    lines += [".SH EXIT STATUS"]
    meanings = member_docs(ExitCode)
    for code in ExitCode:
        lines += [".TP", f"\\fB{int(code)}\\fR", _text(meanings[code.name] or "Success.")]
    lines += [".SH ENVIRONMENT"]
    for name, meaning in ENVIRONMENT.items():
        lines += [".TP", f"\\fB{name}\\fR", _text(meaning)]
    return "\n".join(lines) + "\n"


def _verb(command: Any, path: str) -> Iterator[str]:
    verbs = getattr(command, "commands", {})
    if verbs:
        if command.invoke_without_command:  # it acts by itself, too
            yield from _section(command, path)
        for name, one in verbs.items():
            yield from _verb(one, f"{path} {name}")
        return
    yield from _section(command, path)


def _section(command: Any, path: str) -> Iterator[str]:
    context = command.make_context(path, [], resilient_parsing=True)
    usage = " ".join(piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]")
    yield f".SS {_text(path)} {_text(usage)}".rstrip()
    yield from _paragraphs(command.help or "")
    yield from _options(command, shared=False)


def _options(command: Any, *, shared: bool) -> Iterator[str]:
    context = command.make_context("bwc", [], resilient_parsing=True)
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None or (parameter.name in _SHARED) != shared or parameter.name == "help":
            continue
        yield from (".TP", f"\\fB{_text(re.sub(r' <[^|<>]*>$', '', record[0]))}\\fR", _text(record[1]))


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield from (".PP", _text(paragraph))


def _text(text: str) -> str:
    """Words as roff takes them: no line of it can be read as a request."""
    line = " ".join(text.split()).replace("\\", r"\e").replace("-", r"\-").replace("…", "...")
    return f"\\&{line}" if line.startswith((".", "'")) else line


def main() -> int:
    """Writes or checks the files."""
    return write_or_check("shell_files", SHARE, files())


if __name__ == "__main__":
    sys.exit(main())
