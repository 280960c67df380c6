"""Families on disk: one `.safetensors` file with float64 tensors member0.W0, member0.b0, ..., and `weights`.

The metadata say that it is a family and where it came from; numbers come back bit for bit and nothing in the
file is run. Cost: one pass over the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_safetensors

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import FormatError, InvalidInput
from hingeline.defences.family.family import ModelFamily
from hingeline.networks.files import provenance_text, readable, write_atomically
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import named_parameters
from hingeline.sensitivity.models.network_model import NetworkModel

FAMILY_FORMAT_NAME = "hingeline.family"
FAMILY_SCHEMA = 1
_TENSOR = re.compile(r"member(0|[1-9]\d*)\.([Wb])(0|[1-9]\d*)", re.ASCII)


def save_family(family: ModelFamily, path: str | Path, provenance: Mapping[str, Any] | None = None) -> None:
    """Write a family of ReLU networks, with `provenance` (JSON-ready) in the file's metadata.

    Raises:
        InvalidInput: A member is no ReLU network of ours, the file cannot be written, or `provenance` is not
            JSON.
    """
    metadata = {
        "format": FAMILY_FORMAT_NAME,
        "schema": str(FAMILY_SCHEMA),
        "members": str(len(family)),
        "provenance": provenance_text(provenance),
    }
    tensors: dict[str, FloatArray] = {"weights": np.ascontiguousarray(family.weights)}
    for index, member in enumerate(family.members):
        if not (isinstance(member, NetworkModel) and isinstance(member.network, PiecewiseLinearNetwork)):
            raise InvalidInput(
                f"member {index} ({member.name}) is no ReLU network of ours, so it has no file"
            )
        for name, array in named_parameters(member.network):
            tensors[f"member{index}.{name}"] = np.ascontiguousarray(array)
    write_atomically(path, lambda file: file.write_bytes(to_safetensors(tensors, metadata)))


def load_family(path: str | Path) -> ModelFamily:
    """Read a family that `save_family` wrote.

    Raises:
        FormatError: Not such a file; the message says what was seen.
    """
    path = readable(path)
    try:
        with safe_open(path, framework="numpy") as file:
            _check_metadata(path, dict(file.metadata() or {}))
            names = list(file.keys())
            strange = sorted(name for name in names if file.get_slice(name).get_dtype() != "F64")
            if strange:
                raise FormatError(f"{path}: {', '.join(strange[:6])} are not float64, as all arrays are here")
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise FormatError(f"{path} is not a readable .safetensors file: {error}") from error
    try:
        weights = tensors.pop("weights", None)
        if weights is None:
            raise FormatError(f"{path} has no tensor `weights`, the chances of its members")
        return ModelFamily(_members(path, tensors), weights)
    except InvalidInput as error:
        raise FormatError(f"{path} is not a family: {error}") from error


def is_family_file(path: str | Path) -> bool:
    """Whether `path` is a `.safetensors` file that says it holds a family; False for what cannot be read."""
    try:
        with safe_open(readable(path), framework="numpy") as file:
            return (file.metadata() or {}).get("format") == FAMILY_FORMAT_NAME
    except (SafetensorError, OSError, FormatError):
        return False


def _members(path: Path, tensors: Mapping[str, FloatArray]) -> list[PiecewiseLinearNetwork]:
    """The networks, once it is sure that no array is missing and none is left over."""
    layers: dict[int, set[int]] = {}
    for name in tensors:
        read = _TENSOR.fullmatch(name)
        if read is None:
            raise FormatError(f"{path}: no family has a tensor {name[:40]!r}")
        layers.setdefault(int(read[1]), set()).add(int(read[3]))
    wanted = {f"member{m}.{k}{i}" for m in range(len(layers)) for k in "Wb" for i in layers.get(m, ())}
    gaps = [m for m, numbers in layers.items() if numbers != set(range(len(numbers)))]
    if wanted != set(tensors) or gaps:
        raise FormatError(f"{path}: tensors of a family are member0.W0, member0.b0, ... without a gap")
    return [
        PiecewiseLinearNetwork(*([tensors[f"member{m}.{k}{i}"] for i in range(len(layers[m]))] for k in "Wb"))
        for m in range(len(layers))
    ]


def _check_metadata(path: Path, metadata: Mapping[str, str]) -> None:
    found, schema = metadata.get("format"), metadata.get("schema", "")
    if found != FAMILY_FORMAT_NAME:
        raise FormatError(
            f"{path} does not say that it is a family (format {found!r}); save_family writes one"
        )
    if schema not in {str(number) for number in range(1, FAMILY_SCHEMA + 1)}:
        raise FormatError(
            f"{path} has schema {schema[:20]!r}; this version reads up to {FAMILY_SCHEMA}: upgrade hingeline"
        )
