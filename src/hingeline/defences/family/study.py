"""MulDef over several seeds: families, the models beside them and the attacks are made anew for each.

One training is one number; what is told of the scheme is a mean over trainings with Student's interval and
with the extremes. Source of the scheme: arXiv 1809.00065. Cost: for each seed the training of the family, of
as many plain seeds and of one robust network, and the judgement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink, Note, ignore
from hingeline.core.figure_data import Bars, Figure
from hingeline.core.randomness import Randomness
from hingeline.defences.family.expectation import FamilyAttackSettings
from hingeline.defences.family.judgement import DefenceRow, FamilyJudgement
from hingeline.defences.family.judging import CHECKED, judge_family, judge_row
from hingeline.defences.family.muldef import train_family, train_seeds
from hingeline.defences.training.adversarial import fgsm, train_robust
from hingeline.defences.training.classifier import TrainingSettings
from hingeline.numerics.statistics import CONFIDENCE
from hingeline.sensitivity.results import numbers
from hingeline.sensitivity.threat import Threat

COLUMNS = ("clean", "static", "one_member", "adaptive", "any_fooled", "all_fooled")
"""What is told of every row, by the names of `DefenceRow`."""
_ROBUST_SEED = 10_000


@dataclass(frozen=True)
class OverSeeds:
    """A share over trainings."""

    mean: float
    low: float
    """Lower end of Student's interval of the mean."""
    high: float
    least: float
    most: float

    @classmethod
    def of(cls, values: FloatArray) -> OverSeeds:
        """The mean of shares, one for each training; of a single one nothing is known about the next."""
        mean, count = float(values.mean()), len(values)
        if count == 1:
            return cls(mean, 0.0, 1.0, mean, mean)
        width = float(stdtrit(count - 1, 0.5 + CONFIDENCE / 2) * values.std(ddof=1) / np.sqrt(count))
        return cls(
            mean, max(0.0, mean - width), min(1.0, mean + width), float(values.min()), float(values.max())
        )

    def to_dict(self) -> dict[str, float]:
        """Everything."""
        return {
            "mean": self.mean, "low": self.low, "high": self.high, "least": self.least, "most": self.most
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class MulDefRun:
    """One seed."""

    seed: int
    judgement: FamilyJudgement
    plain: DefenceRow
    """As many members that differ in their seeds only, attacked as the others are."""

    @property
    def rows(self) -> dict[str, DefenceRow]:
        """All defences by their keys."""
        judged = self.judgement
        return {
            "undefended": judged.undefended,
            "plain": self.plain,
            "muldef": judged.family,
            "robust": judged.robust,
        }


@dataclass(frozen=True, eq=False)
class MulDefStudy:
    """What MulDef buys, over seeds."""

    runs: tuple[MulDefRun, ...]
    members: int
    radius: float

    def values(self, row: str, column: str) -> FloatArray:
        """One share for each seed; `row` as in `MulDefRun.rows`, `column` as in `COLUMNS`."""
        return np.array([getattr(run.rows[row], column).value for run in self.runs])

    def over_seeds(self, row: str, column: str) -> OverSeeds:
        """The same with its interval."""
        return OverSeeds.of(self.values(row, column))

    @property
    def names(self) -> dict[str, str]:
        """Words for each row."""
        return {
            "undefended": "one model",
            "plain": f"{self.members} plain seeds",
            "muldef": f"MulDef of {self.members}",
            "robust": "one adversarially trained model",
        }

    @property
    def failed_facts(self) -> dict[str, int]:
        """Checks of the attack that failed, and in how many runs."""
        names = [name for run in self.runs for name in run.judgement.failed_facts]
        return {name: names.count(name) for name in names}

    def summary(self) -> dict[str, Any]:
        """Means with intervals and ranges, JSON-ready."""
        return {
            "seeds": [run.seed for run in self.runs],
            "members": self.members,
            "radius": self.radius,
            "rows": {
                row: {column: self.over_seeds(row, column).to_dict() for column in COLUMNS}
                for row in self.names
            },
            "diversity": OverSeeds.of(np.array([run.judgement.diversity for run in self.runs])).to_dict(),
            "failed_facts": self.failed_facts,
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        runs = [
            {"seed": run.seed, "judgement": run.judgement.to_dict(), "plain": run.plain.to_dict()}
            for run in self.runs
        ]
        return {**self.summary(), "runs": runs}

    def figures(self) -> tuple[Figure, ...]:
        """Means of all rows; transfer and retries of the first seed."""
        shown = ("clean", "static", "adaptive")
        pairs = [
            (f"{words}, {column}", float(self.values(row, column).mean()))
            for row, words in self.names.items()
            for column in shown
        ]
        bars = Bars(
            name="muldef-accuracy",
            caption=f"Accuracy at radius {self.radius:g}, mean of {len(self.runs)} seeds: clean, under "
            "one-step examples made beforehand, and under the attack that knows the members.",
            unit="accuracy",
            labels=tuple(label for label, _ in pairs),
            values=numbers(np.array([value for _, value in pairs])),
        )
        first = self.runs[0].judgement
        return (bars, first.heat("muldef-transfer"), first.retries.figure("muldef-retries"))


def judge_muldef(
    x_train: Any,
    y_train: Any,
    x_test: Any,
    y_test: Any,
    *,
    threat: Threat,
    radius: float,
    members: int = 5,
    seeds: int | Sequence[int] = 5,
    training: TrainingSettings | None = None,
    attack: FamilyAttackSettings | None = None,
    checked: int = CHECKED,
    on_event: EventSink = ignore,
    on_run: Callable[[MulDefRun], None] | None = None,
) -> MulDefStudy:
    """Train and judge MulDef for several seeds.

    Args:
        x_train: Inputs to train on, shape "n d", inside the threat's box.
        y_train: Their classes.
        x_test: Inputs to judge on, shape "t d".
        y_test: Their classes.
        threat: What may be changed, in training and after.
        radius: By how much.
        members: Models in each family.
        seeds: How many seeds, from 0 up, or which.
        training: How each model is trained.
        attack: How hard all are attacked.
        checked: Inputs on which the attack itself is checked.
        on_event: Where progress goes.
        on_run: Told of every seed that is done.

    Raises:
        InvalidInput: No seeds, or data that do not fit together.
    """
    chosen = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    if not chosen:
        raise InvalidInput("a study wants at least one seed")
    classes = int(max(np.max(y_train), np.max(y_test))) + 1
    x_judged, y_judged = np.asarray(x_test, dtype=np.float64), np.asarray(y_test, dtype=np.int64)
    runs: list[MulDefRun] = []
    for seed in chosen:
        on_event(Note(f"seed {seed}"))
        family = train_family(
            x_train, y_train, threat=threat, radius=radius, members=members, classes=classes, seed=seed,
            settings=training, on_event=on_event,
        )  # fmt: skip
        robust = train_robust(
            x_train, y_train, threat, radius, classes=classes, settings=training, seed=_ROBUST_SEED + seed
        )
        judgement = judge_family(
            family, x_judged, y_judged, threat, radius, robust=robust, settings=attack, seed=seed,
            checked=checked, on_event=on_event,
        )  # fmt: skip
        plain = train_seeds(x_train, y_train, members=members, classes=classes, seed=seed, settings=training)
        chance = Randomness(seed)
        static = fgsm(threat, radius).against(plain.members[:1], x_judged, y_judged, chance.step("static"))
        row, _ = judge_row(
            f"{members} plain seeds", plain, x_judged, y_judged, threat, radius, static,
            chance.step("plain"), settings=attack,
        )  # fmt: skip
        runs.append(MulDefRun(seed, judgement, row))
        if on_run is not None:
            on_run(runs[-1])
    return MulDefStudy(tuple(runs), members, radius)
