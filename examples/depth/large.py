"""Try to extract a large deep network within a stated budget, and print layer by layer what was recovered.

    python examples/depth/train_large.py large.npz
    python examples/depth/large.py large.npz [--budget ROWS] [--seed S] [--journal FILE] [--out FILE.json]
        [--rows FILE.npz] [--page]

The file is only asked, as any door is, until the extraction has ended; then the result is compared with it.
With --journal an interrupted run goes on where it stopped and asks nothing twice. --rows keeps the layers
found, as a network whose outputs are the sums of the deepest; --page puts the table into the documentation.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))  # examples are scripts, not a package

from layer_report import COLUMNS, found_rows, judged, table_rows
from publishing import ROOT, table_of, with_table

import hingeline as hl
from hingeline.core.events import (
    AnswersReplayed,
    Event,
    NeuronRecovered,
    Note,
    PhaseEnded,
    QueriesAnswered,
)
from hingeline.extraction.gauss_newton import PolishStep
from hingeline.networks.loading import load_network, save_network
from hingeline.oracles.journal import Journal

BUDGET = 2_000_000
PAGE = ROOT / "docs" / "design" / "layers-of-any-depth.md"
TABLE = "large-network"
SILENT = 2.0  # phases of fewer seconds are not worth a line


class Told:
    """Prints what happens, with the time since the start."""

    def __init__(self) -> None:
        self._began, self._asked = time.perf_counter(), 0
        self.reached: dict[int, tuple[int, int, float]] = {}
        """By layer: neurons, rows asked and seconds when there were so many for the first time."""

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.perf_counter() - self._began

    def __call__(self, event: Event) -> None:
        """Print an event if a person would want to know."""
        if isinstance(event, QueriesAnswered | AnswersReplayed):
            self._asked = event.spent
        elif isinstance(event, NeuronRecovered):
            if self.reached.get(event.layer, (-1,))[0] != event.found:
                self.reached[event.layer] = (event.found, self._asked, self.seconds)
        elif isinstance(event, Note):
            self._line(event.message)
        elif isinstance(event, PolishStep):
            self._line(
                f"polish step {event.iteration}: {event.residual:.3g} deviations, {event.passes} passes"
            )
        elif isinstance(event, PhaseEnded) and event.seconds > SILENT:
            self._line(f"{event.phase}: {event.queries:,} queries, {event.seconds:.0f} s")

    def _line(self, text: str) -> None:
        print(f"{self.seconds:8.1f} s  {text}", flush=True)


def layers_of(evidence: dict[str, Any]) -> list[str]:
    """One line per layer that the evidence tells of."""
    lines: list[str] = []
    for index, layer in enumerate(evidence.get("architecture", {}).get("layers", []), start=1):
        told = {key: layer[key] for key in ("kind", "width", "activation") if key in layer}
        lines.append(f"layer {index}: " + ", ".join(f"{key} {value}" for key, value in told.items()))
    neurons = evidence.get("neurons", [])
    for layer in sorted({neuron["layer"] for neuron in neurons}):
        own = [neuron for neuron in neurons if neuron["layer"] == layer]
        states = Counter(str(neuron.get("status", "unknown")) for neuron in own)
        errors = [neuron["error"] for neuron in own if np.isfinite(neuron.get("error", np.nan))]
        worst = f", largest claimed error {max(errors):.1g}" if errors else ""
        lines.append(f"layer {layer}: " + ", ".join(f"{n} {s}" for s, n in states.items()) + worst)
    if not neurons and "first_layer" in evidence:
        lines.append(f"layer 1: {evidence['first_layer']}")
    return lines


def compared(found: hl.PiecewiseLinearNetwork | None, truth: hl.PiecewiseLinearNetwork) -> list[str]:
    """How far the result is from the file, read only now."""
    if found is None:
        return ["no network came of it"]
    points = np.random.default_rng(0).standard_normal((2000, truth.input_dim))
    gap, size = np.abs(found(points) - truth(points)).max(), np.ptp(truth(points), axis=0).max()
    lines = [f"recovered {found}; outputs differ by up to {gap:.2g} where they vary by {size:.2g}"]
    return lines


def main(given: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--budget", type=int, default=BUDGET, help="most rows that may be asked")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend", default="auto", choices=("auto", "numpy", "torch"))
    parser.add_argument("--journal", type=Path, help="where answers are recorded and taken from")
    parser.add_argument("--out", type=Path, help="where the evidence goes, as JSON")
    parser.add_argument("--rows", type=Path, help="where the layers found go, as .npz or .safetensors")
    parser.add_argument("--page", action="store_true", help=f"put the table into {PAGE.relative_to(ROOT)}")
    options, told = parser.parse_args(given), Told()
    truth = load_network(options.file)
    print(f"{options.file}: {truth.input_dim} inputs; budget {options.budget:,} rows, seed {options.seed}")
    with Journal.open(options.journal) if options.journal else nullcontext() as journal:
        finding = hl.extract(
            hl.oracle(options.file), budget=options.budget, seed=options.seed, journal=journal,
            settings={"backend": options.backend}, on_event=told,
        )  # fmt: skip
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    evidence = dict(finding.evidence)
    print(f"{finding.outcome.status}: {finding.outcome.reason}")
    print(f"{finding.queries:,} queries, {told.seconds:.0f} s, {memory:.2g} GB at most")
    print("\n".join([*layers_of(evidence), *compared(finding.value, truth)]))
    lines = table_rows(judged(found_rows(finding), truth), truth, told.reached)
    table = table_of(COLUMNS, lines)
    print(f"\n{table}")
    if options.page:
        spent = f"{finding.queries:,} rows in all, {told.seconds:.0f} s, {memory:.2g} GB"
        words = f"{spent}; the outcome is *{finding.outcome.status}*.\n"
        text = with_table(PAGE.read_text(encoding="utf-8"), TABLE, f"\n{table}\n{words}\n")
        PAGE.write_text(text, encoding="utf-8")
    layers = finding.value or finding.lower_layers
    if options.rows and layers is not None:
        save_network(layers, options.rows)
    if options.out:
        options.out.write_text(json.dumps(evidence, default=str, indent=1), encoding="utf-8")
    return 0 if finding.outcome.ok else 5


if __name__ == "__main__":
    sys.exit(main())
