"""A counted door as a model of Foolbox: its attacks gain a budget, a count, a way to go on (extra `foolbox`).

Inputs may be tensors of any library that EagerPy knows (tried: torch, NumPy, JAX); they are flattened in C
order and asked in float64. Scores come back in float64 whatever the inputs are, since rounding them could
turn a decision; JAX rounds them unless it is told to keep 64 bits.

A row with NaN is not asked and gets NaN scores, as it would from a network: BoundaryAttack divides 0 by 0 at
inputs that are misclassified from the start.

What works: attacks that look at decisions (BoundaryAttack, HopSkipJump, Pointwise, noise and contrast), and
at doors that tell values those that compare scores (GenAttack). Attacks that follow gradients are refused; on
NumPy arrays EagerPy itself stops them first, with a bare NotImplementedError.

Source: Rauber, Brendel and Bethge 2017 (Foolbox).
"""

from __future__ import annotations

import importlib
from typing import Any, Literal

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.extras import optional
from hingeline.oracles.outward.counted import CountedOracle, as_counted
from hingeline.oracles.outward.scores import Scores, checked_bounds, within_bounds
from hingeline.oracles.outward.tensors import as_rows, refuse_gradients, row_shape
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.session import QuerySession

_ADVICE = (
    "Attacks that only ask work: BoundaryAttack, HopSkipJumpAttack, or PointwiseAttack of foolbox.attacks. "
    "To have gradients measured by questions or read from weights, use hl.fragility"
)


def for_foolbox(
    door: CountedOracle | QuerySession | Oracle,
    *,
    bounds: tuple[float, float] | None = None,
    input_shape: tuple[int, ...] | None = None,
    classes: int | None = None,
    data_format: Literal["channels_first", "channels_last"] | None = None,
) -> Any:
    """A `foolbox.models.Model` that asks a counted door.

    Its attribute `door` is the `CountedOracle` behind, with `queries`, `replayed` and `remaining`.

    Args:
        door: `hl.counted(...)`, a session, or a door (then without a budget or a journal).
        bounds: Smallest and largest value of an input number; those of the door if it has any.
        input_shape: Shape of one input, such as (1, 28, 28); any shape of as many numbers if not given.
        classes: How many labels there are; needed for a door that tells labels. They are shown as one 1
            among zeros: right for attacks that look at decisions, useless for those that compare scores.
        data_format: Where channels are, for the few attacks that treat images as such.

    Raises:
        MissingExtra: Foolbox is not installed.
        InvalidInput: Bounds unknown or beyond the door's, a shape that does not fit, classes left open.

    The model, when asked, raises `InvalidInput` for inputs outside the bounds, `BudgetExhausted` when the
    budget ends (Foolbox passes it through), `UnsupportedOracle` for an attack that wants gradients.
    """
    foolbox = optional("foolbox", "hl.for_foolbox", "foolbox")
    eagerpy: Any = importlib.import_module("eagerpy")
    asked = as_counted(door)
    limits = checked_bounds(bounds, asked.spec)
    scores, shape = Scores(asked.spec, classes), row_shape(input_shape, asked.spec.input_dim)

    class CountedModel(foolbox.models.Model):
        """What Foolbox is given."""

        def __init__(self) -> None:
            self.door = asked
            if data_format is not None:
                self.data_format = data_format

        @property
        def bounds(self) -> Any:
            return foolbox.types.Bounds(*limits)

        def __call__(self, inputs: Any) -> Any:
            tensor, restored = eagerpy.astensor_(inputs)
            refuse_gradients(tensor.raw, asked.spec.name, _ADVICE)
            rows = as_rows(tensor.numpy(), shape, asked.spec.input_dim)
            return restored(eagerpy.from_numpy(tensor, self._scores(rows)))

        def _scores(self, rows: FloatArray) -> FloatArray:
            finite = np.isfinite(rows).all(axis=1)
            told = scores.of(asked(within_bounds(rows[finite], limits, "the bounds of this model")))
            found = np.full((len(rows), told.shape[1]), np.nan)
            found[finite] = told
            return found

    return CountedModel()
