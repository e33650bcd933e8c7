"""What lies where in the directory of a CA."""

import string
from typing import Final

AGENCY_FILE: Final = "agency.pem"
"""Root and standby root: what every host of the agency trusts, and every device pins at its enrolment. No secret."""
DENY_LIST_FILE: Final = "deny-list.cose"
"""The newest deny list, signed by a root. No secret."""
REGISTER_FILE: Final = "register.jsonl"
"""What was issued, denied and rotated, in the order in which it was."""
OFFLINE: Final = "offline"
"""Where root and standby root are written if nothing else is said: to be carried away from this host."""
ROOT_FILE: Final = "root.p12"
STANDBY_FILE: Final = "standby.p12"
LOCK_FILE: Final = ".lock"


CHAIN_SUFFIX: Final = ".pem"
"""Ends the name of a file with a certificate and its issuing CA's."""
_PLAIN: Final = frozenset(string.ascii_letters + string.digits + "-_")
"""Signs of a name that stand for themselves in the name of a file."""


def file_stem(name: str) -> str:
    """A name in a certificate as the name of a file: a device chose it, and it may be any text, such as a path."""
    stem = "".join(
        sign if sign in _PLAIN else "".join(f"%{byte:02x}" for byte in sign.encode()) for sign in name
    )
    return f"%{ord(stem[0]):02x}{stem[1:]}" if is_agency_file(stem) else stem


def is_agency_file(stem: str) -> bool:
    """Whether certificates under this name would take the place of `agency.pem`, on any file system."""
    return f"{stem}{CHAIN_SUFFIX}".casefold() == AGENCY_FILE


def issuing_file(key_id: bytes) -> str:
    """The key of an issuing CA: each has a file of its own, so that none is ever written over."""
    return f"issuing-{key_id.hex()[:16]}.p12"


ISSUING_FILES: Final = "issuing-*.p12"
AGENCY_FILE_MAX: Final = 16_384
"""Bytes of an agency file: two roots have less than 2,000."""
REGISTER_MAX: Final = 512 << 20
"""Bytes of a register: an entry has about 1,200, so a fleet of ten thousand fills a tenth of it in twenty years."""
