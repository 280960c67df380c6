"""What wide random networks do: the lines beside which a user's network is drawn.

All constants here (0.6745, the harmonic rank profile, the validity number) are derived and measured by us.
They are in the spirit of Bartlett, Bubeck and Cherapanamjeri 2021 (a random ReLU network is locally like a
random linear function) but are not that paper's, whose theorem statements were not read.

For a linear function with a random direction g, |<g, x>| / (|g| |x|) = |N(0, 1)| / sqrt(d).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import erf, ndtri

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.networks.activations import Activation
from hingeline.sensitivity.threat import Norm

HALF_NORMAL_MEDIAN = float(ndtri(0.75))
"""Median of |N(0, 1)|, 0.6745."""
HALF_NORMAL_MEAN = math.sqrt(2.0 / math.pi)
HALF_NORMAL_95 = float(ndtri(0.975))
"""What 95 % of |N(0, 1)| do not exceed, 1.96."""
SURCHARGE = 0.3
"""Of the median ray over the median linear distance, fitted to 25 He networks; an empirical law."""

_REACH = 12.0  # the normal density beyond is 1e-32
_PANEL = 0.25  # every kink and jump of our activations lies on a multiple of it
_NODES = 16


def success(kappa: FloatArray) -> FloatArray:
    """Share of inputs that a step of kappa natural units flips, 2 Phi(kappa) - 1, if all is linear."""
    return np.asarray(erf(np.asarray(kappa) / math.sqrt(2.0)))


def natural_unit(norm_name: Norm, free: IntArray) -> FloatArray:
    """1 / E|z|_* for normal z of that many coordinates: times |x|_2 the scale of linear flips.

    Distances of a random linear function are |N(0, 1)| in this unit: 1 / sqrt(d) in l2,
    sqrt(pi / 2) / d in l-infinity, 1 / E max|z_i| in l1. Infinite where nothing is free.

    Args:
        norm_name: The norm in which changes are measured.
        free: Numbers of free coordinates, any shape.
    """
    counts = np.asarray(free, dtype=np.float64)
    with np.errstate(divide="ignore"):
        match norm_name:
            case "l2":
                return 1.0 / np.sqrt(counts)
            case "linf":
                return math.sqrt(math.pi / 2.0) / counts
            case "l1":
                every, place = np.unique(counts, return_inverse=True)
                return (1.0 / np.array([_expected_maximum(c) for c in every]))[place].reshape(counts.shape)


def _expected_maximum(count: float) -> float:
    """E max |z_i| = integral of 1 - P(|z| <= t)^count."""
    t = np.linspace(0.0, _REACH, 4801)
    return float(np.trapezoid(1.0 - erf(t / math.sqrt(2.0)) ** count, t)) if count else 0.0


def pr_profile(widths: Sequence[int]) -> FloatArray:
    """Participation ratio of the Jacobian to each hidden layer, 1/PR_j = 1/d_0 + 2 (1/d_1 + ... + 1/d_j).

    Args:
        widths: Free inputs d_0 and the widths of the hidden layers, each 1 or more.

    Returns:
        One number per hidden layer.
    """
    if not widths or min(widths) < 1:
        raise InvalidInput(f"widths want an input and layers of 1 or more; got {tuple(widths)}")
    return 1.0 / (1.0 / widths[0] + 2.0 * np.cumsum(1.0 / np.asarray(widths[1:], dtype=np.float64)))


def displacement(widths: Sequence[int]) -> FloatArray:
    """Median relative displacement of each hidden layer at the linear flip, 0.6745 / sqrt(PR_j)."""
    return HALF_NORMAL_MEDIAN / np.sqrt(pr_profile(widths))


def validity(widths: Sequence[int]) -> float:
    """V = sum of displacements / pi: about the share of activation patterns lost up to the flip.

    Below 0.1 one-step reasoning holds; above 0.3 it fails on more than a third of the inputs.
    """
    return float(displacement(widths).sum()) / math.pi


def critical_depth(width: int, at: float) -> float:
    """Depth at which V of equal widths reaches `at`: V = (2/3) sqrt(2) 0.6745 / pi L^1.5 / sqrt(n)."""
    factor = 2.0 / 3.0 * math.sqrt(2.0) * HALF_NORMAL_MEDIAN / math.pi
    return (at * math.sqrt(width) / factor) ** (2.0 / 3.0)


def surcharge(layers: int, inputs: int) -> float:
    """Median ray distance over median linear distance less one, about 0.3 L^1.5 / sqrt(d)."""
    return SURCHARGE * layers**1.5 / math.sqrt(inputs)


def angle_map(cosines: FloatArray) -> FloatArray:
    """Cosine of two images behind a wide He ReLU layer: k(c) = (sqrt(1-c^2) + c (pi - arccos c)) / pi."""
    c = np.clip(np.asarray(cosines, dtype=np.float64), -1.0, 1.0)
    return (np.sqrt(1.0 - c * c) + c * (math.pi - np.arccos(c))) / math.pi


def iterated_angles(angles: FloatArray, layers: int) -> FloatArray:
    """Angles after 0, 1, ... `layers` layers: "n" to "l+1 n", radians."""
    cosines = [np.cos(np.asarray(angles, dtype=np.float64))]
    for _ in range(layers):
        cosines.append(angle_map(cosines[-1]))
    found = np.arccos(np.clip(np.array(cosines), -1.0, 1.0))
    found[0] = angles
    return found


def shallow_angle(angle: float, layers: FloatArray) -> FloatArray:
    """The small-angle form of the same, 1/theta_L = 1/theta_0 + L / (3 pi)."""
    return angle / (1.0 + angle * np.asarray(layers, dtype=np.float64) / (3.0 * math.pi))


def agreement(angles: FloatArray) -> FloatArray:
    """Probability that one Gaussian output has the same sign at two images: 1 - theta / pi."""
    return 1.0 - np.asarray(angles) / math.pi


def activation_constant(activation: Activation) -> float:
    """sqrt(E psi^2 / E psi'^2) over a standard normal z; times 0.6745 the median of r_lin sqrt(d).

    For two layers, normal rows on inputs of norm sqrt(d), output weights of mean zero. Infinite for
    activations without slope.

    Gauss-Legendre on panels that end where our activations have kinks; an activation with kinks elsewhere
    is off by less than 1e-3 times its jump of slope.
    """
    ends = np.arange(-_REACH, _REACH, _PANEL)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    z = (ends[:, np.newaxis] + 0.5 * _PANEL * (nodes + 1.0)).ravel()
    mass = np.tile(0.5 * _PANEL * weights, len(ends)) * np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    square, steepness = mass @ activation.value(z) ** 2, mass @ activation.slope(z) ** 2
    return float(math.sqrt(square / steepness)) if steepness > 0 else math.inf
