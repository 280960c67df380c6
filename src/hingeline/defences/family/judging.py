"""Judging a family: every row of the table is attacked alike, and by whoever knows the defence.

The attacker of each row also has the examples made beforehand and those made for single members, so the
adaptive accuracy is never above any other. Cost: three attacks on all inputs, and the checks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink, Note, ignore
from hingeline.core.randomness import Randomness
from hingeline.defences.family.expectation import FamilyAttacked, FamilyAttackSettings, attack_family
from hingeline.defences.family.family import ModelFamily
from hingeline.defences.family.judgement import DefenceRow, FamilyJudgement, Share
from hingeline.defences.family.retries import measure_retries
from hingeline.defences.family.sanity import Checked, sanity_facts
from hingeline.defences.training.adversarial import fgsm
from hingeline.sensitivity.inputs import Inputs
from hingeline.sensitivity.results import sealed
from hingeline.sensitivity.threat import Threat

CHECKED = 150
"""Inputs on which the attack itself is checked."""


def judge_family(
    family: ModelFamily,
    x: Any,
    y: Any,
    threat: Threat,
    radius: float,
    *,
    robust: Any,
    undefended: Any = None,
    settings: FamilyAttackSettings | None = None,
    seed: int = 0,
    checked: int = CHECKED,
    on_event: EventSink = ignore,
) -> FamilyJudgement:
    """Measure what a family buys against an attacker who knows its members.

    Args:
        family: The family.
        x: Inputs, shape "n d" or images, inside the threat's box.
        y: Their true classes, shape "n".
        threat: What may be changed.
        radius: By how much.
        robust: A network or model trained against projected gradient descent, the baseline to beat.
        undefended: A network or model without any defence; member 0 if not given.
        settings: How hard all are attacked.
        seed: Of the attack's random starts.
        checked: Inputs on which the attack itself is checked.
        on_event: Where progress goes.

    Raises:
        InvalidInput: Inputs outside the box, classes that do not fit, or baselines of another shape.
    """
    chosen, chance = settings or FamilyAttackSettings(), Randomness(seed)
    points, classes = _examples(family, x, y, threat)
    single = family.alone(0) if undefended is None else ModelFamily((undefended,))
    static = fgsm(threat, radius).against([single.members[0]], points, classes, chance.step("static"))
    named = {
        "undefended": single,
        f"family of {len(family)}": family,
        "adversarially trained": ModelFamily((robust,)),
    }
    rows: list[DefenceRow] = []
    found: list[FamilyAttacked] = []
    for name, each in named.items():
        on_event(Note(f"attacking: {name}"))
        row, attacked = judge_row(
            name, each, points, classes, threat, radius, static, chance.step(name), settings=chosen
        )
        rows.append(row)
        found.append(attacked)
    some = slice(0, max(1, checked))
    facts = sanity_facts(
        Checked(family, points[some], classes[some], threat, radius, chosen, chance), on_event
    )
    return FamilyJudgement(
        family=rows[1],
        undefended=rows[0],
        robust=rows[2],
        transfer=sealed(found[1].own_right.mean(axis=2)),
        retries=measure_retries(found[1]),
        facts=facts,
        expected=sealed(found[1].expected_right),
        norm=threat.norm,
        radius=radius,
        seed=seed,
    )


def judge_row(
    name: str,
    family: ModelFamily,
    points: FloatArray,
    classes: IntArray,
    threat: Threat,
    radius: float,
    static: FloatArray,
    rng: np.random.Generator,
    *,
    settings: FamilyAttackSettings | None = None,
) -> tuple[DefenceRow, FamilyAttacked]:
    """One row of the table, and what the attack found.

    Args:
        name: Of the defence.
        family: Who answers; one member if nothing is random.
        points: Inputs, shape "n d".
        classes: Their true classes, shape "n".
        threat: What may be changed.
        radius: By how much.
        static: Examples made beforehand on another model, shape "n d"; the attacker has them too.
        rng: Of the attack's random starts.
        settings: How hard it is attacked.

    Raises:
        InvalidInput: A model of other inputs or classes.
    """
    if family.input_dim != points.shape[1] or classes.max() >= family.classes:
        raise InvalidInput(
            f"{name}: {family.input_dim} inputs and {family.classes} classes; want {points.shape[1]} and "
            f"more than {classes.max()}"
        )
    attacked = attack_family(family, points, classes, threat, radius, rng, settings=settings, known=[static])
    return _row(name, family, attacked, points, classes, static), attacked


def _row(
    name: str,
    family: ModelFamily,
    attacked: FamilyAttacked,
    points: FloatArray,
    classes: IntArray,
    static: FloatArray,
) -> DefenceRow:
    # the attacker picks the member whose examples the whole family answers worst
    by_member = np.einsum("k,jkn->jn", family.weights, attacked.own_right)
    return DefenceRow(
        name=name,
        clean=Share.of(family.expected_right(points, classes)),
        static=Share.of(family.expected_right(static, classes)),
        one_member=Share.of(by_member[by_member.mean(axis=1).argmin()]),
        adaptive=Share.of(attacked.expected_right),
        any_fooled=Share.of(attacked.any_fooled),
        all_fooled=Share.of(attacked.all_fooled),
    )


def _examples(family: ModelFamily, x: Any, y: Any, threat: Threat) -> tuple[FloatArray, IntArray]:
    inputs = Inputs.read(x, y)
    inputs.check(threat, None, None)
    classes = inputs.labels_for(family.decision)
    if classes is None:
        raise InvalidInput("a judgement wants the true class of every input; pass y")
    return inputs.points, classes
