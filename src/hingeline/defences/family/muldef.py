"""Training of families: MulDef, and plain seeds to compare it with.

MulDef: member 0 is trained on clean data; member i on clean data and on one-step adversarial examples made
from all members before it. Each member stays weak to examples made for itself and resists those made for
earlier ones.
Source: Srisakaokul, Zhang, Zhong, Yang, Xie and Li, MulDef: Multi-model-based Defense Against Adversarial
Examples for Neural Networks, 2018, arXiv 1809.00065; we know the abstracts and public notes on the training,
and follow these. Cost: member i sees (i + 1) n examples in every epoch, so m (m + 1) / 2 plain trainings in
all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hingeline.core.arrays import as_points
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink, Note, ignore
from hingeline.core.randomness import Randomness
from hingeline.defences.family.family import ModelFamily
from hingeline.defences.training.adversarial import fgsm
from hingeline.defences.training.classifier import TrainingSettings, train_classifier
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat

_SEEDS = 2**31


def train_family(
    x: Any,
    y: Any,
    *,
    threat: Threat,
    radius: float,
    members: int = 5,
    classes: int | None = None,
    seed: int = 0,
    settings: TrainingSettings | None = None,
    on_event: EventSink = ignore,
) -> ModelFamily:
    """Train a family as MulDef does.

    Args:
        x: Inputs, shape "n d", inside the threat's box.
        y: Classes from 0 up, shape "n".
        threat: What the one-step examples may change.
        radius: By how much.
        members: How many models.
        classes: How many classes there are; one more than the largest in `y` if not given.
        seed: Of all members' first weights and orders of examples.
        settings: How each member is trained.
        on_event: Where progress goes.

    Raises:
        InvalidInput: No members, inputs outside the box, or inputs and classes that do not fit together.
    """
    _check(members)
    points = as_points(x, np.asarray(x).shape[-1])
    labels = np.asarray(y)
    seeds, adversary = member_seeds(seed, members), fgsm(threat, radius)
    shown, told = [points], [labels]
    trained: list[PiecewiseLinearNetwork] = []
    for index in range(members):
        on_event(Note(f"member {index + 1} of {members}: {sum(map(len, shown)):,} examples"))
        network = train_classifier(
            np.concatenate(shown), np.concatenate(told), classes=classes, settings=settings, seed=seeds[index]
        )
        trained.append(network)
        if index + 1 < members:
            # one step draws nothing
            rng = np.random.default_rng(seeds[index])
            shown.append(adversary.against([NetworkModel(network)], points, labels, rng))
            told.append(labels)
    return ModelFamily(trained)


def train_seeds(
    x: Any,
    y: Any,
    *,
    members: int = 5,
    classes: int | None = None,
    seed: int = 0,
    settings: TrainingSettings | None = None,
    on_event: EventSink = ignore,
) -> ModelFamily:
    """Train a family whose members differ in nothing but their seeds; member 0 is that of `train_family`."""
    _check(members)
    trained: list[PiecewiseLinearNetwork] = []
    for index, each in enumerate(member_seeds(seed, members)):
        on_event(Note(f"plain member {index + 1} of {members}"))
        trained.append(train_classifier(x, y, classes=classes, settings=settings, seed=each))
    return ModelFamily(trained)


def member_seeds(seed: int, members: int) -> list[int]:
    """One seed for each member; families of different size begin alike."""
    chance = Randomness(seed)
    return [int(chance.step("member", index).integers(_SEEDS)) for index in range(members)]


def _check(members: int) -> None:
    if members < 1:
        raise InvalidInput(f"a family wants at least one member; got {members}")
