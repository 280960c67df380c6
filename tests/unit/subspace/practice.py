"""Networks of known weights on a bench of span recovery, and the angle to their true span."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.linalg import subspace_angles

from hingeline.core.arrays import FloatArray
from hingeline.core.randomness import Randomness
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import Answers, OracleSpec
from hingeline.oracles.session import QuerySession
from hingeline.probing.coordinates import centred
from hingeline.probing.doctor import calibration, examine
from hingeline.probing.ground import Ground
from hingeline.probing.probe import Probe
from hingeline.subspace.laws import BoxLaw, FreeLaw
from hingeline.subspace.settings import SpanSettings
from hingeline.subspace.workbench import Bench

Function = Callable[[FloatArray], FloatArray]


def he_layers(*sizes: int, seed: int = 0, biases: float = 0.1) -> list[tuple[FloatArray, FloatArray]]:
    """He weights and normal biases, layer by layer."""
    rng = np.random.default_rng(seed)
    return [
        (rng.standard_normal((out, into)) * np.sqrt(2.0 / into), biases * rng.standard_normal(out))
        for into, out in pairwise(sizes)
    ]


def relu_function(layers: list[tuple[FloatArray, FloatArray]]) -> Function:
    """The ReLU network with a linear last layer."""

    def values(points: FloatArray) -> FloatArray:
        for weight, bias in layers[:-1]:
            points = np.maximum(points @ weight.T + bias, 0.0)
        return points @ layers[-1][0].T + layers[-1][1]

    return values


def bench_of(
    function: Function,
    dim: int,
    seed: int = 0,
    *,
    bounds: tuple[float, float] | None = None,
    answers: Answers = "auto",
    budget: int | None = None,
    examined: bool = True,
    **settings: Any,
) -> Bench:
    """A bench at the door of `function`, examined by the doctor (or not, for the fixed scheme)."""
    session = QuerySession(
        CallableOracle(function, OracleSpec("practice", dim, bounds=bounds, answers=answers)), budget=budget
    )
    randomness, ground = Randomness(seed), Ground.of(dim, bounds, None)
    card, probe = None, None
    if examined:
        card = examine(session, randomness)
        probe = Probe(session, centred(calibration(card), ground))
    if probe is not None and np.isfinite(probe.domain.half_width):
        law: FreeLaw | BoxLaw = BoxLaw(dim, probe.domain)
    else:
        law = FreeLaw(dim, ground.scale if probe is None else probe.calibration.scale)
        if probe is not None:
            law = FreeLaw(dim, probe.calibration.scale, probe.domain)
    return Bench(session, probe, card, law, randomness, SpanSettings(**settings))


def angle_to(basis: FloatArray, first_layer: FloatArray) -> float:
    """Largest principal angle between the columns of `basis` and the rows of a matrix."""
    return float(np.max(subspace_angles(basis, first_layer.T)))
