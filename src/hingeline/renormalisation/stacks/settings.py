"""What can be chosen when a stack is trained."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from typing import Any

from hingeline.core.errors import InvalidInput


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how fast; the defaults come from the training part of the 8x8 digits."""

    epochs: int = 100
    """Times each machine sees all rows."""
    batch: int = 10
    """Rows that one step of learning looks at."""
    chains: int = 50
    """Persistent chains that stand for what a machine believes."""
    gibbs_steps: int = 1
    """Sweeps of the chains between two steps of learning."""
    rate: float = 0.2
    """Step length of learning at the start; it falls linearly and would be 0 one epoch past the end."""
    weight_decay: float = 1e-4
    """Pull of a machine's weights to zero, per unit of step length."""
    penalty: float = 1e-3
    """Half of this times the squared head weights is added to its mean loss in nats."""
    head_draws: int = 5
    """Times each row is sampled upward for the head, which learns on states and not on means."""
    samples: int = 300
    """Drawn for each row when the accuracy is measured."""
    scored_rows: int = 500
    """Most rows by which the progress of a machine is measured."""

    def __post_init__(self) -> None:
        counts = ("epochs", "batch", "chains", "gibbs_steps", "head_draws", "samples", "scored_rows")
        for name in counts:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
                raise InvalidInput(f"{name} wants a whole number of at least 1; got {value!r}")
        for name in ("rate", "weight_decay", "penalty"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
                raise InvalidInput(f"{name} wants a finite number; got {value!r}")
        if not self.rate > 0 or self.weight_decay < 0 or not self.penalty > 0:
            raise InvalidInput(
                f"rate and penalty want to be above 0 and weight_decay not below; got {self.rate}, "
                f"{self.penalty}, {self.weight_decay}. Without penalty a head of separable classes never ends"
            )
        if self.rate * self.weight_decay >= 1:
            raise InvalidInput(
                f"rate times weight_decay is what one step takes of every weight, and wants to be below 1; "
                f"got {self.rate} times {self.weight_decay}"
            )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)
