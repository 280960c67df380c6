"""A network with Gaussian noise put behind every layer, so that couplings and their flow are defined.

    h_n = a(W_n h_{n-1} + b_n) + sigma_n xi;    around the path of one input   h_n = D_n h_{n-1} + sigma_n xi

Without noise the law of a layer is a point, its couplings are infinite, and there is no stability matrix.
With it, and the input known up to sigma_0, all is Gaussian: with C and A the covariances of layers n - 1, n

    A = D C D' + sigma^2,   T = A^-1 D C,   M = D,   S = A^-1/2 D C^1/2,   F_n = J_n' A^-1 J_n.

Singular values of S are canonical correlations, at most 1, and the Fisher information F_n about the input
never rises. T depends on the noise: as sigma falls it tends to D^-T (D square and regular), so a layer that
*contracts* has eigenvalues above 1 while no information is lost or won. No eigenvalue of it is called
relevant, and a product of Jacobians is not called the stability matrix.

Source: the Gaussian form of the flow and its limit are ours. Cost: one SVD of a (w', w) matrix for each step
and input; nothing is inverted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.feed_forward.layer_chain import LayerChain, chain_of
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.results import listed, sealed

NOISE_SHARE = 0.01
"""Noise behind each layer as a share of the root mean square of its values over data; our choice."""
NOTE = (
    "T depends on the noise, and as the noise falls it tends to the inverse transpose of the Jacobian: a "
    "layer that contracts then has eigenvalues above 1 although no information is won. M tends to "
    "the Jacobian. No eigenvalue is called relevant; the canonical correlations are at most 1 by "
    "necessity"
)


@dataclass(frozen=True, eq=False)
class TwinNoise:
    """Standard deviations of the noise.

    Attributes:
        at_input: With which the input is known, sigma_0, above 0.
        behind: Behind each layer, the outputs last, shape "N", all above 0.
        words: How they were chosen.
    """

    at_input: float
    behind: FloatArray
    words: str

    def __post_init__(self) -> None:
        if not (self.at_input > 0 and np.ndim(self.behind) == 1 and np.all(np.asarray(self.behind) > 0)):
            raise InvalidInput(
                f"noise wants one number above 0 for the input and for each layer; got {self.at_input} and "
                f"{self.behind}. Without noise there is no twin"
            )

    def summary(self) -> dict[str, Any]:
        """Both and the words, JSON-ready."""
        return {"at_input": self.at_input, "behind": listed(self.behind), "words": self.words}


@dataclass(frozen=True, eq=False)
class LinearTwin:
    """The Gaussian twin around the path of one input.

    Attributes:
        noise: What was put in; everything here but `expectation_maps` depends on it.
        coupling_maps: T_n for each step, shape "w_n w_{n-1}": how couplings follow from those below.
        expectation_maps: M_n, the Jacobian of the step, shape "w_n w_{n-1}".
        whitened_maps: S_n, shape "w_n w_{n-1}".
        correlations: Canonical correlations of consecutive layers, largest first, one array for each step.
        fisher: Fisher information about the input held by layers 0 (the input) to N, shape "N+1 d d".
    """

    noise: TwinNoise
    coupling_maps: tuple[FloatArray, ...]
    expectation_maps: tuple[FloatArray, ...]
    whitened_maps: tuple[FloatArray, ...]
    correlations: tuple[FloatArray, ...]
    fisher: FloatArray

    def summary(self) -> dict[str, Any]:
        """Canonical correlations and information left, with the noise they hold for, JSON-ready."""
        traces = np.trace(self.fisher, axis1=1, axis2=2)
        return {
            "noise": self.noise.summary(),
            "largest_correlations": [float(row[0]) for row in self.correlations],
            "information_left": listed(traces / traces[0]),
            "note": NOTE,
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary and matrices, JSON-ready."""
        names = ("coupling_maps", "expectation_maps", "whitened_maps", "correlations")
        matrices = {name: [listed(matrix) for matrix in getattr(self, name)] for name in names}
        return {"summary": self.summary(), **matrices, "fisher": listed(self.fisher)}


def twin_noise(model: Model, data: FloatArray, *, share: float = NOISE_SHARE) -> TwinNoise:
    """Noise as a share of the root mean square of each layer's values over `data` ("m d"), the input's too.

    Raises:
        InvalidInput: A model that is no chain, or a layer whose values are all 0.
    """
    values = needed_chain(model).values(as_points(data, model.input_dim))
    sizes = np.array([np.sqrt((rows**2).mean()) for rows in values])
    words = f"{share:g} of the root mean square of each layer's values over {len(values[0])} inputs"
    return TwinNoise(float(share * sizes[0]), share * sizes[1:], words)


