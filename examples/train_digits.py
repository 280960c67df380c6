"""Train the 64-32-10 digit classifier that `hingeline demo` hides behind a counter; write its data files.

    pip install scikit-learn
    python examples/train_digits.py [DIRECTORY]

The 1,797 scans of 8x8 pixels are split once: 200 (20 of each digit) are never trained on and travel with
the package, the other 1,597 train the network with scikit-learn's own defaults. Nothing is tuned on the
200, so the accuracy on them is a test accuracy. Same scikit-learn, same machine: same files; elsewhere the
last bits may differ.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

HERE = Path(__file__).resolve().parent
PACKAGE_DATA = HERE.parent / "src" / "hingeline" / "evaluation" / "data"
HELD_OUT_PER_DIGIT = 20
DARKEST = 16  # a pixel counts the inked dots of a 4x4 block


def held_out(labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Row numbers of the digits that are not trained on, 20 of each class, sorted."""
    rng = np.random.default_rng(seed)
    rows = [rng.choice(np.flatnonzero(labels == c), HELD_OUT_PER_DIGIT, replace=False) for c in range(10)]
    return np.sort(np.concatenate(rows))


def train(pixels: np.ndarray, labels: np.ndarray) -> MLPClassifier:
    """One hidden layer of 32 ReLU neurons, everything else as scikit-learn has it, until the loss is flat."""
    return MLPClassifier(hidden_layer_sizes=(32,), max_iter=1000, random_state=0).fit(pixels, labels)


def main(directory: Path) -> None:
    """Train, write `digits.npz` (the network) and `held_out.npz` (the 200 scans), say how good it is."""
    digits = load_digits()
    test = held_out(digits.target)
    rest = np.setdiff1d(np.arange(len(digits.target)), test)
    model = train(digits.data[rest] / DARKEST, digits.target[rest])
    directory.mkdir(parents=True, exist_ok=True)
    parameters = zip(model.coefs_, model.intercepts_, strict=True)
    network = {f"{k}{i}": v for i, (w, b) in enumerate(parameters) for k, v in (("W", w.T), ("b", b))}
    np.savez(directory / "digits.npz", **network)
    np.savez_compressed(
        directory / "held_out.npz",
        images=digits.data[test].astype(np.uint8),
        labels=digits.target[test].astype(np.uint8),
    )
    accuracy = model.score(digits.data[test] / DARKEST, digits.target[test])
    print(f"trained on {len(rest):,} digits, {model.n_iter_} epochs")
    print(f"test accuracy {accuracy:.1%} on {len(test)} digits it has not seen")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE_DATA)
