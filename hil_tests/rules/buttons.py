"""The buttons of a simulator of this process, pressed by a test."""

from __future__ import annotations

from typing import Any

from bwc_protocol.evidence import TriggerReason
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.sync.loop import loop_thread
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from hil_tests.raw.wire import Wire


class SimulatedButtons:
    """Of the camera at the other end of a wire; a station has that for enrolment alone."""

    def __init__(self, wire: Wire) -> None:
        transport: Any = transport_for(DeviceUri.parse(wire.uri))
        self._device = transport.camera

    def press_enroll(self) -> str:
        """That by which it can be enrolled. Gives why it does nothing; "" if it does."""
        return str(loop_thread().run(self._pressed()))

    def start_recording(self) -> bool:
        """That by which it records; whether it does now."""
        return self._device.kind is PeerKind.CAMERA and bool(loop_thread().run(self._started()))

    def stop_recording(self) -> None:
        """The same again."""
        loop_thread().run(self._stopped())

    async def _pressed(self) -> str:
        why: str = self._device.press_enroll()
        return why

    async def _started(self) -> bool:
        self._device.wearer.start(TriggerReason.OFFICER_BUTTON)
        return self._device.recorder.recording_id is not None

    async def _stopped(self) -> None:
        self._device.wearer.stop()
