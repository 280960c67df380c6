"""The attacker who does not solve but learns: a classifier trained on the decisions that a door shows.

Such a copy needs no score, no precision and no secret of the model, so that hardly a defence stops it; it is
never exact, and it decides alike only where inputs look like those it was trained on. The attacker here has
half of the ordinary inputs, mixes pairs of them, and asks the door what they are.
Source: Tramèr, Zhang, Juels, Reiter and Ristenpart, Stealing Machine Learning Models via Prediction APIs,
USENIX Security 2016 (learning from labels); mixing pairs: Zhang et al., mixup, ICLR 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import BudgetExhausted, OracleError
from hingeline.core.randomness import Randomness
from hingeline.defences.training.classifier import TrainingSettings, train_classifier
from hingeline.evaluation.defending.shown import Reading
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.session import QuerySession

QUERIES = 2000
"""Rows that the learner asks."""
FEWEST_INPUTS = 20
"""Inputs below which half of them teach nothing."""
_SETTINGS = TrainingSettings(hidden=(64,), epochs=30)


@dataclass(frozen=True)
class LearnedRun:
    """One copy learned through the defended door.

    Attributes:
        seed: Of the attacker.
        agreement: Share of the inputs that the learner did not have, at which the copy decides as the
            undefended model; None where nothing could be learnt.
        queries: Rows asked.
    """

    seed: int
    agreement: float | None
    queries: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> LearnedRun:
        """What `to_dict` told."""
        return cls(**told)


def learned_run(
    door: Oracle,
    *,
    seed: int,
    classes: int,
    points: FloatArray,
    decided: IntArray,
    budget: int | None = None,
) -> LearnedRun:
    """Learn a copy through a door.

    Args:
        door: The defended door.
        seed: Of the attacker.
        classes: Classes of the model.
        points: Ordinary inputs, shape "n d": a random half for the learner, the others to compare at.
        decided: What the undefended model decides at them, shape "n".
        budget: Most rows that it may ask, if that is less than `QUERIES`.
    """
    if len(points) < FEWEST_INPUTS:
        return LearnedRun(seed, None, 0)
    rng = Randomness(seed).step("learned copy")
    order = rng.permutation(len(points))
    known, unknown = order[: len(points) // 2], order[len(points) // 2 :]
    rows = _mixed(points[known], rng)[:budget]
    session = QuerySession(door)
    try:
        shown = Reading.of(door, classes).decided(session.ask(rows))
    except (OracleError, BudgetExhausted):
        return LearnedRun(seed, None, session.spent)
    answered = shown < classes
    if len(np.unique(shown[answered])) < 2:
        return LearnedRun(seed, None, session.spent)
    copy = train_classifier(rows[answered], shown[answered], classes=classes, settings=_SETTINGS, seed=seed)
    agreed = copy(points[unknown]).argmax(axis=1) == decided[unknown]
    return LearnedRun(seed, float(agreed.mean()), session.spent)


def _mixed(points: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The inputs, and weighted means of random pairs of them."""
    pairs = rng.integers(0, len(points), (2, max(0, QUERIES - len(points))))
    share = rng.random((pairs.shape[1], 1))
    return np.concatenate([points[:QUERIES], share * points[pairs[0]] + (1.0 - share) * points[pairs[1]]])
