"""The laboratory: networks with known weights behind a door, random, awkward, or read from files.

Idea: an attack is judged on networks that it cannot look into. The awkward ones hold what makes extraction
fail or lie: neurons that nearly coincide, hardly matter, never switch, or cannot be told apart.

Sources: near-parallel neurons are the defence of Train to Defend (NeurIPS 2025); unit rows with tiny biases
are the networks of Canales-Martinez et al. 2024; the rest is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import load_npz
from hingeline.oracles.local import network_oracle
from hingeline.oracles.protocol import Oracle


@dataclass(frozen=True, eq=False)
class Target:
    """A door, and what is behind it."""

    name: str
    """For tables and for finding it again."""
    oracle: Oracle
    """All that an attack gets."""
    truth: PiecewiseLinearNetwork
    """All that a score needs."""

    @staticmethod
    def of(name: str, network: PiecewiseLinearNetwork) -> Target:
        """A network behind a door in this process."""
        return Target(name, network_oracle(network, name), network)


def random_network(
    sizes: tuple[int, ...], rng: np.random.Generator, *, weight: float = 1.0, bias: float = 0.1
) -> PiecewiseLinearNetwork:
    """Gaussian weights of standard deviation weight / sqrt(inputs), Gaussian biases of deviation `bias`."""
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    weights = [weight * rng.standard_normal(shape) / np.sqrt(shape[1]) for shape in shapes]
    return PiecewiseLinearNetwork(weights, [bias * rng.standard_normal(shape[0]) for shape in shapes])


def unit_rows(sizes: tuple[int, ...], rng: np.random.Generator) -> PiecewiseLinearNetwork:
    """Rows of norm one and biases of a thousandth: all hyperplanes pass close by the origin."""
    return random_network(sizes, rng, bias=1e-3).canonical()


Parameters = tuple[list[FloatArray], list[FloatArray]]


def near_parallel(parts: Parameters, rng: np.random.Generator) -> None:
    """A neuron of some layer becomes another one plus a change of 1e-3 to 1e-1."""
    weights, biases = parts
    layer, (one, other) = _pair(parts, rng)
    change = 10.0 ** rng.uniform(-3, -1)
    weights[layer][other] = weights[layer][one] + change * weights[layer][other]
    biases[layer][other] = biases[layer][one] + change * biases[layer][other]


def copied(parts: Parameters, rng: np.random.Generator) -> None:
    """A neuron becomes an exact copy of another one: together they are one."""
    weights, biases = parts
    layer, (one, other) = _pair(parts, rng)
    weights[layer][other], biases[layer][other] = weights[layer][one], biases[layer][one]


def opposed(parts: Parameters, rng: np.random.Generator) -> None:
    """A neuron becomes the negative of another one: the same hyperplane, on at the other side."""
    weights, biases = parts
    layer, (one, other) = _pair(parts, rng)
    weights[layer][other], biases[layer][other] = -weights[layer][one], -biases[layer][one]


def faint(parts: Parameters, rng: np.random.Generator) -> None:
    """A neuron's outgoing weights shrink to 1e-12 to 1e-3 of what they were."""
    weights, _ = parts
    layer = _layer(parts, rng)
    weights[layer + 1][:, rng.integers(len(weights[layer]))] *= 10.0 ** rng.uniform(-12, -3)


def unread(parts: Parameters, rng: np.random.Generator) -> None:
    """Nothing reads a neuron."""
    weights, _ = parts
    layer = _layer(parts, rng)
    weights[layer + 1][:, rng.integers(len(weights[layer]))] = 0.0


def dead(parts: Parameters, rng: np.random.Generator) -> None:
    """A neuron of the last hidden layer is off everywhere: no weight and no bias of it is positive."""
    weights, biases = parts
    if len(weights) < 3:
        return unread(parts, rng)
    row = rng.integers(len(weights[-2]))
    weights[-2][row], biases[-2][row] = -np.abs(weights[-2][row]), -np.abs(biases[-2][row])
    return None


def always_on(parts: Parameters, rng: np.random.Generator) -> None:
    """A neuron of the last hidden layer is on everywhere; if that is the first layer, near the origin."""
    weights, biases = parts
    row = rng.integers(len(weights[-2]))
    if len(weights) >= 3:
        weights[-2][row] = np.abs(weights[-2][row])
    biases[-2][row] = np.abs(biases[-2][row]) + 10.0 * np.linalg.norm(weights[-2][row])


