"""An extraction that is interrupted and resumed from its journal asks nothing twice and ends the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.core.outcome import Finding
from hingeline.extraction.extract import extract
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import OracleSpec


class Interrupted(BaseException):
    """What Ctrl-C does: not an error that a door or an attack may catch."""


class Door:
    """Answers as a network does; each row that leaves is noted, and a connection may break."""

    def __init__(self, network: PiecewiseLinearNetwork) -> None:
        self.network = network
        self.seen: Counter[bytes] = Counter()
        self.rows_left: float = np.inf

    @property
    def spec(self) -> OracleSpec:
        return OracleSpec("door", self.network.input_dim, self.network.output_dim)

    def query(self, points: FloatArray) -> FloatArray:
        if len(points) > self.rows_left:
            raise Interrupted
        self.rows_left -= len(points)
        self.seen.update(row.tobytes() for row in points)
        return self.network(points)


def he_network(sizes: tuple[int, ...], seed: int) -> PiecewiseLinearNetwork:
    rng = np.random.default_rng(seed)
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    weights = [rng.standard_normal(shape) * np.sqrt(2 / shape[1]) for shape in shapes]
    return PiecewiseLinearNetwork(weights, [0.3 * rng.standard_normal(shape[0]) for shape in shapes])


def in_pieces(door: Door, path: Path, lengths: list[int]) -> Finding[PiecewiseLinearNetwork]:
    """Extract with a break after so many rows each time, then to the end."""
    for length in lengths:
        door.rows_left = length
        with Journal.open(path) as journal, pytest.raises(Interrupted):
            extract(door, seed=3, journal=journal)
    door.rows_left = np.inf
    with Journal.open(path) as journal:
        return extract(door, seed=3, journal=journal)


def agree(sizes: tuple[int, ...], folder: Path, breaks: int, seed: int) -> None:
    whole, broken = Door(he_network(sizes, seed)), Door(he_network(sizes, seed))
    expected = extract(whole, seed=3)
    rng = np.random.default_rng(seed)
    lengths = [int(n) for n in rng.integers(1, expected.queries // (breaks + 1), breaks)]
    found = in_pieces(broken, folder / "journal.sqlite", lengths)
    assert found.outcome == expected.outcome
    assert found.queries == expected.queries
    # markers of steadiness are asked again on purpose; nothing else is, and as often as without a break
    assert broken.seen == whole.seen
    assert found.value is not None and expected.value is not None
    for one, other in zip(found.value.weights, expected.value.weights, strict=True):
        assert (one == other).all()


@pytest.mark.parametrize("seed", [21, 22])
def test_a_run_broken_at_random_moments_asks_every_row_as_often_as_one_that_was_not(
    tmp_path: Path, seed: int
) -> None:
    agree((20, 12, 6, 3), tmp_path, 4, seed)


@pytest.mark.slow
def test_784_64_32_10_broken_at_random_moments_asks_nothing_twice(tmp_path: Path) -> None:
    agree((784, 64, 32, 10), tmp_path, 3, 23)
