"""An autoencoder of one hidden layer, and how it is trained: plain, or as a Wasserstein autoencoder.

    plain   mean over rows and units of (r(v) - v)^2
    wae     the same + 1e-4 MMD^2(codes, N(0, 2 I)), unbiased, kernel C / (C + |a - b|^2), C = 2 x code x 2

Values are divided by one number for each layer, their root mean square, so that errors of different layers
have one unit. Ours are dense where the paper's are convolutional.

Sources: the code of Wojcik et al. 2020 (arXiv 2006.10013) for the loss and the schedule of the rate;
Tolstikhin et al., Wasserstein Auto-Encoders, ICLR 2018, for the divergence. Cost: `epochs` passes over rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.defences.detector.dense import Dense, random_dense
from hingeline.defences.training.adam import Adam

Loss = Literal["plain", "wae"]
_PRIOR_VARIANCE = 2.0
_DROPS = ((5 / 6, 0.1), (2 / 3, 0.2), (1 / 2, 0.5))
"""From which share of the epochs on the rate is which share of the first one: 125, 100 and 75 of 150."""


@dataclass(frozen=True)
class AutoencoderSettings:
    """How autoencoders are built and trained; numbers are those of the paper's code, but for widths."""

    hidden: int = 64
    """Width of the layer before and after the code."""
    code: int = 16
    """Numbers in one code; the paper has 64 for feature maps of images."""
    loss: Loss = "wae"
    """Plain squared error, or with a divergence of the codes from a Gaussian."""
    divergence: float = 1e-4
    """Weight of the divergence."""
    epochs: int = 150
    """Passes over the rows; the schedule of the rate is scaled with them."""
    batch: int = 100
    """Rows in one step."""
    rate: float = 1e-3
    """Learning rate at the start."""

    def __post_init__(self) -> None:
        counts = min(self.hidden, self.code, self.epochs) >= 1 and self.batch >= 2
        if not (counts and self.rate > 0 and self.divergence >= 0 and self.loss in ("plain", "wae")):
            raise InvalidInput(
                "an autoencoder wants widths and epochs from 1 up, a batch from 2 up, a rate above 0 and a "
                f'loss "plain" or "wae"; got {self}'
            )


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """A trained autoencoder of one layer.

    Attributes:
        encoder: From scaled values to codes.
        decoder: From codes to scaled values.
        scale: What values are divided by first.
    """

    encoder: Dense
    decoder: Dense
    scale: float

    def codes(self, values: FloatArray) -> FloatArray:
        """Codes of a layer's values: "n w" to "n c"."""
        return self.encoder(values / self.scale)

    def statistics(self, values: FloatArray) -> FloatArray:
        """Mean squared error of the reconstruction and Euclidean norm of the code: "n w" to "n 2"."""
        scaled = values / self.scale
        codes = self.encoder(scaled)
        error = ((self.decoder(codes) - scaled) ** 2).mean(axis=1)
        return np.stack([error, np.linalg.norm(codes, axis=1)], axis=1)

    def codes_gradient(self, values: FloatArray, down: FloatArray) -> FloatArray:
        """Gradients by the values of sums of codes weighted by `down` ("n c"): "n w"."""
        states = self.encoder.states(values / self.scale)
        return self.encoder.backward(states, down)[0] / self.scale

    def statistics_gradient(self, values: FloatArray, down: FloatArray) -> FloatArray:
        """Gradients by the values of sums of the two statistics weighted by `down` ("n 2"): "n w"."""
        scaled = values / self.scale
        up, codes = self._both(scaled)
        miss = (2.0 / scaled.shape[1]) * down[:, :1] * (codes[-1] - scaled)
        by_code, _ = self.decoder.backward(codes, miss)
        length = np.linalg.norm(up[-1], axis=1, keepdims=True)
        by_code = by_code + down[:, 1:] * up[-1] / np.where(length > 0, length, 1.0)
        return (self.encoder.backward(up, by_code)[0] - miss) / self.scale

    def _both(self, scaled: FloatArray) -> tuple[list[FloatArray], list[FloatArray]]:
        up = self.encoder.states(scaled)
        return up, self.decoder.states(up[-1])


