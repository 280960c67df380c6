"""One layer step: find, verify and choose the neurons of the next layer in what lines have shown.

Every measured bend that no known neuron explains is a place to begin. What grows from it is kept if it bends
all lines where it should; of those kept the ones that go straight through each other are the layer. Nothing
here depends on the layer's number: the first layer is the step over no known layers.

Source: see the modules used. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.depth.candidates import (
    MANY_HITS,
    MUCH_MORE,
    Candidate,
    FoundNeuron,
    grown_on,
    joined_candidates,
    new_candidates,
)
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.layering import members, spans
from hingeline.extraction.depth.observed_lines import Record
from hingeline.extraction.depth.orientation import oriented
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.extraction.depth.predictions import Predictor
from hingeline.extraction.depth.refit import Refit
from hingeline.extraction.depth.screening import Screen
from hingeline.extraction.depth.seldom_neurons import is_seldom, off_elsewhere, on_seldom_side
from hingeline.extraction.depth.twins import without_twins
from hingeline.extraction.depth.views import CellBook, Views, views_of

AGREE = 1e-5
"""Ratios of coefficients that are equal."""
SAME = 1e-6
"""Coefficients of a row that change by more than this are another multiple of it, or another neuron's."""
SETTLED = 0.7
"""Share of the places asked at which a neuron must be known before layers are built on it."""
WORST_MISFIT = 100.0
"""Residual, in deviations, beyond which bends of several neurons were taken for one's."""
MORE = 1.15
"""So many times the bends there were before are reason to decide what was not decided by them."""


@dataclass(frozen=True, eq=False)
class FoundLayer:
    """The result of one layer step."""

    layer: KnownLayer
    """Of the settled neurons."""
    neurons: tuple[FoundNeuron, ...]
    """Settled ones first, as in the layer; then those known in too few places to build on."""
    explained: BoolArray
    """Measured bends of the record that its neurons are, shape "m"."""
    candidates: int
    """Candidates that bend all lines where they should but were not counted in."""
    channels: tuple[tuple[int, bool], ...]
    """What the layer offers: (key of the neuron, whether it is z itself), in order."""
    unfit: float
    """Share of the bends looked at whose normals the layers below cannot make: neurons are missing there."""
    sides: Mapping[int, float]
    """Sides decided so far, by key, for the rows as they are here: what `find_layer` takes as told."""
    looked: int = 0
    """Measured bends of the record from which sides were last decided."""
    below: tuple[KnownLayer, ...] = ()
    """The layers below as they were."""

    def solved_over(self, known: KnownLayers) -> dict[int, FoundNeuron]:
        """Its neurons by key if the layers below are still what they were; else none."""
        same = len(known.layers) == len(self.below)
        same = same and all(a is b for a, b in zip(known.layers, self.below, strict=True))
        return {one.key: one for one in self.neurons} if same else {}

    def stands(self, record: Record, known: KnownLayers) -> bool:
        """Whether nothing is open in it, and too little was added to decide or solve anything anew."""
        whole = all(one.neuron.whole for one in self.neurons) and len(self.neurons) == self.layer.width
        told = whole and bool(self.layer.decided.all()) and bool(self.solved_over(known))
        return told and record.count < MUCH_MORE * self.looked


