"""Defects of this program: one camera or recording that runs into one must not end the work on the others, and not in
silence either."""

import logging

from bwc_sdk.errors import BwcError, ProgramFault

log = logging.getLogger(__name__)


def failure_of(error: Exception, what: str) -> BwcError:
    """What is reported about a camera, or a recording, at which `error` was raised; a defect is logged as well."""
    if isinstance(error, BwcError):
        return error
    log.error("work on %s failed by a defect", what, exc_info=error)
    fault = ProgramFault(
        f"this program failed: {type(error).__name__}: {error}",
        device=what,
        advice="the traceback is in the log; please report it",
    )
    fault.__cause__ = error
    return fault
