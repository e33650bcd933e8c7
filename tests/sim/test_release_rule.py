"""When a recording is released: the rule by itself."""

import pytest

from firmware_sim.storage.release import Block, EraseRules, ReceiptFacts, Release, release_of

HEAD, OLD = b"h" * 32, b"o" * 32


def stands(
    *receipts: ReceiptFacts,
    holds: int = 0,
    needed: int = 1,
    keep_h: int = 0,
    powered_min: int = 1_000,
    proof_needed: bool = False,
) -> Release:
    return release_of(
        receipts,
        annotations_sha256=HEAD,
        holds=holds,
        rules=EraseRules(receipts=needed, keep_h=keep_h),
        powered_min=powered_min,
        proof_needed=proof_needed,
    )


def of(destination: str, head: bytes = HEAD, at_min: int = 900) -> ReceiptFacts:
    return ReceiptFacts(destination, head, at_min)


@pytest.mark.rule("REC-057")
def test_it_is_released_by_as_many_destinations_as_are_asked_for() -> None:
    assert stands().block is Block.RECEIPTS
    assert stands(of("a")).released
    assert stands(of("a"), needed=2).block is Block.RECEIPTS
    assert stands(of("a"), of("b"), needed=2).released


def test_two_receipts_of_one_destination_are_one() -> None:
    assert stands(of("a"), of("a", at_min=950), needed=2).block is Block.RECEIPTS


def test_a_receipt_of_an_older_head_does_not_count() -> None:
    assert stands(of("a", OLD)).block is Block.RECEIPTS
    assert stands(of("a"), of("b", OLD), needed=2).block is Block.RECEIPTS


def test_a_hold_keeps_it_and_nothing_makes_it_give_way() -> None:
    found = stands(of("a"), holds=1)
    assert (found.block, found.released, found.gives_way) == (Block.HELD, False, False)


@pytest.mark.rule("REC-061")
def test_it_stays_so_many_powered_hours_after_the_receipt_that_was_still_needed() -> None:
    both = (of("a", at_min=100), of("b", at_min=400))
    assert stands(*both, needed=2, keep_h=10, powered_min=999).left_min == 1
    assert stands(*both, needed=2, keep_h=10, powered_min=999).block is Block.KEPT
    assert stands(*both, needed=2, keep_h=10, powered_min=1_000).released
    assert stands(*both, needed=1, keep_h=10, powered_min=700).released, "the second was not needed"


def test_it_gives_way_before_those_hours_are_over_but_not_without_receipts_or_proof() -> None:
    assert stands(of("a"), keep_h=8_760).gives_way
    assert not stands(keep_h=8_760).gives_way
    assert not stands(of("a"), keep_h=8_760, proof_needed=True).gives_way


def test_a_proof_that_is_too_old_keeps_it() -> None:
    assert stands(of("a"), proof_needed=True).block is Block.PROOF
