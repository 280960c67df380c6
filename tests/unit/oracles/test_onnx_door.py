"""ONNX files as doors: the precision, shapes and batches of the model are honoured."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hingeline.core.errors import FormatError, InvalidInput, MissingExtra, QueryFailed, UnsupportedOracle
from hingeline.oracles.opening import oracle
from hingeline.oracles.session import QuerySession

W = np.random.default_rng(0).standard_normal((3, 4))
POINTS = np.random.default_rng(1).standard_normal((7, 4))
DOUBLE, FLOAT, HALF = TensorProto.DOUBLE, TensorProto.FLOAT, TensorProto.FLOAT16
NUMPY = {DOUBLE: np.float64, FLOAT: np.float32, HALF: np.float16}


def info(name: str, dtype: int, shape: Sequence[Any] | None) -> Any:
    return helper.make_tensor_value_info(name, dtype, shape)


def model(
    path: Path,
    *,
    dtype: int = DOUBLE,
    shape: Sequence[Any] = ("n", 4),
    nodes: Sequence[Any] = (),
    outputs: Sequence[Any] | None = None,
) -> Path:
    """An ONNX file that flattens its input and multiplies by W, unless `nodes` say otherwise."""
    chain = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("Gemm", ["f", "W"], ["y"], transB=1)]
    weights = numpy_helper.from_array(W.astype(NUMPY.get(dtype, np.float64)), "W")
    graph = helper.make_graph(
        list(nodes) or chain,
        "g",
        [info("x", dtype, shape)],
        list(outputs or [info("y", dtype, None)]),
        [weights],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opsets), path)
    return path


@pytest.mark.parametrize(("dtype", "name"), [(DOUBLE, "float64"), (FLOAT, "float32")])
def test_the_precision_of_the_model_is_honoured(dtype: int, name: str, tmp_path: Path) -> None:
    opened = oracle(model(tmp_path / "m.onnx", dtype=dtype))
    assert (opened.spec.dtype, opened.spec.input_dim) == (name, 4)
    expected = POINTS.astype(name) @ W.astype(name).T
    assert np.allclose(opened.query(POINTS), expected, rtol=0, atol=10 * np.finfo(name).eps)
    assert opened.query(POINTS).dtype == np.float64


@pytest.mark.parametrize("batch", [1, 3, 7, 100])
def test_a_fixed_batch_axis_is_filled_up(batch: int, tmp_path: Path) -> None:
    opened = oracle(model(tmp_path / "m.onnx", shape=(batch, 4)))
    assert opened.query(POINTS).shape == (7, 3)
    assert np.allclose(opened.query(POINTS), POINTS @ W.T, rtol=1e-14)


def test_filling_up_a_batch_counts_no_query(tmp_path: Path) -> None:
    session = QuerySession(oracle(model(tmp_path / "m.onnx", shape=(5, 4))), budget=7)
    session.ask(POINTS)
    assert session.spent == 7


def test_images_are_reshaped_to_what_the_model_takes(tmp_path: Path) -> None:
    opened = oracle(model(tmp_path / "m.onnx", shape=("n", 1, 2, 2)))
    assert opened.spec.input_dim == 4
    assert np.allclose(opened.query(POINTS), POINTS @ W.T, rtol=1e-14)


def test_a_model_that_is_not_piecewise_linear_can_be_asked(tmp_path: Path) -> None:
    nodes = [helper.make_node("Gemm", ["x", "W"], ["z"], transB=1), helper.make_node("Softmax", ["z"], ["y"])]
    answers = oracle(model(tmp_path / "m.onnx", nodes=nodes)).query(POINTS)
    assert np.allclose(answers.sum(axis=1), 1.0)


def test_one_thread_answers_the_same(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx")
    assert np.array_equal(oracle(path, threads=1).query(POINTS), oracle(path).query(POINTS))
    with pytest.raises(InvalidInput, match="threads must be at least 1; got 0"):
        oracle(path, threads=0)


def two_outputs(path: Path) -> Path:
    nodes = [
        helper.make_node("Gemm", ["x", "W"], ["score"], transB=1),
        helper.make_node("Relu", ["score"], ["positive"]),
        helper.make_node("ArgMax", ["score"], ["label"], axis=1, keepdims=0),
    ]
    outputs = [
        info("label", TensorProto.INT64, None),
        info("score", DOUBLE, None),
        info("positive", DOUBLE, None),
    ]
    return model(path, nodes=nodes, outputs=outputs)


def test_several_outputs_need_a_name(tmp_path: Path) -> None:
    path = two_outputs(tmp_path / "m.onnx")
    with pytest.raises(InvalidInput, match=r"which output of m\.onnx\? Pass output_name= one of 'label'"):
        oracle(path)
    with pytest.raises(InvalidInput, match="which output"):
        oracle(path, output_name="absent")
    assert np.allclose(oracle(path, output_name="score").query(POINTS), POINTS @ W.T)
    assert (
        oracle(path, output_name="label").query(POINTS).ravel().tolist() == (POINTS @ W.T).argmax(1).tolist()
    )


def test_the_only_real_output_beside_a_label_is_taken(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Gemm", ["x", "W"], ["score"], transB=1),
        helper.make_node("ArgMax", ["score"], ["label"], axis=1, keepdims=0),
    ]
    outputs = [info("label", TensorProto.INT64, None), info("score", DOUBLE, None)]
    opened = oracle(model(tmp_path / "m.onnx", nodes=nodes, outputs=outputs))
    assert np.allclose(opened.query(POINTS), POINTS @ W.T)


def test_an_open_width_must_be_said(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", shape=("n", "d"))
    with pytest.raises(InvalidInput, match=r"leaves its input open .* pass input_dim=64"):
        oracle(path)
    assert oracle(path, input_dim=4).query(POINTS).shape == (7, 3)
    image = model(tmp_path / "i.onnx", shape=("n", 1, "h", "w"))
    with pytest.raises(InvalidInput, match="pass input_shape= with 3 sizes"):
        oracle(image, input_dim=4)
    assert np.allclose(oracle(image, input_shape=(1, 2, 2)).query(POINTS), POINTS @ W.T)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"dtype": TensorProto.INT64}, r"takes tensor\(int64\); queries are rows of real numbers"),
        ({"shape": (4,)}, r"takes shape \[4\]; want a batch axis"),
    ],
)
def test_models_that_take_no_rows_of_numbers_are_refused(given: Any, words: str, tmp_path: Path) -> None:
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    with pytest.raises(UnsupportedOracle, match=words):
        oracle(model(tmp_path / "m.onnx", nodes=nodes, **given))


def test_a_model_of_two_inputs_is_refused(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["y"])],
        "g",
        [info("a", DOUBLE, ["n", 2]), info("b", DOUBLE, ["n", 2])],
        [info("y", DOUBLE, None)],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opsets), tmp_path / "m.onnx")
    with pytest.raises(UnsupportedOracle, match=r"takes 2 inputs \('a', 'b'\)"):
        oracle(tmp_path / "m.onnx")


@pytest.mark.parametrize("content", [b"hello", bytes(range(256))])
def test_a_file_that_is_no_model_is_refused(
    content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(FormatError, match="not a model that onnxruntime can run"):
        oracle(tmp_path / "m.onnx")
    assert "".join(capfd.readouterr()) == ""


def test_a_model_with_broken_text_is_refused_and_nothing_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = model(tmp_path / "m.onnx")
    path.write_bytes(path.read_bytes().replace(b"Gemm", b"\xa8emm"))
    with pytest.raises(FormatError, match="not a model that onnxruntime can run"):
        oracle(path)
    assert "".join(capfd.readouterr()) == ""


def test_a_model_that_fails_while_asked_fails_in_words_and_prints_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    nodes = [
        helper.make_node("Constant", [], ["five"], value=numpy_helper.from_array(np.array([5, 5]))),
        helper.make_node("Reshape", ["x", "five"], ["y"]),
    ]
    with pytest.raises(QueryFailed, match=r"m\.onnx@\w+ raised .* at rows of shape \(4,\)"):
        oracle(model(tmp_path / "m.onnx", nodes=nodes)).query(POINTS)
    assert "".join(capfd.readouterr()) == ""


def test_without_onnxruntime_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = model(tmp_path / "m.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match=r'pip install "hingeline\[onnx\]"'):
        oracle(path)
