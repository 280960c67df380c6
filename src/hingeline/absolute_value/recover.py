"""Exact recovery of f(x) = sum a_i |w_i . x| from its values: rows up to sign and order, number not told.

The steps: examine the door; see that the function is of the family; find all kinks of a random great circle;
measure one gradient per piece and certify it, again with a shorter step where it met a kink; halve the jumps
between neighbours; try the network on fresh points. An absolute value is never off, so a row that is missing
shows at almost every fresh point; then two kinks may coincide on this circle, and another is drawn.

Not identifiable, and so not told: the length of a row apart from the size of its coefficient, and parallel
rows, which are one row. Cost: m (d + 6) + 60 queries, everything counted;
coefficients of both signs add about m.
Source: ours; the target class is that of Li, Ma and Zhang 2020.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.absolute_value.certificate import LONGER, blamed, lengthened, missed, vague_pieces
from hingeline.absolute_value.doors import ScoreDoor, score_door
from hingeline.absolute_value.family import door_refusal, family_refusal
from hingeline.absolute_value.gradients import (
    SHORTEST,
    Frame,
    PieceGradients,
    measure_gradients,
    measured_again,
    rows_of,
)
from hingeline.absolute_value.great_circle import Circle, find_kinks
from hingeline.core.arrays import FloatArray
from hingeline.core.errors import BudgetExhausted, InvalidInput, RecoveryError, UnsupportedOracle
from hingeline.core.events import EventSink, NeuronRecovered, Note, ignore
from hingeline.core.outcome import Finding, Outcome, Provenance, Status
from hingeline.core.randomness import Randomness
from hingeline.networks.absolute_value import AbsoluteValueNetwork
from hingeline.numerics.tolerances import EPSILON
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.session import QuerySession
from hingeline.probing.doctor import calibration, examine
from hingeline.probing.ground import Ground
from hingeline.probing.probe import Probe

MOST_CIRCLES = 3
"""Circles drawn before the verb gives up."""
MOST_REPAIRS = 2
"""Times that gradients which met a kink are measured again with shorter steps."""
CAUTION = 2.5
"""The doctor knows the noise within a factor of three, from a few places."""
FRESH_POINTS = 8
"""Points held back for the check; one neuron amiss shows at each of them."""
FRESH_SIZES = (1.0, 1 / 3, 0.7, 1.0)
"""Their norms, in radii of the circle."""
SIGMAS = 25.0
"""Gaps within so many standard deviations of an answer agree."""
ROW_SIGMAS = 8.0
"""Gaps within so many times what the rows' claimed errors explain agree."""
EXACT = 1e-6
"""Claimed relative error of the worst row above which a result is called partial."""
VAGUE = EXACT / 4
"""The same above which the gradients beside it are measured again with longer steps."""
CERTIFIED = 36.0
"""Standard deviations of an answer by which a gradient may miss one beside its piece's middle."""
HOPELESS = 0.1
"""Claimed relative error of the worst row above which nothing is concluded."""
SOURCES = (
    "Li, Ma and Zhang, Learning Over-Parametrized Two-Layer Neural Networks beyond NTK, COLT 2020 "
    "(the class; the recovery from queries is ours)",
)


def recover_absolute_value(
    oracle: Oracle,
    *,
    budget: int | None = None,
    seed: int = 0,
    journal: Journal | None = None,
    on_event: EventSink = ignore,
) -> Finding[AbsoluteValueNetwork]:
    """Recover a network of absolute values from its answers.

    Args:
        oracle: The door; one score per row.
        budget: Most rows that may be asked; None for no limit.
        seed: Of all random choices.
        journal: Where questions and answers are recorded, and replayed from.
        on_event: Where events go.

    Returns:
        The network in canonical form, with an outcome that is complete only if fresh answers agree within
        the measured noise, the worst row is known to 1e-6 and planes of rows that meet at more than 1e-6
        radians would have been told apart; partial where noise allows less; refused where the function is
        not of the family.

    Raises:
        InvalidInput: A budget or seed that cannot be meant, or something that is no oracle.
        QueryFailed: The oracle gave no usable answer; with a journal nothing is lost.

    Cost: m (d + 6) + 60 queries for m rows of d where all coefficients are positive.
    """
    door: Any = oracle
    if not isinstance(door, Oracle):
        raise InvalidInput(
            f"recover_absolute_value asks an oracle, not a {type(door).__name__}; "
            "open one with hingeline.oracle(...)"
        )
    scores = score_door(oracle)
    session = QuerySession(scores, budget=budget, journal=journal, on_event=on_event)
    evidence: dict[str, Any] = {}
    network, outcome = _run(session, scores, Randomness(seed), evidence)
    told = Provenance("recover_absolute_value", oracle.spec.name, seed, {"budget": budget}, SOURCES)
    return Finding(network, outcome, evidence, session.spending, told)


