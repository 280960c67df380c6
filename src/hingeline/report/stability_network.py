"""What only networks have: growth by layer, exponents, a twin with noise, one direction for all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hingeline.core.figure_data import Curves
from hingeline.renormalisation.feed_forward.cocycle import Cocycle
from hingeline.renormalisation.feed_forward.direction_gains import DirectionGains
from hingeline.renormalisation.feed_forward.gains import LayerGains
from hingeline.renormalisation.feed_forward.network_findings import NetworkDiagnosis
from hingeline.report.fragility_directions import universal_direction
from hingeline.report.model import Block, Table, Text
from hingeline.report.numbers import count, plural, small


def growth(found: NetworkDiagnosis) -> Iterable[Block]:
    """How steps along the most sensitive direction grow, beside random ones, with the verdict on depth."""
    gains = found.gains
    if gains is None:
        return
    yield Text(
        "A small step at the input is followed through the layers. A direction that was chosen for what it "
        "does to the outputs grows more than a random one by choice: how much more is what is told, not that "
        "depth is at fault."
    )
    yield Text(depth_verdict(gains))
    figures = growth_figures(gains)
    yield figures[0]
    if gains.whitened is not None:
        yield _table(gains, gains.whitened)
        yield Text(
            "Whitened units are steps over how much each layer varies between the inputs "
            f"({plural(gains.data_rows, 'row')}): they do not depend on how layers are scaled. Raw units do, "
            "but for those from input to outputs."
        )
        yield figures[-1]
    else:
        yield Text(f"Raw units only: {gains.not_whitened}.")
    yield _table(gains, gains.raw)


def growth_figures(gains: LayerGains) -> list[Curves]:
    """Growth from the input, whitened where there is something to whiten by, and raw."""
    return [_named(figure) for figure in gains.figures()]


def _named(figure: Curves) -> Curves:
    """The figure with names that explain themselves."""
    told = (replace(c, label=c.label.replace("chosen", "most sensitive")) for c in figure.curves)
    return replace(figure, caption=figure.caption.replace("chosen", "most sensitive"), curves=tuple(told))


def _table(gains: LayerGains, kind: DirectionGains) -> Table:
    return Table(
        ("layer", "gain from the input, most sensitive", "gain from the input, random"),
        tuple(
            (name, _band(row["chosen"]), _band(row["random"]))
            for name, row in zip(gains.names, kind.table(), strict=True)
        ),
        f"Medians over {plural(kind.chosen.shape[1], 'input')} and 90 % bands, in {kind.units} units.",
    )


def _band(told: dict[str, Any]) -> str:
    middle, low, high = (told[name] for name in ("median", "low", "high"))
    if middle is None:
        return "without end"
    ends = "" if low is None or high is None else f" ({small(low)} to {small(high)})"
    return f"{small(middle)}{ends}"


def depth_verdict(gains: LayerGains) -> str:
    """What is said of the growth with depth."""
    kind = gains.raw if gains.whitened is None else gains.whitened
    scaling = gains.scaling
    meaning = {
        "scaling": "every layer multiplies the step by about the same factor",
        "no scaling": "there is no common factor from layer to layer, or none that matters",
        "undecided": "no law of depth can be told",
    }[scaling.verdict]
    return f"Verdict on depth: {scaling.verdict}; {meaning} ({kind.units} units, {scaling.words})."


def exponents(cocycle: Cocycle | None) -> Iterable[Block]:
    """Largest exponents of the products of Jacobians."""
    if cocycle is None:
        return
    inputs = cocycle.log_values.shape[1]
    yield Text(
        "How fast the fastest-growing step at an input grows, as an exponent for each layer (finite-time "
        "Lyapunov exponents; products of Jacobians, not a stability matrix). Rescaled layers change them "
        "everywhere but at the outputs, and above zero does not mean that anything flips."
    )
    told = cocycle.summary()["layers"]
    rows = tuple(
        (
            one["name"],
            "nothing comes through" if one["largest_exponent"] is None else f"{one['largest_exponent']:.2f}",
            "" if None in one["band"] else f"{one['band'][0]:.2f} to {one['band'][1]:.2f}",
        )
        for one in told
    )
    below = f" Bounds from below: layer {', '.join(cocycle.from_below)}." if cocycle.from_below else ""
    yield Table(
        ("up to layer", "largest exponent per layer", "90 % of inputs"),
        rows,
        f"Median over {plural(inputs, 'input')}, natural logarithm.{below}",
    )


def twin(found: NetworkDiagnosis) -> Iterable[Block]:
    """Canonical correlations with noise put in; the noise is told with them."""
    if found.twin is None:
        return
    noise = found.twin.noise
    behind = ", ".join(small(float(sigma)) for sigma in noise.behind)
    yield Text(
        "A network without noise hands everything on, and there is nothing to correlate. So noise was put "
        f"behind each layer: {noise.words} (sigma: {small(noise.at_input)} at the input; {behind}). All "
        "of this depends on that noise."
    )
    yield found.twin.figure()
    yield Table(
        ("step", "largest correlation", "directions handed on", "of"),
        tuple(
            (
                f"{n} to {n + 1}",
                "" if step["largest"] is None else f"{step['largest']:.3f}",
                "" if step["directions"] is None else small(step["directions"]),
                count(step["of"]),
            )
            for n, step in enumerate(found.twin.summary()["steps"])
        ),
        "Medians over inputs. Directions handed on: sum of the squared correlations.",
    )


def universal(found: NetworkDiagnosis, shape: tuple[int, int] | None) -> Iterable[Block]:
    """One direction for all inputs, and what it flips."""
    if found.universal is None:
        return
    yield from universal_direction(found.universal, shape)
