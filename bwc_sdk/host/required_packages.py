"""Before a package is used: the error of ours for one that is not there, or is not what it should be."""

from bwc_sdk.errors import BwcError, MissingExtra, WrongPart
from bwc_sdk.host.exhaustion import without_descriptors
from bwc_sdk.host.packages import EXTRAS, PARTS, Part, problem_of


def require(distribution: str, what: str, extra: str = "") -> None:
    """Raises `MissingExtra` or `WrongPart` unless the package can be used for `what`; `extra` would bring it."""
    error = lacking((PARTS[distribution],), what, extra)
    if error is not None:
        raise error


def lacking_for(extra: str, what: str) -> BwcError:
    """The error for `what`, which could not be loaded and which `extra` should have brought."""
    return lacking(EXTRAS.get(extra, ()), what, extra) or MissingExtra(what, extra)


def lacking(parts: tuple[Part, ...], what: str, extra: str) -> BwcError | None:
    """The error for the first part that is wrong, or else for one that is not there."""
    missing: BwcError | None = None
    for part in parts:
        problem = problem_of(part)
        if problem is None:
            continue
        out = without_descriptors()  # then nothing can be loaded, and nothing is wrong with the part
        if out is not None:
            return out
        if not problem.missing:
            return WrongPart(problem.rule, advice=problem.advice)
        missing = MissingExtra(what, extra) if extra else WrongPart(problem.rule, advice=problem.advice)
    return missing
