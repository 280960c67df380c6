"""Blocks follow their majority, ties a fair coin, and operators are what their names say."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.known_answers.ising import Spins
from hingeline.renormalisation.known_answers.majority_rule import (
    EVEN,
    ODD,
    blocked,
    even_operators,
    odd_operators,
)


def lattices(count: int, size: int, seed: int) -> Spins:
    return np.random.default_rng(seed).choice(np.array([-1, 1], dtype=np.int8), (count, size, size))


def test_blocks_follow_their_majority() -> None:
    spins = np.array([[1, 1, -1, -1], [1, -1, -1, 1], [-1, -1, 1, 1], [-1, -1, 1, 1]], dtype=np.int8)
    assert (blocked(spins, np.random.default_rng(0)) == [[1, -1], [-1, 1]]).all()


def test_ties_fall_either_way_equally_often_and_nothing_else_does() -> None:
    every = np.array(list(itertools.product((-1, 1), repeat=4)), dtype=np.int8).reshape(16, 2, 2)
    drawn = blocked(np.broadcast_to(every, (4000, 16, 2, 2)), np.random.default_rng(51))[..., 0, 0]
    sums = every.sum(axis=(1, 2))
    assert (drawn[:, sums != 0] == np.sign(sums[sums != 0])).all()
    ties = drawn[:, sums == 0].mean(axis=0)
    assert np.abs(ties).max() < 4 / np.sqrt(4000)


def test_operators_of_one_sign_count_their_shapes() -> None:
    ones = np.ones((1, 8, 8), dtype=np.int8)
    assert (even_operators(ones, 7)[0] / 64).tolist() == [2, 2, 1, 2, 4, 2, 1]
    assert (odd_operators(-ones, 4)[0] / 64).tolist() == [-1, -4, -2, -4]


@pytest.mark.parametrize("size", [4, 6])
def test_operators_are_sums_of_products_over_all_places(size: int) -> None:
    (spins,) = lattices(1, size, 52)

    def at(i: int, j: int) -> int:
        return int(spins[i % size, j % size])

    for groups, operators in ((EVEN, even_operators), (ODD, odd_operators)):
        wanted = [
            sum(
                at(i, j) * int(np.prod([at(i + down, j + right) for down, right in shape], dtype=np.int64))
                for shape in group
                for i in range(size)
                for j in range(size)
            )
            for group in groups.values()
        ]
        assert operators(spins, len(groups)).tolist() == wanted


def test_no_shape_is_listed_twice() -> None:
    def canonical(shape: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        places = [(0, 0), *shape]
        top, left = min(i for i, _ in places), min(j for _, j in places)
        return tuple(sorted((i - top, j - left) for i, j in places))

    every = [canonical(shape) for shapes in (EVEN, ODD) for group in shapes.values() for shape in group]
    assert len(set(every)) == len(every)


def test_turned_and_flipped_lattices_have_the_same_operators() -> None:
    spins = lattices(5, 8, 53)
    for operators, count, sign in ((even_operators, 7, 1), (odd_operators, 4, -1)):
        found = operators(spins, count)
        assert (operators(-spins, count) == sign * found).all()
        assert (operators(np.rot90(spins, axes=(1, 2)), count) == found).all()
        assert (operators(np.roll(spins, (3, 2), axis=(1, 2)), count) == found).all()


def test_time_and_chains_pass_through() -> None:
    spins = lattices(6, 4, 54)
    together = even_operators(spins.reshape(3, 2, 4, 4), 4)
    assert together.shape == (3, 2, 4)
    assert (together.reshape(6, 4) == even_operators(spins, 4)).all()
    assert blocked(spins.reshape(3, 2, 4, 4), np.random.default_rng(0)).shape == (3, 2, 2, 2)


def test_what_cannot_be_blocked_or_measured_is_refused() -> None:
    with pytest.raises(InvalidInput, match="even sides"):
        blocked(lattices(1, 3, 0), np.random.default_rng(0))
    with pytest.raises(InvalidInput, match="1 to 7 operators"):
        even_operators(lattices(1, 4, 0), 8)
    with pytest.raises(InvalidInput, match="2 or more"):
        odd_operators(lattices(1, 1, 0), 1)
