"""MulDef on MNIST, small: the order of digits holds there too. Skips without the data; three minutes.

`pytest -m paper tests/reproduction/test_muldef_mnist.py`; figures by `examples/defences/muldef.py --mnist`.
"""

from __future__ import annotations

import functools
import gzip
from pathlib import Path

import numpy as np
import pytest

from hingeline.defences.family.study import MulDefStudy, judge_muldef
from hingeline.defences.training.classifier import TrainingSettings
from hingeline.sensitivity.threat import Threat

pytestmark = pytest.mark.paper
MNIST = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mnist"
SEEDS = (31, 32, 33, 34, 35)
TRAIN, TEST = 1000, 30


def _read(name: str, skipped: int) -> np.ndarray:
    path = MNIST / f"{name}.gz"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=skipped)


@functools.cache
def studied() -> MulDefStudy:
    images = _read("t10k-images-idx3-ubyte", 16).reshape(-1, 784) / 255
    labels = _read("t10k-labels-idx1-ubyte", 8).astype(np.int64)
    rows = np.random.default_rng(30).permutation(len(images))
    train, test = rows[:TRAIN], rows[TRAIN : TRAIN + TEST]
    return judge_muldef(
        images[train],
        labels[train],
        images[test],
        labels[test],
        threat=Threat("linf", (0.0, 1.0)),
        radius=0.1,
        seeds=SEEDS,
        training=TrainingSettings(epochs=12),
        checked=10,
    )


def test_examples_made_beforehand_flatter_muldef_on_every_training() -> None:
    static, adaptive = (studied().values("muldef", name) for name in ("static", "adaptive"))
    assert (adaptive < static - 0.2).all()


def test_nearly_every_image_fools_some_member_of_every_family() -> None:
    assert studied().values("muldef", "any_fooled").min() > 0.9


def test_one_adversarially_trained_model_withstands_more_on_every_training() -> None:
    robust, family = studied().values("robust", "adaptive"), studied().values("muldef", "adaptive")
    assert (robust > family + 0.1).all()
