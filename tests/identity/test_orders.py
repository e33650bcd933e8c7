"""Orders at a host: whose signature it adds, and what it looks at before a device is asked."""

from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.documents.deny_list import Denied, DeniedBy, DenyList
from bwc_protocol.documents.order import Decommission
from bwc_protocol.documents.refusal import DocumentCheck
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_sdk.errors import DocumentError, HostFileError
from bwc_sdk.identity.deny_lists import DenyLists
from bwc_sdk.identity.document_files import read_document, write_document
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.identity.orders import check_order, read_order, sign_order, stated_signers, what_is_missing
from tests.documents.test_order import SIGNED_S, order
from tools.testkit import fixed_agency as agency
from tools.testkit.secure_ends import KeyCredentials

NOW_S = SIGNED_S + 3600


def identity(name: str, **changes: Any) -> HostIdentity:
    signer = agency.signer(name)
    anchors = (agency.certificate("other/root"),) if name.startswith("other/") else agency.anchors()
    return HostIdentity(
        **{
            "credentials": KeyCredentials(signer.chain, signer.key),
            "certificate": agency.facts(name),
            "anchors": anchors,
            "source": name,
            "deny_lists": DenyLists(None, anchors, ""),
        }
        | changes
    )


def unsigned(**changes: Any) -> bytes:
    return SignedDocument(order(**changes).encode()).encode()


def signed(*names: str, **changes: Any) -> bytes:
    data = unsigned(**changes)
    for name in names:
        data = sign_order(data, identity(name), NOW_S)
    return data


def refused(call: Any, *given: Any) -> DocumentError:
    with pytest.raises(DocumentError) as found:
        call(*given)
    assert found.value.advice
    return found.value


def test_two_people_sign_and_the_device_takes_it() -> None:
    data = signed("technician", "records")
    assert [facts.name for facts in stated_signers(read_order(data)[1])] == ["Kim Lopez", "R. Holt"]
    assert check_order(data, identity("auditor"), agency.CAMERA).order == order()


def test_nobody_adds_a_signature_that_a_device_would_refuse() -> None:
    once = signed("technician")
    assert refused(sign_order, once, identity("technician"), NOW_S).check is DocumentCheck.SUBJECTS
    assert refused(sign_order, once, identity("dock"), NOW_S).check is DocumentCheck.ROLE
    assert refused(sign_order, once, identity("other/technician"), NOW_S).check is DocumentCheck.CHAIN
    losing = signed("technician", terms=Decommission(loses_held=1))
    assert refused(sign_order, losing, identity("technician-2"), NOW_S).check is DocumentCheck.ROLE
    assert sign_order(losing, identity("records"), NOW_S)
    whole = signed("technician", "records")
    assert "Kim Lopez and R. Holt" in str(refused(sign_order, whole, identity("technician-2"), NOW_S))
    of_lab = unsigned(lab="0a0b0c0d")
    assert refused(sign_order, of_lab, identity("technician"), NOW_S).check is DocumentCheck.LAB


def test_whoever_has_ended_signs_nothing() -> None:
    """By this host's own clock, and by the time at which the order was made."""
    for now_s in (agency.BEGAN_S - 1, agency.ENDS_S + 1):
        assert refused(sign_order, unsigned(), identity("technician"), now_s).check is DocumentCheck.TIME
    early = unsigned(signed_utc_s=agency.BEGAN_S - 1)
    assert refused(sign_order, early, identity("technician"), NOW_S).check is DocumentCheck.TIME


def test_a_first_signature_that_was_changed_or_is_denied_gets_no_second() -> None:
    document = SignedDocument.decode(signed("technician"))
    other = SignedDocument(order(signed_utc_s=SIGNED_S + 1).encode(), document.signatures).encode()
    assert refused(sign_order, other, identity("records"), NOW_S).check is DocumentCheck.SIGNATURE

    class Lists(DenyLists):
        def current(self) -> DenyList:
            return DenyList(
                agency=agency.AGENCY,
                counter=1,
                signed_utc_s=SIGNED_S,
                entries=(Denied(by=DeniedBy.NAME, name="Kim Lopez"),),
            )

    knowing = identity("records", deny_lists=Lists(None, agency.anchors(), ""))
    assert refused(sign_order, document.encode(), knowing, NOW_S).check is DocumentCheck.SIGNER


def test_what_a_device_would_refuse_is_told_before_it_is_asked() -> None:
    whole = signed("technician", "records")
    assert refused(check_order, unsigned(), identity("dock"), agency.CAMERA).check is DocumentCheck.SIGNATURE
    once = refused(check_order, signed("technician"), identity("dock"), agency.CAMERA)
    assert "one signature" in str(once) and "bwc order sign" in once.advice
    assert refused(check_order, whole, identity("dock"), "BWC-000043").check is DocumentCheck.DEVICE
    assert refused(check_order, whole, identity("other/dock"), agency.CAMERA).check is DocumentCheck.CHAIN
    assert refused(read_order, b"\x80").check is DocumentCheck.FORM
    assert refused(read_order, SignedDocument(b"\xa0").encode()).check is DocumentCheck.KIND


def test_what_is_missing_is_said_as_people_need_it() -> None:
    losing = order(Decommission(loses_undelivered=1))
    kim, holt = agency.facts("technician"), agency.facts("records")
    assert what_is_missing(order(), ()) == "two signatures"
    assert "records" in what_is_missing(losing, ()) and "records" in what_is_missing(losing, (kim,))
    assert what_is_missing(losing, (holt,)) == "one signature, under technician or records, by somebody else"
    assert what_is_missing(order(), (kim, holt)) == ""


def test_a_file_of_a_document_is_bounded_and_never_written_over_another(tmp_path: Path) -> None:
    path = tmp_path / "a.order"
    write_document(path, b"first")
    with pytest.raises(HostFileError, match="is there already") as found:
        write_document(path, b"second")
    assert found.value.advice and path.read_bytes() == b"first"
    write_document(path, b"second", over=True)
    assert path.read_bytes() == b"second" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(DocumentError, match="more than 5 bytes"):
        read_document(path, 5)
    for wrong in (tmp_path / "none", tmp_path):
        with pytest.raises(HostFileError):
            read_document(wrong, 5)
    with pytest.raises(HostFileError):
        write_document(tmp_path / "no" / "where", b"x")
