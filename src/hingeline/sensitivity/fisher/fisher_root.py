"""A root of the Fisher information of the class probabilities, pulled back to the input: F = G'G.

With logits z, their Jacobian J and p = softmax(z):

    F = J' (diag p - p p') J,    G_c = sqrt(p_c) (J_c - sum_k p_k J_k).

For every class c, J_c - J_own = -grad lead_c and p_c = p_own exp(-lead_c), where lead_c is by how
much the own class leads class c. So F is made of leads and their gradients alone, and needs no difference of
large numbers: p_own may differ from 1 by less than float64 can tell, the rows of the rivals keep every digit.
One output decides by its side of a threshold; its lead is the log-odds of a logistic link, and the same
formulas hold.

F is kept as exp(log_scale) G'G with the scale p of the nearest rival, for F itself may underflow.

Source: the closed form is the textbook's; for its use see `fisher`. Cost: one answer and one Jacobian per
input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.threat import Threat

MOST_RIVALS = 64
"""Rivals that make up the root, those nearest in lead; what the others weigh is told."""
_CHUNK_NUMBERS = 2**22
"""Numbers in one batch of Jacobians, 32 MiB."""


@dataclass(frozen=True, eq=False)
class LeadGradients:
    """Leads of the decided class over its nearest rivals, and their gradients, for a batch of inputs.

    Attributes:
        classes: Decisions, shape "n".
        rivals: The other classes, nearest in lead first, shape "n r".
        leads: By how much the class leads them, ascending, shape "n r".
        gradients: Gradients of the leads, zero where nothing may change, shape "n r d".
        log_own: Logarithm of the probability of the class, shape "n".
        left_out: Probability of the rivals that are not here, shape "n".
    """

    classes: IntArray
    rivals: IntArray
    leads: FloatArray
    gradients: FloatArray
    log_own: FloatArray
    left_out: FloatArray

    @property
    def log_scale(self) -> FloatArray:
        """Logarithm of the nearest rival's probability, shape "n"."""
        return self.log_own - self.leads[:, 0]

    def distances(self, threat: Threat) -> FloatArray:
        """Lead over dual norm of its gradient: "n r"; infinite where there is no gradient."""
        steepness = threat.dual(self.gradients)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(steepness > 0, self.leads / steepness, np.inf)

    def root(self) -> FloatArray:
        """G with F = exp(log_scale) G'G, rivals first and the own class last: "n r+1 d"."""
        weights = np.exp(self.leads[:, :1] - self.leads)
        scale = np.exp(self.log_scale)[:, np.newaxis]
        # sum_k p_k (J_k - J_own), in units of the scale
        mean = -(weights[..., np.newaxis] * self.gradients).sum(axis=1)
        rivals = np.sqrt(weights)[..., np.newaxis] * (-self.gradients - (scale * mean)[:, np.newaxis])
        own = -np.exp(0.5 * (self.log_own + self.log_scale))[:, np.newaxis] * mean
        return np.concatenate([rivals, own[:, np.newaxis]], axis=1)


def lead_gradients(
    model: Model, decision: Decision, points: FloatArray, threat: Threat, *, most_rivals: int = MOST_RIVALS
) -> Iterator[tuple[slice, LeadGradients]]:
    """Leads and their gradients, a bounded number of inputs at a time.

    Args:
        model: What is asked and differentiated; its outputs are logits, or log-probabilities.
        decision: How outputs become classes.
        points: Inputs, shape "n d".
        threat: Its free coordinates; norm and box play no part.
        most_rivals: Rivals whose gradient is taken, nearest in lead first.

    Yields:
        Which rows of `points`, and what was found there.

    Raises:
        InvalidInput: Points of a wrong shape, or an answer that is not finite.
    """
    rows = as_points(points, model.input_dim)
    if most_rivals < 1:
        raise InvalidInput(f"at least one rival is needed; got most_rivals={most_rivals}")
    taken = min(most_rivals, decision.rivals)
    step = max(1, _CHUNK_NUMBERS // ((taken + 1) * model.input_dim))
    for first in range(0, len(rows), step):
        part = slice(first, min(first + step, len(rows)))
        yield part, _batch(model, decision, rows[part], threat, taken)


def _batch(model: Model, decision: Decision, points: FloatArray, threat: Threat, taken: int) -> LeadGradients:
    outputs = model.outputs(points)
    if not np.isfinite(outputs).all():
        raise InvalidInput(
            "Fisher information wants finite logits; some answers are NaN or infinite. Of probabilities pass "
            "the logarithm, held above the smallest the door can tell from zero"
        )
    classes = decision.of(outputs)
    every = decision.leads(outputs, classes)
    order = np.argsort(every, axis=1, kind="stable")
    leads = np.take_along_axis(every, order, axis=1)
    log_own = -np.logaddexp(0.0, np.logaddexp.reduce(-leads, axis=1))
    rivals = np.take_along_axis(decision.rivals_of(classes), order[:, :taken], axis=1)
    rows = _rows(decision, classes, rivals)
    return LeadGradients(
        classes=classes,
        rivals=rivals,
        leads=leads[:, :taken],
        gradients=threat.masked(_gradients(model, decision, points, rows)),
        log_own=log_own,
        left_out=np.exp(log_own[:, np.newaxis] - leads[:, taken:]).sum(axis=1),
    )


def _rows(decision: Decision, classes: IntArray, rivals: IntArray) -> FloatArray:
    """Combinations of outputs whose values are the leads over `rivals`: "n r k"."""
    if decision.outputs == 1:
        return decision.rows(classes)
    units = np.eye(decision.outputs)
    return units[classes][:, np.newaxis] - units[rivals]


def _gradients(model: Model, decision: Decision, points: FloatArray, rows: FloatArray) -> FloatArray:
    """Gradients of the combinations `rows` ("n r k") of outputs: "n r d"."""
    if rows.shape[1] == decision.rivals:
        return rows @ model.jacobians(points)
    # many classes: one backward pass for each rival that counts, never the whole Jacobian
    return np.stack([model.gradients(points, rows[:, r]) for r in range(rows.shape[1])], axis=1)
