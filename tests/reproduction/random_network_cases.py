"""Random networks by the hundred, one or few inputs each: what the acceptance tests share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.networks.feed_forward import random_network
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.linear import linear_flips
from hingeline.sensitivity.measures.gradient_ray import LINEAR_STEPS, gradient_rays
from hingeline.sensitivity.measures.theory import natural_unit
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat

SIGN, FREE = Decision(1), Threat()


def sphere(rng: np.random.Generator, count: int, dim: int, radius: float | None = None) -> FloatArray:
    """Uniform on the sphere of that radius; sqrt(dim) if not given."""
    points = rng.standard_normal((count, dim))
    wanted = np.sqrt(dim) if radius is None else radius
    return wanted * points / np.linalg.norm(points, axis=1, keepdims=True)


def model_of(sizes: Sequence[int], seed: int, activation: str = "relu") -> NetworkModel:
    return NetworkModel(random_network(sizes, seed=seed, activation=activation))


@dataclass(frozen=True, eq=False)
class Sample:
    """Distances in natural units, over many networks."""

    linear: FloatArray
    ray: FloatArray
    ratio: FloatArray
    stepped: BoolArray
    """Flipped by one step of kappa units."""

    @property
    def no_flip(self) -> float:
        """Share of rays without a flip up to 4 linear distances."""
        return float(np.mean(~(self.ratio <= LINEAR_STEPS)))


def sampled(
    sizes: Sequence[int],
    nets: int,
    *,
    inputs: int = 1,
    seed: int,
    kappa: float = 2.0,
    activation: str = "relu",
    radius: float | None = None,
    grid: int = 32,
) -> Sample:
    """Rays of `nets` networks, `inputs` on the sphere each."""
    found = []
    for net in range(nets):
        model = model_of(sizes, 10_000 * seed + net, activation)
        points = sphere(np.random.default_rng([seed, net]), inputs, sizes[0], radius)
        rays = gradient_rays(model, SIGN, points, FREE, grid=grid)
        moved = points + kappa * rays.units[:, np.newaxis] * rays.directions
        out = SIGN.flipped(model.outputs(moved), rays.flips.classes)
        sizes_found = rays.crossings.sizes
        ratio = _ratio(sizes_found, rays.linear)
        found.append((rays.linear / rays.units, sizes_found / rays.units, ratio, out))
    linear, ray, ratio, stepped = (np.concatenate(column) for column in zip(*found, strict=True))
    return Sample(linear, ray, ratio, stepped.astype(np.bool_))


def _ratio(ray: FloatArray, linear: FloatArray) -> FloatArray:
    """A network that is dead at an input has neither: infinite."""
    return np.where(np.isfinite(linear), ray / np.where(np.isfinite(linear), linear, 1.0), np.inf)


def linear_in_units(sizes: Sequence[int], nets: int, seed: int) -> FloatArray:
    """Linear distances alone, one input for each network: no ray is followed."""
    found = np.empty(nets)
    for net in range(nets):
        points = sphere(np.random.default_rng([seed, net]), 1, sizes[0])
        flips = linear_flips(model_of(sizes, 10_000 * seed + net), SIGN, points, FREE)
        unit = np.linalg.norm(points) * natural_unit("l2", np.array([sizes[0]]))[0]
        found[net] = flips.distances[0] / unit
    return found


def wide(dim: int, hidden: int, width: int | None = None) -> tuple[int, ...]:
    """Sizes with so many hidden layers of that width, as wide as the input if not given."""
    return (dim, *[width or dim] * hidden, 1)
