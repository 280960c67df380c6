"""The verb: what each defence costs, and what it leaves to an attacker who knows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hingeline.core.events import EventSink, ignore
from hingeline.core.outcome import Finding, Outcome, Provenance, Spending, Status
from hingeline.evaluation.defending.call import DefendCall
from hingeline.evaluation.defending.grid import DefenceGrid
from hingeline.evaluation.defending.judging import Judging
from hingeline.evaluation.defending.settings import DefendSettings
from hingeline.oracles.journal import Journal
from hingeline.sensitivity.threat import Norm

SOURCES = (
    "Carlini et al., On Evaluating Adversarial Robustness, 2019 (adaptive attacks and the checks on them)",
    "Athalye, Carlini and Wagner, Obfuscated Gradients Give a False Sense of Security, 2018",
    "Tramèr, Carlini, Brendel and Madry, On Adaptive Attacks to Adversarial Example Defenses, 2020",
    "Carlini, Jagielski and Mironov, Cryptanalytic Extraction of Neural Network Models, 2020 (the leak)",
    "Satopää et al., Finding a Kneedle in a Haystack, 2011 (the knee)",
)


def defend(
    target: Any,
    x: Any,
    y: Any = None,
    *,
    defences: Sequence[Any] | None = None,
    train: tuple[Any, Any] | None = None,
    norm: Norm = "linf",
    box: tuple[float, float] | None = None,
    budget: int | None = None,
    seed: int = 0,
    settings: DefendSettings | Mapping[str, Any] | None = None,
    journal: Journal | None = None,
    on_event: EventSink = ignore,
) -> Finding[DefenceGrid]:
    """Judge defences of a model of your own: utility, leak, span and robustness of each, over several seeds.

    Args:
        target: A network of ours, a finding that holds one, (weights, biases), a file of one; a torch
            module; or a door on this machine, whose slopes are then measured by asking.
        x: Inputs as users send them, shape "n d"; images may keep their shape.
        y: What they should be classified as, shape "n"; without them the model's own decisions are wanted.
        defences: What to judge, as it is typed ("round:3", "softmax+labels", "muldef:5") or as `Defence`
            objects; a usual choice if not given.
        train: Inputs and classes that trained defences ("muldef:...", "detector:...") are trained on.
        norm: How an attacker's changes are measured: "linf", "l2" or "l1".
        box: Smallest and largest value of an input coordinate; a door's own bounds if not given.
        budget: Most rows that each extraction may ask; 5 for each parameter, at least 20,000, if not given.
        seed: Of all random choices.
        settings: What is measured, as `DefendSettings` or as a mapping of its fields.
        journal: Where finished parts are kept, so that an interrupted grid goes on where it was.
        on_event: Where events go.

    Returns:
        The grid. The outcome is complete where every figure of robustness may be stated; partial where the
        checks of an attack failed, with the names of the defences.

    Raises:
        InvalidInput: A target, inputs, defences or settings that cannot be meant.

    Cost: for each defence and seed one extraction and one search for the span (each within the budget), and
        about 2,000 rows for each attacked input, 40,000 where the door answers at random; nothing leaves this
        machine. The queries of the finding are those of the extractions and searches.
    Source: `SOURCES`; the grid and its measures are ours.
    """
    call = DefendCall.read(
        target,
        x,
        y,
        defences=defences,
        train=train,
        norm=norm,
        box=box,
        budget=budget,
        seed=seed,
        settings=settings,
    )
    seed = int(seed)
    judging = Judging(call, seed, journal, on_event)
    grid = judging.run()
    told = {
        "norm": norm,
        "box": call.threat.box,
        "budget": budget,
        "defences": [one.text for one in call.named],
        **call.settings.told(),
    }
    provenance = Provenance("defend", call.opened.model.name, seed, told, SOURCES)
    spending = _spending(grid, judging.stages.spending())
    missing = [one.text for one in call.named if one.text not in {row.text for row in grid.rows}]
    return Finding(grid, _outcome(grid, missing), {"grid": grid.to_dict()}, spending, provenance)


def _spending(grid: DefenceGrid, taken: Spending) -> Spending:
    """Queries of the attackers who had to ask, by defence."""
    by_phase: dict[str, int] = {}
    for row in grid.rows:
        for part, runs in (("leak", row.leak), ("span", row.span)):
            if runs is not None:
                by_phase[f"{row.text}/{part}"] = sum(run.queries for run in runs.runs)
        if row.leak is not None:
            by_phase[f"{row.text}/learned copy"] = sum(run.queries for run in row.leak.learned)
    return Spending(sum(by_phase.values()), taken.seconds, by_phase, taken.seconds_by_phase)


def _outcome(grid: DefenceGrid, missing: Sequence[str]) -> Outcome:
    weak = [row.text for row in grid.rows if row.robustness is not None and not row.robustness.stated]
    count = len(grid.rows) - 1
    what = f"{count} {'defence' if count == 1 else 'defences'} judged over {grid.seeds} seeds"
    if missing:
        return Outcome(
            Status.PARTIAL,
            f"{what}; not judged: {', '.join(missing)}, whose doors broke it off.",
            "The grid tells why of each (left_out).",
        )
    if weak:
        return Outcome(
            Status.PARTIAL,
            f"{what}; no figure of robustness is stated for {', '.join(weak)}: a check of the attack failed.",
            "A stronger attack may pass them: more --steps and --restarts.",
        )
    if all(row.robustness is None for row in grid.rows):
        return Outcome(Status.COMPLETE, f"{what}; robustness was not measured.")
    return Outcome(Status.COMPLETE, f"{what}; every check of the attacks passed.")
