"""The signature beside a report: of the bench that ran it, over exactly the bytes of `conformance.json`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.declare import Role
from bwc_sdk.errors import DocumentError
from bwc_sdk.identity.signed_report import sign_report as sign
from bwc_sdk.identity.signed_report import verify_report

if TYPE_CHECKING:
    from bwc_sdk.identity.host_identity import HostIdentity

__all__ = ["sign", "verify"]
SIGNING: Final = Role.BENCH | Role.AUDITOR
"""Who may sign a report: what a bench connects as. One before a device in service has the second alone."""


def verify(data: bytes, signature: bytes, started_utc: str, believed: HostIdentity) -> CertificateFacts:
    """Who signed a report. Raises `DocumentError` unless it was a bench of the agency or lab that `believed` trusts."""
    try:
        started_s = int(datetime.fromisoformat(started_utc).timestamp())
    except ValueError as error:
        raise DocumentError(
            f"it does not say when it was made: {error}", advice="is this the right file?"
        ) from error
    again = "have it run again by a bench, which signs under 'bench' or 'auditor'"
    return verify_report(data, signature, started_s, believed, roles=SIGNING, advice=again)
