"""Information about the input by layer, and how a direction fares from layer to layer.

    q_n = v' F_n v,    gain from n to n + 1: (1/2) log (q_(n+1) / q_n),  or per unit with q_n / w_n

In a stochastic stack q_n can only fall (data processing); what may grow is information per unit, as at a
boundary between classes where many units come to agree on one answer. Beside the direction stands the mean
over all directions, tr F_n / d. Layer 1 is exact, the layers above are bounds by operators (single units if
not told otherwise), the classes are the direct route; the jackknife takes the bias of noise off all of them.

Choose v from other samples: a direction chosen on the same ones looks too good at the top.

Source: derivation of ours; that layers be compared is Kenway's (arXiv 1803.06111), in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, frozen
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.renormalisation.flow.moments import jackknife_error
from hingeline.renormalisation.information.projected import nested_root
from hingeline.renormalisation.information.spectrum import root_of
from hingeline.renormalisation.information.upward_moments import UpwardMoments
from hingeline.sensitivity.results import listed, numbers


@dataclass(frozen=True, eq=False)
class DepthProfile:
    """Information by layer; the last place is that of the classes.

    Attributes:
        layers: Names of the places, n of them.
        units: Units there; NaN for the classes of a softmax, shape "n".
        traces: tr F_n, in 1 / input^2, shape "n".
        trace_errors: Jackknife standard errors, shape "n".
        tops: Top eigenvalues of F_n, shape "n".
        top_errors: Jackknife standard errors, shape "n".
        along: v' F_n v, shape "n".
        along_errors: Jackknife standard errors, shape "n".
        along_replicates: The same with one block left out, shape "b n".
        trace_replicates: Traces with one block left out, shape "b n".
        direction: v, of length 1, shape "d".
        samples: Drawn.
    """

    layers: tuple[str, ...]
    units: FloatArray
    traces: FloatArray
    trace_errors: FloatArray
    tops: FloatArray
    top_errors: FloatArray
    along: FloatArray
    along_errors: FloatArray
    along_replicates: FloatArray
    trace_replicates: FloatArray
    direction: FloatArray
    samples: int

    @property
    def random(self) -> FloatArray:
        """V' F_n v in the mean over all directions, tr F_n / d, shape "n"."""
        return self.traces / len(self.direction)

    @property
    def per_unit(self) -> FloatArray:
        """V' F_n v / w_n, shape "n"; NaN for the classes of a softmax."""
        return self.along / self.units

    def log_gains(self, *, per_unit: bool = True, random: bool = False) -> tuple[FloatArray, FloatArray]:
        """Logarithms of the gains in length from place to place, and their jackknife replicates.

        Args:
            per_unit: Of information per unit; ends with the last place that has units.
            random: Along the mean over directions in place of v.

        Returns:
            Gains "k" and replicates "b k"; NaN where information is lost in noise.
        """
        values, replicates = self.along, self.along_replicates
        if random:
            values, replicates = self.traces, self.trace_replicates
        places = ~np.isnan(self.units) if per_unit else np.ones(len(self.units), dtype=np.bool_)
        scale = self.units[places] if per_unit else 1.0
        return _gains(values[places] / scale), _gains(replicates[:, places] / scale)

    def summary(self) -> dict[str, Any]:
        """What one reads first, JSON-ready."""
        return {
            "layers": list(self.layers),
            "traces": listed(self.traces),
            "top_eigenvalues": listed(self.tops),
            "along_direction": listed(self.along),
            "along_random_direction": listed(self.random),
            "per_unit": listed(self.per_unit),
            "samples": self.samples,
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary, errors and gains, JSON-ready."""
        errors = ("units", "trace_errors", "top_errors", "along_errors", "direction")
        gains = {
            "log_gains_per_unit": listed(self.log_gains()[0]),
            "log_gains": listed(self.log_gains(per_unit=False)[0]),
            "random_log_gains_per_unit": listed(self.log_gains(random=True)[0]),
        }
        return {**self.summary(), **{name: listed(getattr(self, name)) for name in errors}, **gains}

    def figure(self) -> Curves:
        """Information along the direction and along a random one, whole and per unit."""
        places = tuple(float(i + 1) for i in range(len(self.layers)))
        return Curves(
            "information-by-layer",
            "Information that each layer holds about the input, along one direction and in the mean over "
            "all; the last place is that of the classes. It only falls with depth; per unit it may grow.",
            Axis("layer", whole=True),
            Axis("information, per squared input unit", log=True),
            (
                Curve("along the direction", places, numbers(self.along)),
                Curve("along a random direction", places, numbers(self.random)),
                Curve("along the direction, per unit", places, numbers(self.per_unit)),
            ),
        )


def depth_profile(moments: UpwardMoments, direction: FloatArray) -> DepthProfile:
    """Information by layer and along a direction, from sums of one pass upward.

    Args:
        moments: Sums of one pass; its operators bound the layers.
        direction: v, any length but zero, shape "d"; chosen on other samples.

    Raises:
        InvalidInput: A direction of a wrong shape, zero, or not finite.
    """
    stack = moments.stack
    vector = np.asarray(direction, dtype=np.float64)
    if vector.shape != (stack.input_dim,) or not np.isfinite(vector).all() or not vector.any():
        raise InvalidInput(f"a direction of {stack.input_dim} numbers, not all zero, is wanted")
    vector = vector / np.linalg.norm(vector)
    inner = moments.first.basis @ vector
    whole = _measures(moments, moments.all_blocks, inner)
    left = np.array([_measures(moments, moments.without(b), inner) for b in range(moments.blocks)])
    # b v - (b - 1) mean v_(-k): without the square of noise; replicates are moved along with it
    shift = (moments.blocks - 1) * (whole - left.mean(axis=0))
    errors = jackknife_error(left)
    found, replicates = whole + shift, left + shift
    last = stack.last_hidden
    units = [*map(float, stack.widths[1 : last + 1])]
    units.append(float(stack.widths[-1]) if stack.head == "units" else float("nan"))
    return DepthProfile(
        (*(f"layer {n}" for n in range(1, last + 1)), "classes"),
        units=frozen(units),
        traces=frozen(found[:, 0]),
        trace_errors=frozen(errors[:, 0]),
        tops=frozen(found[:, 1]),
        top_errors=frozen(errors[:, 1]),
        along=frozen(found[:, 2]),
        along_errors=frozen(errors[:, 2]),
        along_replicates=frozen(replicates[..., 2]),
        trace_replicates=frozen(replicates[..., 0]),
        direction=frozen(vector),
        samples=moments.samples,
    )


def _measures(moments: UpwardMoments, chosen: BoolArray, inner: FloatArray) -> FloatArray:
    """Trace, top eigenvalue and value along the direction at every place, "n 3"."""
    means = moments.stack.means(1, moments.point)[0]
    first = moments.first.information(means)
    found = [(float(np.trace(first)), float(np.linalg.eigvalsh(first)[-1]), float(inner @ first @ inner))]
    layers = [moments.layer(n, chosen) for n in range(2, len(moments.operators) + 2)]
    roots = [nested_root(layer.own, layer.score, samples=layer.samples) for layer in layers]
    classes = moments.classes(chosen)
    for root in (*roots, root_of(classes.law, classes.score)):
        along = root @ inner
        found.append((float((root**2).sum()), float(np.linalg.norm(root, 2) ** 2), float(along @ along)))
    return np.array(found)


def _gains(values: FloatArray) -> FloatArray:
    known = np.where(values > 0, values, np.nan)
    return 0.5 * np.diff(np.log(known), axis=-1)
