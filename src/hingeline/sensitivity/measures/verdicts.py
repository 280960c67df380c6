"""What the measurements together say of a network, each as a name, a sentence and its figures.

None of these says that a network withstands attacks: a network whose gradients tell nothing is named as
such, and so is one that is off, constant or held by its biases. The limits are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.numerics.statistics import median
from hingeline.sensitivity.measures.depth_collapse import DepthCollapse
from hingeline.sensitivity.measures.flip_distance import FlipDistance
from hingeline.sensitivity.measures.homogeneity import BIAS_DOMINATED, Homogeneity
from hingeline.sensitivity.measures.independent import IndependentInputs
from hingeline.sensitivity.measures.layer_profile import LayerProfile
from hingeline.sensitivity.measures.local_linearity import SAFE, LocalLinearity
from hingeline.sensitivity.measures.masking import signs_of_masking
from hingeline.sensitivity.repeated import Repeated
from hingeline.sensitivity.results import number, over

LINEAR_RATIO = 1.2
MOST_VALIDITY = 0.2
FEWEST_DIRECTIONS = 15.0
COLLAPSED_AGREEMENT = 0.9
COLLAPSED_NO_FLIP = 0.5
_VARIES = 0.25  # deviation over mean of an output that is not constant, whatever its sign
_DOUBTFUL = ("wavering", "dead", "constant", "zero gradient", "saturated or masked")


@dataclass(frozen=True)
class Verdict:
    """One thing that the measurements say."""

    name: str
    """Of the fixed list: see `verdicts`."""
    words: str
    """One sentence for people."""
    figures: dict[str, Any]
    """The numbers it rests on, JSON-ready."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"name": self.name, "words": self.words, "figures": self.figures}


def verdicts(
    *,
    distance: FlipDistance | None = None,
    linearity: LocalLinearity | None = None,
    layers: LayerProfile | None = None,
    depth: DepthCollapse | None = None,
    biases: Homogeneity | None = None,
    gradient_sizes: FloatArray | None = None,
    gradient_free_sizes: FloatArray | None = None,
    independent: IndependentInputs | None = None,
    labels: IntArray | None = None,
    refused: str | None = None,
    repeated: Repeated | None = None,
) -> tuple[Verdict, ...]:
    """All that the measurements at hand say; the gravest first.

    Names: "wavering", "dead", "constant", "zero gradient", "saturated or masked", "bias-dominated",
    "depth-collapsed", "bottlenecked", "linear regime".

    Args:
        distance: Distances to another class.
        linearity: Where the linear prediction fails.
        layers: Profile of the hidden layers.
        depth: What becomes of pairs of inputs.
        biases: Homogeneity.
        gradient_sizes: Smallest changes that attacks with gradients found, shape "n", infinite for none.
        gradient_free_sizes: The same for attacks without gradients, for the same inputs.
        independent: Answers at inputs that have nothing to do with the user's. Given, the user's inputs alone
            make no network constant or collapsed: they may be of one kind.
        labels: What the inputs should be classified as, shape "n": inputs of one label share a class.
        refused: Why values that were answered allow no gradient, where they do not.
        repeated: What a door answered when inputs and flips were asked again.

    Raises:
        InvalidInput: Attack sizes of different shapes.
    """
    said = [
        *_wavering(repeated),
        *_dead(layers, distance, independent),
        *_constant(depth, independent),
        *_zero_gradient(distance),
    ]
    nothing_to_follow = any(v.name == "zero gradient" for v in said)
    if not nothing_to_follow:
        said += _saturated(distance, linearity, gradient_sizes, gradient_free_sizes, refused)
    said += _bias_dominated(biases)
    if not any(v.name == "constant" for v in said):
        said += _depth_collapsed(depth, None if nothing_to_follow else distance, independent, labels)
    # a good word is kept back where something makes the gradient itself doubtful
    doubtful = any(v.name in _DOUBTFUL for v in said)
    straight = [] if doubtful else list(_linear_regime(distance, linearity))
    if not any(v.name == "dead" for v in said):
        said += _bottlenecked(layers, straight=bool(straight))
    return (*said, *straight)


