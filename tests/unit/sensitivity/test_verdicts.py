"""Each verdict on a network made to deserve it, and none that it does not deserve."""

from __future__ import annotations

import numpy as np
import pytest
from known_networks import dead_network, linear_network, measured, points_for, saturated_network

from hingeline.core.errors import InvalidInput
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.measures.flip_distance import flip_distance
from hingeline.sensitivity.measures.homogeneity import Homogeneity
from hingeline.sensitivity.measures.independent import IndependentInputs
from hingeline.sensitivity.measures.local_linearity import local_linearity
from hingeline.sensitivity.measures.verdicts import verdicts
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat


def test_a_wide_shallow_network_is_in_the_linear_regime() -> None:
    network = random_network((400, 400, 1), seed=41)
    assert measured(network, points_for(network, 40)).names == {"linear regime"}


@pytest.mark.parametrize("activation", ["sign", "staircase"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_stepped_networks_have_no_gradient(activation: str, outputs: int) -> None:
    network = random_network((20, 30, 30, outputs), seed=42, activation=activation)
    found = measured(network, points_for(network, 30))
    assert "zero gradient" in found.names
    assert not {"linear regime", "dead", "saturated or masked"} & found.names


def test_a_dead_layer_is_named_and_nothing_good_is_said() -> None:
    network = dead_network()
    assert measured(network, points_for(network, 30)).names == {"dead", "constant", "zero gradient"}


@pytest.mark.parametrize("steepness", [1e2, 1e3, 1e5])
def test_a_saturated_output_is_caught(steepness: float) -> None:
    network = saturated_network(steepness)
    found = measured(network, points_for(network, 200), threshold=0.5)
    assert {"saturated or masked", "zero gradient"} & found.names and "linear regime" not in found.names


def test_a_narrow_layer_is_a_bottleneck() -> None:
    network = random_network((200, 200, 6, 200, 1), seed=43)
    found = [v for v in measured(network, points_for(network, 40)).verdicts if v.name == "bottlenecked"]
    assert found and found[0].figures["bottleneck"] == "2 (6)"


def test_a_deep_network_as_torch_starts_it_is_collapsed_by_its_biases() -> None:
    network = random_network((128, *[128] * 8, 1), seed=44, initialisation="torch")
    assert {"bias-dominated", "depth-collapsed"} <= measured(network, points_for(network, 40)).names


def test_outputs_that_never_vary_are_constant() -> None:
    network = PiecewiseLinearNetwork([[[1.0, 2.0]], [[0.0]]], [[0.0], [0.7]])
    assert "constant" in measured(network, points_for(network, 10)).names


class SurrogateGradients(NetworkModel):
    """Answers of a stepped network, gradients of a smooth one: a mask."""

    def __init__(self) -> None:
        super().__init__(random_network((20, 30, 1), seed=45, activation="staircase"))
        self._smooth = NetworkModel(random_network((20, 30, 1), seed=45, activation="tanh"))

    def gradients(self, points: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return self._smooth.gradients(points, weights)


def test_gradients_that_predict_nothing_are_called_a_mask() -> None:
    model, decision, rng = SurrogateGradients(), Decision(1), np.random.default_rng(0)
    points = points_for(model.network, 40)
    distance = flip_distance(model, decision, points, Threat(), rng=rng)
    linearity = local_linearity(model, decision, points, Threat(), rng=rng)
    said = verdicts(distance=distance, linearity=linearity)
    assert "saturated or masked" in {v.name for v in said}


def test_attacks_without_gradients_that_do_better_are_called_a_mask() -> None:
    sizes = np.array([1.0, 2.0, np.inf, 1.0])
    worse = verdicts(gradient_sizes=sizes, gradient_free_sizes=np.array([0.5, 1.0, 3.0, 1.0]))
    assert [v.name for v in worse] == ["saturated or masked"]
    assert verdicts(gradient_sizes=sizes, gradient_free_sizes=2 * sizes) == ()
    with pytest.raises(InvalidInput, match="one number per input"):
        verdicts(gradient_sizes=sizes, gradient_free_sizes=sizes[:2])


def test_no_sentence_calls_a_network_safe() -> None:
    networks = [
        random_network((100, 100, 1), seed=46),
        dead_network(),
        saturated_network(1e3),
        linear_network([[1.0] * 20], [0.0]),
    ]
    for network in networks:
        for verdict in measured(network, points_for(network, 20)).verdicts:
            assert verdict.words.endswith(".") and verdict.figures
            assert "robust" not in verdict.words.lower() and "safe" not in verdict.words.lower()


def drawn(agreement: float, constant: bool = False) -> IndependentInputs:
    return IndependentInputs(64, agreement, constant, "drawn at random")


def test_inputs_of_one_kind_make_no_network_collapsed_but_independent_ones_do() -> None:
    network = linear_network([[1.0] + [0.0] * 19], [0.0])
    points = np.abs(points_for(network, 20))
    found = measured(network, points)
    assert found.depth.agreement == 1.0
    told = {"depth": found.depth, "distance": found.distance}
    assert [v.name for v in verdicts(**told)] == ["depth-collapsed"]
    assert verdicts(**told, independent=drawn(0.5)) == ()
    assert verdicts(**told, independent=drawn(0.99), labels=np.zeros(20, dtype=np.int64)) == ()
    both = verdicts(**told, independent=drawn(0.99), labels=np.arange(20) % 2)
    assert [v.name for v in both] == ["depth-collapsed"] and "99%" in both[0].words


def test_equal_answers_at_equal_inputs_make_no_network_constant() -> None:
    network = linear_network([[1.0] * 20], [0.0])
    depth = measured(network, np.ones((5, 20))).depth
    assert {v.name for v in verdicts(depth=depth)} == {"constant"}
    assert verdicts(depth=depth, independent=drawn(0.5)) == ()
    assert "constant" in {v.name for v in verdicts(depth=depth, independent=drawn(1.0, constant=True))}


def test_only_what_stands_without_any_input_is_laid_to_biases() -> None:
    leads, linear = np.ones(4), np.full(4, 0.1)
    held = Homogeneity(leads, linear, np.full(4, 0.9))
    saturated = Homogeneity(leads, linear, np.zeros(4))
    assert [v.name for v in verdicts(biases=held)] == ["bias-dominated"]
    assert verdicts(biases=saturated) == ()
    assert [v.name for v in verdicts(biases=Homogeneity(leads, linear))] == ["bias-dominated"]


def test_values_that_allow_no_gradient_are_named() -> None:
    said = verdicts(refused="The probabilities are saturated.")
    assert [v.name for v in said] == ["saturated or masked"] and "saturated" in said[0].words
