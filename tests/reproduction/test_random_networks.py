"""Adversarial examples in random ReLU networks: laws of ours after Bartlett, Bubeck, Cherapanamjeri 2021.

Every constant here is derived and measured by us; none is the paper's. Minutes: `pytest -m paper
tests/reproduction/test_random_networks.py`. Seeds served for nothing else.
"""

from __future__ import annotations

import numpy as np
import pytest
from random_network_cases import FREE, SIGN, linear_in_units, model_of, sampled, sphere, wide
from scipy.stats import kstest, spearmanr

from hingeline.networks.activations import activation_named
from hingeline.networks.feed_forward import random_network
from hingeline.numerics.statistics import median, quantile
from hingeline.sensitivity.measures import theory
from hingeline.sensitivity.measures.depth_collapse import depth_collapse
from hingeline.sensitivity.measures.flip_distance import flip_distance
from hingeline.sensitivity.measures.gradient_ray import gradient_rays
from hingeline.sensitivity.measures.homogeneity import homogeneity
from hingeline.sensitivity.measures.jacobian_spectra import spectra
from hingeline.sensitivity.measures.local_linearity import local_linearity
from hingeline.sensitivity.measures.verdicts import verdicts
from hingeline.sensitivity.models.network_model import NetworkModel

pytestmark = pytest.mark.paper

DIMENSIONS = (32, 64, 128, 256, 512)
PROFILE = (512, 512, 64, 512, 512)
VALIDITY_NETS: tuple[tuple[tuple[int, ...], int, int], ...] = (
    # sizes, networks, inputs each: the larger, the fewer
    (wide(256, 1), 40, 5),
    ((784, 100, 1), 40, 5),
    (wide(200, 3, 1000), 12, 10),
    (wide(256, 3), 40, 5),
    (wide(1000, 3, 200), 40, 5),
    (wide(1024, 6), 6, 10),
    (wide(512, 5), 20, 8),
    (wide(3072, 3, 100), 30, 5),
    (wide(512, 6), 20, 8),
    (wide(32, 2), 200, 3),
    (wide(64, 3), 100, 3),
    ((512, 512, 32, 512, 512, 1), 40, 5),
    (wide(128, 5), 100, 4),
    (wide(64, 4), 100, 4),
    (wide(784, 5, 100), 60, 5),
    (wide(256, 8), 60, 5),
    ((512, 512, 8, 512, 512, 1), 60, 4),
    (wide(32, 4), 200, 3),
    (wide(64, 6), 100, 4),
    (wide(256, 16), 40, 5),
    (wide(256, 32), 20, 8),
    (wide(256, 64), 12, 10),
)
"""The networks of the table "V predicts failure"."""


def slope(x: np.ndarray | tuple[int, ...], y: list[float]) -> float:
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


@pytest.mark.parametrize("seed", range(3))
def test_without_biases_the_linear_distance_is_a_cosine_and_scale_does_not_matter(seed: int) -> None:
    network = random_network((128, 96, 64, 1), seed=700 + seed)
    points = sphere(np.random.default_rng(seed), 200, 128)
    model, rng = NetworkModel(network), np.random.default_rng(1)
    split = homogeneity(model, SIGN, points, FREE)
    assert np.abs(split.ratio - 1).max() < 1e-6
    linear = gradient_rays(model, SIGN, points, FREE).linear / np.sqrt(128)
    gradients = model.gradients(points, np.ones((200, 1)))
    cosines = np.einsum("nd,nd->n", points, gradients) / np.linalg.norm(gradients, axis=1) / np.sqrt(128)
    assert np.abs(linear - np.abs(cosines)).max() < 1e-10
    scales = rng.uniform(0.1, 10, 3)
    rescaled = NetworkModel(
        type(network)([w * s for w, s in zip(network.weights, scales, strict=True)], network.biases)
    )
    assert np.abs(gradient_rays(rescaled, SIGN, points, FREE).linear / np.sqrt(128) - linear).max() < 1e-10
    further = gradient_rays(model, SIGN, 3 * points, FREE).linear / (3 * np.sqrt(128))
    assert np.abs(further - linear).max() < 1e-10


@pytest.mark.parametrize("seed", [1, 2])
def test_linear_distances_of_1500_networks_are_half_normal(seed: int) -> None:
    found = linear_in_units(wide(128, 2), 1500, seed)
    assert 0.63 <= median(found) <= 0.73
    assert 0.76 <= found.mean() <= 0.84
    assert 1.84 <= quantile(found, 0.95) <= 2.10
    assert kstest(found, "halfnorm").statistic < 0.05


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_linear_distances_fall_like_the_inverse_root_of_the_dimension(layers: int) -> None:
    medians = [median(linear_in_units(wide(d, layers), 600, 30 + layers)) / np.sqrt(d) for d in DIMENSIONS]
    assert slope(DIMENSIONS, medians) == pytest.approx(-0.50, abs=0.05)


def test_ray_distances_fall_a_little_faster() -> None:
    medians = [median(sampled(wide(d, 1), 600, seed=40).ray) / np.sqrt(d) for d in DIMENSIONS]
    assert -0.60 <= slope(DIMENSIONS, medians) <= -0.47


@pytest.mark.parametrize(("layers", "low", "high"), [(1, 1.00, 1.03), (2, 1.01, 1.05), (3, 1.03, 1.08)])
def test_the_surcharge_and_the_success_of_two_units_at_dimension_1024(
    layers: int, low: float, high: float
) -> None:
    found = sampled(wide(1024, layers), 40, inputs=6, seed=50 + layers)
    assert low <= median(found.ratio) <= high
    if layers <= 2:
        assert 0.954 - 0.05 <= found.stepped.mean() <= 0.954 + 0.03


