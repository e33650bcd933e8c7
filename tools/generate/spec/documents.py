"""The generated parts of the chapter on signatures and signed documents (spec: Signed documents)."""

from collections.abc import Callable
from typing import Final

from bwc_protocol.documents import (
    annotation_head,
    checkpoint,
    deny_list,
    desired_state,
    order,
    receipt,
    renewal_proof,
    reset_record,
    seizure,
    tombstone,
)
from bwc_protocol.documents.refusal import DocumentCheck
from bwc_protocol.documents.signed_document import DOCUMENT_MAX, SIGNATURES_MAX
from bwc_protocol.evidence import sign1
from tools.generate.source_docs import member_docs
from tools.generate.spec import cddl as spec_cddl
from tools.generate.spec.markdown import numbers, table


def signature() -> str:
    """`Sign1` and what is in its header."""
    certificate = "bstr .size (1..2048)"
    lines = [
        "signature = [",
        "  bstr .cbor protected,             ; the protected header, as it is signed",
        "  {},                               ; nothing unprotected",
        "  null,                             ; the payload is elsewhere",
        "  bstr .size 64,                    ; ES256: r and s, big-endian, 32 bytes each",
        "]",
        "",
        "protected = {",
        f"  {sign1.ALGORITHM} => {sign1.ES256},                          ; alg: ES256",
        f"  {sign1.X5CHAIN} => certificate / [certificate, certificate], ; x5chain: a root, or leaf and issuing CA",
        "}",
        "",
        f"certificate = {certificate}   ; DER",
    ]
    return "\n".join(["```cddl", *lines, "```"])


def document() -> str:
    """A payload with its signatures."""
    lines = [
        "signed-document = [",
        "  bstr,                             ; payload: the encoding of one of the documents above",
        f"  [0*{SIGNATURES_MAX} bstr .cbor signature],       ; signatures over it; unsigned while it is made",
        "]",
    ]
    return "\n".join(["```cddl", *lines, "```"])


def kinds() -> str:
    """What there is, who signs it, how long it may be."""
    rows = [
        ("`deny-list`", "a root of the agency", deny_list.DenyList.signatures, deny_list.DENY_LIST_MAX),
        (
            "`order`",
            "two people, under `TECHNICIAN` or `RECORDS`",
            order.Order.signatures,
            order.ORDER_MAX,
        ),
        (
            "`desired-state`",
            "a technician",
            desired_state.DesiredState.signatures,
            desired_state.DESIRED_MAX,
        ),
        (
            "`reset-record`",
            "the device, by its factory key",
            reset_record.ResetRecord.signatures,
            reset_record.RESET_RECORD_MAX,
        ),
        (
            "`renewal-proof`",
            "the device, by its present key",
            renewal_proof.RenewalProof.signatures,
            renewal_proof.RENEWAL_PROOF_MAX,
        ),
        ("`seizure`", "the records section", seizure.Seizure.signatures, seizure.SEIZURE_MAX),
        ("`receipt`", "a destination", receipt.Receipt.signatures, receipt.RECEIPT_MAX),
        ("`tombstone`", "the camera", tombstone.Tombstone.signatures, tombstone.TOMBSTONE_MAX),
    ]
    assert max(size for *_, size in rows) == DOCUMENT_MAX
    return table(
        ("document", "signed by", "signatures", "bytes, at most"),
        [(name, by, str(count), f"{size:,}") for name, by, count, size in rows],
    )


def checks() -> str:
    """The names by which a document is refused."""
    docs = member_docs(DocumentCheck)
    return table(
        ("check", "what has to hold"), [(f"`{check.value}`", docs[check.name]) for check in DocumentCheck]
    )


TABLES: Final[dict[str, Callable[[], str]]] = {
    "signature-cddl": signature,
    "document-cddl": document,
    "document-kinds": kinds,
    "document-checks": checks,
    "deny-list-cddl": lambda: spec_cddl.block((deny_list.DenyList, deny_list.Denied)),
    "denied-by": lambda: numbers(deny_list.DeniedBy),
    "denied-kinds": lambda: numbers(deny_list.DeniedKind),
    "order-cddl": lambda: spec_cddl.block((order.Order, *order.ACTIONS.values())),
    "desired-state-cddl": lambda: spec_cddl.block(
        (desired_state.DesiredState, desired_state.DesiredSetting, desired_state.DesiredAssignment)
    ),
    "renewal-proof-cddl": lambda: spec_cddl.block((renewal_proof.RenewalProof,)),
    "reset-record-cddl": lambda: spec_cddl.block((reset_record.ResetRecord,)),
    "seizure-cddl": lambda: spec_cddl.block((seizure.Seizure,)),
    "annotation-head-cddl": lambda: spec_cddl.block((annotation_head.AnnotationHead,)),
    "checkpoint-cddl": lambda: spec_cddl.block((checkpoint.Checkpoint,)),
    "receipt-cddl": lambda: spec_cddl.block((receipt.Receipt,)),
    "tombstone-cddl": lambda: spec_cddl.block((tombstone.Tombstone,)),
    "erase-reasons": lambda: numbers(tombstone.EraseReason),
    "reset-causes": lambda: numbers(reset_record.ResetCause),
}
