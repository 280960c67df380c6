"""Six tests of whether an information estimate at one input can be trusted, as one result in words.

1. Operators: from single units to units and screened pairs the top eigenvalue moves by less than two standard
   errors and the direction by less than cos .99.
2. Routes: chain and direct route from the same samples agree in direction and eigenvalue.
3. Bound: out of sample, the projected bound of the last hidden layer no longer grows with the operators.
4. Depth: gains per unit along the direction have a constant factor, or not.
5. Halves: two halves of the samples give the same direction.
6. Precision: the top eigenvalue is known to 15 %, and units that never flipped cannot outweigh it.

A test that cannot be made, such as the first three where there is no second hidden layer, is not passed and
not failed. Three independent draws are taken: one finds the direction and the carried scores, one screens
the pairs, and one gives all numbers told here.

Source: Kenway 2018 (arXiv 1803.06111) asks for operators to be added until results settle, in words; the
tests are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Figure
from hingeline.renormalisation.flow.scaling import DepthScaling, depth_scaling
from hingeline.renormalisation.information.chain import ChainInformation, chain_of
from hingeline.renormalisation.information.convergence_tests import (
    ConvergenceTest,
    bound_test,
    depth_test,
    halves_test,
    operators_test,
    precision_test,
    routes_test,
)
from hingeline.renormalisation.information.depth import DepthProfile, depth_profile
from hingeline.renormalisation.information.first_layer import first_layer, one_input
from hingeline.renormalisation.information.projected import ProjectedInformation, projected_information
from hingeline.renormalisation.information.upward_moments import (
    MOST_NUMBERS,
    UpwardMoments,
    single_operators,
    upward_moments,
)
from hingeline.renormalisation.operators.operator_set import OperatorSet
from hingeline.renormalisation.operators.screening import screened_pairs
from hingeline.renormalisation.stacks.stack import BATCH, StochasticStack

SAMPLES_PER_PAIR = 100
"""Samples for each pair that is kept: with fewer, noise in the regression lifts the chain (our choice)."""
MOST_PAIRS = 256
"""Pairs kept for each layer, those that stand out most (our choice)."""
_SEEN = 20.0
"""M var(h) from which a unit's flips are seen: about five of them."""


@dataclass(frozen=True, eq=False)
class Convergence:
    """Six tests and what they were made of.

    Attributes:
        tests: In the order of the module's list.
        single: Chain and direct route with single units.
        grown: The same samples with units and screened pairs.
        bound: The last hidden layer's bound for both sets; None if there is no second hidden layer.
        profile: Information by layer along the direction.
        scaling: Verdict on the gains per unit; None if there is no step between layers of units.
    """

    tests: tuple[ConvergenceTest, ...]
    single: ChainInformation
    grown: ChainInformation
    bound: ProjectedInformation | None
    profile: DepthProfile
    scaling: DepthScaling | None

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the tests that failed."""
        return tuple(test.name for test in self.tests if test.passed is False)

    @property
    def converged(self) -> bool:
        """Whether no test but that of scaling with depth, which is another matter, has failed."""
        return not any(test.passed is False for test in self.tests if test.name != "depth")

    @property
    def words(self) -> str:
        """One sentence for each test."""
        told = {True: "passed", False: "failed", None: "not decided"}
        return " ".join(
            f"{test.name.capitalize()} ({told[test.passed]}): {test.words}." for test in self.tests
        )

    def summary(self) -> dict[str, Any]:
        """Tests and words, JSON-ready."""
        return {
            "converged": self.converged,
            "failed": list(self.failed),
            "tests": {
                test.name: {"passed": test.passed, "words": test.words, **test.numbers} for test in self.tests
            },
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary and what it was made of, JSON-ready."""
        return {
            **self.summary(),
            "single": self.single.to_dict(),
            "grown": self.grown.to_dict(),
            "bound": None if self.bound is None else self.bound.to_dict(),
            "profile": self.profile.to_dict(),
            "scaling": None if self.scaling is None else self.scaling.to_dict(),
        }

    def figures(self) -> tuple[Figure, ...]:
        """The bound, and information by layer."""
        bound = () if self.bound is None else (self.bound.figure(),)
        return (*bound, self.profile.figure())


