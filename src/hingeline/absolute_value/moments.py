"""W from samples (x, y) alone, x ~ N(0, I): second and fourth Hermite moments, and least squares after them.

With unit rows, M2 = E[(y - Ey) x x'] = sqrt(2/pi) sum a_i w_i w_i': for orthonormal rows its eigenvectors are
the rows if the a_i differ, and tell nothing if they are equal. The fourth moment has no such tie:
T = E[y He4(x)] = -sqrt(2/pi) sum a_i w_i^(x 4), so u <- -T(u, u, u, .) climbs to a row. Least squares on the
answers themselves (linear in the rows while signs keep) then makes a noiseless sample exact.

Cost: n d per step of an iteration; n (m d)^2 per round of the polish. Source: the moments are textbook
(Janzamin, Sedghi and Anandkumar 2015 for the tensor method); thresholds and polish are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, frozen
from hingeline.core.errors import InvalidInput
from hingeline.networks.absolute_value import AbsoluteValueNetwork

SAMPLING_ERRORS = 3.0
"""M2 tells nothing if its eigenvalues spread by no more than so many times what sampling alone spreads."""
SAME_ROW = 0.7
"""Cosine above which two results of the power iteration are one row."""
_STARTS = 4
_STEPS = 25
_CHUNK = 8192
_CONVERGED = 1e-10


@dataclass(frozen=True, eq=False)
class SecondMoment:
    """Eigenvectors of M2 and whether they mean anything."""

    directions: FloatArray
    """Unit eigenvectors as rows, largest eigenvalue first, shape "d d"."""
    eigenvalues: FloatArray
    """Shape "d"; for orthonormal rows sqrt(2/pi) a_i."""
    spread: float
    """Largest less smallest eigenvalue."""
    sampling_error: float
    """The spread that sampling alone makes: that of half the difference of two halves of the sample."""

    @property
    def informative(self) -> bool:
        """Whether the eigenvalues differ by more than sampling explains."""
        return self.spread > SAMPLING_ERRORS * self.sampling_error

    def summary(self) -> dict[str, Any]:
        """JSON-ready numbers."""
        return {
            "informative": self.informative,
            "spread": self.spread,
            "sampling_error": self.sampling_error,
        }

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, arrays as lists."""
        return {
            **self.summary(),
            "eigenvalues": self.eigenvalues.tolist(),
            "directions": self.directions.tolist(),
        }


@dataclass(frozen=True, eq=False)
class PowerIterations:
    """Where the fourth-order power iteration went from each start."""

    directions: FloatArray
    """Unit vectors, one per start, shape "s d"."""
    weights: FloatArray
    """-T(u, u, u, u) at the end; near a row sqrt(2/pi) a_i. Shape "s"."""
    steps: FloatArray
    """Iterations used, shape "s"."""

    def distinct(self, like: float = SAME_ROW) -> FloatArray:
        """One direction per row, strongest first, shape "r d"."""
        kept: list[FloatArray] = []
        for index in np.argsort(-self.weights, kind="stable"):
            direction = self.directions[index]
            if all(abs(float(direction @ other)) < like for other in kept):
                kept.append(direction)
        return np.array(kept)

    def summary(self) -> dict[str, Any]:
        """JSON-ready numbers."""
        return {"starts": len(self.weights), "distinct": len(self.distinct()), "steps": int(self.steps.max())}

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, arrays as lists."""
        return {
            **self.summary(),
            "directions": self.directions.tolist(),
            "weights": self.weights.tolist(),
        }


@dataclass(frozen=True, eq=False)
class Polished:
    """A network fitted to a sample."""

    network: AbsoluteValueNetwork
    rounds: int
    """Least-squares rounds used."""
    residual: float
    """Root mean square gap on the sample over the deviation of y."""

    def summary(self) -> dict[str, Any]:
        """JSON-ready numbers."""
        return {"rows": self.network.width, "rounds": self.rounds, "residual": self.residual}

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, arrays as lists."""
        return {**self.summary(), **self.network.to_dict()}


