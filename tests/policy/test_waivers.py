"""Waivers: whom they believe, what they are bound to, and when they end. Each check has a test that needs it."""

from __future__ import annotations

import datetime
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.documents.refusal import DocumentCheck
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_sdk.errors import DocumentError, InvalidValue
from bwc_sdk.evidence.statements import Believed
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.identity.lab_identities import LabIdentities
from bwc_sdk.policy.comparison import Difference, Verdict, document
from bwc_sdk.policy.comparison_page import page
from bwc_sdk.policy.page import to_markdown
from bwc_sdk.policy.waivers import Waiver, WaiverUse, look_at_waiver, sign_waiver, value_sha256
from tests.policy.packs import DAY, against, pack, rule

NOW = time.time()
OURS = pack("agency", rule("record.pre_event_s", "at_least", value=20))
THEIRS = pack("department", rule("record.pre_event_s", "at_least", value=30), level="department")


@pytest.fixture(scope="module")
def auditor() -> HostIdentity:
    """Somebody of the department."""
    return LabIdentities("A. Ditor").for_role(Role.AUDITOR, NOW)


@pytest.fixture(scope="module")
def believed(auditor: HostIdentity) -> Believed:
    """Whoever believes that department."""
    return Believed(roots=auditor.anchors, lab=auditor.lab)


def compared(*uses: WaiverUse, ours: Any = OURS) -> Difference:
    return against(ours, THEIRS, waivers=uses)


def signed(identity: HostIdentity, **changed: Any) -> bytes:
    (row,) = against(OURS, THEIRS).rows
    assert row.ours is not None and row.theirs is not None
    given = {
        "agency": "agency",
        "department": "department",
        "rule": "record.pre_event_s",
        "values": value_sha256(row.ours.demand, row.theirs.demand),
        "reason": "cameras of a trial",
        "until": datetime.date(2026, 12, 31),
        "utc_s": int(NOW),
        **changed,
    }
    return sign_waiver(identity, **given)


def looked(data: bytes, believed: Believed | None, on: datetime.date = DAY) -> WaiverUse:
    return look_at_waiver(data, "a.waiver", believed, agency="agency", department="department", on=on)


def test_a_waiver_lets_one_weaker_rule_be(auditor: HostIdentity, believed: Believed) -> None:
    assert compared().verdict is Verdict.FALLS_SHORT
    use = looked(signed(auditor), believed)
    found = compared(use)
    assert found.verdict is Verdict.MEETS_BY_WAIVER and found.meets
    (row,) = found.rows
    assert row.waived is not None and row.waived.signer == auditor.name
    told = document(found)["rules"][0]["waived"]
    assert told == {
        "rule": "record.pre_event_s",
        "reason": "cameras of a trial",
        "until": "2026-12-31",
        "by": auditor.name,
        "lab": auditor.lab,
    }
    assert {"role": "waiver", "sha256": use.sha256} in document(found)["inputs"]


def test_what_rests_on_a_labs_waiver_says_so_in_its_headline_and_beside_the_rule(
    auditor: HostIdentity, believed: Believed
) -> None:
    found = compared(looked(signed(auditor), believed))
    assert found.lab == auditor.lab and document(found)["lab"] == auditor.lab
    told = page(found)
    assert told.verdict.startswith("LAB") and f"{auditor.name} (LAB)" in to_markdown(told).replace("\\", "")
    assert "LAB" not in page(compared()).verdict


def test_it_ends(auditor: HostIdentity, believed: Believed) -> None:
    data = signed(auditor)
    assert looked(data, believed, datetime.date(2026, 12, 31)).waived is not None
    ended = looked(data, believed, datetime.date(2027, 1, 1))
    assert ended.waived is None and "ended on 2026-12-31" in ended.why_not


