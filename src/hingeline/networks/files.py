"""Opening and writing model files, with words for what goes wrong.

A file is written beside its place and then moved there, so that nobody ever sees half of one.
Pickles are refused before they are opened, because opening one runs whatever code is inside.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hingeline.core.errors import FormatError, InvalidInput

FORMAT_NAME = "hingeline.network"
STACK_FORMAT_NAME = "hingeline.stack"
"""A stack of stochastic layers has arrays of the same names as a network, and is none."""
SCHEMA = 1
PICKLE_SUFFIXES = frozenset({".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib"})


def readable(path: str | Path) -> Path:
    """`path`, once it is sure that there is something to read and that it is no pickle.

    Raises:
        InvalidInput: Not a path.
        FormatError: No such file, a directory, empty, not permitted, or a pickle.
    """
    path = _as_path(path)
    refuse_pickle(path)
    try:
        if path.is_dir():
            raise FormatError(f"{path} is a directory; name the file inside it")
        with path.open("rb") as file:
            empty = not file.read(1)
    except (OSError, ValueError) as error:
        raise FormatError(f"cannot read {path}: {_reason(error)}") from error
    if empty:
        raise FormatError(f"{path} is empty")
    return path


def refuse_pickle(path: str | Path) -> None:
    """Refuse files that only unpickling can open.

    Raises:
        FormatError: The suffix is one of a pickle-bearing format.
    """
    suffix = Path(path).suffix.lower()
    if suffix in PICKLE_SUFFIXES:
        raise FormatError(
            f"{path}: {suffix} files hold Python pickles, and opening one runs any code inside it. Load it "
            "yourself where you trust it and pass the model, or export it as .onnx, .safetensors or .npz"
        )


def write_atomically(path: str | Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then move it there.

    Raises:
        InvalidInput: Not a path, or a place that cannot be written to.
    """
    path = _as_path(path)
    if not path.name:
        raise InvalidInput(f"{str(path)!r} names no file to write to")
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.partial")
    try:
        write(partial)
        partial.replace(path)
    except (OSError, ValueError) as error:
        # a NUL in a path is a ValueError, and so is text that cannot be encoded
        raise InvalidInput(f"cannot write {str(path)!r}: {_reason(error)}") from error
    finally:
        if partial.exists():
            partial.unlink()


def provenance_text(provenance: Mapping[str, Any] | None) -> str:
    """`provenance` as JSON text.

    Raises:
        InvalidInput: Something in it is not JSON.
    """
    try:
        return json.dumps(dict(provenance or {}), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"provenance must be JSON-ready: {error}") from error


def _as_path(path: str | Path) -> Path:
    try:
        return Path(path)
    except TypeError as error:
        raise InvalidInput(f"a file is named by text or a Path; got {type(path).__name__}") from error


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