def _wavering(repeated: Repeated | None) -> Iterator[Verdict]:
    if repeated is None or not (repeated.inputs_changed or repeated.flips_lost):
        return
    yield Verdict(
        "wavering",
        f"Asked again unchanged, {repeated.inputs_changed} of {repeated.inputs} inputs changed class and "
        f"{repeated.flips_lost} of {repeated.flips} flips did not come again: the answers are partly "
        "chance, and so are these sizes.",
        asdict(repeated),
    )


def _dead(
    layers: LayerProfile | None, distance: FlipDistance | None, independent: IndependentInputs | None
) -> Iterator[Verdict]:
    """Inputs of zeros leave every neuron without a bias at its kink: that switches no layer off."""
    kinks_only = distance is not None and not distance.sizes.any()
    if kinks_only and independent is not None and not independent.constant:
        return
    if layers is not None and layers.dead_layers:
        names = ", ".join(layers.dead_layers)
        yield Verdict(
            "dead",
            f"Hidden layer {names} is off at every input that was looked at: nothing of the input comes "
            "through, and no distance to another class means anything.",
            {"dead_layers": list(layers.dead_layers), "dead": [float(d) for d in layers.dead]},
        )


def _constant(depth: DepthCollapse | None, independent: IndependentInputs | None) -> Iterator[Verdict]:
    """Equal outputs at equal inputs say nothing, so independent inputs decide where there are some."""
    over_inputs = None if depth is None else depth.constant
    over_drawn = None if independent is None else independent.constant
    if over_inputs is False or over_drawn is False or (over_inputs is None and over_drawn is None):
        return
    where = "the inputs" if independent is None else f"{independent.inputs} independent inputs"
    figures: dict[str, Any] = {"over_inputs": over_inputs, "over_independent_inputs": over_drawn}
    if depth is not None:
        figures |= {"means": [float(m) for m in depth.means], "ranges": [float(r) for r in depth.ranges]}
    words = f"The outputs do not vary over {where}: the network answers always the same."
    yield Verdict("constant", words, figures)


def _zero_gradient(distance: FlipDistance | None) -> Iterator[Verdict]:
    if distance is not None and distance.without_gradient.all():
        yield Verdict(
            "zero gradient",
            "The gradient is zero at every input: gradients tell nothing here, and only attacks that ask for "
            "answers alone can be used.",
            {"without_gradient": 1.0, "inputs": len(distance.classes)},
        )


def _saturated(
    distance: FlipDistance | None,
    linearity: LocalLinearity | None,
    with_gradients: FloatArray | None,
    without: FloatArray | None,
    refused: str | None,
) -> Iterator[Verdict]:
    reasons, figures = signs_of_masking(distance, linearity, with_gradients, without)
    if refused is not None:
        reasons = [refused.rstrip(".").lower(), *reasons]
    if reasons:
        words = f"Gradients mislead here: {'; '.join(reasons)}. Distances that rest on them are no evidence."
        yield Verdict("saturated or masked", words, figures | {"refused": refused})


def _bias_dominated(biases: Homogeneity | None) -> Iterator[Verdict]:
    if biases is None:
        return
    size = median(np.abs(biases.ratio))
    origin = None if biases.at_origin is None else median(over(biases.at_origin, biases.leads, 0.0))
    # a saturated network is flat far out, but what stands without any input is the biases' alone
    held = origin is None or origin >= BIAS_DOMINATED
    if size < BIAS_DOMINATED and held and bool(np.any(biases.linear)):
        alone = "" if origin is None else f", and {origin:.0%} of it stands without any input"
        yield Verdict(
            "bias-dominated",
            f"Of the median lead only {size:.0%} is linear in the input{alone}: the answer is mostly fixed "
            "by biases before the input is seen.",
            {"ratio": size, "at_origin": None if origin is None else number(origin), "limit": BIAS_DOMINATED},
        )