def test_it_is_for_exactly_these_two_values(auditor: HostIdentity, believed: Believed) -> None:
    use = looked(signed(auditor), believed)
    assert use.waived is not None
    weaker = pack("agency", rule("record.pre_event_s", "at_least", value=10))
    assert compared(use, ours=weaker).verdict is Verdict.FALLS_SHORT
    assert compared(use, ours=pack("agency")).verdict is Verdict.FALLS_SHORT


@pytest.mark.parametrize("changed", [{"agency": "another"}, {"department": "another"}])
def test_it_is_for_this_agency_and_this_department(
    auditor: HostIdentity, believed: Believed, changed: dict[str, str]
) -> None:
    use = looked(signed(auditor, **changed), believed)
    assert use.waived is None and "it is for" in use.why_not


def test_it_waives_no_other_rule(auditor: HostIdentity, believed: Believed) -> None:
    use = looked(signed(auditor, rule="record.endurance_h"), believed)
    assert use.waived is not None and compared(use).verdict is Verdict.FALLS_SHORT


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.RECORDS, Role.DOCK_OFFLOAD])
def test_nobody_but_an_auditor_signs(role: Role) -> None:
    with pytest.raises(DocumentError) as told:
        signed(LabIdentities("T. Echnician").for_role(role, NOW))
    assert told.value.check is DocumentCheck.ROLE and "auditor" in told.value.advice


def by_hand(identity: HostIdentity, **changed: Any) -> bytes:
    """A waiver that nobody looked at before it was signed."""
    given = {
        "lab": identity.lab,
        "agency": "agency",
        "department": "department",
        "rule": "record.pre_event_s",
        "values_sha256": bytes(32),
        "reason": "x",
        "until": "2026-12-31",
        "signed_utc_s": int(NOW),
        **changed,
    }
    return SignedDocument(Waiver(**given).encode()).signed_by(identity.credentials).encode()


def test_the_reader_looks_at_role_lab_time_and_day_as_well(auditor: HostIdentity, believed: Believed) -> None:
    assert looked(by_hand(auditor), believed).waived is not None
    technician = LabIdentities("T. Echnician").for_role(Role.TECHNICIAN, NOW)
    for data, why in (
        (by_hand(technician), "role"),
        (by_hand(auditor, lab="of another"), "lab"),
        (by_hand(auditor, signed_utc_s=1), "time"),
        (by_hand(auditor, until="2026-13-31"), "its last day"),
    ):
        use = looked(data, believed)
        assert use.waived is None and use.why_not.startswith(why)


def test_what_was_changed_in_it_or_is_no_waiver_waives_nothing(
    auditor: HostIdentity, believed: Believed
) -> None:
    data = signed(auditor)
    changed = data.replace(b"2026-12-31", b"2036-12-31")
    assert changed != data
    for wrong in (changed, data[:-1], b"", b"hello"):
        use = looked(wrong, believed)
        assert use.waived is None and use.why_not and compared(use).verdict is Verdict.FALLS_SHORT


def test_nobody_is_believed_by_default_and_no_other_department(
    auditor: HostIdentity, believed: Believed
) -> None:
    assert "nobody is believed" in looked(signed(auditor), None).why_not
    other = replace(believed, roots=())
    assert looked(signed(auditor), other).waived is None
    elsewhere = replace(believed, lab="of another")
    assert looked(signed(auditor), elsewhere).waived is None


def test_whoever_is_denied_waives_nothing(auditor: HostIdentity, believed: Believed) -> None:
    denying: Any = SimpleNamespace(denies=lambda certificate: f"{certificate.name} left")
    use = looked(signed(auditor), replace(believed, deny_list=denying))
    assert use.waived is None and "left" in use.why_not


def test_a_signature_of_before_the_certificate_counts_not(auditor: HostIdentity) -> None:
    with pytest.raises(DocumentError) as told:
        signed(auditor, utc_s=1)
    assert told.value.check is DocumentCheck.TIME


def test_a_reason_has_to_be_given(auditor: HostIdentity) -> None:
    for wrong in ("", "x" * 601):
        with pytest.raises(InvalidValue):
            signed(auditor, reason=wrong)
