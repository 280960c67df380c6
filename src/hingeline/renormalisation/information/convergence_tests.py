"""Single tests of convergence, each with numbers and words; how they belong together: `convergence`."""

from __future__ import annotations

from dataclasses import dataclass

from hingeline.renormalisation.flow.scaling import DepthScaling
from hingeline.renormalisation.information.chain import ChainInformation
from hingeline.renormalisation.information.projected import ProjectedInformation
from hingeline.sensitivity.results import number

OPERATOR_COSINE = 0.99
ROUTE_COSINE = 0.95
ROUTE_RATIO = 0.1
"""How far the eigenvalue ratio of the routes may be from 1 beyond three errors (our choice)."""
HALF_COSINE = 0.95
"""|cos| of the directions of two halves (our choice)."""
SATURATED = 0.01
"""Growth of the bound that counts as none, whatever its error (our choice)."""
PRECISION = 0.15
"""Standard error of the top eigenvalue over itself: twice as much is 30 % (our choice)."""


@dataclass(frozen=True)
class ConvergenceTest:
    """One test.

    Attributes:
        name: Which.
        passed: None if it could not be made or decided.
        words: What was seen.
        numbers: The same for programs, JSON-ready.
    """

    name: str
    passed: bool | None
    words: str
    numbers: dict[str, float | None]

    def __str__(self) -> str:
        told = {True: "passed", False: "failed", None: "not decided"}[self.passed]
        return f"{self.name.capitalize()} ({told}): {self.words}."


def operators_test(single: ChainInformation, grown: ChainInformation) -> ConvergenceTest:
    """Do screened pairs leave eigenvalue and direction as they were?"""
    if not grown.operators:
        return ConvergenceTest("operators", None, "there is no second hidden layer, so no operators", {})
    pairs = sum(count for _, count in grown.operators) - sum(count for _, count in single.operators)
    change = float(grown.chain.eigenvalues[0] - single.chain.eigenvalues[0])
    error = float(grown.chain.errors[0])
    cosine = float(abs(single.chain.top @ grown.chain.top))
    words = (
        f"{pairs} screened pairs move the top eigenvalue by {change:.3g}, with an error of {error:.2g}, and "
        f"the direction to cos {cosine:.4f}"
    )
    passed = bool(abs(change) < 2 * error and cosine > OPERATOR_COSINE)
    numbers = {"change": number(change), "error": number(error), "cosine": number(cosine)}
    return ConvergenceTest("operators", passed, words, {**numbers, "pairs": float(pairs)})


def routes_test(grown: ChainInformation) -> ConvergenceTest:
    """Do chain and direct route agree?"""
    if not grown.operators:
        return ConvergenceTest("routes", None, "there is no second hidden layer, so the routes are one", {})
    reach = ROUTE_RATIO + 3 * grown.ratio_error
    passed = bool(grown.cosine > ROUTE_COSINE and abs(grown.ratio - 1) < reach)
    words = (
        f"chain and direct route have cos {grown.cosine:.4f} and an eigenvalue ratio of {grown.ratio:.3f} "
        f"+- {grown.ratio_error:.3f}"
    )
    numbers = {"cosine": grown.cosine, "ratio": grown.ratio, "ratio_error": grown.ratio_error}
    return ConvergenceTest("routes", passed, words, {name: number(v) for name, v in numbers.items()})


def bound_test(bound: ProjectedInformation | None) -> ConvergenceTest:
    """Has the bound out of sample stopped growing?"""
    if bound is None:
        return ConvergenceTest("bound", None, "there is no second hidden layer, so nothing to project", {})
    low, high = float(bound.held_out[0]), float(bound.held_out[-1])
    error = float(bound.held_out_errors[-1])
    growth = high - low
    words = (
        f"from {bound.counts[0]} to {bound.counts[-1]} operators of layer {bound.layer} the bound out of "
        f"sample goes from {low:.4g} to {high:.4g}, with an error of {error:.2g}"
    )
    passed = bool(growth < 2 * error or growth < SATURATED * high)
    numbers = {"growth": number(growth), "error": number(error), "bound": number(high)}
    return ConvergenceTest("bound", passed, words, numbers)


def depth_test(scaling: DepthScaling | None) -> ConvergenceTest:
    """Is there a constant factor from layer to layer?"""
    if scaling is None:
        return ConvergenceTest("depth", None, "there is one layer of units, hence no step", {})
    passed = {"scaling": True, "no scaling": False, "undecided": None}[scaling.verdict]
    numbers = {"slope": number(scaling.slope), "slope_error": number(scaling.error)}
    return ConvergenceTest("depth", passed, f"{scaling.verdict}, {scaling.words}", numbers)


def halves_test(grown: ChainInformation) -> ConvergenceTest:
    """Do two halves of the samples give the same direction?"""
    cosine = grown.direct.repeatability
    words = f"the directions of two halves of the samples have cos {cosine:.4f}"
    return ConvergenceTest("halves", bool(cosine > HALF_COSINE), words, {"cosine": number(cosine)})


def precision_test(grown: ChainInformation, unseen: float) -> ConvergenceTest:
    """Does the top eigenvalue stand out from its error, and from what so few samples cannot see?

    Tests that look for differences are passed by noise as well, so what they compare must be known. An error
    bar knows of what was drawn alone: a unit of the first layer that never flipped may carry more than all.

    Args:
        grown: Both routes.
        unseen: Most information along any direction that first-layer units hardly ever drawn flipped carry.
    """
    value, error = float(grown.direct.corrected[0]), float(grown.direct.errors[0])
    words = f"the top eigenvalue, without the bias of noise, is {value:.4g} +- {error:.2g}"
    passed = bool(value > 0 and error <= PRECISION * value and unseen <= value)
    if unseen > value:
        words += f"; first-layer units that hardly flip may carry as much as {unseen:.2g}"
    numbers = {"eigenvalue": number(value), "error": number(error), "unseen": number(unseen)}
    return ConvergenceTest("precision", passed, words, numbers)
