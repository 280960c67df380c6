"""The close looks of a stack: information by layer, its gains, and whether the estimates hold together."""

from __future__ import annotations

import math
from collections.abc import Iterable

from hingeline.core.arrays import IntArray
from hingeline.renormalisation.stack_findings import CloseLook
from hingeline.report import stability_figures
from hingeline.report.model import Block, Claim, Table, Text
from hingeline.report.numbers import plural, small
from hingeline.report.stability_stack import kept

_DEPTH = "depth"  # told where amplification is
_TESTS = {
    "operators": "more operators change nothing",
    "routes": "two routes agree",
    "bound": "the bound no longer grows",
    "halves": "two halves of the samples agree",
    "precision": "the information is known well enough",
}
_FAILED = {
    "operators": "more operators change the result",
    "routes": "the two routes disagree",
    "bound": "the bound still grows with more operators",
    "halves": "two halves of the samples disagree",
    "precision": "the information is not known well enough",
}
_MARKS = {True: "passed", False: "failed", None: "not decided"}
_SEEN = 2.0  # standard errors, below which information is noise
_ROUNDING = 1e-9  # errors below this share of the value: layer 1 is exact


def amplification(looks: tuple[CloseLook, ...], rows: IntArray) -> Iterable[Block]:
    """Information by layer along the direction beside random ones, gains, and the verdict on depth."""
    if not looks:
        return
    yield Text(
        "In noisy layers information about the input only falls from layer to layer. What makes a direction "
        "sensitive is that it falls less than along random ones, or that what is left for each unit grows."
    )
    yield stability_figures.by_layer(looks, rows)
    layers = looks[0].convergence.profile.layers
    yield Table(
        ("input", "direction", *layers),
        tuple(line for look in _ordered(looks, rows) for line in _profile_rows(look)),
        "Information held, per squared input unit, with standard errors; last lines of each: how many times "
        "that of a random direction.",
    )
    if any(look.convergence.scaling for look in looks):
        yield Table(
            ("input", "log-gain per layer", "verdict, and why"),
            tuple(_scaling_row(look) for look in _ordered(looks, rows)),
            "Gains of information for each unit, as lengths. Scaling: every layer multiplies by one factor "
            "that is not 1. Undecided is no verdict either way.",
        )


def _ordered(looks: tuple[CloseLook, ...], rows: IntArray) -> list[CloseLook]:
    by_row = {look.row: look for look in looks}
    return [by_row[int(row)] for row in rows]


def _profile_rows(look: CloseLook) -> list[tuple[str, ...]]:
    profile, row = look.convergence.profile, kept(f"row {look.row}")
    dims = len(profile.direction)
    along = [_with_error(v, e) for v, e in zip(profile.along, profile.along_errors, strict=True)]
    chance = [_with_error(v, e) for v, e in zip(profile.random, profile.trace_errors / dims, strict=True)]
    times = [
        small(float(a / r)) if r > 0 and a > 0 else ""
        for a, r in zip(profile.along, profile.random, strict=True)
    ]
    return [(row, "most sensitive", *along), ("", "random, mean", *chance), ("", "times random", *times)]


def _with_error(value: float, error: float) -> str:
    if error > 0 and value < _SEEN * error:
        return "none seen"
    exact = not error > _ROUNDING * abs(value)
    return small(float(value)) if exact else f"{small(float(value))} +- {small(float(error))}"


def _scaling_row(look: CloseLook) -> tuple[str, ...]:
    scaling = look.convergence.scaling
    if scaling is None or not math.isfinite(scaling.slope):
        words = "one layer: no step" if scaling is None else scaling.words
        return (kept(f"row {look.row}"), "", f"undecided: {words}")
    slope = f"{scaling.slope:.3f}"
    slope += f" +- {scaling.error:.3f}" if math.isfinite(scaling.error) else ""
    # the slope stands in its own column
    why = f"{plural(scaling.layers, 'step')} between layers: {scaling.words.split(': ', 1)[-1]}"
    return (kept(f"row {look.row}"), slope, f"{scaling.verdict}; {why}")


def convergence(looks: tuple[CloseLook, ...], rows: IntArray) -> Iterable[Block]:
    """Whether the estimates of each close look hold together, test by test."""
    if not looks:
        return
    for look in _ordered(looks, rows):
        told = [test for test in look.convergence.tests if test.name != _DEPTH]
        failed = [_FAILED.get(test.name, test.name) for test in told if test.passed is False]
        whose = f"Row {look.row}: the estimates of its direction and information"
        if failed:
            yield Claim(f"{whose} do not hold together", False, "; ".join(failed))
        elif all(test.passed is None for test in told):
            yield Claim(f"{whose} could not be tested", None)
        else:
            yield Claim(f"{whose} hold together", True)
    yield Table(
        ("input", "test", "outcome", "what was seen"),
        tuple(
            (kept(f"row {look.row}"), _TESTS.get(test.name, test.name), _MARKS[test.passed], test.words)
            for look in _ordered(looks, rows)
            for test in look.convergence.tests
            if test.name != _DEPTH
        ),
    )
