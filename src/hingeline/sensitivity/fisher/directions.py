"""Fisher information of the class probabilities at each input: along what a small step tells most.

KL(p(x) | p(x + u)) is u'Fu/2 for small u, so the top eigenvector of F is the small step that moves the
probabilities most. With two classes it is exactly the gradient of the log-odds; with ten it is nearly that of
the nearest lead: one honest first-order direction, not a stronger one. F is local. It sees neither the sign
of the step nor what a finite step does, and where the answer is saturated it is tiny though the boundary may
be close. Therefore the linearised distance always stands beside it, and signs are found by asking.

Source: top eigenvector as a one-step attack, Zhao et al. 2019 (arXiv 1810.03806, abstract); the pulled-back
metric as a measure of vulnerability, Kenway 2018 (arXiv 1803.06111). The estimator and its numerics are ours.
Cost: one answer and one Jacobian per input; singular values of a (classes, d) matrix each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Figure
from hingeline.numerics.statistics import median
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.fisher_figures import direction_images, spectrum
from hingeline.sensitivity.fisher.fisher_root import MOST_RIVALS, LeadGradients, lead_gradients
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.results import listed, number
from hingeline.sensitivity.threat import Threat

DIRECTIONS = 3
"""Eigenvectors kept for each input."""
SATURATED = 0.1
"""Seen share of the divergence at the boundary below which an input is called saturated (our choice)."""


@dataclass(frozen=True, eq=False)
class FisherDirections:
    """Fisher information pulled back to each input, as eigenvalues and eigenvectors.

    Attributes:
        classes: Decisions, shape "n".
        log_eigenvalues: Natural logarithms of the eigenvalues of F, largest first, shape "n q" with q the
            smaller of rivals and d; minus infinity where there is none. Eigenvalues have the unit 1 /
            input^2.
        directions: Eigenvectors of length 1 for the first r of them, shape "n r d"; their sign is arbitrary.
            Zero where the eigenvalue is.
        participation: (sum of eigenvalues)^2 / sum of squares: how many directions weigh alike, shape "n";
            NaN where F is zero.
        nearest: Class behind the nearest linearised boundary, shape "n".
        linear_distances: Distance to it in the threat's norm, shape "n"; infinite without gradient.
        gradients: Gradient of the smallest lead, shape "n d".
        boundary_gradients: Gradient of the lead over `nearest`, shape "n d".
        seen: Divergence that F foretells at the linearised boundary, over the divergence there, shape "n":
            near 1 close to a boundary of two classes, near 0 where saturation hides it, NaN where there is no
            boundary.
        left_out: Probability of the classes that were not looked at, shape "n".
    """

    classes: IntArray
    log_eigenvalues: FloatArray
    directions: FloatArray
    participation: FloatArray
    nearest: IntArray
    linear_distances: FloatArray
    gradients: FloatArray
    boundary_gradients: FloatArray
    seen: FloatArray
    left_out: FloatArray

    @property
    def eigenvalues(self) -> FloatArray:
        """Eigenvalues of F, shape "n q"; 0 below the smallest number, where the logarithm still tells."""
        return np.exp(self.log_eigenvalues)

    @property
    def traces(self) -> FloatArray:
        """Sums of the eigenvalues, shape "n"."""
        return self.eigenvalues.sum(axis=1)

    @property
    def top(self) -> FloatArray:
        """The direction of greatest sensitivity, sign arbitrary, shape "n d"."""
        return self.directions[:, 0]

    @property
    def saturated(self) -> BoolArray:
        """Where F foretells less than a tenth of what the linearised boundary holds, shape "n"."""
        return self.seen < SATURATED

    @property
    def cosines(self) -> FloatArray:
        """|cos| of top direction and gradient of the smallest lead, shape "n"; 0 if there is none."""
        lengths = np.linalg.norm(self.gradients, axis=1)
        inner = np.abs((self.top * self.gradients).sum(axis=1))
        return inner / np.where(lengths > 0, lengths, 1.0)

    def summary(self) -> dict[str, Any]:
        """The numbers one reads first, JSON-ready; None where there is no finite one."""
        top = self.log_eigenvalues[:, 0]
        alive = np.isfinite(top)
        known = self.seen[~np.isnan(self.seen)]
        return {
            "inputs": len(self.classes),
            "median_top_eigenvalue": number(np.exp(median(top))),
            "median_trace": number(median(self.traces)),
            "median_participation": number(median(self.participation[alive])),
            "median_linear_distance": number(median(self.linear_distances)),
            "median_cosine_with_gradient": number(median(self.cosines[alive])),
            "share_without_gradient": number(1.0 - alive.mean()) if len(alive) else None,
            "share_saturated": number(np.mean(known < SATURATED)) if len(known) else None,
            "largest_probability_left_out": number(self.left_out.max(initial=0.0)),
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary and arrays, JSON-ready; None for what is not finite."""
        names = ("classes", "log_eigenvalues", "directions", "participation", "nearest", "linear_distances")
        more = ("seen", "left_out", "cosines", "traces")
        arrays = {name: listed(getattr(self, name)) for name in (*names, *more)}
        return {"summary": self.summary(), **arrays}

    def figures(self, input_shape: tuple[int, int] | None = None, *, rows: int = 4) -> tuple[Figure, ...]:
        """The spectrum; and with the shape of an image the directions of the first inputs, as images."""
        told = (spectrum(self.eigenvalues),)
        return told if input_shape is None else (*told, direction_images(self.directions[:rows], input_shape))


