"""The judgement of a family: what is lost to attackers who know it, beside the models to be better than.

There is no way to hold or print the accuracy under examples made beforehand without that under the adaptive
attack: each row wants both, and every row was attacked alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Bars, Figure, Heat
from hingeline.defences.checks import Check
from hingeline.defences.family.retries import Retries
from hingeline.numerics.statistics import wilson
from hingeline.sensitivity.results import listed, numbers
from hingeline.sensitivity.threat import Norm


@dataclass(frozen=True)
class Share:
    """A mean over inputs of chances, with the score interval of as many independent answers.

    A chance between 0 and 1 varies less than an answer drawn by it, so the interval is on the cautious side.
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, chances: Any) -> Share:
        """The mean of `chances`, shape "n"."""
        table = np.asarray(chances, dtype=np.float64)
        total = float(np.clip(table.sum(), 0.0, len(table)))
        low, high = wilson(total, len(table))
        return cls(total / len(table), float(low), float(high))

    def to_dict(self) -> dict[str, float]:
        """Value and both ends."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class DefenceRow:
    """One defence under all attacks; accuracies are expected over who answers."""

    name: str
    clean: Share
    """Accuracy on the inputs."""
    static: Share
    """Accuracy on one-step examples made beforehand on the undefended model."""
    one_member: Share
    """Accuracy when the attacker picks the one member whose examples fool the family most."""
    adaptive: Share
    """Accuracy under the enumerated expectation, the best of all candidates for each input."""
    any_fooled: Share
    """Inputs for which some candidate fools some member."""
    all_fooled: Share
    """Inputs for which one candidate fools every member."""

    def __post_init__(self) -> None:
        if self.adaptive.value > min(self.clean.value, self.static.value, self.one_member.value) + 1e-9:
            raise InvalidInput(
                f"{self.name}: an adaptive accuracy of {self.adaptive.value:.3f} is above that of an attack "
                f"the attacker also has ({self.static.value:.3f}, {self.one_member.value:.3f}); give its "
                "candidates to the adaptive attack as `known`"
            )

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        shares = ("clean", "static", "one_member", "adaptive", "any_fooled", "all_fooled")
        return {"name": self.name, **{key: getattr(self, key).to_dict() for key in shares}}


@dataclass(frozen=True)
class Fact(Check):
    """One check of the attack itself."""

    inputs: int
    """Inputs it was looked at with."""


@dataclass(frozen=True, eq=False)
class FamilyJudgement:
    """What a family of models buys at one radius.

    Attributes:
        family: The family's row.
        undefended: The same attack on one model without any defence.
        robust: The same attack on one model trained against projected gradient descent.
        transfer: Accuracy of member k on examples made for member j, shape "m m" (j, k).
        retries: What asking again buys.
        facts: Checks of the attack; where one failed, the accuracies are only upper limits.
        expected: Chance of a right answer at each input's worst candidate, shape "n".
        norm: How changes were measured.
        radius: How large they were at most.
        seed: Of the attack's starts.
    """

    family: DefenceRow
    undefended: DefenceRow
    robust: DefenceRow
    transfer: FloatArray
    retries: Retries
    facts: tuple[Fact, ...]
    expected: FloatArray
    norm: Norm
    radius: float
    seed: int

    @property
    def rows(self) -> tuple[DefenceRow, ...]:
        """All defences, in the order of a table."""
        return (self.undefended, self.family, self.robust)

    @property
    def members(self) -> int:
        """Models in the family."""
        return len(self.transfer)

    @property
    def diversity(self) -> float:
        """Mean transfer accuracy off the diagonal less that on it; 0 for a single member."""
        own = float(np.diag(self.transfer).mean())
        if self.members == 1:
            return 0.0
        others = (self.transfer.sum() - np.trace(self.transfer)) / (self.members * (self.members - 1))
        return float(others) - own

    @property
    def failed_facts(self) -> tuple[str, ...]:
        """Names of checks that did not pass."""
        return tuple(fact.name for fact in self.facts if not fact.passed)

    @property
    def gain(self) -> float:
        """Accuracy under the adaptive attack, above the undefended model's."""
        return self.family.adaptive.value - self.undefended.adaptive.value

    def summary(self) -> dict[str, Any]:
        """The figures, JSON-ready; never the static accuracy alone."""
        return {
            "members": self.members,
            "norm": self.norm,
            "radius": self.radius,
            "inputs": len(self.expected),
            **{f"clean_{k}": v for k, v in _values(self, "clean").items()},
            **{f"static_{k}": v for k, v in _values(self, "static").items()},
            **{f"adaptive_{k}": v for k, v in _values(self, "adaptive").items()},
            "one_member_family": self.family.one_member.value,
            "any_fooled": self.family.any_fooled.value,
            "all_fooled": self.family.all_fooled.value,
            "diversity": self.diversity,
            "failed_facts": list(self.failed_facts),
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        return {
            **self.summary(),
            "rows": [row.to_dict() for row in self.rows],
            "transfer": listed(self.transfer),
            "retries": self.retries.to_dict(),
            "facts": [fact.to_dict() for fact in self.facts],
            "expected": listed(self.expected),
            "seed": self.seed,
        }

    def figures(self) -> tuple[Figure, ...]:
        """Accuracies of all rows, the transfer matrix, and retries."""
        return (self.bars(), self.heat(), self.retries.figure())

    def bars(self) -> Bars:
        """Accuracy by defence, static and adaptive side by side."""
        pairs = [(f"{r.name}, {words}", share.value) for r in self.rows for words, share in _shown(r)]
        return Bars(
            name="family-accuracy",
            caption=f"Accuracy at {self.norm} radius {self.radius:g}: clean, under examples made beforehand, "
            "and under the attack that knows the defence.",
            unit="accuracy",
            labels=tuple(label for label, _ in pairs),
            values=tuple(value for _, value in pairs),
        )

    def heat(self, name: str = "family-transfer") -> Heat:
        """The transfer matrix."""
        names = tuple(f"member {index}" for index in range(self.members))
        return Heat(
            name=name,
            caption="Accuracy of each member on examples made for each member alone.",
            unit="accuracy",
            down="examples made for",
            across="answered by",
            rows=names,
            columns=names,
            values=tuple(numbers(row) for row in self.transfer),
        )


def _values(judgement: FamilyJudgement, key: str) -> dict[str, float]:
    rows = (("family", judgement.family), ("undefended", judgement.undefended), ("robust", judgement.robust))
    return {name: getattr(row, key).value for name, row in rows}


def _shown(row: DefenceRow) -> tuple[tuple[str, Share], ...]:
    return (("clean", row.clean), ("static", row.static), ("adaptive", row.adaptive))
