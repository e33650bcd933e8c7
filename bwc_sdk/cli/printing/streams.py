"""Standard output and standard error as a shell may hand them over: closed, full, or without a reader."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, Final, TextIO, cast

STDERR: Final = 2


def check_streams() -> None:
    """Raises `OutputError` when there is nowhere to write a result; called before anything is opened or sent."""
    if sys.stdout is None:
        raise _output_error("standard output is closed", "give it somewhere to go, such as > /dev/null")


class _Unfailing:
    """A text stream that drops what it cannot write."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def unfailing_remarks() -> Iterator[None]:
    """A standard error that is closed, full or without a reader takes nothing from the result or its exit code."""
    if sys.stderr is None:
        # The next file that is opened would get its number, and what a library says there would go to a device.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != STDERR:
            os.dup2(nowhere, STDERR)
            os.close(nowhere)
        sys.stderr = os.fdopen(STDERR, "w")
    stream = sys.stderr
    sys.stderr = cast(TextIO, _Unfailing(stream))
    try:
        yield
    finally:
        sys.stderr.flush()
        sys.stderr = stream


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """What fails inside is standard output: raises `OutputError`, or `BrokenPipeError` if its reader is gone."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        rule = f"standard output cannot be written: {error.strerror or error}"
        raise _output_error(rule, "make room where it goes, or send it elsewhere") from error


def settle() -> None:
    """Drops what standard output does not take: the interpreter would complain of it at its exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _output_error(rule: str, advice: str) -> Exception:
    from bwc_sdk.cli.printing.output_error import OutputError  # loads errors, which the overview does without

    return OutputError(rule, advice=advice)
