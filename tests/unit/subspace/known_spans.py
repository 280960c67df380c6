"""Spans written down from known weights, as a recovery would return them; and a trained network to try."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.ndimage import zoom

from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.subspace.recovered import RankVotes, RecoveredSpan, Unseen


def span_of(basis: FloatArray, **known: Any) -> RecoveredSpan:
    dim, rank = basis.shape
    said: dict[str, Any] = {
        "rank": rank,
        "standing": "exact",
        "where": "free",
        "angle": 1e-12,
    } | known
    return RecoveredSpan(
        basis=basis,
        input_dim=dim,
        method="known",
        why="written down",
        strengths=np.ones(rank),
        votes=RankVotes(rank, rank, rank, np.inf, 0.0),
        unseen=Unseen(100, "anything"),
        floor=0,
        forecast=0,
        **said,
    )


def row_span(weights: FloatArray) -> FloatArray:
    """Orthonormal columns that span the rows."""
    return np.linalg.qr(weights.T)[0]


def random_basis(dim: int, rank: int, seed: int = 0) -> FloatArray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, rank)))[0]


def enlarged_digits() -> tuple[FloatArray, FloatArray]:
    """The 8x8 digits of scikit-learn as 28x28 images in [0, 1], and their classes."""
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    large = zoom(images.reshape(-1, 8, 8) / 16, (1, 3.5, 3.5), order=1)
    return np.clip(large.reshape(-1, 784), 0.0, 1.0), classes


def trained_digits() -> tuple[PiecewiseLinearNetwork, FloatArray, FloatArray]:
    """A 784-80-40-10 classifier, 297 images it was not trained on, and their classes."""
    from sklearn.neural_network import MLPClassifier

    images, classes = enlarged_digits()
    model = MLPClassifier((80, 40), max_iter=25, random_state=0, learning_rate_init=2e-3, tol=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it need not have converged
        model.fit(images[:1500], classes[:1500])
    network = PiecewiseLinearNetwork([w.T for w in model.coefs_], model.intercepts_)
    return network, images[1500:], classes[1500:]
