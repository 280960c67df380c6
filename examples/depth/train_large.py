"""Train a deep ReLU network on images that this script draws itself: 3072-256x8-10, 1.2 million parameters.

    python examples/depth/train_large.py [FILE.npz] [--widths 3072 256 ... 10] [--steps N] [--seed S]

An image of 32 x 32 x 3 is one of three smooth patterns of its class, under a stronger smooth random texture
and a little grain. Nothing is downloaded. Adam in single precision; the network is saved in double precision,
its weights as they were trained. Takes one to four minutes on two cores.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hingeline.networks.loading import save_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

Single = npt.NDArray[np.float32]
LARGE = (3072, *[256] * 8, 10)
SIDE, COLOURS, COARSE = 32, 3, 6
PATTERNS = 3  # per class, so that a class is no half space
PATTERN, TEXTURE, GRAIN = 0.4, 1.0, 0.3  # strengths; a tenth of the images stays hard to tell
BATCH, RATE, DECAYS = 256, 1e-3, (0.9, 0.999)


class Images:
    """Patterns of the classes, and images drawn from them.

    Args:
        pixels: Numbers in an image; other than 32 x 32 x 3 the textures are smooth along one axis.
        classes: Number of classes.
        rng: Draws the patterns.
    """

    def __init__(self, pixels: int, classes: int, rng: np.random.Generator) -> None:
        self.pixels, self.classes = pixels, classes
        self._square = pixels == SIDE * SIDE * COLOURS
        self._spread = _interpolation(SIDE if self._square else pixels, COARSE)
        self._patterns = np.float32(PATTERN) * self._smooth(classes * PATTERNS, rng)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Single, npt.NDArray[np.int64]]:
        """Images, "count pixels", of about unit size per pixel, and their classes."""
        which = rng.integers(0, len(self._patterns), count)
        images = self._patterns[which] + TEXTURE * self._smooth(count, rng)
        images += GRAIN * rng.standard_normal(images.shape, dtype=np.float32)
        return images / np.float32(np.sqrt(PATTERN**2 + TEXTURE**2 + GRAIN**2)), which // PATTERNS

    def _smooth(self, count: int, rng: np.random.Generator) -> Single:
        """Smooth random textures of unit variance."""
        if not self._square:
            return rng.standard_normal((count, COARSE), dtype=np.float32) @ self._spread.T
        knots = rng.standard_normal((count, COLOURS, COARSE, COARSE), dtype=np.float32)
        return (self._spread @ knots @ self._spread.T).reshape(count, -1)


def _interpolation(fine: int, coarse: int) -> Single:
    """Smooth weights of a few knots at many places, rows of unit length."""
    distance = np.linspace(0, coarse - 1, fine)[:, np.newaxis] - np.arange(coarse)
    weights = np.exp(-(distance**2))
    return (weights / np.linalg.norm(weights, axis=1, keepdims=True)).astype(np.float32)


class Trainer:
    """A ReLU network in single precision and the state of Adam.

    Args:
        widths: From input to output.
        rng: Draws the He-scaled start.
    """

    def __init__(self, widths: Sequence[int], rng: np.random.Generator) -> None:
        shapes = [(out, given) for given, out in pairwise(widths)]
        self.weights = [
            rng.standard_normal(s, dtype=np.float32) * np.float32(np.sqrt(2 / s[1])) for s in shapes
        ]
        self.biases = [np.zeros(out, dtype=np.float32) for out, _ in shapes]
        self._moments = [(np.zeros_like(p), np.zeros_like(p)) for p in (*self.weights, *self.biases)]
        self._steps = 0

    def forward(self, images: Single) -> list[Single]:
        """Inputs of every layer, and the outputs."""
        values = [images]
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            above = values[-1] @ weight.T + bias
            values.append(above if index == len(self.weights) - 1 else np.maximum(above, 0))
        return values

    def step(self, images: Single, classes: npt.NDArray[np.int64], rate: float) -> float:
        """One step of Adam on the cross-entropy; returns it."""
        values = self.forward(images)
        shares = np.exp(values[-1] - values[-1].max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        own = np.arange(len(images)), classes
        loss = float(-np.log(np.maximum(shares[own], 1e-30)).mean())
        shares[own] -= 1
        back = shares / np.float32(len(images))
        weights, biases = list[Single](), list[Single]()
        for index in range(len(self.weights) - 1, -1, -1):
            weights.append(back.T @ values[index])
            biases.append(back.sum(axis=0))
            if index:
                back = (back @ self.weights[index]) * (values[index] > 0)
        self._move([*weights[::-1], *biases[::-1]], rate)
        return loss

    def _move(self, gradients: list[Single], rate: float) -> None:
        self._steps += 1
        first_share, second_share = (1 - decay**self._steps for decay in DECAYS)
        length = np.float32(rate * np.sqrt(second_share) / first_share)
        parameters = [*self.weights, *self.biases]
        for index, gradient in enumerate(gradients):
            first, second = self._moments[index]
            _decay(first, gradient, DECAYS[0])
            _decay(second, gradient * gradient, DECAYS[1])
            parameters[index] -= length * first / (np.sqrt(second) + np.float32(1e-8))

    def network(self) -> PiecewiseLinearNetwork:
        """The network in double precision."""
        return PiecewiseLinearNetwork(self.weights, self.biases)


def _decay(average: Single, fresh: Single, decay: float) -> None:
    """Move a running average, in place."""
    average *= np.float32(decay)
    average += np.float32(1 - decay) * fresh


def train(widths: Sequence[int], steps: int, seed: int) -> tuple[PiecewiseLinearNetwork, float]:
    """The trained network and its share of right answers on 2,000 fresh images."""
    rng = np.random.default_rng(seed)
    images, trainer = Images(widths[0], widths[-1], rng), Trainer(widths, rng)
    for step in range(steps):
        loss = trainer.step(*images.draw(BATCH, rng), RATE * (1 - step / steps))
        if (step + 1) % 250 == 0:
            print(f"step {step + 1:,} of {steps:,}: cross-entropy {loss:.3f}", flush=True)
    network = trainer.network()
    fresh, classes = images.draw(2000, rng)
    return network, float((network(fresh).argmax(axis=1) == classes).mean())


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?", default=Path("large.npz"))
    parser.add_argument("--widths", type=int, nargs="+", default=LARGE, help="from input to output")
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=0)
    options, began = parser.parse_args(given), time.perf_counter()
    network, accuracy = train(options.widths, options.steps, options.seed)
    save_network(network, options.file)
    print(f"{options.file}: {network}, {network.parameter_count:,} parameters")
    print(f"{accuracy:.1%} of fresh images right, {time.perf_counter() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
