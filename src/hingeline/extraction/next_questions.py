"""The cheapest questions that would bring an unfinished extraction further, each with what it costs.

Counts are those of the steps that would ask: a bend is found in about ten queries and tried on both sides,
a gradient costs one query per direction and one for its centre. Where no question within the domain helps,
that is said in place of a count.

Source: costs of the steps, as their modules tell them. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import BudgetExhausted
from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.crossings import crossings_of
from hingeline.extraction.fit_answers import SAMPLES_PER_UNKNOWN
from hingeline.extraction.predicted_bends import Sight
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.verify import fresh_points
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.line import Line

BEND = 20
"""Queries that find one bend on a segment and try it on both sides: 7 to 11 for the exact solve."""
PER_BEND = 7
"""Queries per bend where a whole line is swept."""
ACROSS = 3
"""Answers that tell whether a hyperplane is at a point: on both sides and on it."""
PER_CANDIDATE = 9
"""Queries that tell whether a hyperplane is the first layer's, in a clear case."""
CROSSING = 10
"""Queries that follow a boundary across one hyperplane."""
MOST = 3
"""Questions that are given."""
DRAWN = 4000
"""Inputs drawn, offline, to see whether a neuron is ever on."""
SIZES = (1 / 3, 1.0, 3.0, 30.0, 300.0)
"""Their norms in typical ones."""
NOTHING_HELPS = "no question within the domain helps"
OPEN = (Status.PARTIAL, Status.BUDGET_SPENT, Status.INCONCLUSIVE)


@dataclass(frozen=True, eq=False)
class Question:
    """Something that could be asked next."""

    about: str
    """What it would tell of."""
    why: str
    """What is not known, and why."""
    queries: int | None
    """About how many rows it takes; None if no question helps."""
    how: str
    """What to type, or where to ask."""
    place: Mapping[str, Any] | None = None
    """The point, or both ends of the segment, in plain inputs; None if there is no certain one."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        told = {"about": self.about, "why": self.why, "queries": self.queries, "how": self.how}
        return told if self.place is None else {**told, **self.place}


def next_questions(
    bench: Bench,
    result: Recovery,
    sights: Mapping[tuple[int, int], Sight],
    cut: BudgetExhausted | None = None,
) -> tuple[Question, ...]:
    """The cheapest questions, cheapest first; none for a complete network or a refused door.

    Args:
        bench: With the evidence, statuses settled.
        result: How it ended, in the coordinates of the bench.
        sights: What swept lines saw of the neurons.
        cut: The budget's end, if that was it.
    """
    if result.outcome.status is Status.EQUIVALENT:
        return tuple(_unidentifiable(bench))[:1]
    if result.outcome.status not in OPEN:
        return ()
    found = [
        *_contradicted(bench, sights),
        *_untold(bench, cut),
        *_unmet(bench, result),
        *_unpinned(bench, result),
    ]
    found += _towards(bench, result)
    if cut is not None:
        found += _cut(bench, cut)
    elif not found:
        found += _again(bench)
    found.sort(key=lambda one: np.inf if one.queries is None else one.queries)
    first = {one.about: one for one in reversed(found)}
    return tuple(one for one in found if first[one.about] is one)[:MOST]


def advised(outcome: Outcome, questions: tuple[Question, ...]) -> Outcome:
    """The outcome with the first question in its advice, where it is not settled."""
    if not questions or outcome.status not in OPEN:
        return outcome
    first = questions[0]
    price = "" if first.queries is None else f", about {first.queries:,} queries"
    told = f"Cheapest next: {first.about}{price} ({first.how})."
    return replace(outcome, advice=f"{outcome.advice} {told}".strip())


def _name(layer: int, neuron: int) -> str:
    return f"layer {layer}, neuron {neuron}"


def _plain(bench: Bench, point: FloatArray) -> list[float]:
    """A point of the bench's coordinates in plain inputs."""
    centre = bench.probe.calibration.centre
    return [float(x) for x in (point if centre is None else point + centre)]


def _contradicted(bench: Bench, sights: Mapping[tuple[int, int], Sight]) -> Iterable[Question]:
    """Neurons that a swept line did not show: three answers across the place tell whether they are there."""
    for line in bench.evidence.get("neurons", []):
        if line["status"] != "contradicted":
            continue
        sight = sights[line["layer"], line["neuron"]]
        if sight.place is not None:
            yield Question(
                _name(line["layer"], line["neuron"]), line["why"], ACROSS,
                "answers on both sides of the point and on it", {"point": _plain(bench, sight.place)},
            )  # fmt: skip


