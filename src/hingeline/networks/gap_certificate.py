"""A proved bound on the gap between two networks on a box, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, frozen
from hingeline.networks.affine_forms import UNIT
from hingeline.networks.boxes import Box


@dataclass(frozen=True, eq=False)
class GapCertificate:
    """What is proved about the gap between two networks on a box."""

    certified: bool
    """Whether `bound` holds for every input in the box."""
    bound: float
    """No output of the two differs by more; inf where nothing is proved."""
    bounds: FloatArray
    """The same for each output, "k"; empty where nothing is proved."""
    exact: FloatArray
    """The part of `bounds` for the exact functions, "k"."""
    rounding: FloatArray
    """The part that rounding may add when both are evaluated in float64, "k"."""
    sampled: float | None
    """Largest gap seen at points of the box: the true one is no smaller; None if shapes differ."""
    points: int
    """How many points those are."""
    box: Box
    """Inputs that the bound holds for."""
    pieces: int
    """Into how many pieces the box was split."""
    method: str
    """How the bound was found."""
    reason: str
    """Why nothing is proved; empty where something is."""

    def summary(self) -> str:
        """One sentence."""
        said = f"not certified, because {self.reason}"
        if self.certified:
            said = f"output gap at most {_number(self.bound, up=True)} for every input in {self.box}"
        if self.sampled is None:
            return said
        return f"{said} (largest seen {_number(self.sampled)} at {_rows(self.points)})"

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready description; what is not proved is None."""
        return {
            "certified": self.certified,
            "bound": self.bound if self.certified else None,
            "bounds": self.bounds.tolist() if self.certified else None,
            "exact": self.exact.tolist() if self.certified else None,
            "rounding": self.rounding.tolist() if self.certified else None,
            "sampled": self.sampled,
            "points": self.points,
            "box": self.box.to_dict(),
            "pieces": self.pieces,
            "method": self.method,
            "reason": self.reason,
            "summary": self.summary(),
        }

    def __repr__(self) -> str:
        return f"<GapCertificate {self.summary()}>"


def concluded(
    exact: FloatArray,
    rounding: FloatArray,
    box: Box,
    method: str,
    *,
    sampled: float | None = None,
    points: int = 0,
    pieces: int = 1,
) -> GapCertificate:
    """The certificate for a bound on the `exact` gap and on what `rounding` adds ("k" each), if finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        bounds = (1.0 + 8 * UNIT) * (exact + rounding)
    if not np.isfinite(bounds).all():
        return refused("the bounds overflow float64", box, method, sampled, points)
    return GapCertificate(
        certified=True,
        bound=float(bounds.max(initial=0.0)),
        bounds=frozen(bounds),
        exact=frozen(exact),
        rounding=frozen(rounding),
        sampled=sampled,
        points=points,
        box=box,
        pieces=pieces,
        method=method,
        reason="",
    )


def refused(reason: str, box: Box, method: str, sampled: float | None, points: int) -> GapCertificate:
    """The certificate that says why nothing is proved."""
    nothing = frozen(np.zeros(0))
    return GapCertificate(
        certified=False,
        bound=math.inf,
        bounds=nothing,
        exact=nothing,
        rounding=nothing,
        sampled=sampled if sampled is not None and math.isfinite(sampled) else None,
        points=points,
        box=box,
        pieces=1,
        method=method,
        reason=reason,
    )


def _rows(points: int) -> str:
    return f"{points:,} random input{'s' * (points > 1)}"


def _number(value: float, *, up: bool = False) -> str:
    """Two digits; rounded up for what must not be exceeded."""
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.1e}".split("e")
    if up and float(f"{mantissa}e{exponent}") < value:
        mantissa = f"{float(mantissa) + 0.1:.1f}"
    return f"{mantissa}e{int(exponent)}"
