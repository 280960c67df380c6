"""Families are trained as they say: the first member on clean data, each later one against those before."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.core.events import Event, Note
from hingeline.defences.family.family import ModelFamily
from hingeline.defences.family.muldef import member_seeds, train_family, train_seeds
from hingeline.defences.training.adversarial import fgsm
from hingeline.defences.training.classifier import TrainingSettings, train_classifier
from hingeline.sensitivity.threat import Threat

SMALL = TrainingSettings(hidden=(24,), epochs=25)
BOX = Threat("linf", (0.0, 1.0))
RADIUS = 0.12


def clouds(seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Three clouds in ten dimensions, some 0.3 apart in each of them."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 300)
    return np.clip(rng.uniform(0.2, 0.8, (3, 10))[y] + 0.1 * rng.normal(size=(300, 10)), 0, 1), y


@pytest.fixture(scope="module")
def family() -> ModelFamily:
    x, y = clouds()
    return train_family(x, y, threat=BOX, radius=RADIUS, members=3, settings=SMALL, seed=4)


def test_the_first_member_is_the_plain_classifier_of_its_seed(family: ModelFamily) -> None:
    x, y = clouds()
    plain = train_classifier(x, y, settings=SMALL, seed=member_seeds(4, 3)[0])
    assert np.array_equal(family.members[0].outputs(x), plain(x))


def test_later_members_withstand_what_fools_the_first(family: ModelFamily) -> None:
    x, y = clouds()
    made = fgsm(BOX, RADIUS).against([family.members[0]], x, y, np.random.default_rng(0))
    right = family.right(made, y).mean(axis=1)
    assert right[1:].min() > right[0]


def test_the_same_seed_gives_the_same_family_and_another_seed_another(family: ModelFamily) -> None:
    x, y = clouds()
    again, other = (
        train_family(x, y, threat=BOX, radius=RADIUS, members=2, settings=SMALL, seed=seed) for seed in (4, 5)
    )
    # a larger family begins as a smaller one does
    assert np.array_equal(again.member_logits(x), family.member_logits(x)[:2])
    assert not np.array_equal(other.member_logits(x), again.member_logits(x))


def test_plain_seeds_differ_and_begin_with_the_same_member(family: ModelFamily) -> None:
    x, y = clouds()
    plain = train_seeds(x, y, members=2, settings=SMALL, seed=4)
    logits = plain.member_logits(x)
    assert np.array_equal(logits[0], family.member_logits(x)[0]) and not np.array_equal(*logits)


def test_progress_is_told_for_every_member() -> None:
    (x, y), told = clouds(), list[Event]()
    quick = TrainingSettings(hidden=(4,), epochs=1)
    train_family(x, y, threat=BOX, radius=RADIUS, members=2, settings=quick, on_event=told.append)
    assert [e.message for e in told if isinstance(e, Note)] == [
        "member 1 of 2: 300 examples",
        "member 2 of 2: 600 examples",
    ]


def test_a_family_of_nobody_is_refused() -> None:
    x, y = clouds()
    with pytest.raises(InvalidInput, match="at least one member"):
        train_family(x, y, threat=BOX, radius=RADIUS, members=0)
