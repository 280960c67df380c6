"""Angle between the images of two orthogonal inputs against depth, and how often the outputs share a sign.

python examples/random_networks/angle_against_depth.py [--nets N] [--quick] [--page]
"""

from __future__ import annotations

import sys
import time

import numpy as np
from common import SIGN, arguments_of, interval_of_median, model_of, publish, table_of, wide

from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.sensitivity.measures import theory
from hingeline.sensitivity.measures.depth_collapse import depth_collapse

NAME = "random-angle"
SHOWN = {1: ("", ".59"), 4: (".79", ".73"), 16: (".36", ".91"), 32: (".21", ""), 64: (".113", ".98")}


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    options, began = arguments_of(__doc__, given, 40), time.perf_counter()
    width, deepest = (64, 4) if options.quick else (256, 64)
    angles, agreements = np.zeros((options.nets, deepest + 1)), {}
    for depth in [d for d in SHOWN if d <= deepest]:
        same = []
        for net in range(options.nets):
            rng = np.random.default_rng(net)
            frame = np.linalg.qr(rng.standard_normal((width, width // 2)))[0].T
            pairs = np.arange(width // 2).reshape(-1, 2)
            model = model_of(wide(width, depth), net)
            found = depth_collapse(model, SIGN, frame, rng=rng, pairs=pairs)
            same.append(found.agreement)
            if depth == deepest:
                angles[net] = np.median(found.angles, axis=1)
        agreements[depth] = float(np.mean(same))
    depth = np.arange(deepest + 1)
    expected = theory.iterated_angles(np.array([np.pi / 2]), deepest)[:, 0]
    shallow = theory.shallow_angle(np.pi / 2, depth.astype(np.float64))
    rows = []
    for layers, same in agreements.items():
        middle, low, high = interval_of_median(angles[:, layers])
        told = f"{middle:.3f} ({low:.3f} to {high:.3f})"
        sign = f"{same:.3f}", f"{theory.agreement(expected[layers]):.3f}", SHOWN[layers][1]
        rows.append(
            (str(layers), told, f"{expected[layers]:.3f}", f"{shallow[layers]:.3f}", SHOWN[layers][0], *sign)
        )
    places = tuple(map(float, depth))
    figure = Curves(
        NAME,
        f"Median angle between the images of orthogonal inputs behind each layer of He networks of width "
        f"{width}, beside the iterated map and its small-angle form.",
        Axis("hidden layers", from_zero=True, whole=True),
        Axis("angle, radians", log=True),
        (
            Curve("measured", places, tuple(map(float, np.median(angles, axis=0)))),
            Curve("k(c) iterated", places, tuple(map(float, expected))),
            Curve("1 / (1/theta_0 + L / (3 pi))", places, tuple(map(float, shallow))),
        ),
    )
    columns = ("hidden layers", "angle", "k(c) iterated", "small-angle form", "expected", "same sign")
    columns = (*columns, "1 - theta / pi", "expected")
    numbers = {"angles": np.median(angles, axis=0).tolist(), "agreement": agreements}
    publish(NAME, options, figures=(figure,), numbers=numbers, tables=table_of(columns, rows), began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
