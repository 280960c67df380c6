"""A pool to be filtered: rows, their labels, and hashes by which it is known again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.defences.filtration.model_answers import ModelAnswers, digest
from hingeline.sensitivity.results import sealed

UNKNOWN = -1
"""Label of rows whose class is none of the models' and was not told."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Labelled rows.

    Attributes:
        x: Inputs laid out flat, shape "n d".
        y: Classes from 0 up, shape "n"; `UNKNOWN` where there is none.
    """

    x: FloatArray
    y: IntArray

    @classmethod
    def read(cls, x: Any, y: Any) -> Pool:
        """A pool of any input shape; `y` may be None where no label is needed.

        Raises:
            InvalidInput: No rows, not finite numbers, or labels that do not fit.
        """
        points = read_inputs(x, "the pool")
        if y is None:
            return cls(sealed(points), sealed(np.full(len(points), UNKNOWN, dtype=np.int64)))
        labels = np.asarray(y)
        if labels.shape != (len(points),):
            raise InvalidInput(f"want one label for each of {len(points)} rows; got shape {labels.shape}")
        if labels.dtype.kind == "f" and np.isfinite(labels).all() and (labels == np.rint(labels)).all():
            labels = labels.astype(np.int64)
        if labels.dtype.kind not in "iu" or (len(labels) and labels.min() < 0):
            raise InvalidInput(f"labels must be whole numbers from 0 up; got {labels.dtype} {labels[:3]}")
        return cls(sealed(points), sealed(labels.astype(np.int64)))

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def x_sha256(self) -> str:
        """Hash of the inputs."""
        return digest(self.x)

    @cached_property
    def y_sha256(self) -> str:
        """Hash of the labels."""
        return digest(self.y)

    def check_labels(self, answers: ModelAnswers) -> None:
        """Refuse labels that a model cannot answer, which it would get wrong for that reason alone.

        Raises:
            InvalidInput: There are some.
        """
        count = answers.class_count
        if count is not None and int(self.y.max(initial=0)) >= count:
            raise InvalidInput(
                f"a label of {int(self.y.max())}, but {answers.name} knows {count} classes, 0 to {count - 1}"
            )


def read_inputs(x: Any, what: str) -> FloatArray:
    """Rows of finite float64 numbers, laid out flat.

    Raises:
        InvalidInput: No rows, or not finite numbers; `what` says whose.
    """
    try:
        table = np.asarray(x, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{what} must be numbers: {error}") from error
    if table.ndim < 2 or not table.size:
        raise InvalidInput(f"{what} wants rows of numbers, shape (n, d); got {table.shape}")
    width = math.prod(table.shape[1:])
    return as_points(table.reshape(len(table), width), width)
