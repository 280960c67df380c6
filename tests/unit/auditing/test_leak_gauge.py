"""The leak gauge from findings whose errors are written by hand."""

import math

import pytest
from audited_doors import layered

import hingeline as hl
from hingeline.auditing.leak import MOST_DIGITS, leak_of
from hingeline.core.outcome import Finding, Outcome, Provenance, Spending, Status


def neuron(layer, error, **more):
    return {"layer": layer, "neuron": 0, "status": "measured", "error": error} | more


def extraction(neurons, widths=(), status=Status.COMPLETE):
    layers = [{"width": width} for width in (*widths, 1)]
    evidence = {"neurons": neurons, "architecture": {"layers": layers}}
    outcome = Outcome(status, "as written")
    return Finding(None, outcome, evidence, Spending(2000, 0.0), Provenance("extract", "by hand", 0))


def test_without_an_extraction_nothing_has_leaked():
    leak = leak_of(None, 0, 10)
    assert leak.layers == ()
    assert leak.whole_layers == 0
    assert leak.bits_per_1000 is None


def test_errors_become_digits_and_digits_become_bits():
    leak = leak_of(extraction([neuron(1, 1e-6)] * 3, [3]), 2000, 9)
    (layer,) = leak.layers
    assert layer.digits == pytest.approx(6)
    # three neurons of nine weights and a bias, six digits each
    assert layer.bits == pytest.approx(3 * 10 * 6 * math.log2(10))
    assert leak.bits_per_1000 == pytest.approx(layer.bits / 2)
    assert leak.whole_layers == 1


@pytest.mark.parametrize(
    ("errors", "digits"),
    [([0.0], MOST_DIGITS), ([1e-30], MOST_DIGITS), ([3.0], 0.0), ([math.nan], None), ([math.inf], None),
     ([None], None), ([1e-2, 1e-4, 1e-6], 4.0)],
)  # fmt: skip
def test_digits_stay_between_none_and_those_of_a_float(errors, digits):
    (layer,) = leak_of(extraction([neuron(1, error) for error in errors]), 100, 3).layers
    assert layer.digits == (None if digits is None else pytest.approx(digits))
    assert (layer.bits is None) == (digits is None)


@pytest.mark.parametrize(
    "open_end", [{"status": "pooled"}, {"status": "undetermined"}, {"sign": "undetermined"},
                 {"undetermined_weights": [2]}]
)  # fmt: skip
def test_a_neuron_with_an_open_end_is_seen_and_not_known(open_end):
    leak = leak_of(extraction([neuron(1, 1e-9), neuron(1, 1e-9, **open_end)], [2]), 100, 3)
    assert (leak.layers[0].known, leak.layers[0].seen) == (1, 2)
    assert leak.whole_layers == 0


@pytest.mark.parametrize("status", [Status.PARTIAL, Status.BUDGET_SPENT, Status.INCONCLUSIVE])
def test_a_layer_is_whole_only_in_a_verified_copy_however_many_deeper_neurons_are_known(status):
    first, second = [neuron(1, 1e-9)] * 2, [neuron(2, 1e-9)]
    assert leak_of(extraction(first, [2], status=status), 100, 3).whole_layers == 0
    assert leak_of(extraction([*first, *second], [2, 4], status=status), 100, 3).whole_layers == 0
    assert leak_of(extraction([*first, *second], [2, 1]), 100, 3).whole_layers == 2
    assert leak_of(extraction([*first, *second], [2, 4]), 100, 3).whole_layers == 1


def test_a_layer_of_which_a_neuron_was_missed_is_never_whole():
    network = layered(10, 8, 8, 8, 3, seed=10)
    found = hl.extract(hl.oracle(network, input_dim=10), budget=3500)
    leak = leak_of(found, found.queries, 10)
    # with so few questions one of the eight in the middle is missing, and neurons above it are measured
    assert all(layer.known == 8 for layer in leak.layers[: leak.whole_layers])


def test_neurons_that_a_layer_may_have_besides_are_not_called_seen():
    besides = {"layer": 1, "neuron": None, "status": "not identifiable", "error": None}
    leak = leak_of(extraction([neuron(1, 1e-9), besides], [1], status=Status.EQUIVALENT), 100, 3)
    assert (leak.layers[0].known, leak.layers[0].seen, leak.whole_layers) == (1, 1, 0)


def test_more_neurons_than_were_measured_leave_a_layer_open():
    leak = leak_of(extraction([neuron(1, 1e-9)] * 2, [5]), 100, 3)
    assert (leak.layers[0].seen, leak.whole_layers) == (5, 0)


def test_bits_of_a_deeper_layer_count_the_neurons_that_feed_it():
    leak = leak_of(extraction([neuron(1, 1e-3)] * 4 + [neuron(2, 1e-3)], [4, 1]), 100, 7)
    assert leak.layers[1].bits == pytest.approx((4 + 1) * 3 * math.log2(10))
