"""How many inputs still stand behind one defence, and whether the attack deserves to be believed.

A figure is never stated without the attacker who knows the defence, nor where a check of that attacker fails.
Source of the checks: Carlini et al., On Evaluating Adversarial Robustness, 2019 (condensed; the limits are
ours).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.numerics.statistics import wilson

_CHANCE = 0.05
"""How far above chance inputs may stand under changes so large that nothing is left of them."""
_EFFORT = 0.05
"""Share of inputs that twice the effort may bring down and the attack still counts as exhausted."""
_SLACK = 0.03
"""Share by which an attack that should be weaker may be stronger: chance."""


@dataclass(frozen=True)
class Check:
    """One thing that must be so if the attack is any good."""

    name: str
    passed: bool
    words: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


@dataclass(frozen=True)
class StandingRun:
    """Share of inputs that stand, for one seed; who stands is the same question for every attacker.

    Attributes:
        seed: Of everything.
        inputs: Inputs attacked.
        clean: Not attacked at all.
        transfer: Under attacks on the undefended model, carried over.
        unaware: Under descent through the door by small differences.
        adaptive: Under the worst of all candidates, those of attacks that know the defence among them.
        noise: Under random changes of the same size.
        one_step: Under one step along the gradient of the undefended model.
        search: Under random search through the defended door, without gradients.
        effort: Under the adaptive attacks and their repetition with other chance.
        large: Under the adaptive attacks with changes so large that nothing is left of the inputs.
    """

    seed: int
    inputs: int
    clean: float
    transfer: float
    unaware: float
    adaptive: float
    noise: float
    one_step: float
    search: float
    effort: float
    large: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> StandingRun:
        """What `to_dict` told."""
        return cls(**told)


@dataclass(frozen=True)
class Robustness:
    """Standing behind one defence over all seeds.

    Attributes:
        runs: One for each seed.
        checks: What must be so if the attacks are any good.

    Raises:
        InvalidInput: There is no run, no adaptive figure or no check: such a figure is not to be told.
    """

    runs: tuple[StandingRun, ...]
    checks: tuple[Check, ...]

    def __post_init__(self) -> None:
        if not self.runs or not self.checks or any(np.isnan(run.adaptive) for run in self.runs):
            raise InvalidInput(
                "a figure of robustness wants its adaptive attacker and the checks of the attack beside it"
            )

    @classmethod
    def of(cls, runs: Sequence[StandingRun], chance: float) -> Robustness:
        """Runs with their checks.

        Args:
            runs: One for each seed.
            chance: Share of inputs that stand by chance when nothing is left of them.
        """
        return cls(tuple(runs), tuple(_checks(runs, chance)))

    @property
    def stated(self) -> bool:
        """Whether the figure may be stated: every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def why_not(self) -> tuple[str, ...]:
        """What failed; empty if the figure may be stated."""
        return tuple(check.words for check in self.checks if not check.passed)

    def mean(self, name: str) -> float:
        """Mean of one share over the seeds, such as "adaptive"."""
        return float(np.mean(self._shares(name)))

    def range(self, name: str) -> tuple[float, float]:
        """Smallest and largest of the seeds."""
        shares = self._shares(name)
        return float(shares.min()), float(shares.max())

    def interval(self, name: str) -> tuple[float, float]:
        """Wilson interval over the inputs; seeds ask about the same inputs and are no further evidence."""
        inputs = self.runs[0].inputs
        return wilson(self.mean(name) * inputs, inputs)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        names = ("clean", "transfer", "unaware", "adaptive", "noise")
        return {
            "stated": self.stated,
            "why_not": list(self.why_not),
            **{name: self.mean(name) for name in names},
            "adaptive_range": list(self.range("adaptive")),
            "adaptive_interval": list(self.interval("adaptive")),
            "checks": [check.to_dict() for check in self.checks],
            "runs": [run.to_dict() for run in self.runs],
        }

    def _shares(self, name: str) -> FloatArray:
        return np.array([getattr(run, name) for run in self.runs])


def _checks(runs: Sequence[StandingRun], chance: float) -> Iterable[Check]:
    mean = {
        name: float(np.mean([getattr(run, name) for run in runs]))
        for name in ("adaptive", "noise", "one_step", "search", "effort", "large")
    }
    large, adaptive = mean["large"], mean["adaptive"]
    yield Check(
        "large changes fool everybody",
        large <= chance + _CHANCE,
        f"changes that leave nothing of an input leave {large:.0%} standing; chance is {chance:.0%}",
    )
    yield Check(
        "more effort finds nothing more",
        adaptive - mean["effort"] <= _EFFORT,
        f"twice the effort brings {adaptive:.1%} down to {mean['effort']:.1%}",
    )
    yield Check(
        "worse than noise",
        adaptive <= mean["noise"] + _SLACK,
        f"the attack leaves {adaptive:.1%} standing, random changes of its size {mean['noise']:.1%}",
    )
    yield Check(
        "worse than one step",
        adaptive <= mean["one_step"] + _SLACK,
        f"the attack leaves {adaptive:.1%} standing, one step along the gradient {mean['one_step']:.1%}",
    )
    yield Check(
        "gradients are not masked",
        adaptive <= mean["search"] + _SLACK,
        f"the attack leaves {adaptive:.1%} standing, a search without gradients {mean['search']:.1%}",
    )
