"""What the steps of an extraction hand to each other and to the verb."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hingeline.core.arrays import FloatArray
from hingeline.core.outcome import Outcome
from hingeline.core.randomness import Randomness
from hingeline.extraction.bends import MeasuredLine
from hingeline.extraction.recorded import Recorded
from hingeline.extraction.settings import ExtractSettings
from hingeline.extraction.verify import RowErrors
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.line import LineSweep
from hingeline.probing.probe import Probe


@dataclass(eq=False)
class Recovery:
    """The best network so far, how it ended, and the evidence."""

    network: PiecewiseLinearNetwork | None
    outcome: Outcome
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])
    lower_layers: PiecewiseLinearNetwork | None = None
    """Where there is no network: the layers found."""


@dataclass(eq=False)
class Bench:
    """Where an extraction works: the probe, its chance, its settings, and the best result so far."""

    probe: Probe
    randomness: Randomness
    settings: ExtractSettings
    best: PiecewiseLinearNetwork | None = None
    """Kept current, so that a budget that ends leaves it."""
    lower_layers: PiecewiseLinearNetwork | None = None
    """The layers found so far, from the inputs to the sums of the deepest; kept current like `best`."""
    evidence: dict[str, Any] = field(default_factory=dict[str, Any])
    """Grows as steps report; JSON-ready."""
    sweeps: list[LineSweep] = field(default_factory=list[LineSweep])
    """Every line swept; at the end each of their bends must be explained."""
    lines: list[MeasuredLine] = field(default_factory=list[MeasuredLine])
    """Lines measured in input coordinates: their full gradients tell of rows outside their span."""
    row_errors: RowErrors | None = None
    """Errors claimed for the rows of the last network that was verified; None before."""
    telling: FloatArray | None = None
    """Points at which neurons are on that seldom are, which a polish may ask besides random ones, "n d"."""
    recorded: Recorded | None = None
    """Answers of the search that a polish may fit beside fresh ones; None: it asks all it needs."""
    contradiction: FloatArray | None = None
    """A point where the last candidate was wrong, shape "d"; the way there crosses what is missing."""
