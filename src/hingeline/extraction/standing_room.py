"""Where to stand so that given neurons of a known layer are the only ones near: steered points or a search.

Cost: no queries. Source: ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import IllConditioned
from hingeline.extraction.single_layer import SingleLayer
from hingeline.probing.domain import Domain

LARGEST_CONDITION = 300.0
"""Layers with better-conditioned rows are steered directly; others by searching roomy regions."""
SEARCHED_POINTS = 4000
"""Random points among which roomy regions are chosen, offline."""


@dataclass(frozen=True, eq=False)
class Stands:
    """Points to stand on, each with a step that stays inside its region in every basis direction."""

    centres: FloatArray
    steps: FloatArray


class Room:
    """Where to stand so that given neurons are the only ones near; offline."""

    def __init__(
        self, layer: SingleLayer, scale: float, domain: Domain, rng: np.random.Generator, smallest_rise: float
    ) -> None:
        self.layer, self.scale, self.domain, self.rng = layer, scale, domain, rng
        n, d = layer.normals.shape
        singular = np.linalg.svd(layer.normals, compute_uv=False)
        # steered points may lie anywhere
        self.steerable = domain.free and n <= d and singular[-1] * LARGEST_CONDITION > singular[0]
        self.inverse = np.linalg.pinv(layer.normals) if self.steerable else np.zeros((d, n))
        # Near the origin offsets come out best; but stay far enough out that offsets do not dominate.
        typical = 3 * float(np.median(np.abs(layer.offsets)))
        self.rise = float(np.clip(typical, smallest_rise * scale / np.sqrt(n), scale / np.sqrt(n)))
        """Distance from every hyperplane that steered points keep."""

    def steer(self, heights: FloatArray) -> FloatArray:
        """Points with the given pre-activations: "p n" to "p d"."""
        return (heights - self.layer.offsets) @ self.inverse.T

    def crossings(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """For each neuron a point on its hyperplane, a unit direction across it, and how far to go."""
        n = self.layer.width
        if self.steerable:
            heights = -self.rise * self.rng.uniform(1, 2, (n, n))
            np.fill_diagonal(heights, 0.0)
            lengths = np.linalg.norm(self.inverse, axis=0)
            return self.steer(heights), (self.inverse / lengths).T, self.rise * lengths
        search = self._search()
        heights = search @ self.layer.normals.T + self.layer.offsets
        angles = self.layer.normals @ self.layer.normals.T
        sizes = 0.1 * self.scale + np.linalg.norm(search, axis=1)
        best, reaches = np.empty(n, dtype=np.int64), np.empty(n)
        for j in range(n):
            margins = self.domain.margin(search - heights[:, j, np.newaxis] * self.layer.normals[j])
            best[j], reaches[j] = _roomiest_on(j, heights, angles, sizes, np.minimum(self.scale, margins))
        if not (reaches > 0).all():
            raise IllConditioned("a hyperplane can only be met outside the usable domain")
        foot = heights[best, np.arange(n)][:, np.newaxis] * self.layer.normals
        return search[best] - foot, self.layer.normals, reaches

    def _search(self) -> FloatArray:
        d = self.layer.normals.shape[1]
        points = self.rng.standard_normal((SEARCHED_POINTS, d)) * self.scale / np.sqrt(d)
        return self.domain.pulled_in(points * np.exp(self.rng.uniform(-3.0, 1.0, (SEARCHED_POINTS, 1))))

    def solos(self, groups: list[IntArray], basis: FloatArray) -> Stands:
        """One point per group, where its neurons are on and all others off."""
        heights = -self.rise * np.ones((len(groups), self.layer.width))
        for row, group in zip(heights, groups, strict=True):
            row[group] = self.rise
        return self._stands(self.steer(heights), basis)

    def pairs(self, points: FloatArray, reaches: FloatArray, which: IntArray, basis: FloatArray) -> Stands:
        """Two points for each of `which`, one on either side of its hyperplane."""
        across = self.layer.normals[which] * (reaches[which] / 2)[:, np.newaxis]
        return self._stands(np.concatenate([points[which] - across, points[which] + across]), basis)

    def mixed(self, count: int, basis: FloatArray) -> Stands:
        """`count` roomy regions with whatever patterns they have."""
        points = self._search()
        distance = np.abs(points @ self.layer.normals.T + self.layer.offsets).min(axis=1)
        quality = distance / (0.1 * self.scale + np.linalg.norm(points, axis=1))
        best = np.argsort(-quality)[: 4 * count]
        return self._stands(points[self.rng.choice(best, count, replace=False)], basis)

    def _stands(self, centres: FloatArray, basis: FloatArray) -> Stands:
        speed = np.abs(self.layer.normals @ basis.T).max(axis=1)
        distance = np.abs(centres @ self.layer.normals.T + self.layer.offsets)
        room = np.minimum((distance / speed).min(axis=1), self.domain.margin(centres))
        return Stands(centres, 0.6 * room)


def _roomiest_on(
    j: int, heights: FloatArray, angles: FloatArray, sizes: FloatArray, most: FloatArray
) -> tuple[int, float]:
    """Which searched point, once projected on hyperplane j, can go farthest across it alone; how far."""
    others = np.delete(np.arange(len(angles)), j)
    projected = heights[:, others] - np.outer(heights[:, j], angles[j, others])
    reach = np.abs(projected) / (np.abs(angles[j, others]) + 1e-12)
    reach = np.minimum(reach.min(axis=1, initial=np.inf), most)
    best = int(np.argmax(reach / sizes))
    return best, 0.8 * float(reach[best])
