"""Reading W out of an over-parametrised learner: cluster neurons by direction, weighted by mass, and add.

A learner with more neurons than the teacher gives the function, not the rows: several of its neurons share
one direction, and light ones point anywhere. A cluster counts as a row only if its mass lies within a narrow
cone: mass-weighted mean cosine above 0.95. Cost: m^2 d. Source: ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.absolute_value.population import units_and_sizes
from hingeline.core.arrays import FloatArray, frozen
from hingeline.networks.absolute_value import AbsoluteValueNetwork

ACCEPTED = 0.95
"""Mass-weighted mean cosine to its own sum above which a cluster is a row."""
_CONE = 0.8
"""Cosine to a cluster's heaviest neuron within which a neuron may join it."""
_LIGHT = 0.1
"""Clusters with less than this share of the heaviest one's mass are dust; teachers must be more even."""


@dataclass(frozen=True, eq=False)
class ReadOut:
    """Rows read out of a learner."""

    network: AbsoluteValueNetwork
    """The accepted clusters: unit rows, coefficients their lengths."""
    cosines: FloatArray
    """Mass-weighted mean cosine of every cluster, heaviest first."""
    masses: FloatArray
    """Mass of every cluster, heaviest first."""
    accepted_mass: float
    """Share of all mass that lies in accepted clusters."""

    def summary(self) -> dict[str, Any]:
        """JSON-ready numbers."""
        return {
            "rows": self.network.width,
            "clusters": len(self.masses),
            "accepted_mass": self.accepted_mass,
            "lowest_accepted_cosine": float(self.cosines[self.cosines > ACCEPTED].min(initial=1.0)),
        }

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, arrays as lists."""
        return {
            **self.summary(),
            **self.network.to_dict(),
            "cosines": self.cosines.tolist(),
            "masses": self.masses.tolist(),
        }


def read_out(generators: FloatArray) -> ReadOut:
    """Cluster the generators of a learner.

    Args:
        generators: u_i with f(x) = sum |u_i . x|, shape "m d".
    """
    units, masses = units_and_sizes(generators)
    free = np.ones(len(units), dtype=np.bool_)
    rows: list[FloatArray] = []
    cosines: list[float] = []
    weights: list[float] = []
    for leader in np.argsort(-masses, kind="stable"):
        if not free[leader] or masses[leader] == 0:
            continue
        toward = units @ units[leader]
        members = free & (np.abs(toward) > _CONE)
        free &= ~members
        row = (np.sign(toward[members]) * masses[members]) @ units[members]
        mass = float(masses[members].sum())
        aligned = np.abs(units[members] @ row) / np.linalg.norm(row)
        rows.append(row)
        weights.append(mass)
        cosines.append(float(masses[members] @ aligned) / mass)
    order = np.argsort(-np.array(weights), kind="stable")
    table, mass, cosine = np.array(rows)[order], np.array(weights)[order], np.array(cosines)[order]
    good = (cosine > ACCEPTED) & (mass > _LIGHT * mass.max(initial=0.0))
    lengths = np.linalg.norm(table[good], axis=1)
    network = AbsoluteValueNetwork(table[good] / lengths[:, np.newaxis], lengths)
    share = float(mass[good].sum() / max(float(masses.sum()), np.finfo(np.float64).tiny))
    return ReadOut(network, frozen(cosine), frozen(mass), share)
