"""The second layer of a deep network, whole rows at a time, where the first layer is on.

Where all first-layer neurons are on, what is above them is a network of its own on their heights, and its
first layer is the second one: its boundaries are whole hyperplanes there, one gradient difference tells a
row with all its weights, and deeper boundaries bend away from theirs at the first one that they meet. So the
second layer is found there like the first one everywhere, in as many coordinates as the first has neurons:
lines through the orthant are swept, hyperplanes measured, and looked for far from where they were seen.

A neuron of the second layer that switches anywhere switches somewhere in the closed orthant; rare ones show
where heights are very uneven. Source: choice of the all-on cell, specs on deeper layers; membership after
Rolnick and Körding 2020. Cost: per line about 7 queries per bend and one gradient (as many queries as the
first layer has neurons) for every one to eight bends that are not known yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.randomness import Randomness
from hingeline.extraction.bends import MeasuredLine, measure_bends
from hingeline.extraction.depth.frame import FrameProbe
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.line_votes import VAGUE, in_agreement, line_votes
from hingeline.extraction.membership import TRIES, covering, looked_at, offsets_across
from hingeline.extraction.peeled import Peeled, unexplained_gradients
from hingeline.probing.line import Line, LineSweep, sweep_line

SPREADS = (0.7, 1.5, 3.0)
"""Logarithmic spreads of the heights between which lines run: rarely active neurons need uneven ones."""
MOST_LINES = 40
"""Lines swept for the layer."""
QUIET_LINES = 3
"""Lines without a new neuron after which there are no more, if what was found explains all gradients."""
TIRED_LINES = 8
"""Lines without a new neuron after which there are no more to be found like this."""
DRAWN = 64
"""Places drawn per line, offline; moved onto a candidate, the most telling are asked."""
INSIDE = 5.0
"""Least height of a place, in steps of a look across it: nearer, the first layer may bend there."""
FEWEST_SEEN = 3
"""Places far out at which a member is seen."""
SHARP = 4e-3
"""Looks narrower than this share of the way between bends see no other boundary by chance."""
ENOUGH_SHOWN = 3
"""Other lines that show a hyperplane where it was predicted, and none that does not, make a member."""
HALVINGS = 30
"""Times that places outside the domain are moved towards its middle."""


@dataclass(eq=False)
class OrthantLayer:
    """The search and what it found.

    Args:
        probe: The door in the coordinates of the first layer's span.
        peeled: The first layer in those coordinates.
        randomness: Gives each line its generator.
        found_more: Called with the members and the number of lines after every line.
    """

    probe: FrameProbe
    peeled: Peeled
    randomness: Randomness
    found_more: Callable[[Hyperplanes, int], None] = lambda planes, lines: None
    members: Hyperplanes | None = None
    """Hyperplanes of the layer, in the coordinates of the span; no side is told."""
    measured: list[MeasuredLine] = field(default_factory=list[MeasuredLine])
    """The lines, in the same coordinates."""
    whole: bool = False
    """Whether the last lines showed no neuron more, and all gradients are explained."""

    @property
    def unit(self) -> float:
        """Typical height: unit rows at the typical norm."""
        return self.probe.calibration.scale / np.sqrt(self.probe.input_dim)

    def run(self, most_lines: int = MOST_LINES) -> None:
        """Sweep lines until nothing new is found.

        Raises:
            BudgetExhausted: The budget ended; what was found is kept.
        """
        quiet = 0
        for _ in range(most_lines):
            line = self._line()
            if line is None:
                return
            added = self.take(self._swept(line))
            quiet = 0 if added else quiet + 1
            if quiet >= TIRED_LINES or (quiet >= QUIET_LINES and not self._unexplained()):
                break
        self.whole = quiet >= QUIET_LINES and not self._unexplained()

    def more(self, lines: int) -> None:
        """Sweep further lines, for what they tell of the layers above.

        Raises:
            BudgetExhausted: The budget ended; what was found is kept.
        """
        for _ in range(lines):
            line = self._line()
            if line is None:
                return
            self.take(self._swept(line))

    @property
    def sweeps(self) -> list[LineSweep]:
        """Of all lines."""
        return [line.sweep for line in self.measured]

    def _unexplained(self) -> bool:
        """Whether gradients leave the span of the rows found: a neuron that is on there is missing."""
        if self.members is None or not self.members.count:
            return True
        return bool(unexplained_gradients(self.members.normals, self.measured).any())

    def _line(self) -> Line | None:
        """Through two random places of the orthant, a new one each time; None if none may be asked."""
        rng = self.randomness.step("orthant layer", len(self.measured))
        spread = SPREADS[len(self.measured) % len(SPREADS)]
        ends = self.unit * np.exp(spread * rng.standard_normal((2, self.peeled.width)))
        for _ in range(HALVINGS):
            outside = ~self._holds(self.peeled.steer(ends))
            if not outside.any():
                break
            ends[outside] /= 2
        else:
            return None
        line = self.peeled.line(ends[0], ends[1])
        rows = self.probe.rows
        low, high = self.probe.domain.along(line.origin @ rows, line.direction @ rows)
        return replace(line, low=max(low, line.low), high=min(high, line.high))

    def _holds(self, points: FloatArray) -> BoolArray:
        return self.probe.domain.holds(points @ self.probe.rows)

    def _swept(self, line: Line) -> MeasuredLine:
        """One line with what is new on it measured."""
        session, known = self.probe.session, self.members
        predicted = None if known is None else np.sort(known.crossings(line))
        with session.phase("second layer lines"):
            sweep = sweep_line(self.probe, line, predicted=predicted)
        if len(sweep.slopes):
            self.probe.note_slope(float(np.abs(sweep.slopes).max()))
        with session.phase("second layer hyperplanes"):
            return measure_bends(
                self.probe, sweep, self.randomness.step("orthant hyperplanes", len(self.measured)),
                basis=np.eye(self.probe.input_dim),
                known=None if known is None else known.explain(sweep, same_jumps=False),
                room=self.peeled.room,
            )  # fmt: skip

    def take(self, measured: MeasuredLine) -> int:
        """Take in a line through the orthant; how many neurons it added.

        Raises:
            BudgetExhausted: The budget ended.
        """
        index, known = len(self.measured), self.members
        self.measured.append(measured)
        candidates = Hyperplanes.from_line(measured, measured.measured)
        if known is not None:
            candidates = candidates.select(~known.holds(candidates))
        with self.probe.session.phase("second layer members"):
            fresh = candidates.select(self._belongs(candidates, index))
        before = 0 if known is None else known.count
        self.members = self._agreed(fresh if known is None else known.join(fresh))
        self.found_more(self.members, len(self.measured))
        return self.members.count - before

    def _agreed(self, planes: Hyperplanes) -> Hyperplanes:
        """Without those that lines contradict."""
        return planes.select(in_agreement(planes, self.sweeps))

    def _spacing(self) -> float:
        """Typical way between neighbouring bends: a look as wide as that sees other boundaries."""
        ways = [np.median(np.diff(sweep.bends)) for sweep in self.sweeps if len(sweep.bends) > 1]
        return float(np.median(ways)) if ways else np.inf

    def _belongs(self, candidates: Hyperplanes, index: int) -> BoolArray:
        """Which candidates go on through the orthant: lines swept before tell it, or places are asked."""
        shown, missed = line_votes(candidates, self.sweeps[:index])
        belongs: BoolArray = (shown >= ENOUGH_SHOWN) & (missed == 0)
        open_ = np.nonzero(~belongs & (shown >= missed))[0]
        places = self._places(candidates, open_, self.randomness.step("orthant members", index))
        if places:
            looked = np.array(list(places), dtype=np.int64)
            chosen = np.stack(list(places.values()))
            normals, errors = candidates.normals[looked], candidates.errors[looked]
            across = offsets_across(self.probe, errors, chosen).max(axis=1)
            # a wide look may see another boundary by chance: then all places are asked
            wide = across > SHARP * self._spacing()
            for some, patient in ((~wide, 0), (wide, TRIES)):
                looks = looked_at(self.probe, normals[some], errors[some], chosen[some], patient=patient)
                belongs[looked[some]] = (looks.seen >= FEWEST_SEEN) & (looks.stopped == 0)
        return belongs

    def _places(
        self, planes: Hyperplanes, chosen: IntArray, rng: np.random.Generator
    ) -> dict[int, FloatArray]:
        """Places of hyperplanes inside the orthant, each beyond many others together: "t r" by number."""
        spreads = np.array(SPREADS)[np.arange(DRAWN) % len(SPREADS), np.newaxis]
        drawn = self.unit * np.exp(spreads * rng.standard_normal((DRAWN, self.peeled.width)))
        found: dict[int, FloatArray] = {}
        for number in chosen.tolist():
            points = self._on(planes, number, drawn)
            if len(points) < TRIES:
                continue
            here = planes.normals @ planes.witnesses[number] + planes.offsets
            sides = (points @ planes.normals.T + planes.offsets) * here < 0
            sides[:, number] = False
            found[number] = points[covering(sides)]
        return found

    def _on(self, planes: Hyperplanes, number: int, drawn: FloatArray) -> FloatArray:
        """Places of one hyperplane made from drawn heights ("p n"): those where looking stays inside."""
        row = planes.normals[number] @ self.peeled.inverse
        offset = float(planes.offsets[number] - row @ self.peeled.biases)
        # what has a positive weight is stretched until the sum vanishes: that stays inside
        positive = row > 0
        ups, downs = drawn[:, positive] @ row[positive], drawn[:, ~positive] @ row[~positive] + offset
        with np.errstate(divide="ignore", invalid="ignore"):
            stretch = -downs / ups
        usable = np.isfinite(stretch) & (stretch > 0)
        heights = np.where(positive, drawn[usable] * stretch[usable, np.newaxis], drawn[usable])
        points = self.peeled.steer(heights)
        across = offsets_across(self.probe, planes.errors[[number]], points[np.newaxis])[0]
        inside = (heights.min(axis=1, initial=np.inf) > INSIDE * across) & (across < VAGUE * self._spacing())
        return points[inside & self._holds(points)]
