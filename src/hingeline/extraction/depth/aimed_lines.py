"""Which lines to sweep next: where something is missing or not told, else anywhere.

Cost: no queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.last_layer import EXPLAINED, LastLayer
from hingeline.extraction.depth.missing import line_along, strange_directions
from hingeline.extraction.depth.open_chords import open_chords
from hingeline.extraction.depth.open_lines import open_line
from hingeline.extraction.depth.rare_places import rare_segments
from hingeline.extraction.depth.untold_places import segments_where_untold
from hingeline.extraction.verify import random_line
from hingeline.probing.line import Line

MANY_STRANGE = 40
"""Of the samples that are missed most, so many may be looked at."""


@dataclass(eq=False)
class AimedLines(LastLayer):
    """What is known so far, with where to look next."""

    stalled: int = 0
    """Rounds of lines since something new was found."""

    def _next_lines(self) -> list[Line]:
        """To where answers are not explained, if most are; else anywhere."""
        output = self.output
        if output is None or output.residual > EXPLAINED or not len(output.strange) or not len(output.met):
            if not self.stalled:
                return [self._opened(max(1, len(self.found) - 1))]
            lines = self._towards_missing() + self._where_untold()
            # in which layer a neuron is missing that is seldom on is not known: from the last one down
            below = max(1, len(self.found) - 1)
            lines += [self._opened(below - (self.stalled - 1) % below)]
            return lines + [self.fresh_line(index) for index in range(1, self.settings.more_lines)]
        rng = self.randomness.step("deep repair", len(self.measured))
        chosen = rng.permutation(min(len(output.strange), MANY_STRANGE))[: self.settings.repair_lines]
        lines = [self._line_to(output.strange[index], output.met) for index in chosen]
        lines = [line for line in lines if line.low < line.high] or [self.fresh_line()]
        return lines + self._where_untold() if self.eager else lines

    def _where_untold(self) -> list[Line]:
        """Segments where what is not known of the lowest such layer matters."""
        for number, step in enumerate(self.found):
            partial = [one.neuron for one in step.neurons if not one.neuron.whole]
            rng = self.randomness.step(f"where untold {number}", len(self.measured))
            scale, wanted = self.probe.calibration.scale, self.settings.untold_lines
            lines = segments_where_untold(self.known_below(number), partial, scale, wanted, rng)
            if lines:
                return [line for line in lines if self._holds(line)]
        return []

    def _through_mixtures(self, number: int, attempt: int) -> list[Line]:
        """Lines on which what lies below a layer is mixed unevenly: there its rarer neurons bend."""
        known, scale = self.known_below(number), self.probe.calibration.scale
        if not number or not known.layers[-1].width:
            return []
        rng = self.randomness.step("mixtures", len(self.measured))
        lines = open_chords(known, scale, attempt, rng)
        if number > 1:
            lines += rare_segments(known, scale, self.settings.rare_segments, rng)
        return [line for line in lines if self._holds(line)]

    def _holds(self, line: Line) -> bool:
        """Whether both ends of a segment may be asked."""
        ends = line.at(np.array([line.low, line.high])) @ self.probe.rows
        return bool(self.probe.domain.holds(ends).all())

    def _towards_missing(self) -> list[Line]:
        """Lines along what gradients show to be missing in the lowest layer in which something is."""
        rng = self.randomness.step("missing", len(self.measured))
        scale = self.probe.calibration.scale
        for number, step in enumerate(self.found):
            below = self.known_below(number)
            places = strange_directions(self.record, below, step.layer, rng) if step.layer.width else []
            if not places:
                continue
            lines: list[Line] = []
            for index in rng.permutation(len(places))[: self.settings.missing_lines]:
                reach = float(10 ** rng.uniform(0.0, 2.0)) if number else self.lines.line_reach
                point, direction = places[index]
                line = line_along(below, point, direction, scale, reach)
                lines += [] if line is None else [line]
            return lines
        return []

    def _opened(self, number: int) -> Line:
        """A line on which as many neurons below a layer are on as can be; a random one if there is none."""
        rng = self.randomness.step("open line", len(self.measured))
        known, scale = self.known_below(number), self.probe.calibration.scale
        line = open_line(known, scale, rng) if known.layers else None
        return self.fresh_line() if line is None or not self._holds(line) else line

    def _line_to(self, strange: FloatArray, met: FloatArray) -> Line:
        """From the nearest point that is explained through one that is not, a little beyond both."""
        nearest = met[np.argmin(np.linalg.norm(met - strange, axis=1))]
        length = max(float(np.linalg.norm(strange - nearest)), 1e-6 * self.probe.calibration.scale)
        direction = (strange - nearest) / length
        low, high = self.probe.domain.along(nearest @ self.probe.rows, direction @ self.probe.rows)
        return Line(nearest, direction, length, max(low, -length), min(high, 2 * length), length / 2)

    def fresh_line(self, index: int = 0) -> Line:
        """A random line, another one for each index."""
        rng = self.randomness.step("deep line", len(self.measured) + index)
        return random_line(self.probe, rng, self.lines)
