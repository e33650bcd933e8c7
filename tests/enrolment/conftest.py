"""An agency with a CA of its own and its people, and devices fresh from the simulator's factory."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.evidence import TriggerReason
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.word import label
from bwc_sdk.enrolment import ButtonWanted, CaAuthority, EnrolmentEvent, Vendor, enroll
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.identity import key_file
from bwc_sdk.identity.ca.authority import Ca
from bwc_sdk.identity.ca.founding import Founded, found
from bwc_sdk.identity.ca.handing_out import hand_out
from bwc_sdk.identity.identity_directory import IdentityDirectory
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera
from firmware_sim.station.station import SimStation

PASSPHRASE = b"correct horse battery"
NOW_S = 1_796_000_000
"""2026-11-30."""
DAY_S = 86_400
YEAR_S = 365 * DAY_S


@dataclass
class Agency:
    """A CA, the clock of its host, and the identities that it gave its people."""

    name: str
    directory: Path
    made: Founded
    now_s: int = NOW_S
    identities: dict[str, IdentityDirectory] = field(default_factory=dict)

    @property
    def ca(self) -> Ca:
        """The CA as a new process sees it."""
        return Ca(self.directory, lambda path: PASSPHRASE, lambda last: self.now_s, os.urandom)

    @property
    def authority(self) -> CaAuthority:
        """What certifies devices."""
        return CaAuthority(self.ca)

    @property
    def world(self) -> World:
        """A host whose clock says what the CA's does."""
        return World(utc_ns=self.utc_ns, workers=InlineWorkers())

    def utc_ns(self) -> int:
        """The time."""
        return self.now_s * 1_000_000_000

    def people(self, who: str = "host", *roles: Role, days: int = 3_000) -> IdentityDirectory:
        """The identity directory of a host, with one key file a role."""
        if who not in self.identities:
            into = self.directory.parent / f"{self.directory.name}-{who}"
            for role in roles or (Role.TECHNICIAN, Role.DOCK_OFFLOAD):
                hand_out(self.ca, into, f"{who} {label(role)}"[:64], role, b"", days=days)
            self.identities[who] = IdentityDirectory(into, lambda prompt: "")
        return self.identities[who]


Begin = Callable[..., Agency]


@pytest.fixture(autouse=True)
def fast_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Key files that are as easy to guess at as to open."""
    monkeypatch.setattr(key_file, "ROUNDS", 1000)
    monkeypatch.setattr(key_file, "SEAL_ROUNDS", 1000)


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    """Begins an agency: `begin("Rangers")`."""

    def make(name: str = "Sheriff of X", now_s: int = NOW_S) -> Agency:
        directory = tmp_path / name
        made = found(
            directory, name, passphrase=lambda path: PASSPHRASE, clock=lambda last: now_s, entropy=os.urandom
        )
        return Agency(name, directory, made, now_s)

    return make


@pytest.fixture
def agency(begin: Begin) -> Agency:
    """An agency that has just begun."""
    return begin()


@pytest.fixture(scope="session")
def factory() -> LabAgency:
    """Whose factory made the cameras: the simulator's."""
    return LabAgency.make(os.urandom)


@pytest.fixture
def vendor(factory: LabAgency) -> Vendor:
    """The factory's root, as a buyer of cameras holds it."""
    return Vendor((factory.factory_root.certificate,))


def new_camera(factory: LabAgency, seed: int = 7, recordings: int = 0) -> SimCamera:
    """A camera as it comes out of its box."""
    return make_camera(
        seed=seed,
        recordings=recordings,
        mib=1 if recordings else None,
        footage=Footage.SYNTHETIC,
        utc_ns=NOW_S * 1_000_000_000,
        agency=factory,
        enrolled=False,
    )


def reach(device: SimCamera | SimStation) -> Callable[[], MemoryTransport]:
    """The cable to a device of this process."""
    return lambda: MemoryTransport(device)


async def enrolled(
    device: SimCamera | SimStation,
    agency: Agency,
    vendor: Vendor,
    press: Callable[[str], str] | None = None,
    **options: object,
) -> list[EnrolmentEvent]:
    """Enrols, and presses each button when it is asked for; `press` presses another, or none."""
    events: list[EnrolmentEvent] = []
    told: AsyncIterator[EnrolmentEvent] = enroll(
        reach(device),
        agency.authority,
        vendor=vendor,
        identity=agency.people(),
        world=agency.world,
        **options,
    )
    async for event in told:
        events.append(event)
        if isinstance(event, ButtonWanted):
            await asyncio.sleep(3)
            assert (press or (lambda slot: button_of(device, slot)))(event.slot) == ""
    return events


def button_of(device: SimCamera | SimStation, slot: str) -> str:
    """Presses the button of the device itself, or of the camera in one of its bays."""
    if isinstance(device, SimStation) and slot.startswith("bay "):
        camera = device.bays[int(slot.removeprefix("bay "))].camera
        assert camera is not None
        return camera.press_enroll()
    return device.press_enroll()


def record(camera: SimCamera) -> None:
    """Somebody has recorded on a camera."""
    with camera.storage.hurrying():
        assert (
            camera.recorder.backfill((NOW_S - 3_600) * 1_000_000_000, 8_000, TriggerReason.OFFICER_BUTTON)
            is not None
        )
