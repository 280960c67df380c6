"""The report on a rebuilt network, made from its finding.

Of the evidence it reads `verification` (what fresh questions said), `neurons` (one entry each: layer, status,
standard error), `signs`, `doctor` (the card), and what `open_ends` reads. What is absent is not claimed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from hingeline.core.figure_data import Dots
from hingeline.core.outcome import Finding, Provenance, Status
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.report.common import again, door, number, price, table, tone
from hingeline.report.model import (
    Block,
    Claim,
    Report,
    Section,
    Table,
    Text,
    Tile,
)
from hingeline.report.numbers import count, duration, plural, small
from hingeline.report.open_ends import open_ends
from hingeline.report.recipe import Recipe

_GAUGE = (
    "No number of questions can tell the order of the neurons of a layer, nor a positive factor moved from a "
    "neuron's inputs to its outputs: networks that differ in these answer alike. Errors are given for rows "
    "scaled to length one."
)

_RATIOS = (
    "The target answers probabilities, so the copy gives logarithms of their ratios. What is added to all "
    "logits alike leaves no trace in probabilities."
)
_CREDIT = "The methods come from:"
_SIGNS = {"signs": 1, "second signs": 2}  # keys of the evidence, and the layers they are about

Network = Finding[PiecewiseLinearNetwork]


def extraction_report(finding: Network, recipe: Recipe | None = None) -> Report:
    """Everything a reader of `report.html` is told.

    Args:
        finding: What `extract` returned.
        recipe: What the command line was told to do; None if the run did not come from there.
    """
    return Report(
        title=f"hingeline extract {finding.provenance.target}",
        tone=tone(finding),
        verdict=str(finding.outcome.status),
        headline=headline(finding),
        summary=_summary(finding),
        tiles=_tiles(finding),
        sections=tuple(section for section in _sections(finding, recipe) if section.blocks),
        footer=_footer(finding.provenance),
    )


def headline(finding: Network) -> str:
    """One sentence that a manager can read."""
    asked = plural(finding.queries, "question")
    network = finding.value
    shape = "" if network is None else f" {'-'.join(map(str, sizes(finding.evidence, network)))}"
    match finding.outcome.status:
        case Status.COMPLETE:
            return f"With {asked} the whole{shape} network was rebuilt."
        case Status.EQUIVALENT:
            return f"With {asked} a{shape} network that answers alike was rebuilt."
        case Status.BUDGET_SPENT:
            return f"The budget ended after {asked}, before the network was complete."
        case Status.PARTIAL:
            return f"With {asked} a part of the network was rebuilt."
        case Status.REFUSED:
            return f"This target cannot be rebuilt: {finding.outcome.reason}"
        case _:
            return f"After {asked} there is no conclusion."


def _sections(finding: Network, recipe: Recipe | None) -> Iterable[Section]:
    yield Section("Is the copy right?", tuple(verification_claims(finding)))
    yield Section("What was rebuilt", tuple(_layers(finding)))
    yield Section("What it cost", tuple(price(finding)))
    yield Section("What the answers give away", tuple(door(finding.evidence)))
    yield Section("What cannot be known, or is not decided", tuple(_open_ends(finding)))
    yield Section("Do it again", tuple(again(finding, recipe, _CREDIT)))


def _summary(finding: Network) -> str:
    meaning = "Whoever may ask this often owns a copy." if finding.outcome.ok else ""
    return " ".join(part for part in (finding.outcome.reason, finding.outcome.advice, meaning) if part)


def _tiles(finding: Network) -> tuple[Tile, ...]:
    tiles = [Tile(count(finding.queries), "questions, all counted")]
    if finding.value is not None:
        widths = sizes(finding.evidence, finding.value)
        parameters = sum((into + 1) * out for into, out in pairwise(widths))
        if widths != finding.value.sizes:
            parameters += _skip_weights(finding.evidence)
        tiles.append(Tile(f"{finding.queries / parameters:.2f}", f"per parameter ({count(parameters)})"))
    gap = number(table(finding.evidence, "verification"), "largest_gap")
    if gap is not None:
        tiles.append(Tile(small(gap), "largest difference, fresh inputs"))
    tiles.append(Tile(duration(finding.spending.seconds), "on the clock"))
    return tuple(tiles)


def verification_claims(finding: Network) -> Iterable[Block]:
    """What fresh questions said of the copy."""
    check = table(finding.evidence, "verification")
    ratio, gap = number(check, "worst_ratio"), number(check, "largest_gap")
    if ratio is None or gap is None:
        if finding.value is not None:
            yield Claim("The copy was not compared with the target on fresh inputs", None)
        return
    seen = (
        f"largest difference {small(gap)}; the closest call used {small(100 * ratio)}% of what noise allows"
    )
    where = plural(round(number(check, "points") or 0), "fresh input")
    yield Claim(f"The copy answers as the target does on {where}", ratio <= 1, seen)
    missed, bends = number(check, "unexplained_bends"), number(check, "bends_on_fresh_line")
    if missed is not None and bends is not None:
        seen = f"{plural(round(bends), 'bend')} seen, {count(missed)} not predicted"
        yield Claim(
            "On a fresh line through the input space, the copy predicts every bend", missed == 0, seen
        )


def _layers(finding: Network) -> Iterable[Block]:
    if finding.value is not None:
        yield Text(_described(finding.value))
    layers = _neurons_by_layer(finding.evidence)
    if layers:
        columns = ("hidden layer", "neurons", "how", "typical error", "largest error")
        yield Table(columns, tuple(_layer_row(layer, neurons) for layer, neurons in layers.items()))
    errors = {f"layer {layer}": _errors(neurons) for layer, neurons in layers.items()}
    shown = {name: values for name, values in errors.items() if values}
    if shown:
        yield Dots(
            "neurons",
            "Every dot is one neuron: the standard error of its recovered weights. Further left is better.",
            "standard error of a weight, rows of length one",
            tuple(shown),
            tuple(shown.values()),
        )
    yield from _decisions(finding.evidence)


def _decisions(evidence: Mapping[str, Any]) -> Iterable[Block]:
    for key, layer in _SIGNS.items():
        signs = table(evidence, key)
        if signs:
            words = f"The sign of every neuron of layer {layer} is decided"
            yield Claim(words, signs["status"] == "exact", f"the sign equations are {signs['status']}")
    polish = table(evidence, "polish")
    if polish:
        told = f"Polish: {polish['reason']}"
        expected = number(polish, "expected_error") if polish["improved"] else None
        after = "" if expected is None else f" Errors above are from before it; after it, {small(expected)}."
        yield Text(told + after)


def _neurons_by_layer(evidence: Mapping[str, Any]) -> dict[int, list[Mapping[str, Any]]]:
    layers: dict[int, list[Mapping[str, Any]]] = {}
    for neuron in evidence.get("neurons", ()):
        if neuron.get("neuron", 0) is None:
            # stands for neurons of unknown number, which the undecided sentences name
            continue
        layers.setdefault(int(neuron["layer"]), []).append(neuron)
    return dict(sorted(layers.items()))


def _described(network: PiecewiseLinearNetwork) -> str:
    hidden = " and ".join(plural(width, "neuron") for width in network.hidden_widths) or "none"
    return (
        f"{plural(network.input_dim, 'input')}; hidden layers: {hidden}; "
        f"{plural(network.output_dim, 'output')}; {count(network.parameter_count)} weights and biases."
    )


def _layer_row(layer: int, neurons: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    errors = sorted(_errors(neurons))
    ways = Counter(str(neuron.get("status", "")) for neuron in neurons)
    how = ", ".join(f"{number} {way}" if len(ways) > 1 else way for way, number in ways.items())
    typical, largest = (small(errors[len(errors) // 2]), small(errors[-1])) if errors else ("", "")
    return (str(layer), count(len(neurons)), how, typical, largest)


def _errors(neurons: Sequence[Mapping[str, Any]]) -> tuple[float, ...]:
    """Standard errors of neurons, where they were measured and not exactly zero."""
    found = [number(neuron, "error") for neuron in neurons]
    return tuple(e for e in found if e is not None and 0 < e < float("inf"))


def _open_ends(finding: Network) -> Iterable[Block]:
    if finding.value is not None:
        yield Text(_GAUGE)
        if "probabilities" in str(table(finding.evidence, "doctor").get("answers", "")):
            yield Text(_RATIOS)
    yield from open_ends(finding.evidence)


def _footer(made: Provenance) -> str:
    return (
        f"Made by hingeline {made.versions.get('hingeline', '')}. The same run as data: result.json; "
        "the copy itself: model.safetensors; every question and answer: journal.sqlite."
    )


def sizes(evidence: Mapping[str, Any], network: PiecewiseLinearNetwork) -> tuple[int, ...]:
    """Widths from input to output in the target's neurons: a leaky one counts once, though two ReLUs."""
    layers = table(evidence, "architecture").get("layers", [])
    dense = all(layer.get("kind") == "dense" and layer.get("activation") != "undecided" for layer in layers)
    if not layers or not dense:
        return network.sizes
    return (network.input_dim, *(int(layer["width"]) for layer in layers))


def _skip_weights(evidence: Mapping[str, Any]) -> int:
    """Weights of dense skips; an identity has none to tell."""
    skips = table(evidence, "architecture").get("skips", [])
    return sum(len(row) for skip in skips if skip["kind"] == "dense" for row in skip["weights"])
