"""Storage level and eMMC health."""

from typing import Final

from bwc_protocol.messages.storage import PreEol, ReadStorage, ReadStorageHealth, StorageHealth, StorageStatus
from firmware_sim.camera.session import CameraSession
from firmware_sim.handlers.registry import CAMERA
from firmware_sim.physics.emmc import EXT_CSD_REV, LIFE_TIME_EST_TYP_A, LIFE_TIME_EST_TYP_B, PRE_EOL_INFO

BYTES_A_KBIT: Final = 125
TIME_MAX_S: Final = 0xFFFF_FFFE
"""Largest time that the field can say; the next number stands for "not known"."""


@ReadStorage.handler(CAMERA)
def status(session: CameraSession, request: ReadStorage) -> StorageStatus:
    camera = session.camera
    storage, rate = camera.storage, camera.settings.number("recording.bitrate_kbps") * BYTES_A_KBIT
    return StorageStatus(
        capacity_bytes=storage.capacity_bytes,
        free_bytes=storage.free_bytes,
        recording_time_left_s=min(storage.free_bytes // rate, TIME_MAX_S),
        recordings=camera.closed_count,
        held=storage.held,
        full=camera.recorder.full,
    )


@ReadStorageHealth.handler(CAMERA)
def health(session: CameraSession, request: ReadStorageHealth) -> StorageHealth:
    emmc = session.camera.storage.emmc
    register = emmc.ext_csd()
    return StorageHealth(
        ext_csd_rev=register[EXT_CSD_REV],
        pre_eol=PreEol(register[PRE_EOL_INFO]),
        life_time_a=register[LIFE_TIME_EST_TYP_A],
        life_time_b=register[LIFE_TIME_EST_TYP_B],
        bad_blocks=emmc.bad_blocks,
        written_bytes=emmc.written_bytes,
    )
