"""Times are judged by the two ends themselves, and keep no footage on a camera; on every link."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bwc_protocol.certificates.checks import Standing
from bwc_protocol.declare import Role
from bwc_sdk.errors import CertificateExpired
from firmware_sim.camera.camera import SimCamera
from tools.testkit.every_link import LINKS, Way, along
from tools.testkit.identity_files import host_identity, secure_camera
from tools.testkit.secure_ends import BEGAN_S, NOW_S, agency

HOME = agency("Harbour Police")
ENDED_S = BEGAN_S + 86_400
"""In 2023: also by the clock of whoever runs this, which OpenSSL would go by."""
TO_COME_S = 2_500_000_000
"""… and in 2049."""
ENDED = HOME.device(serial="SIM-00000003", ends_s=ENDED_S)
SHOWN = HOME.device(serial="SIM-00000003")


@pytest.fixture
def expired() -> Iterator[SimCamera]:
    made = secure_camera(HOME, ENDED)
    yield made
    made.close()


@pytest.fixture
def camera() -> Iterator[SimCamera]:
    made = secure_camera(HOME, SHOWN)
    yield made
    made.close()


@pytest.mark.parametrize("link", LINKS)
def test_a_camera_whose_certificate_has_ended_gives_its_footage_and_takes_no_change(
    link: str, expired: SimCamera
) -> None:
    async def use(way: Way) -> None:
        host = await way.connect(await way.pipe(), host_identity(HOME, Role.TECHNICIAN), Role.TECHNICIAN)
        assert host.peer.standing is Standing.EXPIRED
        (entry,) = await host.recordings.list()
        assert (await host.recordings.read_manifest(entry)).segments
        with pytest.raises(CertificateExpired):
            await host.device.reboot(boot_counter=expired.boot_counter)
        await host.close()

    along(link, expired, HOME, use)


@pytest.mark.parametrize("link", LINKS)
def test_a_camera_refuses_nobody_by_its_own_clock(link: str, camera: SimCamera) -> None:
    by = (
        host_identity(HOME, Role.DOCK_OFFLOAD),
        host_identity(HOME, Role.DOCK_OFFLOAD, began_s=TO_COME_S, ends_s=TO_COME_S + 86_400),
    )

    async def use(way: Way) -> None:
        for set_to_s in (None, BEGAN_S - 86_400 * 365, int(NOW_S) + 86_400 * 3_650):
            camera.clock.reset()
            if set_to_s is not None:
                camera.clock.set_utc_ns(set_to_s * 10**9, 0)
            for identity in by:
                host = await way.connect(await way.pipe(), identity, Role.DOCK_OFFLOAD)
                assert host.peer.secure and len(await host.recordings.list()) == 1
                await host.close()

    along(link, camera, HOME, use)
