"""The directions found so far, V, and an orthonormal basis of all others, B, which shrinks as V grows.

B starts as a random rotation, so that no direction of the input is special. A new direction B c is turned
into the last column of B by one Householder reflection and moved to V: 4 d (d - r) operations.

Errors: the i-th direction was measured as the part of a gradient outside the directions before it. Its own
noise and the tilt of those before it add up,

    error_i^2 = (noise_i^2 + sum_l c_l^2 error_l^2) / size_i^2,     c_l = part of the gradient along v_l,

so a weak direction found late is the least precise. The c_l are not measured as a rule (that would cost r
queries), only the length of c; the parts are taken in proportion to the sizes.

Cost: no queries.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray, frozen


class Complement:
    """V and B, and how precise V is.

    Args:
        dim: Numbers in one input.
        rng: Draws the rotation of B.
    """

    def __init__(self, dim: int, rng: np.random.Generator) -> None:
        self.dim = dim
        self.rest: FloatArray = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
        """B: orthonormal columns orthogonal to V, shape "d d-r"."""
        self._found = np.zeros((dim, 0))
        self._sizes: list[float] = []
        self._errors: list[float] = []

    @property
    def rank(self) -> int:
        """Directions found."""
        return self._found.shape[1]

    @property
    def full(self) -> bool:
        """True if nothing is left."""
        return self.rank == self.dim

    @property
    def found(self) -> FloatArray:
        """V: orthonormal columns, shape "d r"."""
        return frozen(self._found)

    @property
    def sizes(self) -> FloatArray:
        """Size of each direction's part outside those before it, shape "r"."""
        return np.array(self._sizes)

    @property
    def errors(self) -> FloatArray:
        """Estimated angle of each direction to the true span, radians, shape "r"."""
        return np.array(self._errors)

    @property
    def tilt(self) -> float:
        """Estimated largest principal angle of V to the true span, radians: sqrt(sum of errors^2)."""
        return float(np.linalg.norm(self._errors))

    def leak(self, inside: float, without: IntArray | None = None) -> float:
        """Part of a gradient that shows outside V only because V is tilted, expected; output units.

        Args:
            inside: Length of the gradient's part along V, whose components are taken as `sizes` are.
            without: Directions that are accounted for elsewhere.
        """
        total, errors = float(np.linalg.norm(self.sizes)), self.errors
        if without is not None:
            errors[without] = 0.0
        return inside * float(np.linalg.norm(self.sizes * errors)) / total if total else 0.0

    @property
    def worst_leak(self) -> float:
        """The same if all errors point the same way, as they tend to: later ones inherit the earlier."""
        return float(np.linalg.norm(self.sizes * self.errors))

    @property
    def largest_leak(self) -> float:
        """The same for a gradient that lies along the least precise direction."""
        return float(np.max(self.sizes, initial=0.0)) * self.tilt

    def worst_leak_of(self, parts: FloatArray) -> float:
        """The same for gradients whose parts along V are known: "m r"."""
        return float(np.linalg.norm(parts * self.errors, 2)) * float(np.sqrt(self.rank))

    def refine(self, parts: FloatArray, outside: FloatArray, noise: float) -> None:
        """Tilt V so that it explains what gradients showed outside it: a Kalman update.

        Each gradient c V^T + b with its small b is taken as c (V + E)^T plus noise, E of the errors assumed:

            gain_l = error_l^2 c_l / (sum error^2 c^2 + noise^2),    v_l += gain_l b.

        Args:
            parts: The gradients' parts along V, shape "m r".
            outside: What they showed outside V, vectors of the input space, shape "m d".
            noise: Expected length of the error of a row of `outside`.
        """
        variances, before = self.errors**2, self._found
        for part, rest in zip(parts, outside, strict=True):
            explained = variances * part
            gain = explained / (float(explained @ part) + noise**2)
            left = rest - (self._found - before) @ part
            self._found = self._found + np.outer(left, gain)
            variances = np.maximum(variances * (1 - gain * part), 0.0)
        self._errors = [float(error) for error in np.sqrt(variances)]
        every = np.linalg.qr(np.hstack([self._found, self.rest]))[0]
        # the factorisation may turn columns round
        signs = np.sign(np.sum(every[:, : self.rank] * self._found, axis=0))
        self._found, self.rest = every[:, : self.rank] * signs, np.ascontiguousarray(every[:, self.rank :])

    def direction(self, rng: np.random.Generator) -> FloatArray:
        """A random unit vector in the span of B, shape "d"."""
        return self.directions(rng, 1)[0]

    def directions(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Random unit vectors in the span of B, shape "count d"."""
        mix = rng.standard_normal((count, self.rest.shape[1]))
        mix /= np.linalg.norm(mix, axis=1, keepdims=True)
        return mix @ self.rest.T

    def append(self, direction: FloatArray, size: float, error: float) -> None:
        """Move one direction from B to V.

        Args:
            direction: A vector in the span of B, any length, shape "d".
            size: Length of the measured part outside V.
            error: Expected length of the error in it, from noise and leak.
        """
        coordinates = self.rest.T @ direction
        unit = coordinates / np.linalg.norm(coordinates)
        self._found = np.column_stack([self._found, _orthogonal(self.rest @ unit, self._found)])
        self._sizes.append(size)
        self._errors.append(min(1.0, error / size))
        self.rest = _reflected(self.rest, unit)


def without(rest: FloatArray, directions: FloatArray) -> FloatArray:
    """An orthonormal basis of what `rest` spans less some directions of it.

    Args:
        rest: Orthonormal columns, shape "d c".
        directions: Orthonormal columns in its span, shape "d q", q < c.
    """
    for direction in directions.T:
        coordinates = rest.T @ direction
        rest = _reflected(rest, coordinates / np.linalg.norm(coordinates))
    return rest


def _reflected(rest: FloatArray, unit: FloatArray) -> FloatArray:
    """B less one direction: the reflection that takes `unit` to the first axis, then the others."""
    # H = I - 2 w w^T with w = unit + sign(unit_0) e_0 normalised sends unit to -+ e_0
    mirror = unit.copy()
    mirror[0] += 1.0 if unit[0] >= 0 else -1.0
    mirror /= np.linalg.norm(mirror)
    reflected = rest - np.outer(rest @ mirror, 2 * mirror)
    return np.ascontiguousarray(reflected[:, 1:])


def _orthogonal(vector: FloatArray, basis: FloatArray) -> FloatArray:
    """`vector` made exactly orthogonal to the basis, unit length; twice is enough."""
    for _ in range(2):
        vector = vector - basis @ (basis.T @ vector)
    return vector / np.linalg.norm(vector)
