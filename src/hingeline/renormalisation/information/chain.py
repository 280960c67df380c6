"""The chain route: the score carried upward by one regression for each layer, and the direct route beside it.

    s_(n+1)(h') = E[s_n(h) | h'] ~ O(h')' A^-1 B beta_n,    D_c = cov(1[y = c], O_last) beta_last

With complete operator sets this is the product of the stability matrices and the first layer's explicit
matrix, and equals the direct route; with truncated ones it is neither exact nor a bound, and its cosine and
ratio to the direct route tell how much the truncation costs. Eigenvalues of the stability matrices are never
multiplied: they are not normal.

Source: derivation of ours; the chain rule to an explicit first layer is in Kenway 2018 (arXiv 1803.06111) in
words. Cost: one pass of samples, and K^3 for each layer and block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.figure_data import Figure
from hingeline.renormalisation.flow.moments import jackknife_error
from hingeline.renormalisation.information.direct import DIRECTIONS
from hingeline.renormalisation.information.input_information import InputInformation
from hingeline.renormalisation.information.regression import frozen_operators, regress
from hingeline.renormalisation.information.spectrum import (
    EstimatedSlopes,
    informations,
    root_of,
    top_direction,
)
from hingeline.renormalisation.information.upward_moments import UpwardMoments, upward_moments
from hingeline.renormalisation.operators.operator_set import OperatorSet
from hingeline.renormalisation.stacks.stack import BATCH, StochasticStack
from hingeline.sensitivity.results import number


@dataclass(frozen=True, eq=False)
class ChainInformation:
    """The chain route beside the direct route from the same samples.

    Attributes:
        chain: Information by the chain; its `corrected` are jackknife corrections.
        direct: Information by the direct route.
        cosine: |cos| of the two top directions.
        cosine_error: Jackknife standard error of it.
        ratio: Top eigenvalue of the chain over that of the direct route.
        ratio_error: Jackknife standard error of it.
        operators: Kind and number of operators for the layers 2, 3, ..., `last_hidden`.
        frozen: How many operators of these layers were left out, for they hardly vary.
        coefficients: The carried score on the operators of these layers, shapes "K_n r".
    """

    chain: InputInformation
    direct: InputInformation
    cosine: float
    cosine_error: float
    ratio: float
    ratio_error: float
    operators: tuple[tuple[str, int], ...]
    frozen: tuple[int, ...]
    coefficients: tuple[FloatArray, ...]

    def summary(self) -> dict[str, Any]:
        """The numbers one reads first, JSON-ready."""
        return {
            "chain_top_eigenvalue": number(self.chain.eigenvalues[0]),
            "direct_top_eigenvalue": number(self.direct.eigenvalues[0]),
            "cosine": number(self.cosine),
            "cosine_error": number(self.cosine_error),
            "eigenvalue_ratio": number(self.ratio),
            "eigenvalue_ratio_error": number(self.ratio_error),
            "operators": [{"kind": kind, "count": count} for kind, count in self.operators],
            "frozen": list(self.frozen),
            "samples": self.chain.samples,
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary and both spectra, JSON-ready."""
        return {**self.summary(), "chain": self.chain.to_dict(), "direct": self.direct.to_dict()}

    def figures(self, shape: tuple[int, int] | None = None) -> tuple[Figure, ...]:
        """Those of the chain's information."""
        return self.chain.figures(shape)


def chain_information(
    stack: StochasticStack,
    x: FloatArray,
    *,
    samples: int,
    rng: np.random.Generator,
    operators: Sequence[OperatorSet] | None = None,
    blocks: int = 40,
    batch: int = BATCH,
    ridge: float | None = None,
    directions: int = DIRECTIONS,
) -> ChainInformation:
    """Fisher information about one input by the chain, and by the direct route from the same samples.

    Args:
        stack: The stack.
        x: The input, shape "d".
        samples: How many to draw, rounded up to whole blocks.
        rng: Draws them.
        operators: One set for each of the layers 2, 3, ..., `stack.last_hidden`; single units if None. The
            first layer's score is sums of its units and needs none.
        blocks: For the jackknife.
        batch: Most samples at once.
        ridge: Shrinks the correlations of operators; K / M if None.
        directions: Eigenvectors kept.

    Raises:
        InvalidInput: As `upward_moments`, or a negative ridge.
    """
    moments = upward_moments(
        stack, x, samples=samples, rng=rng, operators=operators, blocks=blocks, batch=batch
    )
    return chain_of(moments, ridge=ridge, directions=directions)


