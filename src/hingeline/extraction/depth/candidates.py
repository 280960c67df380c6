"""What may be neurons of the next layer: those found before with their new bends, and those that grow.

Every measured bend that no known neuron explains is a place to begin. What grows from it is kept if it bends
all lines where it should, and put together with what is the same neuron in another place.

Source: see the modules used. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, IntArray
from hingeline.extraction.depth.growing import grown, taken_in
from hingeline.extraction.depth.joining import joined
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.observed_lines import Record
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.extraction.depth.predictions import Predictor, Vote
from hingeline.extraction.depth.refit import Refit, refitted
from hingeline.extraction.depth.screening import Screen, differ
from hingeline.extraction.depth.views import Views

FEWEST_HITS = 2
"""Bends that a neuron must have; those with no more must go straight through surer ones."""
MISSES = 0.1
"""Misses on live pieces that are let pass, as a share of the hits: faint bends are overlooked."""
MANY_HITS = 12
"""Bends with which a neuron may have more misses, if it goes through surer ones: where a neuron below is
still unknown and on, predictions are wrong."""
MANY_MISSES = 0.4
"""Those misses as a share of the hits."""
ALIKE = 1e-12
"""One less the cosine of two neurons up to which they are one."""
ALONE = 1e-9
"""Part of a unit vector beside one weight below which there is only that weight."""
MUCH_MORE = 1.5
"""So many times the bends there were before are reason to decide and solve again what was decided."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """What may be a neuron of the layer."""

    neuron: PartialNeuron
    vote: Vote
    key: int
    made: Refit | None = None
    """As it was made from answers, if no bend made it."""

    def finished(
        self, views: Views, record: Record, known: KnownLayers, have: FoundNeuron | None = None
    ) -> FoundNeuron:
        """Solved again from everything that speaks for it, if that is much more than spoke for it before."""
        if self.made is not None:
            return FoundNeuron(self.made, self.vote, np.zeros(0, dtype=np.int64), self.key)
        bends = views.bends[list(self.neuron.members)]
        if have is not None and have.neuron.whole and len(self.vote.hits) < MUCH_MORE * len(have.vote.hits):
            return FoundNeuron(have.refit, self.vote, bends, self.key)
        refit = refitted(self.neuron, views, record, known, self.vote.hits)
        if have is not None and have.neuron.whole and have.refit.surer_than(refit):
            refit = have.refit
        return FoundNeuron(refit, self.vote, bends, self.key)


@dataclass(frozen=True, eq=False)
class FoundNeuron:
    """A neuron of a layer with what speaks for it."""

    refit: Refit
    vote: Vote
    bends: IntArray
    """Measured bends of the record that made it."""
    key: int
    """The bend from which it grew: names it for good."""

    @property
    def neuron(self) -> PartialNeuron:
        """Its coefficients."""
        return self.refit.neuron


def grown_on(
    record: Record, screen: Screen, predictor: Predictor, have: Sequence[FoundNeuron]
) -> list[Candidate]:
    """Neurons found before with the bends that were measured since."""
    views, index = screen.views, record.index()
    view_of = {int(bend): view for view, bend in enumerate(views.bends)}
    free = views.fits.copy()
    found: list[Candidate] = []
    for one in have:
        own = tuple(view_of[int(bend)] for bend in one.bends if int(bend) in view_of)
        neuron = PartialNeuron(one.neuron.theta, one.neuron.untold, own)
        if own:
            neuron = taken_in(
                screen, neuron, _where_predicted(views, neuron, free, predictor, view_of, index)
            )
            free[list(neuron.members)] = False
        vote = predictor.vote(neuron)
        if len(vote.missed) <= MANY_MISSES * len(vote.hits):
            made = one.refit if not len(one.bends) else None
            found.append(Candidate(neuron, vote, one.key, made))
    return found


def _where_predicted(
    views: Views,
    neuron: PartialNeuron,
    free: BoolArray,
    predictor: Predictor,
    view_of: Mapping[int, int],
    index: Mapping[tuple[int, int], int],
) -> BoolArray:
    """Of the free views those that may be a neuron's: if it is wholly known, where it is predicted."""
    if not neuron.whole:
        return free
    hits = [index[hit] for hit in predictor.vote(neuron).hits if hit in index]
    there = np.zeros(views.count, dtype=np.bool_)
    there[[view_of[bend] for bend in hits if bend in view_of]] = True
    return there & free


def joined_candidates(candidates: Sequence[Candidate], predictor: Predictor) -> list[Candidate]:
    """The candidates with those put together that are one neuron in different places."""
    left, found = list(candidates), list[Candidate]()
    while left:
        one = left.pop(0)
        both = next((pair for pair in _pairs(one, left, predictor)), None)
        if both is None:
            found.append(one)
        else:
            index, whole = both
            del left[index]
            left.insert(0, whole)
    return _distinct(found)


def _distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates without those that are wholly known and the same as one before."""
    found: list[Candidate] = []
    for one in candidates:
        theta = one.neuron.theta
        same = (
            abs(other.neuron.theta @ theta) > 1 - ALIKE and other.neuron.whole and one.neuron.whole
            for other in found
        )
        if not any(same):
            found.append(one)
    return found


def _pairs(
    one: Candidate, others: Sequence[Candidate], predictor: Predictor
) -> Iterator[tuple[int, Candidate]]:
    """Others that are the same neuron, with what both are; the lines must agree."""
    for index, other in enumerate(others):
        if (one.neuron.whole and other.neuron.whole) or one.made or other.made:
            continue
        both = None if differ(one.neuron, other.neuron) else joined(one.neuron, other.neuron)
        if both is None:
            continue
        vote = predictor.vote(both)
        if _accepted(vote) and len(vote.hits) >= max(len(one.vote.hits), len(other.vote.hits)):
            yield index, Candidate(both, vote, one.key)


def new_candidates(
    record: Record,
    screen: Screen,
    predictor: Predictor,
    before: Sequence[Candidate],
) -> list[Candidate]:
    """All that grow from some bend and bend the lines where they should."""
    views = screen.views
    free, untried = views.fits.copy(), views.fits.copy()
    index = record.index()
    view_of = {int(bend): view for view, bend in enumerate(views.bends)}
    found: list[Candidate] = []

    def taken(neuron: PartialNeuron, vote: Vote) -> None:
        own = [view_of[index[hit]] for hit in vote.hits if hit in index and index[hit] in view_of]
        free[own] = free[list(neuron.members)] = False

    for one in before:
        taken(one.neuron, one.vote)
    for seed in np.lexsort((record.errors[views.bends], -views.rank)):
        if not (free[seed] and untried[seed]):
            continue
        neuron = grown(screen, int(seed), free)
        untried[list(neuron.members)] = False
        if len(neuron.members) < 2 or _mere_channel(neuron):
            continue
        vote = predictor.vote(neuron)
        if not _accepted(vote):
            continue
        taken(neuron, vote)
        found.append(Candidate(neuron, vote, int(views.bends[seed])))
    return found


def _mere_channel(neuron: PartialNeuron) -> bool:
    """Whether it is a channel below itself: it bends only where that does, and fits wherever that is off."""
    return bool(np.abs(neuron.theta[:-1]).max(initial=0.0) > 1 - ALONE)


def _accepted(vote: Vote) -> bool:
    hits, missed = len(vote.hits), len(vote.missed)
    return hits >= FEWEST_HITS and missed <= (MANY_MISSES if hits >= MANY_HITS else MISSES) * hits
