"""The verb: which directions of the input the answers depend on, over which domain, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from numbers import Integral, Real
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, as_points, frozen
from hingeline.core.errors import BudgetExhausted, InvalidInput, QueryFailed, RecoveryError, UnsupportedOracle
from hingeline.core.events import EventSink, Note, ignore
from hingeline.core.outcome import Finding, Outcome, Provenance, Status
from hingeline.core.randomness import Randomness
from hingeline.numerics.tolerances import EPSILON, NoiseFloor
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.session import QuerySession
from hingeline.probing.card import DoctorCard
from hingeline.probing.coordinates import centred
from hingeline.probing.doctor import calibration, examine
from hingeline.probing.domain import Domain
from hingeline.probing.ground import Ground
from hingeline.probing.probe import Calibration, Probe
from hingeline.subspace.active import measure_active
from hingeline.subspace.adaptive import recover_adaptive
from hingeline.subspace.central import recover_central
from hingeline.subspace.choice import Choice, choose_method, refusal
from hingeline.subspace.far_inputs import freed
from hingeline.subspace.gaussian import recover_gaussian
from hingeline.subspace.labels import recover_from_labels
from hingeline.subspace.laws import BoxLaw, DataLaw, FreeLaw
from hingeline.subspace.pairs import recover_pairs
from hingeline.subspace.polish import polished
from hingeline.subspace.rank_only import measure_rank
from hingeline.subspace.recovered import ActiveSubspace, RecoveredSpan, query_floor
from hingeline.subspace.settings import METHODS, SpanSettings
from hingeline.subspace.whole_box import with_whole_box
from hingeline.subspace.workbench import Bench, Gathered

SOURCES = (
    "Jayaram, Woodruff and Zhang, Span Recovery for Deep Neural Networks with Applications to Input "
    "Obfuscation, ICLR 2020 (goals; the algorithms are ours)",
)
_STATUS = {"exact": Status.COMPLETE, "ambiguous": Status.INCONCLUSIVE, "partial": Status.PARTIAL}
_ROUNDINGS = 4
"""Roundings of a value of the size of its variation that one float answer may carry."""
_DATA_INSET = 0.95
"""Examples in a box are pulled so far towards its middle, so that steps around them stay inside."""
_LARGEST_INPUT = 20_000
"""Inputs above which the complement does not fit into memory (3 GiB)."""


def span(
    oracle: Oracle,
    *,
    data: Any = None,
    box: tuple[float, float] | None = None,
    budget: int | None = None,
    seed: int = 0,
    settings: SpanSettings | Mapping[str, Any] | None = None,
    journal: Journal | None = None,
    on_event: EventSink = ignore,
) -> Finding[RecoveredSpan]:
    """Find the subspace of the input that the answers depend on; nothing about the network is told.

    Args:
        oracle: The door; values, probabilities or labels.
        data: The user's inputs, shape "n d"; the span of the gradients there is told apart.
        box: Smallest and largest coordinate of a box whose span is told apart, where the door is free.
            A door that declares bounds is examined within them and nothing leaves them.
        budget: Most rows that may be asked; None for no limit.
        seed: Of all random choices.
        settings: What can be chosen, as `SpanSettings` or as a mapping of its fields.
        journal: Where questions and answers are recorded, and replayed from.
        on_event: Where events go.

    Returns:
        The span over the widest domain, the narrower ones beside it. The outcome is complete only where three
        votes agree on the rank and moves outside the span showed nothing; it is inconclusive where the rank
        is ambiguous (`value.votes.candidates`), partial where there may be more.

    Raises:
        InvalidInput: A budget, setting, box or data that cannot be meant.
        QueryFailed: The oracle gave no usable answer; with a journal nothing is lost.

    Cost: about 1.1 k (d - k) over the outputs for exact values; 4 times that for smooth functions; about 33
        per k (d - k) for labels.
    Source: goals of Jayaram, Woodruff and Zhang (ICLR 2020); the modules of this package say what is whose.
    """
    door: Any = oracle
    if not isinstance(door, Oracle):
        raise InvalidInput(
            f"span asks an oracle, not a {type(door).__name__}; open one with hingeline.oracle(...)"
        )
    chosen = _settings(settings)
    session = QuerySession(oracle, budget=budget, journal=journal, on_event=on_event)
    ask = _Request(session, Randomness(seed), chosen, _examples(data, session.input_dim), _box(box, oracle))
    evidence: dict[str, Any] = {}
    value, outcome = ask.run(evidence)
    if value is not None:
        evidence["span"] = value.to_dict()
    told = {
        "budget": budget,
        "box": box,
        "examples": len(ask.data),
        **asdict(chosen),
    }
    provenance = Provenance("span", oracle.spec.name, seed, told, SOURCES)
    return Finding(value, outcome, evidence, session.spending, provenance)


class _Request:
    """One call of the verb."""

    def __init__(
        self,
        session: QuerySession,
        randomness: Randomness,
        settings: SpanSettings,
        data: FloatArray,
        box: tuple[float, float] | None,
    ) -> None:
        self.session, self.randomness, self.settings = session, randomness, settings
        self.data, self.box = data, box
        self.notes: tuple[str, ...] = ()

    def run(self, evidence: dict[str, Any]) -> tuple[RecoveredSpan | None, Outcome]:
        """Examine the door, choose a method, follow it, word the result."""
        bench, choice = None, Choice(self.settings.method, "it was asked for")
        try:
            card = None if choice.method == "gaussian" else examine(self.session, self.randomness)
            if card is not None:
                evidence["doctor"] = card.to_dict()
                refused = refusal(card, self.settings)
                if refused is not None:
                    return None, refused
                choice = choose_method(card, self.settings)
                if choice.method == "pairs":
                    # two classes can be told wherever they meet, not only where all can
                    card = replace(card, radius=np.inf)
                card = with_whole_box(self.session, card, self.data, self.randomness.step("whole box"))
                card, note = freed(card)
                if note:
                    self.session.emit(Note(note))
                    self.notes = (note,)
            self.session.emit(Note(f"Method '{choice.method}': {choice.why}."))
            bench = self._bench(card, choice)
            found = self._in_sight(bench, _follow(bench, choice))
            return self._worded(bench, choice, found, _active(bench, choice.method, found))
        except BudgetExhausted as spent:
            outcome = Outcome(Status.BUDGET_SPENT, f"{spent}.", "Give more with --budget; nothing is lost.")
        except UnsupportedOracle as refused:
            outcome = Outcome(Status.REFUSED, str(refused))
        except RecoveryError as problem:
            outcome = Outcome(Status.INCONCLUSIVE, f"{problem}.", "Try another --seed.")
        except QueryFailed as failure:
            if not failure.out_of_range:
                raise
            outcome = Outcome(
                Status.INCONCLUSIVE, str(failure), "Stay where answers hold numbers: --bounds LO HI."
            )
        if bench is None or bench.partial is None:
            return None, outcome
        return self._worded(bench, choice, bench.partial(), None)[0], outcome

    def _bench(self, card: DoctorCard | None, choice: Choice) -> Bench:
        dim = self.session.input_dim
        if dim > _LARGEST_INPUT and choice.method != "rank":
            raise UnsupportedOracle(
                f"{dim:,} inputs: the span of more than {_LARGEST_INPUT:,} does not fit into memory; "
                "ask for the rank only (--rank-only)."
            )
        bounds = self.session.oracle.spec.bounds
        ground = Ground.of(dim, bounds, None)
        probe = None
        law: FreeLaw | BoxLaw = FreeLaw(dim, ground.scale)
        if card is not None and choice.method != "labels":
            probe = Probe(
                self.session, centred(_calibrated(card, on_grid=self.settings.quantum is not None), ground)
            )
            law = _law(dim, probe.calibration.scale, probe.domain)
        elif ground.bounds is not None:
            low, high = ground.bounds
            law = BoxLaw(dim, Domain(half_width=(high - low) / 2), np.full(dim, (low + high) / 2))
        centre = None if probe is None else probe.calibration.centre
        return Bench(
            session=self.session,
            probe=probe,
            card=card,
            law=law,
            randomness=self.randomness,
            settings=self.settings,
            inner=_inner(self.box, law, dim),
            data=_data_law(self.data, law, centre),
        )

    def _worded(
        self, bench: Bench, choice: Choice, found: Gathered, active: ActiveSubspace | None
    ) -> tuple[RecoveredSpan, Outcome]:
        """The result and how it ended."""
        dim = self.session.input_dim
        outputs = int(found.details.get("outputs", _numbers_in_answer(bench.card)))
        value = RecoveredSpan(
            basis=frozen(found.basis),
            rank=found.rank,
            input_dim=dim,
            standing=found.standing,
            where=bench.law.where,
            method=choice.method,
            why=choice.why,
            strengths=frozen(found.strengths),
            votes=found.votes,
            angle=found.angle,
            unseen=found.unseen,
            floor=query_floor(found.rank, dim, outputs),
            forecast=found.forecast,
            domains=found.domains,
            active=active,
            notes=(*self.notes, *_one_domain(bench, choice), *found.notes),
            details=dict(found.details),
        )
        return value, Outcome(_STATUS[found.standing], found.reason, found.advice)

    def _in_sight(self, bench: Bench, found: Gathered) -> Gathered:
        """Not exact if typical inputs lie where answers hold no usable values: nothing was seen there."""
        if found.standing != "exact" or bench.probe is None or bench.card is None:
            return found
        known = bench.probe.calibration
        box = np.isfinite(known.half_width)
        # root mean square distance of the box from its middle, or the norm of a typical input
        typical = known.half_width * float(np.sqrt(self.session.input_dim / 3)) if box else bench.card.scale
        if known.radius >= typical:
            return found
        middle = "middle" if box else "origin"
        reason = (
            f"{found.rank} directions matter within {known.radius:.3g} of the {middle}, where answers hold "
            f"usable values; typical inputs lie at {typical:.3g}, and there may be more there."
        )
        advice = "Ask the door for logits if it has them."
        return replace(found, standing="partial", reason=reason, advice=advice)


def _numbers_in_answer(card: DoctorCard | None) -> int:
    """Independent numbers in one answer: one less than the probabilities of a softmax; one for labels."""
    if card is None or card.answers == "labels":
        return 1
    return max(1, card.output_dim - (card.head.kind in ("softmax", "log-softmax")))


def _one_domain(bench: Bench, choice: Choice) -> Iterator[str]:
    """What to say where a method left out domains that were asked for."""
    if choice.method not in ("complement", "pairs") and (bench.inner is not None or bench.data is not None):
        where = "all inputs" if bench.law.where == "free" else "the whole box"
        yield f"The method '{choice.method}' examines {where} only; the spans of data or a box are not told."


def _follow(bench: Bench, choice: Choice) -> Gathered:
    """The method itself."""
    match choice.method:
        case "labels":
            found = recover_from_labels(bench)
        case "central":
            found = recover_central(bench)
        case "pairs":
            found = recover_pairs(bench)
        case "gaussian":
            found = recover_gaussian(bench)
        case "rank":
            found = measure_rank(bench)
        case _:
            found = recover_adaptive(bench, smooth=bench.card is not None and bench.card.straight is False)
    if bench.settings.polish and choice.method in ("complement", "central"):
        bench.partial = lambda: found
        with bench.session.phase("polish"):
            found = polished(bench, found)
    return found


def _active(bench: Bench, method: str, found: Gathered) -> ActiveSubspace | None:
    """What matters most, where it was asked for and values can be had."""
    count = bench.settings.active_points
    if not count or bench.probe is None or method == "pairs" or not found.basis.shape[1]:
        return None
    rng = bench.randomness.step("active")
    law = bench.data or bench.law
    bench.partial = lambda: found
    with bench.session.phase("active"):
        return measure_active(bench.probe, found.basis, law.points(rng, count), rng)


def _calibrated(card: DoctorCard, *, on_grid: bool) -> Calibration:
    """What the doctor measured; where nothing varied it measured no noise, and float rounding is left."""
    measured = calibration(card)
    if on_grid and card.deterministic and not card.resolution.coarse:
        # between grid points the door stands still: what the doctor took for noise is its rounding of inputs
        rounding = _ROUNDINGS * EPSILON * card.variation
        return replace(measured, noise=NoiseFloor(rounding, rounding / card.scale))
    if card.variation > 0 or card.deterministic is False:
        return measured
    return replace(measured, noise=NoiseFloor(np.finfo(np.float64).tiny, 0.0))


def _law(dim: int, scale: float, domain: Domain) -> FreeLaw | BoxLaw:
    """All that the door allows."""
    return FreeLaw(dim, scale, domain) if np.isinf(domain.half_width) else BoxLaw(dim, domain)


def _inner(box: tuple[float, float] | None, law: FreeLaw | BoxLaw, dim: int) -> BoxLaw | None:
    """The box asked for, where the door allows more than it."""
    if box is None or isinstance(law, BoxLaw):
        return None
    low, high = box
    return BoxLaw(dim, Domain(law.domain.radius, (high - low) / 2), np.full(dim, (low + high) / 2))


def _data_law(data: FloatArray, law: FreeLaw | BoxLaw, centre: FloatArray | None) -> DataLaw | None:
    if not len(data):
        return None
    examples = data if centre is None else data - centre
    if isinstance(law, BoxLaw):
        middle = np.zeros(data.shape[1]) if law.centre is None else law.centre
        examples = middle + _DATA_INSET * (examples - middle)
    return DataLaw(law.inside(examples), law)


def _settings(settings: SpanSettings | Mapping[str, Any] | None) -> SpanSettings:
    try:
        chosen = settings if isinstance(settings, SpanSettings) else SpanSettings(**dict(settings or {}))
    except (TypeError, ValueError) as error:
        known = ", ".join(SpanSettings.__dataclass_fields__)
        raise InvalidInput(f"unknown span setting in {settings}; known are {known}") from error
    for name, (fits, wanted) in _LIMITS.items():
        value = getattr(chosen, name)
        if value is not None and not fits(value):
            raise InvalidInput(f"{name} must be {wanted}; got {value!r}")
    if chosen.quantum is not None and chosen.method in _FREE_STEPS:
        raise InvalidInput(
            f"the method '{chosen.method}' takes steps of any length; inputs that are multiples of a quantum "
            "need 'central' (or no method)"
        )
    return chosen


def _whole(value: Any, fewest: int) -> bool:
    return isinstance(value, Integral) and int(value) >= fewest


def _between(value: Any, low: float, high: float) -> bool:
    return isinstance(value, Real) and low < float(value) < high


_LIMITS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "method": (lambda v: v in METHODS, f"one of {', '.join(METHODS)}"),
    "moves": (lambda v: _whole(v, 1), "a whole number, at least 1"),
    "confidence": (lambda v: _between(v, 0, 1), "between 0 and 1"),
    "points": (lambda v: _whole(v, 1), "a whole number, at least 1"),
    "step": (lambda v: _between(v, 1e-100, 1e100), "a positive number within 1e-100 .. 1e100"),
    "quantum": (lambda v: _between(v, 0, np.inf), "a positive number"),
    "active_points": (lambda v: _whole(v, 0), "a whole number, 0 or more"),
}
_FREE_STEPS = ("complement", "gaussian", "rank")
"""Methods that cannot keep to a grid of inputs."""


def _examples(data: Any, dim: int) -> FloatArray:
    """The user's inputs, each once."""
    if data is None:
        return np.zeros((0, dim))
    points = as_points(data, dim)
    if not len(points):
        raise InvalidInput("data holds no inputs")
    return np.unique(points, axis=0)


def _box(box: tuple[float, float] | None, oracle: Oracle) -> tuple[float, float] | None:
    if box is None:
        return None
    try:
        low, high = (float(end) for end in box)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"a box is two numbers, LO HI; got {box!r}") from error
    if not (np.isfinite([low, high]).all() and low < high):
        raise InvalidInput(f"a box is LO HI with LO below HI; got {low:g} {high:g}")
    bounds = oracle.spec.bounds
    if bounds is not None and not (bounds[0] <= low and high <= bounds[1]):
        raise InvalidInput(f"the box {low:g} .. {high:g} leaves the bounds {bounds[0]:g} .. {bounds[1]:g}")
    return low, high
