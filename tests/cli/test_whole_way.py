"""The whole way at the dock: stored, receipted, delivered, erased; and none of it unless told."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.lab.directory import open_lab
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.clients import connecting
from bwc_sdk.errors import CommandError
from bwc_sdk.offload import whole_way
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera

Bwc = Callable[..., Any]


@pytest.fixture
def camera(bwc: Bwc, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimCamera]:
    """A camera of the lab, at which every command line of the test ends."""
    made = make_camera(
        seed=5, recordings=2, footage=Footage.SYNTHETIC, utc_ns=time.time_ns(), agency=open_lab().agency
    )
    monkeypatch.setattr(connecting, "transport_for", lambda *given: MemoryTransport(made))
    monkeypatch.setenv("BWC_DEVICE", "sim:")
    yield made
    made.close()


def offloaded(bwc: Bwc, store: Path, *options: str) -> list[dict[str, Any]]:
    done = bwc("offload", str(store), "--mkdir", "--lab", "--json", *options)
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def told(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == kind]


def test_unless_told_nothing_is_signed_and_nothing_erased(
    bwc: Bwc, camera: SimCamera, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    events = offloaded(bwc, store)
    assert not list(store.glob("*.receipt"))
    assert {event["event"] for event in events}.isdisjoint({"receipt_signed", "receipt_delivered", "erased"})
    assert len(told(offloaded(bwc, store, "--sign"), "receipt_delivered")) == 2
    assert len(told(offloaded(bwc, store), "planned")[0]["recordings"]) == 2, "they are still there"


def test_where_one_host_is_the_site_it_signs_delivers_and_has_erased_and_says_one_site(
    bwc: Bwc, camera: SimCamera, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    events = offloaded(bwc, store, "--sign", "--erase")
    order = [event["event"] for event in events]
    last_stored = max(at for at, kind in enumerate(order) if kind == "recording_finished")
    assert (
        last_stored < order.index("receipt_signed") < order.index("receipt_delivered") < order.index("erased")
    )
    assert all(
        event["one_site"] for event in events if event["event"] in ("receipt_signed", "receipt_delivered")
    )
    assert len(told(events, "erased")) == 2
    assert len(list(store.glob("*.tombstone"))) == len(list(store.glob("*.receipt"))) == 2
    again = offloaded(bwc, store, "--sign", "--erase")
    assert not told(again, "planned")[0]["recordings"] and not told(again, "erased")


def test_receipts_of_another_host_are_delivered_at_a_later_docking(
    bwc: Bwc, camera: SimCamera, tmp_path: Path
) -> None:
    store, ready = tmp_path / "store", tmp_path / "ready"
    ready.mkdir()
    first = offloaded(bwc, store, "--receipts", str(ready), "--erase")
    assert [event["reason"] for event in told(first, "not_erased")] == ["0 of 1 destinations have it"] * 2
    signed = bwc("receipt", "sign", str(store), "--destination", "archive", "--out", str(ready), "--lab")
    assert signed.code == 0, signed.err
    second = offloaded(bwc, store, "--receipts", str(ready), "--erase")
    assert {event["destination"] for event in told(second, "receipt_delivered")} == {"archive"}
    assert not any(event["one_site"] for event in told(second, "receipt_delivered"))
    assert len(told(second, "erased")) == 2


def test_erased_is_said_only_when_the_camera_says_so(
    bwc: Bwc, camera: SimCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(entry: object, camera: object) -> CommandError:
        return CommandError("recordings.erase", ErrorCode.HELD, "")

    monkeypatch.setattr(whole_way, "_ask_to_erase", refuses)
    events = offloaded(bwc, tmp_path / "store", "--sign", "--erase")
    assert not told(events, "erased") and len(told(events, "not_erased")) == 2


def test_what_cannot_be_signed_changes_nothing_about_what_is_stored(
    bwc: Bwc, camera: SimCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object, **more: object) -> Any:
        raise OSError(5, "broken")

    monkeypatch.setattr(whole_way, "sign_receipts", broken)
    events = offloaded(bwc, tmp_path / "store", "--sign", "--erase")
    assert events[-1]["complete"] and not told(events, "erased")
