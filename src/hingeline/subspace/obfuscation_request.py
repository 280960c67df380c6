"""What `obfuscate` is asked for, checked before anything is sent. Cost: no queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, as_points, frozen
from hingeline.core.errors import InvalidInput
from hingeline.core.outcome import Finding
from hingeline.oracles.protocol import OracleSpec
from hingeline.subspace.recovered import RecoveredSpan


@dataclass(frozen=True, eq=False)
class ObfuscationRequest:
    """What was asked for, checked."""

    x: FloatArray
    """Inputs in the box, shape "n d"."""
    target: FloatArray | None
    """What they should look like, shape "n d"; None: noise."""
    box: tuple[float, float] | None
    """Nothing outside it is asked; None if inputs are free."""
    sigma: float | None
    """Deviation of the noise; None if none was named."""
    control_sigmas: tuple[float, ...]
    """Lengths of further controls, as deviations of null noise."""
    eight_bit: bool
    """Whether to round to 256 levels of the box."""

    @staticmethod
    def of(
        spec: OracleSpec,
        span: RecoveredSpan,
        x: Any,
        target: Any,
        box: tuple[float, float] | None,
        sigma: float | None,
        control_sigmas: Sequence[float],
        *,
        eight_bit: bool,
    ) -> ObfuscationRequest:
        """The arguments of `obfuscate`, checked.

        Raises:
            InvalidInput: Something cannot be meant.
        """
        rows = frozen(as_points(x, span.input_dim))
        if not len(rows):
            raise InvalidInput("no inputs to obfuscate")
        for deviation in (sigma, *control_sigmas):
            if deviation is not None and not (isinstance(deviation, Real) and 0 < float(deviation) < np.inf):
                raise InvalidInput(f"a deviation of noise must be a positive number; got {deviation}")
        box = _box(spec, box)
        if box is not None and (rows.min() < box[0] or rows.max() > box[1]):
            raise InvalidInput(f"inputs reach [{rows.min():.6g}, {rows.max():.6g}], outside the box {box}")
        if eight_bit and box is None:
            raise InvalidInput("eight_bit needs a box, such as box=(0, 1): its ends are levels 0 and 255")
        picture = None if target is None else as_points(target, span.input_dim)
        if picture is not None and len(picture) not in (1, len(rows)):
            raise InvalidInput(f"{len(picture)} targets for {len(rows)} inputs; want 1 or as many")
        if picture is not None:
            picture = np.broadcast_to(picture, rows.shape)
        return ObfuscationRequest(rows, picture, box, sigma, tuple(control_sigmas), eight_bit)


def known_span(span: RecoveredSpan | Finding[RecoveredSpan], input_dim: int) -> RecoveredSpan:
    """The span itself, with a basis for inputs of this dimension.

    Raises:
        InvalidInput: There is none, or only its rank is known, or it is of other inputs.
    """
    value = span.value if isinstance(span, Finding) else span
    if value is None:
        raise InvalidInput("the finding holds no span to work with")
    if value.basis.shape[1] < value.rank:
        raise InvalidInput(f"only the rank ({value.rank}) of this span is known; recover its basis first")
    if value.basis.shape[0] != input_dim:
        raise InvalidInput(f"the span is of {value.basis.shape[0]} inputs, the oracle takes {input_dim}")
    return value


def _box(spec: OracleSpec, box: tuple[float, float] | None) -> tuple[float, float] | None:
    """The box asked for, or the bounds of the door; checked against each other."""
    bounds = spec.bounds
    if box is None:
        if bounds is None or np.isinf(bounds).all():
            return None
        if np.isinf(bounds).any():
            raise InvalidInput(f"the oracle's bounds {bounds} are open at one end; pass box=(low, high)")
        box = bounds
    try:
        low, high = (float(end) for end in box)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"a box is two numbers, (low, high); got {box!r}") from error
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise InvalidInput(f"a box needs two finite ends, the smaller first; got {box}")
    if bounds is not None and (low < bounds[0] or high > bounds[1]):
        raise InvalidInput(f"the box {box} reaches beyond the oracle's bounds {bounds}")
    return low, high
