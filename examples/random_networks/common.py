"""What the experiments on random networks share: samples, fits, and where figures and tables go."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.networks.feed_forward import random_network
from hingeline.numerics.statistics import PowerLaw, fit_power_law, median
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.measures.gradient_ray import LINEAR_STEPS, gradient_rays
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.results import over
from hingeline.sensitivity.threat import Threat

sys.path.append(str(Path(__file__).resolve().parents[1]))  # examples are scripts, not a package

from publishing import PAPERS, parser_of, read_options
from publishing import publish as publish_on
from publishing import table_of as table_of

PAGE = PAPERS / "random-networks.md"
publish = partial(publish_on, page=PAGE)
"""Figures, numbers and tables of one experiment; `publishing.publish` tells the arguments."""
SIGN, FREE = Decision(1), Threat()
FIRST_SEED = 5_000_000
"""Of the networks; none of them served to choose a constant."""


def arguments_of(description: str | None, given: list[str] | None, nets: int) -> argparse.Namespace:
    """The command line that all experiments understand."""
    parser = parser_of(description, PAGE)
    parser.add_argument("--nets", type=int, help=f"networks of each kind; {nets} if not given")
    options = read_options(parser, given, "random-experiments")
    options.nets = options.nets or (12 if options.quick else nets)
    return options


def sphere(rng: np.random.Generator, count: int, dim: int, radius: float | None = None) -> FloatArray:
    """Uniform on the sphere of that radius; sqrt(dim) if not given."""
    points = rng.standard_normal((count, dim))
    return (radius or np.sqrt(dim)) * points / np.linalg.norm(points, axis=1, keepdims=True)


def wide(dim: int, hidden: int, width: int | None = None) -> tuple[int, ...]:
    """Sizes with so many hidden layers, as wide as the input if no width is given; one output."""
    return (dim, *[width or dim] * hidden, 1)


def model_of(sizes: Sequence[int], net: int, activation: str = "relu") -> NetworkModel:
    """He weights, no biases."""
    return NetworkModel(random_network(sizes, seed=FIRST_SEED + net, activation=activation))


@dataclass(frozen=True, eq=False)
class Sample:
    """Distances in natural units (|x| / sqrt(d)), over many networks."""

    linear: FloatArray
    ray: FloatArray
    ratio: FloatArray
    stepped: BoolArray
    """Flipped by a single step of each kappa, shape "n s"."""

    @property
    def no_flip(self) -> float:
        """Share of rays without a flip up to 4 linear distances."""
        return float(np.mean(~(self.ratio <= LINEAR_STEPS)))


def sampled(
    sizes: Sequence[int],
    nets: int,
    *,
    inputs: int = 1,
    kappas: Sequence[float] = (2.0,),
    activation: str = "relu",
    radius: float | None = None,
) -> Sample:
    """Gradient rays of `nets` networks from `inputs` points on the sphere each."""
    linear, ray, ratio, stepped = [], [], [], []
    for net in range(nets):
        model = model_of(sizes, net, activation)
        points = sphere(np.random.default_rng([FIRST_SEED, net]), inputs, sizes[0], radius)
        rays = gradient_rays(model, SIGN, points, FREE, grid=32)
        units = rays.units[:, np.newaxis]
        moved = [model.outputs(points + k * units * rays.directions) for k in kappas]
        stepped.append(np.stack([SIGN.flipped(m, rays.flips.classes) for m in moved], axis=1))
        linear.append(rays.linear / rays.units)
        ray.append(rays.crossings.sizes / rays.units)
        ratio.append(over(rays.crossings.sizes, rays.linear, np.inf))
    return Sample(*(np.concatenate(rows) for rows in (linear, ray, ratio, stepped)))


def fitted(x: Iterable[float], samples: Sequence[FloatArray]) -> PowerLaw:
    """Power law through the medians, with bootstrap intervals."""
    return fit_power_law(
        np.array(list(x), dtype=np.float64), list(samples), np.random.default_rng(7), draws=400
    )


def law(fit: PowerLaw) -> tuple[str, str]:
    """Exponent and factor with their 95 % intervals."""
    (a, b), (c, d) = fit.exponent_interval, fit.factor_interval
    return f"{fit.exponent:+.3f} ({a:+.3f} to {b:+.3f})", f"{fit.factor:.3f} ({c:.3f} to {d:.3f})"


def interval_of_median(values: FloatArray) -> tuple[float, float, float]:
    """The median and its 95 % bootstrap interval."""
    rng = np.random.default_rng(7)
    drawn = [median(rng.choice(values, len(values))) for _ in range(400)]
    return median(values), float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))
