"""Takes one check of signed documents away, to see that a test notices. Nothing but tests can."""

import contextlib
from collections.abc import Iterator

from bwc_protocol.documents import refusal
from bwc_protocol.documents.refusal import DocumentCheck


@contextlib.contextmanager
def document_check_taken_away(check: DocumentCheck) -> Iterator[None]:
    """Documents pass without this check, as long as it lasts."""
    refusal._SWITCHED_OFF.add(check)
    try:
        yield
    finally:
        refusal._SWITCHED_OFF.discard(check)
