"""Every error between nothing and a first secure offload says what to do next: the table in docs/errors.md.

Each case is played by the parts themselves: files on a disk, a simulated camera, a handshake.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.cli.advice import advice_for
from bwc_sdk.errors import BwcError, DeviceBusy, SessionRefused
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.identity.identity_directory import IdentityDirectory
from bwc_sdk.identity.key_file import sealed
from bwc_sdk.identity.passphrase import PASSPHRASE_FILE_ENV
from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.make import BUILT_S
from firmware_sim.device.trust.admission import FAILURE_EVERY_S, FAILURES_MAX
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera
from firmware_sim.virtual_time import run_virtual
from tools.testkit.identity_files import (
    deny_list_of,
    host_identity,
    secure_camera,
    world_at,
    write_agency,
    write_identity,
)
from tools.testkit.secure_ends import BEGAN_S, NOW_S, agency

TECHNICIAN: Final = Role.TECHNICIAN
DAY_S: Final = 86_400
PAGE: Final = Path(__file__).parents[2] / "docs" / "errors.md"
Case = Callable[[Path, pytest.MonkeyPatch], BwcError]
CASES: Final[dict[str, Case]] = {}


def case(name: str) -> Callable[[Case], Case]:
    """Plays the case of the table that has this name."""

    def add(function: Case) -> Case:
        CASES[name] = function
        return function

    return add


def failed(work: Callable[[], Any]) -> BwcError:
    with pytest.raises(BwcError) as caught:
        work()
    return caught.value


def opened(directory: Path, role: Role = TECHNICIAN) -> BwcError:
    """The error of a host that looks for an identity."""
    return failed(lambda: IdentityDirectory(directory).for_role(role, NOW_S))


def met(
    camera: SimCamera,
    identity: HostIdentity | None,
    *,
    role: Role = TECHNICIAN,
    utc_s: float = NOW_S,
    use: Callable[[bwc_sdk.Camera], Any] | None = None,
) -> BwcError:
    """The error of a host that connects to a camera, and uses it."""

    async def run() -> None:
        given: dict[str, Any] = {"allow_insecure": True} if identity is None else {"identity": identity}
        async with bwc_sdk.connect(
            MemoryTransport(camera), role=role, world=world_at(utc_s), **given
        ) as connected:
            assert use is not None, "it connected"
            await use(connected)

    try:
        return failed(lambda: run_virtual(run()))
    finally:
        camera.close()


def tell(camera: SimCamera, *names: str, floor_s: int = 0) -> None:
    """A host of the agency that has a deny list meets the camera, and leaves the list there."""
    carrier = host_identity(agency(), Role.AUDITOR, name="carrier")
    carrier.deny_lists.take(deny_list_of(agency(), 1, *names, floor_s=floor_s), b"")

    async def run() -> None:
        async with bwc_sdk.connect(
            MemoryTransport(camera), role=Role.AUDITOR, identity=carrier, world=world_at()
        ) as connected:
            assert connected.notices == ()

    run_virtual(run())
    assert camera.trust is not None and camera.trust.deny_counter == 1


# Nothing was sent


@case("no directory")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    return opened(at / "none")


@case("no file for the role")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    write_identity(at, agency(), TECHNICIAN)
    return opened(at, Role.AUDITOR)


@case("another role in the file")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    write_identity(at, agency(), Role.AUDITOR, "technician")
    return opened(at)


@case("loose key file")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    write_identity(at, agency(), TECHNICIAN).chmod(0o644)
    return opened(at)


@case("loose directory")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    write_identity(at, agency(), TECHNICIAN)
    at.chmod(0o777)
    return opened(at)


def encrypted(at: Path) -> None:
    held = agency().host(TECHNICIAN)
    write_agency(at, agency())
    path = at / "technician.p12"
    path.touch(0o600)
    path.write_bytes(sealed(held.key, held.chain, b"correct horse battery"))


@case("no passphrase")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    encrypted(at)
    return opened(at)


@case("wrong passphrase")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    encrypted(at)
    (at / "passphrase").touch(0o600)
    (at / "passphrase").write_text("another one entirely\n")
    patch.setenv(PASSPHRASE_FILE_ENV, str(at / "passphrase"))
    return opened(at)


@case("no roots")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    write_identity(at, agency(), TECHNICIAN)
    (at / "agency.pem").unlink()
    return opened(at)


@case("roots of another agency")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    write_identity(at, agency(), TECHNICIAN)
    write_agency(at, agency("Elsewhere"))
    return opened(at)


@case("damaged deny list")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    write_identity(at, agency(), TECHNICIAN)
    (at / "deny-list.cose").touch(0o600)
    (at / "deny-list.cose").write_bytes(b"\x00" * 100)
    identity = IdentityDirectory(at).for_role(TECHNICIAN, NOW_S)
    return met(secure_camera(agency()), identity)


# The two do not belong together


@case("other agency")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    return met(secure_camera(agency()), host_identity(agency("Elsewhere"), TECHNICIAN))


@case("other lab")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    return met(secure_camera(agency("Lab", "ab12")), host_identity(agency("Lab", "cd34"), TECHNICIAN))


@case("lab at an agency's device")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    return met(secure_camera(agency()), host_identity(agency("Lab", "ab12"), TECHNICIAN))


@case("agency at a lab's device")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    return met(secure_camera(agency("Lab", "ab12")), host_identity(agency(), TECHNICIAN))


@case("device speaks insecure")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    camera = make_camera(seed=3, recordings=1, mib=1, footage=Footage.SYNTHETIC)
    return met(camera, host_identity(agency(), TECHNICIAN))


@case("host speaks insecure")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    return met(secure_camera(agency()), None)


@case("neither simulator nor lab")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    camera = make_camera(seed=3, recordings=1, mib=1, footage=Footage.SYNTHETIC)
    camera.profile.capabilities = type(camera.profile.capabilities)(0)
    return met(camera, None)


@case("not enrolled")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    return met(secure_camera(agency(), enrolled=False), host_identity(agency(), TECHNICIAN))


@case("too many attempts")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    camera, stranger = secure_camera(agency()), host_identity(agency("Elsewhere"), TECHNICIAN)

    async def knock() -> None:
        for _ in range(FAILURES_MAX):
            with pytest.raises(SessionRefused):
                await bwc_sdk.connect(MemoryTransport(camera), identity=stranger, world=world_at())

    run_virtual(knock())
    error = met(camera, host_identity(agency(), TECHNICIAN))
    assert isinstance(error, DeviceBusy) and 0 < error.retry_after_s <= FAILURE_EVERY_S
    return error


# One does not accept the other


@case("host revoked")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    camera, identity = secure_camera(agency()), host_identity(agency(), TECHNICIAN, name="dock-7")
    tell(camera, "dock-7")
    identity.deny_lists.take(deny_list_of(agency(), 1, "dock-7"), b"")
    return met(camera, identity)


@case("device revoked")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    camera, identity = secure_camera(agency()), host_identity(agency(), TECHNICIAN)
    identity.deny_lists.take(deny_list_of(agency(), 1, camera.serial), b"")
    return met(camera, identity)


@case("bench in service")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    return met(secure_camera(agency()), host_identity(agency(), Role.BENCH), role=Role.BENCH)


@case("host ended before the floor")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    identity = host_identity(agency(), TECHNICIAN, ends_s=BUILT_S - DAY_S)
    return met(secure_camera(agency()), identity)


@case("refused without a word")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    camera = secure_camera(agency())
    tell(camera, "dock-7")
    return met(camera, host_identity(agency(), TECHNICIAN, name="dock-7"))


@case("other kind in the certificate")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    shown = agency().device(PeerKind.STATION, serial="SIM-00000003")
    return met(secure_camera(agency(), shown), host_identity(agency(), TECHNICIAN))


async def reboot(camera: bwc_sdk.Camera) -> None:
    await camera.device.identify()
    assert len(await camera.recordings.list()) == 1, "its footage comes off all the same"
    await camera.config.apply({"recording.pre_event_s": 45})


@case("device expired")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    shown = agency().device(serial="SIM-00000003", ends_s=int(NOW_S) - DAY_S)
    return met(secure_camera(agency(), shown), host_identity(agency(), TECHNICIAN), use=reboot)


@case("device not yet valid")
def _(at: Path, patch: pytest.MonkeyPatch) -> BwcError:
    identity = host_identity(agency(), TECHNICIAN)
    return met(secure_camera(agency()), identity, utc_s=BEGAN_S - DAY_S, use=reboot)


# The table


def rows() -> dict[str, tuple[str, str, str]]:
    """Of each case in the page: error, what it says, what to do."""
    section = PAGE.read_text(encoding="utf-8").partition("## Who gets in")[2].partition("\n## ")[0]
    found = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[0] not in ("case", "---"):
            found[cells[0]] = (cells[1], cells[2], cells[4])
    return found


ROWS: Final = rows()


def test_the_page_has_a_test_for_each_case_and_the_tests_have_a_line_each_in_the_page() -> None:
    assert list(CASES) and set(CASES) == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_the_error_says_what_the_page_says_and_what_to_do_next(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PASSPHRASE_FILE_ENV, raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    kind, says, do = ROWS[name]
    error = CASES[name](tmp_path, monkeypatch)
    assert f"`{type(error).__name__}`" == kind, error
    (quoted,) = re.findall(r'"([^"]+)"', says)
    assert quoted in error.rule, error.rule
    advice = advice_for(error)
    commands = re.findall(r"`([^`]+)`", do)
    assert commands
    for command in commands:
        assert command in advice, (command, advice)


def test_nothing_of_a_refused_device_was_used() -> None:
    """A host that refuses a device leaves no session behind: the next one begins anew, and is refused again."""
    camera, identity = secure_camera(agency()), host_identity(agency(), TECHNICIAN)
    identity.deny_lists.take(deny_list_of(agency(), 1, camera.serial), b"")

    async def run() -> None:
        for _ in range(2):
            with pytest.raises(BwcError):
                await bwc_sdk.connect(MemoryTransport(camera), world=world_at(), identity=identity)
        assert not camera.sessions
        await asyncio.sleep(0)

    run_virtual(run())
    camera.close()
