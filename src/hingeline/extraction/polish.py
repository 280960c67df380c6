"""Polish all parameters of a network at once, on recorded answers: from 1e-5 to the noise in a few steps.

Idea: with every sample's activation pattern frozen, the answers are polynomials of the parameters; one
Gauss-Newton step squares the error. Samples that a step would carry across a hyperplane are left out of it.
The scale of a hidden row is a null direction and is never moved. The fit can lie: along directions that the
samples do not fix, the recorded residual may fall while the network gets worse. So a part of the samples is
never fitted, and the polished network is kept only if it answers those better.

Sources: Levenberg 1944, Marquardt 1963; the safeguards are ours, see docs/design/polishing-can-lie.md.
Cost: no queries. Up to `dense_unknowns` parameters: n P^2 + P^3 / 3 flops once, then some passes over the
samples; beyond: 50 to 300 passes in single precision per iteration.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hingeline.core.arrays import BoolArray, FloatArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink, ignore
from hingeline.extraction.gauss_newton import HOPELESS, PolishSettings, Recorded, descend
from hingeline.extraction.parameter_chart import ParameterChart
from hingeline.extraction.parameter_errors import UNKNOWN, uncertainty
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

# Held-out answers are not called worse while the worst of them is within this many deviations.
WORST_AT_NOISE = 12.0
# A neuron that the samples do not pin may turn the worst answer either way; the others must not suffer.
WORST_GROWTH = 3.0


@dataclass(frozen=True)
class PolishResult:
    """The network to go on with, and whether it is the polished one."""

    network: PiecewiseLinearNetwork
    """Polished, hidden rows at unit norm; the original, untouched, where polishing did not help."""
    improved: bool
    """True if the held-out answers are met better than before."""
    reason: str
    """One sentence for people."""
    iterations: int
    residual_before: float
    """Root mean square over the fitted samples, in units of the noise."""
    residual_after: float
    """The same at the end of the fit, kept or not, over the samples that were not left out."""
    held_out_before: float
    """The same over the samples that were never fitted."""
    held_out_after: float
    held_out: int
    """Number of those samples."""
    dropped: int
    """Fitted samples that the last iteration left out, being too near a hyperplane to be sure of a side."""
    last_change: float
    """Largest change of a parameter in the last iteration; an upper guess of what is left."""
    expected_error: float | None
    """Largest parameter error that the noise leads to, undetermined rows left out; None if not estimated."""
    row_errors: tuple[FloatArray, ...] | None
    """The same for each row of each layer, the output layer too, "width"; inf for undetermined rows."""
    undetermined: tuple[tuple[int, int], ...]
    """Layer (from 1, the output layer too) and neuron that the samples do not pin: ask where these are on."""
    idle: int
    """Parameters that no fitted sample excites; they stay as they were."""
    unknowns: int
    engine: str
    """dense or kronecker."""
    backend: str
    """numpy or torch."""
    seconds: float


def polish(
    network: PiecewiseLinearNetwork,
    points: npt.ArrayLike,
    answers: npt.ArrayLike,
    noise_std: npt.ArrayLike,
    *,
    hold_out: float | BoolArray = 0.05,
    first_layer_basis: FloatArray | None = None,
    settings: PolishSettings | None = None,
    rng: np.random.Generator | None = None,
    on_event: EventSink = ignore,
) -> PolishResult:
    """Fit all parameters to recorded answers, starting from a network that is nearly right.

    Args:
        network: The start; right structure and signs, parameters right to about three digits.
        points: Where it was asked, "n d".
        answers: What it answered, "n k".
        noise_std: Standard deviation of the answers, one number, "n" or "n k".
        hold_out: Share of the samples that is never fitted, or a mask of them, "n".
        first_layer_basis: Orthonormal columns, "d r": first-layer rows move only within their span.
        settings: How far to go.
        rng: Draws the held-out share; a fixed one if None.
        on_event: Hears of every `PolishStep`.

    Raises:
        InvalidInput: Shapes that do not fit, noise that is not positive, nothing to fit or to hold out.
    """
    began = time.perf_counter()
    settings = settings or PolishSettings()
    rng = rng or np.random.default_rng(0)
    start = network.canonical()
    data = _checked(network, points, answers, noise_std)
    chart = ParameterChart.of(start, first_layer_basis)
    held = _held_out_mask(hold_out, len(data.points), rng)
    fitted, fresh = data.select(~held), data.select(held)
    fit = descend(chart, fitted, settings, on_event)
    polished = chart.network(fit.layers).canonical()
    before, after = fresh.misfit(network), fresh.misfit(polished)
    improved, reason = _judged(before, after, fit.note)
    # far from the answers it was fitted to, what noise leaves uncertain is not what is wrong
    told = improved and fit.last < HOPELESS
    unsure = uncertainty(chart, fitted, fit, settings, rng) if told else UNKNOWN
    return PolishResult(
        network=polished if improved else network,
        improved=improved,
        reason=reason,
        iterations=fit.iterations,
        residual_before=fit.first,
        residual_after=fit.last,
        held_out_before=before[0],
        held_out_after=after[0],
        held_out=int(held.sum()),
        dropped=fit.dropped,
        last_change=fit.change,
        expected_error=unsure.expected_error,
        row_errors=unsure.row_errors,
        undetermined=unsure.undetermined,
        idle=int(fit.inverse.idle.sum()),
        unknowns=len(fit.inverse.scales),
        engine=fit.engine,
        backend=fit.backend,
        seconds=time.perf_counter() - began,
    )


def _judged(before: tuple[float, float], after: tuple[float, float], note: str) -> tuple[bool, str]:
    if not after[0] < before[0]:
        return False, (
            f"Not kept: held-out answers were missed by {before[0]:.3g} deviations before and "
            f"{after[0]:.3g} after ({note})."
        )
    if after[1] > max(WORST_GROWTH * before[1], WORST_AT_NOISE):
        return False, (
            f"Not kept: the worst held-out answer was missed by {before[1]:.3g} deviations before and "
            f"{after[1]:.3g} after ({note})."
        )
    return True, f"Held-out answers: {before[0]:.3g} deviations before, {after[0]:.3g} after ({note})."


def _checked(
    network: PiecewiseLinearNetwork, points: npt.ArrayLike, answers: npt.ArrayLike, noise_std: npt.ArrayLike
) -> Recorded:
    x = as_points(points, network.input_dim)
    y = np.asarray(answers, dtype=np.float64)
    if y.shape != (len(x), network.output_dim) or not np.isfinite(y).all():
        raise InvalidInput(
            f"answers must be finite, of shape {(len(x), network.output_dim)}; got shape {y.shape}"
        )
    noise = np.asarray(noise_std, dtype=np.float64)
    noise = noise[:, np.newaxis] if noise.ndim == 1 else np.atleast_2d(noise)
    if noise.shape not in {(1, 1), (len(x), 1), y.shape} or not ((noise > 0) & np.isfinite(noise)).all():
        raise InvalidInput(
            f"noise_std must be positive: one number, one per row or one per answer; got shape {noise.shape}"
        )
    return Recorded(x, y, np.broadcast_to(1.0 / noise, (len(x), noise.shape[1])))


def _held_out_mask(hold_out: float | BoolArray, count: int, rng: np.random.Generator) -> BoolArray:
    if isinstance(hold_out, float | int):
        mask = np.zeros(count, dtype=np.bool_)
        mask[rng.permutation(count)[: max(1, round(hold_out * count))]] = True
    else:
        mask = np.asarray(hold_out, dtype=np.bool_)
    if mask.shape != (count,) or not mask.any() or mask.all():
        raise InvalidInput(
            f"{int(mask.sum())} of {count} samples would be held out; need some of both, "
            "as a share between 0 and 1 or one truth value per sample"
        )
    return mask
