from __future__ import annotations

from typing import Any

import pytest

from hingeline.core.errors import InvalidInput, QueryFailed, UnsupportedOracle
from hingeline.oracles.inference_metadata import ModelMetadata, TensorInfo, choose_output, parse_metadata
from hingeline.oracles.input_layout import output_dim, plan_input


def declared(shape: list[int], datatype: str = "FP64") -> ModelMetadata:
    return parse_metadata({"inputs": [{"name": "x", "datatype": datatype, "shape": shape}]})


@pytest.mark.parametrize(
    ("shape", "options", "dim", "batch", "sent_shape"),
    [
        ([-1, 784], {}, 784, None, [5, 784]),
        ([-1, 1, 28, 28], {}, 784, None, [5, 1, 28, 28]),
        ([-1, 1, 28, 28], {"input_dim": 784}, 784, None, [5, 1, 28, 28]),
        ([-1, -1], {"input_dim": 7}, 7, None, [5, 7]),
        ([-1, 3, -1], {"input_dim": 12}, 12, None, [5, 3, 4]),
        ([-1, 3, -1, -1], {"input_shape": (3, 2, 2)}, 12, None, [5, 3, 2, 2]),
        ([-1], {}, 1, None, [5]),
        ([1, 4], {}, 4, 1, [5, 4]),
        ([16, 4], {}, 4, 16, [5, 4]),
        ([16, 4], {"input_dim": 4}, 4, 16, [5, 4]),
        ([784], {}, 784, 1, [784]),
        ([28, 28], {"input_dim": 784}, 784, 1, [28, 28]),
        ([1, 784], {"input_dim": 784}, 784, 1, [5, 784]),
    ],
)
def test_rows_take_the_declared_shape(
    shape: list[int], options: dict[str, Any], dim: int, batch: int | None, sent_shape: list[int]
) -> None:
    layout = plan_input(declared(shape), **options)
    assert (layout.input_dim, layout.batch, layout.tensor_shape(5)) == (dim, batch, sent_shape)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ([-1, -1], {}, "pass input_dim"),
        ([-1, 3, -1, -1], {"input_dim": 12}, "pass input_shape"),
        ([-1, 784], {"input_dim": 64}, "784 numbers per row, not 64"),
        ([-1, 3, -1], {"input_dim": 13}, "does not fit"),
        ([-1, 784], {"input_shape": (28, 28)}, "does not fit"),
        ([-1], {"input_dim": 784}, "1 numbers per row, not 784"),
        ([-1, 4], {"input_dim": 0}, "at least 1"),
        ([-1, 4], {"input_shape": (0,)}, "at least 1"),
        ([-1, 4], {"input_dim": 3, "input_shape": (4,)}, "input_dim says 3"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_with_both_numbers(
    shape: list[int], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        plan_input(declared(shape), **options)


@pytest.mark.parametrize(
    ("datatype", "dtype", "rounded_to"),
    [
        ("FP64", None, "float64"),
        ("FP64", "float32", "float32"),
        ("FP32", None, "float32"),
        ("fp32", "float32", "float32"),
        ("FP16", "float16", "float16"),
    ],
)
def test_queries_are_rounded_to_what_the_server_takes_or_less(
    datatype: str, dtype: str | None, rounded_to: str
) -> None:
    assert plan_input(declared([-1, 4], datatype), dtype=dtype).dtype == rounded_to


@pytest.mark.parametrize(
    ("datatype", "dtype", "message"),
    [
        ("INT64", None, "takes INT64"),
        ("UINT8", "float32", "takes UINT8"),
        ("BOOL", None, "takes BOOL"),
        ("BYTES", None, "takes BYTES"),
        ("BF16", "float16", "takes BF16"),
        ("FP16", None, 'dtype="float16"'),
    ],
)
def test_input_types_that_cannot_carry_real_points_are_refused(
    datatype: str, dtype: str | None, message: str
) -> None:
    with pytest.raises(UnsupportedOracle, match=message):
        plan_input(declared([-1, 4], datatype), dtype=dtype)


@pytest.mark.parametrize(("datatype", "dtype"), [("FP32", "float64"), ("FP16", "float32"), ("FP64", "int8")])
def test_a_precision_the_server_cannot_take_is_refused(datatype: str, dtype: str) -> None:
    with pytest.raises(InvalidInput, match=r"cannot carry|must be one of"):
        plan_input(declared([-1, 4], datatype), dtype=dtype)


def test_several_inputs_are_refused_by_name() -> None:
    two = ModelMetadata((TensorInfo("a", "FP64", (-1, 2)), TensorInfo("b", "FP64", (-1, 2))), ())
    with pytest.raises(UnsupportedOracle, match="2 inputs \\('a', 'b'\\)"):
        plan_input(two)


def test_a_server_that_describes_no_input_is_asked_in_float64_if_the_dimension_is_given() -> None:
    layout = plan_input(ModelMetadata((), ()), input_dim=4)
    assert (layout.datatype, layout.tensor_shape(2)) == ("FP64", [2, 4])
    with pytest.raises(InvalidInput, match="input_dim"):
        plan_input(ModelMetadata((), ()))


LABEL, SCORES = TensorInfo("label", "INT64", (-1,)), TensorInfo("scores", "FP32", (-1, 3))
OTHER, TEXT = TensorInfo("other", "FP64", (-1, 2)), TensorInfo("text", "BYTES", (-1,))


@pytest.mark.parametrize(
    ("outputs", "wanted", "chosen"),
    [
        ((), None, None),
        ((LABEL,), None, LABEL),
        ((LABEL, SCORES), None, SCORES),
        ((LABEL, SCORES), "label", LABEL),
        ((SCORES, OTHER), "other", OTHER),
        ((TEXT, SCORES), None, SCORES),
    ],
)
def test_the_output_is_the_wanted_one_or_the_obvious_one(
    outputs: tuple[TensorInfo, ...], wanted: str | None, chosen: TensorInfo | None
) -> None:
    assert choose_output(outputs, wanted) == chosen


@pytest.mark.parametrize(
    ("outputs", "wanted", "kind", "message"),
    [
        ((SCORES, OTHER), None, InvalidInput, r"not obvious.*'scores' \(FP32.*'other'.*output_name"),
        ((SCORES,), "nope", InvalidInput, "no output 'nope'"),
        ((LABEL, TEXT), None, InvalidInput, "not obvious"),
        ((TEXT,), None, UnsupportedOracle, "BYTES, not numbers"),
    ],
)
def test_an_output_that_is_not_obvious_is_asked_for(
    outputs: tuple[TensorInfo, ...], wanted: str | None, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        choose_output(outputs, wanted)


@pytest.mark.parametrize(
    ("shape", "dim"), [((-1, 10), 10), ((-1,), 1), ((-1, 2, 5), 10), ((-1, -1), None), ((), None)]
)
def test_the_answer_width_is_known_where_it_is_declared(shape: tuple[int, ...], dim: int | None) -> None:
    assert output_dim(TensorInfo("y", "FP64", shape), plan_input(declared([-1, 4]))) == dim


@pytest.mark.parametrize(
    "document", [[], {"inputs": [{"name": "x"}]}, {"inputs": [3]}, {"outputs": {"a": 1}}]
)
def test_a_document_that_is_no_metadata_is_refused(document: Any) -> None:
    with pytest.raises(QueryFailed, match="metadata"):
        parse_metadata(document)
