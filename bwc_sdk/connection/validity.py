"""What is to be said of the certificates of a session: which end soon, have ended, or have not begun.

Judged by this host's clock, and said, never more: an agency that forgot to renew still gets its footage.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from bwc_protocol.certificates.checks import Standing, standing
from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.certificates.profile import FOREVER_S
from bwc_protocol.conversation import PeerInfo
from bwc_sdk.errors import CertificateExpired
from bwc_sdk.identity.host_identity import HostIdentity

TOLD_DAYS: Final = 30
"""A certificate that ends within so many days is spoken of at each connect: a camera that is docked every week is
docked four times until then."""
DAY_S: Final = 86_400
CLOCK_ADVICE: Final = "this clock or the agency's is wrong: 'timedatectl' tells of this one"
RENEW_HOST: Final = "have it renewed: 'bwc ca issue', or by the agency's own CA"
RENEW_DEVICE: Final = "renew it: 'bwc renew'"


def days_left(certificate: CertificateFacts, utc_s: float) -> int | None:
    """Whole days until a certificate ends; negative when it has; None for one without an end."""
    return None if certificate.not_after_s >= FOREVER_S else int((certificate.not_after_s - utc_s) // DAY_S)


def notices(identity: HostIdentity, peer: PeerInfo, utc_s: float) -> Iterator[str]:
    """What is to be said of this host's certificate, and of the device's."""
    own = identity.certificate
    match standing(own, utc_s):
        case Standing.EXPIRED:
            yield (
                f"this host's certificate {own.name!r} ended on {day(own.not_after_s)}: devices take it only as "
                f"long as their floor is below that; {RENEW_HOST}"
            )
        case Standing.NOT_YET_VALID:
            yield f"this host's certificate {own.name!r} begins on {day(own.not_before_s)}: {_clock(utc_s)}"
        case _ if _soon(own, utc_s):
            yield f"this host's certificate {own.name!r} ends {_in_days(own, utc_s)}: {RENEW_HOST}"
    device = peer.certificate
    if device is None:
        return
    match peer.standing:
        case Standing.EXPIRED:
            yield (
                f"the certificate of {device.name} ended on {day(device.not_after_s)}: its footage comes off, and "
                f"nothing is changed on it until it is renewed; {RENEW_DEVICE}"
            )
        case Standing.NOT_YET_VALID:
            yield (
                f"the certificate of {device.name} begins on {day(device.not_before_s)}: its footage comes off, and "
                f"nothing is changed on it; {_clock(utc_s)}"
            )
        case Standing.GOOD if _soon(device, utc_s):
            yield f"the certificate of {device.name} ends {_in_days(device, utc_s)}: {RENEW_DEVICE}"


def ended(certificate: CertificateFacts, command: str, utc_s: float, device: str) -> CertificateExpired:
    """The error for a command that is not for a device whose certificate has ended, or not begun."""
    if utc_s < certificate.not_before_s:
        rule, advice = f"begins only on {day(certificate.not_before_s)}", _clock(utc_s)
    else:
        rule, advice = f"ended on {day(certificate.not_after_s)}", RENEW_DEVICE
    return CertificateExpired(
        f"{command} was not sent: the certificate of {certificate.name} {rule}, so that only what takes footage off "
        "it, reads it or renews it is",
        command=command,
        until_s=certificate.not_after_s,
        device=device,
        advice=advice,
    )


def day(utc_s: float) -> str:
    """The day of a time in seconds since 1970, as 2027-03-31; "never" for the end of what has none."""
    if utc_s >= FOREVER_S:
        return "never"
    return time.strftime("%Y-%m-%d", time.gmtime(utc_s))


def _soon(certificate: CertificateFacts, utc_s: float) -> bool:
    left = days_left(certificate, utc_s)
    return left is not None and left < TOLD_DAYS


def _in_days(certificate: CertificateFacts, utc_s: float) -> str:
    left = days_left(certificate, utc_s)
    when = "today" if not left else "tomorrow" if left == 1 else f"in {left} days"
    return f"{when}, on {day(certificate.not_after_s)}"


def _clock(utc_s: float) -> str:
    return f"this host's clock reads {day(utc_s)}, and {CLOCK_ADVICE}"
