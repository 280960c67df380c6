"""How a chosen direction grows from layer to layer, beside random directions at the same inputs.

    gain of layer n = |J_n v| / |J_{n-1} v|,    cumulative gain = |J_n v| / |v|,    outputs are the last layer

In raw units the gain of a hidden ReLU layer is a matter of convention, that from input to outputs is not; in
whitened units (`whitening.py`), which are the default, neither is. A direction chosen by its effect on the
outputs grows more than a random one by choice: the comparison tells by how much, not that depth is at fault.

Source: amplification along the most sensitive direction, Kenway 2018 (arXiv 1803.06111), by its words; the
comparison, the units and the verdict are ours.
Cost: one push of 1 + r directions to each layer and one Jacobian of the outputs for each input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.renormalisation.feed_forward.direction_gains import DirectionGains, middle_and_band
from hingeline.renormalisation.feed_forward.layer_chain import layer_values, step_names
from hingeline.renormalisation.feed_forward.whitening import RIDGE, Whitening, whitenings
from hingeline.renormalisation.flow.scaling import DepthScaling
from hingeline.sensitivity.models.model import LayeredModel
from hingeline.sensitivity.results import listed

RANDOM_DIRECTIONS = 20
_CHUNK_NUMBERS = 2**21  # of one intermediate array, 16 MiB


@dataclass(frozen=True, eq=False)
class LayerGains:
    """Gains along a chosen direction from the input through all layers to the outputs.

    Attributes:
        names: Hidden layers and the outputs, l of them.
        whitened: Gains in units of each layer's variation over the data, what to read first; None where there
            is nothing to whiten by.
        raw: Gains in the network's own units, which rescaled layers change.
        ridge: Share of the variance that was added before whitening.
        data_rows: Inputs the variation was taken over.
        constant_units: Units that did not vary there: of the input, each hidden layer, the outputs.
        not_whitened: Why there are no whitened gains; empty if there are.
    """

    names: tuple[str, ...]
    whitened: DirectionGains | None
    raw: DirectionGains
    ridge: float
    data_rows: int
    constant_units: tuple[int, ...]
    not_whitened: str

    @property
    def scaling(self) -> DepthScaling:
        """Verdict on the chosen direction, in whitened units where there are any."""
        return self._kinds[0].scaling

    @property
    def _kinds(self) -> tuple[DirectionGains, ...]:
        return (self.raw,) if self.whitened is None else (self.whitened, self.raw)

    def summary(self) -> dict[str, Any]:
        """Both kinds of units, and what the whitened ones rest on, JSON-ready."""
        return {
            "names": list(self.names),
            "inputs": self.raw.chosen.shape[1],
            "random_directions": self.raw.random.shape[2],
            "whitened": None if self.whitened is None else self.whitened.summary(),
            "raw": self.raw.summary(),
            "ridge": self.ridge,
            "data_rows": self.data_rows,
            "constant_units": list(self.constant_units),
            "not_whitened": self.not_whitened,
            "note": "raw gains of hidden layers depend on how layers are scaled; whitened ones on the data",
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary and log-gains, JSON-ready; None where nothing comes through."""
        arrays = {
            f"{kind.units}_{name}": listed(getattr(kind, name))
            for kind in self._kinds
            for name in ("chosen", "random")
        }
        return {"summary": self.summary(), **arrays}

    def figures(self) -> tuple[Curves, ...]:
        """Cumulative gains against the layer, whitened where there is something to whiten by, and raw."""
        return tuple(self._figure(kind) for kind in self._kinds)

    def _figure(self, kind: DirectionGains) -> Curves:
        across = tuple(float(n) for n in range(len(self.names) + 1))
        curves: list[Curve] = []
        for label, rows in (("chosen", kind.cumulative), ("random", kind.random_cumulative)):
            ends = np.exp([[0.0, 0.0, 0.0], *(middle_and_band(row) for row in rows)])
            for place, word in enumerate(("median", "5 %", "95 %")):
                curves.append(Curve(f"{label}, {word}", across, tuple(map(float, ends[:, place]))))
        return Curves(
            f"network-gains-{kind.units}",
            f"Growth of a small step from the input to each layer in {kind.units} units, along the chosen "
            "direction and along random ones: medians and 90 % bands.",
            Axis("layer (0: input; the last: outputs)", whole=True),
            Axis("gain from the input", log=True),
            tuple(curves),
        )


