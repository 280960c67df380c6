"""The noisy twin of a network, sampled upward: canonical correlations of consecutive layers, kinks and all.

    h_0 = x + sigma_0 xi,    h_n = a(W_n h_{n-1} + b_n) + sigma_n xi

Around one input this is the *instance* average, for what happens there; over several inputs their mixture,
with what differs between them. Only linear correlations are seen. Those of unrelated layers are not zero in
a sample but about 2 sqrt(width / samples); a shuffle of one layer against the other stands beside them.

Source: correlations of consecutive layers in place of eigenvalues, ours. Cost: `samples` passes of the
network, products of w^2 for each of them, and one decomposition for each block.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.renormalisation.feed_forward.layer_chain import LayerChain
from hingeline.renormalisation.feed_forward.noisy_twin import NOTE, TwinNoise, needed_chain
from hingeline.renormalisation.flow.moments import BlockMoments
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.results import listed, sealed

SAMPLES = 20_000
BLOCKS = 20
MOST_UNITS = 256
"""Widest layer whose products are kept for each block."""


@dataclass(frozen=True, eq=False)
class SampledTwin:
    """Canonical correlations of consecutive layers in samples of the noisy twin.

    Attributes:
        noise: What was put in; results depend on it.
        inputs: Around how many inputs samples were drawn: one is the instance average, more a mixture.
        samples: How many in all.
        correlations: Largest first, one array "q" for each step.
        errors: Their standard errors from the jackknife over blocks, one array "q" for each step.
        null: The largest correlation after a shuffle within blocks, shape "N".
        expectation_maps: M_n = B C^-1, the regression of each layer on the one below, shape "w_n w_{n-1}".
    """

    noise: TwinNoise
    inputs: int
    samples: int
    correlations: tuple[FloatArray, ...]
    errors: tuple[FloatArray, ...]
    null: FloatArray
    expectation_maps: tuple[FloatArray, ...]

    def summary(self) -> dict[str, Any]:
        """Largest correlations with errors beside the null, JSON-ready."""
        steps = [
            {"correlation": float(row[0]), "error": float(error[0]), "null": float(null)}
            for row, error, null in zip(self.correlations, self.errors, self.null, strict=True)
        ]
        told = {"noise": self.noise.summary(), "inputs": self.inputs, "samples": self.samples}
        return {
            **told,
            "average": "instance" if self.inputs == 1 else "mixture",
            "steps": steps,
            "note": NOTE,
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary and all correlations, JSON-ready."""
        names = ("correlations", "errors", "expectation_maps")
        return {
            "summary": self.summary(),
            **{name: [listed(row) for row in getattr(self, name)] for name in names},
        }

    def figure(self) -> Curves:
        """Correlations of each step in order of size, beside the largest null."""
        curves = [
            Curve(f"step {step}", tuple(map(float, range(1, len(row) + 1))), tuple(map(float, row)))
            for step, row in enumerate(self.correlations, start=1)
        ]
        return Curves(
            "network-twin-correlations",
            "Canonical correlations of consecutive layers of the network with noise behind each layer, "
            f"largest first; noise: {self.noise.words}.",
            Axis("number", whole=True),
            Axis("canonical correlation", from_zero=True),
            tuple(curves),
            levels=(("largest if unrelated", float(self.null.max())),),
        )


def sampled_twin(
    model: Model,
    points: FloatArray,
    noise: TwinNoise,
    *,
    rng: np.random.Generator,
    samples: int = SAMPLES,
    blocks: int = BLOCKS,
) -> SampledTwin:
    """Sample the noisy twin upward from `points` ("d" or "n d") and correlate consecutive layers.

    Args:
        model: A plain chain of layers whose weights are seen.
        points: Inputs to start from, each equally often.
        noise: At the input and behind each layer.
        rng: Draws the noise, the inputs and the shuffle.
        samples: How many in all.
        blocks: For the jackknife.

    Raises:
        InvalidInput: A model that is no chain, a layer wider than `MOST_UNITS`, noise for another number of
            layers, or blocks too small for the widest layer.
    """
    chain, rows = needed_chain(model), as_points(points, model.input_dim)
    widest, each = max(chain.widths), samples // max(1, blocks)
    if widest > MOST_UNITS or len(noise.behind) != chain.steps:
        raise InvalidInput(
            f"layers of up to {MOST_UNITS} units and a noise for each of {chain.steps} steps are sampled; "
            f"got {widest} units and {len(noise.behind)} noises. linear_twin takes any width"
        )
    if blocks < 2 or each * (blocks - 1) < 4 * widest:
        raise InvalidInput(
            f"two blocks are needed, and {4 * widest} samples beside each; got {samples} samples in {blocks} "
            "blocks"
        )
    sums: list[list[tuple[FloatArray, ...]]] = [[] for _ in range(chain.steps)]
    nulls = [np.zeros((chain.widths[n + 1], chain.widths[n])) for n in range(chain.steps)]
    # sums about the noise-free means keep the digits of small covariances
    centres = [values.mean(axis=0) for values in chain.values(rows)]
    for _ in range(blocks):
        drawn = list(_upward(chain, rows[rng.integers(len(rows), size=each)], noise, rng))
        centred = [values - centre for values, centre in zip(drawn, centres, strict=True)]
        for step, (below, above) in enumerate(itertools.pairwise(centred)):
            products = (above.T @ above, above.T @ below, below.T @ below)
            sums[step].append((above.sum(axis=0), below.sum(axis=0), *products))
            shuffled = rng.permutation(above - above.mean(axis=0))
            nulls[step] += shuffled.T @ (below - below.mean(axis=0)) / (blocks * each)
    moments = [_moments(blocks_of, each) for blocks_of in sums]
    found = [its.jackknife(_canonical) for its in moments]
    whole = [its.whole() for its in moments]
    return SampledTwin(
        noise=noise,
        inputs=len(rows),
        samples=each * blocks,
        correlations=tuple(sealed(values) for values, _ in found),
        errors=tuple(sealed(errors) for _, errors in found),
        null=sealed(np.array([_canonical(a, n, c)[0] for (a, _, c), n in zip(whole, nulls, strict=True)])),
        expectation_maps=tuple(_regression(b, c) for _, b, c in whole),
    )


def _upward(
    chain: LayerChain, points: FloatArray, noise: TwinNoise, rng: np.random.Generator
) -> Iterator[FloatArray]:
    """One sample of every layer for each of `points`."""
    state = points + noise.at_input * rng.standard_normal(points.shape)
    yield state
    for step, sigma in enumerate(noise.behind, start=1):
        clean = chain.apply(step, state)
        state = clean + sigma * rng.standard_normal(clean.shape)
        yield state


def _moments(blocks: list[tuple[FloatArray, ...]], each: int) -> BlockMoments:
    above, below, *products = (np.array(sums) for sums in zip(*blocks, strict=True))
    return BlockMoments(np.full(len(blocks), float(each)), above, below, *products)


def _canonical(a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    """Singular values of A^-1/2 B C^-1/2, by Cholesky roots: they differ by rotations only."""
    half = np.linalg.solve(np.linalg.cholesky(a), b)
    both = np.linalg.solve(np.linalg.cholesky(c), half.T)
    return np.asarray(np.linalg.svd(both, compute_uv=False), dtype=np.float64)


def _regression(b: FloatArray, c: FloatArray) -> FloatArray:
    """M = B C^-1."""
    return sealed(np.asarray(np.linalg.solve(c, b.T).T, dtype=np.float64))
