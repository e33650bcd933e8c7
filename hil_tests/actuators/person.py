"""A person who is asked: reads on the terminal what to do, does it, and presses Enter."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hil_tests.actuators.actuator import ActuatorFailed, Move, NoSuchActuator

TERMINAL: Final = "/dev/tty"
"""Whoever started the run, whatever becomes of its standard input and output."""


@dataclass(frozen=True, slots=True)
class PersonDriver:
    """Somebody at the bench, who has `timeout_s` for each move."""

    asked: Mapping[Move, str]
    timeout_s: float
    terminal: str = TERMINAL

    @property
    def moves(self) -> frozenset[Move]:
        return frozenset(self.asked)

    @property
    def unattended(self) -> bool:
        return False

    def move(self, what: Move) -> None:
        import termios  # of POSIX systems alone

        try:
            terminal = os.open(self.terminal, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            raise NoSuchActuator(
                f"nobody can be asked: this run has no terminal ({error.strerror})"
            ) from error
        try:
            termios.tcflush(terminal, termios.TCIFLUSH)  # an Enter of before is no answer to this
            text = f"\n{self.asked[what]}, and press Enter (within {self.timeout_s:g} s): "
            os.write(terminal, text.encode())
            until = time.monotonic() + self.timeout_s
            while (left := until - time.monotonic()) > 0 and select.select([terminal], [], [], left)[0]:
                if not (typed := os.read(terminal, 1024)):
                    break  # the terminal is gone
                if b"\n" in typed:
                    return
            raise ActuatorFailed(
                f"nobody pressed Enter within {self.timeout_s:g} s after: {self.asked[what]}",
                advice="be there, or leave out --bwc-attended",
            )
        except (OSError, termios.error) as error:
            raise ActuatorFailed(f"the terminal cannot be used: {error}") from error
        finally:
            os.close(terminal)

    def check(self) -> str:
        return ""  # whether somebody is there, no program can see

    def __str__(self) -> str:
        return "by a person who is asked"
