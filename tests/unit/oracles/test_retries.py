from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from hingeline.oracles.retries import Attempts, Mishap, RetryPolicy, Trouble, retry_after, trouble_of


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), (" 0 ", 0.0), ("-3", None), ("soon", None), ("", None)]
)
def test_retry_after_in_seconds_is_read_and_nonsense_is_ignored(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}) == seconds


@pytest.mark.parametrize(("offset", "seconds"), [(60, 60.0), (-60, 0.0)])
def test_retry_after_as_a_date_counts_from_now(offset: int, seconds: float) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=offset), usegmt=True)
    assert retry_after({"retry-after": date}) == pytest.approx(seconds, abs=2)


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (429, "BUSY"),
        (503, "BUSY"),
        (500, "ERROR"),
        (502, "DOUBT"),
        (504, "DOUBT"),
        (400, "REFUSED"),
        (307, "REFUSED"),
    ],
)
def test_every_status_has_its_kind_of_trouble(status: int, trouble: str) -> None:
    assert trouble_of(status) is Trouble[trouble]


def pauses(mishap: Mishap, policy: RetryPolicy) -> list[float]:
    attempts = Attempts(policy)
    found: list[float] = []
    while (pause := attempts.pause_after(mishap)) is not None:
        found.append(pause)
    return found


@pytest.mark.parametrize(
    ("mishap", "expected"),
    [
        (Mishap(Trouble.UNREACHABLE, ""), [0.5, 1, 2, 4]),
        (Mishap(Trouble.BUSY, ""), [0.5, 1, 2, 4]),
        (Mishap(Trouble.BUSY, "", 429, retry_after=3), [3, 3, 3]),
        (Mishap(Trouble.BUSY, "", 429, retry_after=60), []),
        (Mishap(Trouble.ERROR, "", 500), [0.5, 1]),
        (Mishap(Trouble.ERROR, "", 500, retry_after=60), [0.5, 1]),
        (Mishap(Trouble.DOUBT, ""), []),
        (Mishap(Trouble.REFUSED, "", 400), []),
    ],
)
def test_each_trouble_has_its_ladder_of_pauses(mishap: Mishap, expected: list[float]) -> None:
    assert pauses(mishap, RetryPolicy(patience=10, longest_wait=10)) == expected


def test_doubt_allows_one_repeat_where_the_target_knows_repeated_ids() -> None:
    assert len(pauses(Mishap(Trouble.DOUBT, ""), RetryPolicy(idempotent=True))) == 1


def test_a_target_that_says_come_back_at_once_is_not_hammered() -> None:
    found = pauses(Mishap(Trouble.BUSY, "", 429, retry_after=0), RetryPolicy(longest_wait=1))
    assert 5 <= len(found) <= 10
