"""What a call of `defend` hands over, read and checked before anything is measured or trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.evaluation.defending.choosing import Chosen, chosen_defences, default_defences
from hingeline.evaluation.defending.opening import Defended, open_defended
from hingeline.evaluation.defending.settings import DefendSettings, is_whole
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.inputs import Inputs
from hingeline.sensitivity.threat import Norm, Threat

_PER_PARAMETER = 5
_LEAST_BUDGET = 20_000


@dataclass(frozen=True, eq=False)
class DefendCall:
    """Target, inputs, defences and settings that fit each other.

    Attributes:
        opened: What is defended.
        points: Inputs as users send them, shape "n d".
        labels: Their classes, shape "n"; None if not told.
        named: The defences to judge.
        train: Inputs and classes to train on; None if not given.
        threat: Which changes an attacker may make.
        budget: Most rows that each extraction may ask.
        settings: What is measured.
    """

    opened: Defended
    points: FloatArray
    labels: IntArray | None
    named: tuple[Chosen, ...]
    train: tuple[FloatArray, IntArray] | None
    threat: Threat
    budget: int
    settings: DefendSettings

    @classmethod
    def read(
        cls,
        target: Any,
        x: Any,
        y: Any = None,
        *,
        defences: Sequence[Any] | None = None,
        train: tuple[Any, Any] | None = None,
        norm: Norm = "linf",
        box: tuple[float, float] | None = None,
        budget: int | None = None,
        seed: int = 0,
        settings: DefendSettings | Mapping[str, Any] | None = None,
    ) -> DefendCall:
        """Read what a caller passed.

        Raises:
            InvalidInput: Something cannot be meant; the message says what.
            FormatError: A file that is not what its name says.
        """
        chosen, inputs = DefendSettings.of(settings), Inputs.read(x, y)
        if not is_whole(seed) or seed < 0:
            raise InvalidInput(f"seed must be a whole number, 0 or more; got {seed!r}")
        if budget is not None and (not is_whole(budget) or budget < 1):
            raise InvalidInput(f"budget must be at least 1 query, a whole number; got {budget!r}")
        if isinstance(defences, str):
            raise InvalidInput(f"defences want a list, such as [{defences!r}]; got a text")
        opened = open_defended(target, inputs.shape, seed)
        width, wanted = inputs.points.shape[1], opened.model.input_dim
        if width != wanted:
            raise InvalidInput(f"{opened.model.name} takes {wanted} numbers; inputs have {width}")
        bounds, decision = opened.door.spec.bounds, Decision(opened.model.output_dim)
        threat = Threat(norm, box or bounds)
        inputs.check(threat, box, bounds)
        if defences is None:
            usual = chosen_defences(default_defences(opened.model.output_dim))
            # a door of probabilities, say, is not judged behind a softmax
            named = tuple(one for one in usual if one.fits(opened.door))
        else:
            named = chosen_defences(defences)
        for one in named:
            one.check(opened.door)
        trained = [one.text for one in named if one.trains]
        for one in named:
            if not one.trains:
                # an order that cannot be meant is better refused now than after hours
                one.make(seed, None).around(opened.door, seed=seed)
        if trained and opened.model.output_dim == 1:
            raise InvalidInput(
                f"{', '.join(trained)}: trained defences want one output for each class, from 2 up"
            )
        if trained and train is None:
            raise InvalidInput(
                f"{', '.join(trained)}: trained defences want data to be trained on: train=(x, y), or "
                "--train FILE and --train-labels FILE"
            )
        return cls(
            opened=opened,
            points=inputs.points,
            labels=inputs.labels_for(decision),
            named=named,
            train=None if train is None else _training(train, wanted, decision),
            threat=threat,
            budget=_default_budget(opened) if budget is None else int(budget),
            settings=chosen,
        )


def _training(train: Any, width: int, decision: Decision) -> tuple[FloatArray, IntArray]:
    if not isinstance(train, (tuple, list)) or len(train) != 2:
        raise InvalidInput(f"training data are inputs and their classes, train=(x, y); got {train!r:.60}")
    rows = Inputs.read(*train)
    if rows.points.shape[1] != width:
        raise InvalidInput(f"the model takes {width} numbers; training inputs have {rows.points.shape[1]}")
    labels = rows.labels_for(decision)
    if labels is None:
        raise InvalidInput("trained defences want the classes of their training data: train=(x, y)")
    if len(np.unique(labels)) < 2:
        raise InvalidInput("the training data hold one class only")
    return rows.points, labels


def _default_budget(opened: Defended) -> int:
    parameters = 0 if opened.truth is None else opened.truth.parameter_count
    return max(_LEAST_BUDGET, _PER_PARAMETER * parameters)
