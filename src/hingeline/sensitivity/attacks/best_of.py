"""The smallest confirmed flip of every input over several attacks, and what each attack was worth.

The gradient ray always takes part, so that no result is worse than one straight line. Every attack draws from
its own stream, named after it: a larger set of attacks repeats what the smaller did and can only find more.

Source: per-example best over attacks as in Croce and Hein 2020 and Carlini et al. 2019.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import InvalidInput, UnsupportedOracle
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.numerics.statistics import median
from hingeline.sensitivity.attacks.base import Attack, Attacked, Scene
from hingeline.sensitivity.attacks.counting import CountingModel
from hingeline.sensitivity.attacks.ray import GradientRay
from hingeline.sensitivity.linear import linear_flips
from hingeline.sensitivity.threat import Norm

BROKEN_OFF = "broken off"
"""The note of an attack that did not end."""
BY_NOBODY = -1
"""In `BestFlips.found_by` where no attack found a flip."""


@dataclass(frozen=True, eq=False)
class BestFlips:
    """The smallest flip of every input.

    Attributes:
        points: Input of another class, or the start where none was found, shape "n d".
        sizes: Size of the change in the threat's norm, shape "n"; infinite where no attack found any.
        found_by: Place in `attacked` of the attack that found it, shape "n"; -1 where none did.
        attacked: What each attack found, in the order they ran; the gradient ray is among them.
        linear: Linear distances, shape "n"; infinite where the gradient is zero.
        norm: The norm sizes are in.
    """

    points: FloatArray
    sizes: FloatArray
    found_by: IntArray
    attacked: tuple[Attacked, ...]
    linear: FloatArray
    norm: Norm

    @property
    def names(self) -> tuple[str, ...]:
        """Of the attacks, in order."""
        return tuple(one.name for one in self.attacked)

    def flipped_share(self, radii: FloatArray) -> FloatArray:
        """Share of the inputs that flip at each size or below, "r" to "r"; never falls with the size."""
        return share_within(self.sizes, radii)

    def standing_share(self, radii: FloatArray) -> FloatArray:
        """Share whose class stands against all of the attacks up to each size; never rises with it."""
        return 1.0 - self.flipped_share(radii)

    def table(self) -> list[dict[str, Any]]:
        """One row for each attack, JSON-ready.

        `median_ratio` is of size over linear distance over all inputs, infinities counted as largest; None
        if it is infinite. `best` counts inputs for which it found the smallest flip.
        """
        wins = Counter(self.found_by.tolist())
        return [
            {
                "name": one.name,
                "flipped_share": float(one.flipped.mean()) if len(one.sizes) else 0.0,
                "median_ratio": _finite(median(_ratios(one.sizes, self.linear))),
                "best": wins[place],
                "rows_asked": one.rows_asked,
                "gradients_asked": one.gradients_asked,
                "note": one.note,
            }
            for place, one in enumerate(self.attacked)
        ]

    def summary(self) -> dict[str, Any]:
        """The figures, JSON-ready; a median is None if infinite."""
        return {
            "norm": self.norm,
            "inputs": len(self.sizes),
            "flipped": int(np.isfinite(self.sizes).sum()),
            "median_size": _finite(median(self.sizes)),
            "median_ratio": _finite(median(_ratios(self.sizes, self.linear))),
            "rows_asked": sum(one.rows_asked for one in self.attacked),
            "gradients_asked": sum(one.gradients_asked for one in self.attacked),
            "attacks": self.table(),
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        return {
            **self.summary(),
            "sizes": [_finite(s) for s in self.sizes],
            "linear": [_finite(s) for s in self.linear],
            "found_by": self.found_by.tolist(),
            "points": self.points.tolist(),
        }

    def figure(self) -> Curves:
        """Share of inputs whose class stands, over the size of the change, for each attack and the best."""
        ends = np.unique(self.sizes[np.isfinite(self.sizes)])
        radii = np.concatenate([[0.0], ends])
        lines = [*((one.name, one.sizes) for one in self.attacked), ("best of all", self.sizes)]
        curves = tuple(
            Curve(name, tuple(radii.tolist()), tuple((1.0 - share_within(sizes, radii)).tolist()))
            for name, sizes in lines
        )
        return Curves(
            name="standing-share",
            caption="Share of the inputs whose class stands, over the size of the change, for each attack; "
            "the lowest line takes the best attack for every input.",
            across=Axis(f"size of the change, {self.norm}", from_zero=True),
            up=Axis("share of inputs of unchanged class", from_zero=True),
            curves=curves,
        )


def best_of(
    scene: Scene,
    attacks: Sequence[Attack],
    rng: np.random.Generator,
    *,
    gradients: bool = True,
    around: Callable[[str], AbstractContextManager[Any, bool | None]] = nullcontext,
) -> BestFlips:
    """Run every attack on every input and keep the smallest confirmed flip of each.

    An attack that asks for what the model does not serve is kept with no flip and the reason as its note.

    Args:
        scene: What is attacked.
        attacks: What to run; the gradient ray is put first if it is not among them.
        rng: One number is drawn from it; each attack's own stream is made of that and the attack's name.
        gradients: Whether there are any to be had; without, neither ray nor linear distances.
        around: A context for each attack, by its name; one that swallows an error leaves that attack without
            a flip.

    Cost: the sum of the attacks' and one linear flip; ties go to the attack that ran first.
    """
    ran = tuple(attacks)
    if gradients and not any(isinstance(attack, GradientRay) for attack in ran):
        ran = (GradientRay(), *ran)
    root, seen, found = int(rng.integers(2**63)), Counter[str](), list[Attacked]()
    for attack in ran:
        key = [root, zlib.crc32(attack.name.encode()), seen[attack.name]]
        seen[attack.name] += 1
        found.append(_run(attack, scene, np.random.default_rng(key), around(attack.name)))
    sizes = np.stack([one.sizes for one in found])
    place = sizes.argmin(axis=0)
    every = np.arange(len(place))
    best = sizes[place, every]
    return BestFlips(
        points=np.stack([one.points for one in found])[place, every],
        sizes=best,
        found_by=np.where(np.isfinite(best), place, BY_NOBODY),
        attacked=tuple(found),
        linear=_linear(scene) if gradients else np.full(len(place), np.inf),
        norm=scene.threat.norm,
    )


def share_within(sizes: FloatArray, radii: FloatArray) -> FloatArray:
    """Share of `sizes` that do not exceed each radius: "n" and "r" to "r".

    Raises:
        InvalidInput: There are no sizes.
    """
    if not len(sizes):
        raise InvalidInput("a share wants at least one input")
    return (sizes <= np.asarray(radii)[:, np.newaxis]).mean(axis=1)


def _run(
    attack: Attack,
    scene: Scene,
    rng: np.random.Generator,
    context: AbstractContextManager[Any, bool | None],
) -> Attacked:
    """Run one attack; what the model does not serve becomes a note."""
    counter, note = CountingModel(scene.model), BROKEN_OFF
    with context:
        try:
            return attack.run(replace(scene, model=counter), rng)
        except UnsupportedOracle as error:
            note = f"needs {attack.needs}: {error}"
    return Attacked(
        name=attack.name,
        points=scene.points,
        sizes=np.full(len(scene.points), np.inf),
        norm=scene.threat.norm,
        rows_asked=counter.rows,
        gradients_asked=counter.gradient_rows,
        note=note,
    )


def _linear(scene: Scene) -> FloatArray:
    try:
        return linear_flips(scene.model, scene.decision, scene.points, scene.threat).distances
    except UnsupportedOracle:
        return np.full(len(scene.points), np.inf)


def _ratios(sizes: FloatArray, linear: FloatArray) -> FloatArray:
    """Size over linear distance; infinite where either is infinite or the distance is zero."""
    usable = np.isfinite(sizes) & np.isfinite(linear) & (linear > 0)
    return np.divide(sizes, linear, out=np.full(len(sizes), np.inf), where=usable)


def _finite(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
