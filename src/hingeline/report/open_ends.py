"""What cannot be known of a rebuilt network, or is not decided, and the cheapest questions that would help.

Of the evidence it reads `limits` and `undecided` (sentences) and `next` (what it is about, why, about how
many questions, how). What is absent is not claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hingeline.report.common import number
from hingeline.report.model import Block, Claim, Table, Text
from hingeline.report.numbers import count

NEXT = "What to ask next, the cheapest first:"


def open_ends(evidence: Mapping[str, Any]) -> Iterable[Block]:
    """Limits, what is open, and what to ask next."""
    for sentence in _sentences(evidence, "limits"):
        yield Text(sentence)
    for sentence in _sentences(evidence, "undecided"):
        yield Claim(sentence, None)
    questions = evidence.get("next", ())
    if questions:
        yield Text(NEXT)
        columns = ("about", "what is not known", "questions", "how")
        yield Table(columns, tuple(_row(question) for question in questions))


def _sentences(evidence: Mapping[str, Any], key: str) -> tuple[str, ...]:
    told = evidence.get(key, ())
    return tuple(map(str, told)) if isinstance(told, list | tuple) else (str(told),)


def _row(question: Mapping[str, Any]) -> tuple[str, ...]:
    price = number(question, "queries")
    asked = "none helps" if price is None else f"about {count(price)}"
    return (str(question["about"]), str(question["why"]), asked, str(question["how"]))
