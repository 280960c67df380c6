"""The tower of majority votes, whose eigenvalues, classes and information are known in closed form.

    python examples/stability/tower.py [--quick] [--page]

Layers 81-27-9-3-1, four weights. The sum of all units of a layer is declared to be the same operator as that
of the layer above; its eigenvalue from each layer to the next is measured at three means of the lowest layer,
and at the mean of a class where there are two, beside the closed form. Then the information about the input.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from common import arguments_of, publish, table_of

from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.renormalisation.flow.estimate import estimate_stability
from hingeline.renormalisation.flow.identification import Identification
from hingeline.renormalisation.information.direct import direct_information
from hingeline.renormalisation.known_answers.tower import MajorityTower
from hingeline.renormalisation.operators.operator_set import total
from hingeline.renormalisation.stability import stability

NAME = "tower"
WEIGHTS = (0.3, 0.6, 1.0, 2.0)
MEANS = (0.0, 0.3, 0.9)
SEED = 41
"""It served to choose nothing."""


@dataclass(frozen=True)
class Step:
    """The eigenvalue from one layer to the next."""

    exact: float
    measured: float | None
    """None where the sum of all units hardly varies, so that nothing can be measured."""
    error: float | None

    @property
    def z(self) -> float | None:
        """Difference in standard errors."""
        if self.measured is None or self.error is None:
            return None
        return (self.measured - self.exact) / self.error


@dataclass(frozen=True)
class Start:
    """One weight, and one mean of the units of the lowest layer."""

    weight: float
    mean: float
    steps: tuple[Step, ...]
    verdicts: tuple[str, ...]
    """Of the verb, layer by layer."""


def measured(tower: MajorityTower, mean: float, samples: int, rng: np.random.Generator) -> Start:
    x = tower.input_of_mean(mean)
    steps: list[Step] = []
    for layer, below in enumerate(tower.means(mean)[:-1], start=1):
        found = estimate_stability(
            tower.stack,
            x,
            layer,
            total(tower.widths[layer - 1]),
            total(tower.widths[layer]),
            samples=samples,
            rng=rng,
            identification=Identification("collective"),
            permutations=1,
        ).eigenvalues
        alive = len(found.values) > 0
        steps.append(
            Step(
                tower.eigenvalue(below),
                float(found.values[0].real) if alive else None,
                float(found.errors[0]) if alive else None,
            )
        )
    said = stability(
        tower.stack,
        x[np.newaxis],
        seed=int(rng.integers(2**31)),
        identification="collective",
        operators="total",
        samples=max(400, samples // 2),
    )
    assert said.value is not None and said.value.stack is not None  # whatever the outcome
    verdicts = tuple(str(one.verdict) for one in said.value.stack.looks[0].flow.relevance)
    return Start(tower.weight, mean, tuple(steps), verdicts)


def lines(starts: list[Start]) -> Iterator[tuple[str, ...]]:
    """Measured with its error in the last digits, then the closed form."""
    for start in starts:
        z = [step.z for step in start.steps if step.z is not None]
        said = dict.fromkeys(start.verdicts)
        yield (
            f"{start.weight:g}",
            f"{start.mean:.4f}",
            *(cell(step) for step in start.steps),
            f"{max(z, key=abs):+.1f}" if z else "-",
            ", ".join(f"{word} ({start.verdicts.count(word)})" for word in said),
        )


def cell(step: Step) -> str:
    if step.measured is None or step.error is None:
        return f"frozen ({step.exact:.4f})"
    return f"{step.measured:.4f} ± {step.error:.4f} ({step.exact:.4f})"


def information(tower: MajorityTower, samples: int, rng: np.random.Generator) -> dict[str, Any]:
    """Of the top unit about an input of zeros."""
    x = np.zeros(tower.widths[0])
    found = direct_information(tower.stack, x, samples=samples, rng=rng)
    exact = tower.input_information()
    value, error = float(found.eigenvalues[0]), float(found.errors[0])
    return {
        "weight": tower.weight,
        "samples": found.samples,
        "exact": exact,
        "measured": value,
        "corrected": float(found.corrected[0]),
        "error": error,
        "z": (value - exact) / error,
        "cosine": float(abs(found.top.sum()) / np.sqrt(len(x))),
    }


def information_line(told: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"{told['weight']:g}",
        f"{told['exact']:.5f}",
        f"{told['measured']:.5f}",
        f"{told['error']:.5f}",
        f"{told['z']:+.1f}",
        f"{told['corrected']:.5f}",
        f"{told['cosine']:.4f}",
    )


def figure(starts: list[Start]) -> Curves:
    """Eigenvalues at mean 0.3, where the flow is on its way from the boundary to a class."""
    curves: list[Curve] = []
    for start in starts:
        if start.mean != MEANS[1]:
            continue
        places = tuple(float(layer) for layer in range(1, len(start.steps) + 1))
        curves.append(
            Curve(f"w = {start.weight:g}, closed form", places, tuple(s.exact for s in start.steps))
        )
        alive = [(x, s.measured) for x, s in zip(places, start.steps, strict=True) if s.measured is not None]
        curves.append(
            Curve(
                f"w = {start.weight:g}, measured",
                tuple(x for x, _ in alive),
                tuple(y for _, y in alive),
                joined=False,
            )
        )
    return Curves(
        NAME,
        "Eigenvalue of the sum of all units from each layer of the tower to the next, the units of the lowest"
        " having the mean 0.3: closed form and measured. Above 1 the flow leaves the boundary of classes.",
        Axis("step, from layer", whole=True),
        Axis("eigenvalue"),
        tuple(curves),
        levels=(("neither grows nor dies", 1.0),),
    )


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given), time.perf_counter()
    samples, many = (2_000, 8_000) if options.quick else (40_000, 400_000)
    rng = np.random.default_rng(SEED)
    starts: list[Start] = []
    informations: list[dict[str, Any]] = []
    for weight in (1.0,) if options.quick else WEIGHTS:
        tower = MajorityTower(weight)
        means = (*MEANS, tower.class_mean) if tower.class_mean else MEANS
        starts += [measured(tower, mean, samples, rng) for mean in means]
        informations.append(information(tower, many, rng))
    z = np.array([step.z for start in starts for step in start.steps if step.z is not None])
    summary = {"count": len(z), "largest": float(np.abs(z).max()), "rms": float(np.sqrt((z**2).mean()))}
    tables = {
        NAME: table_of(
            (
                "w",
                "mean",
                *(f"layer {n} to {n + 1}" for n in range(1, 5)),
                "farthest z",
                "what the verb says",
            ),
            lines(starts),
        ),
        f"{NAME}-information": table_of(
            ("w", "closed form", "measured", "error", "z", "bias corrected", "cosine with equal entries"),
            (information_line(told) for told in informations),
        ),
        f"{NAME}-z": table_of(
            ("eigenvalues measured", "farthest z", "root mean square of z"),
            [(str(summary["count"]), f"{summary['largest']:.2f}", f"{summary['rms']:.2f}")],
        ),
    }
    numbers = {
        "samples": samples,
        "z": summary,
        "starts": [asdict(start) for start in starts],
        "information": informations,
    }
    publish(NAME, options, figures=[figure(starts)], numbers=numbers, tables=tables, began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
