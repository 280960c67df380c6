"""What explains the distances, section by section; a measurement that was not made has no blocks.

Every section begins with a sentence that says in plain words what its figures mean for this network.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from hingeline.core.figure_data import Axis, Bars, Curves
from hingeline.numerics.statistics import median
from hingeline.report import fragility_figures
from hingeline.report.fragility_figures import relabelled
from hingeline.report.fragility_words import percent, size
from hingeline.report.model import Block, Table, Text
from hingeline.report.numbers import count, plural, small
from hingeline.sensitivity.attacks.base import Attacked
from hingeline.sensitivity.attacks.best_of import BestFlips
from hingeline.sensitivity.measures.layer_profile import LayerProfile
from hingeline.sensitivity.measures.verdicts import FEWEST_DIRECTIONS
from hingeline.sensitivity.profile import FragilityProfile

# How each attack of ours searches; those of other libraries carry their library's name.
_WAYS = {
    "gradient ray": "straight down the gradient, until the class changes",
    "one step": "one step down the gradient",
    "boundary descent": "slides along the class boundary towards the input, by gradients",
    "projected gradient": "many gradient steps of bounded size, the bound lowered as long as it works",
    "random search": "tries random patches; needs values, no gradients",
    "label search": "walks along the boundary; needs labels only",
}
_UNIT = (
    "Lengths are told in natural units: the size of the input over the root of the number of its coordinates "
    "(for l2). A random linear function flips half of all inputs at 0.6745 of them, and so do wide networks "
    "with random weights; the constants are hingeline's own."
)
_CLOSE = 1.2  # of the linear distance: the limit of the verdict "linear regime"


def attacks(profile: FragilityProfile) -> Iterable[Block]:
    """What every attack was worth."""
    found = profile.attacks
    if found is None:
        return
    yield Text(
        "Different attacks find different changes; for every input the smallest counts. An attack that finds "
        "nothing says little about the network and much about the attack."
    )
    columns = ["attack", "how it searches", "flipped", f"median change ({profile.norm})", "smallest for"]
    table, noted = found.table(), any(one.note for one in found.attacked)
    rows = [
        (
            one.name,
            _WAYS.get(one.name, "from another library"),
            percent(float(one.flipped.mean())),
            size(median(one.sizes)),
            count(told["best"]),
            *((_note(one),) if noted else ()),
        )
        for one, told in zip(found.attacked, table, strict=True)
    ]
    yield Table((*columns, *(("note",) if noted else ())), tuple(rows), _asked(found))
    beyond = None if profile.minimal is None else _beaten(profile, found)
    if beyond:
        yield Text(
            f"For {plural(beyond, 'input')} the search for the smallest flip found a clearly smaller change "
            "than all attacks together."
        )


def _asked(found: BestFlips) -> str:
    rows = sum(one.rows_asked for one in found.attacked)
    gradients = sum(one.gradients_asked for one in found.attacked)
    return f"Together {plural(rows, 'answer')} and {plural(gradients, 'gradient')} were asked for."


def _note(one: Attacked) -> str:
    return one.note if len(one.note) <= 120 else f"{one.note[:117]}..."


def _beaten(profile: FragilityProfile, found: BestFlips) -> int:
    """Inputs whose flip of the exact search is more than a hundredth smaller than the attacks' best."""
    return int(np.sum(profile.upper < 0.99 * found.sizes))


def one_step(profile: FragilityProfile) -> Iterable[Block]:
    """Whether following the gradient once tells the distance."""
    distance, linearity = profile.distance, profile.linearity
    if distance is not None:
        yield Text(_ratio_words(median(distance.ratio), float(distance.flipped.mean())))
        yield Text(_UNIT)
        yield fragility_figures.natural_units(distance)
        yield fragility_figures.single_steps(distance)
    if linearity is not None:
        radius, ray = median(linearity.linear_radius), median(linearity.ray)
        ends = "beyond the size of the input" if radius == math.inf else f"at {percent(radius)} of it"
        flip = (
            "no flip down the gradient"
            if ray == math.inf
            else f"the flip down the gradient at {percent(ray)}"
        )
        yield Text(
            "How far is the network the straight line that its gradient promises? Lengths are shares of the "
            f"size of the input. In the median the promise is off by a tenth {ends}; {flip}."
        )
        yield fragility_figures.linearity(linearity)


