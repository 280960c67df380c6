"""A family of models of which one, drawn at random, answers.

What is random is who answers, and how likely each member is is known to the attacker; so nothing about a
family has to be estimated by drawing: every expectation is a sum over members.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray, as_points, frozen
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink, ignore
from hingeline.defences.training.pull import outputs_and_pull
from hingeline.networks.feed_forward import FeedForwardNetwork
from hingeline.networks.loading import as_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.protocol import Oracle
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.models.opening import open_model
from hingeline.sensitivity.threat import Threat

if TYPE_CHECKING:
    from hingeline.defences.family.expectation import FamilyAttackSettings
    from hingeline.defences.family.judgement import FamilyJudgement

FamilyPull = Callable[[FloatArray], FloatArray]
"""Combinations of all members' logits, "m n k", to the gradients of the combined sum, "n d"."""


@dataclass(frozen=True, eq=False)
class ModelFamily:
    """Models of the same inputs and classes, and how likely each is to answer.

    Attributes:
        members: Whoever may answer; each gives one logit for each class.
        weights: Chances of the members, shape "m"; they sum to 1.
    """

    members: tuple[Model, ...]
    weights: FloatArray

    def __init__(
        self, members: Iterable[Any], weights: Any = None, *, input_shape: tuple[int, ...] | None = None
    ) -> None:
        """Take networks, models, or torch modules (`input_shape` is one example's, such as (1, 28, 28)).

        Raises:
            InvalidInput: No members, members of different inputs or classes, or weights that are no chances.
        """
        opened = tuple(_as_model(member, input_shape) for member in members)
        object.__setattr__(self, "members", opened)
        object.__setattr__(self, "weights", _chances(weights, len(opened)))
        shapes = {(member.input_dim, member.output_dim) for member in opened}
        if len(shapes) != 1:
            raise InvalidInput(f"members must have the same inputs and classes; got {sorted(shapes)}")
        if self.classes < 2:
            raise InvalidInput("members must give one logit for each class, two at least; got one output")

    @property
    def input_dim(self) -> int:
        """Numbers in one input row, d."""
        return self.members[0].input_dim

    @property
    def classes(self) -> int:
        """Classes, k."""
        return self.members[0].output_dim

    @property
    def decision(self) -> Decision:
        """How logits become a class."""
        return Decision(self.classes)

    def __len__(self) -> int:
        """Members, m."""
        return len(self.members)

    def member_logits(self, x: Any) -> FloatArray:
        """What every member answers: "n d" to "m n k"."""
        points = as_points(x, self.input_dim)
        return np.stack([member.outputs(points) for member in self.members])

    def logits_and_pull(self, points: FloatArray) -> tuple[FloatArray, FamilyPull]:
        """All members' logits "m n k" at `points` ("n d"), and the way back: a sum of m terms, exactly."""
        both = [outputs_and_pull(member, points) for member in self.members]

        def pull(weights: FloatArray) -> FloatArray:
            total = np.zeros_like(points)
            for (_, back), each in zip(both, weights, strict=True):
                # a member that the loss does not count needs no pass back
                if each.any():
                    total += back(each)
            return total

        return np.stack([outputs for outputs, _ in both]), pull

    def drawn(self, count: int, generator: np.random.Generator) -> IntArray:
        """Members that answer `count` questions, each drawn for itself: "n"."""
        return generator.choice(len(self), size=count, p=self.weights).astype(np.int64)

    def predict(self, x: Any, generator: np.random.Generator) -> IntArray:
        """Classes by one random member for each input: "n d" to "n"."""
        points = as_points(x, self.input_dim)
        drawn = self.drawn(len(points), generator)
        answered = np.empty(len(points), dtype=np.int64)
        for index, member in enumerate(self.members):
            rows = np.nonzero(drawn == index)[0]
            if len(rows):
                answered[rows] = self.decision.of(member.outputs(points[rows]))
        return answered

    def right(self, x: Any, y: IntArray) -> BoolArray:
        """Which members give the class `y` ("n") at which input: "m n"."""
        return self.member_logits(x).argmax(axis=2) == y

    def expected_right(self, x: Any, y: IntArray) -> FloatArray:
        """The chance that the answer is right, at each input: "n"."""
        return self.weights @ self.right(x, y)

    def expected_accuracy(self, x: Any, y: IntArray) -> float:
        """Accuracy expected over who answers, exactly."""
        return float(self.expected_right(x, y).mean())

    def alone(self, index: int) -> ModelFamily:
        """One member as a family of its own."""
        return ModelFamily((self.members[index],))

    def evaluate(
        self,
        x: Any,
        y: Any,
        threat: Threat,
        radius: float,
        *,
        robust: Any,
        undefended: Any = None,
        settings: FamilyAttackSettings | None = None,
        seed: int = 0,
        on_event: EventSink = ignore,
    ) -> FamilyJudgement:
        """What the family buys against attackers who know it; `judging.judge_family` tells the arguments."""
        # whoever judges a family attacks it, and attacks are written for families: the circle is cut here
        from hingeline.defences.family.judging import judge_family

        return judge_family(
            self, x, y, threat, radius, robust=robust, undefended=undefended, settings=settings, seed=seed,
            on_event=on_event,
        )  # fmt: skip


def _as_model(member: Any, input_shape: tuple[int, ...] | None) -> Model:
    if isinstance(member, FeedForwardNetwork):
        return NetworkModel(as_network(member) if member.activation.name == "relu" else member)
    if isinstance(member, PiecewiseLinearNetwork):
        return NetworkModel(member)
    if all(
        hasattr(member, name) for name in ("outputs", "gradients", "jacobians", "input_dim", "output_dim")
    ):
        return member
    return open_model(member, session=_no_doors, input_shape=input_shape)


def _no_doors(oracle: Oracle) -> NoReturn:
    raise InvalidInput(
        f"a member of a family must be differentiable, and {oracle.spec.name} can only be asked; "
        "pass a network, a torch module or a model file"
    )


def _chances(weights: Any, count: int) -> FloatArray:
    if not count:
        raise InvalidInput("a family wants at least one member")
    given = np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64)
    if given.shape != (count,) or not np.isfinite(given).all() or given.min() <= 0:
        raise InvalidInput(f"want a weight above 0 for each of {count} members; got {given}")
    return frozen(given / given.sum())
