"""The digit classifiers of the demo and 200 real digits they were not trained on; all travel in the wheel.

Trained by `examples/train_digits.py` and `examples/train_digits_stack.py`; credit and licence of the scans:
`data/CREDITS.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import load_npz
from hingeline.oracles.local import network_oracle
from hingeline.oracles.protocol import Oracle
from hingeline.renormalisation.stacks.stack import StochasticStack
from hingeline.renormalisation.stacks.storage import load_stack

_DATA = Path(__file__).parent / "data"
_DARKEST = 16.0  # a pixel counts the inked dots of a 4x4 block; the network takes them divided by this

DIGITS_MODEL = _DATA / "digits.npz"
"""The 64-32-10 network, as a file that every verb takes."""
DIGITS_STACK = _DATA / "digits_stack.safetensors"
"""The 64-48-32-10 stack of stochastic layers, as a file."""


@dataclass(frozen=True)
class HeldOutDigits:
    """Scans that the classifiers have never seen."""

    images: npt.NDArray[np.uint8]
    """Inked dots per 4x4 block, 0 to 16, shape "200 8 8"."""
    labels: npt.NDArray[np.uint8]
    """The digit each scan shows, shape "200"."""

    @property
    def points(self) -> FloatArray:
        """The scans as the network takes them, "200 64"."""
        return self.images.reshape(len(self.images), -1) / _DARKEST

    def accuracy(self, network: PiecewiseLinearNetwork) -> float:
        """Share of the scans whose largest output is the right digit."""
        return float((network(self.points).argmax(axis=1) == self.labels).mean())


def digits_network() -> PiecewiseLinearNetwork:
    """The truth behind the demo; only a proof may read it."""
    return load_npz(DIGITS_MODEL)


def digits_stack() -> StochasticStack:
    """Two layers of random units and a softmax, trained layer by layer on the same digits as the network."""
    return load_stack(DIGITS_STACK)


def held_out_digits() -> HeldOutDigits:
    """The 200 scans, 20 of each digit."""
    with np.load(_DATA / "held_out.npz", allow_pickle=False) as file:
        return HeldOutDigits(file["images"].reshape(-1, 8, 8), file["labels"])


def demo_oracle() -> Oracle:
    """A door to the digit classifier: 64 pixels in, 10 logits out, nothing else to see."""
    return network_oracle(digits_network(), name="digits")
