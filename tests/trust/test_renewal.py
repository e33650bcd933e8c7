"""A new certificate of the same agency: without a button, with footage kept, for the key that the device made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bwc_protocol.certificates.facts import read_certificate
from bwc_protocol.certificates.issue import new_key
from bwc_protocol.declare import Role
from bwc_protocol.documents.deny_list import Denied, DeniedBy
from bwc_protocol.documents.renewal_proof import verify_renewal_proof
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.recordings import ListRecordings
from bwc_protocol.messages.trust import InstallDenyList, ReadTrust, Renew, RequestCertificate
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from tools.testkit import agencies
from tools.testkit.enrolling import entries, renewal

NOON_S = 1_800_014_400
"""When these scenarios play: in 2027."""
New = Callable[..., Any]
Play = Callable[[Any], Any]
At = Callable[..., Any]


@pytest.mark.rule("TRU-005")
@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.DOCK_OFFLOAD])
def test_a_renewal_needs_no_button_and_keeps_footage(
    new_device: New, host_at: At, play: Play, role: Role
) -> None:
    camera = new_device(recordings=2)

    async def scenario() -> None:
        host = await host_at(camera, role=role)
        before = host.peer.certificate
        request = (await host.ask(RequestCertificate())).request
        assert (await host.ask(ReadTrust())).requested
        found = renewal(request, agencies.real())
        assert await host.upload(Renew, found.encode()) is None
        assert (await host.ask(ListRecordings())).total == 2  # this session goes on
        after = (await host_at(camera, role=role)).peer.certificate
        assert after.der == found.certificate and after.key_sha256 != before.key_sha256

    play(scenario())
    assert len(entries(camera, AuditKind.RENEWED)) == 1


@pytest.mark.rule("TRU-015")
def test_a_device_proves_by_its_present_key_that_a_request_is_its_own(
    new_device: New, host_at: At, play: Play
) -> None:
    camera = new_device()
    anchors = agencies.real().anchors

    async def scenario() -> None:
        host = await host_at(camera, role=Role.DOCK_OFFLOAD)
        own = host.peer.certificate
        for _ in range(2):
            made = await host.ask(RequestCertificate())
            proven = verify_renewal_proof(made.proof, anchors, lab="", device=own.name, request=made.request)
            assert proven.der == own.der
            assert await host.upload(Renew, renewal(made.request, agencies.real()).encode()) is None
            host = await host_at(camera, role=Role.DOCK_OFFLOAD)
            own = host.peer.certificate
            assert own.der != proven.der  # the next one is proven by the new key

    play(scenario())


def test_a_request_goes_out_at_one_docking_and_its_certificate_in_at_the_next(
    new_device: New, host_at: At, play: Play
) -> None:
    camera = new_device()

    async def scenario() -> None:
        first = await host_at(camera, role=Role.DOCK_OFFLOAD)
        request = (await first.ask(RequestCertificate())).request
        await first.leave()
        camera.crash()
        camera.time.skip(86_400)
        camera.settle()
        other = await host_at(camera, role=Role.TECHNICIAN, name="A. Other")
        await other.ask(RequestCertificate())  # makes no other key
        again = await host_at(camera, role=Role.DOCK_OFFLOAD)
        assert await again.upload(Renew, renewal(request, agencies.real()).encode()) is None

    play(scenario())


@pytest.mark.rule("TRU-005")
def test_sent_again_it_is_done_and_sent_later_it_is_refused(new_device: New, host_at: At, play: Play) -> None:
    camera = new_device()

    async def scenario() -> None:
        host = await host_at(camera)
        one = renewal((await host.ask(RequestCertificate())).request, agencies.real()).encode()
        assert await host.upload(Renew, one) is None
        assert await host.upload(Renew, one) is None  # its answer was lost
        two = renewal((await host.ask(RequestCertificate())).request, agencies.real()).encode()
        assert await host.upload(Renew, two) is None
        assert await host.upload(Renew, one) is ErrorCode.WRONG_STATE  # an old certificate does not come back
        await host.ask(RequestCertificate())
        assert await host.upload(Renew, one) is ErrorCode.UNTRUSTED

    play(scenario())
    assert len(entries(camera, AuditKind.RENEWED)) == 2


WRONG: dict[str, Callable[[Any], dict[str, Any]]] = {
    "another key": lambda real: {"key": new_key().public_key()},
    "another camera": lambda real: {"name": "SIM-00000077"},
    "another agency": lambda real: {"issuing": agencies.real("Valley Sheriff").issuing},
    "ended before the floor": lambda real: {"issuance": agencies.issuance(1_600_000_000, 1_700_000_000)},
    "of a lab": lambda real: {"issuance": agencies.issuance(lab="abcd")},
    "of another agency below this root": lambda real: {"altered": "Valley Sheriff"},
    "of a station": lambda real: {"kind": PeerKind.STATION},
}


@pytest.mark.rule("TRU-005")
@pytest.mark.parametrize("what", WRONG)
def test_a_renewal_that_does_not_hold_changes_nothing(
    new_device: New, host_at: At, play: Play, what: str
) -> None:
    camera = new_device(recordings=1)

    async def scenario() -> None:
        host = await host_at(camera)
        before = camera.trust.kept.chain
        request = (await host.ask(RequestCertificate())).request
        wrong = renewal(request, agencies.real(), **WRONG[what](agencies.real()))
        assert await host.upload(Renew, wrong.encode()) is ErrorCode.UNTRUSTED
        assert camera.trust.kept.chain == before
        assert await host.upload(Renew, renewal(request, agencies.real()).encode()) is None

    play(scenario())


@pytest.mark.rule("TRU-005")
@pytest.mark.parametrize("of", ["the CA", "the name"])
def test_nothing_that_is_denied_is_installed(new_device: New, host_at: At, play: Play, of: str) -> None:
    camera = new_device()
    real = agencies.real()
    second = agencies.issuing_ca(real.root, "Harbour Police lost")

    async def scenario() -> None:
        host = await host_at(camera)
        denied = {
            "the CA": Denied(by=DeniedBy.ISSUER, key=read_certificate(second.certificate).key_id),
            "the name": Denied(by=DeniedBy.NAME, name=camera.serial),
        }[of]
        assert await host.upload(InstallDenyList, agencies.deny_list(real, 1, denied)) is None
        request = (await host.ask(RequestCertificate())).request
        found = renewal(request, real, **({"issuing": second} if of == "the CA" else {}))
        assert await host.upload(Renew, found.encode()) is ErrorCode.UNTRUSTED

    play(scenario())


def test_what_is_no_renewal_changes_nothing(new_device: New, host_at: At, play: Play) -> None:
    camera = new_device()

    async def scenario() -> None:
        host = await host_at(camera)
        assert await host.upload(Renew, renewal(camera.trust.request(), agencies.real()).encode()[:-1]) is (
            ErrorCode.MALFORMED
        )
        assert await host.upload(Renew, b"\xa0") is ErrorCode.MALFORMED

    play(scenario())


def test_a_device_whose_certificate_expired_is_renewed(new_device: New, host_at: At, play: Play) -> None:
    """A device never asks its own clock: hosts come to it as before, and it takes the new one."""
    camera = new_device(agencies.Lapsing(agencies.real(), 1_780_000_000), recordings=1)

    async def scenario() -> None:
        host = await host_at(camera)
        assert (await host.ask(ReadTrust())).not_after_s == 1_780_000_000 < NOON_S
        request = (await host.ask(RequestCertificate())).request
        assert await host.upload(Renew, renewal(request, agencies.real()).encode()) is None
        assert (await host.ask(ReadTrust())).not_after_s == agencies.ENDS_S > NOON_S

    play(scenario())


def test_stations_are_renewed_alike(new_device: New, host_at: At, play: Play) -> None:
    station = new_device(bays=1, docked=0)

    async def scenario() -> None:
        await station.start()
        host = await host_at(station)
        request = (await host.ask(RequestCertificate())).request
        found = renewal(request, agencies.real(), PeerKind.STATION)
        assert await host.upload(Renew, found.encode()) is None

    play(scenario())
