"""The device under test: who it is, what may be done to it, and that it is left as it was found."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from bwc_protocol.certificates.checks import Standing
from bwc_protocol.conversation import PeerInfo
from bwc_protocol.declare import Role
from bwc_protocol.messages.identity import DeviceIdentity
from bwc_protocol.word import label
from bwc_sdk.connection.validity import ended
from bwc_sdk.errors import (
    BwcError,
    CommandError,
    DeviceBusy,
    IdentityError,
    LinkError,
    PortBusy,
    PortForbidden,
    SessionError,
    TransportError,
    WrongDevice,
)
from bwc_sdk.sync import SyncCamera, SyncDockingStation, connect, connect_station
from bwc_sdk.transport.uri import DeviceUri
from hil_tests.device.flash_wear import WearBudget
from hil_tests.device.health import Health
from hil_tests.device.identities import ON_ANY_DEVICE, ON_ONE_TO_CHANGE, BenchIdentities
from hil_tests.device.keepsake import Keepsake
from hil_tests.device.left_over import end_what_was_left
from hil_tests.device.station_keepsake import StationKeepsake
from hil_tests.verdicts import Unhealthy

AnyDevice = SyncCamera | SyncDockingStation
D = TypeVar("D", SyncCamera, SyncDockingStation)


NO_BUDGET: Final = "leave out its 'flash_wear_budget_gib': what was written cannot be counted"
RESTART_S: Final = 40.0
"""Within this a device is back from a restart, unless its bench file gives it longer."""
BUSY_S: Final = 15.0
"""How long an earlier link of the bench itself may linger on the device: three times the link's dead time."""


