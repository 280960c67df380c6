"""What the experiments on random networks share: samples, fits, and where figures and tables go."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.figure_data import Figure
from hingeline.core.version import __version__
from hingeline.networks.feed_forward import random_network
from hingeline.numerics.statistics import PowerLaw, fit_power_law, median
from hingeline.report.figures import csv_text, svg_text
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.measures.gradient_ray import LINEAR_STEPS, gradient_rays
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.results import over
from hingeline.sensitivity.threat import Threat

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "docs" / "figures"
PAGE = ROOT / "docs" / "papers" / "random-networks.md"
SIGN, FREE = Decision(1), Threat()
FIRST_SEED = 5_000_000
"""Of the networks; none of them served to choose a constant."""


def arguments_of(description: str | None, given: list[str] | None, nets: int) -> argparse.Namespace:
    """The command line that all experiments understand."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--nets", type=int, help=f"networks of each kind; {nets} if not given")
    parser.add_argument("--quick", action="store_true", help="few networks, to see that it runs")
    parser.add_argument("--out", type=Path, help="where figures and numbers go; docs/figures if not given")
    parser.add_argument("--page", action="store_true", help="put the table into the page")
    options = parser.parse_args(given)
    options.nets = options.nets or (12 if options.quick else nets)
    options.out = options.out or (ROOT / "runs" / "random-experiments" if options.quick else FIGURES)
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


def table_of(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, first column words, the others figures."""
    line = "|---|" + "--:|" * (len(columns) - 1)
    return "\n".join([f"| {' | '.join(columns)} |", line, *(f"| {' | '.join(r)} |" for r in rows)]) + "\n"


def publish(
    name: str,
    options: argparse.Namespace,
    *,
    figures: Sequence[Figure],
    numbers: Any,
    table: str,
    began: float,
) -> None:
    """Write figures (SVG and CSV), numbers (JSON) and table; put the table into the page if asked."""
    options.out.mkdir(parents=True, exist_ok=True)
    for figure in figures:
        (options.out / f"{figure.name}.svg").write_text(svg_text(figure), encoding="utf-8")
        (options.out / f"{figure.name}.csv").write_text(csv_text(figure), encoding="utf-8")
    told = {
        "experiment": name,
        "nets": options.nets,
        "quick": options.quick,
        "hingeline": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "seconds": round(time.perf_counter() - began, 1),
        "table": table.splitlines(),
        "numbers": numbers,
    }
    (options.out / f"{name}.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(table)
    if options.page and not options.quick:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), name, table), encoding="utf-8")


def with_table(page: str, name: str, table: str) -> str:
    """The page with the table between the markers of that name.

    Raises:
        ValueError: The markers are not there, once each.
    """
    start, end = f"<!-- {name}:start -->\n", f"<!-- {name}:end -->"
    if page.count(start) != 1 or page.count(end) != 1:
        raise ValueError(f"the page needs one line {start.strip()} and after it one line {end}")
    head, rest = page.split(start)
    return head + start + table + end + rest.split(end)[1]