def _ratio_words(ratio: float, reached: float) -> str:
    if ratio == math.inf:
        return (
            f"Walking straight down the gradient changes the class of {percent(reached)} of the inputs "
            "only: one step, however long, is no measure here."
        )
    verdict = "so one step tells the distance" if ratio <= _CLOSE else "so one step misses it"
    return (
        f"In the median the class changes at {ratio:.2f} times the distance that one look at the gradient "
        f"foretells, {verdict}; straight down the gradient {percent(reached)} of the inputs flip."
    )


def layers(profile: FragilityProfile) -> Iterable[Block]:
    """How much of the input comes through to each layer, and how far it moves up to the flip."""
    found = profile.layers
    if found is None or not found.names:
        return
    place = found.bottleneck
    narrow = "" if place is None else f" The largest drop is at layer {found.names[place]}."
    yield Text(
        "Of all the directions in which the input can change, each layer lets some through (counted as "
        "directions of equal weight), and up to the flip it moves by a part of its size." + narrow
    )
    columns = ("layer", "neurons", "directions that come through", "moves up to the flip", "switches", "off")
    yield Table(columns, tuple(_layer_row(found, j) for j in range(len(found.names))), _LAYERS)
    if len(found.names) > 1:
        through, moved = found.figures()
        names = ("neurons", "directions that come through", "the same, for random weights")
        yield relabelled(through, names, levels=(("few", FEWEST_DIRECTIONS),))
        names = ("moves", "moves, for random weights", "switches", "switches, for random weights")
        yield relabelled(moved, names)


_LAYERS = (
    "Medians over the inputs; in brackets what wide layers with random weights would show. Switches: neurons "
    "that go on or off up to the flip. Off: neurons off at every input."
)


def _layer_row(found: LayerProfile, j: int) -> tuple[str, ...]:
    moved, changed = median(found.displacements[j]), median(found.changed[j])
    return (
        found.names[j],
        count(found.widths[j]),
        f"{small(median(found.ranks[j]))} ({small(float(found.expected_ranks[j]))})",
        f"{_share(moved)} ({percent(float(found.expected_displacements[j]))})",
        f"{_share(changed)} ({percent(float(found.expected_displacements[j]) / math.pi)})",
        percent(float(found.dead[j])),
    )


def _share(value: float) -> str:
    return percent(value) if math.isfinite(value) else "no flip"


_ANGLES = "Median angle between two inputs, and between what each hidden layer makes of them."


def depth_and_bias(profile: FragilityProfile) -> Iterable[Block]:
    """Whether different inputs still look different at the end, and what biases have to say."""
    depth, biases = profile.depth, profile.biases
    if depth is not None:
        yield Text(
            f"{percent(depth.agreement)} of pairs of these inputs share a class. Where depth makes all "
            "inputs look alike, the angle between two of them shrinks from layer to layer, and few changes "
            "flip anything."
        )
        angles, agreement, classes = depth.figures()
        if depth.layers and isinstance(angles, Curves):
            measured, expected, _ = angles.curves
            told = replace(angles, caption=_ANGLES, curves=(measured, expected))
            yield relabelled(told, ("measured", "wide layers with random weights"))
        # the reference holds for one output only
        if depth.layers and depth.agreement_expected is not None:
            yield agreement
        if isinstance(classes, Bars):
            yield replace(classes, labels=tuple(f"class {label}" for label in classes.labels))
    if biases is not None:
        ratio = median(biases.ratio)
        told = f"{small(100 * ratio)} %" if math.isfinite(ratio) else "not defined"
        yield Text(
            "The lead of a class over the nearest other one has a part that is linear in the input and a "
            f"part that comes from biases. In the median the linear part is {told} of the lead; the biases "
            "make up the rest (100 % without biases; more than 100 % or less than 0 where they pull the "
            "other way)."
        )
        caption = "Share of inputs whose linear part is no more than so much of the lead."
        across = Axis("linear part / lead")
        yield replace(biases.figure(), caption=caption, across=across)
