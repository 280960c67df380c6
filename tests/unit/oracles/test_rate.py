from __future__ import annotations

import pytest

from hingeline.core.errors import InvalidInput
from hingeline.oracles.rate import TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def bucket(rate: float, clock: Clock) -> TokenBucket:
    return TokenBucket(rate, clock=clock, sleep=clock.sleep)


def test_a_second_worth_goes_at_once_and_then_the_rate_holds() -> None:
    limit = bucket(5, Clock())
    assert [limit.take(1) for _ in range(5)] == [0.0] * 5
    assert limit.take(1) == pytest.approx(0.2)


def test_a_large_batch_goes_when_the_bucket_is_full_and_leaves_a_debt() -> None:
    limit = bucket(10, Clock())
    assert limit.take(100) == 0.0
    assert limit.take(1) == pytest.approx((90 + 1) / 10)


@pytest.mark.parametrize("batch", [1, 3, 7, 50])
def test_the_average_stays_at_the_rate_whatever_the_batch_size(batch: int) -> None:
    clock = Clock()
    limit = bucket(20, clock)
    for _ in range(400 // batch):
        limit.wait(batch)
    asked = 400 // batch * batch
    # A second's worth is free at the start, and the last batch may still be owed.
    assert (asked - 20 - batch) / 20 <= clock.now <= asked / 20 + 0.1


def test_nothing_is_taken_by_a_request_that_has_to_wait() -> None:
    limit = bucket(2, Clock())
    limit.take(2)
    assert limit.take(1) == limit.take(1) == pytest.approx(0.5)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_is_not_above_zero_is_refused(rate: float) -> None:
    with pytest.raises(InvalidInput, match="above 0"):
        TokenBucket(rate)
