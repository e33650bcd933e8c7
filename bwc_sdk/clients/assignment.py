"""Who carries the camera (spec: Assignment)."""

from __future__ import annotations

from bwc_protocol.declare import sends
from bwc_protocol.messages import assignment
from bwc_protocol.messages.assignment import Assign, AssignmentState, ReadAssignment


class Assignment(assignment.Assignment):
    """Who carries the camera."""

    @sends(ReadAssignment, Assign)
    async def assign(self, *, officer: str, unit: str | None = None, revision: int) -> AssignmentState:
        """Assigns the camera to an officer; recordings from here on are his or hers.

        A unit that is not given stays as the camera has it, and `""` takes it away. `revision` is the one that was
        read: when somebody changed the assignment since, nothing is changed (`CommandError`, CONFLICT).
        """
        if unit is None:
            unit = (await self.read()).unit
        return await super().assign(officer=officer, unit=unit, revision=revision)