def find_layer(
    record: Record,
    known: KnownLayers,
    free: BoolArray,
    have: Sequence[FoundNeuron] = (),
    told: Mapping[int, float] | None = None,
    certain: Collection[int] = (),
    since: FoundLayer | None = None,
    book: CellBook | None = None,
    *,
    enough: float = 1.0,
) -> FoundLayer | None:
    """The next layer over the known ones; None if nothing is found.

    Args:
        record: All lines.
        known: The layers below.
        free: Measured bends that no neuron of the layers below explains, shape "m".
        have: Neurons of the layer that were found before, over the same channels.
        told: Sides that the layer above told, by key, for the rows as they are in `have`.
        certain: Keys of neurons that surely belong to the layer.
        since: The layer as it was before, if it was found.
        book: Regions of the layers below that were decomposed before.
        enough: Share of the places at which neurons that are hardly ever on must be known; with zero, all of
            which many bends are known are built on. They are taken to be off elsewhere.
    """
    free = free & known.reliable(record.points)
    bends = np.nonzero(free)[0]
    if not len(bends):
        return None
    views = views_of(record, known, bends, book)
    unfit = float(1 - views.fits.mean())
    predictor = Predictor(record, known)
    screen = Screen(views)
    before = grown_on(record, screen, predictor, have)
    candidates = joined_candidates(before + new_candidates(record, screen, predictor, before), predictor)
    if not candidates:
        return None
    offered = [known.offered(_places(record, views, one)) for one in candidates]
    hits = np.array([len(c.vote.hits) for c in candidates], dtype=np.float64)
    misses = np.array([len(c.vote.missed) for c in candidates], dtype=np.float64)
    through = spans([c.neuron for c in candidates], offered)
    chosen = members(through, hits, misses, np.array([one.key in certain for one in candidates]))
    chosen |= np.array([c.made is not None for c in candidates])
    solved = {one.key: one for one in have if one.key in certain}
    solved |= {} if since is None else since.solved_over(known)
    kept = [one for one, keep in zip(candidates, chosen, strict=True) if keep]
    found = [one.finished(views, record, known, solved.get(one.key)) for one in kept]
    found = without_twins([one for one in found if one.key in certain or _one_neuron(one)])
    if not found:
        return None
    looked = since.looked if since is not None and solved else 0
    if since is not None and {one.key for one in found} - {one.key for one in since.neurons}:
        # sides were told by what moved beside the neurons known then: one that was missing may have misled
        told, looked = {}, 0
    return finished_layer(
        record, known, free, found, int((~chosen).sum()), unfit, told or {}, looked, enough=enough
    )


def _places(record: Record, views: Views, one: Candidate) -> FloatArray:
    """Where a candidate bends lines, also where that was not measured because it was foreseen: "p r"."""
    measured = record.points[views.bends[list(one.neuron.members)]]
    seen = [record.lines[line].line.at(record.lines[line].bends[[bend]]) for line, bend in one.vote.hits]
    return np.concatenate([measured, *seen])


def _one_neuron(found: FoundNeuron) -> bool:
    """Whether its bends are one neuron's: within their errors, or so many that chance cannot explain it."""
    many = len(found.vote.hits) >= MANY_HITS and not found.vote.missed and found.neuron.whole
    return many or found.refit.misfit < WORST_MISFIT


def updated_layer(
    record: Record,
    known: KnownLayers,
    free: BoolArray,
    have: FoundLayer,
    told: Mapping[int, float] | None = None,
    book: CellBook | None = None,
    *,
    enough: float = 1.0,
) -> FoundLayer:
    """A layer again, with what lines have shown since; no new neurons are looked for.

    Args:
        record: All lines.
        known: The layers below.
        free: As for `find_layer`.
        have: The layer as it was, over the same channels.
        told: As for `find_layer`.
        book: As for `find_layer`.
        enough: As for `find_layer`.
    """
    predictor = Predictor(record, known)
    if have.stands(record, known):
        votes = [predictor.vote(one.neuron) for one in have.neurons]
        neurons = tuple(replace(one, vote=vote) for one, vote in zip(have.neurons, votes, strict=True))
        return replace(have, neurons=neurons, explained=_explained(record, neurons))
    free = free & known.reliable(record.points)
    views = views_of(record, known, np.nonzero(free)[0], book)
    again = joined_candidates(grown_on(record, Screen(views), predictor, have.neurons), predictor)
    solved = have.solved_over(known)
    found = without_twins([one.finished(views, record, known, solved.get(one.key)) for one in again])
    looked = have.looked if solved else 0
    return finished_layer(
        record, known, free, found, have.candidates, have.unfit, told or {}, looked, enough=enough
    )


