"""An installation has one encoding; whatever else comes in its place is refused before anything of it is verified."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwc_protocol.certificates.profile import CERTIFICATE_MAX
from bwc_protocol.documents.deny_list import DENY_LIST_MAX
from bwc_protocol.documents.installation import (
    INSTALLATION_MAX,
    RECIPIENTS_MAX,
    RENEWAL_MAX,
    Installation,
    NotAnInstallation,
    Renewal,
)
from bwc_protocol.evidence import cbor

DER = b"\x30\x82"
LARGEST = Installation(
    certificate=DER * (CERTIFICATE_MAX // 2),
    issuing=DER * (CERTIFICATE_MAX // 2),
    root=DER * (CERTIFICATE_MAX // 2),
    standby=DER * (CERTIFICATE_MAX // 2),
    deny_list=bytes(DENY_LIST_MAX),
    recipients=(DER * (CERTIFICATE_MAX // 2),) * RECIPIENTS_MAX,
    bench=True,
    host_issuing=DER * (CERTIFICATE_MAX // 2),
)
WHOLE: dict[int, Any] = {1: DER, 2: DER, 3: DER, 4: b"", 5: b"", 6: [DER], 7: False, 8: b""}


def test_the_largest_fits_into_what_a_device_takes() -> None:
    assert len(LARGEST.encode()) <= INSTALLATION_MAX
    assert Installation.decode(LARGEST.encode()) == LARGEST
    renewal = Renewal(certificate=LARGEST.certificate, issuing=LARGEST.issuing)
    assert len(renewal.encode()) <= RENEWAL_MAX
    assert Renewal.decode(renewal.encode()) == renewal


def test_anchors_are_the_root_and_the_standby_root_where_there_is_one() -> None:
    found = Installation.decode(cbor.encode(WHOLE))
    assert found.roots == (DER,)
    assert Installation.decode(cbor.encode(WHOLE | {4: b"\x30\x83"})).roots == (DER, b"\x30\x83")


@pytest.mark.parametrize("key", WHOLE)
def test_no_part_may_be_missing(key: int) -> None:
    with pytest.raises(NotAnInstallation):
        Installation.decode(cbor.encode({k: v for k, v in WHOLE.items() if k != key}))


@pytest.mark.parametrize(
    "part",
    [
        {1: b""},
        {2: "text"},
        {3: bytes(CERTIFICATE_MAX + 1)},
        {4: 1},
        {5: bytes(DENY_LIST_MAX + 1)},
        {5: None},
        {6: DER},
        {6: [DER] * (RECIPIENTS_MAX + 1)},
        {6: [b""]},
        {6: [1]},
        {7: 1},
        {8: [DER]},
        {9: DER},
    ],
    ids=str,
)
def test_a_part_of_another_type_or_size_is_refused(part: dict[int, Any]) -> None:
    with pytest.raises(NotAnInstallation):
        Installation.decode(cbor.encode(WHOLE | part))


def test_a_renewal_is_no_installation_and_the_reverse() -> None:
    with pytest.raises(NotAnInstallation):
        Renewal.decode(cbor.encode(WHOLE))
    with pytest.raises(NotAnInstallation):
        Installation.decode(Renewal(certificate=DER, issuing=DER).encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_an_installation_or_refused(data: bytes) -> None:
    for kind in (Installation, Renewal):
        try:
            found = kind.decode(data)
        except NotAnInstallation:
            continue
        assert found.encode() == data
