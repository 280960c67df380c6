"""Networks of known behaviour, and all measurements of one at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.networks.feed_forward import FeedForwardNetwork, random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.measures.depth_collapse import DepthCollapse, depth_collapse
from hingeline.sensitivity.measures.flip_distance import FlipDistance, flip_distance
from hingeline.sensitivity.measures.gradient_ray import gradient_rays
from hingeline.sensitivity.measures.homogeneity import Homogeneity, homogeneity
from hingeline.sensitivity.measures.layer_profile import LayerProfile, layer_profile
from hingeline.sensitivity.measures.local_linearity import LocalLinearity, local_linearity
from hingeline.sensitivity.measures.verdicts import Verdict, verdicts
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat

Network = FeedForwardNetwork | PiecewiseLinearNetwork


@dataclass(frozen=True, eq=False)
class Measured:
    """Everything about one network."""

    distance: FlipDistance
    linearity: LocalLinearity
    layers: LayerProfile
    depth: DepthCollapse
    biases: Homogeneity

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        return verdicts(**vars(self))

    @property
    def names(self) -> set[str]:
        return {verdict.name for verdict in self.verdicts}


def measured(
    network: Network, points: FloatArray, threat: Threat | None = None, threshold: float = 0.0
) -> Measured:
    threat = threat or Threat()
    model, rng = NetworkModel(network), np.random.default_rng(5)
    decision = Decision(model.output_dim, threshold)
    rays = gradient_rays(model, decision, points, threat)
    return Measured(
        flip_distance(model, decision, points, threat, rng=rng, rays=rays),
        local_linearity(model, decision, points, threat, rng=rng, rays=rays),
        layer_profile(model, decision, points, threat, rng=rng, rays=rays),
        depth_collapse(model, decision, points, rng=rng),
        homogeneity(model, decision, points, threat, flips=rays.flips),
    )


def points_for(network: Network, count: int, seed: int = 11) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((count, network.input_dim))


def linear_network(weights: Sequence[Sequence[float]], biases: Sequence[float]) -> PiecewiseLinearNetwork:
    return PiecewiseLinearNetwork([np.array(weights)], [np.array(biases)])


def dead_network() -> PiecewiseLinearNetwork:
    """Its second hidden layer is off everywhere."""
    alive = random_network((20, 30, 30, 1), seed=31)
    return PiecewiseLinearNetwork(alive.weights, [alive.biases[0], np.full(30, -1e4), np.array([0.3])])


def saturated_network(steepness: float) -> FeedForwardNetwork:
    """One sigmoid of a steep linear score, between 0 and 1: threshold 0.5."""
    direction = np.random.default_rng(33).standard_normal((1, 20))
    return FeedForwardNetwork([steepness * direction, [[1.0]]], [[0.0], [0.0]], "sigmoid")
