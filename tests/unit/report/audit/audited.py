"""Small audits of doors of every kind, each run once for all tests of a worker."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

import hingeline as hl
from hingeline.auditing.plan import AuditPlan
from hingeline.auditing.record import Audit
from hingeline.core.arrays import FloatArray
from hingeline.core.outcome import Finding
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.report.model import Claim, Command, Report, Table, Text

QUICK = ("extraction", "line", "span", "fragility")
"""Parts that take a second or two."""


def network(*sizes: int, seed: int) -> PiecewiseLinearNetwork:
    """Gaussian weights of usual size, small biases."""
    rng = np.random.default_rng(seed)
    pairs = list(pairwise(sizes))
    weights = [rng.standard_normal((out, into)) * np.sqrt(2 / into) for into, out in pairs]
    return PiecewiseLinearNetwork(weights, [0.3 * rng.standard_normal(out) for _, out in pairs])


def inputs(dim: int, rows: int = 16, seed: int = 99) -> FloatArray:
    """Gaussian inputs."""
    return np.random.default_rng(seed).standard_normal((rows, dim))


def audit(
    door: Callable[[FloatArray], Any],
    x: FloatArray | None,
    dim: int,
    *,
    budget: int | None = None,
    answers: Any = "auto",
    y: Any = None,
    agree: Any = None,
    **settings: Any,
) -> Finding[Audit]:
    """An audit of a function, by its quick parts unless told otherwise."""
    settings = {"parts": QUICK, "flips": 8} | settings
    oracle = hl.oracle(door, input_dim=dim, answers=answers)
    return hl.audit(oracle, x, y, budget=budget, seed=4, settings=settings, agree=agree)


@cache
def images() -> Finding[Audit]:
    """A copied network of 4 x 4 images, with labels; all parts but the long one."""
    net, x = network(16, 6, 4, seed=11), inputs(16)
    y = net(x).argmax(axis=1)
    return audit(net, x, 16, y=y, parts=(*QUICK, "stability"))


@cache
def toy() -> Finding[Audit]:
    """A copied network of two inputs and three classes, with two defences judged."""
    net = network(2, 5, 3, seed=12)
    parts = ("extraction", "line", "defences")
    few: dict[str, Any] = {"defences": ("round:2", "labels"), "defence_seeds": 3, "defence_inputs": 4}
    return audit(net, inputs(2), 2, parts=parts, **few)


@cache
def without_data() -> Finding[Audit]:
    """A copied network, and no inputs."""
    return audit(network(5, 4, 2, seed=13), None, 5)


@cache
def probabilities() -> Finding[Audit]:
    """A copied network behind a softmax."""

    def softmax(x: FloatArray) -> FloatArray:
        powers = np.exp(network(4, 5, 3, seed=14)(x))
        return powers / powers.sum(axis=1, keepdims=True)

    return audit(softmax, inputs(4), 4)


@cache
def scalar() -> Finding[Audit]:
    """A copied network of one output."""
    return audit(network(5, 4, 1, seed=15), inputs(5), 5)


@cache
def equivalent() -> Finding[Audit]:
    """A network with two opposite neurons, which no question tells from one with a linear part."""
    plain = network(6, 5, 2, seed=3)
    weights, biases = [w.copy() for w in plain.weights], [b.copy() for b in plain.biases]
    weights[0][1], biases[0][1] = -weights[0][0], -biases[0][0]
    return audit(PiecewiseLinearNetwork(weights, biases), inputs(6), 6)


@cache
def labels() -> Finding[Audit]:
    """A door that gives labels only."""
    net = network(3, 6, 3, seed=16)
    return audit(
        lambda x: net(x).argmax(axis=1)[:, np.newaxis], inputs(3), 3, budget=12_000, answers="labels"
    )


@cache
def smooth() -> Finding[Audit]:
    """A network of tanh."""
    rng = np.random.default_rng(17)
    first, second = rng.standard_normal((8, 5)) / 2, rng.standard_normal((3, 8))
    return audit(lambda x: np.tanh(x @ first.T) @ second.T, inputs(5), 5, budget=9_000)


@cache
def constant() -> Finding[Audit]:
    """A door that always gives the same answer."""
    return audit(lambda x: np.full((len(x), 3), 0.25), inputs(4), 4)


@cache
def random() -> Finding[Audit]:
    """A door that adds noise."""
    net, rng = network(5, 5, 3, seed=18), np.random.default_rng(19)
    return audit(lambda x: net(x) + 0.05 * rng.standard_normal((len(x), 3)), inputs(5), 5, budget=9_000)


@cache
def deep() -> Finding[Audit]:
    """A deep network whose budget ends while its layers are found."""
    return audit(network(10, 8, 8, 8, 3, seed=2), inputs(10), 10, budget=3_500)


@cache
def poor() -> Finding[Audit]:
    """A budget that ends before a neuron is found."""
    return audit(network(16, 6, 4, seed=11), inputs(16), 16, budget=150)


@cache
def poorer() -> Finding[Audit]:
    """A budget that ends while the doctor asks."""
    return audit(network(5, 4, 2, seed=13), inputs(5), 5, budget=10)


def _never(_: AuditPlan) -> bool:
    return False


@cache
def disagreed() -> Finding[Audit]:
    """A plan that was not agreed to."""
    return audit(network(5, 4, 2, seed=13), inputs(5), 5, agree=_never)


DOORS: dict[str, Callable[[], Finding[Audit]]] = {
    "images": images,
    "toy": toy,
    "without data": without_data,
    "probabilities": probabilities,
    "scalar": scalar,
    "equivalent": equivalent,
    "labels": labels,
    "smooth": smooth,
    "constant": constant,
    "random": random,
    "deep": deep,
    "poor": poor,
    "poorer": poorer,
    "disagreed": disagreed,
}
COPIED = ("images", "toy", "without data", "probabilities", "scalar", "equivalent")
"""Doors behind which a verified copy was made."""


def value(finding: Finding[Audit]) -> Audit:
    """The audit, which there always is."""
    assert finding.value is not None
    return finding.value


def told(report: Report) -> str:
    """Every word of a report but those inside figures."""
    parts = [report.headline, report.summary, *(f"{tile.value} {tile.label}" for tile in report.tiles)]
    for section in report.sections:
        parts.append(section.title)
        for block in section.blocks:
            match block:
                case Text():
                    parts.append(block.words)
                case Claim():
                    parts += [block.words, block.seen]
                case Table():
                    parts += [block.caption, *block.columns, *(cell for row in block.rows for cell in row)]
                case Command():
                    parts += block.lines
                case _:
                    parts.append(block.caption)
    return "\n".join(parts)


def section(report: Report, title: str) -> tuple[Any, ...]:
    """Blocks of one section; empty if it is not there."""
    return next((part.blocks for part in report.sections if part.title == title), ())
