"""The price of an audit, told before it is paid: questions, requests, minutes, money.

What the doctor asked has told how the door answers; how many neurons are behind it nobody knows yet. So the
price of extraction is a range over widths, with what the budget pays for, and the audit never asks more than
its budget whatever the guess was.

Source of the guess: our own benchmark. One hidden layer with k outputs costs about 1.8 d / min(k, 6) + 30
questions for each neuron, two hidden layers about 3 for each parameter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hingeline.auditing.settings import AuditSettings
from hingeline.probing.card import DoctorCard

_WIDTHS = (8, 64)
"""Hidden neurons of a small and of a usual network: the ends of the guess."""
HIDDEN_QUESTIONS = 6
"""For each obfuscated input: itself, the original, and four controls."""


@dataclass(frozen=True)
class PlannedStage:
    """What one stage is expected to ask of the target."""

    name: str
    least: int
    """Questions at best."""
    most: int | None
    """Questions at worst; None: as many as the budget leaves."""
    words: str
    """What it does, or why it will not be done."""
    runs: bool = True
    """Whether the door allows it at all."""


@dataclass(frozen=True)
class AuditPlan:
    """What will be asked, and the price of a question."""

    stages: tuple[PlannedStage, ...]
    budget: int | None
    """Most questions of the whole audit; None: no limit."""
    spent: int
    """Questions that the doctor has asked already."""
    rows_per_request: int
    """Most rows in one request."""
    seconds_per_request: float | None
    """As the door answered the doctor, or as the rate allows, whichever is slower; None: not measured."""
    cost_per_1000: float | None
    currency: str

    @property
    def least(self) -> int:
        """Questions if all goes well, those of the doctor included; never more than the budget."""
        total = self.spent + sum(stage.least for stage in self.stages if stage.runs)
        return total if self.budget is None else min(self.budget, total)

    @property
    def most(self) -> int | None:
        """Questions at worst; None if there is no limit."""
        worst = [stage.most for stage in self.stages if stage.runs]
        total = None if None in worst else self.spent + sum(most for most in worst if most is not None)
        if self.budget is None:
            return total
        return self.budget if total is None else min(self.budget, total)

    def requests(self, queries: int) -> int:
        """Requests that so many questions take, if batches are full."""
        return math.ceil(queries / self.rows_per_request)

    def seconds(self, queries: int) -> float | None:
        """Time on the wire for so many questions; None if it was not measured."""
        pace = self.seconds_per_request
        return None if pace is None else pace * self.requests(queries)

    def cost(self, queries: int) -> float | None:
        """Money for so many questions; None if no price was told."""
        return None if self.cost_per_1000 is None else self.cost_per_1000 * queries / 1000

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; what the clock told is left out, since it differs from run to run."""
        told = {k: v for k, v in asdict(self).items() if k != "seconds_per_request"}
        return told | {"least": self.least, "most": self.most}


def make_plan(
    card: DoctorCard,
    settings: AuditSettings,
    *,
    inputs: int,
    budget: int | None,
    spent: int,
    max_batch: int | None,
    seconds_per_request: float | None,
) -> AuditPlan:
    """The plan for a door that the doctor has seen.

    Args:
        card: What the doctor saw.
        settings: Of the audit.
        inputs: Inputs that were given; 0 if none.
        budget: Most questions of the whole audit.
        spent: Questions that the doctor has asked.
        max_batch: Most rows in one request; None: free.
        seconds_per_request: As measured; None if not.
    """
    stages = tuple(_planned(name, card, settings, inputs) for name in ("inputs", *settings.parts))
    return AuditPlan(
        stages=stages,
        budget=budget,
        spent=spent,
        rows_per_request=max_batch or 8192,
        seconds_per_request=seconds_per_request,
        cost_per_1000=settings.cost_per_1000,
        currency=settings.currency,
    )


def possible(card: DoctorCard) -> Mapping[str, tuple[str, str]]:
    """What the doctor thinks of each attack: yes, limited or no, and why."""
    return {verdict.attack: (verdict.possible, verdict.why) for verdict in card.verdicts}


def extraction_price(card: DoctorCard, neurons: int) -> int:
    """Questions to expect for one hidden layer of so many neurons; two layers cost about twice that."""
    outputs = min(max(1, card.output_dim), 6)
    return 100 + math.ceil(neurons * (1.8 * card.input_dim / outputs + 30))


def _planned(name: str, card: DoctorCard, settings: AuditSettings, inputs: int) -> PlannedStage:
    weights, why = possible(card).get("weights", ("no", "the examination was not complete"))
    copies = weights != "no"
    if name == "extraction":
        if not copies:
            return PlannedStage(name, 0, 0, f"not possible: {why}", runs=False)
        small, usual = (extraction_price(card, width) for width in _WIDTHS)
        words = (
            f"rebuild the network; about {small:,} questions for {_WIDTHS[0]} hidden neurons, {usual:,} for "
            f"{_WIDTHS[1]}; how many there are is not known yet"
        )
        return PlannedStage(name, small, None, words)
    if name == "line":
        return PlannedStage(name, settings.line_points, settings.line_points, "picture of one line")
    if name == "span":
        hidden = HIDDEN_QUESTIONS * min(inputs, settings.hidden_inputs)
        if copies:
            words = "what it looks at: read off the copy, and tried at the door on given inputs"
            return PlannedStage(name, 0, None, words)
        allowed, why = possible(card).get("input subspace", ("no", "the examination was not complete"))
        if allowed == "no":
            return PlannedStage(name, 0, 0, f"not possible: {why}", runs=False)
        words = "what it looks at, by asking"
        return PlannedStage(name, 20 * card.input_dim + hidden, None, words)
    if not inputs:
        return PlannedStage(name, 0, 0, "no inputs were given (--data FILE)", runs=False)
    if name == "inputs":
        rows = min(inputs, settings.inputs)
        return PlannedStage(name, rows, rows, "the class of the given inputs")
    if name == "fragility":
        if copies:
            return PlannedStage(name, 2 * min(inputs, settings.flips), None, "smallest flips, on the copy")
        allowed, why = possible(card).get("decision boundary", ("no", "the examination was not complete"))
        if allowed == "no":
            return PlannedStage(name, 0, 0, f"not possible: {why}", runs=False)
        each = 1200
        rows = min(inputs, settings.asked_flips)
        return PlannedStage(name, each * rows, 2500 * rows, f"smallest flips of {rows} inputs, by asking")
    words = {
        "stability": "how differences grow through the layers: on the copy",
        "defences": "what defences would buy: on the copy, nothing is asked",
    }
    if not copies:
        return PlannedStage(name, 0, 0, "needs a copy, and there will be none", runs=False)
    return PlannedStage(name, 0, 0, words[name])
