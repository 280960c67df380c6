"""What asking again buys an attacker, depending on when the member that answers is drawn.

Drawn for every query: an input that is answered wrongly with chance p is answered wrongly at least once in r
tries with chance 1 - (1 - p)^r. Drawn once for each client: the same input again changes nothing, but another
candidate each time, made for members not yet fooled, ends with every member for which one was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.defences.family.expectation import FamilyAttacked
from hingeline.sensitivity.results import listed, numbers, sealed

TRIES = (1, 2, 3, 5, 10, 20, 50, 100)


@dataclass(frozen=True, eq=False)
class Retries:
    """Chance of a wrong answer within r tries, averaged over inputs.

    Attributes:
        tries: Shape "r".
        per_query: The same candidate again, a member drawn each time, shape "r".
        once: The same candidate again, one member for the client, shape "r".
        once_varied: A candidate for members not yet fooled each time, one member for the client, shape "r".
    """

    tries: FloatArray
    per_query: FloatArray
    once: FloatArray
    once_varied: FloatArray

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        return {
            "tries": [int(t) for t in self.tries],
            "drawn_per_query": listed(self.per_query),
            "drawn_once_same_candidate": listed(self.once),
            "drawn_once_other_candidates": listed(self.once_varied),
        }

    def figure(self, name: str = "family-retries") -> Curves:
        """Wrong answers against tries."""
        lines = (
            ("member drawn for every query", self.per_query),
            ("drawn once per client, other candidates", self.once_varied),
            ("drawn once per client, same candidate", self.once),
        )
        across = numbers(self.tries)
        return Curves(
            name=name,
            caption="Chance that an attacker who may ask again has had a wrong answer, against tries.",
            across=Axis("tries", log=True),
            up=Axis("chance of a wrong answer", from_zero=True),
            curves=tuple(Curve(words, across, numbers(values)) for words, values in lines),
        )


def measure_retries(attacked: FamilyAttacked, tries: tuple[int, ...] = TRIES) -> Retries:
    """What asking again buys with the candidates found; no query."""
    wrong = 1.0 - attacked.expected_right
    counts = np.array(tries, dtype=np.float64)
    candidates = np.concatenate([attacked.right[np.newaxis], attacked.own_right])
    varied = covered_by_best(~candidates, attacked.weights, max(tries)).mean(axis=1)
    return Retries(
        tries=sealed(counts),
        per_query=sealed((1.0 - (1.0 - wrong) ** counts[:, np.newaxis]).mean(axis=1)),
        once=sealed(np.full(len(counts), wrong.mean())),
        once_varied=sealed(varied[np.array(tries) - 1]),
    )


def covered_by_best(fooled: BoolArray, weights: FloatArray, most: int) -> FloatArray:
    """Weight of the members that the first 1, 2, ... candidates fool, each the best beside those before.

    Args:
        fooled: Which candidate fools which member at which input, shape "c m n".
        weights: Chances of the members, shape "m".
        most: How many candidates are sent.

    Returns:
        Shape "most n".
    """
    covered = np.zeros(fooled.shape[1:], dtype=np.bool_)
    rows, steps = np.arange(fooled.shape[2]), []
    for _ in range(min(most, len(fooled))):
        gains = np.einsum("m,cmn->cn", weights, fooled & ~covered)
        covered |= fooled[gains.argmax(axis=0), :, rows].T
        steps.append(weights @ covered)
    steps += [steps[-1]] * (most - len(steps))
    return np.stack(steps)
