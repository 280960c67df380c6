"""Train the 64-48-32-10 stack of stochastic layers on the digits of the demo; write its data file.

    pip install scikit-learn
    python examples/train_digits_stack.py [DIRECTORY]

The same 200 scans as in `train_digits.py` are never trained on, so the accuracy on them is a test accuracy.
Two restricted Boltzmann machines and a softmax, with the defaults of `train_stack`, five seconds. Same NumPy,
same machine: same file; elsewhere the last bits, and with them single samples, may differ.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from train_digits import DARKEST, PACKAGE_DATA, held_out

from hingeline.core.events import Event, Note
from hingeline.renormalisation.stacks.storage import save_stack
from hingeline.renormalisation.stacks.training import TrainedStack, stack_accuracy, train_stack

HIDDEN = (48, 32)
SAMPLES = 1000


def train(seed: int = 0, on_event=lambda event: None) -> tuple[TrainedStack, float]:
    """The stack, and the share of the 200 held-out digits it tells rightly."""
    digits = load_digits()
    pixels = digits.data / DARKEST
    test = held_out(digits.target)
    rest = np.setdiff1d(np.arange(len(digits.target)), test)
    rng = np.random.default_rng(seed)
    trained = train_stack(
        pixels[rest], digits.target[rest], hidden=HIDDEN, rng=rng, on_event=on_event, name="digits"
    )
    accuracy = stack_accuracy(trained.stack, pixels[test], digits.target[test], samples=SAMPLES, rng=rng)
    return trained, accuracy


def tell(event: Event) -> None:
    """Print notes, of the epochs only those that end in 0."""
    if isinstance(event, Note) and ("epoch" not in event.message or "0: " in event.message):
        print(event.message)


def main(directory: Path) -> None:
    """Train, write `digits_stack.safetensors`, say how good it is."""
    trained, accuracy = train(on_event=tell)
    directory.mkdir(parents=True, exist_ok=True)
    provenance = {
        "made_by": "examples/train_digits_stack.py",
        "settings": trained.settings.to_dict(),
        "training_accuracy": trained.accuracy,
        "held_out_accuracy": accuracy,
    }
    save_stack(trained.stack, directory / "digits_stack.safetensors", provenance)
    print(f"trained on {trained.rows:,} digits: {trained.stack}")
    print(f"test accuracy {accuracy:.1%} on 200 digits it has not seen, from {SAMPLES:,} samples each")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE_DATA)
