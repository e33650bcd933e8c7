"""The numbers of the certificate profile: object identifiers of roles, kinds and marks (spec: Certificates)."""

from typing import Final

from bwc_protocol.declare import Role
from bwc_protocol.vocabulary import PeerKind

ARC: Final = "2.25.32575334212375409975960052459853092538"
"""Everything of this protocol lies under it. Made from a random UUID, as ITU-T X.667 has it: no registration."""
SERVER_AUTH: Final = "1.3.6.1.5.5.7.3.1"
CLIENT_AUTH: Final = "1.3.6.1.5.5.7.3.2"
ECDSA_SHA256: Final = "1.2.840.10045.4.3.2"
CURVE: Final = "secp256r1"

ROLE_OIDS: Final[dict[Role, str]] = {
    Role.TECHNICIAN: f"{ARC}.1.1",
    Role.DOCK_OFFLOAD: f"{ARC}.1.2",
    Role.DESTINATION: f"{ARC}.1.3",
    Role.AUDITOR: f"{ARC}.1.4",
    Role.BENCH: f"{ARC}.1.5",
    Role.RECORDS: f"{ARC}.1.6",
    Role.EVIDENCE_RECIPIENT: f"{ARC}.1.7",
}
"""The purpose (EKU) that gives a host each role."""
KIND_OIDS: Final[dict[PeerKind, str]] = {PeerKind.CAMERA: f"{ARC}.2.1", PeerKind.STATION: f"{ARC}.2.2"}
"""The purpose (EKU) that says which kind of device it is."""
FACTORY_OID: Final = f"{ARC}.3.1"
"""The purpose (EKU) of a certificate from the factory: it says which device this is, and gives no access."""
LAB_OID: Final = f"{ARC}.4.1"
"""The extension of every certificate of a lab agency. Critical, so that any verifier that does not look for it refuses;
its value is a UTF8String, the lab's id."""

NAME_MAX: Final = 64
"""Bytes of a name: what SESSION_INFO has room for, and the bound of X.509 itself."""
AGENCY_MAX: Final = 64
"""Bytes of an agency's name: the bound of X.509."""
LAB_MAX: Final = 32
"""Bytes of a lab's id."""
CERTIFICATE_MAX: Final = 2_048
"""Bytes of a certificate; those of this profile have 500 to 700."""
FOREVER_S: Final = 253_402_300_799
"""99991231235959Z, the end of a certificate that has none (RFC 5280, section 4.1.2.5), in seconds since 1970."""