def _run(
    session: QuerySession, door: ScoreDoor, randomness: Randomness, evidence: dict[str, Any]
) -> tuple[AbsoluteValueNetwork | None, Outcome]:
    bench: _Bench | None = None
    try:
        card = examine(session, randomness)
        if card.answers == "probabilities" and card.output_dim == 1:
            # read again as scores; the same questions are answered from memory
            door.insists = True
            card = examine(session, randomness)
        evidence["doctor"] = card.to_dict()
        refusal = door_refusal(card)
        if refusal is not None:
            return None, refusal
        known = calibration(card)
        bounds = Ground.of(session.input_dim, session.oracle.spec.bounds, None).bounds
        half_width = float("inf") if bounds is None else min(-bounds[0], bounds[1])
        bench = _Bench(
            Probe(session, known), randomness, evidence, min(known.scale, known.radius), half_width
        )
        return _recover(bench)
    except BudgetExhausted as spent:
        outcome = Outcome(Status.BUDGET_SPENT, f"{spent}.", "Give more with --budget; nothing asked is lost.")
    except UnsupportedOracle as refused:
        outcome = Outcome(Status.REFUSED, str(refused))
    except RecoveryError as problem:
        outcome = Outcome(Status.INCONCLUSIVE, f"{problem}.", "Try another --seed.")
    return (None if bench is None else bench.best), outcome


@dataclass(eq=False)
class _Bench:
    """What the steps share."""

    probe: Probe
    randomness: Randomness
    evidence: dict[str, Any]
    radius: float
    """Norm at which to ask, input units."""
    half_width: float
    """Largest coordinate that may be asked; inf if free."""
    best: AbsoluteValueNetwork | None = None

    def ask(self, points: FloatArray) -> FloatArray:
        """Values, "n d" to "n"."""
        return self.probe.ask(points)[:, 0]

    def inside(self, points: FloatArray) -> FloatArray:
        """Directions at the radius, brought nearer where the box is near."""
        units = points / np.linalg.norm(points, axis=1, keepdims=True)
        room = 0.8 * self.half_width / np.abs(units).max(axis=1, keepdims=True)
        return np.minimum(self.radius, room) * units

    def sigma(self, radius: float, size: float) -> float:
        """Deviation of one value at a norm: what the doctor measured, and never less than rounding."""
        return CAUTION * float(self.probe.noise.at_norm(np.array([radius]))[0]) + EPSILON * size


def _recover(bench: _Bench) -> tuple[AbsoluteValueNetwork | None, Outcome]:
    session = bench.probe.session
    with session.phase("family"):
        rng = bench.randomness.step("family")
        radius = min(bench.radius, 0.8 * bench.half_width)
        refusal, worst = family_refusal(bench.probe, rng, radius)
    bench.evidence["family"] = {"largest_deviation_in_sigmas": worst}
    if refusal is not None:
        return None, refusal
    complaint = "No circle gave a network that fresh answers agree with"
    for attempt in range(MOST_CIRCLES):
        try:
            trial = _try_circle(bench, attempt)
        except RecoveryError as problem:
            complaint = str(problem)
            session.emit(Note(f"circle {attempt + 1}: {problem}; another is drawn"))
            continue
        bench.best = trial.network
        if trial.agreed:
            return _judged(bench, trial)
        complaint = (
            f"Fresh answers are missed by {trial.worst_gap:.2g}, more than noise and the rows' errors explain"
        )
    advice = (
        "If it is even and proportional all the same, neurons may lie behind neurons: use `extract`; "
        "if rows are nearly parallel, try another --seed."
    )
    return bench.best, Outcome(Status.INCONCLUSIVE, f"{complaint} ({MOST_CIRCLES} circles).", advice)


@dataclass(frozen=True, eq=False)
class _Trial:
    """A network from one circle, and what fresh answers say of it."""

    network: AbsoluteValueNetwork
    row_errors: FloatArray
    """Deviation of one entry of each row, shape "m"."""
    circle: Circle
    doubtful: int
    """Gradients that no step length could certify."""
    agreed: bool
    worst_gap: float
    """Largest gap at a fresh point, output units."""
    allowed: float
    """Largest gap that was allowed, output units."""

    @property
    def relative_error(self) -> float:
        """Claimed relative error of the worst row."""
        sizes = np.linalg.norm(self.network.generators, axis=1)
        return float((self.row_errors * np.sqrt(self.network.input_dim) / sizes).max())


