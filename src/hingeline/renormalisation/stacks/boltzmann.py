"""One restricted Boltzmann machine, trained by persistent contrastive divergence.

Units are 0 or 1 in here, as in the literature on training: P(v, h) ~ exp(h'Wv + b'h + c'v). Visible values
between 0 and 1 are taken as probabilities. The gradient of the log-likelihood is the mean of h v' with v from
the data, less its mean under the machine; the latter is taken over chains that go on from step to step.

Source: Tieleman 2008 (persistent chains, falling step length). Progress is measured by the reconstruction
error and by the pseudo-likelihood of one coordinate at a time, as scikit-learn does; neither is the
likelihood, whose normalisation is out of reach. Cost: four products with W per step and chain sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.stacks.settings import TrainingSettings

_FIRST_WEIGHTS = 0.01
"""Standard deviation of the weights at the start; zero would leave all hidden units alike."""
_RAREST = 1e-3
"""Visible biases start at the log-odds of the data's mean, held this far from 0 and 1."""

_RUNAWAY = 100.0
"""A weight so large makes one unit decide another to all but exp(-100); steps of learning that reach it do
not settle."""

Rows = Callable[[], FloatArray]
"""Draws the data of one epoch, shape "n v", values of 0 to 1."""


@dataclass(frozen=True, eq=False)
class Machine:
    """A restricted Boltzmann machine with units of 0 and 1.

    Attributes:
        weights: Shape "h v".
        hidden_biases: Shape "h".
        visible_biases: Shape "v".
        reconstruction_errors: Mean squared error of the rows rebuilt from their hidden means, after each
            epoch, shape "e".
        pseudo_likelihoods: Mean of v log P(v_i | all others), i drawn at random, in nats for each row, after
            each epoch, shape "e".
    """

    weights: FloatArray
    hidden_biases: FloatArray
    visible_biases: FloatArray
    reconstruction_errors: FloatArray
    pseudo_likelihoods: FloatArray

    def hidden_means(self, visible: FloatArray) -> FloatArray:
        """P(h = 1 | v): "n v" to "n h"."""
        return expit(visible @ self.weights.T + self.hidden_biases)

    def visible_means(self, hidden: FloatArray) -> FloatArray:
        """P(v = 1 | h): "n h" to "n v"."""
        return expit(hidden @ self.weights + self.visible_biases)

    def free_energy(self, visible: FloatArray) -> FloatArray:
        """-log sum_h exp(h'Wv + b'h + c'v): "n v" to "n"."""
        fields = visible @ self.weights.T + self.hidden_biases
        return -visible @ self.visible_biases - np.logaddexp(0.0, fields).sum(axis=1)

    def reconstruction_error(self, visible: FloatArray) -> float:
        """Mean squared difference of `visible` and what its hidden means give back."""
        return float(np.mean((visible - self.visible_means(self.hidden_means(visible))) ** 2))

    def pseudo_likelihood(self, visible: FloatArray, rng: np.random.Generator) -> float:
        """Mean over rows of v log P(v_i | others) for one i drawn for each row."""
        n, v = visible.shape
        which = (np.arange(n), rng.integers(v, size=n))
        turned = visible.copy()
        turned[which] = 1.0 - turned[which]
        # log sigma(F(turned) - F(v)) is the log-odds of v against v with one coordinate turned
        return float(-v * np.logaddexp(0.0, self.free_energy(visible) - self.free_energy(turned)).mean())


def train_machine(
    rows: Rows,
    hidden: int,
    rng: np.random.Generator,
    settings: TrainingSettings,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Machine:
    """Train a machine of `hidden` units.

    Args:
        rows: Draws the data, once for every epoch.
        hidden: Hidden units.
        rng: Draws first weights, the order of rows, and the chains.
        settings: How long and how fast.
        on_epoch: Told the number of the epoch, from 1, and the reconstruction error after it.
    """
    data = rows()
    visible = data.shape[1]
    weights = _FIRST_WEIGHTS * rng.standard_normal((hidden, visible))
    upper, lower = np.zeros(hidden), logit(np.clip(data.mean(axis=0), _RAREST, 1.0 - _RAREST))
    chains = (rng.random((settings.chains, hidden)) < 0.5).astype(np.float64)
    errors, likelihoods = np.empty(settings.epochs), np.empty(settings.epochs)
    scored = rng.permutation(len(data))[: settings.scored_rows]
    for epoch in range(settings.epochs):
        data = data if epoch == 0 else rows()
        rate = settings.rate * (1.0 - epoch / settings.epochs)
        order = rng.permutation(len(data))
        # what outgrows numbers is told after the epoch, with words
        with np.errstate(over="ignore", invalid="ignore"):
            for first in range(0, len(order), settings.batch):
                part = data[order[first : first + settings.batch]]
                chains = _learn(weights, upper, lower, part, chains, rate, rng, settings)
        _still_learns(weights, upper, lower, settings)
        machine = Machine(weights, upper, lower, errors, likelihoods)
        errors[epoch] = machine.reconstruction_error(data[scored])
        likelihoods[epoch] = machine.pseudo_likelihood(data[scored], rng)
        if on_epoch is not None:
            on_epoch(epoch + 1, float(errors[epoch]))
    return Machine(weights, upper, lower, errors, likelihoods)


def _learn(
    weights: FloatArray,
    upper: FloatArray,
    lower: FloatArray,
    data: FloatArray,
    chains: FloatArray,
    rate: float,
    rng: np.random.Generator,
    settings: TrainingSettings,
) -> FloatArray:
    """One step, in place; returns the chains one or more sweeps on."""
    dreamt, above = np.empty(0), np.empty(0)
    for _ in range(settings.gibbs_steps):
        dreamt = _coins(expit(chains @ weights + lower), rng)
        above = expit(dreamt @ weights.T + upper)
        chains = _coins(above, rng)
    seen = expit(data @ weights.T + upper)
    # means of hidden units instead of states: the same expectation with less noise
    slope = seen.T @ data / len(data) - above.T @ dreamt / len(dreamt)
    weights += rate * (slope - settings.weight_decay * weights)
    upper += rate * (seen.mean(axis=0) - above.mean(axis=0))
    lower += rate * (data.mean(axis=0) - dreamt.mean(axis=0))
    return chains


def _still_learns(
    weights: FloatArray, upper: FloatArray, lower: FloatArray, settings: TrainingSettings
) -> None:
    """Refuse to go on with fields at which every unit is certain, beyond what any data ask for."""
    largest = max(float(np.abs(part).max()) for part in (weights, upper, lower))
    if not largest < _RUNAWAY:
        raise InvalidInput(
            f"learning ran away: a weight or bias has grown to {largest:.3g}. Take a smaller rate (now "
            f"{settings.rate:g}) or weight_decay (now {settings.weight_decay:g})"
        )


def _coins(probabilities: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Units of 0 and 1 with these probabilities of 1."""
    return (rng.random(probabilities.shape) < probabilities).astype(np.float64)
