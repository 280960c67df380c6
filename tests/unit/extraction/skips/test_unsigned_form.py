from __future__ import annotations

import numpy as np
import pytest
from residual_networks import Residual, drawn

from hingeline.extraction.recorded import Recorded
from hingeline.extraction.skips.chain import chain_of
from hingeline.extraction.skips.reading import read
from hingeline.extraction.skips.refined import RefinedForm, refine
from hingeline.extraction.skips.unmet import held, settled
from hingeline.extraction.skips.unsigned_form import Unmet, UnsignedForm
from hingeline.extraction.unsigned import Planes


def true_form(network: Residual, seed: int) -> UnsignedForm:
    """The form of a known network, every neuron in a random orientation."""
    rng = np.random.default_rng(seed)
    n, m = len(network.first_bias), len(network.second_bias)
    s, t = (np.where(rng.uniform(size=size) < 0.5, -1.0, 1.0) for size in (n, m))
    lengths, sizes = np.linalg.norm(network.first, axis=1), np.linalg.norm(network.last, axis=0)
    planes = Planes(s[:, None] * network.first / lengths[:, None], s * network.first_bias / lengths)

    def affine(weights: np.ndarray, linear: np.ndarray, constant: np.ndarray) -> np.ndarray:
        half = weights / 2
        beyond = np.column_stack([linear + half @ network.first, constant + half @ network.first_bias])
        return np.column_stack([weights * lengths, beyond])

    z = affine(network.second, network.into, network.second_bias)
    rest = affine(network.around + network.identity * network.last, network.direct, network.last_bias)
    return UnsignedForm(
        planes, t[:, None] * sizes[:, None] * z, (network.last / sizes).T, rest + network.last @ z / 2
    )


def as_refined(form: UnsignedForm, error: float = 1e-13) -> RefinedForm:
    parts = [
        np.full(shape, error) for shape in (len(form.planes.offsets), form.theta.shape, form.jumps.shape)
    ]
    return RefinedForm(form, *parts, np.full(form.rest.shape, error), 1.0)


ALL = ["", "into", "around", "direct", "identity", "into direct", "identity into direct"]


@pytest.mark.parametrize("skips", ALL)
def test_a_form_a_reading_and_its_chain_are_the_same_function(skips: str) -> None:
    network = drawn(7, 6, 6, 5, seed=411, skips=skips)
    form, points = true_form(network, 412), np.random.default_rng(413).standard_normal((200, 7))
    assert form(points) == pytest.approx(network(points), abs=1e-12)
    assert chain_of(read(as_refined(form)))(points) == pytest.approx(network(points), abs=1e-11)


@pytest.mark.parametrize("skips", ALL)
def test_the_simplest_reading_is_found(skips: str) -> None:
    reading = read(as_refined(true_form(drawn(7, 6, 6, 5, seed=421, skips=skips), 422)))
    names = skips.split()
    assert reading.into_second == ("dense" if "into" in names else "")
    assert reading.around_second == (
        "dense" if "around" in names else "identity" if "identity" in names else ""
    )
    assert reading.direct.any() == ("direct" in names)
    assert reading.first_told == ("into" not in names)
    assert reading.second_told == ("around" not in names)


def test_a_fit_brings_a_form_to_the_noise_and_says_how_exact_it_is() -> None:
    network = drawn(5, 4, 4, 3, seed=431, skips="into identity")
    form, rng = true_form(network, 432), np.random.default_rng(433)
    points = rng.standard_normal((400, 5)) * np.exp(rng.uniform(-1, 1, (400, 1)))
    values = network(points)
    recorded = Recorded(points, values, 2 + np.linalg.norm(points, axis=1), np.full(400, 1e-14))
    rough = UnsignedForm(form.planes, form.theta * (1 + 1e-7), form.jumps, form.rest + 1e-7)
    found = refine(rough, recorded, np.full(4, 1e-9), np.full(form.theta.shape, 1e-6))
    fresh = rng.standard_normal((100, 5))
    assert found.form(fresh) == pytest.approx(network(fresh), abs=1e-10)
    assert np.abs(found.form.outer - form.outer).max() < 20 * found.rest_errors.max() < 1e-9


def test_a_weight_across_an_unmet_hyperplane_changes_nothing() -> None:
    # z = 3 + |x| is never zero: any weight that keeps it positive beyond x = 0 serves
    planes = Planes(np.array([[1.0]]), np.zeros(1))
    pair, points = Unmet(0, 0, 1.0, 1.0), np.linspace(-4, 4, 33)[:, None]
    home = np.array([[0.0, 1.0, 3.0]])
    theta = held(home, planes.normals, planes.offsets, (pair,))
    form = UnsignedForm(planes, theta, np.ones((1, 1)), np.array([[0.5, 0.2, 1.0]]), unmet=(pair,))
    assert (form.features(points) @ theta.T > 0).all()
    moved = settled(form, pair, 0.7)
    assert moved(points) == pytest.approx(form(points), abs=1e-12)
    assert moved.theta[0, 0] == pytest.approx(form.theta[0, 0] + 0.7)
    assert not moved.unmet
