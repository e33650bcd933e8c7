"""The session with a factory-new device: it proves who made it, and this host may do nothing but enrol it."""

from __future__ import annotations

from dataclasses import dataclass

from bwc_protocol.certificates.checks import Standing
from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.conversation import LocalInfo
from bwc_protocol.declare import NO_ROLE, Role
from bwc_protocol.session.interface import PeerCredentials, Session, SessionFactory, SessionSide
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.connection.access import Access
from bwc_sdk.enrolment.vendor import Vendor
from bwc_sdk.host.world import World
from bwc_sdk.identity.host_identity import HostIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentAccess(Access):
    """As whom a host connects to a device that belongs to nobody, and from whose factory it has to be."""

    technician: HostIdentity
    sessions: SessionFactory

    @classmethod
    def of(cls, technician: HostIdentity, vendor: Vendor, world: World) -> EnrolmentAccess:
        """By a technician's certificate, to devices of these factories."""
        from bwc_protocol.session.tls import TlsProfile, tls_sessions

        def judge(facts: CertificateFacts) -> PeerCredentials:
            vendor.judge(facts)
            return PeerCredentials(
                identity=facts.name, roles=NO_ROLE, certificate=facts, standing=Standing.FACTORY
            )

        profile = TlsProfile(credentials=technician.credentials, anchors=vendor.roots, lab=False, judge=judge)
        return cls(
            role=Role.ENROLLER,
            identities=technician,
            expect=None,
            allow_insecure=False,
            capture=None,
            world=world,
            technician=technician,
            sessions=tls_sessions(profile),
        )

    def local(self) -> LocalInfo:
        """What this host says of itself."""
        return LocalInfo(kind=PeerKind.HOST, identity=self.technician.name, roles=Role.ENROLLER)

    def session(self, side: SessionSide) -> Session:
        """This host's end of one session."""
        return self.sessions(side)


def secure_access(technician: HostIdentity, serial: str | None, world: World) -> Access:
    """As a technician of the agency, to a device that is enrolled."""
    return Access(
        role=Role.TECHNICIAN,
        identities=technician,
        expect=serial,
        allow_insecure=False,
        capture=None,
        world=world,
        identity=technician,
    )
