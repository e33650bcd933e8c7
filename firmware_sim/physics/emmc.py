"""Wear of the eMMC, as its registers tell it (JEDEC JESD84-B51, EXT_CSD).

The registers are coarse on purpose: life time comes in steps of a tenth, and the state of the spare blocks in
three words. A host that shows more than that makes it up.
"""

from dataclasses import asdict, dataclass
from typing import Final

from bwc_protocol.messages.storage import PreEol
from firmware_sim.state.kept_values import U32_MAX, U64_MAX, part_of, whole

EXT_CSD_SIZE: Final = 512
EXT_CSD_REV: Final = 192
SEC_COUNT: Final = 212
PRE_EOL_INFO: Final = 267
LIFE_TIME_EST_TYP_A: Final = 268
LIFE_TIME_EST_TYP_B: Final = 269
HEALTH_SINCE_REV: Final = 7
"""eMMC 5.0: older chips leave the three registers undefined."""

SECTOR: Final = 512
BLOCK_BYTES: Final = 4 * 1024 * 1024
"""Erase block of the flash behind the controller."""
RATED_CYCLES: Final = 3_000
"""Program/erase cycles of multi-level cells."""
WRITE_AMPLIFICATION: Final = 1.3
"""Flash written for each byte from the host: footage is written in large pieces, its records are not."""
SPARE_SHARE: Final = 0.02
"""Blocks that the maker sets aside for those that go bad."""
WEAR_OUT_BEGINS: Final = 0.7
"""Share of the rated life after which blocks begin to fail; the spares last to 1.1 of it."""
ERASE_S_PER_BLOCK: Final = 0.006
"""128 GiB take more than three minutes."""
KEPT: Final = ("written_bytes", "metadata_bytes", "failed_blocks")


@dataclass(slots=True)
class EmmcState:
    """What the chip keeps; kept between runs of a simulator."""

    written_bytes: int = 0
    metadata_bytes: int = 0
    failed_blocks: int = 0
    """Blocks that failed before their time: from the factory, or by a fault plan."""


class EmmcHealth:
    """One chip of `capacity_bytes`; `rev` below 7 is a chip without health registers."""

    def __init__(self, capacity_bytes: int, rev: int = 8, state: EmmcState | None = None) -> None:
        self.capacity_bytes = capacity_bytes
        self.rev = rev
        self.state = state if state is not None else EmmcState()

    def wrote(self, size_bytes: int, metadata_bytes: int = 4096) -> None:
        """The host wrote footage, and records about it."""
        self.state.written_bytes += size_bytes + metadata_bytes
        self.state.metadata_bytes += metadata_bytes

    def fail_blocks(self, count: int) -> None:
        """Blocks go bad before their time (fault plans)."""
        self.state.failed_blocks += count

    @property
    def written_bytes(self) -> int:
        """Bytes written since the chip was made."""
        return self.state.written_bytes

    @property
    def life_used(self) -> float:
        """Share of the rated life that is used; beyond 1 the chip outlives its rating."""
        return self.state.written_bytes * WRITE_AMPLIFICATION / (self.capacity_bytes * RATED_CYCLES)

    @property
    def metadata_life_used(self) -> float:
        """The same of the small area in single-level mode, with ten times the cycles, that records go to."""
        area = self.capacity_bytes / 64
        return self.state.metadata_bytes * WRITE_AMPLIFICATION / (area * RATED_CYCLES * 10)

    @property
    def spare_blocks(self) -> int:
        """Blocks that were set aside when the chip was made."""
        return max(1, int(self.capacity_bytes / BLOCK_BYTES * SPARE_SHARE))

    @property
    def bad_blocks(self) -> int:
        """Blocks that were retired."""
        worn = max(0.0, self.life_used - WEAR_OUT_BEGINS) / (1.1 - WEAR_OUT_BEGINS)
        return self.state.failed_blocks + int(worn * self.spare_blocks)

    @property
    def pre_eol(self) -> PreEol:
        """PRE_EOL_INFO: how many of the spare blocks are used up."""
        if self.rev < HEALTH_SINCE_REV:
            return PreEol.UNDEFINED
        used = self.bad_blocks / self.spare_blocks
        return PreEol.URGENT if used >= 0.9 else PreEol.WARNING if used >= 0.8 else PreEol.NORMAL

    @property
    def life_time_a(self) -> int:
        """DEVICE_LIFE_TIME_EST_TYP_A: 1 = up to a tenth used … 10, 11 = exceeded, 0 = undefined."""
        return self._life_time(self.metadata_life_used)

    @property
    def life_time_b(self) -> int:
        """DEVICE_LIFE_TIME_EST_TYP_B, in the encoding of A; footage wears this area."""
        return self._life_time(self.life_used)

    def _life_time(self, used: float) -> int:
        return 0 if self.rev < HEALTH_SINCE_REV else min(11, 1 + int(used * 10))

    def ext_csd(self) -> bytes:
        """The 512 bytes of the EXT_CSD register, with the fields that this model knows."""
        register = bytearray(EXT_CSD_SIZE)
        register[EXT_CSD_REV] = self.rev
        sectors = min(self.capacity_bytes // SECTOR, 0xFFFF_FFFF)
        register[SEC_COUNT : SEC_COUNT + 4] = sectors.to_bytes(4, "little")
        register[PRE_EOL_INFO] = self.pre_eol
        register[LIFE_TIME_EST_TYP_A] = self.life_time_a
        register[LIFE_TIME_EST_TYP_B] = self.life_time_b
        return bytes(register)

    def erase_time_s(self, size_bytes: int) -> float:
        """How long it takes to erase `size_bytes`."""
        return -(-size_bytes // BLOCK_BYTES) * ERASE_S_PER_BLOCK

    def snapshot(self) -> dict[str, int]:
        """State to be kept between runs."""
        return asdict(self.state)

    def restore(self, snapshot: object) -> None:
        """Takes up a state that `snapshot` gave. Raises `StateError` for what no chip could have given."""
        kept = part_of(snapshot, "the eMMC", KEPT)
        self.state = EmmcState(
            written_bytes=whole(kept, "written_bytes", 0, U64_MAX),
            metadata_bytes=whole(kept, "metadata_bytes", 0, U64_MAX),
            failed_blocks=whole(kept, "failed_blocks", 0, U32_MAX),
        )
