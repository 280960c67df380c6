"""Parts of the verb `stability`: settings, targets, operators of layers, outcomes in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hingeline as hl
from hingeline.evaluation.demo_data import DIGITS_STACK, demo_oracle
from hingeline.renormalisation.call import StabilityCall
from hingeline.renormalisation.diagnosis import StabilityDiagnosis
from hingeline.renormalisation.layer_operators import MOST_PAIRS, grown_operators, layer_operators
from hingeline.renormalisation.operators.operator_set import ProductOperators
from hingeline.renormalisation.settings import OPERATORS, StabilitySettings
from hingeline.renormalisation.stack_findings import StackFindings
from hingeline.renormalisation.targets import seen_target
from hingeline.renormalisation.wording import worded
from hingeline.sensitivity.models.network_model import NetworkModel


def a_stack(widths: tuple[int, ...] = (4, 6, 5, 3)) -> hl.StochasticStack:
    rng = np.random.default_rng(831)
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    return hl.StochasticStack([rng.standard_normal(s) for s in shapes], [np.zeros(s[0]) for s in shapes])


def pilot_of(stack: hl.StochasticStack) -> tuple[Any, Any]:
    rng = np.random.default_rng(832)
    states = [np.repeat(rng.standard_normal((4, stack.input_dim)), 500, axis=0)]
    for layer in range(1, stack.unit_layers + 1):
        states.append(stack.draw(layer, states[-1], rng))
    return [tuple(states)], [stack.class_law(states[-1])]


@pytest.mark.parametrize("kind", OPERATORS)
def test_operators_of_every_kind_look_at_every_layer(kind: str) -> None:
    stack = a_stack()
    found = layer_operators(stack, kind, *pilot_of(stack))
    assert [one.width for one in found] == [6, 5]
    assert all(len(one.values(np.ones((2, one.width)))) == 2 for one in found)


@pytest.mark.parametrize("kind", OPERATORS)
def test_grown_operators_begin_with_the_measured_ones(kind: str) -> None:
    stack = a_stack((4, 5, 5, 3))
    pilot, laws = pilot_of(stack)
    measured = layer_operators(stack, kind, pilot, laws)
    grown = grown_operators(stack, measured, pilot, laws)
    for one, more in zip(measured, grown, strict=True):
        assert more.names[: len(one.names)] == one.names and len(set(more.names)) == len(more.names)
    assert {len(more.names) for more in grown} == {len(grown[0].names)} or kind == "pairs"


def test_class_means_are_scaled_as_the_sum_of_all_units_is() -> None:
    stack = a_stack()
    for one in layer_operators(stack, "class means", *pilot_of(stack)):
        states = np.sign(np.random.default_rng(833).standard_normal((20_000, one.width)))
        assert one.values(states).var(axis=0) == pytest.approx(one.width, rel=0.1)


def test_pairs_are_bounded() -> None:
    stack = a_stack((4, 20, 20, 3))
    for one in layer_operators(stack, "pairs", *pilot_of(stack)):
        assert isinstance(one, ProductOperators)
        assert sum(len(subset) == 2 for subset in one.subsets) <= MOST_PAIRS


def test_settings_choose_operators_that_can_be_the_same() -> None:
    assert StabilitySettings().measured == "single units"
    assert StabilitySettings(identification="collective").measured == "class means"
    assert StabilitySettings(identification="tied units").measured == "single units"
    assert StabilitySettings(operators="total", identification="collective").measured == "total"


def test_settings_take_lists_and_numpys_numbers() -> None:
    found = StabilitySettings.of({"sizes": [1, 2], "values": np.array([0, 1]), "samples": np.int64(500)})
    assert found == StabilitySettings(sizes=(1.0, 2.0), values=(0.0, 1.0), samples=500)
    assert found.changed() == ("samples", "sizes", "values")
    assert type(found.told()["samples"]) is int


def test_stacks_are_known_in_every_form(tmp_path: Path) -> None:
    stack = a_stack()
    hl.save_stack(stack, tmp_path / "s.safetensors")
    assert seen_target(stack) is stack
    loaded = seen_target(tmp_path / "s.safetensors")
    assert isinstance(loaded, hl.StochasticStack)
    np.testing.assert_array_equal(loaded.weights[0], stack.weights[0])
    assert isinstance(seen_target(str(DIGITS_STACK)), hl.StochasticStack)


def test_networks_are_known_in_every_form() -> None:
    made = hl.random_network((4, 5, 3), seed=834)
    network = hl.PiecewiseLinearNetwork(made.weights, made.biases)
    for target in (made, network, (network.weights, network.biases), NetworkModel(network)):
        assert isinstance(seen_target(target), NetworkModel)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (demo_oracle(), "tells only answers"),
        (lambda x: x, "tells only answers"),
        ("http://127.0.0.1:9/x", "tells only answers"),
        ("journal.sqlite", "tells only answers"),
        ("gone.pt", "no such file"),
        (hl.UndirectedStack(a_stack()), "undirected"),
        (3, "got int"),
    ],
    ids=["door", "function", "address", "journal", "gone", "undirected", "number"],
)
def test_what_shows_no_weights_is_refused_in_words(target: Any, told: str) -> None:
    with pytest.raises(hl.InvalidInput, match=told):
        hl.stability(target, np.zeros((1, 64)))


def test_a_call_holds_what_was_read() -> None:
    call = StabilityCall.read(a_stack(), np.zeros((2, 4)), [0, 2], {"samples": 500})
    assert call.inputs.points.shape == (2, 4) and call.settings.samples == 500
    assert isinstance(call.seen, hl.StochasticStack)


@pytest.fixture(scope="module")
def measured() -> StabilityDiagnosis:
    quick = {"samples": 400, "samples_per_answer": 50, "closely": 1, "permutations": 3}
    x = np.random.default_rng(835).standard_normal((4, 4))
    found = hl.stability(a_stack(), x, settings=quick).value
    assert found is not None
    return found


def with_share(found: StabilityDiagnosis, share: float) -> StabilityDiagnosis:
    """The same with another share of inputs that change class when asked again."""
    assert found.curves is not None
    control = replace(found.curves.control, shares=np.full_like(found.curves.control.shares, share))
    return replace(found, curves=replace(found.curves, control=control))


def test_words_never_say_that_it_withstands(measured: StabilityDiagnosis) -> None:
    said = str(worded(measured)).lower()
    assert "robust" not in said and "withstand" not in said and "safe" not in said


def test_wavering_classes_are_inconclusive(measured: StabilityDiagnosis) -> None:
    told = worded(with_share(measured, 0.6))
    assert told.status is hl.Status.INCONCLUSIVE and "60%" in told.reason


def test_an_answer_without_slope_is_inconclusive(measured: StabilityDiagnosis) -> None:
    flat = replace(measured.fisher, log_eigenvalues=np.full_like(measured.fisher.log_eigenvalues, -np.inf))
    assert worded(replace(measured, fisher=flat)).status is hl.Status.INCONCLUSIVE


def test_what_could_not_be_measured_makes_it_partial_and_what_was_chosen_does_not(
    measured: StabilityDiagnosis,
) -> None:
    assert measured.stack is not None
    calm = replace(measured, stack=replace(measured.stack, looks=()), left_out=())
    assert worded(calm).status is hl.Status.COMPLETE
    assert (
        worded(replace(calm, left_out=("Class laws: all inputs are of one class",))).status
        is hl.Status.COMPLETE
    )
    missing = worded(replace(calm, left_out=("Operators: none varies",)))
    assert missing.status is hl.Status.PARTIAL and "none varies" in missing.reason


def test_findings_name_rows_that_do_not_hold_together(measured: StabilityDiagnosis) -> None:
    stack = measured.stack
    assert isinstance(stack, StackFindings)
    assert stack.flows == (*stack.classes, *(look.flow for look in stack.looks))
    assert set(stack.unconverged) <= {look.row for look in stack.looks}
    assert sum(stack.verdicts().values()) == sum(len(flow.relevance) for flow in stack.flows)
    assert {figure.name for figure in stack.figures()} >= {"canonical-correlations", "information-by-layer"}
