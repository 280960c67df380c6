"""Lists of targets by name, and the random networks that honesty is tested on.

Every target is made from its name and a seed alone, so a failure is found again from what reports it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from hingeline.core.errors import InvalidInput
from hingeline.evaluation.targets import AWKWARD, Target, made_awkward, public_targets, random_network

RANDOM_SHAPES: Mapping[str, tuple[tuple[int, ...], ...]] = {
    "random-vector": ((784, 128, 10), (100, 200, 10)),
    "random-two-layers": ((80, 40, 20, 1), (10, 20, 20, 1), (10, 10, 10, 1)),
    "random-small": ((10, 5, 1), (20, 10, 3), (6, 12, 4), (8, 5, 4, 2), (1, 6, 1), (5, 1, 1)),
}
"""Networks of Gaussian weights, by suite."""

PUBLIC_PATTERNS: Mapping[str, tuple[str, ...]] = {
    "carlini": tuple(
        f"carlini_{sizes}_*.npz"
        for sizes in ("10-5-1", "20-10-1", "40-20-1", "10-10-10-1", "20-10-10-1", "784-32-1")
    ),
    "deti": ("deti_unitary_784_128_1.npz",),
    "foerster": ("foerster_*_*x2_1*.npz",),
}
"""Networks of published work, by suite: file names in the folder of public networks."""

SUITES = (*RANDOM_SHAPES, *PUBLIC_PATTERNS)
"""All names that `suite` knows."""

# Scales of weights and biases that the random networks are drawn from.
WEIGHTS = (0.03, 0.3, 1.0, 1.0, 3.0, 30.0)
BIASES = (0.0, 1e-3, 0.1, 0.1, 1.0)


def suite(name: str, *, folder: str | Path | None = None, seed: int = 0) -> list[Target]:
    """The targets of a suite.

    Args:
        name: One of `SUITES`.
        folder: Where the public networks are; needed for these only.
        seed: Of random weights.

    Raises:
        InvalidInput: No such suite, or no folder given or no network in it.
        FormatError: A file that is not a network.
    """
    if name in RANDOM_SHAPES:
        return [random_target(sizes, seed) for sizes in RANDOM_SHAPES[name]]
    if name not in PUBLIC_PATTERNS:
        raise InvalidInput(f"no suite {name!r}; known are {', '.join(SUITES)}")
    if folder is None:
        raise InvalidInput(f"suite {name!r} reads public networks; say in which folder they are")
    found = [target for pattern in PUBLIC_PATTERNS[name] for target in public_targets(folder, pattern)]
    return sorted(found, key=lambda target: target.truth.parameter_count)


def random_target(sizes: tuple[int, ...], seed: int) -> Target:
    """A network of Gaussian weights and small biases, made from sizes and seed."""
    rng = np.random.default_rng([seed, *sizes])
    return Target.of(f"random_{'-'.join(map(str, sizes))}_seed{seed}", random_network(sizes, rng))


def honesty_target(index: int, seed: int = 0) -> Target:
    """The `index`-th random network of one to two hidden layers, every other kind of awkwardness in turn."""
    rng = np.random.default_rng([seed, index])
    kinds: tuple[str, ...] = ("plain", *AWKWARD)
    kind = kinds[index % len(kinds)]
    sizes = _sizes(rng)
    network = random_network(sizes, rng, weight=rng.choice(WEIGHTS), bias=rng.choice(BIASES))
    if kind != "plain":
        network = made_awkward(network, kind, rng)
    return Target.of(f"honesty_{seed}_{index}_{kind}_{'-'.join(map(str, sizes))}", network)


def _sizes(rng: np.random.Generator) -> tuple[int, ...]:
    """One of the shapes that make a difference: narrow, wide, one neuron, many outputs, two layers."""
    return SHAPES[int(rng.integers(len(SHAPES)))](rng)


def _between(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def _contracting(rng: np.random.Generator) -> tuple[int, ...]:
    inputs = _between(rng, 4, 16)
    return inputs, _between(rng, 2, inputs), _between(rng, 1, 3)


def _expansive(rng: np.random.Generator) -> tuple[int, ...]:
    inputs = _between(rng, 2, 8)
    return inputs, _between(rng, inputs + 1, 3 * inputs), _between(rng, 1, 3)


def _one_neuron(rng: np.random.Generator) -> tuple[int, ...]:
    return _between(rng, 1, 10), 1, _between(rng, 1, 3)


def _many_outputs(rng: np.random.Generator) -> tuple[int, ...]:
    inputs = _between(rng, 2, 6)
    return inputs, _between(rng, 2, 10), inputs + _between(rng, 1, 6)


def _one_input(rng: np.random.Generator) -> tuple[int, ...]:
    return 1, _between(rng, 1, 8), _between(rng, 1, 2)


def _two_layers(rng: np.random.Generator) -> tuple[int, ...]:
    inputs = _between(rng, 4, 12)
    first = _between(rng, 2, inputs)
    return inputs, first, _between(rng, 1, first), _between(rng, 1, 3)


def _two_layers_widening(rng: np.random.Generator) -> tuple[int, ...]:
    inputs = _between(rng, 3, 8)
    return inputs, _between(rng, inputs, 2 * inputs), _between(rng, 2, inputs + 2), _between(rng, 1, 3)


SHAPES: tuple[Callable[[np.random.Generator], tuple[int, ...]], ...] = (
    _contracting,
    _expansive,
    _one_neuron,
    _many_outputs,
    _one_input,
    _two_layers,
    _two_layers,
    _two_layers_widening,
)
"""The shapes that random networks are drawn from."""
