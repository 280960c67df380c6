"""Headlines of audits of a few parts: well formed, and nothing that was found is denied."""

import numpy as np
import pytest

import hingeline as hl
from hingeline.report.audit_words import headline

DOOR = (
    np.random.default_rng(21).standard_normal((7, 6)) / 2.4,
    np.random.default_rng(22).standard_normal((3, 7)),
)
INPUTS = np.random.default_rng(6).standard_normal((6, 6))


def told(model, **said):
    return headline(hl.audit(hl.oracle(model, input_dim=6), INPUTS, seed=0, **said))


def relu(x):
    return np.maximum(x @ DOOR[0].T + 0.3, 0) @ DOOR[1].T


@pytest.mark.parametrize(("part", "denied"), [("span", False), ("stability", True)])
def test_that_nothing_was_established_is_said_only_where_nothing_was(part, denied):
    text = told(relu, settings={"parts": (part,)})
    assert "was not asked" in text
    assert ("nothing else was established" in text) == denied


def test_bends_of_a_door_that_clips_its_inputs_are_not_called_neurons():
    text = told(lambda x: relu(np.clip(x, 0, 1)), settings={"parts": ("extraction",)})
    assert "which may be neurons or edges at which inputs are clipped; a copy of the whole network" in text
    assert "of the first hidden layer" not in text
    assert ",;" not in text
