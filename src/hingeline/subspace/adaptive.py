"""The main method: spots, certified gradients, a shrinking complement, and long moves until nothing is left.

For each domain asked for, from the narrowest to the widest (data, box, free), so that the spans lie one in
the other and nothing is paid twice:

1. fresh spots of the domain's law, the one whose gradient leaves V most clearly is measured;
2. when fresh spots show nothing, long moves; what they hit is measured as well;
3. the domain is done when so many moves in a row showed nothing.

At the end the weakest directions must answer again at other spots (the third vote).

Source: our design, for the goals of Jayaram, Woodruff and Zhang (ICLR 2020).
Cost: about 1.1 times the floor k (d - k) over the outputs; 4 times that for smooth functions.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.subspace.differences import certified_slopes
from hingeline.subspace.growth import Growth
from hingeline.subspace.laws import DataLaw, Law
from hingeline.subspace.moves import Hit, Moves
from hingeline.subspace.recovered import Unseen
from hingeline.subspace.search import Search
from hingeline.subspace.smooth import SmoothSlopes, smooth_spots
from hingeline.subspace.spots import Spot, SpotFinder, value_noise
from hingeline.subspace.standing import judged
from hingeline.subspace.workbench import Bench, Gathered

_POOL = 4
"""Spots to choose from: the clearest of four responses avoids most poor gradients."""
_BATCH = 5
"""Candidates asked at once."""
_GOOD = 1e-10
"""A gradient is worth its price if its expected angle error is at most this; else look for a better spot."""
_MORE_SPOTS = 3
"""Extra spots looked at for a better one, at most, for each direction."""
_SHORTER = 10.0
"""Rays of a spot that is wanted for its place may be so many times shorter than usual."""
_QUIET_PER_VAIN = 4
"""A gradient that was measured and added nothing counts as so many quiet spots."""
_VAIN = 8
"""Gradients in a row that were measured and added nothing: what shows is too weak to be told from noise."""
_BARREN = 60
"""Batches of candidates without a single spot: the function is not piecewise linear at any size tried."""
_MOST_EXAMPLES = 2000
"""Examples whose gradients are looked at."""
_NEARBY = 6
"""Places looked at around a live one, at most, for a spot at all."""
_ENOUGH = 2
"""Of them, so many more for a better spot."""
_POOR = 1e-7
"""Above this all the places are looked at: an imprecise direction spoils all that come after it."""
_USELESS = 1e-5
"""Above this a gradient is not measured at first: it would make the search blind for what is weaker."""
_FAIR = 1e-9
"""Expected angle error of a spot that is good enough there: live places are rare, and so are good spots."""
_LONGEST = 3.0
"""Longest ray there, in those that suit most spots."""
_APART = 0.1
"""Their distance, in typical |x|."""
_EXAMPLES_AT_ONCE = 64
_EXAMPLES_COMPARED = 5
"""Examples looked at for the best place to measure."""
_GLANCE = 1e-3
"""Step of a first look at an example, in typical coordinates: shorter than most distances to a boundary."""
_QUIET_SPOTS = 8
"""Candidates in a row without a new direction before long moves take over."""
_QUIET_SPOTS_IN_BOX = 120
"""The same in a box, where few pictures wake a rare neuron; 2 queries each, cheap beside a gradient."""
_FEWEST_MOVES_IN_BOX = 1500
_FEWEST_MOVES = 48
_MOVES_IF_CHEAP = 150
"""The same while little was spent: a share of 2 % is missed once in twenty runs then, not once in three."""
_CHEAP = 3000
"""Queries below which moves are not weighed against the price."""
_MOVES_SHARE = 0.005
"""Moves, as a share of the queries spent: with 2 queries each they cost 1 %."""
_MOVES_PER_HIT = 12
"""Where hits are rare, so many times the moves that one took on average: chance alone stops a search of a
hundred directions too early once in a thousand times."""
_MOST_MOVES_FOR_RARITY = 3000
_DEAD_MOVES = 1000
"""Moves before something is called constant: 95 % sure that fewer than 0.3 % of moves show anything."""
_MOVES_AT_ONCE = 16
_FAILURES = 12
"""Places in a row that could not be measured, before the search is given up."""


def recover_adaptive(bench: Bench, *, smooth: bool = False) -> Gathered:
    """Find the span by gradients outside what is known.

    Args:
        bench: Where to work; its probe must answer values.
        smooth: Whether the function is smooth, so that differences are never exact.

    Raises:
        BudgetExhausted: The budget ended; `bench.partial` gives what was found.
    """
    search = Search.begun(bench, SmoothSlopes() if smooth else certified_slopes)
    bench.partial = lambda: judged(search, finished=False)
    if bench.data is not None:
        with bench.session.phase("data"):
            _examples(search, bench.data)
            search.close_domain(_data_evidence(bench.data, search))
    for law in bench.laws:
        with bench.session.phase(law.where):
            _domain(search, law)
    with bench.session.phase("again"):
        search.ask_weakest_again()
        search.ask_spots_again()
    return judged(search, finished=True)


def _domain(search: Search, law: Law) -> None:
    """One domain, until nothing is left or nothing shows."""
    finder = SpotFinder(search.probe, law, search.step(f"spots {law.where}"))
    moves = Moves(finder, search.step(f"moves {law.where}"))
    _from_spots(search, finder)
    _from_moves(search, finder, moves)
    search.close_domain(
        Unseen(moves.quiet, law.words, search.bench.settings.confidence, search.complement.full)
    )


def _from_spots(search: Search, finder: SpotFinder) -> None:
    """Measure fresh spots, the most telling of a few first, until they show nothing new."""
    law, pool, quiet, barren, vain = finder.law, list[Spot](), 0, 0, 0
    patience = _patience(law)
    while not search.complement.full and quiet < patience and barren < _BARREN and vain < _VAIN:
        pool = [spot for spot in search.looked_at(law, pool) if search.tells(spot, rays=1)]
        pool += _opposite(search, finder)
        extra = 0
        while quiet < patience and barren < _BARREN and _wants_more(search, pool, extra):
            fresh, silent = _fresh(search, finder)
            telling = [spot for spot in fresh if search.tells(spot)]
            quiet = 0 if telling else quiet + silent + len(fresh)
            barren = 0 if fresh or silent else barren + 1
            extra += len(telling) if len(pool) >= _pool_size(search) else 0
            pool += telling
        if pool:
            best = min(pool, key=search.expected_error)
            pool = sorted((s for s in pool if s is not best), key=search.expected_error)
            pool = pool[: _pool_size(search)] if search.outputs == 1 else []
            added = search.take(law, best).added
            quiet, vain = (0, 0) if added else (quiet + _QUIET_PER_VAIN, vain + 1)
        search.spare = pool


def _patience(law: Law) -> int:
    """Quiet candidates in a row that end the search by spots."""
    return _QUIET_SPOTS_IN_BOX if law.where == "box" else _QUIET_SPOTS


def _opposite(search: Search, finder: SpotFinder) -> list[Spot]:
    """A spot on the other side of the origin from the last one measured, every second time.

    With several outputs a few spots give everything, unless a neuron happens to be off at all of them; most
    neurons that are off at x are on at -x.
    """
    if search.outputs == 1 or search.smooth or len(search.measured) % 2 == 0:
        return []
    point = -search.measured[-1].point
    spot = finder.at(point, search.complement, finder.radius, finder.radius / _SHORTER)
    return [spot] if spot is not None and search.tells(spot) else []


def _pool_size(search: Search) -> int:
    """Spots to choose from; with several outputs, one spot gives several responses already."""
    return max(1, _POOL // search.outputs)


def _wants_more(search: Search, pool: list[Spot], extra: int) -> bool:
    """Whether to look for more spots before a gradient is measured."""
    if len(pool) < _pool_size(search):
        return True
    best = min(search.expected_error(spot) for spot in pool)
    return search.outputs == 1 and best > _GOOD and extra < _MORE_SPOTS


def _fresh(search: Search, finder: SpotFinder) -> tuple[list[Spot], int]:
    """Spots, and how many candidates showed nothing."""
    if not search.smooth:
        return finder.batch(search.complement, _BATCH if search.outputs == 1 else _BATCH - 1)
    points = finder.law.points(finder.rng, _BATCH)
    directions = search.complement.directions(finder.rng, len(points))
    return smooth_spots(search.probe, finder.law, points, directions), 0


def _from_moves(search: Search, finder: SpotFinder, moves: Moves) -> None:
    """Move far outside the span; measure where that changes something, until nothing does."""
    for spot in search.measured:
        moves.remember(spot.point)
    failures, rarity, worst = 0, 0, _USELESS
    unexplained: Hit | None = None
    while not search.complement.full and failures < _FAILURES:
        for_rarity = min(_MOVES_PER_HIT * rarity, _MOST_MOVES_FOR_RARITY)
        wanted = max(_moves_wanted(search, finder.law), for_rarity) - moves.quiet
        if wanted <= 0:
            break
        hit = moves.attempt(search.complement, min(_MOVES_AT_ONCE, wanted))
        if hit is None:
            continue
        rarity = moves.tried // moves.hits
        growth = _measured_at(search, finder, hit.point, hit.reach, worst)
        added = growth is not None and growth.added > 0
        # a change that was seen and neither measured nor explained: quiet moves after it do not undo it
        if growth is None or not growth.measured:
            unexplained = hit
        elif added:
            unexplained = None
        failures = 0 if added else failures + 1
        if failures == _FAILURES and worst < 1:
            # nothing better is to be had here
            failures, worst = 0, 1.0
        if added:
            moves.remember(hit.point)
    if not search.complement.full and unexplained is not None:
        search.gave_up = True
        search.ask_again(unexplained.start[np.newaxis], unexplained.before[np.newaxis])
    search.gave_up |= failures >= _FAILURES


def _moves_wanted(search: Search, law: Law) -> int:
    """Moves without effect that end the search of this domain."""
    if search.bench.settings.moves is not None:
        return search.bench.settings.moves
    if search.complement.rank == 0:
        return _DEAD_MOVES
    fewest = _FEWEST_MOVES if search.bench.session.spent > _CHEAP else _MOVES_IF_CHEAP
    if law.where == "box":
        fewest = _FEWEST_MOVES_IN_BOX
    return max(fewest, int(_MOVES_SHARE * search.bench.session.spent))


def _measured_at(
    search: Search, finder: SpotFinder, point: FloatArray, reach: float, worst: float
) -> Growth | None:
    """What the gradient at a live place did, or at a better one near it; None if none was worth its price.

    Args:
        search: Grows.
        finder: Finds spots.
        point: The live place, shape "d".
        reach: Longest ray worth trying there.
        worst: Expected angle error above which no gradient is paid for.
    """
    best = min(_spots_near(search, finder, point, reach), key=search.expected_error, default=None)
    usable = best is not None and search.expected_error(best) <= worst
    growth = search.take(finder.law, best) if best is not None and usable else None
    search.unmeasured += worst >= 1 and (growth is None or not growth.added)
    return growth


def _spots_near(search: Search, finder: SpotFinder, point: FloatArray, reach: float) -> list[Spot]:
    """Spots that tell something new, at the place or around it, until one is good enough to be measured."""
    spots, norm = list[Spot](), finder.law.unit * float(np.sqrt(len(point)))
    for attempt in range(_NEARBY):
        around = finder.rng.standard_normal(len(point)) / np.sqrt(len(point))
        moved = finder.law.near(point, attempt, _APART * norm * around)[np.newaxis]
        if search.smooth:
            directions = search.complement.directions(finder.rng, 1)
            found = smooth_spots(search.probe, finder.law, moved, directions)
        else:
            far = max(1.0, float(np.linalg.norm(point)) / norm)
            spot = finder.at(moved[0], search.complement, min(reach, far * _LONGEST * finder.radius))
            found = [] if spot is None else [spot]
        spots += [spot for spot in found if search.tells(spot)]
        best = min(map(search.expected_error, spots), default=1.0)
        if best < _FAIR or (attempt >= _ENOUGH and best < _POOR):
            break
    return spots


def _examples(search: Search, law: DataLaw) -> None:
    """The gradients at the user's examples, each looked at until it adds nothing."""
    finder = SpotFinder(search.probe, law, search.step("spots data"))
    examples = law.points(search.step("examples"), _MOST_EXAMPLES)
    for start in range(0, len(examples), _EXAMPLES_AT_ONCE):
        chunk = examples[start : start + _EXAMPLES_AT_ONCE]
        values = search.probe.ask(chunk)
        sigma = value_noise(search.probe, chunk, values)
        radius = _GLANCE * law.unit
        spots = [
            Spot(x, value, float(s), radius, 0.0) for x, value, s in zip(chunk, values, sigma, strict=True)
        ]
        while spots and not search.complement.full:
            spots = [spot for spot in search.looked_at(law, spots) if search.tells(spot, rays=1)]
            if spots:
                spots = _measured_example(search, finder, spots)


def _measured_example(search: Search, finder: SpotFinder, spots: list[Spot]) -> list[Spot]:
    """Measure the example, of a few that react, whose region allows the longest steps; returns the others.

    Many examples show the same directions; near a boundary of its region one shows them imprecisely.
    """
    clearest = sorted(spots, key=lambda spot: -spot.response)[:_EXAMPLES_COMPARED]
    found = [(finder.at(spot.point, search.complement, finder.radius), spot) for spot in clearest]
    usable = [(wide, spot) for wide, spot in found if wide is not None and search.tells(wide)]
    if not usable:
        search.unmeasured += len(clearest)
        return [spot for spot in spots if not any(spot is tried for tried in clearest)]
    wide, chosen = min(usable, key=lambda pair: search.expected_error(pair[0]))
    search.unmeasured += not search.take(finder.law, wide).added
    return [spot for spot in spots if spot is not chosen]


def _data_evidence(law: DataLaw, search: Search) -> Unseen:
    """What the examples say: all of those looked at, and nothing else."""
    seen = min(len(law.examples), _MOST_EXAMPLES) - search.unmeasured
    return Unseen(max(seen, 0), law.words, search.bench.settings.confidence, search.complement.full)
