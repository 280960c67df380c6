"""The second hidden layer by walking its boundaries across the known hyperplanes of the first.

For first layers that cannot be inverted (wider than the input, or nearly dependent rows). Bends that no
first-layer hyperplane explains are witnesses of second-layer neurons; each boundary is followed from one
witness until all its coefficients are known. Scattered points and fresh lines look for neurons that no line
has crossed, until everything recorded is explained and a fresh line shows nothing new. Then signs, biases
and the output layer follow from what is recorded already.

Source: Rolnick and Körding 2020, reconstruction of deeper layers, with exact local tests in place of fits.
Cost: about 6 queries per second-layer weight, 300 scattered points, 3 per bend of each fresh line.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from hingeline.extraction.suspects import Suspects, find_suspects
from hingeline.extraction.unsigned import Planes, UnsignedNeuron
from hingeline.extraction.unsigned_layers import Assembly, Verdict, assemble
from hingeline.extraction.verify import random_line
from hingeline.extraction.witnesses import Witness, WitnessPool
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.line import Line
from hingeline.probing.probe import Probe


@dataclass(frozen=True)
class WalkSettings:
    """How a second layer is looked for."""

    follow: FollowSettings = field(default_factory=FollowSettings)
    """How hard one boundary is followed."""
    line: ExtractSettings = field(default_factory=ExtractSettings)
    """How fresh lines are drawn."""
    scattered: int = 100
    """Points asked with each fresh line, to find neurons that no line crosses."""
    radii: tuple[float, ...] = (0.5, 1.0, 3.0, 30.0)
    """Their distances from the origin, in typical input norms."""
    searches: int = 40
    """Fresh lines and segments swept before the search is given up."""
    barren: int = 2
    """Segments in a row that may show nothing new where a recorded answer does not fit."""
    quiet: int = 2
    """Fresh lines with nothing new before the search ends, if everything fits."""
    hopeless: int = 6
    """Fresh lines with nothing new before the search is given up, if not everything fits."""


@dataclass(frozen=True, eq=False)
class WalkingResult:
    """A second hidden layer found by walking, or why not."""

    network: PiecewiseLinearNetwork | None
    """The whole network, signs decided; None if it could not be put together."""
    reason: str
    """One sentence for people."""
    complete: bool
    """True if every coefficient is decided and a fresh line showed nothing new."""
    suspects: Suspects
    """What is wrong with the first layer as it was given, if anything is."""
    undetermined: tuple[tuple[int, int], ...]
    """Second-layer weights (neuron, input) that no answer tells; they hold their neuron's state."""
    bypass: int
    """Neurons at the end of the second layer that stand for what never bends; 0 if there are none."""
    evidence: dict[str, Any]
    """Counts and residuals, JSON-ready."""


def recover_by_walking(
    probe: Probe,
    normals: FloatArray,
    offsets: FloatArray,
    lines: Sequence[MeasuredLine],
    randomness: Randomness,
    on_event: EventSink,
    settings: WalkSettings | None = None,
) -> WalkingResult:
    """Recover the second hidden layer, all signs and the output layer.

    Args:
        probe: Where queries go; must answer values.
        normals: Unit rows of the first layer in any orientation, shape "n d".
        offsets: normal @ x + offset = 0, shape "n".
        lines: Lines swept so far; their bends that no hyperplane explains are where walks start.
        randomness: Gives each step its generator.
        on_event: Where progress goes.
        settings: How hard to look.

    Raises:
        BudgetExhausted: The budget ended.
    """
    search = _Search(RecordingProbe(probe), Planes(normals, offsets), randomness, on_event, settings)
    for line in lines:
        search.take(line)
    return search.run()


