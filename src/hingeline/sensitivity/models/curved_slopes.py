"""Derivatives of a smooth function: four points along each coordinate, at a length that was tried out.

Central differences with Richardson's extrapolation where there is room on both sides, a five-point formula
to one side at the faces of a box; both err by h^4 times a fifth derivative, and by noise / h. The error is
seen on a few random directions, by comparing h with the next shorter h; the best h then serves all
coordinates of the point. The gradient must predict the slopes along those directions, and values must not
stand still under tiny moves: a fine staircase looks smooth from afar.

Source: textbook formulas; the choice of h is ours. Cost: 4 d + 39 queries for each point; 84 more for the
first three points, and for those at which the usual h errs much more than usual.
"""

from __future__ import annotations

import itertools

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.sensitivity.models.measured import MeasuredJacobians
from hingeline.sensitivity.models.value_door import CHUNK_BYTES, ValueDoor

_LENGTHS = 10.0 ** np.arange(-4.5, 0.01, 0.5)
"""Lengths tried, in typical coordinates."""
_TRIED = 3
"""Directions on which they are tried, for each point."""
_PIONEERS = 3
"""Points at which all lengths are tried before one is usual."""
_LIKE_BEFORE = 10.0
"""The usual length is kept while its error is at most so many times the usual error."""
_SAFETY = 2.0
"""The error on a few directions understates that of all."""
_PREDICTED = 6.0
"""Errors within which the gradient must predict the slopes along the directions tried."""
_STILL = 3
_TINY = 1e-3
"""Length of the moves under which values must not stand still, as a share of h."""
# D = sum_i c_i (f(x + h n_i u) - f(x)) / h: nodes n and coefficients c.
_CENTRAL = np.array([[-1.0, -0.5, 0.5, 1.0], [1 / 6, -4 / 3, 4 / 3, -1 / 6]])
_ONE_SIDED = np.array([[0.25, 0.5, 0.75, 1.0], [16.0, -12.0, 16 / 3, -1.0]])


