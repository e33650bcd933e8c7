"""What follows the storing, where the camera is out of reach, and what lies ready for it."""

from __future__ import annotations

import dataclasses
import errno
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.destination.receipt_delivery import RECEIPTS_MAX, LyingReceipt, ReceiptShelf, UnreadableReceipt
from bwc_sdk.errors import DeviceLost
from bwc_sdk.host.filesystem import OsFileSystem
from bwc_sdk.offload import FollowUp, FollowUpFailed, NotErased, OffloadPolicy, StillOnCamera, StoredVerified
from tests.offload.test_receipt_signing import device_of, sign, stored_on


def test_a_camera_that_was_given_up_is_not_waited_for_once_more(lab: Any) -> None:
    """It was tried as often as the policy says; what is stored is told to be left on it."""
    device = device_of(lab)
    first = sum(map(len, device.recordings[0].footage))
    device.cut_at = [first + 10]
    device.connect_errors = [DeviceLost("unplugged")] * 100
    policy = OffloadPolicy(attempts=3, reserve_bytes=0, erase=True)
    result, events = lab.run(device, lab.files(lab.disk()), policy=policy)
    assert [type(one) for one in result.outcomes] == [StoredVerified, StillOnCamera]
    (failed,) = [one for one in events if isinstance(one, FollowUpFailed)]
    assert failed.step is FollowUp.LISTING and failed.recording is None and failed.cut_short
    assert isinstance(failed.error, DeviceLost)
    (stays,) = [one for one in events if isinstance(one, NotErased)]
    assert stays.recording == 1 and stays.error is failed.error
    assert device.connections == 1 + policy.attempts


def test_of_the_receipts_for_one_recording_no_more_are_looked_at_than_a_camera_could_need(
    lab: Any, tmp_path: Path
) -> None:
    entry = device_of(lab).recordings[0].entry
    head = entry.annotations_sha256.hex()[:16]
    stem = f"{lab.serial}_{entry.recording.hex()}_{entry.manifest_sha256.hex()[:16]}_{head}"
    for number in range(RECEIPTS_MAX + 10):
        (tmp_path / f"{stem}_store-{number}.receipt").write_bytes(b"none")
    (tmp_path / f"{stem}_dir.receipt").mkdir()
    shelf = ReceiptShelf.open(OsFileSystem(), tmp_path)
    try:
        lying = shelf.of(lab.serial, entry)
    finally:
        shelf.close()
    assert len(lying) == RECEIPTS_MAX and all(isinstance(one, UnreadableReceipt) for one in lying)


@pytest.mark.rule("REC-076")
@pytest.mark.parametrize("unsynced", ["its name", "its content"])
def test_a_receipt_is_on_the_medium_before_it_is_given_to_anybody(lab: Any, unsynced: str) -> None:
    """Whoever signed it may have been killed before he could sync it."""
    disk, device = stored_on(lab), device_of(lab)
    made = sign(Path("/store"), files=lab.files(disk))[0]
    name = made.path.name
    inode = disk.live[""][name]
    if unsynced == "its name":
        del disk.durable[""][name]
        disk.pending.append((("", name, inode),))
    else:
        inode.pending, inode.durable = [(0, bytes(inode.live))], bytearray()
    entry = next(
        one.entry for one in device.recordings if one.manifest.sha256 == made.receipt.manifest_sha256
    )
    entry = dataclasses.replace(entry, annotations_sha256=made.receipt.annotations_sha256)
    shelf = ReceiptShelf.open(lab.files(disk), Path("/store"))
    (lying,) = shelf.of(lab.serial, entry)
    assert isinstance(lying, LyingReceipt)
    assert bytes(disk.durable[""][name].durable) == lying.document


def test_receipts_on_a_medium_that_is_only_read_are_delivered(lab: Any, tmp_path: Path) -> None:
    """There is nothing to sync on a disc that came from the archive."""

    class Disc(OsFileSystem):
        def sync(self, file: int) -> None:
            raise OSError(errno.EROFS, "read-only")

        def sync_directory(self, directory: int) -> bool:
            raise OSError(errno.EROFS, "read-only")

    disk, device = stored_on(lab), device_of(lab)
    made = sign(Path("/store"), files=lab.files(disk))[0]
    (tmp_path / made.path.name).write_bytes(disk.final()[made.path.name])
    entry = next(
        one.entry for one in device.recordings if one.manifest.sha256 == made.receipt.manifest_sha256
    )
    entry = dataclasses.replace(entry, annotations_sha256=made.receipt.annotations_sha256)
    shelf = ReceiptShelf.open(Disc(), tmp_path)
    (lying,) = shelf.of(lab.serial, entry)
    shelf.close()
    assert isinstance(lying, LyingReceipt) and lying.sha256 == made.sha256
