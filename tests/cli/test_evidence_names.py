"""`bwc evidence show` tells who carried the camera to whoever has a recipient's key, and to nobody else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.evidence import Circumstances, sealing
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.lab.directory import open_lab
from firmware_sim.scenarios import Footage, make_camera
from tests.evidence import test_decrypt

Bwc = Callable[..., Any]


def kept(store: Path, agency: LabAgency, *, own_key: bool = True) -> Path:
    """A recording whose manifest has an encrypted name."""
    camera = make_camera(seed=4, recordings=1, footage=Footage.SYNTHETIC, agency=agency, chunk_bytes=4096)
    (one,) = camera.listing(0, 9)
    assert one.manifest.protection is not None
    recipient = agency.recipient().key
    key = sealing.unwrap_key(one.manifest.protection, recipient, one.manifest.recording_id)
    sealed = sealing.Sealer(key if own_key else bytes(32)).seal_name("K1 north")
    made = replace(
        one.manifest, circumstances=Circumstances(holder="p-00", pseudonym=True, sealed_name=sealed)
    )
    store.mkdir()
    test_decrypt.stored(
        store, (replace(one, manifest=made, manifest_bytes=made.encode(), manifest_sha256=made.sha256),)
    )
    return store


def test_in_a_lab_the_name_is_told_without_an_option(bwc: Bwc, tmp_path: Path) -> None:
    store = kept(tmp_path / "store", open_lab().agency)
    ran = bwc("evidence", "show", str(store), "1", "--json")
    assert ran.document["carried_by"] == "K1 north" and ran.document["recording"]["holder"] == "p-00"
    assert "carried_by_name\tK1 north" in bwc("evidence", "show", str(store), "1").out


def test_without_the_key_the_rest_is_told_and_that_the_name_is_encrypted(bwc: Bwc, tmp_path: Path) -> None:
    import secrets

    store = kept(tmp_path / "store", LabAgency.make(secrets.token_bytes))
    ran = bwc("evidence", "show", str(store), "1")
    assert ran.code == 0 and "K1" not in ran.out and "p-00" in ran.out
    assert "who carried the camera is encrypted" in ran.err and "--key" in ran.err
    assert bwc("evidence", "show", str(store), "1", "--lab").code == 17


def test_a_name_that_does_not_open_is_told_beside_the_rest(bwc: Bwc, tmp_path: Path) -> None:
    store = kept(tmp_path / "store", open_lab().agency, own_key=False)
    ran = bwc("evidence", "show", str(store), "1", "--json")
    assert ran.code == 0 and ran.document["carried_by"] is None
    assert "does not open" in ran.document["recording"]["trouble"][0]
    assert "not told" in bwc("evidence", "show", str(store), "1").err


@pytest.mark.parametrize("named", [True, False])
def test_a_recording_without_an_encrypted_name_asks_for_no_key(
    bwc: Bwc, tmp_path: Path, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bwc_sdk.evidence import recipient_keys

    asked: list[object] = []
    monkeypatch.setattr(recipient_keys, "keys_at_hand", lambda *_, **__: asked.append(1) or ())
    store = tmp_path / "store"
    if named:
        kept(store, open_lab().agency)
    else:
        camera = make_camera(seed=4, recordings=1, footage=Footage.SYNTHETIC, chunk_bytes=4096)
        store.mkdir()
        test_decrypt.stored(store, tuple(camera.listing(0, 9)))
    assert bwc("evidence", "show", str(store), "1").code == 0 and bool(asked) is named
