"""The report on a rebuilt network, made from its finding.

Of the evidence it reads `verification` (points, largest_gap, tolerance), `layers` (per layer: width, and
`neurons` with a standard `error` each), `doctor` (the card) and `undecided` (sentences). What is absent is
not claimed; single values it does not know are listed as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hingeline.core.outcome import Finding, Provenance, Status
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.report.model import (
    Bars,
    Block,
    Claim,
    Command,
    Dots,
    Report,
    Section,
    Table,
    Text,
    Tile,
    Tone,
)
from hingeline.report.numbers import count, duration, plural, small

_TONES = {Status.COMPLETE: Tone.GOOD, Status.INCONCLUSIVE: Tone.BAD, Status.REFUSED: Tone.BAD}
_GAUGE = (
    "No number of questions can tell the order of the neurons of a layer, nor a positive factor moved from a "
    "neuron's inputs to its outputs: networks that differ in these answer alike. Errors are given for rows "
    "scaled to length one."
)

Network = Finding[PiecewiseLinearNetwork]


def extraction_report(finding: Network, *, authorised: str | None = None) -> Report:
    """Everything a reader of `report.html` is told.

    Args:
        finding: What `extract` returned.
        authorised: Who allowed it, if the target is not on this machine.
    """
    return Report(
        title=f"hingeline extract {finding.provenance.target}",
        tone=_TONES.get(finding.outcome.status, Tone.PART),
        verdict=str(finding.outcome.status),
        headline=headline(finding),
        summary=f"{finding.outcome.reason} {finding.outcome.advice}".strip(),
        tiles=_tiles(finding),
        sections=tuple(section for section in _sections(finding, authorised) if section.blocks),
        footer=_footer(finding.provenance),
    )


def headline(finding: Network) -> str:
    """One sentence that a manager can read."""
    asked = plural(finding.queries, "question")
    network = finding.value
    shape = "" if network is None else f" {_shape(network)}"
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


def _sections(finding: Network, authorised: str | None) -> Iterable[Section]:
    evidence = finding.evidence
    yield Section("Is the copy right?", tuple(_verification(evidence)))
    yield Section("What was rebuilt", tuple(_layers(finding)))
    yield Section("What it cost", tuple(_price(finding)))
    yield Section("What the answers give away", tuple(_door(evidence)))
    yield Section("What cannot be known, or is not decided", tuple(_open_ends(finding)))
    yield Section("Do it again", tuple(_again(finding, authorised)))


def _tiles(finding: Network) -> tuple[Tile, ...]:
    tiles = [Tile(count(finding.queries), "questions, all counted")]
    if finding.value is not None:
        parameters = finding.value.parameter_count
        tiles.append(Tile(f"{finding.queries / parameters:.2f}", f"per parameter ({count(parameters)})"))
    gap = _number(_table(finding.evidence, "verification"), "largest_gap")
    if gap is not None:
        tiles.append(Tile(small(gap), "largest difference, fresh inputs"))
    tiles.append(Tile(duration(finding.spending.seconds), "on the clock"))
    return tuple(tiles)


def _verification(evidence: Mapping[str, Any]) -> Iterable[Block]:
    check = _table(evidence, "verification")
    gap, allowed = _number(check, "largest_gap"), _number(check, "tolerance")
    points = _number(check, "points")
    if gap is None or allowed is None:
        if evidence:
            yield Claim("The copy was not compared with the target on fresh inputs", None)
        return
    where = f"{count(points)} fresh inputs" if points is not None else "fresh inputs"
    seen = f"largest difference {small(gap)}, allowed {small(allowed)}"
    yield Claim(f"The copy answers as the target does on {where}", gap <= allowed, seen)


def _layers(finding: Network) -> Iterable[Block]:
    layers = [layer for layer in finding.evidence.get("layers", ()) if isinstance(layer, Mapping)]
    errors = [_errors(layer) for layer in layers]
    if finding.value is not None:
        yield Text(_described(finding.value))
    if layers:
        yield Table(
            ("layer", "neurons", "typical error", "largest error"),
            tuple(_layer_row(i, layer, e) for i, (layer, e) in enumerate(zip(layers, errors, strict=True))),
        )
    named = [(f"layer {i + 1}", e) for i, e in enumerate(errors) if e]
    if named:
        yield Dots(
            "neurons",
            "Every dot is one neuron: the standard error of its recovered weights. Further left is better.",
            "standard error of a weight, rows of length one",
            tuple(name for name, _ in named),
            tuple(e for _, e in named),
        )


def _described(network: PiecewiseLinearNetwork) -> str:
    hidden = " and ".join(plural(width, "neuron") for width in network.hidden_widths) or "none"
    return (
        f"{plural(network.input_dim, 'input')}; hidden layers: {hidden}; "
        f"{plural(network.output_dim, 'output')}; {count(network.parameter_count)} weights and biases."
    )


def _layer_row(index: int, layer: Mapping[str, Any], errors: tuple[float, ...]) -> tuple[str, ...]:
    width = _number(layer, "width")
    typical = small(sorted(errors)[len(errors) // 2]) if errors else ""
    return (
        str(layer.get("layer", index + 1)),
        count(width) if width is not None else "",
        typical,
        small(max(errors)) if errors else "",
    )


def _errors(layer: Mapping[str, Any]) -> tuple[float, ...]:
    """Standard errors of the layer's neurons, where they were measured."""
    neurons = [n for n in layer.get("neurons", ()) if isinstance(n, Mapping)]
    found = [_number(neuron, "error") for neuron in neurons]
    return tuple(e for e in found if e is not None and 0 < e < float("inf"))


