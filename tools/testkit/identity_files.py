"""Identity directories of hosts, and simulated devices that the same agency has enrolled: for tests of who gets in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bwc_protocol.declare import Role
from bwc_protocol.documents.deny_list import Denied, DeniedBy, DenyList, in_order
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.evidence.sign1 import KeySigner
from bwc_protocol.session.tls import KeyCredentials
from bwc_protocol.vocabulary import PeerKind
from bwc_protocol.word import label
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.identity.host_identity import HostIdentity
from firmware_sim.camera.camera import SimCamera
from firmware_sim.scenarios import Footage, make_camera, make_station
from firmware_sim.station.station import SimStation
from tools.testkit.secure_ends import NOW_S, Agency


def host_identity(of: Agency, role: Role, **given: Any) -> HostIdentity:
    """A host of an agency, whose key is in memory; `given` is as in `Agency.host`."""
    return HostIdentity.of(of.host(role, **given), of.anchors, source="a test")


@dataclass(frozen=True, slots=True)
class Enrolling:
    """An agency as a simulated device knows it, which shows a certificate of its own unless another is given."""

    of: Agency
    shown: KeyCredentials | None = None

    @property
    def anchors(self) -> tuple[bytes, ...]:
        return self.of.anchors

    @property
    def recipients(self) -> tuple[bytes, ...]:
        """For nobody: that is told where it is tried."""
        return ()

    def device(self, serial: str, kind: PeerKind) -> KeyCredentials:
        """A device that the agency has enrolled."""
        return self.shown or self.of.device(kind, serial=serial)

    def factory_device(self, serial: str, kind: PeerKind) -> KeyCredentials:
        """A device as it comes from the factory, which is one of the agency's here."""
        return self.of.device(kind, serial=serial, factory=True)


def secure_camera(
    of: Agency, shown: KeyCredentials | None = None, *, enrolled: bool = True, recordings: int = 1
) -> SimCamera:
    """A simulated camera of an agency."""
    return make_camera(
        seed=3,
        recordings=recordings if enrolled else 0,
        mib=1,
        footage=Footage.SYNTHETIC,
        agency=Enrolling(of, shown),
        enrolled=enrolled,
    )


def secure_station(of: Agency, bays: int = 2) -> SimStation:
    """A simulated docking station of an agency, with a camera of it in each bay."""
    return make_station(bays, seed=3, recordings=1, mib=1, footage=Footage.SYNTHETIC, agency=Enrolling(of))


def deny_list_of(of: Agency, counter: int, *names: str, floor_s: int = 0) -> bytes:
    """A deny list of an agency that denies hosts and devices by name, as it is carried."""
    document = DenyList(
        lab=of.lab,
        agency=of.name,
        counter=counter,
        signed_utc_s=int(NOW_S),
        floor_utc_s=floor_s,
        entries=in_order([Denied(by=DeniedBy.NAME, name=name) for name in names]),
    )
    signer = KeySigner((of.root.certificate,), of.root.key)
    return SignedDocument(document.encode()).signed_by(signer).encode()


def world_at(utc_s: float = NOW_S) -> World:
    """The world of a host whose clock reads this time."""
    return World(utc_ns=lambda: int(utc_s * 1_000_000_000), workers=InlineWorkers())


def write_identity(directory: Path, of: Agency, role: Role, stem: str = "", **given: Any) -> Path:
    """An unencrypted key file of a role, and the agency's roots beside it; `given` is as in `Agency.host`."""
    directory.mkdir(mode=0o700, exist_ok=True)
    write_agency(directory, of)
    held = of.host(role, **given)
    path = directory / f"{stem or label(role)}.pem"
    path.touch(0o600)
    key = held.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(key + pem(*held.chain))
    return path


def write_agency(directory: Path, *agencies: Agency) -> Path:
    """`agency.pem` with the roots of agencies, which are one in honest directories."""
    path = directory / "agency.pem"
    path.write_bytes(pem(*[root for one in agencies for root in one.anchors]))
    path.chmod(0o644)
    return path


def pem(*certificates: bytes) -> bytes:
    """Certificates (DER) as PEM."""
    return b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in certificates)
