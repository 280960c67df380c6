"""A door to an ONNX file that onnxruntime runs: whatever the graph does inside, only its answers come out.

The input's precision and shape are honoured; a fixed batch axis is filled up by repeating the last row,
and those extra answers are dropped. Measured: onnxruntime gives the same answer to a row in any batch.
Needs the extra `[onnx]`. Cost: that of the model; a fixed batch of one means one call per row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hingeline.core.errors import FormatError, InvalidInput, MissingExtra, QueryFailed, UnsupportedOracle
from hingeline.networks.files import readable
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import OracleSpec

_DTYPES = {"tensor(double)": "float64", "tensor(float)": "float32", "tensor(float16)": "float16"}
_ONLY_FATAL = 4  # onnxruntime's own log; its errors reach us as exceptions


def onnx_oracle(
    path: str | Path,
    *,
    input_dim: int | None = None,
    input_shape: tuple[int, ...] | None = None,
    output_name: str | None = None,
    threads: int | None = None,
) -> CallableOracle:
    """A door to an ONNX model.

    Args:
        path: The file.
        input_dim: Numbers per row, where the model leaves it open.
        input_shape: Shape of one example, where the model leaves it open.
        output_name: Output to read; needed where several could be meant.
        threads: Threads for one call; 1 keeps it to one core. onnxruntime decides if not given.

    Raises:
        MissingExtra: onnxruntime is not installed.
        FormatError: Not a model that onnxruntime can run.
        UnsupportedOracle: It does not take one table of real numbers, or answers no numbers.
        InvalidInput: Something must be said; the message says what.
    """
    path = readable(path)
    session, inputs, outputs = _session(path, threads)
    entry = _entry(inputs, path)
    shape = _example_shape(entry.shape, path, input_dim, input_shape)
    output = _output(outputs, path, output_name)
    batch = entry.shape[0] if isinstance(entry.shape[0], int) else None
    run = _Run(session, entry.name, output.name, batch, np.dtype(_DTYPES[entry.type]))
    sizes = output.shape[1:]
    known = all(isinstance(size, int) for size in sizes)
    spec = OracleSpec(
        path.name,
        math.prod(shape),
        output_dim=math.prod(sizes) if known and sizes else None,
        dtype=_DTYPES[entry.type],
    )
    return CallableOracle(run, spec, shape)


@dataclass(frozen=True)
class _Run:
    """Calls of one model."""

    session: Any
    input_name: str
    output_name: str
    batch: int | None
    """Rows that every call must have; None if free."""
    dtype: np.dtype[Any]

    def __call__(self, rows: Any) -> Any:
        """Answers at `rows`, flat per row."""
        rows = rows.astype(self.dtype, copy=False)
        if self.batch is None:
            return self._call(rows)
        calls = [self._padded(rows[i : i + self.batch]) for i in range(0, len(rows), self.batch)]
        return np.concatenate(calls)

    def _padded(self, rows: Any) -> Any:
        missing = (self.batch or 0) - len(rows)
        return self._call(np.concatenate([rows, np.repeat(rows[-1:], missing, axis=0)]))[: len(rows)]

    def _call(self, rows: Any) -> Any:
        (answers,) = self.session.run([self.output_name], {self.input_name: rows})
        if not isinstance(answers, np.ndarray) or answers.ndim == 0 or len(answers) != len(rows):
            seen = getattr(answers, "shape", type(answers).__name__)
            raise QueryFailed(
                f"output {self.output_name!r} gave {seen} for {len(rows)} rows; want one answer each",
                sent=True,
            )
        return answers.reshape(len(rows), -1)


@dataclass(frozen=True)
class _Slot:
    """An input or output of a model."""

    name: str
    type: str
    """In onnxruntime's words, such as "tensor(double)"."""
    shape: list[Any]
    """A number, a name or None per axis; empty if nothing is known."""


def _session(path: Path, threads: int | None) -> tuple[Any, list[_Slot], list[_Slot]]:
    """A loaded model with its inputs and outputs."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtra("Asking an ONNX file", "onnx") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ONLY_FATAL
    if threads is not None:
        if threads < 1:
            raise InvalidInput(f"threads must be at least 1; got {threads}")
        options.intra_op_num_threads = threads
    try:
        # Its fallback would print, and try the same again.
        session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
        slots = [
            [_Slot(slot.name, slot.type, list(slot.shape or [])) for slot in side]
            for side in (session.get_inputs(), session.get_outputs())
        ]
        return session, slots[0], slots[1]
    except Exception as error:  # onnxruntime's errors share no base of their own
        raise FormatError(f"{path} is not a model that onnxruntime can run: {error}") from error


def _entry(inputs: Sequence[_Slot], path: Path) -> _Slot:
    if len(inputs) != 1:
        names = ", ".join(repr(item.name) for item in inputs)
        raise UnsupportedOracle(f"{path.name} takes {len(inputs)} inputs ({names}); want one table of rows")
    if inputs[0].type not in _DTYPES:
        raise UnsupportedOracle(f"{path.name} takes {inputs[0].type}; queries are rows of real numbers")
    if len(inputs[0].shape) < 2:
        raise UnsupportedOracle(
            f"{path.name} takes shape {inputs[0].shape}; want a batch axis, then features"
        )
    return inputs[0]


def _example_shape(
    sizes: list[Any], path: Path, input_dim: int | None, input_shape: tuple[int, ...] | None
) -> tuple[int, ...]:
    """Shape of one example; what the model leaves open is what the caller says."""
    wanted = input_shape or ((input_dim,) if input_dim else None)
    if all(isinstance(size, int) for size in sizes[1:]):
        return tuple(sizes[1:])
    if wanted is None or len(wanted) != len(sizes) - 1:
        say = "input_dim=64" if len(sizes) == 2 else f"input_shape= with {len(sizes) - 1} sizes"
        raise InvalidInput(f"{path.name} leaves its input open ({sizes}); pass {say}")
    return wanted


def _output(outputs: Sequence[_Slot], path: Path, name: str | None) -> _Slot:
    numeric = [item for item in outputs if item.type in _DTYPES]
    if name is not None:
        numeric = [item for item in outputs if item.name == name]
    elif len(outputs) == 1:
        numeric = list(outputs)
    if len(numeric) != 1:
        names = ", ".join(f"{item.name!r} ({item.type})" for item in outputs)
        raise InvalidInput(f"which output of {path.name}? Pass output_name= one of {names}")
    if not numeric[0].type.startswith("tensor("):
        raise UnsupportedOracle(
            f"output {numeric[0].name!r} of {path.name} is {numeric[0].type}; want a tensor "
            "(skl2onnx: convert with options={'zipmap': False})"
        )
    return numeric[0]