def second_moment(points: FloatArray, answers: FloatArray) -> SecondMoment:
    """Eigenvectors of E[(y - Ey) x x'], with the error that sampling makes.

    Args:
        points: Drawn from N(0, I), shape "n d".
        answers: Shape "n".

    Raises:
        InvalidInput: Shapes that do not fit, or fewer than 4 d samples.
    """
    _check(points, answers)
    centred = answers - answers.mean()
    half = len(points) // 2
    first = (points[:half] * centred[:half, np.newaxis]).T @ points[:half]
    second = (points[half:] * centred[half:, np.newaxis]).T @ points[half:]
    values, vectors = np.linalg.eigh((first + second) / len(points))
    noise = np.linalg.eigvalsh((first / half - second / (len(points) - half)) / 2)
    return SecondMoment(
        frozen(vectors[:, ::-1].T), frozen(values[::-1]), float(np.ptp(values)), float(np.ptp(noise))
    )


def fourth_moment_rows(
    points: FloatArray,
    answers: FloatArray,
    *,
    starts: int,
    rng: np.random.Generator,
    most_steps: int = 100,
    known: tuple[FloatArray, FloatArray] | None = None,
) -> PowerIterations:
    """Tensor power iteration u <- -T(u, u, u, .) from random starts, all at once.

    Args:
        points: Drawn from N(0, I), shape "n d".
        answers: Shape "n".
        starts: Random starts; more than m log m find all rows.
        rng: Draws them.
        most_steps: Iterations at most.
        known: Unit rows found before and their weights; their part of the tensor is taken off.

    Raises:
        InvalidInput: Shapes that do not fit, or no starts.

    Cost: n d starts per step.
    """
    _check(points, answers)
    if starts < 1:
        raise InvalidInput(f"starts must be at least 1; got {starts}")
    directions = _unit(rng.standard_normal((starts, points.shape[1])))
    used, moving = np.zeros(starts), np.ones(starts, dtype=np.bool_)
    for _ in range(most_steps):
        following = _unit(-_contracted(points, answers, directions[moving], known))
        change = 1 - np.abs(np.einsum("sd,sd->s", following, directions[moving]))
        directions[moving] = following
        used[moving] += 1
        moving[np.flatnonzero(moving)[change < _CONVERGED]] = False
        if not moving.any():
            break
    weights = -np.einsum("sd,sd->s", _contracted(points, answers, directions, known), directions)
    return PowerIterations(frozen(directions), frozen(weights), frozen(used))


