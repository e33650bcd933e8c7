"""`bwc audit` writes as it reads: a log of any length takes no memory, and one without end has an end."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bwc_protocol.evidence.audit_hash import entry_sha256
from bwc_protocol.messages.audit import AuditEntry, AuditKind, AuditPage, ReadAudit
from bwc_sdk.clients import audit as client
from firmware_sim import personalities
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import forget_sims

Bwc = Callable[..., Any]


@pytest.fixture(autouse=True)
def let_go() -> Any:
    yield
    forget_sims()


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> str:
    """A log that goes on as long as it is read, all of it well chained."""

    def endless_log(camera: SimCamera) -> None:
        hashes = {0: bytes(32)}

        def page(session: object, request: ReadAudit) -> AuditPage:
            entries = []
            for sequence in range(request.after + 1, request.after + 1 + request.limit):
                entry = AuditEntry(
                    sequence=sequence,
                    utc_ns=0,
                    boot_counter=1,
                    kind=AuditKind.BOOT,
                    actor="",
                    detail="x",
                    sha256=b"",
                )
                entry = AuditEntry(
                    **{
                        **{name: getattr(entry, name) for name in AuditEntry.__slots__},
                        "sha256": entry_sha256(entry, hashes[sequence - 1]),
                    }
                )
                hashes[sequence] = entry.sha256
                entries.append(entry)
            return AuditPage(
                previous_sha256=hashes[request.after],
                entries=tuple(entries),
                last=entries[-1].sequence * 1000,
            )

        personalities._answer(camera, ReadAudit, page)

    monkeypatch.setitem(personalities.PERSONALITIES, "endless-log", endless_log)
    return "sim:?seed=4711&personality=endless-log"


def test_a_log_without_end_is_a_fault_of_the_device(
    bwc: Bwc, endless: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "AUDIT_MAX", 3_000)
    ran = bwc("audit", device=endless)
    assert ran.code == 4 and "never ends" in ran.err
    assert len(ran.out.splitlines()) == 3_000, "each was checked, and is written"
    ran = bwc("audit", "--json", device=endless)
    assert ran.code == 4 and ran.document["chained"] is False and len(ran.document["entries"]) == 3_000


def test_a_log_that_was_forged_is_written_as_far_as_it_holds(bwc: Bwc) -> None:
    ran = bwc("audit", "--json", device="sim:?seed=4712&personality=forged-log")
    assert ran.code == 14
    assert ran.document["chained"] is False and ran.document["head"] is None
    assert json.loads(ran.err.splitlines()[-1])["error"]["class"] == "AuditBroken"


def test_a_log_that_is_in_order_is_one_document(bwc: Bwc) -> None:
    ran = bwc("audit", "--json", device="sim:?seed=4713")
    assert ran.code == 0 and ran.document["chained"] is True
    numbers = [entry["sequence"] for entry in ran.document["entries"]]
    assert numbers == list(range(1, len(numbers) + 1)) and ran.document["head"]["sequence"] >= numbers[-1]
    after = bwc("audit", "--json", "--after", "1000000", device="sim:?seed=4713")
    assert after.document["entries"] == [] and after.document["chained"] is True
