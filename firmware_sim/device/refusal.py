"""How a handler says no: with an error code, and nothing changed (spec: Error codes)."""

from bwc_protocol.vocabulary import ErrorCode


class Refusal(Exception):
    """Raised by a handler that does not do what was asked. `detail` is for a log, never needed to decide."""

    def __init__(self, code: ErrorCode, detail: str = "", retry_after_ms: int = 0) -> None:
        super().__init__(f"{code.name}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after_ms = retry_after_ms
