"""The verb on targets whose weights are seen: both bounds, what is handed over, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from known_networks import dead_network, linear_network

import hingeline as hl
from hingeline.core.errors import InvalidInput
from hingeline.core.outcome import Finding, Outcome, Provenance, Spending, Status
from hingeline.networks.activations import ACTIVATIONS
from hingeline.networks.exact_form import exact_form
from hingeline.networks.feed_forward import FeedForwardNetwork, random_network
from hingeline.networks.loading import save_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.fragility import fragility
from hingeline.sensitivity.profile import FragilityProfile
from hingeline.sensitivity.settings import FragilitySettings

QUICK = FragilitySettings(parts=("distance", "biases", "depth"), attacks=("boundary descent", "label search"))
BOUNDS_ONLY = FragilitySettings(parts=("distance",), attacks=("boundary descent",))


def relu(sizes: tuple[int, ...], seed: int = 101) -> PiecewiseLinearNetwork:
    network = random_network(sizes, seed=seed, initialisation="torch")
    return PiecewiseLinearNetwork(network.weights, network.biases)


NETWORK = relu((6, 10, 3))
POINTS = np.random.default_rng(102).standard_normal((5, 6))


def found(target: Any, x: Any = POINTS, y: Any = None, **options: Any) -> FragilityProfile:
    options = {"settings": BOUNDS_ONLY} | options
    profile = fragility(target, x, y, **options).value
    assert profile is not None
    assert_bounds_hold(profile)
    return profile


def assert_bounds_hold(profile: FragilityProfile) -> None:
    assert (profile.lower <= profile.upper * (1 + 1e-9)).all()
    flips = np.isfinite(profile.upper)
    assert (profile.flipped_to[flips] != profile.classes[flips]).all()
    assert (profile.flipped_to[~flips] == profile.classes[~flips]).all() and not profile.changes[~flips].any()


def assert_flips_are_real(profile: FragilityProfile, network: Any) -> None:
    moved = network(profile.points + profile.changes)
    classes = moved.argmax(axis=1) if moved.shape[1] > 1 else (moved[:, 0] > 0).astype(int)
    np.testing.assert_array_equal(classes, profile.flipped_to)


def test_every_part_of_a_small_network_is_measured_and_told() -> None:
    finding = fragility(NETWORK, POINTS, NETWORK(POINTS).argmax(axis=1))
    profile = finding.require()
    assert finding.outcome.ok and profile.proved.all() and profile.left_out == () and finding.queries == 0
    names = {"attacks", "minimal", "distance", "biases", "depth", "linearity", "layers"}
    assert set(profile.parts()) == names | {"fisher", "curves", "universal"}
    assert profile.accuracy == 1.0 and np.isfinite(profile.upper).all()
    assert len(profile.figures()) > 10 and finding.to_dict()["evidence"]["profile"]["standing"]
    assert_flips_are_real(profile, NETWORK)


@pytest.mark.parametrize("suffix", ["pair", "finding", ".npz", ".safetensors", ".onnx"])
def test_every_way_to_hand_over_weights_gives_the_same(suffix: str, tmp_path: Path) -> None:
    expected, target = found(NETWORK), NETWORK
    if suffix == "pair":
        target = (NETWORK.weights, NETWORK.biases)
    elif suffix == "finding":
        outcome, provenance = Outcome(Status.COMPLETE, "Done."), Provenance("extract", "it", 0)
        target = Finding(NETWORK, outcome, {}, Spending(0, 0.0), provenance)
    else:
        if suffix == ".onnx":
            pytest.importorskip("onnx")
        target = tmp_path / f"model{suffix}"
        save_network(NETWORK, target)
    profile = found(target)
    np.testing.assert_allclose(profile.upper, expected.upper, rtol=1e-4)
    assert profile.proved.all()


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_is_bounded_from_above_and_those_made_of_relus_are_proved(activation: str) -> None:
    network = random_network((5, 8, 3), seed=103, activation=activation, initialisation="torch")
    points = np.random.default_rng(104).standard_normal((4, 5))
    profile = found(network, points, settings=QUICK)
    assert np.isfinite(profile.upper).all() and "universal" not in profile.parts()
    assert profile.proved.all() == (activation in ("relu", "leaky relu", "abs"))
    assert_flips_are_real(profile, network)


@pytest.mark.parametrize("activation", ["abs", "leaky relu"])
def test_activations_made_of_relus_are_searched_in_a_network_that_computes_the_same(activation: str) -> None:
    network = random_network((4, 6, 5, 2), seed=105, activation=activation)
    exact, points = exact_form(network), np.random.default_rng(106).standard_normal((50, 4))
    assert exact is not None
    np.testing.assert_allclose(exact(points), network(points), atol=1e-12)
    smooth = random_network((4, 6, 2), activation="tanh")
    assert exact_form(smooth) is None


@pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
def test_a_linear_network_flips_at_its_distance_in_every_norm(norm: str) -> None:
    network = linear_network([[3.0, -4.0, 0.0]], [1.0])
    points = np.array([[1.0, 0.5, 2.0], [-2.0, 1.0, 0.0]])
    lead = np.abs(points @ [3.0, -4.0, 0.0] + 1.0)
    dual = {"l2": 5.0, "linf": 7.0, "l1": 4.0}[norm]
    profile = found(network, points, norm=norm)
    np.testing.assert_allclose(profile.upper, lead / dual, rtol=1e-6)
    assert profile.proved.all()


def test_a_threshold_moves_the_boundary_of_one_output() -> None:
    network = linear_network([[2.0, 0.0]], [0.0])
    profile = found(network, [[1.0, 0.0], [4.0, 0.0]], threshold=5.0)
    assert profile.classes.tolist() == [0, 1] and profile.flipped_to.tolist() == [1, 0]
    np.testing.assert_allclose(profile.upper, [1.5, 1.5], rtol=1e-6)


def test_ten_classes_a_box_and_a_mask_are_kept() -> None:
    network, rng = relu((8, 12, 10)), np.random.default_rng(107)
    points, free = rng.uniform(0, 1, (4, 8)), np.arange(8) < 6
    profile = found(network, points, box=(0.0, 1.0), free=free, settings=QUICK)
    moved = profile.points + profile.changes
    assert moved.min() >= 0 and moved.max() <= 1 and not profile.changes[:, ~free].any()
    boundless = found(network, points)
    assert (boundless.upper <= profile.upper * (1 + 1e-6)).all()


def test_labels_give_the_accuracy_and_the_curve_of_those_that_stand() -> None:
    own = NETWORK(POINTS).argmax(axis=1)
    labels = np.where(np.arange(5) < 2, (own + 1) % 3, own)
    profile = found(NETWORK, POINTS, labels)
    assert profile.accuracy == 0.6 and profile.summary()["accuracy"] == 0.6
    curve = profile.standing
    assert curve.sizes[0] == 0 and curve.shares[0] == 0.6 and curve.shares[-1] == 0
    assert (curve.low <= curve.shares).all() and (curve.shares <= curve.high).all()
    assert (curve.certain_shares <= curve.shares).all() and (np.diff(curve.standing) <= 0).all()


def test_labels_that_are_none_are_refused_and_minus_one_means_the_first_of_two() -> None:
    network = linear_network([[1.0, 0.0]], [0.0])
    profile = found(network, [[1.0, 0.0], [-1.0, 0.0]], [1, -1])
    assert profile.labels is not None and profile.labels.tolist() == [1, 0] and profile.accuracy == 1.0
    for labels in ([0, 1, 2], [0, 3, 1, 1, 1], [0.5] * 5, ["a"] * 5):
        with pytest.raises(InvalidInput):
            fragility(NETWORK, POINTS, labels)


def test_images_and_one_single_input_are_rows() -> None:
    network = relu((64, 8, 2))
    images = np.random.default_rng(108).uniform(0, 1, (2, 1, 8, 8))
    flat = found(network, images.reshape(2, 64), box=(0, 1))
    np.testing.assert_allclose(found(network, images, box=(0, 1)).upper, flat.upper, rtol=1e-6)
    alone = found(NETWORK, POINTS[0], settings=QUICK)
    assert alone.points.shape == (1, 6) and "depth" not in alone.parts()
    assert any("pairs want two inputs" in sentence for sentence in alone.left_out)
    np.testing.assert_allclose(alone.upper, found(NETWORK).upper[:1], rtol=1e-4)


def test_an_input_on_the_boundary_flips_at_once() -> None:
    # relu(z) - relu(-z) = z, the sum of both coordinates
    network = PiecewiseLinearNetwork([[[1.0, 1.0], [-1.0, -1.0]], [[1.0, -1.0]]], [[0.0, 0.0], [0.0]])
    finding = fragility(network, [[1.0, -1.0], [1.0, 1.0]], settings={"nodes": 50, "parts": ("distance",)})
    assert finding.value is not None
    assert finding.value.upper[0] < 1e-6 and finding.value.proved.all()
    np.testing.assert_allclose(finding.value.upper[1], np.sqrt(2), rtol=1e-6)


def test_inputs_that_are_all_the_same_make_no_network_constant() -> None:
    profile = found(NETWORK, np.tile(POINTS[0], (6, 1)), settings=QUICK)
    assert not {"constant", "depth-collapsed"} & {v.name for v in profile.verdicts}
    assert np.ptp(profile.upper) <= 1e-4 * profile.upper[0]


def test_a_median_counts_what_never_flips_as_infinite() -> None:
    network = linear_network([[1.0, 0.0]], [0.0])
    points = [[0.1, 0.0], [0.2, 0.5], [0.9, 0.0], [0.8, 0.0], [0.7, 0.0]]
    profile = found(network, points, box=(0.0, 1.0), free=np.array([False, True]))
    assert np.isinf(profile.upper).all() and profile.summary()["median_upper"] is None
    finding = fragility(network, points, box=(-0.3, 1.0), norm="l1", settings=BOUNDS_ONLY)
    told = finding.require().summary()
    assert told["median_upper"] == pytest.approx(0.7) and told["without_flip"] == []


def test_a_network_with_a_dead_layer_is_no_good_news_though_the_search_ends() -> None:
    points = np.random.default_rng(109).standard_normal((4, 20))
    finding = fragility(dead_network(), points, box=(-5.0, 5.0), settings={"attacks": ("label search",)})
    assert finding.value is not None
    names = {v.name for v in finding.value.verdicts}
    assert {"dead", "constant"} <= names and "linear regime" not in names
    assert np.isinf(finding.value.upper).all() and "does not work" in finding.outcome.reason


def test_a_change_that_is_asked_for_by_name_is_the_only_one_made() -> None:
    profile = found(NETWORK, settings={"parts": ["biases"], "attacks": ["one step"], "exact": False})
    assert set(profile.parts()) == {"attacks", "biases"} and profile.minimal is None
    assert not profile.proved.any() and not profile.lower.any()
    for wrong in ({"parts": ["colour"]}, {"speed": 3}, {"attacks": ["magic"]}, {"workers": 0}):
        with pytest.raises(InvalidInput):
            fragility(NETWORK, POINTS, settings=wrong)


def test_what_cannot_be_meant_is_refused() -> None:
    for x in ([], [["a"]], np.full((2, 6), np.nan), np.zeros((2, 5))):
        with pytest.raises(InvalidInput):
            fragility(NETWORK, x)
    with pytest.raises(InvalidInput, match="divide by 255"):
        fragility(NETWORK, np.full((1, 6), 200.0), box=(0, 1))
    with pytest.raises(InvalidInput, match="6 booleans"):
        fragility(NETWORK, POINTS, free=[True])
    with pytest.raises(InvalidInput, match="norm"):
        fragility(NETWORK, POINTS, norm="l7")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"hingeline\.oracle"):
        fragility(lambda x: x, POINTS)


def test_the_same_seed_gives_the_same_profile() -> None:
    network = random_network((6, 9, 3), seed=110, activation="gelu")
    one, two, other = (found(network, settings=QUICK, seed=seed).to_dict() for seed in (4, 4, 5))
    assert one == two and one != other


def test_an_open_search_leaves_both_bounds_standing() -> None:
    network = relu((10, 24, 24, 3), seed=111)
    settings = {"nodes": 3, "parts": (), "attacks": ("boundary descent",)}
    finding = fragility(network, np.random.default_rng(112).standard_normal((4, 10)), settings=settings)
    assert finding.value is not None
    assert_bounds_hold(finding.value)
    assert finding.outcome.status in (Status.PARTIAL, Status.COMPLETE)
    assert finding.value.proved.all() or "Not proved: rows" in finding.outcome.reason


def test_a_smooth_network_has_upper_bounds_only() -> None:
    network = FeedForwardNetwork(NETWORK.weights, NETWORK.biases, "tanh")
    finding = fragility(network, POINTS, settings=QUICK)
    assert finding.outcome.status == Status.PARTIAL and "Upper bounds only" in finding.outcome.reason
    assert not finding.outcome.ok
    with pytest.raises(hl.NotComplete):
        finding.require()
