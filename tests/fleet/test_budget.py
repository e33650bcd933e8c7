"""The bandwidth budget by itself: how much, to whom, in what order."""

import asyncio

import pytest

from bwc_sdk.offload.budget import AGED_S, Budget, Share

RATE = 1_000_000
RUN_S = 60.0


class Customer:
    """Asks for as much as it gets, at once again."""

    def __init__(self, budget: Budget, *, urgent: bool = False) -> None:
        self.share: Share = budget.share()
        self.urgent = urgent
        self.got = 0
        self.longest_wait_s = 0.0
        self._asked_s = 0.0

    def ask(self) -> None:
        self._asked_s = asyncio.get_running_loop().time()
        self.share.ask(1 << 30, self.urgent, self._paid)

    def _paid(self, size: int) -> None:
        waited = asyncio.get_running_loop().time() - self._asked_s
        self.longest_wait_s = max(self.longest_wait_s, waited)
        self.got += size
        self.ask()


async def shared(*customers: Customer) -> None:
    for one in customers:
        one.ask()
    await asyncio.sleep(RUN_S)
    for one in customers:
        one.share.withdraw()


def test_no_more_is_paid_than_the_budget_and_hardly_less(play) -> None:
    async def scenario() -> None:
        budget = Budget(RATE)
        customers = [Customer(budget) for _ in range(5)]
        await shared(*customers)
        total = sum(one.got for one in customers)
        assert 0.99 * RATE * RUN_S <= total <= RATE * RUN_S + 2 * budget.step_bytes

    play(scenario())


def test_equals_get_the_same_whoever_came_later(play) -> None:
    async def scenario() -> None:
        budget = Budget(RATE)
        early, late = Customer(budget), Customer(budget)
        early.ask()
        await asyncio.sleep(RUN_S)
        before = early.got
        late.ask()
        await asyncio.sleep(RUN_S)
        assert abs((early.got - before) - late.got) <= 2 * budget.step_bytes, (
            "nobody catches up what he did not ask"
        )
        early.share.withdraw()
        late.share.withdraw()

    play(scenario())


def test_what_is_urgent_comes_first_and_nobody_starves(play) -> None:
    async def scenario() -> None:
        budget = Budget(RATE)
        urgent = Customer(budget, urgent=True)
        ordinary = [Customer(budget) for _ in range(15)]
        await shared(urgent, *ordinary)
        assert urgent.got >= 0.9 * RATE * RUN_S
        assert all(one.got >= budget.step_bytes * (RUN_S // AGED_S - 2) for one in ordinary)
        assert all(one.got for one in ordinary)
        assert max(one.longest_wait_s for one in ordinary) <= AGED_S + 2.0

    play(scenario())


def test_what_was_not_used_can_be_given_back_and_is_not_saved_up(play) -> None:
    async def scenario() -> None:
        budget = Budget(RATE)
        before = Customer(budget)
        before.ask()
        await asyncio.sleep(0.01)
        before.share.withdraw()
        await asyncio.sleep(1_000)
        one = Customer(budget)
        one.ask()
        await asyncio.sleep(0.01)
        one.share.withdraw()
        assert one.got <= 2 * budget.step_bytes, "a pause is no reason for a burst"
        paid: list[int] = []
        one.share.give_back(budget.step_bytes)
        one.share.ask(budget.step_bytes, False, paid.append)
        await asyncio.sleep(0.001)
        assert paid == [budget.step_bytes]

    play(scenario())


def test_who_gave_back_what_it_got_is_not_served_behind_the_others_for_it(play) -> None:
    async def scenario() -> None:
        budget = Budget(RATE)
        one, other = budget.share(), budget.share()
        order: list[str] = []
        one.ask(budget.step_bytes, False, lambda size: one.give_back(size))
        await asyncio.sleep(1)
        one.ask(budget.step_bytes, False, lambda size: order.append("one"))
        other.ask(budget.step_bytes, False, lambda size: order.append("other"))
        await asyncio.sleep(1)
        assert order == ["one", "other"], "equal, and it asked first"

    play(scenario())


@pytest.mark.parametrize("rate", [0, -1, 999, float("nan")])
def test_a_budget_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="at least"):
        Budget(rate)
