"""What anybody learns of a camera on its pipe, before it has authenticated itself: nothing, on every link."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable, Iterator

import pytest

from bwc_protocol.certificates.checks import Check
from bwc_protocol.declare import Role
from bwc_protocol.session.insecure import insecure_session
from bwc_sdk.errors import NotADevice, ProtectionMismatch, SessionError
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CAMERA_MAKE
from tools.testkit.beneath import TO_DEVICE, TO_HOST, Beneath
from tools.testkit.every_link import LINKS, Way, along
from tools.testkit.identity_files import deny_list_of, host_identity, secure_camera
from tools.testkit.raw_host import RawHost, Silent, raw_hosts
from tools.testkit.secure_ends import Agency, accepting_context, agency, only_groups, only_suite, raw_context

HOME = agency("Harbour Police")
HOST = "dock-of-pier-4"
SHOWN = HOME.device(serial="SIM-00000003")
WINDOW = 16
"""So many bytes in a row of a certificate are no chance."""


@pytest.fixture
def camera() -> Iterator[SimCamera]:
    made = secure_camera(HOME, SHOWN)
    made.assignment = type(made.assignment)(
        assigned=True, officer="Officer Okonkwo", unit="Pier 4", since_utc_ns=1, revision=2
    )
    yield made
    made.close()


def words(camera: SimCamera) -> list[bytes]:
    """What tells which camera it is, and whose."""
    said = (camera.serial, CAMERA_MAKE.model, CAMERA_MAKE.firmware, HOME.name, HOST, "Okonkwo", "Pier 4")
    return [form for word in said for form in (word.encode(), word.encode("utf-16-le"))]


def learnt(heard: bytes, camera: SimCamera, *certificates: bytes) -> list[bytes]:
    """What of it stands in the bytes."""
    found = [word for word in words(camera) if word in heard]
    windows = {heard[at : at + WINDOW] for at in range(len(heard) - WINDOW + 1)}
    for der in certificates:
        found += [
            der[at : at + WINDOW] for at in range(len(der) - WINDOW + 1) if der[at : at + WINDOW] in windows
        ][:1]
    return found


def heard_of(at: Beneath) -> bytes:
    return at.everything(TO_DEVICE) + at.everything(TO_HOST)


def test_what_is_looked_for_is_found(camera: SimCamera) -> None:
    """Or the tests below prove nothing."""
    chain = SHOWN.chain
    assert learnt(b"..." + camera.serial.encode(), camera) == [camera.serial.encode()]
    assert learnt(chain[0][40:90], camera, *chain)
    assert not learnt(os.urandom(4_096), camera, *chain)


@pytest.mark.parametrize("link", LINKS)
def test_who_hears_all_bytes_of_a_session_learns_nobodys_name(link: str, camera: SimCamera) -> None:
    identity = host_identity(HOME, Role.TECHNICIAN, name=HOST)

    async def use(way: Way) -> Beneath:
        at = await way.beneath()
        host = await way.connect(at, identity, Role.TECHNICIAN)
        assert host.peer.secure and host.identity == camera.serial
        assert (await host.device.identify()).serial == camera.serial
        assert (await host.assignment.read()).officer == "Officer Okonkwo"
        await host.close()
        return at

    at = along(link, camera, HOME, use)
    heard = heard_of(at)
    assert len(heard) > 4_000 and at.raw[TO_DEVICE] and at.raw[TO_HOST]
    assert not learnt(heard, camera, *SHOWN.chain, *identity.credentials.chain)


# Docks that are none


def _self_signed() -> ssl.SSLContext:
    alone = Agency.new(HOME.name)  # its name is no secret
    return raw_context(alone.host(name=HOST), client=False)


def _other(**given: str) -> ssl.SSLContext:
    return raw_context(agency(**given).host(name="mallory"), client=False, verify=ssl.CERT_OPTIONAL)


def _not_asking() -> ssl.SSLContext:
    return raw_context(agency("Mallory & Sons").host(name="mallory"), client=False)


def _denied() -> ssl.SSLContext:
    shown = HOME.host(Role.DOCK_OFFLOAD, name="stolen-dock")
    return accepting_context(HOME, shown, client=False)


def _old() -> ssl.SSLContext:
    context = accepting_context(HOME, HOME.host(name=HOST), client=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def _x25519() -> ssl.SSLContext:
    context = accepting_context(HOME, HOME.host(name=HOST), client=False)
    only_groups(context, "X25519")
    return context


def _chacha() -> ssl.SSLContext:
    context = accepting_context(HOME, HOME.host(name=HOST), client=False)
    only_suite(context, "TLS_CHACHA20_POLY1305_SHA256")
    return context


FAKES: dict[str, tuple[Callable[[], ssl.SSLContext], str]] = {
    "of another CA": (lambda: _other(name="Mallory & Sons"), Check.CHAIN),
    "of a lab": (lambda: _other(name="lab", lab="0123456789abcdef"), Check.CHAIN),
    "of a root of its own with our name": (_self_signed, Check.CHAIN),
    "that asks for no certificate": (_not_asking, Check.CHAIN),
    "that is denied": (_denied, Check.DENIED),
    "with TLS 1.2 alone": (_old, Check.PROTOCOL),
    "with X25519 alone": (_x25519, Check.PROTOCOL),
    "with ChaCha20 alone": (_chacha, Check.CIPHER),
}


async def denied(way: Way, name: str) -> None:
    """The camera has a list that denies a host."""
    identity = host_identity(HOME, Role.TECHNICIAN, name=HOST)
    identity.deny_lists.take(deny_list_of(HOME, 1, name), b"")
    host = await way.connect(await way.pipe(), identity, Role.TECHNICIAN)
    await host.close()
    assert way.camera.trust is not None and way.camera.trust.deny_counter == 1


@pytest.mark.parametrize("who", FAKES)
@pytest.mark.parametrize("link", LINKS)
def test_a_dock_that_is_none_learns_no_byte_of_a_certificate(link: str, who: str, camera: SimCamera) -> None:
    context, check = FAKES[who]
    raws: list[RawHost] = []

    async def use(way: Way) -> Beneath:
        if check == Check.DENIED:
            await denied(way, "stolen-dock")
        at = await way.beneath()
        sessions = raw_hosts(context(), raws)
        with pytest.raises((SessionError, NotADevice)):  # whoever says nothing of TLS is told RESET(PROTOCOL)
            await way.connect(at, host_identity(HOME, Role.TECHNICIAN), Role.TECHNICIAN, instead=sessions)
        host = await way.connect_next(host_identity(HOME, Role.TECHNICIAN, name=HOST), Role.TECHNICIAN)
        entries = [entry async for entry in host.audit.entries()]
        assert any(entry.detail.startswith(f"{check}:") for entry in entries), [e.detail for e in entries]
        await host.close()
        return at

    at = along(link, camera, HOME, use)
    (raw,) = raws
    assert raw.end.certificate is None and not raw.end.read
    assert raw.end.heard, "the device did say hello"
    assert not learnt(heard_of(at) + raw.end.heard, camera, *SHOWN.chain)


@pytest.mark.parametrize("link", LINKS)
def test_who_never_authenticates_learns_no_byte_of_a_certificate(link: str, camera: SimCamera) -> None:
    """The device is the client: all that it says to whoever asks is a ClientHello."""

    async def use(way: Way) -> Beneath:
        at, host = await way.beneath(), Silent()
        identity = host_identity(HOME, Role.TECHNICIAN, name=HOST)
        connecting = asyncio.ensure_future(
            way.connect(at, identity, Role.TECHNICIAN, instead=lambda side: host)
        )
        await host.heard.wait()
        connecting.cancel()
        await asyncio.wait((connecting,))
        assert host.end.heard[0] == 22 and host.end.heard[5] == 1, "a handshake record with a ClientHello"
        assert len(host.end.heard) < 400
        await (await way.connect_next(identity, Role.TECHNICIAN)).close()
        return at

    at = along(link, camera, HOME, use)
    said = at.everything(TO_HOST)
    assert not learnt(said, camera, *SHOWN.chain)


@pytest.mark.parametrize("link", LINKS)
def test_who_speaks_without_protection_learns_nothing(link: str, camera: SimCamera) -> None:
    async def use(way: Way) -> Beneath:
        at = await way.beneath()
        with pytest.raises(ProtectionMismatch):
            await way.connect(
                at, host_identity(HOME, Role.BENCH), Role.BENCH, instead=lambda side: insecure_session(side)
            )
        return at

    assert not learnt(heard_of(along(link, camera, HOME, use)), camera, *SHOWN.chain)