class Bench:
    """One device and the connections to it, by the key files in the directory `identity`, or else by the lab.

    `allow_insecure` is for simulators and development firmware. No session is held with another device than the
    `expected` one, named by its serial number.
    """

    def __init__(
        self,
        uri: str,
        *,
        expected: str | None = None,
        expendable: str | None,
        identity: Path | None,
        allow_insecure: bool,
        captures: Path | None,
        wear: WearBudget | None = None,
        restart_s: float | None = None,
    ) -> None:
        self.restart_s = RESTART_S if restart_s is None else restart_s
        """Within this it is back from a restart."""
        self.uri = uri
        self._wear = wear
        self.allow_insecure = allow_insecure
        self.key_files = identity
        self._identities: BenchIdentities | None = None
        self._peer: PeerInfo | None = None
        self._locked = False
        self._used: dict[str, None] = {}
        self._expected = expected
        self._expendable = expendable
        self.captures = captures
        self._identity: DeviceIdentity | None = None
        self._health: Health | None = None
        self._keepsake: Keepsake | StationKeepsake | None = None
        self._station = False
        self._test = "probe"
        self._connections = 0
        self.in_its_own_way = False
        """Whether the test that runs was refused since it has a connection already."""
        self._open: list[AnyDevice] = []

    # What it is

    def probe(self) -> None:
        """Finds out what the device is, and keeps what a test may change.

        Raises what `connect` raises, `IdentityMissing` where the bench lacks a role that its tests connect as, and
        `CertificateExpired` for a device that only lets its footage be taken off.
        """
        self.identities.need(ON_ANY_DEVICE)
        with self.find_out() as device:
            peer = self._peer = device.peer
            if peer.certificate is not None and peer.standing is not Standing.GOOD:
                raise ended(peer.certificate, "the first test", time.time(), self.uri)
            self._identity = device.device.identify()
            self._locked = peer.secure and device.trust.read().locked
            self._health = Health.of(device)
            if self._wear is not None:
                self._wear.begin(self._identity.serial, written_bytes(device))
        if self.may_change:
            self.identities.need(ON_ONE_TO_CHANGE)
            with self.connect_either(Role.BENCH) as device:
                self._keepsake = _kept(device)

    def find_out(self) -> AnyDevice:
        """Connects as an auditor to whatever it is. Raises what `connect` says, if it is neither."""
        try:
            return self.connect(Role.AUDITOR)
        except WrongDevice as as_camera:
            if DeviceUri.parse(self.uri).bay:
                raise
            self._station = True
            try:
                return self.connect_station(Role.AUDITOR)
            except WrongDevice as as_station:
                self._station = False
                if "not a camera" in as_camera.rule:
                    raise as_station from None  # it is a station, and another one than is expected
            raise

    @property
    def is_station(self) -> bool:
        """Whether it is a docking station, and no camera."""
        return self._station

    @property
    def known(self) -> DeviceIdentity:
        """What it said of itself when the bench connected first."""
        assert self._identity is not None
        return self._identity

    @property
    def reached(self) -> bool:
        """Whether it has said who it is."""
        return self._identity is not None

    @property
    def identity(self) -> str:
        """The serial number."""
        assert self._identity is not None
        return self._identity.serial

    @property
    def simulator(self) -> bool:
        """Whether the device says that nothing on it is evidence."""
        return self._identity is not None and self._identity.simulator

    @property
    def secure(self) -> bool:
        """Whether the device protects its sessions."""
        return self._peer is not None and self._peer.secure

    @property
    def peer(self) -> PeerInfo:
        """What the device said of itself to the bench's first session."""
        assert self._peer is not None
        return self._peer

    @property
    def locked(self) -> bool:
        """Whether it is in service, and refuses the role bench."""
        return self._locked

    def who_it_is(self) -> dict[str, bytes]:
        """What tells this device, or its model, from others; as it would be found among bytes."""
        known = self._identity
        assert known is not None
        return {
            "serial number": known.serial.encode(),
            "model": known.model.encode(),
            "hash of its firmware": known.firmware_sha256,
        }

    @property
    def may_change(self) -> bool:
        """Whether tests may change it: a simulator, or the one device that was named as expendable; none in service,
        since it takes no bench."""
        return self._is_for_tests and not self._locked and not self._worn_out

    @property
    def _worn_out(self) -> bool:
        return self._wear is not None and self._wear.spent

    @property
    def may_destroy(self) -> bool:
        """Whether tests may take its footage or its service: it was named as expendable, simulator or not."""
        return self.may_change and self._named

    @property
    def _is_for_tests(self) -> bool:
        return self.simulator or self._named

    @property
    def _named(self) -> bool:
        return self._expendable is not None and self._expendable == self.identity

    @property
    def why_not_changed(self) -> str:
        """Why tests must not change it, and what to do about that; "" if they may."""
        if not self._is_for_tests:
            return f"{self.identity} is no simulator, and --bwc-expendable does not name it"
        if self._locked:
            return (
                f"{self.identity} is in service and refuses the role bench; try: 'bwc enroll --bench' makes it one for "
                "tests, after a physical reset, which destroys its footage"
            )
        if self._worn_out:
            return (
                f"the flash-wear budget of {self.identity} is spent: {self._wear}; try: let it rest, or raise its "
                "'flash_wear_budget_gib'"
            )
        return ""

    def role(self, *, reads_only: bool) -> Role:
        """The role of a test: that of an auditor for one that `reads_only`, on a simulator as on hardware.

        An auditor can change nothing, whatever a test does by mistake: the firmware sees to it.
        """
        return Role.BENCH if self.may_change and not reads_only else Role.AUDITOR

    def facts(self) -> list[tuple[str, object]]:
        """What belongs into a report beside each result."""
        assert self._identity is not None
        return [
            ("bwc_identity", self._identity.serial),
            ("bwc_model", self._identity.model),
            ("bwc_firmware", f"{self._identity.firmware} {self._identity.firmware_sha256.hex()[:16]}"),
            ("bwc_simulator", self.simulator),
            ("bwc_secure", self.secure),
            ("bwc_session", self.session),
        ]

    @property
    def session(self) -> str:
        """What protects the sessions, in words: nothing, a lab that everybody on a bench shares, or an agency."""
        return protection(self._peer)

    def used(self) -> tuple[str, object]:
        """The fact, for a report, by whom the test that began last has connected."""
        return "bwc_identity_used", ", ".join(self._used) or "none"

    def describe(self) -> str:
        """One line for the end of a report."""
        assert self._identity is not None
        kind = "simulator" if self.simulator else "hardware"
        changed = "" if self.may_change else ", read-only tests"
        known = f"{self._identity.model} {self._identity.serial}, firmware {self._identity.firmware}"
        return f"{self.uri}: {known}, {kind}, {self.session}{changed}"

    def remarks(self) -> tuple[str, ...]:
        """What whoever reads the report should know beside it, one line each."""
        spared = (self.why_not_changed,) if self._is_for_tests and not self.may_change else ()
        worn = (
            (f"flash wear of {self.identity}: {self._wear}",) if self._wear is not None and not spared else ()
        )
        return (*spared, *worn, *self.identities.warnings)

    # Connections

    @property
    def identities(self) -> BenchIdentities:
        """By whom the bench connects. Raises `IdentityError`."""
        if self._identities is None:
            self._identities = BenchIdentities(self.key_files, insecure=self.allow_insecure)
        return self._identities

    @property
    def lab(self) -> bool:
        """Whether it connects by the lab."""
        return self.key_files is None and not self.allow_insecure

    def begin(self, test: str) -> None:
        """Names the captures of the next connections after a test."""
        self._test = re.sub(r"[^A-Za-z0-9_.-]+", "_", test)[:100]
        self._connections = 0
        self._used = {}
        self.in_its_own_way = False

    def capture_file(self) -> Path | None:
        """Where the next connection is captured to, or None."""
        if self.captures is None:
            return None
        self._connections += 1
        return self.captures / f"{self._test}-{self._connections}.jsonl"

    def connect(self, role: Role) -> SyncCamera:
        """Connects under `role`. Waits for an earlier host to be gone, 15 s at most, unless the test itself is it."""
        return self._connect(connect, role)

    def connect_station(self, role: Role) -> SyncDockingStation:
        """The same, where the device is a docking station."""
        return self._connect(connect_station, role)

    def connect_either(self, role: Role) -> AnyDevice:
        """The same, whichever of the two it is."""
        return self.connect_station(role) if self._station else self.connect(role)

    def _connect(self, by: Callable[..., D], role: Role) -> D:
        self.note_identity(role)
        device = self.when_free(
            lambda: by(
                self.uri,
                role=role,
                identity=self.key_files,
                lab=self.lab,
                expect=self._expected,
                allow_insecure=self.allow_insecure,
                capture=self.capture_file(),
            )
        )
        self.identities.look_at_device(device.peer.certificate)
        return device

    def when_free(self, open: Callable[[], D]) -> D:
        """What `open` gives once the device has no other host, and takes handshakes again; waits 15 s at most.

        It is closed after the test.
        """
        until = time.monotonic() + BUSY_S
        while True:
            try:
                device = open()
                break
            except DeviceBusy as busy:
                self.in_its_own_way = self._held_here()
                if self.in_its_own_way or time.monotonic() > until:
                    raise
                time.sleep(min(1.0, max(0.05, busy.retry_after_s)))
        self._open.append(device)
        return device

    def note_identity(self, role: Role) -> None:
        """Puts it on record that a test connects as `role`, and by whom."""
        identity = self.identities.of(role)
        name = "nobody, INSECURE" if identity is None else identity.name
        self._used[f"{label(role)}: {name}"] = None

    def _held_here(self) -> bool:
        return any(device.error is None for device in self._open)

    def hang_up(self) -> None:
        """Closes what a test left open."""
        devices, self._open = self._open, []
        for device in devices:
            device.close()

    def why_no_test_can_succeed(self, error: BaseException | None, *, always: bool) -> str:
        """What to say, with the next step, when after `error` no test can succeed; "" when others may.

        `always`: none can after any error of the SDK.
        """
        if isinstance(error, DeviceBusy) and self._held_here():
            return ""  # by the test itself, which connects twice: the next one may well succeed
        if isinstance(error, WrongDevice) and self._expected is not None:
            return (
                f"another device than the bench file expects: {error}; try: plug in the one that it names, or correct "
                "its 'uri' or 'serial_number'"
            )
        if isinstance(error, TransportError | LinkError | SessionError):
            said = f"the device under test is out of reach: {error}"
        elif always and isinstance(error, IdentityError):
            said = f"the tests cannot connect: {error}"
        elif always and isinstance(error, BwcError):
            said = f"the device under test cannot be used: {error}"
        else:
            return ""
        return f"{said}; try: {error.advice}" if error.advice else said

    def new_supply_may_help(self, error: BaseException | None) -> bool:
        """Whether a device that is lost so may come back if its supply goes and comes: not one that others have."""
        by_others = isinstance(error, DeviceBusy | PortBusy | PortForbidden)
        return isinstance(error, TransportError | LinkError) and not by_others

    def accept_clock(self, revision: int) -> None:
        """The clock that this revision counts is the one that is kept: the bench itself moved it, and moves it back."""
        if isinstance(self._keepsake, Keepsake):
            clock = replace(self._keepsake.clock, revision=revision)
            self._keepsake = replace(self._keepsake, clock=clock)

    # After a test

    def leave_as_found(self, *, reads_only: bool = False, may_restart: bool = False) -> None:
        """Restores what a test changed. Raises `Unhealthy` unless the device came through it healthy.

        One that `reads_only` is not to have changed anything, by whatever connection. Unless it `may_restart`, a device
        that did without being told to is not healthy.
        """
        changed: tuple[str, ...] = ()
        with self.connect_either(self.role(reads_only=False)) as device:
            match self._keepsake, device:
                case (Keepsake() as kept, SyncCamera()):
                    changed, self._keepsake = kept.changed(device), kept.restore(device)
                case (StationKeepsake() as kept, SyncDockingStation()):
                    changed, self._keepsake = kept.changed(device), kept.restore(device)
                case _:
                    pass  # nothing of it may be changed
            before, self._health = self._health, Health.of(device)
            wrong = before.wrong_since(device, self._health, may_restart=may_restart) if before else ()
        assert not (changed and reads_only), (
            f"a test marked bwc_read_only changed the {', '.join(changed)}; it was put back"
        )
        if wrong:
            raise Unhealthy(f"the device is not healthy after the test: {'; '.join(wrong)}")

    def note_health(self) -> None:
        """Takes the device as it is now for healthy: what was done to it was none of a test's."""
        with self.connect_either(Role.AUDITOR) as device:
            self._health = Health.of(device)

    def close(self) -> None:
        """Ends the bench's use of the device."""
        self.hang_up()
        if self._wear is None or not self.reached:
            return
        try:
            with self.connect_either(Role.AUDITOR) as device:
                self._wear.end(written_bytes(device))
        except BwcError:
            pass  # then it is counted when the next run begins


def written_bytes(device: AnyDevice) -> int:
    """What the device says that was ever written to its storage. Raises `BwcError` where it says nothing of that."""
    if not isinstance(device, SyncCamera):
        raise BwcError("it is a docking station, and says nothing of its storage", advice=NO_BUDGET)
    try:
        return device.storage.health().written_bytes
    except CommandError as error:
        raise BwcError(f"it does not say how much was written to it: {error}", advice=NO_BUDGET) from error


def _kept(device: AnyDevice) -> Keepsake | StationKeepsake:
    """What a test may change on it, as it is now."""
    if not isinstance(device, SyncCamera):
        return StationKeepsake.take(device)
    end_what_was_left(device)
    return Keepsake.take(device)


def protection(peer: PeerInfo | None) -> str:
    """What protects the sessions with a device, in words."""
    if peer is None or not peer.secure or peer.certificate is None:
        return "INSECURE session"
    of = peer.certificate
    return f"LAB session (lab {of.lab})" if of.lab else f"secure session of {of.agency!r}"
