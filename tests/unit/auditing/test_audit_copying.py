"""The copy: its hinges on a line, and its classes where the door answers probabilities."""

import numpy as np
import pytest
from audited_doors import layered, softmax

import hingeline as hl
from hingeline.auditing.copying import hinges_between, verified_copy
from hingeline.core.outcome import Finding, Outcome, Provenance, Spending, Status
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.heads import Head

# |x| hinges at 0 and both layers of "two floors" at known places: relu(x), relu(x - 1), then relu(sum - 2)
BENT = PiecewiseLinearNetwork([np.array([[1.0, 0], [-1, 0]]), np.ones((1, 2))], [np.zeros(2), np.zeros(1)])
FLOORS = PiecewiseLinearNetwork(
    [np.array([[1.0], [1.0]]), np.array([[1.0, 1.0]]), np.array([[1.0]])],
    [np.array([0.0, -1.0]), np.array([-2.0]), np.zeros(1)],
)


def finding(network, status=Status.COMPLETE):
    return Finding(network, Outcome(status, ""), {}, Spending(0, 0.0), Provenance("extract", "t", 0))


def test_one_hinge_is_found_where_it_is():
    places, layers = hinges_between(BENT, np.array([-1.0, 5.0]), np.array([3.0, 5.0]))
    assert places == pytest.approx([0.25])
    assert layers.tolist() == [1]


def test_hinges_of_two_layers_are_told_apart():
    # the second layer is silent until x + (x - 1) = 2, so the hinges of the first at 0 and 1 do not show
    places, layers = hinges_between(FLOORS, np.array([-1.0]), np.array([3.0]))
    assert 4 * places - 1 == pytest.approx([1.5])
    assert layers.tolist() == [2]
    shown = PiecewiseLinearNetwork(FLOORS.weights, [FLOORS.biases[0], np.array([0.5]), FLOORS.biases[2]])
    places, layers = hinges_between(shown, np.array([-1.0]), np.array([3.0]))
    assert 4 * places - 1 == pytest.approx([0.0, 1.0])
    assert layers.tolist() == [1, 1]


def test_where_a_layer_without_biases_is_zero_with_the_one_before_the_first_is_meant():
    no_bias = PiecewiseLinearNetwork(FLOORS.weights, [np.zeros(2), np.zeros(1), np.zeros(1)])
    _, layers = hinges_between(no_bias, np.array([-1.0]), np.array([2.0]))
    assert layers.tolist() == [1]


@pytest.mark.parametrize("end", [[-1.0, 5.0], [-2.0, 1.0]])
def test_a_line_without_a_hinge_has_none(end):
    places, layers = hinges_between(BENT, np.array([-1.0, 5.0]), np.array(end))
    assert len(places) == len(layers) == 0


@pytest.mark.parametrize("status", list(Status))
def test_only_a_verified_network_is_a_copy(status):
    copy = verified_copy(finding(BENT, status), Head())
    assert (copy is BENT) == (status in (Status.COMPLETE, Status.EQUIVALENT))
    assert verified_copy(finding(None, status), Head()) is None


@pytest.mark.parametrize(("kind", "reference"), [("softmax", 0), ("softmax", 2), ("log-softmax", 1)])
def test_the_class_that_ratios_leave_out_is_put_back_as_zero(kind, reference):
    two = PiecewiseLinearNetwork([np.eye(2), np.array([[1.0, 2], [3, 4]])], [np.zeros(2), np.array([5.0, 6])])
    copy = verified_copy(finding(two), Head(kind, reference=reference))
    assert copy.weights[-1].tolist() == np.insert([[1.0, 2], [3, 4]], reference, 0, axis=0).tolist()
    assert copy.biases[-1].tolist() == np.insert([5.0, 6], reference, 0).tolist()


def test_a_copy_of_probabilities_decides_as_the_door_does():
    network = layered(5, 6, 4)
    door = hl.oracle(lambda x: softmax(network(x)), input_dim=5)
    copy = verified_copy(hl.extract(door, seed=0), hl.doctor(door).value.head)
    x = np.random.default_rng(8).standard_normal((500, 5))
    assert np.array_equal(copy(x).argmax(axis=1), network(x).argmax(axis=1))
    assert softmax(copy(x)) == pytest.approx(softmax(network(x)), abs=1e-8)