def _untold(bench: Bench, cut: BudgetExhausted | None) -> Iterable[Question]:
    """Neurons of deep layers whose bends were met in too few regions: one more bend tells one number."""
    directions = int(bench.evidence.get("span", bench.probe.input_dim))
    each = BEND + 2 * directions
    suggested = {(one["layer"], one["neuron"]): one for one in bench.evidence.get("segments", [])}
    for line in bench.evidence.get("neurons", []):
        missing = int(line.get("missing_numbers", 0))
        if not missing:
            continue
        key = (line["layer"], line["neuron"])
        place = suggested.get(key)
        where = "the segment" if place else "segments just beyond the regions in which it is known"
        more = "another --seed draws others" if cut is None else "a larger --budget"
        yield Question(
            _name(*key), f"{missing} of its numbers are told by no bend met so far", missing * each,
            f"{where}; {more}",
            None if place is None else {"from": place["from"], "to": place["to"]},
        )  # fmt: skip


def _unmet(bench: Bench, result: Recovery) -> Iterable[Question]:
    """Second-layer neurons whose boundary was not seen to meet some hyperplanes."""
    for line in bench.evidence.get("neurons", []) if result.network is None else ():
        unmet = line.get("undetermined_weights", ())
        if line["status"] == "undetermined" and unmet and "missing_numbers" not in line:
            yield Question(
                _name(line["layer"], line["neuron"]),
                f"{len(unmet)} weights act only beyond hyperplanes that its boundary was not seen to meet",
                CROSSING * len(unmet),
                "another --seed follows it elsewhere; where they do not meet at all, " + NOTHING_HELPS,
            )


def _unpinned(bench: Bench, result: Recovery) -> Iterable[Question]:
    """Rows that no answer pins: as many answers where the neuron is on as the row has numbers."""
    network = result.network
    if network is None:
        return
    points = _drawn(bench)
    for line in bench.evidence.get("neurons", []):
        loose = [line["layer"], line["neuron"]] in bench.evidence.get("polish", {}).get("undetermined", [])
        if line["status"] != "undetermined" or not loose:
            continue
        layer, name = line["layer"], _name(line["layer"], line["neuron"])
        if layer > len(network.hidden_widths) or line["neuron"] >= network.hidden_widths[layer - 1]:
            continue  # the row of a network that was not kept
        on = network.pre_activations(points)[layer - 1][:, line["neuron"]] > 0
        if layer > 1:
            below = network.pre_activations(points)[layer - 2] > 0
            weights = [i for i in line.get("undetermined_weights", ()) if i < below.shape[1]]
            on &= below[:, weights].any(axis=1) if weights else True
        if not on.any():
            how = f"not on with them at any of {len(points):,} inputs drawn; if never, {NOTHING_HELPS}"
            yield Question(name, line["why"], None, how)
            continue
        numbers = network.weights[layer - 1].shape[1] + 1
        how = f"{numbers} points at which it is on"
        yield Question(name, line["why"], numbers, how, {"point": _plain(bench, points[np.argmax(on)])})


def _drawn(bench: Bench) -> FloatArray:
    """Points at all distances within the domain, shape "n d"; nothing is asked there."""
    rng = bench.randomness.step("drawn")
    points = fresh_points(bench.probe, rng, DRAWN, SIZES)
    return np.concatenate([points, bench.probe.domain.spread(DRAWN, bench.probe.input_dim, rng)])


def _towards(bench: Bench, result: Recovery) -> Iterable[Question]:
    """The way from the middle of the domain to where the last candidate was wrong."""
    target, network = bench.contradiction, result.network
    length = 0.0 if target is None else float(np.linalg.norm(target))
    if target is None or network is None or not length:
        return
    dim = bench.probe.input_dim
    segment = Line(np.zeros(dim), target / length, bench.probe.calibration.scale, 0.0, length)
    bends = len(crossings_of(network, segment).t)
    # two answers in each predicted piece find the piece with the bend; its gradients tell the hyperplane
    queries = 2 * (bends + 1) + BEND + 2 * (dim + 1)
    ends = {"from": _plain(bench, np.zeros(dim)), "to": _plain(bench, target)}
    yield Question(
        "a bend that no neuron explains", "the network is wrong at the end of this segment", queries,
        "the segment from the middle of the domain; another --seed draws other lines", ends,
    )  # fmt: skip