def convergence(
    stack: StochasticStack,
    x: FloatArray,
    *,
    samples: int,
    rng: np.random.Generator,
    blocks: int = 40,
    batch: int = BATCH,
    most_pairs: int = MOST_PAIRS,
) -> Convergence:
    """Make the six tests at one input.

    Args:
        stack: The stack.
        x: The input, shape "d".
        samples: In each of three draws.
        rng: Draws them.
        blocks: For errors and halves.
        batch: Most samples at once.
        most_pairs: Pairs kept for each layer; fewer where sums would outgrow memory or samples are few.

    Raises:
        InvalidInput: As `upward_moments`.
    """
    pilot = upward_moments(stack, x, samples=samples, rng=rng, blocks=blocks, batch=batch)
    scout = chain_of(pilot)
    grown_operators = _grown(pilot, scout, samples, rng, batch, most_pairs)
    moments = upward_moments(
        stack, x, samples=samples, rng=rng, operators=grown_operators, blocks=blocks, batch=batch
    )
    singles = moments.narrowed(single_operators(stack))
    single, grown = chain_of(singles), chain_of(moments)
    bound = None
    if grown_operators:
        few, many = stack.widths[stack.last_hidden], len(grown_operators[-1].names)
        bound = projected_information(moments, stack.last_hidden, sorted({few, many}))
    # where nothing of the input comes through there is no direction, and any will do
    direction = scout.direct.top if scout.direct.top.any() else pilot.first.basis[0]
    profile = depth_profile(moments, direction)
    gains, replicates = profile.log_gains()
    scaling = depth_scaling(gains, replicates) if len(gains) else None
    tests = (
        operators_test(single, grown),
        routes_test(grown),
        bound_test(bound),
        depth_test(scaling),
        halves_test(grown),
        precision_test(grown, _unseen(moments)),
    )
    return Convergence(tests, single, grown, bound, profile, scaling)


def _unseen(moments: UpwardMoments) -> float:
    """Most information along any direction that units of the first layer hold whose flips are too few."""
    means = moments.stack.means(1, moments.point)[0]
    variances = np.where(moments.samples * (1.0 - means**2) < _SEEN, 1.0 - means**2, 0.0)
    root = np.sqrt(variances)[:, np.newaxis] * moments.first.loadings
    return float(np.linalg.norm(root, 2) ** 2)


def _grown(
    pilot: UpwardMoments,
    scout: ChainInformation,
    samples: int,
    rng: np.random.Generator,
    batch: int,
    most_pairs: int,
) -> tuple[OperatorSet, ...]:
    """Single units and screened pairs of every layer from 2 up, by the scores that the pilot carried."""
    stack = pilot.stack
    inner = pilot.first.basis @ scout.direct.directions.T
    room = int(np.sqrt(MOST_NUMBERS / (2 * pilot.blocks * max(1, len(pilot.operators)))))
    found: list[OperatorSet] = []
    for layer in range(2, stack.last_hidden + 1):
        along = inner if layer == 2 else scout.coefficients[layer - 3] @ inner
        most = max(0, min(most_pairs, room - stack.widths[layer], samples // SAMPLES_PER_PAIR))
        drawn = _scored(stack, pilot.point, layer, along, samples, rng, batch)
        found.append(screened_pairs(drawn, most=most))
    return tuple(found)


def _scored(
    stack: StochasticStack,
    point: FloatArray,
    layer: int,
    along: FloatArray,
    samples: int,
    rng: np.random.Generator,
    batch: int,
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """States of a layer, and the score carried to the layer below it along some directions."""
    row = one_input(stack, point)
    coordinates, means = first_layer(stack), stack.means(1, row)[0]
    for states in stack.batches(row[0], samples, rng, layers=layer, batch=batch):
        below = coordinates.scores(states[1], means) if layer == 2 else states[layer - 1]
        yield states[layer], below @ along
