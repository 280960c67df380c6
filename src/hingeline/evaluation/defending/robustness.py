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
from hingeline.defences.checks import Check
from hingeline.numerics.statistics import wilson

_CHANCE = 0.05
"""How far above chance inputs may stand under changes so large that nothing is left of them."""
_EFFORT = 0.05
"""Share of inputs that twice the effort may bring down and the attack still counts as exhausted."""
_SLACK = 0.03
"""Share by which an attack that should be weaker may be stronger: chance."""


@dataclass(frozen=True)
class StandingRun:
    """Share of inputs that stand, for one seed; who stands is the same question for every attacker.

    Attributes:
        seed: Of everything.
        inputs: Inputs attacked.
        clean: Not attacked at all.
        transfer: Under attacks on the undefended model, carried over.
        unaware: Under descent through the door by small differences.
        adaptive: Under the worst of everything that anyone brought, attacks that know the defence among them.
        noise: Under random changes of the same size.
        one_step: Under one step along the gradient of the undefended model.
        search: Under random search through the defended door, without gradients.
        effort: Under the adaptive attacks and their repetition with other chance.
        large: Under the adaptive attacks with changes so large that nothing is left of the inputs.
        gradient: Under the candidates of gradient attacks and of those that know the defence, without noise,
            search and repetition; None where `adaptive` is that.
        alone: Under the attacks that the defence names, and nothing else; None if it names none.
        unlike: Share of inputs, and of places around them, at which the model is sure and the door decides
            otherwise; 0 for a defence that shows nothing but the model's scores.
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
    gradient: float | None = None
    alone: float | None = None
    unlike: float = 0.0

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
    def of(
        cls, runs: Sequence[StandingRun], chance: float, undefended: Robustness | None = None
    ) -> Robustness:
        """Runs with their checks.

        Args:
            runs: One for each seed.
            chance: Share of inputs that stand by chance when nothing is left of them.
            undefended: The model itself, if the attack on this defence rests on its gradients.
        """
        inherited = () if undefended is None else _inherited(undefended)
        return cls(tuple(runs), (*_checks(runs, chance), *inherited))

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
        for name in ("noise", "one_step", "search", "effort", "large", "transfer", "unlike")
    }
    found = float(np.mean([run.adaptive if run.gradient is None else run.gradient for run in runs]))
    large = mean["large"]
    yield Check(
        "large changes fool everybody",
        large <= chance + _CHANCE,
        f"changes that leave nothing of an input leave {large:.0%} standing; chance is {chance:.0%}",
    )
    yield Check(
        "more effort finds nothing more",
        found - mean["effort"] <= _EFFORT,
        f"twice the effort brings {found:.1%} down to {mean['effort']:.1%}",
    )
    yield Check(
        "worse than noise",
        found <= mean["noise"] + _SLACK,
        f"the attack leaves {found:.1%} standing, random changes of its size {mean['noise']:.1%}",
    )
    yield Check(
        "worse than one step",
        found <= mean["one_step"] + _SLACK,
        f"the attack leaves {found:.1%} standing, one step along the gradient {mean['one_step']:.1%}",
    )
    yield Check(
        "gradients are not masked",
        found <= mean["search"] + _SLACK,
        f"the attack leaves {found:.1%} standing, a search without gradients {mean['search']:.1%}",
    )
    yield _knows(runs, mean["transfer"], mean["unlike"])


def _knows(runs: Sequence[StandingRun], transfer: float, unlike: float) -> Check:
    """Whether somebody attacked what answers, where that is not the model."""
    name, told = "the attacker knows the defence", f"the door decides unlike the model at {unlike:.1%}"
    alone = [run.alone for run in runs if run.alone is not None]
    if unlike <= _SLACK:
        return Check(name, True, f"{told}, so who fools the model fools the door")
    if len(alone) < len(runs):
        return Check(name, False, f"{told}, and the defence names no attack that knows it (Defence.attacks)")
    own = float(np.mean(alone))
    words = f"{told}; attacks that know it leave {own:.1%} standing, those on the model {transfer:.1%}"
    return Check(name, own <= transfer + _SLACK, words)


def _inherited(undefended: Robustness) -> Iterable[Check]:
    """What failed at the model itself says that its gradients mislead; every door around it inherits that."""
    failed = [check.name for check in undefended.checks if not check.passed]
    words = f"the same attack on the undefended model failed: {', '.join(failed)}" if failed else "it did"
    yield Check("the attack on the undefended model passed its checks", not failed, words)