def train_autoencoder(
    values: FloatArray, settings: AutoencoderSettings, rng: np.random.Generator
) -> tuple[Autoencoder, float]:
    """Train on a layer's values, "n w"; the autoencoder and its last mean squared error, in scaled units.

    Raises:
        InvalidInput: The layer answers zero everywhere.
    """
    scale = float(np.sqrt((values**2).mean()))
    if not scale > 0:
        raise InvalidInput(
            "a layer is zero at all inputs, there is nothing to learn; leave it out of `layers`"
        )
    scaled, width = values / scale, values.shape[1]
    encoder = random_dense((width, settings.hidden, settings.code), rng)
    # units that are never below zero are imitated by units that cannot be
    positive = bool((values >= 0).all())
    decoder = random_dense((settings.code, settings.hidden, width), rng, positive=positive)
    adam = Adam([*encoder.parameters, *decoder.parameters], settings.rate)
    error = float("nan")
    for epoch in range(settings.epochs):
        adam.rate = settings.rate * rate_share(epoch, settings.epochs)
        error, parts = 0.0, max(1, len(scaled) // settings.batch)
        for rows in np.array_split(rng.permutation(len(scaled)), parts):
            value, gradients = _loss_gradients(encoder, decoder, scaled[rows], settings, rng)
            adam.step(gradients)
            error += value * len(rows) / len(scaled)
    return Autoencoder(encoder.sealed(), decoder.sealed(), scale), error


def rate_share(epoch: int, epochs: int) -> float:
    """Rate in an epoch as a share of the first: .5, .2 and .1 from 1/2, 2/3 and 5/6 of the epochs on."""
    return next((share for start, share in _DROPS if epoch >= start * epochs), 1.0)


def _loss_gradients(
    encoder: Dense,
    decoder: Dense,
    rows: FloatArray,
    settings: AutoencoderSettings,
    rng: np.random.Generator,
) -> tuple[float, list[FloatArray]]:
    """Mean squared error, and the gradients of the whole loss by the parameters of both halves."""
    up = encoder.states(rows)
    down = decoder.states(up[-1])
    miss = down[-1] - rows
    by_code, of_decoder = decoder.backward(down, 2.0 * miss / miss.size, parameters=True)
    if settings.loss == "wae" and settings.divergence > 0:
        drawn = np.sqrt(_PRIOR_VARIANCE) * rng.standard_normal(up[-1].shape)
        by_code = by_code + settings.divergence * divergence_gradient(up[-1], drawn)[1]
    _, of_encoder = encoder.backward(up, by_code, parameters=True)
    return float((miss**2).mean()), [*of_encoder, *of_decoder]


def divergence_gradient(codes: FloatArray, drawn: FloatArray) -> tuple[float, FloatArray]:
    """The unbiased squared MMD of codes and draws, "n c" both, and its gradient by the codes.

        mean_{i != j} k(z_i, z_j) + mean_{i != j} k(p_i, p_j) - 2 mean_{ij} k(z_i, p_j)

    It may be below zero, as an unbiased estimate of zero must. Rows: at least two.
    """
    count, constant = len(codes), 2.0 * codes.shape[1] * _PRIOR_VARIANCE
    if count < 2:
        return 0.0, np.zeros_like(codes)
    pairs = count * (count - 1)
    own, theirs, cross = (
        _kernel(a, b, constant) for a, b in ((codes, codes), (drawn, drawn), (codes, drawn))
    )
    value = (own.sum() - count + theirs.sum() - count) / pairs - 2.0 * cross.mean()
    # d k / d a = -2 (a - b) k^2 / C; the pair of a row with itself gives nothing
    pull, push = own**2 / constant, cross**2 / constant
    inner = codes * pull.sum(axis=1, keepdims=True) - pull @ codes
    outer = codes * push.sum(axis=1, keepdims=True) - push @ drawn
    return float(value), -4.0 * inner / pairs + 4.0 * outer / count**2


def _kernel(first: FloatArray, second: FloatArray, constant: float) -> FloatArray:
    distance = (first**2).sum(axis=1)[:, np.newaxis] + (second**2).sum(axis=1) - 2.0 * first @ second.T
    return constant / (constant + np.maximum(distance, 0.0))
