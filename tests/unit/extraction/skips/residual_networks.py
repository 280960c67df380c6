"""Networks with skip connections in plain NumPy, drawn or trained on digits."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import FloatArray

RATE, DECAYS, BATCH = 2e-3, (0.9, 0.999), 64


@dataclass(frozen=True, eq=False)
class Residual:
    """C (relu(A h + into x + c) + identity h) + around h + direct x + e with h = relu(W x + b)."""

    first: FloatArray
    first_bias: FloatArray
    second: FloatArray
    second_bias: FloatArray
    last: FloatArray
    last_bias: FloatArray
    into: FloatArray
    around: FloatArray
    direct: FloatArray
    identity: float = 0.0

    def __call__(self, points: FloatArray) -> FloatArray:
        """Outputs at `points`."""
        h = np.maximum(points @ self.first.T + self.first_bias, 0.0)
        z = np.maximum(h @ self.second.T + points @ self.into.T + self.second_bias, 0.0)
        mixed = z + self.identity * h if self.identity else z
        return mixed @ self.last.T + h @ self.around.T + points @ self.direct.T + self.last_bias


def drawn(*sizes: int, seed: int, skips: str = "", biases: float = 0.3) -> Residual:
    """He weights; `skips` names any of into, around, direct (dense) and identity."""
    rng = np.random.default_rng(seed)
    d, n, m, k = sizes

    def dense(rows: int, columns: int, name: str = "") -> FloatArray:
        drawn = rng.standard_normal((rows, columns)) * np.sqrt(2 / columns)
        return drawn if not name or name in skips.split() else np.zeros((rows, columns))

    return Residual(
        dense(n, d), biases * rng.standard_normal(n), dense(m, n), biases * rng.standard_normal(m),
        dense(k, m), biases * rng.standard_normal(k), dense(m, d, "into"), dense(k, n, "around"),
        dense(k, d, "direct"), 1.0 if "identity" in skips else 0.0,
    )  # fmt: skip


def single(
    d: int, n: int, k: int, seed: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """W, b, C, S, c of y = C relu(W x + b) + S x + c."""
    rng = np.random.default_rng(seed)
    first = rng.standard_normal((n, d)) * np.sqrt(2 / d)
    last = rng.standard_normal((k, n)) * np.sqrt(2 / n)
    skip = rng.standard_normal((k, d)) / np.sqrt(d)
    return first, 0.3 * rng.standard_normal(n), last, skip, 0.3 * rng.standard_normal(k)


def trained_on_digits(width: int, skips: str, seed: int, epochs: int) -> tuple[Residual, float]:
    """A residual network trained on scikit-learn's digits by Adam, and its accuracy on them."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    pixels = pixels / 16.0
    network = drawn(64, width, width, 10, seed=seed, skips=skips, biases=0.1)
    names = ["first", "first_bias", "second", "second_bias", "last", "last_bias", *skips.split()]
    names = [name for name in names if name != "identity"]
    moments = dict.fromkeys(names, (0.0, 0.0))
    rng, step = np.random.default_rng(seed), 0
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(len(pixels)), len(pixels) // BATCH):
            step += 1
            gradients = _gradients(network, pixels[batch], labels[batch])
            changed = dict[str, FloatArray]()
            for name in names:
                (one, two), gradient = moments[name], gradients[name]
                one = DECAYS[0] * one + (1 - DECAYS[0]) * gradient
                two = DECAYS[1] * two + (1 - DECAYS[1]) * gradient**2
                moments[name] = (one, two)
                scaled = np.sqrt(two / (1 - DECAYS[1] ** step)) + 1e-8
                changed[name] = getattr(network, name) - RATE * one / (1 - DECAYS[0] ** step) / scaled
            network = replace(network, **changed)
    return network, float((network(pixels).argmax(axis=1) == labels).mean())


def _gradients(network: Residual, x: FloatArray, labels: FloatArray) -> dict[str, FloatArray]:
    heights = x @ network.first.T + network.first_bias
    h = np.maximum(heights, 0.0)
    z = h @ network.second.T + x @ network.into.T + network.second_bias
    mixed = np.maximum(z, 0.0) + network.identity * h
    outputs = network(x)
    error = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    error /= error.sum(axis=1, keepdims=True)
    error[np.arange(len(x)), labels] -= 1
    error /= len(x)
    back = error @ network.last
    below = back * (z > 0)
    first = (below @ network.second + network.identity * back) * (heights > 0)
    return {
        "first": first.T @ x, "first_bias": first.sum(axis=0), "second": below.T @ h,
        "second_bias": below.sum(axis=0), "last": error.T @ mixed, "last_bias": error.sum(axis=0),
        "into": below.T @ x, "direct": error.T @ x,
    }  # fmt: skip
