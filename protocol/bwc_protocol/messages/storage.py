"""Storage level and eMMC health (spec: Storage, 0x03xx)."""

from bwc_protocol.declare import (
    ANYONE,
    Request,
    Subject,
    Unknown,
    Wire,
    boolean,
    choice,
    command,
    method,
    opt_u32,
    u8,
    u16,
    u32,
    u64,
    wire,
)
from bwc_protocol.word import Word


class PreEol(Word):
    """PRE_EOL_INFO of JEDEC eMMC 5.0, EXT_CSD byte 267: spare blocks consumed."""

    UNDEFINED = 0x00
    NORMAL = 0x01
    WARNING = 0x02
    """80 % of the spare blocks are used."""
    URGENT = 0x03
    """90 % of the spare blocks are used."""


@wire
class StorageStatus(Wire):
    """How full the storage is."""

    capacity_bytes: int = u64("room for recordings in all", unit="byte")
    free_bytes: int = u64("room that is left", unit="byte")
    recording_time_left_s: int | None = opt_u32("time that fits at the configured quality", unit="s")
    recordings: int = u32("recordings that it closed and did not erase, those that it cannot list included")
    held: int = u32("of these, protected by a hold")
    full: bool = boolean("whether recording stopped for want of room")


@command(0x0301, "storage.status", roles=ANYONE, while_expired=True)
class ReadStorage(Request[StorageStatus]):
    """Read how full the storage is."""


@wire
class StorageHealth(Wire):
    """The eMMC health registers as the chip reports them (JEDEC JESD84-B51, EXT_CSD)."""

    ext_csd_rev: int = u8("EXT_CSD_REV, byte 192; below 7 the health registers mean nothing")
    pre_eol: PreEol | Unknown = choice(PreEol, "PRE_EOL_INFO, byte 267")
    life_time_a: int = u8("DEVICE_LIFE_TIME_EST_TYP_A, byte 268: 1 = 0-10 % used … 11 = exceeded")
    life_time_b: int = u8("DEVICE_LIFE_TIME_EST_TYP_B, byte 269: as A")
    bad_blocks: int = u16("blocks that were retired")
    written_bytes: int = u64("bytes written since the device was made", unit="byte")


@command(0x0302, "storage.health", roles=ANYONE, while_expired=True)
class ReadStorageHealth(Request[StorageHealth]):
    """Read the wear of the eMMC."""


class Storage(Subject):
    """Level and wear of the storage."""

    status = method(ReadStorage)
    health = method(ReadStorageHealth)
