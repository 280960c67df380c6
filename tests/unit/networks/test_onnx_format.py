"""ONNX files of ours run in onnxruntime and answer as the network; chains are read, the rest is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from samples import random_network

from hingeline.core.errors import FormatError, InvalidInput, MissingExtra
from hingeline.networks.compare import compare
from hingeline.networks.onnx_format import load_onnx, save_onnx
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

SIZES = [(3, 2), (4, 5, 1), (10, 8, 6, 3), (64, 32, 10), (1, 1, 1)]
W = np.array([[1.0, -2.0, 3.0], [0.5, 0.25, -1.0]])  # (out, in)
B = np.array([0.5, -1.0])


def run(path: Path, rows: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: rows})[0]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("rows", [1, 2, 257])
def test_onnxruntime_answers_as_the_network(sizes: tuple[int, ...], rows: int, tmp_path: Path) -> None:
    network = random_network(*sizes)
    save_onnx(network, tmp_path / "m.onnx")
    x = np.random.default_rng(1).standard_normal((rows, sizes[0]))
    expected, answers = network(x), run(tmp_path / "m.onnx", x)
    assert answers.dtype == np.float64
    assert np.abs(answers - expected).max() <= 1e-14 * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize("sizes", SIZES)
def test_what_we_write_we_read_bit_for_bit(sizes: tuple[int, ...], tmp_path: Path) -> None:
    network = random_network(*sizes)
    save_onnx(network, tmp_path / "m.onnx")
    back = load_onnx(tmp_path / "m.onnx")
    assert all(np.array_equal(a, b) for a, b in zip(back.weights, network.weights, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(back.biases, network.biases, strict=True))


def test_the_file_is_valid_and_says_where_it_comes_from(tmp_path: Path) -> None:
    save_onnx(random_network(3, 4, 2), tmp_path / "m.onnx", {"seed": 7})
    model = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(model, full_check=True)
    notes = {item.key: item.value for item in model.metadata_props}
    assert (notes["format"], notes["sizes"], notes["provenance"]) == (
        "hingeline.network",
        "3-4-2",
        '{"seed": 7}',
    )
    assert model.producer_name == "hingeline"
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_a_file_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot write"):
        save_onnx(random_network(2, 1), tmp_path / "absent" / "m.onnx")


def graph(
    path: Path,
    nodes: Sequence[Any],
    *,
    shape: Sequence[Any] = ("n", 3),
    dtype: int = TensorProto.DOUBLE,
    initial: dict[str, np.ndarray] | None = None,
    inputs: Sequence[str] = ("x",),
    outputs: Sequence[str] = ("y",),
) -> Path:
    """An ONNX file with these nodes and, unless told otherwise, the constants W, Wt, B."""
    constants = {"W": W, "Wt": W.T, "B": B, "flat": np.array([-1, 3]), "keep": np.array([0, -1])} | (
        initial or {}
    )
    used = {name for node in nodes for name in node.input}
    made = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info(name, dtype, list(shape)) for name in inputs],
        [helper.make_tensor_value_info(name, dtype, None) for name in outputs],
        [numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in constants.items() if k in used],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("custom", 1)]
    onnx.save(helper.make_model(made, ir_version=8, opset_imports=opsets), path)
    return path


def node(op: str, inputs: str, output: str, **attributes: Any) -> Any:
    return helper.make_node(op, inputs.split(), [output], **attributes)


def constant(name: str, value: np.ndarray) -> Any:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value))


AFFINE = PiecewiseLinearNetwork([W], [B])
HIDDEN = PiecewiseLinearNetwork([W, np.eye(2)], [B, np.zeros(2)])
CHAINS: list[tuple[str, list[Any], dict[str, Any], PiecewiseLinearNetwork]] = [
    ("gemm, weights (out, in)", [node("Gemm", "x W B", "y", transB=1)], {}, AFFINE),
    ("gemm, weights (in, out)", [node("Gemm", "x Wt B", "y")], {}, AFFINE),
    ("gemm without bias", [node("Gemm", "x Wt", "y")], {}, PiecewiseLinearNetwork([W], [[0, 0]])),
    (
        "gemm with factors",
        [node("Gemm", "x Wt B", "y", alpha=2.0, beta=-4.0)],
        {},
        PiecewiseLinearNetwork([2 * W], [-4 * B]),
    ),
    ("matmul and add", [node("MatMul", "x Wt", "z"), node("Add", "z B", "y")], {}, AFFINE),
    ("add from the left", [node("MatMul", "x Wt", "z"), node("Add", "B z", "y")], {}, AFFINE),
    ("relu at the end", [node("Gemm", "x Wt B", "z"), node("Relu", "z", "y")], {}, HIDDEN),
    (
        "relu of relu",
        [node("Gemm", "x Wt B", "z"), node("Relu", "z", "r"), node("Relu", "r", "y")],
        {},
        HIDDEN,
    ),
    (
        "relu at the start",
        [node("Relu", "x", "r"), node("Gemm", "r Wt B", "y")],
        {},
        PiecewiseLinearNetwork([np.eye(3), W], [np.zeros(3), B]),
    ),
    (
        "two affine steps in one",
        [node("Gemm", "x Wt B", "z"), node("Add", "z B", "y")],
        {},
        PiecewiseLinearNetwork([W], [2 * B]),
    ),
    (
        "nodes that do nothing",
        [
            node("Identity", "x", "i"),
            node("Cast", "i", "c", to=TensorProto.DOUBLE),
            node("Flatten", "c", "f"),
            node("Reshape", "f flat", "r"),
            node("Reshape", "r keep", "s"),
            node("Gemm", "s Wt B", "y"),
        ],
        {},
        AFFINE,
    ),
    (
        "an image, flattened",
        [node("Flatten", "x", "f"), node("Gemm", "f Wt B", "y")],
        {"shape": ("n", 1, 3, 1)},
        AFFINE,
    ),
    (
        "an image shifted by one number",
        [node("Add", "x s", "a"), node("Flatten", "a", "f"), node("Gemm", "f Wt B", "y")],
        {"shape": ("n", 1, 3, 1), "initial": {"s": np.array([2.0])}},
        PiecewiseLinearNetwork([W], [B + W.sum(axis=1) * 2.0]),
    ),
    (
        "parameters that are folded",
        [
            constant("w", W),
            node("Transpose", "w", "t", perm=[1, 0]),
            node("Identity", "B", "b"),
            node("MatMul", "x t", "z"),
            node("Add", "z b", "y"),
        ],
        {},
        AFFINE,
    ),
    (
        "inputs of open width",
        [node("MatMul", "x Wt", "z"), node("Add", "z B", "y")],
        {"shape": ("n", "d")},
        AFFINE,
    ),
    ("a fixed batch", [node("Gemm", "x Wt B", "y")], {"shape": (4, 3)}, AFFINE),
    (
        "one example, reshaped",
        [node("Reshape", "x one", "r"), node("Gemm", "r Wt B", "y")],
        {"shape": (1, 3, 1), "initial": {"one": np.array([1, -1])}},
        AFFINE,
    ),
]


@pytest.mark.parametrize(("nodes", "given", "expected"), [c[1:] for c in CHAINS], ids=[c[0] for c in CHAINS])
def test_chains_of_affine_steps_and_relus_are_read(
    nodes: list[Any], given: dict[str, Any], expected: PiecewiseLinearNetwork, tmp_path: Path
) -> None:
    network = load_onnx(graph(tmp_path / "m.onnx", nodes, **given))
    assert network.sizes == expected.sizes
    x = np.random.default_rng(2).standard_normal((20, 3))
    assert np.allclose(network(x), expected(x), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(("nodes", "given"), [c[1:3] for c in CHAINS], ids=[c[0] for c in CHAINS])
def test_the_network_that_is_read_answers_as_onnxruntime_does(
    nodes: list[Any], given: dict[str, Any], tmp_path: Path
) -> None:
    path = graph(tmp_path / "m.onnx", nodes, **given)
    shape = [
        size if isinstance(size, int) else {"n": 4, "d": 3}[size] for size in given.get("shape", ("n", 3))
    ]
    x = np.random.default_rng(3).standard_normal(shape)
    assert np.allclose(load_onnx(path)(x.reshape(shape[0], -1)), run(path, x), rtol=1e-13, atol=1e-13)


def test_float32_weights_convert_exactly(tmp_path: Path) -> None:
    single = {"W": W.astype(np.float32), "B": (B / 3).astype(np.float32)}
    nodes = [node("Gemm", "x W B", "y", transB=1)]
    network = load_onnx(graph(tmp_path / "m.onnx", nodes, dtype=TensorProto.FLOAT, initial=single))
    assert network.biases[0].tolist() == [float(b) for b in single["B"]]


HALF = {"Wt": W.T.astype(np.float16), "B": B.astype(np.float16)}
REFUSED: list[tuple[str, list[Any], dict[str, Any], str]] = [
    (
        "softmax",
        [node("Gemm", "x Wt B", "z"), node("Softmax", "z", "y", name="head")],
        {},
        r"node 2 of 2, Softmax 'head': this operation is not an affine step or a ReLU",
    ),
    ("tanh", [node("Gemm", "x Wt B", "z"), node("Tanh", "z", "y")], {}, "node 2 of 2, Tanh: "),
    (
        "a custom gemm",
        [node("Gemm", "x Wt B", "y", domain="custom")],
        {},
        "node 1 of 1, Gemm: this operation",
    ),
    (
        "a skip connection",
        [node("Gemm", "x Wt B", "z"), node("Relu", "z", "r"), node("Add", "z r", "y")],
        {},
        r"node 3 of 3, Add: it joins or branches computed values \(z, r\)",
    ),
    (
        "a branch",
        [node("Gemm", "x Wt B", "y"), node("Relu", "x", "r")],
        {},
        "node 2 of 2, Relu: it joins or branches",
    ),
    ("a product of inputs", [node("Gemm", "Wt x", "y")], {"shape": (2, 3)}, "must be its first factor"),
    (
        "sizes that do not meet",
        [node("Gemm", "x W B", "y")],
        {},
        "a matrix for 2 inputs meets examples of shape",
    ),
    (
        "a matrix product on images",
        [node("MatMul", "x Wt", "y")],
        {"shape": ("n", 2, 3)},
        "of shape \\(2, 3\\)",
    ),
    (
        "an offset per example",
        [node("Gemm", "x Wt B", "z"), node("Add", "z o", "y")],
        {"initial": {"o": np.ones((4, 2))}},
        r"an offset of shape \(4, 2\)",
    ),
    (
        "a reshape that mixes examples",
        [node("Reshape", "x mix", "r"), node("Gemm", "r W B", "y", transB=1)],
        {"shape": ("n", 6), "initial": {"mix": np.array([-1, 3])}},
        "which may mix examples",
    ),
    (
        "a reshape to one row",
        [node("Reshape", "x one", "r"), node("Gemm", "r W B", "y", transB=1)],
        {"initial": {"one": np.array([1, -1])}},
        "which may mix examples",
    ),
    ("flattening the batch", [node("Flatten", "x", "y", axis=0)], {}, "flattens from axis 0"),
    (
        "a cast to integers",
        [node("Cast", "x", "y", to=TensorProto.INT64)],
        {},
        "casts to something other than",
    ),
    (
        "half precision",
        [node("Gemm", "x Wt B", "y")],
        {"dtype": TensorProto.FLOAT16, "initial": HALF},
        "is float16",
    ),
    ("two inputs", [node("Add", "x x2", "y")], {"inputs": ("x", "x2")}, "has 2 inputs and 1 outputs"),
    (
        "two outputs",
        [node("Gemm", "x Wt B", "z"), node("Relu", "z", "y")],
        {"outputs": ("y", "z")},
        "has 1 inputs and 2 outputs",
    ),
    ("no batch axis", [node("Gemm", "x Wt B", "y")], {"shape": (3,)}, r"shape \(3,\); want a batch axis"),
    ("open width first", [node("Relu", "x", "y")], {"shape": ("n", "d")}, "does not say how many inputs"),
    ("NaN weights", [node("Gemm", "x Wt B", "y")], {"initial": {"B": B * np.nan}}, "NaN or infinite"),
    (
        "an unknown constant",
        [node("Neg", "Wt", "w"), node("MatMul", "x w", "y")],
        {},
        "node 1 of 2, Neg: this operation on constants is not known",
    ),
]


@pytest.mark.parametrize(("nodes", "given", "words"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_is_no_such_chain_is_refused_by_name_and_place(
    nodes: list[Any], given: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        load_onnx(graph(tmp_path / "m.onnx", nodes, **given))
    assert "open it as an oracle" in str(caught.value)


@pytest.mark.parametrize("content", [b"hello", b"\x08\x08", bytes(range(256))])
def test_a_file_that_is_not_onnx_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(FormatError, match=r"m\.onnx (is not a readable|cannot be read)"):
        load_onnx(tmp_path / "m.onnx")


def test_weights_in_a_second_file_are_read_and_missed_in_words(tmp_path: Path) -> None:
    save_onnx(random_network(3, 2, 1), tmp_path / "m.onnx")
    onnx.save(
        onnx.load(tmp_path / "m.onnx"),
        tmp_path / "split.onnx",
        save_as_external_data=True,
        location="split.data",
        size_threshold=0,
    )
    assert compare(load_onnx(tmp_path / "split.onnx"), random_network(3, 2, 1)).max_parameter_error == 0
    (tmp_path / "split.data").unlink()
    with pytest.raises(FormatError, match="not a readable ONNX model"):
        load_onnx(tmp_path / "split.onnx")


def test_without_the_onnx_package_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_onnx(random_network(2, 1), tmp_path / "m.onnx")
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(MissingExtra, match=r'pip install "hingeline\[onnx\]"'):
        load_onnx(tmp_path / "m.onnx")
    with pytest.raises(MissingExtra):
        save_onnx(random_network(2, 1), tmp_path / "n.onnx")
