"""Look for second-layer neurons until everything recorded is explained.

Boundaries are followed from the witnesses on the lines at hand. Then rounds of extreme points and a fresh
line: an answer that does not fit, or a bend that is not predicted, shows a neuron that was not met yet, and a
segment across its boundary gives the witness. Enough rounds with nothing new end the search. If boundaries do
not behave, because a first-layer hyperplane is missing or false, the search stops at once and says so.

Source: residual test and fresh lines, specs on certificates. Cost: per round `scattered` points and about 3
queries per bend of the line; per new neuron about 7 queries for its bend, two Jacobians, 10 per crossing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.events import EventSink, NeuronRecovered
from hingeline.core.randomness import Randomness
from hingeline.extraction.bends import MeasuredLine
from hingeline.extraction.extremes import doubtful_rows, extreme_points, made_up_rows
from hingeline.extraction.first_signs import first_signs
from hingeline.extraction.following import Boundary, FollowSettings
from hingeline.extraction.known_part import KnownPart, sweep_known
from hingeline.extraction.recorded import RecordingProbe
from hingeline.extraction.remainder import nearest_fitting, unexplained
from hingeline.extraction.settings import ExtractSettings
from hingeline.extraction.sightings import goes_on
from hingeline.extraction.suspects import Suspects, find_suspects, no_suspects, suspects_on_lines
from hingeline.extraction.unsigned import Planes, UnsignedNeuron
from hingeline.extraction.unsigned_layers import Assembly, assemble
from hingeline.extraction.verify import random_line
from hingeline.extraction.witnesses import WitnessPool, recognise
from hingeline.probing.line import Line


@dataclass(frozen=True)
class WalkSettings:
    """How a second layer is looked for."""

    follow: FollowSettings = field(default_factory=FollowSettings)
    """How hard one boundary is followed."""
    line: ExtractSettings = field(default_factory=ExtractSettings)
    """How fresh lines are drawn."""
    scattered: int = 20
    """Points asked with each fresh line for each neuron known, to find neurons that no line crosses."""
    at_random: float = 0.25
    """Part of them that is drawn at random; the others are where seldom neurons would be."""
    radii: tuple[float, ...] = (0.5, 2.0, 10.0, 100.0)
    """Their distances from the origin, in typical input norms."""
    searches: int = 40
    """Fresh lines and segments swept before the search is given up."""
    barren: int = 2
    """Segments in a row that may show nothing new where a recorded answer does not fit."""
    quiet: int = 2
    """Fresh lines with nothing new before the search ends, if everything fits."""
    hopeless: int = 6
    """Fresh lines with nothing new before the search is given up, if not everything fits."""
    refusals: int = 12
    """Failed crossings in all, beyond one in four, before the first layer is taken to be wrong."""
    corrections: int = 6
    """Times that the first layer is corrected and the search begun again."""


class LayerSearch:
    """Boundaries found so far and what is left to explain.

    Args:
        probe: Where queries go.
        planes: The first layer.
        lines: Lines swept so far.
        randomness: Gives each step its generator.
        emit: Where progress goes.
        settings: How hard to look.
    """

    def __init__(
        self,
        probe: RecordingProbe,
        planes: Planes,
        lines: list[MeasuredLine],
        randomness: Randomness,
        emit: EventSink,
        settings: WalkSettings,
    ) -> None:
        self.probe, self.planes, self.lines = probe, planes, lines
        self.randomness, self.emit, self.settings = randomness, emit, settings
        self.scale = probe.calibration.scale
        self.pool = WitnessPool(planes, self.scale)
        self.boundaries: list[Boundary] = []
        self.straight: list[Boundary] = []
        self.lost: list[Boundary] = []
        self.walks = self.quiet = self.rounds = 0
        self.suspects: Suspects = no_suspects(probe.input_dim)
        self.assembly: Assembly | None = None
        """What the last attempt to put a network together came to."""
        for line in lines:
            self.pool.add(self.known.witnesses(line))

    @property
    def neurons(self) -> list[UnsignedNeuron]:
        """Second-layer neurons found so far."""
        return [boundary.neuron for boundary in self.boundaries]

    @property
    def known(self) -> KnownPart:
        """All that explains a bend."""
        return KnownPart(self.planes, self.neurons, self.scale)

    @property
    def refused(self) -> int:
        """Crossings that failed."""
        return sum(len(b.refused) for b in [*self.boundaries, *self.straight, *self.lost])

    @property
    def crossed(self) -> int:
        """Crossings that did not."""
        return sum(b.crossed for b in [*self.boundaries, *self.straight])

    @property
    def finished(self) -> bool:
        """True if a network fits and enough fresh lines showed nothing new."""
        return self.assembly is not None and self.assembly.network is not None and not self.open

    @property
    def open(self) -> bool:
        """True while fresh lines are still needed to call a fitting network complete."""
        return self.quiet < self.settings.quiet

    @property
    def broken(self) -> bool:
        """True if boundaries do not behave as they would over this first layer."""
        return self.suspects.any or self.refused > self.settings.refusals + self.crossed // 4

    def run(self) -> None:
        """Search until everything is explained, or it makes no sense to go on."""
        if self.probe.input_dim < 2:
            return
        sweeps = [line.sweep for line in self.lines]
        seen = suspects_on_lines(self.pool.witnesses, sweeps, self.probe.input_dim)
        self.suspects = self._confirmed(seen)
        self._follow_all()
        barren = 0
        for _ in range(self.settings.searches):
            if self.broken or not self.boundaries:
                return
            segment = self._suspicious_segment() if barren < self.settings.barren else None
            if segment is not None:
                barren = 0 if self._sweep(segment) else barren + 1
                continue
            self._retry()
            self.assembly = self._assembled()
            if self.finished or self.quiet >= self.settings.hopeless:
                return
            self._scatter()
            self.rounds += 1
            line = random_line(self.probe, self._rng("line"), self.settings.line)
            quiet, barren = self.quiet, 0
            self.quiet = 0 if self._sweep(line) else quiet + 1

    def evidence(self) -> dict[str, Any]:
        """Counts and residuals, JSON-ready."""
        return {
            "first_layer": self.planes.count,
            "second_layer": len(self.boundaries),
            "boundaries_lost": len(self.lost),
            "boundaries_straight": len(self.straight),
            "hyperplanes_crossed": self.crossed,
            "crossings_refused": self.refused,
            "witnesses": [len(boundary.starts) for boundary in self.boundaries],
            "unmet_hyperplanes": [int((~neuron.known).sum()) for neuron in self.neurons],
            "undetermined_weights": [
                [2, k, int(i)] for k, one in enumerate(self.neurons) for i in np.nonzero(~one.known)[0]
            ],
            "first_signs": {} if self.assembly is None else dict(self.assembly.signs),
            "fresh_lines": self.rounds,
            "quiet_lines": self.quiet,
            "residual": None if self.assembly is None else float(self.assembly.residual),
        }

    def _rng(self, step: str) -> np.random.Generator:
        return self.randomness.step(step, len(self.lines))

    def _assembled(self) -> Assembly:
        hopeless = self.quiet >= self.settings.hopeless
        return assemble(self.planes, self.neurons, self.probe.recorded(), bypass=hopeless)

    def _follow_all(self) -> None:
        """Follow a boundary from every witness that no neuron explains, as long as all goes well."""
        for boundary in self.boundaries:
            boundary.take(self.pool)
        while len(self.pool) and not self.broken:
            self._follow()
        if not self.suspects.any:
            self.suspects = self._confirmed(find_suspects(self.neurons, [], self.probe.input_dim))

    def _confirmed(self, suspects: Suspects) -> Suspects:
        """Those of the suspects that far points confirm."""
        rng = self._rng("sightings")

        def goes(normal: FloatArray, offset: float) -> bool:
            return goes_on(self.probe, self.planes, normal, offset, -offset * normal, rng)

        planes = self.planes
        missing = [goes(n, float(o)) for n, o in zip(suspects.normals, suspects.offsets, strict=True)]
        false = [i for i in suspects.false if not goes(planes.normals[i], float(planes.offsets[i]))]
        return Suspects(suspects.normals[missing], suspects.offsets[missing], tuple(false))

    def _retry(self) -> None:
        """Go on with boundaries that were refused somewhere, if neurons to avoid were found since."""
        for index, boundary in enumerate(self.boundaries):
            if boundary.neuron.complete or not boundary.refused or boundary.company >= len(self.boundaries):
                continue
            others = [neuron for other, neuron in enumerate(self.neurons) if other != index]
            boundary.follow(self.probe, self.pool, others, self.randomness.step("again", self.walks))
            self.walks += 1

    def _follow(self) -> None:
        """Follow one boundary and file it by what it turned out to be."""
        boundary = Boundary(self.planes, self.pool.pop(), self.settings.follow)
        boundary.follow(self.probe, self.pool, self.neurons, self.randomness.step("walk", self.walks))
        self.walks += 1
        if boundary.straight and self._is_first_layer(boundary):
            self.straight.append(boundary)
        elif boundary.lost:
            self.lost.append(boundary)
        else:
            self._file(boundary)

    def _is_first_layer(self, boundary: Boundary) -> bool:
        """Whether a boundary that did not bend yet is a first-layer hyperplane; if not, it is followed on."""
        suspects = self._confirmed(find_suspects([], [boundary.neuron], self.probe.input_dim))
        if suspects.any:
            self.suspects = suspects
            return True
        boundary.cleared = True
        boundary.follow(self.probe, self.pool, self.neurons, self.randomness.step("cleared", self.walks))
        return False

    def _file(self, boundary: Boundary) -> None:
        """Add a boundary, or join it with another part of the same neuron's."""
        for index, other in enumerate(self.boundaries):
            if boundary.neuron.complete or other.neuron.complete:
                continue
            both = other.merge(boundary)
            if both is not None:
                both.follow(self.probe, self.pool, self.neurons, self.randomness.step("merged", self.walks))
                self.boundaries[index] = both
                return
        self._drop_parts_of(boundary.neuron)
        self.boundaries.append(boundary)
        self.emit(NeuronRecovered(layer=2, found=len(self.boundaries)))

    def _drop_parts_of(self, neuron: UnsignedNeuron) -> None:
        """Forget incomplete boundaries that turn out to be other parts of this neuron's."""
        self.boundaries = [
            other
            for other in self.boundaries
            if other.neuron.complete or recognise(neuron, other.witness, self.scale) is None
        ]

    def _scatter(self) -> None:
        """Ask where a neuron that is hardly ever on, or off, would be."""
        rng = self._rng("scatter")
        found = first_signs(self.planes, self.neurons)
        signs: FloatArray = np.ones(self.planes.count)
        if found.bits is not None:
            signs = 1.0 - 2.0 * found.bits.astype(np.float64)
        radii = np.minimum(np.array(self.settings.radii) * self.scale, 0.9 * self.probe.calibration.radius)
        count = self.settings.scattered * len(self.boundaries)
        made_up = made_up_rows(self.neurons, count, rng)
        # climbing nothing leaves a point where it was drawn
        made_up[: int(self.settings.at_random * count)] = 0.0
        rows = np.concatenate([made_up, doubtful_rows(self.neurons)])
        self.probe.ask(extreme_points(self.planes, signs, rows, radii, rng))

    def _sweep(self, line: Line) -> bool:
        """Sweep a line and follow what is new on it; True if anything was."""
        measured = sweep_known(self.probe, self.known, line, self._rng("sweep"))
        new = ~self.known.explain(measured.sweep).mask
        self.lines.append(measured)
        self.pool.add(self.known.witnesses(measured))
        self.quiet = 0 if new.any() else self.quiet
        self._follow_all()
        return bool(new.any())

    def _suspicious_segment(self) -> Line | None:
        """From a recorded point that fits to one close by that does not; None if there is none."""
        found = unexplained(self.planes, self.neurons, self.probe.recorded())
        if found is None or not found[1].any():
            return None
        nearest = nearest_fitting(*found)
        if nearest is None:
            return None
        bad, good = nearest
        length = float(np.linalg.norm(bad - good))
        return Line(good, (bad - good) / length, length / 3, 0.0, length, length / 2)