def finished_layer(
    record: Record,
    known: KnownLayers,
    free: BoolArray,
    found: list[FoundNeuron],
    others: int,
    unfit: float,
    told: Mapping[int, float],
    looked: int = 0,
    *,
    enough: float = 1.0,
) -> FoundLayer:
    """A layer of some neurons, those known in few places left out of it, turned as far as sides are told.

    With `enough` some of those are built on too, as off everywhere else: see `find_layer`.
    """
    offered = known.offered(record.samples)
    in_most = [bool(one.neuron.covers(offered).mean() >= SETTLED) for one in found]
    off = [not most and is_seldom(one, offered, enough) for one, most in zip(found, in_most, strict=True)]
    kept = [one for one, most, rare in zip(found, in_most, off, strict=True) if most or rare]
    pending = [one for one, most, rare in zip(found, in_most, off, strict=True) if not (most or rare)]
    explained = _explained(record, found)
    layer = layer_of(kept, known.channels)
    off = [rare for most, rare in zip(in_most, off, strict=True) if most or rare]
    layer = off_elsewhere(layer, kept, off, offered) if any(off) else layer
    sides = np.array([told.get(one.key, 0.0) for one in kept])
    settled = record.count < (MUCH_MORE if (sides != 0).all() else MORE) * looked
    looked = looked if settled else record.count
    sided = oriented(known, layer, record, np.nonzero(free & ~explained)[0], sides, look=not settled)
    sided = on_seldom_side(sided, layer, kept, off, offered) if any(off) else sided
    kept = turned(kept, layer, sided)
    # the layer above has nothing to say any more of what it decided: remembered, for the rows as turned
    sure = {one.key: 1.0 for one, decided in zip(kept, sided.decided, strict=True) if decided}
    channels = channels_of(kept, sided.decided)
    return FoundLayer(
        sided, (*kept, *pending), explained, others, channels, unfit, sure, looked, known.layers
    )


def channels_of(kept: Sequence[FoundNeuron], decided: BoolArray) -> tuple[tuple[int, bool], ...]:
    """What a layer offers: relu(z) of all, then z of the undecided, as `KnownLayers` orders them."""
    both = [one.key for one, sure in zip(kept, decided, strict=True) if not sure]
    return (*((one.key, False) for one in kept), *((key, True) for key in both))


def _explained(record: Record, found: Sequence[FoundNeuron]) -> BoolArray:
    index = record.index()
    explained = np.zeros(record.count, dtype=np.bool_)
    own = [index[hit] for neuron in found for hit in neuron.vote.hits if hit in index]
    explained[own] = True
    return explained


def layer_of(found: Sequence[FoundNeuron], channels: int) -> KnownLayer:
    """The rows of some neurons over so many channels, all sides taken as they are."""
    rows: FloatArray = np.array([one.neuron.theta for one in found]).reshape(-1, channels + 1)
    untold = tuple(neuron.neuron.untold for neuron in found)
    errors = np.array([float(np.median(one.refit.errors)) for one in found])
    error = float(np.median(errors)) if found else 0.0
    return KnownLayer(rows[:, :-1], rows[:, -1], np.ones(len(found), dtype=np.bool_), untold, error, errors)


def turned(found: Sequence[FoundNeuron], before: KnownLayer, after: KnownLayer) -> list[FoundNeuron]:
    """The neurons with their rows as the layer has them."""
    rows: list[FoundNeuron] = []
    for one, old, new in zip(found, before.weights, after.weights, strict=True):
        sign = 1.0 if (old == new).all() else -1.0
        neuron = PartialNeuron(sign * one.neuron.theta, one.neuron.untold, one.neuron.members)
        rows.append(
            FoundNeuron(Refit(neuron, one.refit.errors, one.refit.misfit), one.vote, one.bends, one.key)
        )
    return rows


def same_layer(before: KnownLayer, offered: tuple[tuple[int, bool], ...], now: FoundLayer) -> bool:
    """Whether what was found over a layer still holds: the same channels on the same scale.

    Rows have length one in what is told of them, so a row of which more is told is another multiple.
    """
    if offered != now.channels or before.weights.shape != now.layer.weights.shape:
        return False
    change = np.abs(before.weights - now.layer.weights).max(initial=0.0)
    return bool(max(change, np.abs(before.biases - now.layer.biases).max(initial=0.0)) < SAME)
