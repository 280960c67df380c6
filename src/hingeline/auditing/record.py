"""What an audit brings: its stages with their findings, the leak of each layer, the measures of policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hingeline.auditing.leak import Leak
from hingeline.auditing.plan import AuditPlan
from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.events import Event
from hingeline.core.outcome import Finding, Status
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.card import DoctorCard
from hingeline.subspace.obfuscated import Obfuscation


class Source(StrEnum):
    """Whom a stage asked."""

    DOOR = "door"
    """The target itself: every question was paid for."""
    COPY = "copy"
    """The network that extraction rebuilt and verified: nothing was asked of the target."""


@dataclass(frozen=True)
class Stage:
    """One part of the audit, done or not."""

    name: str
    """door, inputs, or one of `settings.PARTS`."""
    queries: int
    """Rows that this stage asked of the target and no stage before it."""
    seconds: float
    finding: Finding[Any] | None = None
    """What the verb of this stage returned; None where it was not run."""
    source: Source = Source.DOOR
    left_out: str = ""
    """Why the stage was not done; a sentence. Empty if it was."""
    starved: bool = False
    """Whether it was left out, or cut short, because the budget was spent."""
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What was checked at the door beside the verb, JSON-ready."""
    doubt: str = ""
    """What the door said against the finding of this stage; a sentence. Empty if nothing."""

    @property
    def settled(self) -> bool:
        """Whether the stage came to a conclusion: the finding is complete, or says why there can be none.

        Flips that were searched by asking are partial at best, since asking proves no smallest one: they are
        as much as this door allows. A network of a kind that extraction does not treat (maxima) may leak all
        the same: nothing is concluded of it.
        """
        if self.starved or self.doubt or self.untreated:
            return False
        if self.finding is None:
            return True
        status = self.finding.outcome.status
        by_asking = self.name == "fragility" and self.source is Source.DOOR and status is Status.PARTIAL
        return by_asking or status in (Status.COMPLETE, Status.EQUIVALENT, Status.REFUSED)

    @property
    def untreated(self) -> bool:
        """Whether extraction met neurons of a kind that it cannot rebuild."""
        if self.name != "extraction" or self.finding is None:
            return False
        refused = self.finding.outcome.status is Status.REFUSED
        return refused and any(name in self.finding.evidence for name in ("maxima", "architecture"))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; seconds come last, since they alone differ when a run is done again."""
        told: dict[str, Any] = {"name": self.name, "source": str(self.source), "queries": self.queries}
        if self.finding is None:
            ended = "done" if not self.left_out else "budget spent" if self.starved else "left out"
            told |= {"status": ended, "reason": self.left_out, "advice": ""}
        else:
            outcome = self.finding.outcome
            told |= {"status": str(outcome.status), "reason": outcome.reason, "advice": outcome.advice}
            told["evidence"] = dict(self.finding.evidence)
        return told | {"doubt": self.doubt, "facts": dict(self.facts), "seconds": self.seconds}


@dataclass(frozen=True)
class StageEnded(Event):
    """A stage of an audit came to its end."""

    stage: Stage
    number: int
    """Of the stage, from 1."""
    of: int
    """Stages of the audit."""


@dataclass(frozen=True, eq=False)
class Usage:
    """What the door said at the inputs that were given."""

    points: FloatArray
    """Shape "n d"."""
    labels: IntArray | None
    """What they should be, shape "n", if it was told."""
    answers: FloatArray
    """Shape "n k"."""
    classes: IntArray
    """The door's decisions, shape "n"."""
    right: BoolArray | None
    """Where they are what they should be; None without labels."""

    @property
    def accuracy(self) -> float | None:
        """Share of the inputs that the door classifies as labelled."""
        return None if self.right is None else float(self.right.mean())


@dataclass(frozen=True, eq=False)
class Line:
    """Answers of the door along one line through the input space, and where the copy says that it bends."""

    positions: FloatArray
    """Shape "m": 0 at the first input, 1 at the second."""
    values: FloatArray
    """What the door answered, shape "m k": logits or log-ratios; where it has none, what came."""
    bends: FloatArray
    """Positions of the hinges that the copy has on this line, shape "b"; empty without a copy."""
    layers: IntArray
    """Layer of the neuron behind each bend, 1 for the first, shape "b"."""
    predicted: FloatArray | None
    """What the copy answers at the positions, shape "m k"; None without a copy."""


@dataclass(frozen=True, eq=False)
class Audit:
    """Everything an audit found."""

    card: DoctorCard | None
    """What the door reveals."""
    plan: AuditPlan | None
    stages: tuple[Stage, ...]
    """In the order of the run."""
    leak: Leak
    copy: PiecewiseLinearNetwork | None
    """The rebuilt network, if there is a verified one."""
    usage: Usage | None = None
    line: Line | None = None
    hidden: Finding[Obfuscation] | None = None
    """Inputs that the network cannot tell from given ones, as the door answered them."""
    progress: tuple[tuple[int, int, int], ...] = ()
    """Questions asked, layer, neurons of that layer known by then: the query curve."""
    measures: Mapping[str, float | None] = field(default_factory=dict[str, float | None])
    """By the names that policies use; None where it is not known."""

    def stage(self, name: str) -> Stage | None:
        """The stage of that name, if the audit came to it."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def finding(self, name: str) -> Finding[Any] | None:
        """What the verb of a stage returned."""
        stage = self.stage(name)
        return None if stage is None else stage.finding

    @property
    def edges_among_neurons(self) -> bool:
        """Whether what was measured as neurons may be edges at which the server clips its inputs.

        The doctor saw answers stand still far out, nobody declared bounds, and extraction did not come to a
        network that explains them.
        """
        stage, card = self.stage("extraction"), self.card
        if card is None or card.flat_beyond is None or card.bounds is not None:
            return False
        return stage is not None and stage.finding is not None and not stage.settled

    @property
    def not_established(self) -> tuple[tuple[str, str], ...]:
        """What the audit cannot say: stage and reason."""
        told: list[tuple[str, str]] = []
        for stage in self.stages:
            if stage.doubt:
                told.append((stage.name, stage.doubt))
            elif stage.left_out:
                told.append((stage.name, stage.left_out))
            elif stage.finding is not None and not stage.finding.outcome.ok:
                told.append((stage.name, str(stage.finding.outcome)))
        return tuple(told)
