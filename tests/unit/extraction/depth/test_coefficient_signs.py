"""Which neurons are on, from coefficients of what varies above them."""

import numpy as np

from hingeline.extraction.depth.coefficient_signs import switched

ROWS = np.linalg.qr(np.random.default_rng(11).standard_normal((6, 6)))[0] @ np.diag([1, 1, 1, 1, 1, 0.5])
GRADIENTS = ROWS / np.linalg.norm(ROWS, axis=1, keepdims=True)


def unit(vector: np.ndarray) -> np.ndarray:
    return (vector / np.linalg.norm(vector))[np.newaxis]


def test_neurons_with_a_coefficient_are_on_and_the_others_off() -> None:
    vector = unit(np.array([1.0, -2.0, 0.0, 0.5, 0.0, 0.0]) @ GRADIENTS)
    on, off = switched(GRADIENTS, vector, np.array([1e-13]), 6)
    assert on.tolist() == [True, True, False, True, False, False]
    assert off.tolist() == [False, False, True, False, True, True]


def test_nothing_is_said_while_a_neuron_that_is_on_was_not_found() -> None:
    vector = unit(np.array([1.0, -2.0, 0.0, 0.5, 0.0, 1.0]) @ GRADIENTS)
    on, off = switched(GRADIENTS[:5], vector, np.array([1e-13]), 6)
    assert not on.any()
    assert not off.any()


def test_nothing_is_said_where_all_coefficients_could_hide_a_missing_neuron() -> None:
    vector = unit(np.ones(6) @ GRADIENTS)
    on, off = switched(GRADIENTS, vector, np.array([1e-13]), 6)
    assert not on.any()
    assert not off.any()


def test_gradients_that_depend_on_each_other_decide_nothing() -> None:
    doubled = np.concatenate([GRADIENTS[:3], GRADIENTS[:3]])
    on, off = switched(doubled, GRADIENTS[:1], np.array([1e-13]), 6)
    assert not on.any()
    assert not off.any()
