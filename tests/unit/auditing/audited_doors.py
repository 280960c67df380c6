"""Doors to audit, each with an account of its own of what it was asked, and the shortest audit there is."""

from __future__ import annotations

import numpy as np

import hingeline as hl
from hingeline.oracles.protocol import OracleSpec

QUICK = {"parts": ("extraction", "line", "span")}


class CountedDoor:
    """Answers as `model` does; counts rows that were answered, and breaks off after so many if told to."""

    def __init__(self, model, input_dim, *, breaks_after=None, error=KeyboardInterrupt, **known):
        self.spec = OracleSpec(**{"name": "counted", "input_dim": input_dim} | known)
        self.model, self.breaks_after, self.error = model, breaks_after, error
        self.answered, self.batches = 0, []

    def query(self, points):
        if self.breaks_after is not None and self.answered + len(points) > self.breaks_after:
            raise self.error
        self.answered += len(points)
        self.batches.append(np.array(points))
        return np.asarray(self.model(points), dtype=float)


def layered(*widths, seed=7, activation=lambda x: np.maximum(x, 0)):
    """A random network as a function: widths from inputs to outputs."""
    rng = np.random.default_rng(seed)
    shapes = list(zip(widths[1:], widths, strict=False))
    weights = [rng.standard_normal(shape) / np.sqrt(shape[1]) for shape in shapes]
    biases = [0.3 * rng.standard_normal(shape[0]) for shape in shapes]

    def model(x):
        for w, b in zip(weights[:-1], biases[:-1], strict=True):
            x = activation(x @ w.T + b)
        return x @ weights[-1].T + biases[-1]

    return model


def softmax(outputs):
    """Probabilities of logits, row by row."""
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def log_softmax(outputs):
    """Their logarithms."""
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def small_inputs(dim, count=6, seed=3):
    """Some inputs to hand over."""
    return np.random.default_rng(seed).standard_normal((count, dim))


def told_again(finding, text):
    """JSON of the evidence without what the clock told."""

    def timeless(value):
        if isinstance(value, dict):
            return {k: timeless(v) for k, v in value.items() if "seconds" not in k}
        return [timeless(v) for v in value] if isinstance(value, list) else value

    return timeless(text(finding.evidence))


def audited(door, x=None, y=None, **said):
    """A quick audit that has counted like the door has."""
    finding = hl.audit(door, x, y, **{"seed": 0, "settings": QUICK} | said)
    assert finding.queries == door.answered == sum(stage.queries for stage in finding.value.stages)
    budget = said.get("budget")
    assert budget is None or door.answered <= budget
    assert finding.value.measures["queries"] == door.answered
    return finding