def _try_circle(bench: _Bench, attempt: int) -> _Trial:
    """Kinks, gradients, rows and check on one circle; gradients that met a kink are measured again."""
    session = bench.probe.session
    rng = bench.randomness.step("circle", attempt)
    frame = Frame.drawn(rng, bench.probe.input_dim, bench.radius, bench.half_width)
    with session.phase("circle"):
        typical = float(np.abs(bench.ask(frame.points(np.zeros(1)))).max())
        sigma = bench.sigma(frame.radius, typical)
        circle = find_kinks(lambda angles: bench.ask(frame.points(angles)), sigma)
    session.emit(Note(f"{len(circle.kinks)} kinks on a half circle"))
    with session.phase("gradients"):
        known = measure_gradients(bench.ask, frame, circle, sigma, _telling(session))
    session.emit(NeuronRecovered(1, len(circle.kinks)))
    doubtful = np.ones(len(known.middles), dtype=np.bool_)
    for repair in range(MOST_REPAIRS + 1):
        with session.phase("certify"):
            gaps = missed(bench.ask, frame, known, doubtful, rng)
            known, doubtful = blamed(known, gaps), gaps > CERTIFIED * sigma
        if not doubtful.any() or repair == MOST_REPAIRS:
            break
        session.emit(Note(f"{int(doubtful.sum())} gradients met a kink and are measured again"))
        with session.phase("repair"):
            known = measured_again(bench.ask, frame, circle, known, doubtful, sigma)
    vague = vague_pieces(known, circle, VAGUE)
    if vague.any() and bench.probe.input_dim > 2 and known.steps.max() < SHORTEST * LONGER * frame.radius:
        with session.phase("repair"):
            known = lengthened(bench.ask, frame, circle, known, vague, rng, sigma)
    return _checked(bench, circle, known, attempt, int(doubtful.sum()))


def _telling(session: QuerySession) -> Callable[[int], None]:
    def tell(found: int) -> None:
        if found:
            session.emit(NeuronRecovered(1, found))

    return tell


def _checked(bench: _Bench, circle: Circle, known: PieceGradients, attempt: int, doubtful: int) -> _Trial:
    """Predict fresh answers."""
    network, errors = rows_of(known, circle)
    rng = bench.randomness.step("verify", attempt)
    with bench.probe.session.phase("verify"):
        sizes = np.resize(np.array(FRESH_SIZES), FRESH_POINTS)
        points = bench.inside(rng.standard_normal((FRESH_POINTS, network.input_dim))) * sizes[:, np.newaxis]
        answers = bench.ask(points)
    gaps = np.abs(answers - network(points)[:, 0])
    norms = np.linalg.norm(points, axis=1)
    noise = np.array([bench.sigma(float(r), float(abs(v))) for r, v in zip(norms, answers, strict=True)])
    explained = float(np.linalg.norm(errors)) * norms
    allowed = SIGMAS * noise + ROW_SIGMAS * explained
    worst = int(np.argmax(gaps / allowed))
    # rows are no better known than these answers say; noise is told with a margin, so that few are blamed
    surprise = float(np.sqrt(np.mean((gaps / np.hypot(noise, explained)) ** 2)))
    errors = errors * max(1.0, surprise)
    return _Trial(
        network, errors, circle, doubtful, bool((gaps <= allowed).all()), float(gaps.max()),
        float(allowed[worst]),
    )  # fmt: skip


def _judged(bench: _Bench, trial: _Trial) -> tuple[AbsoluteValueNetwork, Outcome]:
    """How a network that fresh answers agree with is called."""
    known = trial.network.canonical()
    count, relative = len(trial.circle.kinks), trial.relative_error
    bench.evidence["recovery"] = {
        "neurons": count,
        "negative": int((known.coefficients < 0).sum()),
        "unresolved_kinks": trial.circle.unresolved,
        "uncertified_gradients": trial.doubtful,
        "rows_nearer_than_this_count_as_one": float(trial.circle.blur.max()),
        "claimed_relative_error": relative,
        "largest_gap": trial.worst_gap,
        "allowed_gap": trial.allowed,
        "fresh_points": FRESH_POINTS,
        "rows_shorter_than_this_are_not_seen": float(trial.allowed / max(bench.radius, EPSILON)),
    }
    if relative > HOPELESS:
        reason = (
            f"{count} kinks show on a circle, but noise leaves their rows open (the worst by a relative "
            f"{relative:.1g}) and may hide others."
        )
        return known, Outcome(Status.INCONCLUSIVE, reason, "Ask a door with more digits.")
    vague = max(trial.circle.unresolved, trial.doubtful)
    if vague:
        reason = (
            f"{count} rows found and agreeing with fresh answers, but at {vague} places neighbours are too "
            "nearly parallel to tell apart: only their sum is sure."
        )
        return known, Outcome(Status.PARTIAL, reason, "Ask a door with less noise.")
    nearest = float(trial.circle.blur.max())
    if relative <= EXACT < nearest:
        reason = (
            f"{count} rows found and agreeing with fresh answers, but behind this noise several whose planes "
            f"meet at less than {nearest:.1g} radians look one."
        )
        return known, Outcome(Status.PARTIAL, reason, "Ask a door with more digits.")
    if relative > EXACT:
        reason = (
            f"{count} rows found and agreeing with fresh answers, the worst known to a relative "
            f"{relative:.1g}: the noise of the door allows no more, and may hide or double a small row."
        )
        return known, Outcome(Status.PARTIAL, reason, "Ask a door with more digits.")
    reason = f"All {count} rows recovered and verified; parallel rows, if any, count as one."
    return known, Outcome(Status.COMPLETE, reason)
