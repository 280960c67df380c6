"""What gradient descent learns first: the two-stage dynamics of a mean-field learner of a'|Wx|.

The learner (1/m) sum |w_i| |w_i . x| descends the exact population loss. Orders 0 and 2 of the loss fall at
once, a long plateau follows (fourth-order tensor power method: some neurons lead), then 4 and all above.
Truncation: a neuron stops as soon as |w|^2 > 1/lambda; lambda is smaller in the second stage.

The step is per neuron in mean-field scale: w_i <- w_i - rate m dL/dw_i.
Source: Li, Ma and Zhang, COLT 2020 (learner, truncation, stages); exact population gradients instead of
samples are ours. Cost: about 0.2 ms a step at d = 30, m = 100.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from hingeline.absolute_value.population import (
    ORDERS,
    loss_gradient,
    loss_terms,
    quadratic_floor,
    units_and_sizes,
)
from hingeline.core.arrays import FloatArray, frozen
from hingeline.core.errors import InvalidInput
from hingeline.core.events import Event, EventSink, ignore
from hingeline.core.figure_data import Axis, Curve, Curves

GradientRule = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class LearningSettings:
    """Frozen settings of one descent."""

    neurons: int = 100
    """Of the learner."""
    rate: float = 0.05
    """Step per neuron, mean-field scale."""
    first_lambda: float = 1e-2
    """A neuron stops beyond |w|^2 = 1 / lambda, first stage."""
    second_lambda: float = 1e-3
    """The same in the second stage."""
    second_stage: int = 6000
    """Step at which the second stage begins."""
    every: int = 250
    """Steps between two measurements of the loss."""


@dataclass(frozen=True)
class LearningProgressed(Event):
    """The loss was measured."""

    step: int
    loss: float


@dataclass(frozen=True, eq=False)
class LearningState:
    """All that a descent carries on; kept, it resumes one exactly."""

    step: int
    weights: FloatArray
    """Of the learner, shape "m d"."""
    stopped: FloatArray
    """1 for neurons whose truncation was reached in this stage, shape "m"."""


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """How the loss fell, order by order."""

    steps: FloatArray
    loss: FloatArray
    terms: FloatArray
    """Part of each order of `orders`, shape "steps orders"."""
    orders: tuple[int, ...]
    worst_cosine: FloatArray
    """For the teacher's worst neuron: cosine of the learner's nearest; shape "steps"."""
    input_dim: int
    state: LearningState
    """Where it ended; hand it to `learn` to go on."""

    def at(self, step: int) -> float:
        """Loss at a measured step.

        Raises:
            InvalidInput: It was not measured there.
        """
        return float(self.loss[self._place(step)])

    def order_at(self, order: int, step: int) -> float:
        """One order's part of the loss at a measured step."""
        return float(self.terms[self._place(step), self.orders.index(order)])

    def summary(self) -> dict[str, Any]:
        """JSON-ready numbers; `below_quadratic` is the first step below the floor of quadratic kernels."""
        below = np.flatnonzero(self.loss < quadratic_floor(self.input_dim))
        return {
            "steps": int(self.steps[-1]),
            "loss": float(self.loss[-1]),
            "worst_cosine": float(self.worst_cosine[-1]),
            "quadratic_floor": quadratic_floor(self.input_dim),
            "below_quadratic": int(self.steps[below[0]]) if len(below) else None,
            **{f"order_{k}": float(v) for k, v in zip(self.orders, self.terms[-1], strict=True)},
        }

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, arrays as lists."""
        return {
            **self.summary(),
            "orders": list(self.orders),
            "at_steps": self.steps.tolist(),
            "losses": self.loss.tolist(),
            "terms": self.terms.tolist(),
            "worst_cosines": self.worst_cosine.tolist(),
        }

    def figure(self, name: str = "abs-learning") -> Curves:
        """Loss and its orders against steps, beside the floor of every function of degree three or less."""
        steps = tuple(map(float, self.steps))
        curves = [Curve("loss", steps, tuple(map(float, self.loss)))]
        curves += [
            Curve(f"order {k}", steps, tuple(map(float, np.maximum(part, 0.0))))
            for k, part in zip(self.orders, self.terms.T, strict=True)
        ]
        return Curves(
            name,
            f"Population loss of a learner of absolute values in {self.input_dim} dimensions and its tensor "
            "orders: 0 and 2 fall at once, 4 and above after a plateau.",
            Axis("gradient steps"),
            Axis("loss", log=True),
            tuple(curves),
            levels=(("best quadratic kernel", quadratic_floor(self.input_dim)),),
        )

    def _place(self, step: int) -> int:
        found = np.flatnonzero(self.steps == step)
        if not len(found):
            raise InvalidInput(
                f"step {step} was not measured; measured are {self.steps[:3]} ... every so often"
            )
        return int(found[0])


def begin(input_dim: int, settings: LearningSettings, rng: np.random.Generator) -> LearningState:
    """Weights N(0, I/d)."""
    weights = rng.standard_normal((settings.neurons, input_dim)) / np.sqrt(input_dim)
    return LearningState(0, frozen(weights), frozen(np.zeros(settings.neurons)))


def learner_generators(weights: FloatArray) -> FloatArray:
    """u_i with (1/m) |w_i| |w_i . x| = |u_i . x|."""
    return np.linalg.norm(weights, axis=1, keepdims=True) * weights / len(weights)


def step(state: LearningState, gradient: GradientRule, settings: LearningSettings) -> LearningState:
    """One truncated step.

    Args:
        state: Where the descent is.
        gradient: Gradient of the loss with respect to the learner's generators, "m d" to "m d".
        settings: Rate and truncation.
    """
    weights = state.weights
    second = state.step >= settings.second_stage
    bound = 1 / (settings.second_lambda if second else settings.first_lambda)
    fresh_stage = state.step == settings.second_stage
    stopped = np.zeros(len(weights)) if fresh_stage else state.stopped
    stopped = np.maximum(stopped, (np.einsum("md,md->m", weights, weights) > bound).astype(np.float64))
    by_generator = gradient(learner_generators(weights))
    units, sizes = units_and_sizes(weights)
    # m du/dw = |w| I + w w' / |w|
    moved = sizes[:, np.newaxis] * (
        by_generator + units * np.einsum("md,md->m", units, by_generator)[:, np.newaxis]
    )
    following = weights - settings.rate * (1 - stopped)[:, np.newaxis] * moved
    return LearningState(state.step + 1, following, stopped)


def learn(
    teacher: FloatArray,
    steps: int,
    *,
    seed: int = 0,
    settings: LearningSettings | None = None,
    state: LearningState | None = None,
    gradient: GradientRule | None = None,
    on_event: EventSink = ignore,
) -> LearningCurve:
    """Descend from a random start, or go on from a state.

    Args:
        teacher: Generators c_j = a_j w_j with a_j > 0, shape "n d".
        steps: Step at which to end (counted from the start also when resumed).
        seed: Of the start.
        settings: What can be chosen.
        state: Where to go on; None to begin.
        gradient: Of another loss, such as that of a finite sample; the population's by default. What is
            reported is the population loss in either case.
        on_event: Told each measurement as `LearningProgressed`.

    Raises:
        InvalidInput: Steps that lie behind the state, or shapes that do not fit.
    """
    chosen = settings or LearningSettings()
    here = state or begin(teacher.shape[1], chosen, np.random.default_rng(seed))
    if steps < here.step or here.weights.shape[1] != teacher.shape[1]:
        raise InvalidInput(
            f"cannot go from step {here.step} ({here.weights.shape[1]} inputs) "
            f"to {steps} ({teacher.shape[1]})"
        )
    rule = gradient or _population_rule(teacher)
    rows = [_measured(here, teacher, on_event)]
    while here.step < steps:
        here = step(here, rule, chosen)
        if here.step % chosen.every == 0 or here.step == steps:
            rows.append(_measured(here, teacher, on_event))
    table = np.array(rows)
    kept = replace(here, weights=frozen(here.weights), stopped=frozen(here.stopped))
    return LearningCurve(
        frozen(table[:, 0]), frozen(table[:, 1]), frozen(table[:, 3:]), ORDERS, frozen(table[:, 2]),
        teacher.shape[1], kept,
    )  # fmt: skip


def _population_rule(teacher: FloatArray) -> GradientRule:
    def rule(generators: FloatArray) -> FloatArray:
        return loss_gradient(generators, teacher)

    return rule


def _measured(state: LearningState, teacher: FloatArray, on_event: EventSink) -> list[float]:
    """Step, loss, worst cosine and the orders."""
    loss, terms = loss_terms(learner_generators(state.weights), teacher)
    cosines = np.abs(units_and_sizes(teacher)[0] @ units_and_sizes(state.weights)[0].T)
    on_event(LearningProgressed(state.step, loss))
    return [float(state.step), loss, float(cosines.max(axis=1).min()), *map(float, terms)]


def sample_rule(points: FloatArray, answers: FloatArray) -> GradientRule:
    """The gradient of the mean squared error on a fixed sample, for `learn`; cost n m d per step."""

    def rule(generators: FloatArray) -> FloatArray:
        heights = points @ generators.T
        gaps = np.abs(heights).sum(axis=1) - answers
        return (2 / len(points)) * (np.sign(heights) * gaps[:, np.newaxis]).T @ points

    return rule


def settings_of(settings: LearningSettings) -> dict[str, Any]:
    """JSON-ready."""
    return asdict(settings)
