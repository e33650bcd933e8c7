"""What a run comes to: its exit code, and a sentence that says so."""

from typing import Final

from tools.stack.machine import Ended, NotBooted, Outcome, Vanished

PASSED: Final = 0
FAILED: Final = 1
UNAVAILABLE: Final = 69
"""This machine lacks what it takes (`EX_UNAVAILABLE`)."""
NOT_BOOTED: Final = 75
"""Nothing was tested, and another time may do better (`EX_TEMPFAIL`): CI reports it, and does not fail for it."""


def verdict(outcome: Outcome) -> tuple[int, str]:
    """Exit code and sentence."""
    match outcome:
        case Ended(code=0):
            return PASSED, "the real stacks: passed"
        case Ended(code=code):
            return FAILED, f"the real stacks: FAILED (exit code {code} in the guest)"
        case NotBooted(seconds=seconds, console=console):
            return (
                NOT_BOOTED,
                f"the kernel did not boot within {seconds:.0f} s: nothing was tested{_tail(console)}",
            )
        case Vanished(limit_s=None, console=console):
            return FAILED, f"the real stacks: FAILED (the guest ended without a result){_tail(console)}"
        case Vanished(limit_s=limit, console=console):
            return (
                FAILED,
                f"the real stacks: FAILED (the tests did not end within {limit:.0f} s){_tail(console)}",
            )


def _tail(console: str) -> str:
    return f"\nits console:\n{console.strip()}" if console.strip() else ""