class _Search:
    """Boundaries found so far and what is left to explain."""

    def __init__(
        self,
        probe: RecordingProbe,
        planes: Planes,
        randomness: Randomness,
        on_event: EventSink,
        settings: WalkSettings | None,
    ) -> None:
        self.probe, self.planes, self.randomness, self.emit = probe, planes, randomness, on_event
        self.settings = settings or WalkSettings()
        self.scale = probe.calibration.scale
        self.pool = WitnessPool(planes, self.scale)
        self.boundaries: list[Boundary] = []
        self.straight: list[Boundary] = []
        self.lost: list[Boundary] = []
        self.lines = 0
        self.walks = 0

    @property
    def neurons(self) -> list[UnsignedNeuron]:
        """Second-layer neurons found so far."""
        return [boundary.neuron for boundary in self.boundaries]

    @property
    def known(self) -> KnownPart:
        """All that explains a bend."""
        return KnownPart(self.planes, self.neurons, self.scale)

    def run(self) -> WalkingResult:
        """Search until everything is explained or the search is given up."""
        self.follow_all()
        if not self.boundaries:
            return self.result(None, quiet=0)
        quiet, barren, assembly = 0, 0, self.assemble()
        for _ in range(self.settings.searches):
            segment = self.suspicious_segment() if barren < self.settings.barren else None
            if segment is not None:
                quiet, barren = (0, 0) if self.sweep(segment) else (quiet, barren + 1)
                continue
            assembly = self.assemble(bypass=quiet >= self.settings.hopeless)
            if quiet >= (self.settings.quiet if assembly.network is not None else self.settings.hopeless):
                break
            self.scatter()
            line = random_line(self.probe, self.randomness.step("line", self.lines), self.settings.line)
            quiet, barren = (0, 0) if self.sweep(line) else (quiet + 1, barren)
        return self.result(assembly, quiet)

    def take(self, line: MeasuredLine) -> int:
        """Record a line's answers and put its new witnesses in the pool; how many bends are new."""
        sweep = line.sweep
        lengths = (sweep.highs - sweep.lows)[:, np.newaxis]
        self.probe.keep(sweep.line.at(sweep.lows), sweep.values)
        self.probe.keep(sweep.line.at(sweep.highs), sweep.values + lengths * sweep.slopes)
        self.pool.add(self.known.witnesses(line))
        return int((~self.known.explain(sweep).mask).sum())

    def follow_all(self) -> None:
        """Follow a boundary from every witness that no neuron explains."""
        for boundary in self.boundaries:
            boundary.take(self.pool)
        while len(self.pool):
            self.follow(self.pool.pop())

    def follow(self, witness: Witness) -> None:
        """Follow one boundary and file it by what it turned out to be."""
        boundary = Boundary(self.planes, witness, self.settings.follow)
        rng = self.randomness.step("walk", self.walks)
        self.walks += 1
        boundary.follow(self.probe, self.pool, self.neurons, rng)
        if boundary.lost:
            self.lost.append(boundary)
        elif boundary.straight:
            self.straight.append(boundary)
        else:
            self.boundaries.append(boundary)
            self.emit(NeuronRecovered(layer=2, found=len(self.boundaries)))

    def scatter(self) -> None:
        """Ask where a neuron that is hardly ever on, or off, would be."""
        rng = self.randomness.step("scatter", self.lines)
        found = first_signs(self.planes, self.neurons)
        bits: FloatArray = np.zeros(self.planes.count)
        if found.bits is not None:
            bits = found.bits.astype(np.float64)
        radii = np.minimum(np.array(self.settings.radii) * self.scale, 0.9 * self.probe.calibration.radius)
        made_up = made_up_rows(self.neurons, self.settings.scattered, rng)
        rows = np.concatenate([made_up, doubtful_rows(self.neurons)])
        self.probe.ask(extreme_points(self.planes, 1.0 - 2.0 * bits, rows, radii, rng))

    def sweep(self, line: Line) -> bool:
        """Sweep a line and follow what is new on it; True if anything was."""
        self.lines += 1
        new = self.take(sweep_known(self.probe, self.known, line, self.randomness.step("sweep", self.lines)))
        self.follow_all()
        return new > 0

    def suspicious_segment(self) -> Line | None:
        """From a recorded point that fits to one close by that does not; None if there is none."""
        recorded = self.probe.recorded()
        marked = unexplained(self.planes, self.neurons, recorded)
        if marked is None or not marked.any():
            return None
        bad, good = nearest_fitting(recorded, marked)
        length = float(np.linalg.norm(bad - good))
        return Line(good, (bad - good) / length, length / 3, 0.0, length, length / 2)

    def assemble(self, *, bypass: bool = False) -> Assembly:
        """Put together what there is."""
        return assemble(self.planes, self.neurons, self.probe.recorded(), bypass=bypass)

    def result(self, assembly: Assembly | None, quiet: int) -> WalkingResult:
        """What the search came to."""
        straight = [boundary.neuron for boundary in self.straight]
        suspects = find_suspects(self.neurons, straight, self.probe.input_dim)
        reason = self.reason(assembly, quiet, suspects)
        evidence = self.evidence(assembly)
        if assembly is None or assembly.network is None or quiet < self.settings.quiet:
            return WalkingResult(None, reason, False, suspects, (), 0, evidence)
        complete = assembly.verdict is Verdict.COMPLETE and not suspects.any
        return WalkingResult(
            assembly.network, reason, complete, suspects, assembly.undetermined, assembly.bypass, evidence
        )

    def reason(self, assembly: Assembly | None, quiet: int, suspects: Suspects) -> str:
        """Why it ended as it did."""
        if suspects.any:
            return f"the first layer is not right: {suspects}"
        if assembly is None:
            return f"no second-layer boundary could be followed; {len(self.lost)} were lost where they began"
        if assembly.network is None:
            lost = f"; {len(self.lost)} boundaries bend where no known hyperplane is" if self.lost else ""
            return f"{assembly.verdict}: {assembly.detail}{lost}"
        if quiet < self.settings.quiet:
            return f"fresh lines still bend at unexplained places after {self.lines} lines"
        return assembly.detail

    def evidence(self, assembly: Assembly | None) -> dict[str, Any]:
        """Counts and residuals."""
        return {
            "first_layer": self.planes.count,
            "second_layer": len(self.boundaries),
            "boundaries_lost": len(self.lost),
            "boundaries_straight": len(self.straight),
            "hyperplanes_crossed": sum(boundary.crossed for boundary in self.boundaries),
            "crossings_refused": sum(len(boundary.refused) for boundary in self.boundaries),
            "witnesses": sum(len(boundary.starts) for boundary in self.boundaries),
            "unmet": [int((~neuron.known).sum()) for neuron in self.neurons],
            "searched_lines": self.lines,
            "residual": float(assembly.residual) if assembly is not None else None,
        }
