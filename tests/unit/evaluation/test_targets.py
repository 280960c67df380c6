from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.evaluation.suites import PUBLIC_PATTERNS, RANDOM_SHAPES, honesty_target, random_target, suite
from hingeline.evaluation.targets import (
    AWKWARD,
    Target,
    made_awkward,
    public_targets,
    random_network,
    unit_rows,
)
from hingeline.networks.compare import compare
from hingeline.networks.storage import save_npz

PUBLIC = Path(__file__).resolve().parents[3] / ".." / "shared" / "targets"


def test_a_target_answers_as_its_truth() -> None:
    target = random_target((4, 3, 2), 0)
    points = np.random.default_rng(0).standard_normal((5, 4))
    np.testing.assert_array_equal(target.oracle.query(points), target.truth(points))
    assert (target.oracle.spec.input_dim, target.oracle.spec.name) == (4, target.name)


def test_random_weights_have_the_scale_that_was_asked_for() -> None:
    network = random_network((400, 300, 2), np.random.default_rng(0), weight=3.0, bias=0.5)
    assert np.std(network.weights[0]) == pytest.approx(3.0 / 20.0, rel=0.02)
    assert np.std(network.biases[0]) == pytest.approx(0.5, rel=0.15)


def test_unit_rows_are_unit_and_their_planes_pass_near_the_origin() -> None:
    network = unit_rows((50, 30, 1), np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.norm(network.weights[0], axis=1), 1.0)
    assert np.abs(network.biases[0]).max() < 0.01


@pytest.mark.parametrize("kind", AWKWARD)
@pytest.mark.parametrize("sizes", [(6, 5, 2), (6, 5, 4, 1), (3, 1, 1), (1, 2, 1)])
def test_every_awkwardness_changes_any_network_and_keeps_its_shape(kind: str, sizes: tuple[int, ...]) -> None:
    network = random_network(sizes, np.random.default_rng(1))
    awkward = made_awkward(network, kind, np.random.default_rng(2))
    assert awkward.sizes == sizes
    same = all(
        np.array_equal(a, b)
        for a, b in zip((*network.weights, *network.biases), (*awkward.weights, *awkward.biases), strict=True)
    )
    # one neuron alone has nothing to be copied from or cancelled by
    assert same == (min(sizes[1:-1]) == 1 and kind in {"copied", "cancelling", "dependent"})


def test_copies_and_unread_neurons_count_as_one_and_as_none() -> None:
    network = random_network((6, 5, 2), np.random.default_rng(3))
    copied = made_awkward(network, "copied", np.random.default_rng(4))
    assert sorted(len(pair.a) for pair in compare(copied, copied).neurons[0].matched) == [1, 1, 1, 2]
    unread = made_awkward(network, "unread", np.random.default_rng(4))
    assert len(compare(unread, unread).neurons[0].matched) == 4


def test_dead_and_always_on_neurons_never_switch() -> None:
    network = random_network((6, 5, 4, 1), np.random.default_rng(5))
    points = 100 * np.random.default_rng(6).standard_normal((3000, 6))
    for kind, value in (("dead", 0.0), ("always-on", 1.0)):
        awkward = made_awkward(network, kind, np.random.default_rng(7))
        assert value in awkward.activation_pattern(points)[1].mean(axis=0)


def test_stretching_and_cancelling_keep_what_they_say() -> None:
    network = random_network((6, 5, 2), np.random.default_rng(8))
    stretched = made_awkward(network, "stretched", np.random.default_rng(9))
    assert compare(network, stretched).equivalent
    awkward = made_awkward(network, "cancelling", np.random.default_rng(9))
    sums = awkward.weights[1][:, :, np.newaxis] * awkward.weights[0]
    pairs = [(i, j) for i in range(5) for j in range(i) if np.allclose(sums[:, i] + sums[:, j], 0)]
    assert len(pairs) == 1


def test_an_unknown_awkwardness_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="known are near-parallel, copied"):
        made_awkward(random_network((3, 2, 1), np.random.default_rng(0)), "odd", np.random.default_rng(0))


def test_honesty_targets_are_all_different_and_come_back_from_index_and_seed() -> None:
    targets = [honesty_target(index) for index in range(52)]
    assert len({target.name for target in targets}) == 52
    assert {target.name.split("_")[3] for target in targets} == {"plain", *AWKWARD}
    again = honesty_target(17)
    np.testing.assert_array_equal(again.truth.weights[0], targets[17].truth.weights[0])
    assert honesty_target(17, seed=1).name != again.name


def test_honesty_targets_hold_every_shape_that_makes_a_difference() -> None:
    sizes = [honesty_target(index).truth.sizes for index in range(104)]
    assert any(len(s) == 3 and s[1] == 1 for s in sizes)
    assert any(len(s) == 3 and s[1] > s[0] > 1 for s in sizes)
    assert any(len(s) == 4 and s[1] > s[0] for s in sizes)
    assert any(s[-1] > s[0] for s in sizes)
    assert any(s[0] == 1 for s in sizes)


@pytest.mark.parametrize("name", RANDOM_SHAPES)
def test_random_suites_have_the_shapes_of_their_table(name: str) -> None:
    assert [target.truth.sizes for target in suite(name, seed=3)] == list(RANDOM_SHAPES[name])


def test_public_networks_are_read_by_name(tmp_path: Path) -> None:
    network = random_network((3, 2, 1), np.random.default_rng(0))
    save_npz(network, tmp_path / "deti_unitary_784_128_1.npz")
    (target,) = suite("deti", folder=tmp_path)
    assert isinstance(target, Target)
    assert target.name == "deti_unitary_784_128_1"
    np.testing.assert_array_equal(target.truth.weights[1], network.weights[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: suite("odd"), "known are random-vector"),
        (lambda: suite("carlini"), "say in which folder"),
        (lambda: public_targets("/no/such/folder"), "no .* in /no/such/folder"),
    ],
)
def test_what_is_not_there_is_said(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(InvalidInput, match=message):
        call()


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public networks are not here")
@pytest.mark.parametrize("name", PUBLIC_PATTERNS)
def test_public_suites_find_their_networks(name: str) -> None:
    targets = suite(name, folder=PUBLIC)
    counts = [target.truth.parameter_count for target in targets]
    assert counts == sorted(counts)
    assert len(targets) >= 1