def test_the_rank_profile_of_a_bottleneck_is_the_harmonic_sum() -> None:
    expected = theory.pr_profile(PROFILE)
    np.testing.assert_allclose(expected, [170.7, 26.9, 24.4, 22.3], atol=0.06)
    probed, exact = np.zeros((6, 4)), np.zeros((6, 4))
    for net in range(6):
        model, rng = model_of((*PROFILE, 1), 600 + net), np.random.default_rng(net)
        points = sphere(rng, 12, 512)
        for layer, width in enumerate(PROFILE[1:]):
            drawn = spectra(model, layer, width, points, FREE, rng, exact=False)
            told = spectra(model, layer, width, points[:2], FREE, rng, exact=True)
            probed[net, layer], exact[net, layer] = drawn.ranks.mean(), told.ranks.mean()
    np.testing.assert_allclose(probed.mean(axis=0), expected, rtol=0.15)
    np.testing.assert_allclose(exact.mean(axis=0), expected, rtol=0.06)


def test_validity_predicts_failure() -> None:
    values, failures = [], {}
    for sizes, nets, inputs in VALIDITY_NETS:
        values.append(theory.validity(sizes[:-1]))
        failures[sizes] = sampled(sizes, nets, inputs=inputs, seed=70).no_flip
    assert failures[wide(256, 3)] <= 0.02
    assert 0.15 <= failures[wide(128, 5)] <= 0.30
    assert 0.5 <= failures[wide(256, 16)] <= 0.8
    assert spearmanr(values, list(failures.values())).statistic > 0.9


def test_angles_shrink_with_depth_as_the_map_says() -> None:
    angles, agreements = [], []
    for net in range(20):
        model, rng = model_of(wide(256, 16), 800 + net), np.random.default_rng(net)
        frame = 16 * np.linalg.qr(rng.standard_normal((256, 100)))[0].T
        pairs = np.arange(100).reshape(-1, 2)
        found = depth_collapse(model, SIGN, frame, rng=rng, pairs=pairs)
        angles.append(median(found.angles[-1]))
        agreements.append(found.agreement)
    assert theory.iterated_angles(np.array([np.pi / 2]), 16)[-1, 0] == pytest.approx(0.378, abs=0.001)
    assert np.median(angles) == pytest.approx(0.378, rel=0.12)
    assert np.mean(agreements) == pytest.approx(1 - np.median(angles) / np.pi, abs=0.06)


@pytest.mark.parametrize("seed", range(3))
def test_a_deep_network_as_torch_starts_it_is_named_constant_by_its_biases(seed: int) -> None:
    model = NetworkModel(random_network(wide(256, 8), seed=900 + seed, initialisation="torch"))
    rng = np.random.default_rng(seed)
    points = sphere(rng, 100, 256)
    rays = gradient_rays(model, SIGN, points, FREE)
    said = verdicts(
        distance=flip_distance(model, SIGN, points, FREE, rng=rng, rays=rays),
        linearity=local_linearity(model, SIGN, points, FREE, rng=rng, rays=rays),
        depth=depth_collapse(model, SIGN, points, rng=rng),
        biases=homogeneity(model, SIGN, points, FREE),
    )
    assert {"bias-dominated", "depth-collapsed"} <= {v.name for v in said}


@pytest.mark.parametrize(("activation", "low", "high"), [("sin3", 0.18, 0.29), ("tanh", 0.52, 0.73)])
def test_two_layer_constants(activation: str, low: float, high: float) -> None:
    # He weights have variance 2 / d: inputs of norm sqrt(d / 2) make pre-activations standard normal
    found = sampled((256, 1024, 1), 150, inputs=1, seed=100, activation=activation, radius=np.sqrt(128))
    assert low <= median(found.linear) <= high
    expected = theory.HALF_NORMAL_MEDIAN * theory.activation_constant(activation_named(activation))
    assert median(found.linear) == pytest.approx(expected, rel=0.25)
    assert found.no_flip == 0


def test_gradients_change_like_the_root_of_the_radius() -> None:
    """Exponent of the gradient's change along random directions, 0.5 to 0.6 over radii 0.03 to 0.3."""
    model, rng = model_of(wide(256, 1), 1100), np.random.default_rng(0)
    found = local_linearity(model, SIGN, sphere(rng, 200, 256), FREE, rng=rng)
    fit = found.exponents["change_random"]
    assert fit is not None
    assert 0.45 <= fit.exponent <= 0.65


def test_displacements_follow_the_rank() -> None:
    """sqrt(d / PR_j) for small steps; at the flip itself activations that change take up to 7 % from it."""
    gains = np.zeros((4, 40, 10))
    for net in range(40):
        model, rng = model_of(wide(512, 4), 1200 + net), np.random.default_rng(net)
        points = sphere(rng, 10, 512)
        rays = gradient_rays(model, SIGN, points, FREE, grid=2)
        small = 0.01 * rays.linear
        moved = model.layers(points + small[:, np.newaxis] * rays.directions)
        for layer, (before, after) in enumerate(zip(model.layers(points), moved, strict=True)):
            step = np.linalg.norm(after.values - before.values, axis=1)
            gains[layer, net] = step / np.linalg.norm(before.values, axis=1) / (small / rays.lengths)
    expected = np.sqrt(512 / theory.pr_profile((512,) * 5))
    np.testing.assert_allclose(np.median(gains.reshape(4, -1), axis=1), expected, rtol=0.03)
