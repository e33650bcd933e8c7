"""Settings that are applied and take effect later: which they are, and what makes them (spec: Configuration).

The one place that says it: for what is applied, checked, provisioned and delivered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bwc_protocol.declare import Unknown, to_plain
from bwc_protocol.messages.config import ConfigView, TakesEffect
from bwc_sdk.clients.configuration import Value

if TYPE_CHECKING:
    from bwc_sdk.clients.config import Config

NOT_YET: Final = "applied, and not in effect yet"
UNDOCK_OR_RESTART: Final = "undock or restart the camera"
RESTART: Final = "restart the camera with 'bwc reboot'"
NAMED_MAX: Final = 5
"""Settings that one line names."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A setting that was applied, and that a camera does not keep to yet."""

    key: str
    in_effect: Value | None
    """None: the camera has no value in effect."""
    applied: Value
    moment: TakesEffect | Unknown | None
    """When it takes effect; None: the camera does not list the setting."""

    @property
    def by_undocking(self) -> bool:
        """Whether taking the camera out of its dock is enough; else it has to be restarted."""
        return self.moment is TakesEffect.ON_UNDOCK

    @property
    def named(self) -> str:
        """The setting with its moment."""
        return f"{self.key} ({'unknown' if self.moment is None else to_plain(self.moment)})"

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "in_effect": self.in_effect,
            "applied": self.applied,
            "takes_effect": None if self.moment is None else to_plain(self.moment),
        }


async def waiting_of(config: Config) -> tuple[Waiting, ...]:
    """What waits on a device, by key; changes nothing. Asks more than one question only where something does."""
    if not (await config.state()).pending:
        return ()
    effective = await config.values()
    applied = await config.values(ConfigView.PENDING)
    moments = {one.key: one.takes_effect for one in await config.schema_all()}
    return tuple(
        Waiting(key, effective.get(key), value, moments.get(key))
        for key, value in sorted(applied.items())
        if effective.get(key) != value
    )


def remedy(waiting: Iterable[Waiting]) -> str:
    """What makes all of them take effect."""
    return UNDOCK_OR_RESTART if all(one.by_undocking for one in waiting) else RESTART


def not_yet(waiting: Sequence[Waiting]) -> str:
    """What waits, and what makes each take effect: one line."""
    parts = [
        f"{how} ({_some([one.key for one in waiting if one.by_undocking is undocking])})"
        for undocking, how in ((True, UNDOCK_OR_RESTART), (False, RESTART))
        if any(one.by_undocking is undocking for one in waiting)
    ]
    return f"{NOT_YET}: {'; '.join(parts)}"


def _some(keys: list[str]) -> str:
    more = len(keys) - NAMED_MAX
    return ", ".join(keys[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