def _price(finding: Network) -> Iterable[Block]:
    by_step: dict[str, int] = {}
    for phase, rows in finding.spending.queries_by_phase.items():
        step = phase.split("/")[0]
        by_step[step] = by_step.get(step, 0) + rows
    if not by_step:
        return
    yield Text(
        "Every input sent is one question. Checks, failed attempts and the final polish are counted too."
    )
    yield Bars(
        "questions",
        "Questions by step, in the order of the run.",
        "questions",
        tuple(by_step),
        tuple(float(rows) for rows in by_step.values()),
    )


def _door(evidence: Mapping[str, Any]) -> Iterable[Block]:
    card = _table(evidence, "doctor")
    rows = tuple((_spaced(key), _shown(value)) for key, value in card.items() if _is_single(value))
    if rows:
        yield Table((), rows, "measured before anything else; every tolerance follows from it")


def _open_ends(finding: Network) -> Iterable[Block]:
    if finding.value is None:
        return
    yield Text(_GAUGE)
    undecided = finding.evidence.get("undecided", ())
    for sentence in undecided if isinstance(undecided, list | tuple) else (undecided,):
        yield Claim(str(sentence), None)


def _again(finding: Network, authorised: str | None) -> Iterable[Block]:
    made = finding.provenance
    yield Command((f"hingeline extract {made.target} --seed {made.seed}",))
    rows = [("seed", str(made.seed))] + [(_spaced(k), _shown(v)) for k, v in made.settings.items()]
    rows += [(name, version) for name, version in made.versions.items()]
    rows += [("authorised", authorised)] if authorised else []
    yield Table((), tuple(rows))
    if made.sources:
        yield Text("The methods come from: " + "; ".join(made.sources) + ".")


def _footer(made: Provenance) -> str:
    return (
        f"Made by hingeline {made.versions.get('hingeline', '')}. The same run as data: result.json; "
        "the copy itself: model.safetensors; every question and answer: journal.sqlite."
    )


def _shape(network: PiecewiseLinearNetwork) -> str:
    return "-".join(map(str, network.sizes))


def _table(evidence: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = evidence.get(key)
    return value if isinstance(value, Mapping) else {}


def _number(table: Mapping[str, Any], key: str) -> float | None:
    value = table.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _is_single(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return small(value) if isinstance(value, float) else str(value)


def _spaced(key: str) -> str:
    return key.replace("_", " ")
