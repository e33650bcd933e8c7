"""A lab's own test, by labgrid's fixtures: the same on a simulator and on a place."""

from pathlib import Path

from labgrid import Target

from bwc_sdk.labgrid import BWCDriver


def test_its_footage_comes_off_whole(target: Target, tmp_path: Path) -> None:
    camera: BWCDriver = target.get_driver("BWCDriver")  # connected from here on
    assert camera.status().docked
    assert camera.battery().charge_pct > 0
    held = camera.recordings()
    result = camera.offload(tmp_path)
    assert result.complete and len(result.outcomes) == len(held) > 0
