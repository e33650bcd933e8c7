"""The page on verifying shows how a receipt is verified by OpenSSL and a CBOR reader: it is done so here."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.lab.directory import open_lab
from bwc_sdk.destination.receipt_signing import ReceiptMade, sign_receipts
from bwc_sdk.identity.lab_identities import LabIdentities
from bwc_sdk.offload import offload
from tests.docs.test_signature_by_hand import follow_the_page
from tools.testkit.identity_files import pem

HERE = "tests/docs/test_receipt_by_hand.py"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store of two recordings with their receipts, and the root of the lab."""
    store = tmp_path / "evidence"
    store.mkdir()

    async def run() -> None:
        async with offload("sim:?seed=7&recordings=2&mib=1", store, lab=True) as job:
            assert (await job.run()).complete

    asyncio.run(run())
    by = LabIdentities("store-1").for_role(Role.DESTINATION, 0)
    assert all(isinstance(one, ReceiptMade) for one in sign_receipts(store, by))
    (tmp_path / "root.pem").write_bytes(pem(open_lab().agency.root.certificate))
    return tmp_path


def test_a_receipt_is_verified_without_us(folder: Path) -> None:
    follow_the_page(folder, HERE)
    assert len(list((folder / "received").glob("*.signature"))) == 2
    assert len((folder / "objects.txt").read_text().splitlines()) >= 2 * 4


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


def forget(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("ending", "spoil"), [("*.receipt", flip), ("*.table", flip), ("*.manifest.cose", forget)]
)
def test_what_is_not_as_it_was_received_is_seen_there_too(
    folder: Path,
    ending: str,
    spoil: Callable[[Path], None],
) -> None:
    spoil(min((folder / "evidence").glob(ending)))
    with pytest.raises((AssertionError, OSError), match=re.compile("Verif|received|No such")):
        follow_the_page(folder, HERE)
