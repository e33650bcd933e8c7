"""A docking station as a labgrid driver."""

from __future__ import annotations

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory
from labgrid.step import step

from bwc_protocol.declare import Role
from bwc_protocol.messages.identity import DeviceIdentity
from bwc_protocol.messages.station import BayStatus
from bwc_sdk.labgrid.device_driver import DeviceDriver, pipe_of, when_free
from bwc_sdk.sync import SyncDockingStation, connect_station


@target_factory.reg_driver
@attr.s(eq=False)
class BWCStationDriver(DeviceDriver[SyncDockingStation]):
    """The docking station at a resource, also where that names a bay: all its bays are one link, and one place.

    A `BWCDriver` of the same target, for the camera in a bay, is deactivated while this one is active, and the other
    way round.
    """

    @property
    def uri(self) -> str:
        return pipe_of(self)

    def connect(self, role: Role | None = None) -> SyncDockingStation:
        self.hang_up()
        return when_free(lambda: connect_station(self.uri, role=role or self._role, **self.speaker))

    @property
    @Driver.check_active
    def station(self) -> SyncDockingStation:
        """The station, connected as the driver's role; `station.camera(3)` is the camera in bay 3, over this link."""
        return self._connected()

    @Driver.check_active
    @step(result=True)
    def identify(self) -> DeviceIdentity:
        """Who it is: serial number, model, firmware."""
        return self.station.device.identify()

    @Driver.check_active
    @step()
    def bays(self) -> tuple[BayStatus, ...]:
        """What stands in each bay."""
        return self.station.bays.list()

    @Driver.check_active
    @step(args=["bay", "on"])
    def power(self, bay: int, on: bool) -> BayStatus:
        """Switches the supply of a bay. A camera lives on, by its battery."""
        return self.station.bays.power(bay=bay, on=on)
