"""Measures that an audit knows from one side, or not at all, never pass for exact numbers."""

import numpy as np
import pytest
from audited_doors import CountedDoor, audited, layered, small_inputs

from hingeline.auditing.measures import AtLeast, AtMost
from hingeline.auditing.policy import Policy
from hingeline.report.audit_words import headline
from hingeline.report.sarif import sarif_text

X4 = small_inputs(4)


def verdict(found, text):
    return str(Policy.read(text).judge(found.value.measures).verdict)


def test_digits_of_a_copied_affine_map_are_not_called_none():
    weights = np.random.default_rng(4).standard_normal((3, 4))
    found = audited(CountedDoor(lambda x: x @ weights.T + 0.5, 4), X4)
    assert found.value.copy is not None
    assert verdict(found, "leak.copy>=1") == "broken"
    assert verdict(found, "leak.digits>=3") == "not judged"


def test_layers_of_a_copy_in_a_form_of_its_own_are_known_from_below():
    network, skip = layered(4, 5, 3), np.random.default_rng(5).standard_normal((3, 4))
    found = audited(CountedDoor(lambda x: network(x) + x @ skip.T, 4), X4)
    assert str(found.value.finding("extraction").outcome.status) == "equivalent"
    assert isinstance(found.value.measures["leak.layers"], AtLeast)
    assert verdict(found, "leak.layers>=1") == "not judged"


@pytest.mark.parametrize(("seed", "reach", "budget"), [(2, 2.0, 4000), (3, 1.0, 1500)])
def test_bends_of_a_door_that_may_clip_its_inputs_are_not_judged_as_neurons(seed, reach, budget):
    network = layered(4, 5, 2, seed=seed)
    door = CountedDoor(lambda x: network(np.clip(x, -reach, reach)), 4)
    found = audited(door, settings={"parts": ("extraction",)}, budget=budget)
    assert found.value.card.flat_beyond is not None and found.value.edges_among_neurons
    assert found.value.measures["leak.neurons"] > 0
    assert {verdict(found, f"leak.{name}>=1") for name in ("layers", "neurons", "digits")} == {"not judged"}
    assert "edges at which inputs are clipped" in headline(found)
    assert "edges at which inputs are clipped" in sarif_text(found, (), "a.npz")


def test_clipped_inputs_whose_bounds_were_declared_are_judged():
    network = layered(4, 5, 2, seed=3)
    door = CountedDoor(lambda x: network(np.clip(x, -1, 1)), 4, bounds=(-1.0, 1.0))
    found = audited(door, settings={"parts": ("extraction",)})
    assert not found.value.edges_among_neurons
    assert verdict(found, "leak.layers>=1") == "broken"


def test_a_span_that_was_cut_short_is_known_from_below_only():
    smooth = layered(12, 9, 3, activation=np.tanh)
    found = audited(CountedDoor(smooth, 12), settings={"parts": ("span",)}, budget=120)
    assert not found.value.stage("span").settled
    seen = found.value.measures["span.rank"]
    assert seen is None or isinstance(seen, AtLeast)
    assert verdict(found, "span.rank>=9") == "not judged"


def test_flips_of_a_search_that_was_cut_short_are_known_from_above_only():
    smooth = layered(4, 6, 3, activation=np.tanh)
    parts = {"parts": ("fragility",)}
    found = audited(CountedDoor(smooth, 4), X4, settings=parts, budget=2000)
    assert not found.value.stage("fragility").settled
    seen = found.value.measures["fragility.median"]
    assert isinstance(seen, AtMost)
    assert verdict(found, f"fragility.median<{seen / 2}") == "not judged"
    assert verdict(found, f"fragility.median<{seen * 2}") == "broken"


def test_a_door_of_which_the_doctor_saw_too_little_passes_no_policy_on_leaks():
    rng = np.random.default_rng(21)
    w, v = rng.standard_normal((7, 6)) / 2.4, rng.standard_normal((3, 7)) / 2.6
    # every neuron is off where the doctor looks by itself
    door = CountedDoor(lambda x: np.maximum(x @ w.T - 40, 0) @ v.T + 0.1, 6)
    found = audited(door, 60 * small_inputs(6, 24), settings={"parts": ("extraction",)})
    assert found.value.stage("extraction").finding is None
    assert not found.outcome.ok
    assert verdict(found, "leak.copy>=1") == "not judged"
