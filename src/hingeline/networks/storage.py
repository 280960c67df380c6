"""Networks on disk without code execution: our `.safetensors` and plain `.npz`.

Both hold arrays W0, b0, W1, b1, ... with `W_i` of shape (out, in) and `b_i` of shape (out,). Numbers are
written as float64 and come back bit for bit. A `.safetensors` file of ours also says where the network came
from. Cost: one pass over the file.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_safetensors

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import FormatError, InvalidInput
from hingeline.networks.files import (
    FORMAT_NAME,
    SCHEMA,
    STACK_FORMAT_NAME,
    provenance_text,
    readable,
    write_atomically,
)
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

_PARAMETER = re.compile(r"[Wb](0|[1-9]\d*)", re.ASCII)
_DTYPE_OF_CODE = {"F": "float", "BF": "bfloat", "I": "int", "U": "uint"}


def save_safetensors(
    network: PiecewiseLinearNetwork, path: str | Path, provenance: Mapping[str, Any] | None = None
) -> None:
    """Write `network` as float64 tensors, with `provenance` (JSON-ready) in the file's metadata.

    Raises:
        InvalidInput: The file cannot be written, or `provenance` is not JSON.
    """
    metadata = {
        "format": FORMAT_NAME,
        "schema": str(SCHEMA),
        "sizes": "-".join(map(str, network.sizes)),
        "provenance": provenance_text(provenance),
    }
    # safetensors stores the buffer as it lies in memory, so a transposed array must be laid out first.
    tensors = {name: np.ascontiguousarray(array) for name, array in named_parameters(network)}
    write_atomically(path, lambda file: file.write_bytes(to_safetensors(tensors, metadata)))


def load_safetensors(path: str | Path) -> PiecewiseLinearNetwork:
    """Read a network from a `.safetensors` file with tensors W0, b0, ...

    Raises:
        FormatError: Not such a file, or not a network; the message says what was seen.
    """
    path = readable(path)
    try:
        with safe_open(path, framework="numpy") as file:
            _check_schema(path, file.metadata() or {})
            names = list(file.keys())
            _check_names(path, names)
            for name in names:
                _check_dtype(path, name, _dtype_name(file.get_slice(name).get_dtype() or ""))
            return _network(path, {name: file.get_tensor(name) for name in names})
    except (SafetensorError, OSError) as error:
        raise FormatError(f"{path} is not a readable .safetensors file: {error}") from error


def read_provenance(path: str | Path) -> dict[str, Any]:
    """What a `.safetensors` file of ours says about its origin; empty if it says nothing.

    Raises:
        FormatError: Not a `.safetensors` file, or its provenance is not a JSON object.
    """
    path = readable(path)
    try:
        with safe_open(path, framework="numpy") as file:
            return dict(json.loads((file.metadata() or {}).get("provenance", "{}")))
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise FormatError(f"{path} has no readable provenance: {error}") from error


def save_npz(network: PiecewiseLinearNetwork, path: str | Path) -> None:
    """Write `network` as a `.npz` of float64 arrays.

    Raises:
        InvalidInput: The file cannot be written.
    """

    def write(file: Path) -> None:
        with file.open("wb") as stream:
            np.savez(stream, **dict[str, Any](named_parameters(network)))

    write_atomically(path, write)


def load_npz(path: str | Path) -> PiecewiseLinearNetwork:
    """Read a network from a `.npz` with arrays W0, b0, ...; other entries may only be single values (notes).

    Raises:
        FormatError: Not such a file, or not a network; the message says what was seen.
    """
    path = readable(path)
    arrays = {name: array for name, array in read_arrays(path).items() if not _is_note(name, array)}
    _check_names(path, arrays)
    for name, array in arrays.items():
        _check_dtype(path, name, array.dtype.name)
    return _network(path, arrays)


def read_arrays(path: str | Path) -> dict[str, Any]:
    """All arrays of a `.npz`, never unpickling anything.

    Raises:
        FormatError: Not a zip archive of plain arrays.
    """
    with _archive(readable(path)) as archive:
        return {name: _checked_array(name, archive[name]) for name in archive.files}


def array_names(path: str | Path) -> list[str]:
    """The names of a `.npz`'s arrays, which stay unread.

    Raises:
        FormatError: Not a zip archive.
    """
    with _archive(readable(path)) as archive:
        return list(archive.files)


def named_parameters(network: PiecewiseLinearNetwork) -> list[tuple[str, FloatArray]]:
    """W0, b0, W1, b1, ... with their arrays, in that order."""
    named: list[tuple[str, FloatArray]] = []
    for index, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        named += [(f"W{index}", weight), (f"b{index}", bias)]
    return named


@contextmanager
def _archive(path: Path) -> Generator[Any]:
    """An open `.npz`; whatever breaks inside is told as a damaged file."""
    if not zipfile.is_zipfile(path):
        raise FormatError(f"{path} is not a .npz file: a .npz is a zip archive, and this is not one")
    try:
        # Opened here, because NumPy leaves the file open when the archive turns out to be broken.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            yield archive
    except Exception as error:  # zip, zlib and NumPy each have their own errors for damage
        if "allow_pickle" in str(error):
            raise FormatError(
                f"{path} holds Python objects, which only unpickling could read, and that runs code; "
                "save plain float64 arrays instead"
            ) from error
        raise FormatError(f"{path} is a damaged .npz file: {error}") from error


def _checked_array(name: str, array: Any) -> Any:
    # NumPy hands members that are not .npy files over as bytes.
    if not isinstance(array, np.ndarray):
        raise FormatError(f"its member {name!r} is no array")
    return array


def _is_note(name: str, array: Any) -> bool:
    return array.ndim == 0 and _PARAMETER.fullmatch(name) is None


def _check_schema(path: Path, metadata: Mapping[str, str]) -> None:
    if metadata.get("format") == STACK_FORMAT_NAME:
        raise FormatError(
            f"{path} holds a stack of stochastic layers, whose units are drawn at random; it is no network "
            "of ReLUs. Read it with hingeline.renormalisation.stacks.storage.load_stack"
        )
    if metadata.get("format") != FORMAT_NAME:
        return  # plain tensors of the right names are welcome from anybody
    schema = metadata.get("schema", "")
    if schema not in (str(number) for number in range(1, SCHEMA + 1)):
        raise FormatError(
            f"{path} has schema {schema[:20]!r}; this version reads up to {SCHEMA}: upgrade hingeline"
        )


def _check_names(path: Path, names: Iterable[str]) -> None:
    seen = set(names)
    depth = sum(name.startswith("W") and _PARAMETER.fullmatch(name) is not None for name in seen)
    wanted = {f"{kind}{index}" for kind in "Wb" for index in range(max(depth, 1))}
    if seen != wanted:
        raise FormatError(
            f"{path} is not a network: a network has arrays W0, b0, W1, b1, ...; "
            + "; ".join(_name_faults(sorted(wanted - seen), sorted(seen - wanted)))
        )


def _name_faults(missing: list[str], unknown: list[str]) -> list[str]:
    faults = [f"missing {', '.join(missing)}"] if missing else []
    if unknown:
        faults.append(f"not known here: {', '.join(unknown[:6])}{', ...' if len(unknown) > 6 else ''}")
    if {"x", "y"} <= set(unknown):
        faults.append("a table of recorded answers can be asked, but has no weights to read")
    return faults


def _check_dtype(path: Path, name: str, dtype: str) -> None:
    if dtype not in ("float64", "float32"):
        raise FormatError(
            f"{path}: {name} is {dtype}; weights must be float64 (or float32, which converts exactly)"
        )


def _dtype_name(code: str) -> str:
    """NumPy's name for safetensors' code: "F64" is "float64"."""
    letters = code.rstrip("0123456789")
    return _DTYPE_OF_CODE.get(letters, letters.lower()) + code[len(letters) :]


def _network(path: Path, arrays: Mapping[str, Any]) -> PiecewiseLinearNetwork:
    layers = range(len(arrays) // 2)
    try:
        return PiecewiseLinearNetwork([arrays[f"W{i}"] for i in layers], [arrays[f"b{i}"] for i in layers])
    except InvalidInput as error:
        raise FormatError(f"{path} is not a network: {error}") from error