def fourth_moment_action(points: FloatArray, answers: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """The map u to T(u, u, u, .) for unit rows u, "s d" to "s d"."""
    _check(points, answers)
    return lambda directions: _contracted(points, answers, directions)


def recover_from_samples(
    points: FloatArray, answers: FloatArray, width: int, *, rng: np.random.Generator
) -> Polished:
    """All rows from samples: power iteration, each row taken off once found, then the polish.

    Args:
        points: Drawn from N(0, I), shape "n d".
        answers: Shape "n".
        width: How many rows; near to orthonormal and of like size, or the polish may stay stuck (its
            residual tells: a noiseless sample leaves 1e-10).
        rng: Draws the starts.

    Cost: about 30 n d width for the rows, then that of `polish_rows`.
    """
    rows, weights = np.zeros((0, points.shape[1])), np.zeros(0)
    for _ in range(width):
        found = fourth_moment_rows(
            points, answers, starts=_STARTS, rng=rng, most_steps=_STEPS, known=(rows, weights)
        )
        best = int(np.argmax(found.weights))
        rows = np.concatenate([rows, found.directions[best : best + 1]])
        weights = np.append(weights, found.weights[best])
    return polish_rows(points, answers, rows)


def polish_rows(
    points: FloatArray, answers: FloatArray, rows: FloatArray, *, most_rounds: int = 30
) -> Polished:
    """Gauss-Newton on the answers: least squares for all rows with the signs of w . x as they are.

    Args:
        points: Shape "n d".
        answers: Shape "n".
        rows: Directions to start from, shape "m d"; coefficients are taken positive.
        most_rounds: Rounds at most.

    Raises:
        InvalidInput: Shapes that do not fit, or fewer samples than unknowns.

    Cost: n (m d)^2 per round, in chunks.
    """
    _check(points, answers)
    unknowns = rows.size
    if rows.ndim != 2 or rows.shape[1] != points.shape[1] or len(points) < unknowns:
        raise InvalidInput(f"rows {rows.shape} need {unknowns} samples of as many inputs; got {points.shape}")
    lengths = np.maximum(np.linalg.lstsq(np.abs(points @ rows.T), answers, rcond=None)[0], 0.0)
    here = rows * np.where(lengths > 0, lengths, lengths.mean())[:, np.newaxis]
    best, residual, rounds = here, _residual(points, answers, here), 0
    for _ in range(most_rounds):
        rounds += 1
        here = _solved(points, answers, here)
        now = _residual(points, answers, here)
        if now >= residual:
            break
        best, residual = here, now
    sizes = np.linalg.norm(best, axis=1)
    network = AbsoluteValueNetwork(best / np.where(sizes > 0, sizes, 1.0)[:, np.newaxis], sizes)
    return Polished(network.canonical(), rounds, residual)


def _check(points: FloatArray, answers: FloatArray) -> None:
    if points.ndim != 2 or answers.shape != points.shape[:1] or len(points) < 4 * points.shape[1]:
        raise InvalidInput(
            f"points {points.shape}, answers {answers.shape}; want (n, d), (n,) with n at least 4 d"
        )


def _unit(rows: FloatArray) -> FloatArray:
    sizes = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(sizes > 0, sizes, 1.0)


def _contracted(
    points: FloatArray,
    answers: FloatArray,
    directions: FloatArray,
    known: tuple[FloatArray, FloatArray] | None = None,
) -> FloatArray:
    """T(u, u, u, .) = E[y ((s^3 - 3 s) x - 3 (s^2 - 1) u)] with s = u . x, for unit rows u.

    The mean of y is taken off first: it has no fourth moment, and its error falls away.
    """
    centred = answers - answers.mean()
    total = np.zeros_like(directions)
    for start in range(0, len(points), _CHUNK):
        some, y = points[start : start + _CHUNK], centred[start : start + _CHUNK]
        s = some @ directions.T
        total += (y[:, np.newaxis] * (s**3 - 3 * s)).T @ some
        total -= 3 * (y @ (s**2 - 1))[:, np.newaxis] * directions
    total /= len(points)
    if known is not None:
        rows, weights = known
        total += (weights * (directions @ rows.T) ** 3) @ rows
    return total


def _residual(points: FloatArray, answers: FloatArray, rows: FloatArray) -> float:
    gaps = np.abs(points @ rows.T).sum(axis=1) - answers
    return float(np.sqrt(np.mean(gaps**2)) / np.std(answers))


def _solved(points: FloatArray, answers: FloatArray, rows: FloatArray) -> FloatArray:
    """Normal equations of y = sum s_i (c_i . x) with s_i = sign(c_i . x) from `rows`; corrects the gaps."""
    unknowns = rows.size
    gram, right = np.zeros((unknowns, unknowns)), np.zeros(unknowns)
    for start in range(0, len(points), _CHUNK):
        some, y = points[start : start + _CHUNK], answers[start : start + _CHUNK]
        heights = some @ rows.T
        design = (np.sign(heights)[:, :, np.newaxis] * some[:, np.newaxis]).reshape(len(some), unknowns)
        gram += design.T @ design
        right += design.T @ (y - np.abs(heights).sum(axis=1))
    return rows + np.linalg.lstsq(gram, right, rcond=1e-12)[0].reshape(rows.shape)
