"""The camera's BLE radio: when it may be heard (spec: BLE).

Silent is the rule. A dock whose agency allows it, or a press of the pairing button, are the exceptions.
"""

from __future__ import annotations

from collections.abc import Callable

from bwc_protocol.bindings.ble import PAIRING_WINDOW_S
from bwc_protocol.messages.audit import AuditKind
from firmware_sim.camera.body import CameraBody


class Radio:
    """Whether one camera may advertise now. `changed` are told when that may have become different."""

    def __init__(self, camera: CameraBody) -> None:
        self.changed: list[Callable[[], None]] = []
        self._camera = camera
        self.pairing_until_s: float | None = None
        """When the window closes that the button opened, in seconds of the camera's time."""

    def press(self) -> bool:
        """The pairing button: opens the window anew; returns whether it is open, which a running camera needs."""
        camera = self._camera
        camera.settle()
        if not camera.running:
            return False
        camera.audit.append(AuditKind.PAIRING_OPENED, f"open for {PAIRING_WINDOW_S:.0f} s", camera.serial)
        self.pairing_until_s = camera.time() + PAIRING_WINDOW_S
        self.notify()
        return True

    @property
    def window_open(self) -> bool:
        """Whether the button was pressed a short time ago."""
        until = self.pairing_until_s
        return self._camera.running and until is not None and self._camera.time() < until

    @property
    def allowed_by_dock(self) -> bool:
        """Whether it stands in a dock and its configuration lets it be heard there."""
        camera = self._camera
        return camera.running and camera.docked and camera.settings.text("radio.ble_docked") != "off"

    @property
    def audible(self) -> bool:
        """Whether it may advertise."""
        return self.window_open or self.allowed_by_dock

    @property
    def reads_only(self) -> bool:
        """Whether a host that comes by radio may only ask: in the dock's mode "status", without the button."""
        return not self.window_open and self._camera.settings.text("radio.ble_docked") != "full"

    def deadline(self) -> float | None:
        """When the window closes, in seconds of the camera's time."""
        return self.pairing_until_s if self.window_open else None

    def went_down(self) -> None:
        """The camera is off or boots: the window does not outlive that."""
        self.pairing_until_s = None
        self.notify()

    def notify(self) -> None:
        """Something changed on which the answers depend."""
        for listener in list(self.changed):
            listener()
