"""How hard deeper layers are looked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SearchSettings:
    """How hard deeper layers are looked for."""

    first_lines: int = 5
    """Lines swept before the first layer is looked for."""
    repair_lines: int = 4
    """Short lines towards answers that are not explained, at a time."""
    missing_lines: int = 4
    """Lines along what gradients leave unexplained, at a time."""
    more_lines: int = 2
    """Lines added when nothing else helps."""
    untold_lines: int = 2
    """Segments where what is not known of neurons matters, at a time."""
    untold_points: int = 32
    """Points for each neuron of the last layer at which what is not known of it matters, half of them where
    it is on as far as it is known."""
    rare_segments: int = 6
    """Segments between places where what is below a layer is mixed unevenly, at a time, when it is narrow."""
    quiet: int = 1
    """Times that these show no new neuron of the layer before they are no longer swept."""
    idle: int = 3
    """Times that those are tried in vain where all answers are explained."""
    confirm: int = 32
    """Fresh points at which answers must be explained before a network is put together."""
    looks: int = 4
    """Times that places are asked at which a neuron may be on that nearly never is, over all runs."""
    look: int = 50
    """Places asked each time."""
    rounds: int = 24
    """Times that lines are added, over all runs of one search."""
    passes: int = 6
    """Times that segments are tried for the neurons of one layer."""
    segments: int = 3
    """Segments tried for one neuron at a time."""
    walkers: int = 24
    """Paths per neuron to find them, offline."""
    reach: float = 300.0
    """Farthest a segment may lie, in typical input norms."""
    samples: int = 7
    """Samples with which a segment begins."""
