"""Inputs from a file: rows of numbers, with words for what goes wrong."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import FormatError, InvalidInput
from hingeline.networks.files import readable

_KEY = "x"
_LABELS = "y"


def read_labels(path: Path) -> FloatArray:
    """Read one number for each input: a .npy file, a .npz file with the key y, or a .csv file of one column.

    Raises:
        FormatError: No such file, not of these kinds, or not numbers.
        InvalidInput: More than one number in a row, or none.
    """
    array = _as_numbers(path, _reader(path, "labels", _LABELS)(readable(path), _LABELS))
    if array.ndim == 0 or not array.size or array.size != len(array):
        raise InvalidInput(
            f"{path} holds an array of shape {array.shape}; labels want one number in each row"
        )
    return array.reshape(-1)


def read_rows(path: Path, input_dim: int) -> FloatArray:
    """Read inputs of a network, one in each row.

    Args:
        path: A .npy file, a .npz file with the key x, or a .csv file (a line of names may come first).
            Images may keep their shape: (n, 28, 28) is read as n rows of 784 numbers.
        input_dim: Numbers in one row.

    Returns:
        Shape "n d", n at least 1.

    Raises:
        FormatError: No such file, not of these kinds, or not numbers.
        InvalidInput: Rows of another length, no rows, or numbers that are not finite.
    """
    array = _as_numbers(path, _reader(path, "inputs", _KEY)(readable(path), _KEY))
    rows = _as_rows(path, array, input_dim)
    wrong = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(wrong):
        alike = f" (and {len(wrong) - 1} more)" * (len(wrong) > 1)
        raise InvalidInput(f"{path}: row {wrong[0]}, counted from 0, is not finite{alike}")
    return rows


def read_shape(path: Path) -> tuple[int, ...] | None:
    """Shape of one example where a .npy or .npz file keeps images as such; None for flat rows."""
    if path.suffix.lower() == ".csv":
        return None
    shape = np.shape(_reader(path, "inputs", _KEY)(readable(path), _KEY))
    return shape[1:] if len(shape) > 2 else None


def _reader(path: Path, what: str, key: str) -> Callable[[Path, str], Any]:
    readers: dict[str, Callable[[Path, str], Any]] = {".npy": _npy, ".npz": _npz, ".csv": _csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise FormatError(f"{path}: {what} are read from .npy, .npz (key {key}) or .csv; not from this")
    return reader


def _npy(path: Path, _: str) -> Any:
    try:
        with path.open("rb") as file:
            return np.load(file, allow_pickle=False)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path} is not a readable .npy file of numbers: {error}") from error


def _npz(path: Path, key: str) -> Any:
    try:
        # Opened here, because NumPy leaves a damaged file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if key in arrays.files:
                return arrays[key]
            held = ", ".join(arrays.files) or "nothing"
    # A damaged archive can end in any of several errors of zipfile and zlib.
    except Exception as error:
        raise FormatError(f"{path} is not a readable .npz file of numbers: {error}") from error
    raise FormatError(f"{path} has no array named {key}; it holds {held}")


def _csv(path: Path, _: str) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
        lines = [line for line in text.splitlines() if line.strip()]
        names = 0 if lines and _are_numbers(lines[0]) else 1
        return np.loadtxt(lines[names:], delimiter=",", ndmin=2) if len(lines) > names else np.zeros((0, 1))
    except (ValueError, OSError) as error:
        raise FormatError(f"{path} is not a readable .csv file of numbers: {error}") from error


def _are_numbers(line: str) -> bool:
    try:
        [float(word) for word in line.split(",")]
    except ValueError:
        return False
    return True


def _as_numbers(path: Path, array: Any) -> FloatArray:
    if np.asarray(array).dtype.kind not in "biuf":
        raise FormatError(f"{path} holds values of type {np.asarray(array).dtype}; real numbers are wanted")
    return np.asarray(array, dtype=np.float64)


def _as_rows(path: Path, array: FloatArray, input_dim: int) -> FloatArray:
    """`array` as rows; a single row may come without its own axis."""
    if array.ndim == 0 or not array.size:
        raise InvalidInput(f"{path} holds no rows")
    width = math.prod(array.shape[1:]) if array.ndim > 1 else len(array)
    if width == input_dim:
        return array.reshape(-1, input_dim)
    hint = ""
    if array.ndim == 2 and len(array) == input_dim:
        hint = "; turned the other way round they would fit, but rows are wanted as inputs"
    elif array.ndim == 2 and width == input_dim + 1:
        hint = "; is one column a label?"
    raise InvalidInput(f"{path} holds rows of {width:,} numbers; the target takes {input_dim:,}{hint}")
