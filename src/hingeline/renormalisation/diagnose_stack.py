"""The parts of a diagnosis that only stacks have: classes as laws, close looks, the flow of each class.

Operators that have to be found (class means, pairs) are found on a pilot run whose samples are not used
again. Source: the modules of the parts. Cost: `samples` for every class and every input looked at closely,
twice or three times over.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.core.randomness import Randomness
from hingeline.renormalisation.flow.class_law_results import ClassLaws
from hingeline.renormalisation.flow.class_laws import class_laws
from hingeline.renormalisation.flow.estimate import estimate_stability
from hingeline.renormalisation.flow.identification import Identification
from hingeline.renormalisation.flow.relevance import relevance
from hingeline.renormalisation.flow.stability_matrix import StabilityMatrix
from hingeline.renormalisation.information.convergence import convergence
from hingeline.renormalisation.layer_operators import grown_operators, layer_operators
from hingeline.renormalisation.operators.operator_set import OperatorSet
from hingeline.renormalisation.settings import StabilitySettings
from hingeline.renormalisation.stack_findings import CloseLook, Flow, StackFindings
from hingeline.renormalisation.stacks.stack import StochasticStack
from hingeline.sensitivity.stages import Stages

_PILOT = 2000
"""Samples on which operators are found, from all inputs together."""
_FEWEST_LAW_SAMPLES = 40


@dataclass(frozen=True)
class _Operators:
    """Those measured, and more of them; one set for each layer."""

    measured: tuple[OperatorSet, ...]
    grown: tuple[OperatorSet, ...]


def diagnose_stack(
    stack: StochasticStack,
    points: FloatArray,
    classes: IntArray,
    rows: IntArray,
    *,
    settings: StabilitySettings,
    randomness: Randomness,
    stages: Stages,
) -> StackFindings:
    """Measure classes, flows and close looks of a stack.

    Args:
        stack: The stack.
        points: Inputs, shape "n d".
        classes: What they are, by label or by decision, shape "n".
        rows: Inputs to look at closely, by their place.
        settings: What is measured.
        randomness: Of all steps.
        stages: Where the parts are told and timed.
    """
    laws = _laws(stack, points, classes, settings, randomness, stages)
    operators = None
    if stack.unit_layers > 1:
        operators = stages.measured(
            "operators", lambda: _operators(stack, points, settings, randomness.step("operators"))
        )
    else:
        stages.left_out.append("Flow: the stack has one layer of units, and no step between layers")
    looks: list[CloseLook] = []
    for place, row in enumerate(rows, start=1):
        found = stages.measured(
            "close looks",
            lambda row=int(row): _look(stack, points, row, operators, settings, randomness),
            part=f"{place} of {len(rows)}",
        )
        looks += [] if found is None else [found]
    flows: list[Flow] = []
    for label in np.unique(classes) if operators is not None else ():
        which = np.flatnonzero(classes == label)
        cosine = _cosine(stack, looks, classes, int(label))
        found = stages.measured(
            "class flows",
            lambda which=which, label=label, cosine=cosine: _flow(
                stack,
                points,
                which,
                f"class {label}",
                operators,
                settings,
                randomness.step("class flow", int(label)),
                cosine,
            ),
            part=f"class {label}",
        )
        flows += [] if found is None else [found]
    return StackFindings(settings.measured, settings.identification, laws, tuple(flows), tuple(looks))


def _laws(
    stack: StochasticStack,
    points: FloatArray,
    classes: IntArray,
    settings: StabilitySettings,
    randomness: Randomness,
    stages: Stages,
) -> ClassLaws | None:
    if len(np.unique(classes)) < 2:
        stages.left_out.append("Class laws: all inputs are of one class, so no distance between classes")
        return None
    samples = max(_FEWEST_LAW_SAMPLES, min(settings.samples, 4000))
    return stages.measured(
        "class laws",
        lambda: class_laws(stack, points, classes, samples=samples, rng=randomness.step("class laws")),
    )


def _operators(
    stack: StochasticStack, points: FloatArray, settings: StabilitySettings, rng: np.random.Generator
) -> _Operators:
    pilot = [_upward(stack, points, rng)]
    laws = [_class_laws_of(stack, states) for states in pilot]
    tied = settings.identification == "tied units"
    measured = layer_operators(stack, settings.measured, pilot, laws, tied=tied)
    grown = grown_operators(stack, measured, pilot, laws) if settings.identification else ()
    return _Operators(measured, grown)


def _upward(stack: StochasticStack, points: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, ...]:
    """States of all layers, the inputs in turn."""
    states = [points[np.arange(max(_PILOT, len(points))) % len(points)]]
    for layer in range(1, stack.unit_layers + 1):
        states.append(stack.draw(layer, states[-1], rng))
    return tuple(states)


def _class_laws_of(stack: StochasticStack, states: tuple[FloatArray, ...]) -> FloatArray:
    return stack.class_law(states[stack.last_hidden])


def _look(
    stack: StochasticStack,
    points: FloatArray,
    row: int,
    operators: _Operators | None,
    settings: StabilitySettings,
    randomness: Randomness,
) -> CloseLook:
    found = convergence(stack, points[row], samples=settings.samples, rng=randomness.step("convergence", row))
    flow = _flow(
        stack,
        points,
        np.array([row]),
        f"row {row}",
        operators,
        settings,
        randomness.step("flow", row),
        found.single.cosine if _routes_can_part(stack, found.single.operators) else None,
    )
    return CloseLook(row, flow, found)


def _flow(
    stack: StochasticStack,
    points: FloatArray,
    rows: IntArray,
    words: str,
    operators: _Operators | None,
    settings: StabilitySettings,
    rng: np.random.Generator,
    cosine: float | None,
) -> Flow:
    """The stability matrices of all steps from these inputs, and what may be said of each."""
    if operators is None:
        return Flow(words, tuple(int(row) for row in rows), (), ())
    matrices = [
        _matrix(stack, points[rows], layer, operators.measured, settings, rng)
        for layer in range(1, stack.unit_layers)
    ]
    grown = [
        _grown_matrix(stack, points[rows], layer, operators, settings, rng)
        for layer in range(1, stack.unit_layers)
    ]
    said = [
        relevance(one, grown=more, chain_cosine=cosine) for one, more in zip(matrices, grown, strict=True)
    ]
    return Flow(words, tuple(int(row) for row in rows), tuple(matrices), tuple(said))


def _matrix(
    stack: StochasticStack,
    points: FloatArray,
    layer: int,
    operators: Sequence[OperatorSet],
    settings: StabilitySettings,
    rng: np.random.Generator,
) -> StabilityMatrix:
    """One stability matrix; of one input the instance average, of several the class average."""
    return estimate_stability(
        stack,
        points[0] if len(points) == 1 else points,
        layer,
        operators[layer - 1],
        operators[layer],
        samples=settings.samples,
        rng=rng,
        identification=_declared(stack, layer, settings),
        permutations=settings.permutations,
    )


def _grown_matrix(
    stack: StochasticStack,
    points: FloatArray,
    layer: int,
    operators: _Operators,
    settings: StabilitySettings,
    rng: np.random.Generator,
) -> StabilityMatrix | None:
    """The same with more operators, where eigenvalues were asked for and there are more."""
    if not operators.grown or _declared(stack, layer, settings) is None or stack.widths[layer + 1] == 1:
        return None
    return _matrix(stack, points, layer, operators.grown, settings, rng)


def _declared(stack: StochasticStack, layer: int, settings: StabilitySettings) -> Identification | None:
    """What was declared, where it can hold: units of layers of different width are not tied."""
    if settings.identification is None:
        return None
    if settings.identification == "tied units" and stack.widths[layer] != stack.widths[layer + 1]:
        return None
    return Identification(settings.identification)


def _routes_can_part(stack: StochasticStack, operators: Sequence[object]) -> bool:
    """Whether the directions of the two routes can differ: of one input number there is one direction."""
    return bool(operators) and stack.input_dim > 1


def _cosine(
    stack: StochasticStack, looks: Sequence[CloseLook], classes: IntArray, label: int
) -> float | None:
    """Least cosine of the routes at the inputs of a class; at all inputs if none of it was looked at."""
    measured = [look for look in looks if _routes_can_part(stack, look.convergence.single.operators)]
    own = [look.cosine for look in measured if classes[look.row] == label]
    found = own or [look.cosine for look in measured]
    # a cosine that is not a number must not hide behind one that is
    return float(np.min(found)) if found else None


def check_stack(stack: StochasticStack, settings: StabilitySettings) -> None:
    """Refuse what cannot be measured of this stack before anything is sampled.

    Raises:
        InvalidInput: There is one class only; or tied units were declared, and no two neighbouring layers
            have the same width.
    """
    if stack.classes < 2:
        raise InvalidInput("the softmax of this stack has one class, which nothing can change")
    widths = stack.widths[1:]
    if settings.identification == "tied units" and not any(
        below == above for below, above in itertools.pairwise(widths)
    ):
        raise InvalidInput(
            f"units of layers of different width are not tied; the layers have {', '.join(map(str, widths))} "
            "units. Collective operators can be the same in layers of any width: identification='collective'"
        )
