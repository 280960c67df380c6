"""The diagnosis of ordinary networks: what it holds, what it leaves out, and what it says of that."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from network_cases import Closed, Shown, rescaled

from hingeline.core.errors import InvalidInput
from hingeline.networks.feed_forward import random_network
from hingeline.renormalisation.feed_forward.network_diagnosis import diagnose_network
from hingeline.renormalisation.feed_forward.network_findings import NetworkDiagnosis, NetworkSettings
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.network_model import NetworkModel

POINTS = np.random.default_rng(111).standard_normal((40, 10))


def model_of(*sizes: int, seed: int = 112) -> NetworkModel:
    return NetworkModel(random_network(sizes, seed=seed, initialisation="torch"))


def diagnosed(model: Any, points: Any = POINTS, **settings: Any) -> NetworkDiagnosis:
    return diagnose_network(model, points, rng=np.random.default_rng(113), **settings)


@pytest.mark.parametrize("outputs", [1, 2])
def test_with_two_classes_the_fisher_direction_is_the_gradient_of_the_log_odds(outputs: int) -> None:
    model = model_of(10, 30, 30, 30, outputs, seed=114)
    points = np.random.default_rng(115).standard_normal((500, 10))
    found = diagnosed(model, points)
    weights = np.tile([1.0, -1.0] if outputs == 2 else [1.0], (500, 1))
    gradients = model.gradients(points, weights)
    cosines = np.abs((found.fisher.top * gradients).sum(axis=1)) / np.linalg.norm(gradients, axis=1)
    assert cosines.min() > 1 - 1e-8
    assert np.isinf(found.eigenvalue_ratios).all()


def test_all_parts_are_there_and_json_ready() -> None:
    found = diagnosed(model_of(10, 12, 12, 12, 12, 5))
    told = found.summary()
    assert all(told[part] for part in ("fisher", "gains", "cocycle", "twin", "universal"))
    assert not found.not_measured
    assert told["twin"]["noise"]["words"].startswith("0.01 of the root mean square")
    assert any("not a certificate" in note for note in told["notes"])
    json.dumps(found.to_dict(), allow_nan=False)
    names = [figure.name for figure in found.figures()]
    assert len(set(names)) == len(names) >= 6


def test_margins_and_ratios_are_those_of_outputs_and_spectra() -> None:
    model = model_of(10, 12, 5)
    found, outputs = diagnosed(model), np.sort(model.outputs(POINTS), axis=1)
    np.testing.assert_allclose(found.margins, outputs[:, -1] - outputs[:, -2])
    values = found.fisher.eigenvalues
    np.testing.assert_allclose(found.eigenvalue_ratios, values[:, 0] / values[:, 1], rtol=1e-9)
    np.testing.assert_allclose(found.top_eigenvalues, values[:, 0])


def test_one_generator_gives_one_diagnosis_and_paths_are_bounded() -> None:
    model, few = model_of(10, 12, 12, 5), NetworkSettings(path_inputs=7, twin_inputs=3)
    first, second = diagnosed(model, settings=few), diagnosed(model, settings=few)
    assert first.to_dict() == second.to_dict()
    assert first.cocycle is not None and first.cocycle.log_values.shape[1] == 7
    assert first.twin is not None and len(first.twin.correlations[0]) == 3


def test_a_network_whose_layers_are_rescaled_has_the_same_diagnosis_in_whitened_units() -> None:
    network = random_network((10, 12, 12, 12, 4), seed=116)
    factors = [np.full(12, c) for c in (7.0, 0.1, 2.0)]
    plain, other = diagnosed(NetworkModel(network)), diagnosed(NetworkModel(rescaled(network, factors)))
    assert plain.gains is not None and other.gains is not None
    assert plain.twin is not None and other.twin is not None
    np.testing.assert_allclose(plain.fisher.log_eigenvalues, other.fisher.log_eigenvalues, atol=1e-8)
    np.testing.assert_allclose(plain.gains.whitened.chosen, other.gains.whitened.chosen, atol=1e-8)
    # the noise is a share of each layer, so it is scaled along
    for ours, theirs in zip(plain.twin.correlations, other.twin.correlations, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-10)


def test_what_does_not_show_its_layers_has_the_fisher_part_only_and_says_so() -> None:
    found = diagnosed(Closed(model_of(10, 12, 12, 5)))
    assert found.gains is None and found.cocycle is None and found.twin is None
    assert found.universal is not None
    assert "does not show its layers" in found.not_measured[0]
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.figures()


def test_layers_without_maps_between_them_have_gains_but_no_twin() -> None:
    found = diagnosed(Shown(model_of(10, 12, 12, 5)))
    assert found.gains is not None and found.cocycle is not None and found.twin is None
    assert "maps between them" in found.not_measured[0]


def test_a_network_that_is_off_has_no_direction_and_no_verdict() -> None:
    network = random_network((10, 6, 6, 3), seed=117)
    dead = type(network)(network.weights, [network.biases[0], np.full(6, -1e3), network.biases[2]])
    found = diagnosed(NetworkModel(dead), decision=Decision(3))
    assert found.gains is None and found.universal is None
    assert len(found.not_measured) >= 2
    assert found.summary()["scaling"] is None
    json.dumps(found.to_dict(), allow_nan=False)


def test_no_inputs_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no inputs"):
        diagnosed(model_of(10, 6, 3), np.zeros((0, 10)))
