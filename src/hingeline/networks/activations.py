"""Activations by name: what a neuron does to its pre-activation, and its slope there.

The slope is what differentiation reports: that of a step is zero, also where the step is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import erf, expit

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput

Pointwise = Callable[[FloatArray], FloatArray]

# Width of a step of "staircase": coarse enough that few inputs lie near an edge.
_STAIR = 0.25
_LEAK = 0.01
_NORMAL_AT_ZERO = 1.0 / np.sqrt(2.0 * np.pi)


@dataclass(frozen=True)
class Activation:
    """One function of one number, applied to every neuron of a layer."""

    name: str
    value: Pointwise
    """The function, elementwise."""
    slope: Pointwise
    """Its derivative, elementwise; at a kink that of the left side."""
    homogeneous: bool = False
    """Whether value(c z) = c value(z) for every c > 0."""
    kinked: bool = False
    """Whether it is piecewise linear, so that a slope is a pattern."""


ACTIVATIONS: Mapping[str, Activation] = {
    activation.name: activation
    for activation in (
        Activation(
            "relu",
            lambda z: np.maximum(z, 0.0),
            lambda z: (z > 0).astype(np.float64),
            homogeneous=True,
            kinked=True,
        ),
        Activation(
            "leaky relu",
            lambda z: np.where(z > 0, z, _LEAK * z),
            lambda z: np.where(z > 0, 1.0, _LEAK),
            homogeneous=True,
            kinked=True,
        ),
        Activation("abs", np.abs, lambda z: np.where(z > 0, 1.0, -1.0), homogeneous=True, kinked=True),
        Activation("tanh", np.tanh, lambda z: 1.0 - np.tanh(z) ** 2),
        Activation("sigmoid", expit, lambda z: expit(z) * expit(-z)),
        Activation(
            "gelu",
            lambda z: 0.5 * z * (1.0 + erf(z / np.sqrt(2.0))),
            lambda z: 0.5 * (1.0 + erf(z / np.sqrt(2.0))) + z * _NORMAL_AT_ZERO * np.exp(-0.5 * z * z),
        ),
        Activation("sin3", lambda z: np.sin(3.0 * z), lambda z: 3.0 * np.cos(3.0 * z)),
        Activation("square", lambda z: z * z, lambda z: 2.0 * z),
        Activation("sign", np.sign, np.zeros_like),
        Activation("staircase", lambda z: _STAIR * np.floor(z / _STAIR), np.zeros_like),
    )
}
"""What `FeedForwardNetwork` can apply, by name; "sin3" is sin(3z), "staircase" a quantised identity."""


def activation_named(name: str) -> Activation:
    """The activation of that name.

    Raises:
        InvalidInput: There is none.
    """
    if name not in ACTIVATIONS:
        raise InvalidInput(f"no activation is called {name!r}; known are {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]
