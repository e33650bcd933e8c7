"""The eMMC registers are encoded as the standard has them, and wear moves them in its steps."""

import pytest

from bwc_protocol.messages.storage import PreEol
from firmware_sim.physics.emmc import EmmcHealth

GIB = 1 << 30
LIFE = 3000 / 1.3
"""How often the host can write the whole chip."""


def worn(share: float) -> EmmcHealth:
    chip = EmmcHealth(64 * GIB)
    chip.wrote(int(64 * GIB * LIFE * share), metadata_bytes=0)
    return chip


def test_a_new_chip_reports_as_the_standard_says() -> None:
    register = EmmcHealth(64 * GIB).ext_csd()
    assert len(register) == 512
    assert (register[192], register[267], register[268], register[269]) == (8, 0x01, 0x01, 0x01)
    assert int.from_bytes(register[212:216], "little") * 512 == 64 * GIB


@pytest.mark.parametrize(
    ("share", "step"), [(0.0, 1), (0.099, 1), (0.101, 2), (0.55, 6), (0.999, 10), (1.01, 11), (5.0, 11)]
)
def test_life_time_moves_in_steps_of_a_tenth_and_stops_at_exceeded(share: float, step: int) -> None:
    assert worn(share).ext_csd()[269] == step


def test_wear_never_goes_back() -> None:
    chip, last = EmmcHealth(32 * GIB), (0, 0, 0, 0)
    for _ in range(200):
        chip.wrote(int(32 * GIB * LIFE / 150))
        now = (chip.life_time_a, chip.life_time_b, int(chip.pre_eol), chip.bad_blocks)
        assert all(a >= b for a, b in zip(now, last, strict=True))
        last = now
    assert chip.life_time_b == 11 and chip.pre_eol is PreEol.URGENT


def test_records_wear_the_area_of_records_and_footage_that_of_footage() -> None:
    chip = EmmcHealth(32 * GIB)
    for _ in range(1000):
        chip.wrote(0, metadata_bytes=4 * GIB)
    assert chip.life_time_a > chip.life_time_b


@pytest.mark.parametrize(
    ("used", "register"), [(0.5, PreEol.NORMAL), (0.80, PreEol.WARNING), (0.90, PreEol.URGENT)]
)
def test_pre_eol_counts_the_spare_blocks(used: float, register: PreEol) -> None:
    chip = EmmcHealth(64 * GIB)
    chip.fail_blocks(-(-chip.spare_blocks * int(used * 100) // 100))
    assert chip.ext_csd()[267] == register


def test_a_chip_before_emmc_5_says_nothing_about_its_health() -> None:
    register = EmmcHealth(64 * GIB, rev=6).ext_csd()
    assert (register[192], register[267], register[268], register[269]) == (6, 0, 0, 0)


def test_erasing_a_large_chip_takes_minutes() -> None:
    assert 180 < EmmcHealth(128 * GIB).erase_time_s(128 * GIB) < 600


def test_state_is_kept_between_runs() -> None:
    chip = worn(0.3)
    chip.fail_blocks(3)
    again = EmmcHealth(64 * GIB)
    again.restore(chip.snapshot())
    assert again.ext_csd() == chip.ext_csd() and again.bad_blocks == chip.bad_blocks
