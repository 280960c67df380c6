"""Stacks on disk: `.safetensors` with float64 tensors W0, b0, W1, b1, ..., one pair for each step upward.

The metadata say that it is a stack, of which head, and where it came from; the arrays alone could be a
network's. Numbers come back bit for bit and nothing in the file is run. Cost: one pass over the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_safetensors

from hingeline.core.errors import FormatError, InvalidInput
from hingeline.networks.files import (
    FORMAT_NAME,
    STACK_FORMAT_NAME,
    provenance_text,
    readable,
    write_atomically,
)
from hingeline.renormalisation.stacks.stack import Head, StochasticStack

STACK_SCHEMA = 1
_SCHEMAS = tuple(str(number) for number in range(1, STACK_SCHEMA + 1))
_HEADS: dict[str, Head] = {"softmax": "softmax", "units": "units"}


def save_stack(stack: StochasticStack, path: str | Path, provenance: Mapping[str, Any] | None = None) -> None:
    """Write `stack`, with `provenance` (JSON-ready) in the file's metadata.

    Raises:
        InvalidInput: The file cannot be written, or `provenance` is not JSON.
    """
    metadata = {
        "format": STACK_FORMAT_NAME,
        "schema": str(STACK_SCHEMA),
        "head": stack.head,
        "name": stack.name,
        "widths": "-".join(map(str, stack.widths)),
        "provenance": provenance_text(provenance),
    }
    tensors = {
        f"{letter}{index}": np.ascontiguousarray(array)
        for letter, arrays in (("W", stack.weights), ("b", stack.biases))
        for index, array in enumerate(arrays)
    }
    write_atomically(path, lambda file: file.write_bytes(to_safetensors(tensors, metadata)))


def load_stack(path: str | Path) -> StochasticStack:
    """Read a stack that `save_stack` wrote.

    Raises:
        FormatError: Not such a file; the message says what was seen.
    """
    path = readable(path)
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            _check_metadata(path, metadata)
            names = list(file.keys())
            # types that numpy does not know cannot even be read
            strange = sorted(name for name in names if file.get_slice(name).get_dtype() != "F64")
            if strange:
                raise FormatError(
                    f"{path}: {', '.join(strange)} are not float64, as all arrays of a stack are"
                )
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise FormatError(f"{path} is not a readable .safetensors file: {error}") from error
    steps = range(len(tensors) // 2)
    wanted = {f"{letter}{index}" for letter in "Wb" for index in steps}
    if not wanted or set(tensors) != wanted:
        raise FormatError(
            f"{path} is not a stack: it wants arrays W0, b0, W1, b1, ...; got {sorted(tensors)}"
        )
    weights, biases = ([tensors[f"{letter}{i}"] for i in steps] for letter in "Wb")
    try:
        return StochasticStack(weights, biases, _HEADS[metadata["head"]], metadata.get("name", "stack"))
    except InvalidInput as error:
        raise FormatError(f"{path} is not a stack: {error}") from error


def is_stack_file(path: str | Path) -> bool:
    """Whether `path` is a `.safetensors` file that says it holds a stack; False for what cannot be read."""
    try:
        with safe_open(readable(path), framework="numpy") as file:
            return (file.metadata() or {}).get("format") == STACK_FORMAT_NAME
    except (SafetensorError, OSError, FormatError):
        return False


def _check_metadata(path: Path, metadata: Mapping[str, str]) -> None:
    found = metadata.get("format")
    if found == FORMAT_NAME:
        raise FormatError(
            f"{path} holds a network of ReLUs, not a stack of stochastic layers; read it with "
            "hingeline.load_network"
        )
    if found != STACK_FORMAT_NAME:
        raise FormatError(
            f"{path} does not say that it is a stack (format {found!r}), and its arrays alone do not tell; "
            "build a StochasticStack from them and write it with save_stack"
        )
    schema = metadata.get("schema", "")
    if schema not in _SCHEMAS:
        raise FormatError(
            f"{path} has schema {schema[:20]!r}; this version reads up to {STACK_SCHEMA}: upgrade hingeline"
        )
    if metadata.get("head") not in _HEADS:
        raise FormatError(f"{path} has a head {metadata.get('head')!r}; known are softmax and units")