def far(parts: Parameters, rng: np.random.Generator) -> None:
    """A first-layer hyperplane lies 30 to 1,000 away from the origin."""
    weights, biases = parts
    row = rng.integers(len(weights[0]))
    biases[0][row] = rng.choice([-1, 1]) * 10.0 ** rng.uniform(1.5, 3) * np.linalg.norm(weights[0][row])


def unbiased(parts: Parameters, rng: np.random.Generator) -> None:
    """All hidden biases are zero: every hyperplane of the first layer passes through the origin."""
    for bias in parts[1][:-1]:
        bias[:] = 0.0


def stretched(parts: Parameters, rng: np.random.Generator) -> None:
    """Hidden rows are stretched by 1e-3 to 1e3 and their outgoing weights the other way."""
    weights, biases = parts
    for layer in range(len(weights) - 1):
        scale = 10.0 ** rng.uniform(-3, 3, len(weights[layer]))
        weights[layer] *= scale[:, np.newaxis]
        biases[layer] *= scale
        weights[layer + 1] /= scale


def dependent(parts: Parameters, rng: np.random.Generator) -> None:
    """A first-layer row is the sum of two others, as far as there are."""
    rows = parts[0][0]
    chosen = rng.choice(len(rows), min(3, len(rows)), replace=False)
    rows[chosen[0]] = rows[chosen[1:]].sum(axis=0) if len(chosen) > 1 else rows[chosen[0]]


def cancelling(parts: Parameters, rng: np.random.Generator) -> None:
    """Two last hidden neurons with c1 (a1, b1) + c2 (a2, b2) = 0: both may be turned round unseen."""
    weights, biases = parts
    if len(weights[-2]) < 2:
        return
    one, other = rng.choice(len(weights[-2]), 2, replace=False)
    weights[-2][other], biases[-2][other] = -2.0 * weights[-2][one], -2.0 * biases[-2][one]
    weights[-1][:, other] = 0.5 * weights[-1][:, one]


AWKWARD: Mapping[str, Callable[[Parameters, np.random.Generator], None]] = {
    "near-parallel": near_parallel,
    "copied": copied,
    "opposed": opposed,
    "faint": faint,
    "unread": unread,
    "dead": dead,
    "always-on": always_on,
    "far": far,
    "unbiased": unbiased,
    "stretched": stretched,
    "dependent": dependent,
    "cancelling": cancelling,
}
"""What can be done to a network, by name."""


def made_awkward(
    network: PiecewiseLinearNetwork, how: str, rng: np.random.Generator
) -> PiecewiseLinearNetwork:
    """The network after one of `AWKWARD`.

    Raises:
        InvalidInput: No such name, or a network without hidden neurons.
    """
    if how not in AWKWARD or not network.hidden_widths:
        raise InvalidInput(f"cannot make {network} {how!r}; known are {', '.join(AWKWARD)}")
    parts = [w.copy() for w in network.weights], [b.copy() for b in network.biases]
    AWKWARD[how](parts, rng)
    return PiecewiseLinearNetwork(*parts)


def public_targets(folder: str | Path, pattern: str = "*.npz") -> list[Target]:
    """The networks in a folder of `.npz` files with keys W0, b0, W1, b1, ..., by name.

    Raises:
        InvalidInput: No such folder, or no such file in it.
        FormatError: A file that is not a network.
    """
    paths = sorted(Path(folder).glob(pattern))
    if not paths:
        raise InvalidInput(f"no {pattern} in {folder}; networks are .npz files with W0, b0, W1, b1, ...")
    return [Target.of(path.stem, load_npz(path)) for path in paths]


def _layer(parts: Parameters, rng: np.random.Generator) -> int:
    return int(rng.integers(len(parts[0]) - 1))


def _pair(parts: Parameters, rng: np.random.Generator) -> tuple[int, tuple[int, int]]:
    """A hidden layer with at least two neurons if there is one, and two different neurons of it."""
    wide = [layer for layer, weight in enumerate(parts[0][:-1]) if len(weight) > 1]
    layer = int(rng.choice(wide)) if wide else 0
    count = len(parts[0][layer])
    one, other = rng.choice(count, 2, replace=False) if count > 1 else (0, 0)
    return layer, (int(one), int(other))
