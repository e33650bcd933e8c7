"""What an agency does to make a device one of its own, in the place of its tool; for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bwc_protocol.certificates.issue import make_device, read_request
from bwc_protocol.documents.installation import Installation, Renewal
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.trust import RequestCertificate
from bwc_protocol.vocabulary import PeerKind
from tools.testkit import agencies
from tools.testkit.device_host import DeviceHost


def entries(device: Any, kind: AuditKind) -> list[str]:
    """What the log of a device says of a kind of event."""
    last, _ = device.audit.head()
    return [entry.detail for entry in device.audit.read(0, last).entries if entry.kind is kind]


async def installation(
    host: DeviceHost, agency: LabAgency, kind: PeerKind = PeerKind.CAMERA, **instead: Any
) -> Installation:
    """What an agency installs, with something else in the place of what it should be."""
    given: dict[str, Any] = {
        name: instead.pop(name) for name in ("issuing_ca", "key", "name", "issuance") if name in instead
    }
    if "issuing_ca" in given:
        given["issuing"] = given.pop("issuing_ca")
    request = (await host.ask(RequestCertificate())).request
    return replace(installing(certified(request, agency, kind, **given), agency), **instead)


def installing(certificate: bytes, agency: LabAgency) -> Installation:
    """All that an agency installs with a certificate."""
    return Installation(
        certificate=certificate,
        issuing=agency.issuing.certificate,
        root=agency.root.certificate,
        standby=agency.standby.certificate,
    )


def certified(request: bytes, agency: LabAgency, kind: PeerKind = PeerKind.CAMERA, **given: Any) -> bytes:
    """A certificate for a device's request, with something else in the place of what it should have."""
    name, key = read_request(request)
    return make_device(
        given.get("issuing", agency.issuing),
        given.get("key", key),
        given.get("name", name),
        kind,
        given.get("issuance", agencies.issuance(lab=agency.id)),
    )


def renewal(request: bytes, agency: LabAgency, kind: PeerKind = PeerKind.CAMERA, **given: Any) -> Renewal:
    """A new certificate for a device of an agency."""
    issuing = given.get("issuing", agency.issuing)
    certificate = certified(request, agency, kind, **given)
    if "altered" in given:
        certificate = agencies.altered(certificate, issuing, agency=given["altered"])
    return Renewal(certificate=certificate, issuing=issuing.certificate)
