"""A driver of the lab's own: a digital output that moves no relay, but the hands at `bwc sim --control PIPE`.

An environment file imports it by its path, and any driver of yours likewise.
"""

import os

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory
from labgrid.protocol import DigitalOutputProtocol


@target_factory.reg_driver
@attr.s(eq=False)
class SimulatorHandDriver(Driver, DigitalOutputProtocol):
    """Writes a line to the pipe, which lies beside the environment file."""

    pipe = attr.ib(validator=attr.validators.instance_of(str))
    when_true = attr.ib(validator=attr.validators.instance_of(str))
    when_false = attr.ib(default="", validator=attr.validators.instance_of(str))
    status = attr.ib(default=False, init=False)

    @Driver.check_active
    def set(self, status: bool) -> None:
        """Does one of the two; nothing for one that is left out."""
        line = self.when_true if status else self.when_false
        if line:
            pipe = os.open(self.target.env.config.resolve_path(self.pipe), os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(pipe, f"{line}\n".encode())
            finally:
                os.close(pipe)
        self.status = status

    @Driver.check_active
    def get(self) -> bool:
        """What it was set to."""
        return bool(self.status)
