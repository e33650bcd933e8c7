"""A camera as a labgrid driver."""

from __future__ import annotations

from pathlib import Path

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory
from labgrid.step import step

from bwc_protocol.declare import Role
from bwc_protocol.messages.battery import BatteryStatus
from bwc_protocol.messages.clock import ClockReason
from bwc_protocol.messages.identity import DeviceIdentity, DeviceStatus, SelfTestReport
from bwc_protocol.messages.recordings import RecordingEntry
from bwc_protocol.messages.storage import StorageStatus
from bwc_sdk.clients.clock_sync import ClockSync
from bwc_sdk.labgrid.device_driver import DeviceDriver, when_free
from bwc_sdk.labgrid.way import uri_of
from bwc_sdk.offload import OffloadResult
from bwc_sdk.sync import SyncCamera, connect, offload


@target_factory.reg_driver
@attr.s(eq=False)
class BWCDriver(DeviceDriver[SyncCamera]):
    """A camera, also one in the bay of a docking station: what a lab does every day, each a step of labgrid's log.

    For all else `camera` is the SDK's own (`bwc_sdk.sync.SyncCamera`).
    """

    @property
    def uri(self) -> str:
        return uri_of(self.device)

    def connect(self, role: Role | None = None) -> SyncCamera:
        self.hang_up()
        return when_free(lambda: connect(self.uri, role=role or self._role, **self.speaker))

    @property
    @Driver.check_active
    def camera(self) -> SyncCamera:
        """The camera, connected as the driver's role; anew, if another connection took its place."""
        return self._connected()

    @Driver.check_active
    @step(result=True)
    def identify(self) -> DeviceIdentity:
        """Who it is: serial number, model, firmware."""
        return self.camera.device.identify()

    @Driver.check_active
    @step(result=True)
    def status(self) -> DeviceStatus:
        """What it does, and which faults it reports."""
        return self.camera.device.status()

    @Driver.check_active
    @step(result=True)
    def battery(self) -> BatteryStatus:
        """Charge, voltage, temperature."""
        return self.camera.battery.status()

    @Driver.check_active
    @step(result=True)
    def storage(self) -> StorageStatus:
        """Room, and what is taken of it."""
        return self.camera.storage.status()

    @Driver.check_active
    @step()
    def recordings(self) -> tuple[RecordingEntry, ...]:
        """What it has recorded."""
        return self.camera.recordings.list()

    @Driver.check_active
    @step()
    def self_test(self) -> SelfTestReport:
        """Has it test itself."""
        return self.camera.device.self_test()

    @Driver.check_active
    @step()
    def sync_clock(self) -> ClockSync:
        """Sets its clock by this host's, of which the role `bench` need not prove that it is kept."""
        bench = self._role is Role.BENCH
        return self.camera.clock.sync(reason=ClockReason.BENCH if bench else ClockReason.ROUTINE)

    @Driver.check_active
    @step(args=["destination"])
    def offload(self, destination: str | Path) -> OffloadResult:
        """Copies all recordings into a directory, verified; nothing is erased. By the role `dock-offload`, over a
        connection of its own."""
        self.hang_up()
        return offload(self.uri, Path(destination), **self.speaker).run()
