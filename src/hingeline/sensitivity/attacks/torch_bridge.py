"""Any model as a torch module, so that attacks written for torch run against it and are counted.

What is shown is the unit cube: shown = (x - low) / (high - low), which is what such attacks expect of images.
A box gives low and high; without one, wide bounds are set around the data and told in the note. One output
is shown as two logits, (0, f - threshold), whose order is the decision. Answers and gradients come from the
model in float64. torch is not imported before an attack runs, and its global generator is left as it was.
"""

from __future__ import annotations

import importlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.numerics.statistics import median
from hingeline.oracles.outward.seeding import seeded
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.attacks.smallest_radius import radius_bracket

_WIDER = 2.0
"""Assumed bounds lie this many times as far from the data as rays are followed, in the median."""


@dataclass(frozen=True)
class Frame:
    """Where the unit cube lies in input space.

    Attributes:
        low: Input value shown as 0.
        span: Input units from 0 to 1.
        typical: Size at which flips are expected, as shown: the median linear distance if gradients may be
            asked for.
        note: The bounds, if they were assumed.
    """

    low: float
    span: float
    typical: float
    note: str = ""

    def shown(self, points: FloatArray) -> FloatArray:
        """Inputs as the library sees them."""
        return np.clip((points - self.low) / self.span, 0.0, 1.0)

    def meant(self, shown: FloatArray) -> FloatArray:
        """Inputs behind what the library shows; what is not a number becomes the middle."""
        return self.low + self.span * np.nan_to_num(shown, nan=0.5, posinf=1.0, neginf=0.0)


def frame_of(scene: Scene, *, gradients: bool) -> Frame:
    """The unit cube for a scene; asks as much as linear flips do, or nothing without gradients."""
    first, largest = radius_bracket(scene, gradients=gradients)
    typical = median(first) if len(first) else 1.0
    if scene.threat.box is not None:
        low, high = scene.threat.box
        return Frame(low, high - low, typical / (high - low))
    reach = _WIDER * median(largest) if len(largest) else 1.0
    low, high = float(scene.points.min(initial=0.0) - reach), float(scene.points.max(initial=0.0) + reach)
    note = f"no box: bounds {low:.4g} to {high:.4g} assumed, the data and {reach:.4g} beyond"
    return Frame(low, high - low, typical / (high - low), note)


def as_module(scene: Scene, frame: Frame) -> Any:
    """A `torch.nn.Module` in eval mode that asks the scene's model; inputs of any shape after the first axis.

    Coordinates that may not change have gradient zero.
    """
    torch: Any = importlib.import_module("torch")
    scalar = scene.decision.outputs == 1

    class Asked(torch.autograd.Function):
        """One question, differentiated by asking for a gradient."""

        @staticmethod
        def forward(ctx: Any, shown: Any) -> Any:
            points = frame.meant(_rows(shown))
            ctx.points = scene.threat.inside(points)
            answers = scene.model.outputs(ctx.points)
            if scalar:
                lead = answers - scene.decision.threshold
                answers = np.concatenate([np.zeros_like(lead), lead], axis=1)
            return torch.as_tensor(answers, dtype=shown.dtype)

        @staticmethod
        def backward(ctx: Any, weights: Any) -> Any:
            combination = _rows(weights)
            wanted = combination[:, 1:] if scalar else combination
            found = frame.span * scene.threat.masked(scene.model.gradients(ctx.points, wanted))
            return torch.as_tensor(found, dtype=weights.dtype)

    class Door(torch.nn.Module):
        """What the library is given."""

        def forward(self, shown: Any) -> Any:
            return Asked.apply(shown.reshape(len(shown), -1))

    return Door().eval()


def as_tensors(scene: Scene, frame: Frame, *, double: bool, shape: tuple[int, ...] | None = None) -> Any:
    """Starts and labels as tensors; starts in float64 if `double`, else in float32."""
    torch: Any = importlib.import_module("torch")
    dtype = torch.float64 if double else torch.float32
    shown = torch.as_tensor(frame.shown(scene.points), dtype=dtype)
    return shown.reshape(len(shown), *(shape or shown.shape[1:])), torch.as_tensor(scene.classes)


def as_points(scene: Scene, frame: Frame, shown: Any) -> FloatArray:
    """Inputs behind a tensor, moved into the box, fixed coordinates put back: "n d".

    A row that is not finite stays so, and is not taken for a flip later on.
    """
    rows = _rows(shown)
    finite = np.isfinite(rows).all(axis=1, keepdims=True)
    return np.where(finite, scene.allowed(frame.meant(rows)), np.nan)


@contextmanager
def own_randomness(rng: np.random.Generator) -> Generator[None]:
    """Within it global generators run from a seed of ours; they are as before afterwards."""
    with seeded(int(rng.integers(2**31))):
        yield


def _rows(tensor: Any) -> FloatArray:
    array = tensor.detach().cpu().numpy().astype(np.float64)
    return array.reshape(len(array), -1)
