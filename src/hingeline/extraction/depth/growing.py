"""Grow a neuron from one bend: take in every other bend that can only be the same neuron's.

Two bends of one neuron in neighbouring regions share all but one unknown; a view with equations to spare
either fits, to many digits, or is another neuron's. So regions are put together one by one, without
asking anything.

Source: ours; the walk along one boundary of Rolnick and Körding 2020, done on what is recorded.
Cost: no queries.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray, IntArray
from hingeline.extraction.depth.partial_neuron import Match, PartialNeuron, begun, matched, merged
from hingeline.extraction.depth.screening import Screen
from hingeline.extraction.depth.views import Views

AGREES = 1e-7
"""Residual of unit equations up to which a view fits."""
MUCH = 2
"""Equations to spare with which views are taken in several at a time."""
PROMISING = 2
"""Views that a neuron must have before all others are tried on it."""
FEW_CHANNELS = 40
"""Up to so many all candidates are matched at once; beyond, the decompositions are most of the work."""
AT_ONCE = 48
"""Candidates matched at once, those across fewest facets first."""
ROUNDS = 400
"""Times that views are taken in."""


def grown(screen: Screen, seed: int, free: BoolArray) -> PartialNeuron:
    """The neuron of a view, with all free views that fit.

    Args:
        screen: Has all of them.
        seed: Where to begin.
        free: Which may be taken in, shape "v".
    """
    return taken_in(screen, begun(screen.views, seed), free)


def taken_in(screen: Screen, neuron: PartialNeuron, free: BoolArray) -> PartialNeuron:
    """A neuron with all free views that fit: those that only confirm at once, others best first."""
    views = screen.views
    left = free & views.fits
    left[list(neuron.members)] = False
    everyone = np.arange(views.count)
    away = views.facets_between(everyone, np.array(neuron.members, dtype=np.int64))
    near_only = True
    for _ in range(ROUNDS):
        candidates = np.nonzero(left)[0]
        # what contradicts a neuron will also contradict it when more of it is known
        left[candidates] = screen.possible(neuron, candidates)
        candidates = np.nonzero(left)[0]
        if near_only and not neuron.whole:
            # each switch on the way may tell one more direction: views across few have equations to spare
            tells = np.minimum(away, neuron.untold.shape[1])[candidates]
            candidates = candidates[tells < views.rank[candidates]]
        candidates = candidates[np.argsort(away[candidates], kind="stable")]
        candidates, match, fitting = _nearest_fitting(views, neuron, candidates)
        if not fitting.any():
            if not near_only or neuron.whole or len(neuron.members) < PROMISING:
                break
            near_only = False
            continue
        chosen, neuron = _with_fitting(views, neuron, candidates, match, fitting)
        left[chosen] = False
        away = np.minimum(away, views.facets_between(everyone, chosen))
    return neuron


def _nearest_fitting(
    views: Views, neuron: PartialNeuron, candidates: IntArray
) -> tuple[IntArray, Match, BoolArray]:
    """The first of some ordered candidates among which one fits, how they match, and which fit."""
    at_once = len(candidates) if neuron.whole or len(neuron.theta) < FEW_CHANNELS else AT_ONCE
    for start in range(0, max(1, len(candidates)), max(1, at_once)):
        some = candidates[start : start + at_once]
        match = matched(neuron, views, some)
        fitting = (match.residual < AGREES) & (match.spare >= 1) & match.clear
        if fitting.any() or start + at_once >= len(candidates):
            return some, match, fitting
    raise RuntimeError("no candidates were tried")


def _with_fitting(
    views: Views, neuron: PartialNeuron, candidates: IntArray, match: Match, fitting: BoolArray
) -> tuple[IntArray, PartialNeuron]:
    """Take in all views that fit with much to spare if they fit together, else the surest one."""
    for sure in (fitting & (match.tells == 0), fitting & (match.spare >= MUCH)):
        if sure.any():
            chosen = candidates[sure]
            both = merged(neuron, views, chosen.tolist())
            if _agree(both, views, chosen):
                return chosen, both
    possible = np.nonzero(fitting)[0]
    order = np.lexsort((match.residual[possible], -match.spare[possible]))
    chosen = candidates[possible[order[:1]]]
    return chosen, merged(neuron, views, chosen.tolist())


def _agree(neuron: PartialNeuron, views: Views, chosen: IntArray) -> bool:
    return bool((views.missed(chosen, neuron.theta) < AGREES).all())