def _cut(bench: Bench, cut: BudgetExhausted) -> Iterable[Question]:
    """What the step that the budget cut off would have asked."""
    seen, dim = bench.evidence.get("hyperplanes", {}), bench.probe.input_dim
    about, why, queries = "the first line", "how many bends it has is not known", cut.wanted
    if bench.best is not None:
        about, why = "the last digits and the check", "all neurons are there, not measured to the end"
        if not bench.best.hidden_widths:
            about, why = "the check", "the last line showed no neuron"
        queries = _left_to_finish(bench, bench.best)
    elif "first_layer" in bench.evidence and not bench.evidence.get("layers"):
        width = int(bench.evidence["first_layer"]["neurons"])
        about, why = "the next neuron of layer 2", f"{width} neurons of layer 1 are known"
        queries = BEND + width + 1
    elif bench.evidence.get("layers"):
        about, why = "another line", "neurons are missing in some layer"
        queries = PER_BEND * max(1, int(seen.get("bends", 0)))
    elif seen.get("measured"):
        about, why = "the layer of each bend", f"{seen['measured']} hyperplanes are measured"
        queries = PER_CANDIDATE * int(seen["measured"]) - _spent(bench, "membership")
    elif seen:
        about, why = "the hyperplanes of the first line's bends", f"it has {seen['bends']} bends"
        # one gradient per piece; with k outputs one serves about k - 2 bends
        pieces = int(np.ceil(int(seen["bends"]) / max(1, int(seen["outputs"]) - 2))) + 1
        queries = pieces * (dim + 1) - _spent(bench, "hyperplanes")
    if queries <= cut.wanted:
        why += "; only its next batch can be foretold, more will follow"
        queries = cut.wanted
    how = f"--budget {cut.spent + queries}; `hingeline resume` asks nothing twice"
    yield Question(about, why, queries, how)


def _spent(bench: Bench, phase: str) -> int:
    return bench.probe.session.spending.queries_by_phase.get(phase, 0)


def _left_to_finish(bench: Bench, network: PiecewiseLinearNetwork) -> int:
    """Answers of the last fit and the check, less those that were asked."""
    outputs, widths = network.output_dim, network.hidden_widths
    check = bench.settings.check_points + 2 * (sum(widths) + 1)
    if not widths:
        fit = 0
    elif len(widths) == 1:
        # a region per neuron, with several outputs one for k - 1 of them
        fit = int(np.ceil(widths[0] / max(1, outputs - 1))) * (network.input_dim + 1)
    else:
        narrow = max(0, network.input_dim - widths[0]) * widths[0]
        fit = int(np.ceil(SAMPLES_PER_UNKNOWN * (network.parameter_count - narrow) / outputs))
    fit = fit if bench.settings.polish else 0
    phases = ("remeasure", "straighten", "polish", "verify")
    return fit + check - sum(_spent(bench, phase) for phase in phases)


def _again(bench: Bench) -> Iterable[Question]:
    """If nothing in particular is known to help: all of it on other lines."""
    if "out_of_reach" in bench.evidence:
        why = "what is left to find out lies where the door gives no values"
        yield Question("what is not found yet", why, None, _nothing_helps(bench))
        return
    queries = bench.probe.session.spending.queries
    if queries:
        yield Question(
            "all of it on other lines", "what is missing was not met on those that were drawn", queries,
            "another --seed",
        )  # fmt: skip


def _unidentifiable(bench: Bench) -> Iterable[Question]:
    """What stays open in a verified function; no question tells it."""
    for line in bench.evidence.get("neurons", []):
        if line["status"] in ("not identifiable", "undetermined"):
            who = f"layer {line['layer']}" if line["neuron"] is None else _name(line["layer"], line["neuron"])
            yield Question(who, line.get("why", ""), None, _nothing_helps(bench))
    signs = sum("sign" in line and line["sign"] != "measured" for line in bench.evidence.get("neurons", []))
    why = f"the signs of {signs} neurons" if signs else "what a linear part stands for"
    yield Question(why, "the function is verified and does not tell it", None, NOTHING_HELPS)


def _nothing_helps(bench: Bench) -> str:
    declared = np.isfinite(bench.probe.domain.half_width)
    return NOTHING_HELPS + ("; wider --bounds may" if declared else "")
