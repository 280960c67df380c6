"""Fragility profiles with known content, for the reports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hingeline.core.outcome import Finding, Outcome, Provenance, Spending, Status
from hingeline.sensitivity.attacks.base import Attacked
from hingeline.sensitivity.attacks.best_of import BestFlips
from hingeline.sensitivity.exact.minimal import MinimalFlips
from hingeline.sensitivity.measures.depth_collapse import DepthCollapse
from hingeline.sensitivity.measures.homogeneity import Homogeneity
from hingeline.sensitivity.measures.verdicts import Verdict
from hingeline.sensitivity.profile import FragilityProfile
from hingeline.sensitivity.sources import SOURCES

DIM = 16
COUNT = 4


def profile(**other: Any) -> FragilityProfile:
    """Four inputs on the axes at 1, which flip at 0.1, 0.2, 0.3 and 0.4; three of them are proved."""
    upper = np.array([0.1, 0.2, 0.3, 0.4])
    lower = np.array([0.1, 0.2, 0.15, 0.4])
    proved = np.array([True, True, False, True])
    points = np.eye(COUNT, DIM)
    classes, flipped_to = np.array([0, 1, 2, 3]), np.array([4, 4, 4, 4])
    changes = -upper[:, np.newaxis] * points
    made = FragilityProfile(
        norm="l2",
        points=points,
        classes=classes,
        labels=None,
        changes=changes,
        flipped_to=flipped_to,
        upper=upper,
        lower=lower,
        proved=proved,
        verdicts=(),
        attacks=attacks(points, upper),
        minimal=MinimalFlips(
            norm="l2",
            classes=classes,
            flipped_to=flipped_to,
            changes=changes,
            upper=upper,
            lower=lower,
            ended=tuple("proved" if known else "budget" for known in proved),
            nodes=np.full(COUNT, 7),
            tolerance=1e-6,
        ),
    )
    return replace(made, **other)


def upper_only(**other: Any) -> FragilityProfile:
    """The same, of a target whose weights are not seen."""
    nothing = np.zeros(COUNT)
    return profile(minimal=None, lower=nothing, proved=nothing > 0, **other)


def without_flips(missing: int, **other: Any) -> FragilityProfile:
    """The last `missing` of the four inputs have no known flip."""
    lost = np.arange(COUNT) >= COUNT - missing
    made = upper_only()
    upper = np.where(lost, np.inf, made.upper)
    changes = np.where(lost[:, np.newaxis], 0.0, made.changes)
    made = replace(made, upper=upper, changes=changes, attacks=attacks(made.points, upper))
    return replace(made, **other)


def attacks(points: Any, sizes: Any) -> BestFlips:
    """Two attacks, of which one finds nothing."""
    nothing = np.full(len(points), np.inf)
    return BestFlips(
        points=points,
        sizes=sizes,
        found_by=np.where(np.isfinite(sizes), 1, -1),
        attacked=(
            Attacked("gradient ray", points, nothing, "l2", 10, 5),
            Attacked("label search", points, sizes, "l2", 100, 0),
        ),
        linear=nothing,
        norm="l2",
    )


def depth() -> DepthCollapse:
    """Two layers that turn nothing; no pair shares a class."""
    angles = np.full((3, 5), 0.5 * np.pi)
    none, ones = np.zeros(5), np.ones(3)
    return DepthCollapse(angles, none, none, ones, ones, ones, np.array([2, 1, 1]))


def biases() -> Homogeneity:
    """A tenth of every lead is the biases'."""
    return Homogeneity(leads=np.ones(COUNT), linear=np.full(COUNT, 0.9))


def verdict(name: str, **figures: Any) -> Verdict:
    """A verdict of that name."""
    return Verdict(name, "As measured.", figures)


def fragility_finding(
    value: FragilityProfile | None, status: Status = Status.PARTIAL, queries: int = 0, **settings: Any
) -> Finding[FragilityProfile]:
    """A finding of 1.25 seconds."""
    by_phase = {"attacks": queries} if queries else {}
    return Finding(
        value,
        Outcome(status, "As told.", "Type this."),
        {} if value is None else {"profile": value.to_dict()},
        Spending(queries, 1.25, by_phase, {"attacks": 1.0, "smallest flips": 0.25}),
        Provenance("fragility", "model.npz", 7, {"norm": "l2"} | settings, SOURCES),
    )