class CurvedSlopes:
    """Measures derivatives; the length that suited the first points is tried first at the next.

    Args:
        door: Where queries go.
        rng: Draws the directions on which lengths are tried.
    """

    def __init__(self, door: ValueDoor, rng: np.random.Generator) -> None:
        self.door, self.rng = door, rng
        self._usual: int | None = None
        self._usual_error = np.inf

    def __call__(self, points: FloatArray, values: FloatArray, sigma: FloatArray) -> MeasuredJacobians:
        """Derivatives at `points`, with errors that hold the truncation too.

        Args:
            points: As they are sent, shape "n d".
            values: Values there, shape "n k".
            sigma: Deviation of one value, shape "n".

        Raises:
            BudgetExhausted: The budget ended.
        """
        trial = _Trial(self, points, values, sigma)
        found = MeasuredJacobians.nothing(values, points.shape[1])
        lengths, errors, slopes = self._chosen(trial)
        fine = np.isfinite(errors)
        still = np.zeros(trial.count, dtype=np.bool_)
        still[fine] = self._stand_still(trial, lengths, fine)
        # flat to the last bit at every length tried is flat ground; else it is a staircase
        flat = np.array([trial.flat(i) for i in range(trial.count)], dtype=np.bool_)
        chosen = np.flatnonzero(fine & (~still | flat))
        if not len(chosen):
            return found
        matrices = self._matrices(points[chosen], values[chosen], lengths[chosen])
        # an entry that errs by e changes the slope along a mixture of all by about e
        predicted = np.einsum("nkd,ntd->ntk", matrices, trial.directions[chosen])
        gaps = np.abs(predicted - slopes[chosen]).max(axis=(1, 2))
        certified = (gaps <= _PREDICTED * errors[chosen]) & ~(still[chosen] & matrices.any(axis=(1, 2)))
        found.put(
            chosen,
            MeasuredJacobians(
                matrices=np.where(certified[:, np.newaxis, np.newaxis], matrices, 0.0),
                values=values[chosen],
                errors=np.where(certified, errors[chosen], np.inf),
                certified=certified,
            ),
        )
        return found

    def _chosen(self, trial: _Trial) -> tuple[FloatArray, FloatArray, FloatArray]:
        """For each point the best length, its error there and the slopes along the directions tried."""
        if self._usual is None:
            pioneers = np.arange(min(_PIONEERS, trial.count))
            best, errors = trial.best(pioneers, range(len(_LENGTHS)))
            known = np.isfinite(errors)
            if known.any():
                self._usual = int(np.median(best[known]))
                self._usual_error = float(np.median(errors[known]))
        every = np.arange(trial.count)
        best, errors = np.zeros(trial.count, dtype=np.int64), np.full(trial.count, np.inf)
        if self._usual is not None:
            near = range(max(0, self._usual - 1), min(len(_LENGTHS), self._usual + 2))
            best, errors = trial.best(every, near)
        worse = np.flatnonzero(~(errors <= _LIKE_BEFORE * self._usual_error))
        if len(worse):
            best[worse], errors[worse] = trial.best(worse, range(len(_LENGTHS)))
        slopes = np.stack([trial.slopes_at(int(level))[i] for i, level in enumerate(best)])
        return self.door.unit * _LENGTHS[best], _SAFETY * errors, slopes

    def _stand_still(self, trial: _Trial, lengths: FloatArray, where: BoolArray) -> BoolArray:
        moves = self.rng.uniform(0.5, 1.0, (int(where.sum()), _STILL, self.door.input_dim))
        points = trial.points[where]
        signs = self.door.inward(points, float(lengths.max()), self.rng)
        moves *= _TINY * (signs * lengths[where, np.newaxis])[:, np.newaxis]
        return self.door.stands_still(points, trial.values[where], moves)

    def _matrices(self, points: FloatArray, values: FloatArray, lengths: FloatArray) -> FloatArray:
        """All derivatives: "n k d", in parts."""
        count, dim = points.shape
        found = np.empty((count * dim, values.shape[1]))
        size = max(1, CHUNK_BYTES // (32 * dim))
        for first in range(0, count * dim, size):
            pairs = np.arange(first, min(first + size, count * dim))
            rows, columns = pairs // dim, pairs % dim
            directions = np.zeros((len(pairs), dim))
            directions[np.arange(len(pairs)), columns] = 1.0
            found[pairs] = _slopes(self.door, points[rows], values[rows], directions, lengths[rows])
        return np.ascontiguousarray(found.reshape(count, dim, -1).transpose(0, 2, 1))


class _Trial:
    """Slopes along a few directions of each point, at each length that was asked for."""

    def __init__(
        self, owner: CurvedSlopes, points: FloatArray, values: FloatArray, sigma: FloatArray
    ) -> None:
        self.door, self.points, self.values, self.sigma = owner.door, points, values, sigma
        self.count, dim = points.shape
        longest = float(_LENGTHS[-1] * owner.door.unit)
        # away from every face, so that one sign serves the whole direction
        signs = owner.door.inward(points, longest, owner.rng)
        sizes = owner.rng.uniform(0.5, 1.0, (self.count, _TRIED, dim))
        sizes /= np.linalg.norm(sizes, axis=2, keepdims=True)
        self.directions = signs[:, np.newaxis] * sizes
        self._known: dict[int, FloatArray] = {}

    def slopes_at(self, level: int) -> FloatArray:
        """Slopes along all directions with that length: "n t k"; NaN where not asked."""
        return self._known[level]

    def flat(self, index: int) -> bool:
        """Whether no slope was seen at this point, whatever the length."""
        return not any(np.nan_to_num(slopes[index]).any() for slopes in self._known.values())

    def best(self, chosen: IntArray, levels: range) -> tuple[IntArray, FloatArray]:
        """The length whose slopes differ least from those of the next shorter one, and by how much."""
        for level in levels:
            self._ask(chosen, level)
        best, least = np.zeros(len(chosen), dtype=np.int64), np.full(len(chosen), np.inf)
        for shorter, level in itertools.pairwise(levels):
            gaps = self._known[level][chosen] - self._known[shorter][chosen]
            # the worst output's; of the shorter length most is noise, and of the longer truncation
            error = np.sqrt(np.mean(gaps**2, axis=1)).max(axis=1)
            noise = self.sigma[chosen] / (self.door.unit * _LENGTHS[level])
            error = np.maximum(error, 2.0 * noise)
            better = error < least
            best[better], least[better] = level, error[better]
        return best, least

    def _ask(self, chosen: IntArray, level: int) -> None:
        shape = (self.count, _TRIED, self.values.shape[1])
        known = self._known.setdefault(level, np.full(shape, np.nan))
        new = chosen[np.isnan(known[chosen, 0, 0])]
        if len(new):
            repeated = np.repeat(new, _TRIED)
            lengths = np.full(len(repeated), self.door.unit * _LENGTHS[level])
            directions = self.directions[new].reshape(len(repeated), -1)
            slopes = _slopes(self.door, self.points[repeated], self.values[repeated], directions, lengths)
            known[new] = slopes.reshape(len(new), *shape[1:])


def _slopes(
    door: ValueDoor, points: FloatArray, values: FloatArray, directions: FloatArray, lengths: FloatArray
) -> FloatArray:
    """Slopes along one direction from each point: "m d", "m k", "m d" and "m" to "m k"."""
    reach = lengths[:, np.newaxis] * directions
    forward, backward = door.holds(points + reach), door.holds(points - reach)
    both = forward & backward
    # to one side: the one on which there is room
    sides = np.where(forward, 1.0, -1.0)
    nodes = np.where(both[:, np.newaxis], _CENTRAL[0], _ONE_SIDED[0] * sides[:, np.newaxis])
    weights = np.where(both[:, np.newaxis], _CENTRAL[1], _ONE_SIDED[1] * sides[:, np.newaxis])
    asked = door.snapped(
        (points[:, np.newaxis] + nodes[:, :, np.newaxis] * reach[:, np.newaxis]).reshape(-1, points.shape[1])
    )
    changes = door.values(asked).reshape(len(points), nodes.shape[1], -1) - values[:, np.newaxis]
    return np.einsum("mi,mik->mk", weights, changes) / lengths[:, np.newaxis]