def layer_gains(
    model: LayeredModel,
    points: FloatArray,
    directions: FloatArray,
    *,
    rng: np.random.Generator,
    data: FloatArray | None = None,
    ridge: float = RIDGE,
    random_directions: int = RANDOM_DIRECTIONS,
) -> LayerGains:
    """Gains of one direction at each input, layer by layer.

    Args:
        model: A model whose hidden layers are seen.
        points: Inputs, shape "n d"; of one alone there are gains but no errors.
        directions: One for each input, of any length but zero, shape "n d".
        rng: Draws random directions, uniform on the sphere.
        data: Inputs over which layers vary, shape "m d"; `points` if None.
        ridge: Share of the variance added before whitening.
        random_directions: How many at each input.

    Raises:
        InvalidInput: No inputs or random directions, a direction of length zero, or a ridge not above 0.
    """
    rows, chosen = as_points(points, model.input_dim), as_points(directions, model.input_dim)
    lengths = np.linalg.norm(chosen, axis=1, keepdims=True)
    if chosen.shape != rows.shape or not len(rows) or not lengths.all() or random_directions < 1:
        raise InvalidInput(
            f"want inputs, a direction that is not zero at each, and random ones beside it; got "
            f"{len(rows)}, {int((lengths > 0).sum())} and {random_directions}"
        )
    drawn = rng.standard_normal((len(rows), random_directions, model.input_dim))
    every = np.concatenate([(chosen / lengths)[:, np.newaxis], drawn], axis=1)
    every[:, 1:] /= np.linalg.norm(drawn, axis=2, keepdims=True)
    measured = rows if data is None else as_points(data, model.input_dim)
    if not ridge > 0:
        raise InvalidInput(f"a ridge is above 0; got {ridge}")
    whites, reason = tuple[Whitening, ...](), ""
    try:
        whites = whitenings(model, measured, ridge=ridge)
    except InvalidInput as error:
        reason = str(error)
    raw, white = _log_sizes(model, rows, every, whites)
    return LayerGains(
        names=step_names(model),
        whitened=DirectionGains.of("whitened", white[..., 0], white[..., 1:]) if whites else None,
        raw=DirectionGains.of("raw", raw[..., 0], raw[..., 1:]),
        ridge=ridge,
        data_rows=len(measured),
        constant_units=tuple(white.constant for white in whites),
        not_whitened=reason,
    )


def _log_sizes(
    model: LayeredModel, points: FloatArray, directions: FloatArray, whites: tuple[Whitening, ...]
) -> tuple[FloatArray, FloatArray]:
    """Logarithms of |J_n u| for "n p d" directions, raw and whitened (NaN without): "l+1 n p" both."""
    places = len(model.layer_names) + 2
    raw, whitened = np.empty((2, places, *directions.shape[:2]))
    widest = max(values.shape[1] for values in layer_values(model, points[:1]))
    count = max(1, _CHUNK_NUMBERS // (widest * directions.shape[1]))
    for first in range(0, len(points), count):
        part = slice(first, first + count)
        for place in range(places):
            moved = _displaced(model, points[part], directions[part], place)
            raw[place, part] = np.linalg.norm(moved, axis=2)
            whitened[place, part] = whites[place].sizes(moved) if whites else np.nan
    with np.errstate(divide="ignore"):
        return np.log(raw), np.log(whitened)


def _displaced(model: LayeredModel, points: FloatArray, directions: FloatArray, place: int) -> FloatArray:
    """J_n u: layer 0 is the input, the one after the hidden layers the outputs."""
    if place == 0:
        return directions
    if place <= len(model.layer_names):
        return model.push_forward(points, place - 1, directions)
    return directions @ np.swapaxes(model.jacobians(points), 1, 2)
