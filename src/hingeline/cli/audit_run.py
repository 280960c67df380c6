"""What `audit` does with a recipe: shows the plan, asks once, judges the policies, writes SARIF."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click
from rich.table import Table as Grid
from rich.text import Text

from hingeline.auditing.audit import audit
from hingeline.auditing.call import AuditCall
from hingeline.auditing.plan import AuditPlan
from hingeline.auditing.policy import JudgedPolicy, Verdict, read_policies
from hingeline.auditing.record import Audit
from hingeline.auditing.settings import AuditSettings
from hingeline.cli.exits import Exit, status_code
from hingeline.cli.fragility_run import fragility_arrays
from hingeline.cli.options import remote_host
from hingeline.cli.progress import Progress
from hingeline.cli.run_inputs import named_file, named_inputs, named_labels
from hingeline.cli.runs import Ran, Run
from hingeline.cli.span_run import obfuscation_arrays, span_arrays
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink
from hingeline.core.outcome import Finding
from hingeline.networks.files import write_atomically
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import Oracle
from hingeline.report.audit import audit_report
from hingeline.report.numbers import count, duration
from hingeline.report.recipe import Recipe
from hingeline.report.sarif import sarif_text

# Options that are fields of `AuditSettings`, by the same names.
_SETTINGS = tuple(field.name for field in fields(AuditSettings))
SARIF = "audit.sarif"
"""In every run folder of an audit."""


def audit_run(oracle: Oracle, recipe: Recipe) -> Run:
    """`audit` as the recipe tells it.

    Raises:
        InvalidInput: A file does not fit the target, or a setting or policy cannot be meant.
        FormatError: A file cannot be read.
    """
    said = recipe.settings
    settings = AuditSettings.of({name: said[name] for name in _SETTINGS if name in said})
    policies = read_policies(said.get("fail_on", ()))
    inputs = None if named_file(recipe, "data") is None else named_inputs(recipe, oracle.spec.input_dim)
    labels = None if inputs is None else named_labels(recipe, len(inputs))
    asks = not said.get("yes") and (
        remote_host(str(recipe.target["target"])) is not None or bool(settings.cost_per_1000)
    )
    # refused later, it would already have cost queries
    AuditCall.read(oracle.spec, inputs, labels, settings)

    def run(journal: Journal, on_event: EventSink) -> Ran:
        found = audit(
            oracle,
            inputs,
            labels,
            budget=recipe.budget,
            seed=recipe.seed,
            settings=settings,
            agree=lambda plan: _agree(plan, on_event, asks=asks),
            journal=journal,
            on_event=on_event,
        )
        value = found.value
        if value is None:  # an audit always tells what it came to
            raise InvalidInput("the audit brought nothing")
        judged = tuple(policy.judge(value.measures) for policy in policies)
        found = _with_policies(found, judged)
        sarif = sarif_text(found, judged, _artifact(recipe))
        if "sarif" in said:
            _write(Path(said["sarif"]), sarif)
        return Ran(
            found,
            audit_report(found, recipe, judged),
            _code(found, judged),
            _arrays(value),
            {SARIF: sarif},
        )

    return run


def check_sarif(path: Path) -> Path:
    """Where the SARIF file will be written, as an absolute path, before anything is asked.

    Raises:
        InvalidInput: Its directory does not exist, or no file can be written there.
    """
    if path.exists() and not path.is_file():
        raise InvalidInput(f"--sarif {path}: that is no file")
    if not path.resolve().parent.is_dir():
        raise InvalidInput(f"--sarif {path}: there is no directory {path.parent}")
    if not os.access(path.resolve().parent, os.W_OK):
        raise InvalidInput(f"--sarif {path}: nothing can be written in {path.parent}")
    return path.resolve()


def _agree(plan: AuditPlan, on_event: EventSink, *, asks: bool) -> bool:
    """Show the plan where somebody watches, and ask once where a question costs somebody something."""
    if not isinstance(on_event, Progress):
        return True
    with on_event.aside() as console:
        if console is not None:
            console.print(plan_table(plan))
        return not asks or click.confirm("Go on?", default=False, err=True)


def plan_table(plan: AuditPlan) -> Grid:
    """The plan with its price, for the terminal."""
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", title_justify="left")
    grid.add_column("stage")
    grid.add_column("questions", justify="right")
    grid.add_column("what for")
    for stage in plan.stages:
        style = "" if stage.runs else "dim"
        asked = _range(stage.least, stage.most) if stage.runs else "-"
        grid.add_row(Text(stage.name, style=style), Text(asked, style=style), Text(stage.words, style=style))
    in_all = _range(plan.least, plan.most)
    grid.add_row(Text("in all", style="bold"), Text(in_all, style="bold"), _price(plan))
    return grid


def _range(least: int, most: int | None) -> str:
    if most is None:
        return f"{count(least)} or more"
    return count(least) if least == most else f"{count(least)} to {count(most)}"


def _price(plan: AuditPlan) -> Text:
    """Requests, time and money of the whole plan; at worst where there is a worst, else at least."""
    rows = plan.least if plan.most is None else plan.most
    bound = "at least" if plan.most is None else "at most"
    parts = [f"{bound} {count(plan.requests(rows))} requests"]
    seconds, cost = plan.seconds(rows), plan.cost(rows)
    parts += [] if seconds is None else [f"{duration(seconds)} on the wire"]
    parts += [] if cost is None else [f"{cost:,.2f} {plan.currency}"]
    budget = "no limit" if plan.budget is None else f"budget {count(plan.budget)}"
    return Text(", ".join([*parts, budget]), style="bold")


def _with_policies(found: Finding[Audit], judged: Sequence[JudgedPolicy]) -> Finding[Audit]:
    if not judged:
        return found
    return replace(found, evidence={**found.evidence, "policies": [one.to_dict() for one in judged]})


def _code(found: Finding[Audit], judged: Sequence[JudgedPolicy]) -> Exit:
    """A broken policy comes first; one that could not be judged has not been passed."""
    verdicts = {one.verdict for one in judged}
    if Verdict.BROKEN in verdicts:
        return Exit.POLICY
    code = status_code(found.outcome.status)
    return Exit.INCONCLUSIVE if code is Exit.DONE and Verdict.NOT_JUDGED in verdicts else code


def _artifact(recipe: Recipe) -> str:
    """The file that code scanning points at: the target's as seen from here, or the record of the run."""
    if "sha256" not in recipe.target:
        return "run.toml"
    target, here = Path(str(recipe.target["target"])), Path.cwd()
    # code scanning knows files of its checkout only; what lies elsewhere is told by its name
    return target.relative_to(here).as_posix() if target.is_relative_to(here) else target.name


def _arrays(value: Audit) -> Mapping[str, Mapping[str, Any]]:
    """What was found, by the names that the verbs use."""
    arrays: dict[str, Mapping[str, Any]] = {}
    span, fragility = value.finding("span"), value.finding("fragility")
    if span is not None and span.value is not None:
        arrays["span.npz"] = span_arrays(span.value)
    if value.hidden is not None and value.hidden.value is not None:
        arrays["obfuscation.npz"] = obfuscation_arrays(value.hidden.value)
    if fragility is not None and fragility.value is not None:
        arrays["fragility.npz"] = fragility_arrays(fragility.value)
    return arrays


def _write(path: Path, text: str) -> None:
    write_atomically(path, lambda partial: partial.write_text(text, encoding="utf-8"))
