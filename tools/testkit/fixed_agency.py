"""An agency that is the same in every run: its keys follow from names, its certificates lie beside this file.

For vectors and tests of signed documents. Everybody knows its keys. `python -m tools.testkit.fixed_agency` makes the
certificates anew, with other signatures: all vectors that hold them change.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from bwc_protocol.certificates.facts import CertificateFacts, read_certificate
from bwc_protocol.certificates.issue import (
    Issuance,
    Issuer,
    make_device,
    make_factory,
    make_host,
    make_issuing,
    make_root,
)
from bwc_protocol.declare import Role
from bwc_protocol.evidence.sign1 import KeySigner
from bwc_protocol.vocabulary import PeerKind

CERTIFICATES: Final = Path(__file__).with_name("fixed_agency.json")
AGENCY: Final = "Springfield PD"
FACTORY: Final = "Cameras Ltd"
BEGAN_S: Final = 1_767_225_600
"""2026-01-01."""
ENDS_S: Final = 1_861_920_000
"""2029-01-01."""
CA_ENDS_S: Final = 2_398_377_600
"""2046-01-01."""
CAMERA: Final = "BWC-000042"

PEOPLE: Final = {
    "technician": ("Kim Lopez", Role.TECHNICIAN),
    "technician-2": ("Ada Byron", Role.TECHNICIAN),
    "records": ("R. Holt", Role.RECORDS),
    "dock": ("dock-7", Role.DOCK_OFFLOAD),
    "auditor": ("A. Audit", Role.AUDITOR),
    "store": ("store-1", Role.DESTINATION),
    "store-2": ("store-2", Role.DESTINATION),
}
"""Hosts with their names and roles."""


def private_number(name: str) -> int:
    """The private key of that name, as a number: the SHA-256 of the name, which nobody has reason to keep secret."""
    return int.from_bytes(hashlib.sha256(f"bwc fixed agency: {name}".encode()).digest())


@cache
def key(name: str) -> ec.EllipticCurvePrivateKey:
    """The private key of that name."""
    return ec.derive_private_key(private_number(name), ec.SECP256R1())


@cache
def certificate(name: str) -> bytes:
    """The certificate of that name (DER): `root`, `standby`, `issuing`, `issuing-2`, `camera`, one of `PEOPLE`, or a
    person's behind `other/`, of a second agency, or what is behind `factory/`."""
    return bytes.fromhex(json.loads(CERTIFICATES.read_text(encoding="utf-8"))[name])


@cache
def facts(name: str) -> CertificateFacts:
    """What the certificate of that name says."""
    return read_certificate(certificate(name))


def anchors() -> tuple[bytes, bytes]:
    """Root and standby root."""
    return certificate("root"), certificate("standby")


def root_signer(name: str = "root") -> KeySigner:
    """A root that signs by itself."""
    return KeySigner((certificate(name),), key(name))


def signer(name: str) -> KeySigner:
    """A host, with its issuing CA."""
    place, _, _ = name.rpartition("/")
    issuing = f"{place}/issuing" if place else "issuing"
    return KeySigner((certificate(name), certificate(issuing)), key(name))


def issuer(name: str = "issuing") -> Issuer:
    """A CA that issues."""
    return Issuer(certificate(name), key(name))


def entropy(seed: str) -> Callable[[int], bytes]:
    """Bytes that follow from a seed."""
    given = 0

    def draw(size: int) -> bytes:
        nonlocal given
        given += 1
        return hashlib.sha256(f"{seed} {given}".encode()).digest()[:size]

    return draw


def issuance(seed: str, *, not_before_s: int = BEGAN_S, not_after_s: int = ENDS_S, lab: str = "") -> Issuance:
    """What certificates are issued with."""
    return Issuance(not_before_s=not_before_s, not_after_s=not_after_s, entropy=entropy(seed), lab=lab)


def _make() -> dict[str, str]:
    found: dict[str, bytes] = {}
    for place, agency in (("", AGENCY), ("other/", "Shelbyville PD")):
        of_ca = issuance(f"{place}ca", not_after_s=CA_ENDS_S)
        for name in ("root", "standby"):
            found[place + name] = make_root(key(place + name), agency, f"{agency} {name}", of_ca)
        root = Issuer(found[f"{place}root"], key(f"{place}root"))
        for name in ("issuing", "issuing-2"):
            public = key(place + name).public_key()
            found[place + name] = make_issuing(root, public, f"{agency} {name}", of_ca)
        ca = Issuer(found[f"{place}issuing"], key(f"{place}issuing"))
        for name, (person, roles) in PEOPLE.items():
            public = key(place + name).public_key()
            found[place + name] = make_host(ca, public, person, roles, issuance(place + name))
        public = key(f"{place}camera").public_key()
        found[f"{place}camera"] = make_device(ca, public, CAMERA, PeerKind.CAMERA, issuance(f"{place}camera"))
    found |= _factory()
    return {name: der.hex() for name, der in found.items()}


def _factory() -> dict[str, bytes]:
    """The factory of the camera: its root, its CA, and the camera's certificate from it."""
    of_ca = issuance("factory/ca", not_after_s=CA_ENDS_S)
    root = make_root(key("factory/root"), FACTORY, f"{FACTORY} root", of_ca)
    ca_key = key("factory/issuing").public_key()
    issuing = make_issuing(Issuer(root, key("factory/root")), ca_key, f"{FACTORY} issuing", of_ca)
    by = Issuer(issuing, key("factory/issuing"))
    own = key("factory/camera").public_key()
    leaf = make_factory(by, own, CAMERA, PeerKind.CAMERA, issuance("factory/camera"))
    return {"factory/root": root, "factory/issuing": issuing, "factory/camera": leaf}


def main() -> int:
    """Gives the exit code."""
    CERTIFICATES.write_text(json.dumps(_make(), indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
