"""Which targets are seen, and which are asked."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hingeline as hl
from hingeline.core.errors import FormatError, InvalidInput
from hingeline.networks.feed_forward import random_network
from hingeline.networks.loading import save_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.session import QuerySession
from hingeline.sensitivity.models.asked_model import AskedModel
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.models.opening import decision_of, open_model

SMOOTH = random_network((4, 6, 2), seed=1, activation="tanh")
KINKED = PiecewiseLinearNetwork(*(lambda n: (n.weights, n.biases))(random_network((4, 6, 2), seed=2)))
POINTS = np.random.default_rng(3).standard_normal((5, 4))


def opened(target: Any, **options: Any) -> Any:
    return open_model(target, session=QuerySession, opener=hl.oracle, **options)


@pytest.mark.parametrize("target", [SMOOTH, KINKED, (KINKED.weights, KINKED.biases)])
def test_networks_are_seen(target: Any) -> None:
    model = opened(target, name="mine")
    assert isinstance(model, NetworkModel) and model.name == "mine"
    network = KINKED if isinstance(target, tuple) else target
    np.testing.assert_array_equal(model.outputs(POINTS), network(POINTS))


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".onnx"])
def test_a_file_of_weights_is_seen(suffix: str, tmp_path: Path) -> None:
    if suffix == ".onnx":
        pytest.importorskip("onnx")
    path = tmp_path / f"model{suffix}"
    save_network(KINKED, path)
    for target in (path, str(path)):
        model = opened(target)
        assert isinstance(model, NetworkModel)
        np.testing.assert_allclose(model.outputs(POINTS), KINKED(POINTS))


def test_a_table_of_answers_is_asked(tmp_path: Path) -> None:
    np.savez(tmp_path / "table.npz", x=POINTS, y=KINKED(POINTS))
    assert isinstance(opened(tmp_path / "table.npz"), AskedModel)


def test_an_oracle_is_never_looked_into() -> None:
    model = opened(hl.oracle(KINKED))
    assert isinstance(model, AskedModel)
    np.testing.assert_array_equal(model.outputs(POINTS), KINKED(POINTS))


def test_functions_and_references_are_asked() -> None:
    assert isinstance(opened(SMOOTH.__call__, input_dim=4), AskedModel)
    assert isinstance(opened("numpy:tanh", input_dim=4), AskedModel)


def test_a_graph_that_is_no_chain_of_layers_is_asked(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Sin", ["x"], ["y"])],
        "sines",
        [helper.make_tensor_value_info("x", kind, ["n", 4])],
        [helper.make_tensor_value_info("y", kind, ["n", 4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "sines.onnx")
    assert isinstance(opened(tmp_path / "sines.onnx"), AskedModel)


def test_a_session_is_made_only_for_what_is_asked() -> None:
    def never(oracle: Any) -> QuerySession:
        raise AssertionError

    open_model(SMOOTH, session=never)
    with pytest.raises(AssertionError):
        open_model(hl.oracle(KINKED), session=never)


def test_without_an_opener_a_door_must_be_open_already() -> None:
    with pytest.raises(InvalidInput, match=r"hingeline\.oracle"):
        open_model(SMOOTH.__call__, session=QuerySession)
    assert isinstance(open_model(hl.oracle(KINKED), session=QuerySession), AskedModel)


def test_what_says_nothing_about_a_target_is_refused() -> None:
    for target in (SMOOTH, hl.oracle(KINKED)):
        with pytest.raises(InvalidInput, match="bounds"):
            opened(target, bounds=(0.0, 1.0))
    with pytest.raises(InvalidInput, match="takes 4 inputs"):
        opened(KINKED, input_shape=(2, 3))
    with pytest.raises(FormatError):
        opened("model.pkl")
    with pytest.raises(InvalidInput):
        opened("there-is-no-such-file.csv")


def test_one_output_is_decided_by_its_sign_and_several_by_the_largest() -> None:
    one = opened(random_network((4, 6, 1), seed=4))
    assert decision_of(one).classes == 2 and decision_of(opened(KINKED)).outputs == 2


def test_opening_does_not_import_torch() -> None:
    import subprocess
    import sys

    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not there to be imported")
    code = "import sys, hingeline.sensitivity.models.opening; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
