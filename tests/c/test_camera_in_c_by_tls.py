"""The camera in C with the secure session, by wolfSSL: of its own agency it takes hosts, of another none."""

import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk import Role
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect as connect_async
from bwc_sdk.errors import CommandError, ProtectionMismatch, SessionRefused
from bwc_sdk.offload import offload
from bwc_sdk.sync import SyncOffloadJob, connect
from tools.testkit.identity_files import host_identity
from tools.testkit.secure_ends import Agency, agency

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not Path("/usr/include/wolfssl/ssl.h").exists(), reason="there is no wolfSSL here"),
]
SERIAL = "SMALLEST-1"


@pytest.fixture(scope="module")
def camera_by_tls(build: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of one that belongs to the agency."""
    folder, shown = tmp_path_factory.mktemp("identity"), agency().device(serial=SERIAL)
    key = shown.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    contents = {
        "root": ssl.DER_cert_to_PEM_cert(agency().anchors[0]),
        "chain": "".join(ssl.DER_cert_to_PEM_cert(der) for der in shown.chain),
        "key": key,
    }
    for name, content in contents.items():
        (folder / name).write_text(content)
    command = [build("bwc_camera_tls"), "--tcp", "0", "--tls", *(folder / name for name in contents)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        assert process.poll() is None
        process.kill()


def test_a_host_of_its_agency_is_served(camera_by_tls: str, tmp_path: Path) -> None:
    with connect(camera_by_tls, role=Role.BENCH, identity=host_identity(agency(), Role.BENCH)) as camera:
        assert camera.peer.secure and camera.identity == camera.device.identify().serial == SERIAL
        assert camera.config.values()["recording.pre_event_s"] == 30
        assert [entry.actor for entry in camera.audit.entries()][-1] == camera.host_name

    async def dock() -> Camera:
        return await connect_async(
            camera_by_tls, role=Role.DOCK_OFFLOAD, identity=host_identity(agency(), Role.DOCK_OFFLOAD)
        )

    result = SyncOffloadJob(offload(dock, tmp_path)).run()
    assert result.complete and len(result.outcomes) == 2


def test_the_role_is_the_one_in_the_certificate(camera_by_tls: str) -> None:
    auditor = host_identity(agency(), Role.AUDITOR)
    with (
        connect(camera_by_tls, role=Role.AUDITOR, identity=auditor) as camera,
        pytest.raises(CommandError) as caught,
    ):
        camera.config.abort()
    assert caught.value.code is ErrorCode.NOT_PERMITTED


def test_a_host_of_another_agency_is_refused_and_nobody_is_served_without_protection(
    camera_by_tls: str,
) -> None:
    other = Agency.new("Other Police")
    with pytest.raises(SessionRefused):
        connect(camera_by_tls, role=Role.BENCH, identity=host_identity(other, Role.BENCH))
    with pytest.raises(ProtectionMismatch):
        connect(camera_by_tls, role=Role.BENCH, allow_insecure=True)
