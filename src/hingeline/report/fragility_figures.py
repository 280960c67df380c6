"""Figures of fragility that the measurements do not draw themselves: bounds of every input, a gallery."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.figure_data import Axis, Curve, Curves, Figure, Picture, Pictures
from hingeline.numerics.statistics import median
from hingeline.report.fragility_words import data_distance
from hingeline.report.numbers import count, plural, small
from hingeline.report.span_figures import image, image_side
from hingeline.sensitivity.measures import theory
from hingeline.sensitivity.measures.flip_distance import FlipDistance
from hingeline.sensitivity.measures.local_linearity import NOT_LINEAR, SAFE, LocalLinearity
from hingeline.sensitivity.profile import FragilityProfile
from hingeline.sensitivity.results import distribution

_TITLES = ("as given", "flipped", "what was changed")
_ONE_FLIPPED = (
    "The input as given and flipped, and what was changed, made strong enough to be seen; mid grey is no "
    "change."
)
_SHOWN = 5  # columns of the gallery; every input is in result.json
_LEAST_ERROR = 1e-4  # of a linear prediction that is drawn; below it is rounding, and would fill the axis
_FARTHEST = 30.0  # times the largest flip, or the distance between inputs: what lies beyond is not drawn
_MOST_UNITS = 8.0


def picture_shape(profile: FragilityProfile) -> tuple[int, int] | None:
    """Height and width of the inputs as square grey images; None if they cannot be."""
    side = image_side(profile.points.shape[1])
    return None if side is None else (side, side)


def bounds(profile: FragilityProfile) -> Figure | None:
    """Both bounds of every input, from the most to the least fragile; None where no flip is known."""
    known = np.isfinite(profile.upper)
    if not known.any() or len(profile.upper) < 2:
        return None
    order = np.lexsort((profile.lower, profile.upper))
    upper, lower, proved = profile.upper[order], profile.lower[order], profile.proved[order]
    places = np.arange(1.0, len(order) + 1)
    both, found = proved & np.isfinite(upper), ~proved & np.isfinite(upper)
    below = ~proved & (lower > 0) & np.isfinite(lower)
    curves = [
        _dots("smallest flip, proved", places[both], upper[both]),
        _dots("smallest flip found; smaller ones may exist", places[found], upper[found]),
        _dots("nothing smaller than this flips (proved)", places[below], lower[below]),
    ]
    missing = int((~known).sum())
    more = f" {plural(missing, 'input')} without a known flip stand at the right end." if missing else ""
    return Curves(
        "flip-bounds",
        f"How small a change flips each input, from the most to the least fragile.{more}",
        Axis("inputs, most fragile first", whole=True),
        Axis(f"size of the change ({profile.norm})", from_zero=True),
        tuple(curve for curve in curves if curve.x),
        marks=(("no known flip from here on", float(known.sum()) + 0.5),) if missing else (),
    )


def by_size(profile: FragilityProfile) -> Figure | None:
    """Share of inputs flipped against the size of the change, with every line of reference there is."""
    if not np.isfinite(profile.upper).any() or len(profile.upper) < 2:
        return None
    sizes = {"flips known": profile.upper}
    if np.any((profile.lower > 0) & ~profile.proved):
        sizes["no more than these flip (proved)"] = profile.lower
    marks = {"between two inputs": data_distance(profile)}
    distance = profile.distance
    if distance is not None:
        sizes |= {"straight down the gradient": distance.ray, "as the gradient foretells": distance.linear}
        marks["random linear function"] = theory.HALF_NORMAL_MEDIAN * median(distance.units)
    # a vanishing gradient foretells lengths that would push all the others to the edge
    known = profile.upper[np.isfinite(profile.upper)]
    end = _FARTHEST * max(float(known.max()), np.nan_to_num(marks["between two inputs"]))
    curves = tuple(_up_to(end, Curve(name, *distribution(values))) for name, values in sizes.items())
    return Curves(
        "flips-by-size",
        "Share of the inputs that a change of so much flips. Dashed: where half would flip if the network "
        "were a random linear function, and how far two inputs are apart.",
        Axis(f"size of the change ({profile.norm})", log=True),
        Axis("share of inputs flipped", from_zero=True),
        tuple(curve for curve in curves if curve.x),
        levels=(("half of the inputs", 0.5),),
        marks=tuple((name, place) for name, place in marks.items() if np.isfinite(place) and place > 0),
    )


def gallery(
    profile: FragilityProfile, box: tuple[float, float] | None, *, worst: bool = False
) -> Pictures | None:
    """Some inputs as given and flipped, with the difference below; None where inputs are no images.

    Args:
        profile: What was found.
        box: Ends of black and white, if inputs had a box.
        worst: Whether to show the most fragile alone, not inputs of every rank.
    """
    shape = picture_shape(profile)
    flipped = np.nonzero(np.isfinite(profile.upper) & (profile.upper > 0))[0]
    if shape is None or not len(flipped):
        return None
    rows = _spread(profile.upper, flipped, worst)
    columns = [_column(profile, int(row), shape[0], box) for row in rows]
    if len(rows) == 1:
        return Pictures("flipped-inputs", _ONE_FLIPPED, _TITLES, (columns[0],))
    spread = (
        "spread from the most to the least fragile"
        if len(rows) < len(flipped) and not worst
        else "the most fragile first"
    )
    which = f"{count(len(rows))} of {plural(len(flipped), 'flipped input')}, {spread}"
    return Pictures(
        "flipped-inputs",
        "Above: the input as given. Middle: flipped, often too alike to be told apart. Below: what was "
        f"changed, made strong enough to be seen; mid grey is no change. {which}.",
        tuple(f"row {row}" for row in rows),
        tuple(zip(*columns, strict=True)),
    )


def _spread(upper: FloatArray, flipped: IntArray, worst: bool) -> IntArray:
    """Rows of evenly spread ranks, or of the first ones, the smallest flip first."""
    order = flipped[np.argsort(upper[flipped], kind="stable")]
    if worst:
        return order[:_SHOWN]
    places = np.unique(np.linspace(0, len(order) - 1, min(_SHOWN, len(order))).round().astype(np.int64))
    return order[places]


def _column(
    profile: FragilityProfile, row: int, side: int, box: tuple[float, float] | None
) -> tuple[Picture, ...]:
    given, change = profile.points[row], profile.changes[row]
    ends = box or (float(given.min()), float(given.max()))
    reach = float(np.abs(change).max())
    times = max((ends[1] - ends[0]) / (2 * reach), 1.0) if reach > 0 else 1.0
    proof = "proved" if profile.proved[row] else "found"
    own = int(profile.classes[row])
    wrong = profile.labels is not None and profile.labels[row] != own
    label = f" (labelled {profile.labels[row]})" if wrong and profile.labels is not None else ""
    size = f"size {small(profile.upper[row])} {profile.norm}, {proof}; {small(times)} times as strong"
    return (
        image(given, side, *ends, f"class {own}{label}"),
        image(given + change, side, *ends, f"class {profile.flipped_to[row]}"),
        image(change, side, -reach, reach, size),
    )


def natural_units(distance: FlipDistance) -> Curves:
    """Distances in natural units beside a random linear function, with names that explain themselves."""
    figure, _, _ = distance.figures()
    told = replace(
        figure,
        caption="Share of inputs whose class changes within so many natural units; what lies beyond "
        f"{_MOST_UNITS:g} is not drawn.",
        across=Axis("distance, natural units", from_zero=True),
    )
    names = ("as the gradient foretells", "straight down the gradient", "random linear function")
    told = relabelled(told, names)
    return replace(told, curves=tuple(_up_to(_MOST_UNITS, curve) for curve in told.curves))


def single_steps(distance: FlipDistance) -> Curves:
    """Shares flipped by one step beside a random linear function."""
    _, figure, _ = distance.figures()
    told = replace(
        figure,
        caption="Share of inputs that one step down the gradient flips, against the length of the step.",
        across=Axis("length of the step, natural units", from_zero=True),
    )
    return relabelled(told, ("one step down the gradient", "random linear function"))


def relabelled(
    figure: Curves, names: tuple[str, ...], levels: tuple[tuple[str, float], ...] | None = None
) -> Curves:
    """The figure with other words for its curves, and for its levels if given."""
    curves = tuple(replace(curve, label=name) for curve, name in zip(figure.curves, names, strict=True))
    return replace(figure, curves=curves, levels=figure.levels if levels is None else levels)


def linearity(measured: LocalLinearity) -> Curves:
    """Errors of the linear prediction, those above rounding, with the distances that matter marked."""
    rows = {
        "error of the prediction, down the gradient": measured.error_along,
        "error of the prediction, random direction": measured.error_random,
        "change of the gradient, down the gradient": measured.change_along,
        "change of the gradient, random direction": measured.change_random,
    }
    ray, radius = median(measured.ray), median(measured.linear_radius)
    marks = {"flip": ray, "3 flip distances": SAFE * ray, "no longer linear": radius}
    return Curves(
        "local-linearity",
        "How wrong the gradient's prediction is, and how much the gradient itself turns, against the length "
        "of the step; medians over the inputs. An attack goes down the gradient, where it is more wrong.",
        Axis("length of the step / size of the input", log=True),
        Axis("error, as a share", log=True),
        tuple(_above_rounding(name, measured.radii, values) for name, values in rows.items()),
        levels=(("a tenth", NOT_LINEAR),),
        marks=tuple((name, place) for name, place in marks.items() if np.isfinite(place) and place > 0),
    )


def _above_rounding(label: str, radii: FloatArray, rows: FloatArray) -> Curve:
    pairs = [(float(r), median(row)) for r, row in zip(radii, rows, strict=True)]
    shown = [(r, v) for r, v in pairs if _LEAST_ERROR <= v < np.inf]
    return Curve(label, tuple(r for r, _ in shown), tuple(v for _, v in shown))


def _up_to(end: float, curve: Curve) -> Curve:
    """The curve without what lies beyond; shares still count all inputs."""
    kept = [(x, y) for x, y in zip(curve.x, curve.y, strict=True) if x <= end]
    return replace(curve, x=tuple(x for x, _ in kept), y=tuple(y for _, y in kept))


def _dots(label: str, x: FloatArray, y: FloatArray) -> Curve:
    return Curve(label, tuple(x.tolist()), tuple(y.tolist()), joined=False)