def needed_chain(model: Model) -> LayerChain:
    """The chain of a model, or words that there is none.

    Raises:
        InvalidInput: There is none.
    """
    chain = chain_of(model)
    if chain is None:
        raise InvalidInput(
            f"{model.name} is no plain chain of layers whose weights are seen: noise cannot be put between "
            "its layers. Jacobians from the input and gains need none: jacobian_cocycle, layer_gains"
        )
    return chain


def linear_twin(model: Model, x: FloatArray, noise: TwinNoise) -> LinearTwin:
    """The Gaussian twin around the path of the input `x` ("d").

    Raises:
        InvalidInput: Several inputs, a model that is no chain, or noise for another number of layers.
    """
    point = as_points(x, model.input_dim)
    if len(point) != 1:
        raise InvalidInput(f"a twin is made around one input; got {len(point)}")
    steps = list(twin_steps(needed_chain(model), point, noise))
    known = np.eye(model.input_dim) / noise.at_input
    fisher = [known.T @ known]
    for step in steps:
        known = step.whitened()[0] @ known
        fisher.append(known.T @ known)
    return LinearTwin(
        noise=noise,
        coupling_maps=tuple(sealed(step.couplings()[0]) for step in steps),
        expectation_maps=tuple(sealed(step.jacobian[0]) for step in steps),
        whitened_maps=tuple(sealed(step.whitened()[0]) for step in steps),
        correlations=tuple(sealed(step.correlations[0]) for step in steps),
        fisher=sealed(np.array(fisher)),
    )


@dataclass(frozen=True, eq=False)
class TwinStep:
    """One step of the Gaussian twins around "n" inputs, from U diag(s) V' = D C^1/2.

    Attributes:
        jacobian: D, shape "n w' w".
        below: The symmetric root of C, shape "n w w".
        left: U, shape "n w' q".
        sizes: s, shape "n q".
        right: V', shape "n q w".
        sigma: Noise behind the layer.
    """

    jacobian: FloatArray
    below: FloatArray
    left: FloatArray
    sizes: FloatArray
    right: FloatArray
    sigma: float

    @property
    def correlations(self) -> FloatArray:
        """Singular values of S, s / sqrt(s^2 + sigma^2): "n q"."""
        return self.sizes / np.hypot(self.sizes, self.sigma)

    def whitened(self) -> FloatArray:
        """The whitened map S = U diag(s / sqrt(s^2 + sigma^2)) V'."""
        return (self.left * self.correlations[:, np.newaxis]) @ self.right

    def couplings(self) -> FloatArray:
        """The map of couplings T = A^-1 D C = U diag(s / (s^2 + sigma^2)) V' C^1/2."""
        shrunk = self.sizes / (self.sizes**2 + self.sigma**2)
        return (self.left * shrunk[:, np.newaxis]) @ self.right @ self.below

    def root_above(self) -> FloatArray:
        """The root above, A^1/2 = sigma + U diag(sqrt(s^2 + sigma^2) - sigma) U'."""
        more = np.hypot(self.sizes, self.sigma) - self.sigma
        return self.sigma * np.eye(self.left.shape[1]) + (self.left * more[:, np.newaxis]) @ np.swapaxes(
            self.left, 1, 2
        )


def twin_steps(chain: LayerChain, points: FloatArray, noise: TwinNoise) -> Iterator[TwinStep]:
    """All steps from the input on, at "n" inputs at once: memory for a few arrays "n w' w".

    Raises:
        InvalidInput: Noise for another number of layers.
    """
    if len(noise.behind) != chain.steps:
        raise InvalidInput(f"{chain.steps} layers want as many noises; got {len(noise.behind)}")
    slopes, d = chain.slopes(points), chain.widths[0]
    root = np.broadcast_to(noise.at_input * np.eye(d), (len(points), d, d))
    for step in range(1, chain.steps + 1):
        jacobian = chain.network.weights[step - 1] * slopes[step - 1][..., np.newaxis]
        left, sizes, right = np.linalg.svd(jacobian @ root, full_matrices=False)
        made = TwinStep(jacobian, root, left, sizes, right, float(noise.behind[step - 1]))
        root = made.root_above()
        yield made
