"""What an Open Inference Protocol v2 server says about a model.

Source: Open Inference Protocol, REST, "Model Metadata" (KServe; the same as Triton's and MLServer's V2).
Cost: pure functions of small documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hingeline.core.errors import InvalidInput, QueryFailed, UnsupportedOracle

FLOATS = {"FP64": "float64", "FP32": "float32", "FP16": "float16"}
_WHOLE = frozenset(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)) | {"BOOL"}
NUMBERS = frozenset(FLOATS) | _WHOLE


@dataclass(frozen=True)
class TensorInfo:
    """One declared input or output."""

    name: str
    datatype: str
    """Such as "FP64"; upper case."""
    shape: tuple[int, ...]
    """-1 where any length is allowed."""


@dataclass(frozen=True)
class ModelMetadata:
    """What the server declares; empty tuples where it declares nothing."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]


def parse_metadata(document: Any) -> ModelMetadata:
    """Read the answer of GET v2/models/NAME.

    Raises:
        QueryFailed: It is not a metadata document.
    """
    if not isinstance(document, dict):
        raise QueryFailed("the model's metadata is not a JSON object")
    return ModelMetadata(_tensors(document.get("inputs")), _tensors(document.get("outputs")))


def choose_output(outputs: tuple[TensorInfo, ...], wanted: str | None) -> TensorInfo | None:
    """The output to read: the wanted one, the only one, or the only one of real numbers.

    Returns:
        None if the server lists no outputs; then the answer itself is looked at the same way.

    Raises:
        InvalidInput: None is obvious, or there is none of that name; the message lists them.
        UnsupportedOracle: The output does not hold numbers.
    """
    if not outputs:
        return None
    chosen = _candidates(outputs, wanted)
    if len(chosen) != 1:
        listed = ", ".join(f"{o.name!r} ({o.datatype} {list(o.shape)})" for o in outputs)
        problem = f"there is no output {wanted!r}" if wanted else "it is not obvious which output to read"
        raise InvalidInput(f"{problem}; the model has {listed}. Pass output_name=...")
    if chosen[0].datatype not in NUMBERS:
        raise UnsupportedOracle(f"output {chosen[0].name!r} holds {chosen[0].datatype}, not numbers")
    return chosen[0]


def _tensors(listed: Any) -> tuple[TensorInfo, ...]:
    if listed is None:
        return ()
    try:
        return tuple(
            TensorInfo(str(t["name"]), str(t["datatype"]).upper(), tuple(int(n) for n in t["shape"]))
            for t in listed
        )
    except (KeyError, TypeError, ValueError) as error:
        raise QueryFailed(
            f"the model's metadata describes a tensor without name, datatype or shape: {error!r}"
        ) from None


def _candidates(outputs: tuple[TensorInfo, ...], wanted: str | None) -> list[TensorInfo]:
    if wanted is not None:
        return [o for o in outputs if o.name == wanted]
    real = [o for o in outputs if o.datatype in FLOATS]
    return real if len(outputs) > 1 else list(outputs)