def _depth_collapsed(
    depth: DepthCollapse | None,
    distance: FlipDistance | None,
    independent: IndependentInputs | None,
    labels: IntArray | None,
) -> Iterator[Verdict]:
    agreement = None if depth is None else depth.agreement
    drawn = None if independent is None else independent.agreement
    no_flip = None if distance is None else 1.0 - float(distance.flipped.mean())
    reasons = list[str]()
    # inputs of one label share a class as they should, and inputs of one kind may: independent ones may not
    alike = labels is not None and _agreement(labels) > COLLAPSED_AGREEMENT
    told = [share for share in (agreement, drawn) if share is not None]
    if told and min(told) > COLLAPSED_AGREEMENT and not (alike or agreement is None):
        beside = (
            "" if drawn is None or independent is None else f" and {drawn:.0%} of pairs {independent.where}"
        )
        reasons.append(f"{agreement:.0%} of pairs of your inputs{beside} share a class")
    if no_flip is not None and no_flip > COLLAPSED_NO_FLIP:
        reasons.append(f"{no_flip:.0%} of the gradient rays meet no other class")
    if reasons:
        words = f"The network is nearly constant at large scale: {'; '.join(reasons)}."
        if (
            depth is not None
            and len(depth.means) == 1
            and depth.deviations[0] > _VARIES * abs(depth.means[0])
        ):
            # all on one side of a threshold that was never meant, as in a regression
            words += (
                f" Its one output does vary over your inputs, by {depth.ranges[0]:.3g} around "
                f"{depth.means[0]:.3g}: if this threshold is not where they are told apart, name another "
                "(threshold, --threshold)."
            )
        figures = {"agreement": agreement, "agreement_independent": drawn, "no_flip": no_flip}
        yield Verdict("depth-collapsed", words, figures)


def _agreement(labels: IntArray) -> float:
    """Share of pairs of different inputs with the same label."""
    met = np.unique(labels, return_counts=True)[1]
    return float((met * (met - 1)).sum() / max(1, len(labels) * (len(labels) - 1)))


def _bottlenecked(layers: LayerProfile | None, *, straight: bool) -> Iterator[Verdict]:
    """Few directions may turn the gradient on the way; where `straight`, it was measured that they do not."""
    if layers is None:
        return
    ranks = [median(row) for row in layers.ranks]
    alive = [rank for rank in ranks if rank > 0]
    smallest, lost = min(alive, default=np.inf), layers.validity
    if smallest < FEWEST_DIRECTIONS or MOST_VALIDITY < lost < np.inf:
        place = layers.bottleneck
        where = "" if place is None else f", the largest drop at layer {layers.names[place]}"
        moved = f", and activation patterns change by {lost:.2f} in sum up to a flip" if lost < np.inf else ""
        few = f"{smallest:.0f} direction{'' if round(smallest) == 1 else 's'}"
        meant = "elsewhere one gradient step may mislead" if straight else "one gradient step may mislead"
        through = "comes" if round(smallest) == 1 else "come"
        words = f"No more than {few} of {layers.inputs} {through} through{where}{moved}: {meant}."
        yield Verdict(
            "bottlenecked",
            words,
            {
                "validity": number(lost),
                "validity_formula": layers.validity_formula,
                "smallest_rank": number(smallest),
                "bottleneck": None if place is None else layers.names[place],
            },
        )


def _linear_regime(distance: FlipDistance | None, linearity: LocalLinearity | None) -> Iterator[Verdict]:
    if distance is None or linearity is None:
        return
    ratio, safety = median(distance.ratio), median(linearity.safety)
    if ratio <= LINEAR_RATIO and safety >= SAFE:
        far = "beyond the inputs" if safety == np.inf else f"{safety:.1f} times as far"
        yield Verdict(
            "linear regime",
            f"The class changes at {ratio:.2f} times the linear distance, and linearity reaches "
            f"{far}: at these inputs one-step numbers can be trusted.",
            {"ratio": ratio, "safety": number(safety)},
        )