def fisher_directions(
    model: Model,
    decision: Decision,
    points: FloatArray,
    *,
    threat: Threat | None = None,
    directions: int = DIRECTIONS,
    most_rivals: int = MOST_RIVALS,
) -> FisherDirections:
    """Fisher information of the class probabilities, pulled back to each of `points`.

    Args:
        model: What is asked and differentiated; its outputs are logits, or log-probabilities. One output is a
            score whose log-odds is its height above the threshold.
        decision: How outputs become classes.
        points: Inputs, shape "n d".
        threat: Which coordinates may change, and the norm of the linearised distance; l2 and all if None. F
            itself always measures steps in l2.
        directions: Eigenvectors to keep for each input.
        most_rivals: Classes to look at beside the decided one, most probable first.

    Raises:
        InvalidInput: Points of a wrong shape, no direction wanted, or answers that are not finite.
    """
    threat = threat or Threat()
    rows = as_points(points, model.input_dim)
    if directions < 1:
        raise InvalidInput(f"at least one direction is needed; got directions={directions}")
    n, d = rows.shape
    most = min(most_rivals, decision.rivals, d)
    kept = min(directions, most)
    found = FisherDirections(
        classes=np.zeros(n, np.int64),
        log_eigenvalues=np.empty((n, most)),
        directions=np.empty((n, kept, d)),
        participation=np.empty(n),
        nearest=np.zeros(n, np.int64),
        linear_distances=np.empty(n),
        gradients=np.empty((n, d)),
        boundary_gradients=np.empty((n, d)),
        seen=np.empty(n),
        left_out=np.empty(n),
    )
    for part, batch in lead_gradients(model, decision, rows, threat, most_rivals=most_rivals):
        _fill(found, part, batch, threat)
    return found


def _fill(found: FisherDirections, part: slice, batch: LeadGradients, threat: Threat) -> None:
    """Write one batch into `found`, which is still being built."""
    most, kept = found.log_eigenvalues.shape[1], found.directions.shape[1]
    # singular values of G rather than eigenvalues of GG': the same, with twice the digits
    _, sizes, right = np.linalg.svd(batch.root(), full_matrices=False)
    sizes = np.where(_above_rounding(sizes, right.shape[-1]), sizes, 0.0)[:, :most]
    with np.errstate(divide="ignore", invalid="ignore"):
        found.log_eigenvalues[part] = 2.0 * np.log(sizes) + batch.log_scale[:, np.newaxis]
        relative = (sizes / sizes[:, :1]) ** 2
        found.participation[part] = relative.sum(axis=1) ** 2 / (relative**2).sum(axis=1)
    # rounding must not lead out of what may change
    found.directions[part] = threat.masked(np.where(sizes[:, :kept, np.newaxis] > 0, right[:, :kept], 0.0))
    every, distances = np.arange(len(batch.classes)), batch.distances(threat)
    place = distances.argmin(axis=1)
    found.classes[part], found.left_out[part] = batch.classes, batch.left_out
    found.nearest[part] = batch.rivals[every, place]
    found.linear_distances[part] = distances[every, place]
    found.gradients[part] = batch.gradients[:, 0]
    found.boundary_gradients[part] = batch.gradients[every, place]
    found.seen[part] = _seen(batch, place)


def _above_rounding(sizes: FloatArray, dim: int) -> BoolArray:
    return sizes > sizes[:, :1] * (max(dim, sizes.shape[1]) * np.finfo(np.float64).eps)


def _seen(batch: LeadGradients, place: IntArray) -> FloatArray:
    """U'Fu / 2 for the l2 step u to the nearest linearised boundary, over the divergence of a tie there."""
    every = np.arange(len(place))
    lead, gradient = batch.leads[every, place], batch.gradients[every, place]
    square = (gradient**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        step = -(lead / square)[:, np.newaxis] * gradient
        told = ((batch.root() @ step[..., np.newaxis]) ** 2).sum(axis=(1, 2))
        foretold = 0.5 * np.exp(batch.log_scale) * told
        # own and rival share their sum alike: KL = m (log 2 - entropy of the odds), m = p_own + p_rival
        odds = np.exp(-lead)
        gain = np.log(2.0 / (1.0 + odds))
        tie = np.exp(batch.log_own) * (gain + odds * (gain - lead))
        # both vanish with the lead, as lead^2
        return np.where(square > 0, np.where(lead < 1e-6, 1.0, foretold / tie), np.nan)
