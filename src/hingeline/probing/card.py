"""What the doctor writes down: a frozen card, its headline, its JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from hingeline.numerics.tolerances import NoiseFloor
from hingeline.probing.heads import Head
from hingeline.probing.resolution import Resolution

AnswerKind = Literal["logits", "probabilities", "log-probabilities", "labels", "unknown"]
Kind = Literal["piecewise linear", "smooth", "staircase", "constant", "stochastic", "undecided"]
Possible = Literal["yes", "limited", "no"]


# Rows whose answers change with their batch by this share of the variation cannot be compared.
_BATCH_LIMIT = 1e-3


@dataclass(frozen=True)
class Verdict:
    """What one attack can hope for at this door."""

    attack: str
    """weights, input subspace or decision boundary."""
    possible: Possible
    """Whether it can succeed."""
    why: str
    """One sentence for people."""
    digits: int | None = None
    """Decimal digits expected of the result, a rough estimate; None where that means nothing."""


@dataclass(frozen=True)
class DoctorCard:
    """What a door reveals, measured by asking."""

    target: str
    """Name of the oracle."""
    input_dim: int
    """Numbers in one query row."""
    output_dim: int
    """Numbers in one answer row."""
    answers: AnswerKind
    """What the answers are; "unknown" if they do not vary."""
    kind: Kind
    """What the values do as the input moves, seen through the rounding and the noise of the door."""
    straight: bool | None
    """True if the values are piecewise linear beneath rounding and noise, False if smooth, None: unclear."""
    head: Head
    """How raw answers become values."""
    resolution: Resolution
    """Float type received and rounding."""
    noise: NoiseFloor
    """Standard deviation of one value (after the head is undone) as a function of |x|."""
    variation: float
    """How much the values vary within the scale, in their own units."""
    deterministic: bool | None
    """True if the same row gives the same bits again; None if not tested."""
    spread: float
    """Standard deviation of the values of one row asked again; 0 if deterministic."""
    batch_change: float | None
    """Largest change of a value when only the batch around its row changes; None if not tested."""
    scale: float
    """Norm at which the network is interesting, input units."""
    radius: float
    """Largest |x| at which values are usable; inf if free."""
    bounds: tuple[float, float] | None
    """Declared smallest and largest input coordinate."""
    inputs_rounded: bool
    """True if small changes of the input change nothing: the door rounds its inputs."""
    flat_beyond: tuple[float, float] | None
    """Answers stand still when all coordinates leave this interval (outer estimates); None if they do not."""
    far_failure: str
    """What the door said far away from the origin, if it refused to answer there."""
    constant_outputs: tuple[int, ...]
    """Outputs that never changed while others did."""
    classes: tuple[int, ...]
    """Labels seen; empty unless the answers are labels."""
    complete: bool
    """False if the budget ended before the examination did."""
    queries: int
    """Rows the doctor asked."""
    verdicts: tuple[Verdict, ...] = ()
    """What the attacks can hope for; empty if the examination is not complete."""
    notes: tuple[str, ...] = ()
    """Sentences for people: what was seen, why it matters, what to type."""

    @property
    def precision(self) -> str:
        """Float type received: float64, float32, float16, bfloat16 or unknown."""
        return self.resolution.precision

    @property
    def rounding(self) -> float | None:
        """Step of which all answers are multiples; None if they are not rounded."""
        return self.resolution.step

    @property
    def noise_at_scale(self) -> float:
        """Standard deviation of one value at a typical input (or at the radius, if that is smaller)."""
        return self.noise.absolute + self.noise.per_norm * min(self.scale, self.radius)

    @property
    def headline(self) -> str:
        """The card in one line, such as "logits, float64, deterministic, noise 4e-16, not rounded"."""
        if self.kind == "constant":
            return f"constant: all {self.queries} probe answers are identical"
        parts = [self.answers, self.precision_words, self.repeat_words]
        if self.answers != "labels":
            parts += [f"noise {_short(self.noise_at_scale)}", self.rounding_words, self.kind]
        return ", ".join(part for part in parts if part)

    @property
    def precision_words(self) -> str:
        """Float type received, in words; empty for labels."""
        if self.answers == "labels":
            return ""
        if self.precision == "unknown":
            return "precision hidden by rounding" if self.rounding else "precision unknown"
        return self.precision

    @property
    def repeat_words(self) -> str:
        """Whether answers repeat, in words."""
        if self.deterministic is None:
            return "repetition not tested"
        if self.kind == "stochastic":
            return f"random (deviation {_short(self.spread)})"
        if self.depends_on_batch:
            return f"depends on the batch (by {_short(self.batch_change or 0.0)})"
        return "deterministic" if self.deterministic else "repeats up to rounding"

    @property
    def depends_on_batch(self) -> bool:
        """Whether an answer changes visibly with the other rows of its batch."""
        return self.batch_change is not None and self.batch_change > _BATCH_LIMIT * self.variation

    @property
    def rounding_words(self) -> str:
        """Rounding grid, in words."""
        if self.rounding is not None:
            return f"rounded to multiples of {self.resolution.describe_step()}"
        if self.resolution.digits is not None:
            return f"{self.resolution.digits} significant digits"
        return "not rounded"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; a free radius is null."""
        card = asdict(self)
        card["radius"] = self.radius if math.isfinite(self.radius) else None
        card |= {"precision": self.precision, "rounding": self.rounding, "headline": self.headline}
        card["noise_at_scale"] = self.noise_at_scale
        return card

    def __str__(self) -> str:
        return self.headline


def _short(value: float) -> str:
    """One digit: 0.004, 4e-16."""
    return f"{value:.1g}".replace("e-0", "e-")
