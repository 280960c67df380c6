"""What can be chosen about an extraction."""

from __future__ import annotations

from dataclasses import dataclass

from hingeline.core.errors import InvalidInput
from hingeline.numerics.backend import NAMES


@dataclass(frozen=True)
class ExtractSettings:
    """Frozen settings of one extraction; the defaults are right for most."""

    polish: bool = True
    """Measure again for the last digits; without it about half the queries and fewer digits."""
    goal: float = 4e-13
    """Standard deviation of unit-norm rows and offsets that the polish should reach."""
    line_reach: float = 1e5
    """Lines reach so many times the typical input norm; bends lie farther with probability 1e-5."""
    check_points: int = 12
    """Fresh points compared at the end."""
    most_lines: int = 12
    """Lines swept for one layer before it is called incomplete."""
    backend: str = "auto"
    """Where the products of the polish are taken: "numpy", "torch", or "auto": torch only if it is installed,
    sees a GPU and the network is large. Results agree to rounding."""
    answers_per_bias: float = 16.0
    """Asked for each bias where answers have an absolute error; four times as many halve its error."""
    image: tuple[int, int, int] | None = None
    """Channels, rows and columns of an input, if it is an image; then a first layer that is a convolution is
    looked for. None does not look, and asks nothing for it."""

    def __post_init__(self) -> None:
        if self.backend not in NAMES:
            raise InvalidInput(f"backend must be one of {', '.join(NAMES)}; got {self.backend!r}")
