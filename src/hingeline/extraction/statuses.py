"""What is said of every neuron at the end, and what no answer within the domain can tell.

Steps wrote a line per neuron; here it is held against what came later. A neuron that did not bend a swept
line where it clearly should is contradicted; a row that the last fit did not pin is undetermined; what is
on wherever may be asked is carried by a linear part and not identifiable.

Source: statuses per parameter, specs on certificates. Cost: no queries.
"""

from __future__ import annotations

from typing import Any

from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.predicted_bends import Sight, sights
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.verify import largest_error
from hingeline.probing.probe import is_coarse

OPEN = (Status.PARTIAL, Status.INCONCLUSIVE, Status.BUDGET_SPENT)
"""Outcomes in which a neuron may be contradicted."""
MOST_NAMED = 5
"""Neurons named one by one; the others are counted."""
UNPINNED = "no answer that was asked pins its row"
ALWAYS_ON = (
    "neurons that are on wherever may be asked, if there are any, are carried by a linear part: their rows "
    "cannot be told apart there"
)
TOGETHER = (
    "Neurons of one layer with the same hyperplane switch together and are given as one; how many there are "
    "leaves no trace in the answers."
)
NEARLY_TOGETHER = (
    " So are two of the first layer that the check could not tell apart: their hyperplanes lie within "
    "{near:.1g} of 1 + |x| of each other."
)

Lines = list[dict[str, Any]]


def settle_statuses(bench: Bench, result: Recovery) -> dict[tuple[int, int], Sight]:
    """Bring the lines of `evidence["neurons"]` up to date; what is open as sentences in "undecided".

    Args:
        bench: With the evidence, in the coordinates of the result.
        result: Before it is moved back to plain inputs.

    Returns:
        What swept lines saw of the neurons, by layer and number; empty if they were not held against it.
    """
    lines: Lines = bench.evidence.get("neurons", [])
    seen = _sights(bench, result, lines)
    for line in lines:
        sight = seen.get((line["layer"], line["neuron"]))
        if sight is not None:
            _held_against(line, sight, result.outcome)
    if result.outcome.status is Status.PARTIAL:
        _unpinned(bench, lines)
    if result.outcome.status is Status.EQUIVALENT:
        lines += _always_on(bench, lines)
    if lines:
        bench.evidence["neurons"] = lines
    if result.network is not None:
        bench.evidence["limits"] = _limits(bench)
    open_ends = list(_sentences(bench, lines))
    if open_ends:
        bench.evidence["undecided"] = open_ends
    return seen


def _sights(bench: Bench, result: Recovery, lines: Lines) -> dict[tuple[int, int], Sight]:
    """Sights of the neurons that are the network's own rows, one by one; empty where lines cannot tell."""
    network = result.network
    if network is None or is_coarse(bench.probe) or "seen_from" in bench.evidence:
        return {}
    several = len(network.hidden_widths) > 1
    if not several and result.outcome.status not in OPEN:
        return {}
    told = sights(network, bench.sweeps, largest_error(bench.row_errors or 0.0))
    own = {layer: network.hidden_widths[layer - 1] for layer in range(1, len(network.hidden_widths) + 1)}
    count = {layer: sum(line["layer"] == layer for line in lines) for layer in own}
    built = {entry["layer"]: entry["built_on"] for entry in bench.evidence.get("layers", [])}
    # where a layer has other rows than neurons (both halves of a leaky one), its numbers are not its rows'
    usable = {layer: built.get(layer, own[layer] if count[layer] == own[layer] else 0) for layer in own}
    return {key: sight for key, sight in told.items() if key[1] < usable[key[0]]}


def _held_against(line: dict[str, Any], sight: Sight, outcome: Outcome) -> None:
    line["lines_crossed"], line["bends_shown"] = sight.crossed, sight.shown
    if sight.missed and outcome.status in OPEN and line["status"] in ("measured", "pooled"):
        line["status"] = "contradicted"
        line["why"] = f"{sight.missed} of {sight.crossed} lines do not bend where it should bend them"


def _unpinned(bench: Bench, lines: Lines) -> None:
    """Rows that the last fit did not pin, where the lines are of the same network."""
    loose = {
        (int(layer), int(row)) for layer, row in bench.evidence.get("polish", {}).get("undetermined", [])
    }
    built = {entry["layer"]: entry["built_on"] for entry in bench.evidence.get("layers", [])}
    for line in lines:
        own = line["neuron"] < built.get(line["layer"], line["neuron"] + 1)
        if own and (line["layer"], line["neuron"]) in loose and line["status"] in ("measured", "pooled"):
            line["status"], line["why"] = "undetermined", UNPINNED


def _always_on(bench: Bench, lines: Lines) -> Lines:
    """A line for neurons that never switch within the domain, in the layer that a linear part goes around."""
    skips = bench.evidence.get("architecture", {}).get("skips", [])
    around = [s for s in skips if s.get("kind") == "dense" and s.get("status") == "undetermined"]
    layers = {line["layer"] for line in lines}
    bounded = not bench.probe.domain.free
    found: Lines = []
    for layer in sorted(layers):
        # above the first layer inputs are not negative: a neuron may be on everywhere without any bounds
        source = "input" if layer == 1 else f"layer {layer - 1}"
        if (bounded or layer > 1) and any(skip["from"] == source for skip in around):
            found.append(
                {
                    "layer": layer,
                    "neuron": None,
                    "status": "not identifiable",
                    "error": None,
                    "why": ALWAYS_ON,
                }
            )
    return found


def _limits(bench: Bench) -> list[str]:
    """What no question within the domain tells, whatever the outcome."""
    reach = bench.evidence.get("verification", {}).get("reach")
    free = bench.probe.calibration.centre is None
    where = "the bounds" if not free else "what was asked"
    if free and reach is not None:
        where = f"{float(reach):.3g} of the origin"
    never = (
        f"All is said of inputs within {where}: a neuron that is off everywhere there leaves no trace, and "
        "one that is on everywhere there only a linear part."
    )
    near = bench.evidence.get("verification", {}).get("resolution")
    return [never, TOGETHER if near is None else TOGETHER + NEARLY_TOGETHER.format(near=float(near))]


def _sentences(bench: Bench, lines: Lines) -> list[str]:
    told: list[str] = []
    doubtful = [line for line in lines if line["status"] in ("undetermined", "contradicted")]
    for line in doubtful[:MOST_NAMED]:
        told.append(f"{name_of(line)} is {line['status']}: {line.get('why', 'not told by what was asked')}")
    if len(doubtful) > MOST_NAMED:
        told.append(f"{len(doubtful) - MOST_NAMED} more neurons are undetermined or contradicted")
    told += [f"layer {line['layer']}: {line['why']}" for line in lines if line["neuron"] is None]
    weights = sum(len(line.get("undetermined_weights", ())) for line in lines)
    if weights:
        told.append(
            f"{weights} weights of hidden neurons are undetermined; the lines of the neurons name them"
        )
    signs = [line for line in lines if line.get("sign") in ("undetermined", "not identifiable")]
    if signs:
        told.append(f"the signs of {len(signs)} hidden neurons are not told by what was asked")
    withdrawn = bench.evidence.get("withdrawn", [])
    if withdrawn:
        told.append(f"{len(withdrawn)} hyperplanes were withdrawn: {withdrawn[0]['why']}")
    return told


def name_of(line: dict[str, Any]) -> str:
    """A neuron in words."""
    return f"layer {line['layer']}, neuron {line['neuron']},"