def chain_of(
    moments: UpwardMoments, *, ridge: float | None = None, directions: int = DIRECTIONS
) -> ChainInformation:
    """Both routes from sums that there are already; see `chain_information`."""
    whole, coefficients = _both(moments, moments.all_blocks, ridge)
    left = [_both(moments, moments.without(block), ridge)[0] for block in range(moments.blocks)]
    halves = [_both(moments, moments.half(which), ridge)[0] for which in (0, 1)]
    both = np.array([_agreement(one) for one in left])
    cosine, ratio = _agreement(whole)
    errors = jackknife_error(both)
    frozen = tuple(
        int(frozen_operators(moments.layer(n, moments.all_blocks).own, moments.samples).sum())
        for n in range(2, len(moments.operators) + 2)
    )
    told = tuple((o.kind, len(o.names)) for o in moments.operators)
    return ChainInformation(
        _information(moments, whole, left, halves, 0, directions),
        _information(moments, whole, left, halves, 1, directions),
        cosine,
        float(errors[0]),
        ratio,
        float(errors[1]),
        told,
        frozen,
        coefficients,
    )


def carried_score(
    covariances: Sequence[tuple[FloatArray, FloatArray]],
    *,
    coordinates: int,
    samples: float | None = None,
    ridge: float | None = None,
) -> tuple[FloatArray, ...]:
    """Coefficients of the score on the operators of each layer, carried upward.

    Args:
        covariances: A_n and B_n for n = 2, 3, ...; below layer 2 stands the score itself.
        coordinates: Of the score, r.
        samples: Behind the covariances; None if they are exact.
        ridge: See `regress`.

    Returns:
        One array "K_n r" for each layer; the identity of r alone if there is none.
    """
    found = [np.eye(coordinates)]
    for own, below in covariances:
        found.append(regress(own, below @ found[-1], samples=samples, ridge=ridge))
    return tuple(found)


_Both = tuple[FloatArray, FloatArray, FloatArray]
"""Class law "C", slopes of the chain "C r", slopes of the direct route "C r"."""


def _both(
    moments: UpwardMoments, chosen: BoolArray, ridge: float | None
) -> tuple[_Both, tuple[FloatArray, ...]]:
    """Both routes from the chosen blocks, and the chain's coefficients."""
    layers = [moments.layer(n, chosen) for n in range(2, len(moments.operators) + 2)]
    carried = carried_score(
        [(layer.own, layer.below) for layer in layers],
        coordinates=moments.first.loadings.shape[1],
        samples=float(chosen.sum() * moments.each),
        ridge=ridge,
    )
    classes = moments.classes(chosen)
    return (classes.law, classes.below @ carried[-1], classes.score), carried[1:]


def _information(
    moments: UpwardMoments, whole: _Both, left: list[_Both], halves: list[_Both], route: int, directions: int
) -> InputInformation:
    """The spectrum of one route: 0 the chain, 1 the direct one."""
    found = EstimatedSlopes(
        whole[0][np.newaxis],
        whole[1 + route][np.newaxis],
        np.array([one[0] for one in left])[:, np.newaxis],
        np.array([one[1 + route] for one in left])[:, np.newaxis],
        np.array([root_of(one[0], one[1 + route]) for one in halves])[:, np.newaxis],
    )
    traces = moments.first.traces(moments.stack.means(1, moments.point))
    return informations(
        moments.point,
        found,
        moments.first,
        traces,
        method="direct" if route else "chain",
        samples=moments.samples,
        directions=directions,
    )[0]


def _agreement(both: _Both) -> tuple[float, float]:
    """|cos| of the top directions, and the ratio of the top eigenvalues; NaN where there is none."""
    roots = [root_of(both[0], slopes) for slopes in both[1:]]
    chain, direct = (np.linalg.norm(root, 2) ** 2 for root in roots)
    if not direct > 0 or not chain > 0:
        return float("nan"), float("nan")
    first, second = (top_direction(root) for root in roots)
    return float(abs(first @ second)), float(chain / direct)
