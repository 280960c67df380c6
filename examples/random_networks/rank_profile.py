"""How many directions reach each layer, and how far layers move.

Laws: 1/PR_j = 1/d_0 + 2 sum 1/d_i, rho_j = r / sqrt(PR_j / d_0).

    python examples/random_networks/rank_profile.py [--nets N] [--quick] [--page]

By singular values and by eight probes; displacement over linear distance at a hundredth of the flip, where
the law is exact, and at the flip.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from common import FREE, SIGN, arguments_of, model_of, publish, sphere, table_of

from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.sensitivity.measures import theory
from hingeline.sensitivity.measures.gradient_ray import gradient_rays
from hingeline.sensitivity.measures.jacobian_spectra import spectra

NAME = "random-rank"
PROFILES = ((256,) * 4, (512, 512, 64, 512, 512), (512, 32, 512, 512), (784, 100, 100, 100))


def measured(profile: tuple[int, ...], nets: int) -> FloatArray:
    """Rank by singular values, by probes, gain of a small step and of the whole, means and medians: "4 l"."""
    ranks, gains = np.zeros((2, nets, len(profile) - 1)), np.zeros((2, nets, len(profile) - 1, 8))
    for net in range(nets):
        model, rng = model_of((*profile, 1), net), np.random.default_rng(net)
        points = sphere(rng, 8, profile[0])
        rays = gradient_rays(model, SIGN, points, FREE, grid=2)
        before = model.layers(points)
        for row, size in enumerate((0.01, 1.0)):
            steps = size * rays.linear
            after = model.layers(points + steps[:, np.newaxis] * rays.directions)
            for layer, (b, a) in enumerate(zip(before, after, strict=True)):
                moved = np.linalg.norm(a.values - b.values, axis=1) / np.linalg.norm(b.values, axis=1)
                gains[row, net, layer] = moved / (steps / rays.lengths)
        for layer, width in enumerate(profile[1:]):
            for row, exact in enumerate((True, False)):
                some = points[:1] if exact else points
                found = spectra(model, layer, width, some, FREE, rng, exact=exact)
                ranks[row, net, layer] = found.ranks.mean()
    return np.concatenate([ranks.mean(axis=1), np.median(gains, axis=(1, 3))])


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given, 12), time.perf_counter()
    profiles = ((64,) * 4,) if options.quick else PROFILES
    rows, curves, numbers, pooled = [], [], {}, []
    for profile in profiles:
        name, expected = "-".join(map(str, profile)), theory.pr_profile(profile)
        exact, probed, small, whole = measured(profile, options.nets)
        gain = np.sqrt(profile[0] / expected)
        for words, values, digits in (
            ("PR, singular values", exact, 1),
            ("PR, 8 probes", probed, 1),
            ("PR, formula", expected, 1),
            ("rho / r, small step", small, 2),
            ("rho / r, at the flip", whole, 2),
            ("rho / r, formula", gain, 2),
        ):
            rows.append((f"{name}: {words}", *(f"{v:.{digits}f}" for v in values), *[""] * (4 - len(values))))
        sums = np.cumsum(1 / np.array(profile[1:]))
        pooled += list(zip(sums, 1 / exact - 1 / profile[0], strict=True))
        curves.append(Curve(name, tuple(map(float, expected)), tuple(map(float, exact)), joined=False))
        numbers[name] = {"exact": exact.tolist(), "probed": probed.tolist(), "formula": expected.tolist()}
    slope, intercept = np.polyfit(*np.array(pooled).T, 1)
    rows.append(("1/PR - 1/d against sum 1/n: slope, intercept", f"{slope:.3f}", f"{intercept:.5f}", "", ""))
    numbers["slope"], numbers["intercept"] = float(slope), float(intercept)
    line = tuple(sorted(v for curve in curves for v in curve.x))
    figure = Curves(
        NAME,
        "Participation ratio of the Jacobian by singular values against the harmonic sum, for four width "
        "profiles; on the line they are equal.",
        Axis("1 / (1/d + 2 sum 1/n)", log=True),
        Axis("PR by singular values", log=True),
        (*curves, Curve("equal", line, line)),
    )
    table = table_of(("profile", "layer 1", "layer 2", "layer 3", "layer 4"), rows)
    publish(NAME, options, figures=(figure,), numbers=numbers, tables=table, began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
