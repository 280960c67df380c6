"""Which method a door gets, by what the doctor saw of it."""

import numpy as np
import pytest
from practice import bench_of, he_layers, relu_function

from hingeline.core.randomness import Randomness
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.session import QuerySession
from hingeline.probing.doctor import examine
from hingeline.subspace.choice import choose_method, refusal
from hingeline.subspace.settings import SpanSettings

NET = relu_function(he_layers(20, 8, 1))
NOISE = np.random.default_rng(0)
DOORS = {
    "exact": (NET, "complement"),
    "smooth": (lambda x: np.tanh(NET(x)), "complement"),
    "rounded": (lambda x: np.round(NET(x), 5), "central"),
    "float32": (lambda x: NET(x).astype(np.float32), "central"),
    "noisy": (lambda x: NET(x) + 1e-5 * NOISE.normal(size=(len(x), 1)), "central"),
    "labels": (lambda x: (NET(x) > 0).astype(float), "labels"),
}


@pytest.mark.parametrize(("door", "method"), DOORS.values(), ids=DOORS)
def test_the_method_suits_the_door_and_has_a_reason(door, method):
    session = QuerySession(CallableOracle(door, OracleSpec("practice", 20)))
    choice = choose_method(examine(session, Randomness(0)), SpanSettings())
    assert choice.method == method
    assert len(choice.why) > 10


def test_inputs_on_a_grid_are_refused_until_the_grid_is_told():
    card = bench_of(lambda x: NET(np.round(x, 2)), 20).card
    assert "--quantum" in refusal(card, SpanSettings()).advice
    assert refusal(card, SpanSettings(quantum=0.01)) is None
