"""The answers that the last fit of a network is made to: which to ask, beside those that were recorded.

Some typical inputs, and of a pool those that pin what typical ones leave open; where answers were recorded,
only what these leave open. What is held out is asked afresh.

Cost: about 1.3 answers for each free parameter and output; fewer beside a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.chosen_questions import pinning_questions
from hingeline.extraction.null_space import Straight
from hingeline.extraction.parameter_chart import row_basis
from hingeline.extraction.rare_points import rare_points
from hingeline.extraction.recorded import Recorded
from hingeline.extraction.recovery import Bench
from hingeline.extraction.sample_design import completed_design
from hingeline.extraction.seldom_together import chosen_recorded, climbed_to_rare, showing_rare
from hingeline.extraction.verify import fresh_points
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.probe import is_coarse

SAMPLES_PER_UNKNOWN = 1.3
"""Fresh answers asked for each free parameter and output: a well-conditioned fit."""
COARSE_SAMPLES_PER_UNKNOWN, COARSE_SAMPLES_PER_PARAMETER = 60, 3
"""Further answers where they are coarse: so many for each unknown, at most so many for each parameter."""
ON_PER_WEIGHT = 1.6
"""Samples in which a neuron is on, for each weight of its row."""
LARGEST_DESIGN = 2500
"""Up to so many unknowns the samples are designed; beyond, each neuron is just seen on often enough."""
RECORDED_PER_SAMPLE = 0.6
"""Recorded answers fitted beside each fresh one: with hardly more than unknowns, those that a step has to
leave out take with them what others pin."""
RARE_PER_SAMPLE = 0.5
"""Points that are climbed to and asked, at most, for each other one."""
LARGEST_CHOICE = 1500
"""Up to so many unknowns only what recorded answers leave open is asked."""
LARGEST_POOL = 2500
"""Answers among which that is chosen."""
FAR_OFF_FIT = 1e-6
"""From coarse answers, a fit that misses by more of their range lacks a neuron that can be looked for."""
BLURRED = 30.0
"""Recorded answers are left out where errors outside the rows' span make so many times their noise."""
ROW_DIGITS, TYPICAL = 0.03, 200
"""Answers are foretold to this share of what errors outside the rows' span make of them at typical inputs."""
DRAWN_ENTRIES = 8_000_000
"""Numbers in the points drawn for that, at most: 64 MB."""
DRAWN, OFFERED, MORE_PER_NUMBER = 20_000, 400, 2
"""Points drawn where rows are not pinned, those offered for each, and most asked for each of its numbers."""
POOL = 12
"""Points among which samples are chosen offline, for each sample."""
SPARE_SAMPLES = 12
"""Samples beyond that, for the hold-out."""


@dataclass(frozen=True, eq=False)
class FitAnswers:
    """Fresh answers that the fit may use as often as it likes."""

    points: FloatArray
    answers: FloatArray
    noise: FloatArray
    held: BoolArray
    """Which of them are never fitted."""


def answers_to_fit(bench: Bench, straight: Straight) -> FitAnswers:
    """Ask what the fit needs: typical points, and those of a pool that pin what typical ones leave open."""
    network = straight.network
    width, dim = network.weights[0].shape
    unknowns = network.parameter_count - max(0, dim - width) * width
    count = int(np.ceil(SAMPLES_PER_UNKNOWN * unknowns / network.output_dim)) + SPARE_SAMPLES
    rng = bench.randomness.step("polish")
    if bench.recorded is not None and unknowns <= LARGEST_CHOICE:
        return _beside_recorded(bench, straight, bench.recorded, count, rng)
    if unknowns > LARGEST_DESIGN:
        points = _samples(bench, network, count, rng)
        held = rng.permutation(len(points)) < max(SPARE_SAMPLES // 2, len(points) // 20)
        if bench.recorded is not None:
            return _with_rare(bench, straight, bench.recorded, points, held)
    else:
        points, held = _designed(bench, network, count, rng)
    if is_coarse(bench.probe):
        extra = _pool(
            bench, network, _extra_samples(network, unknowns), bench.randomness.step("more samples")
        )
        points, held = (
            np.concatenate([points, extra]),
            np.concatenate([held, np.arange(len(extra)) % 20 == 0]),
        )
    with bench.probe.session.phase("polish"):
        answers = bench.probe.ask(points)
    noise = _noise_at(bench, points, answers)
    basis = row_basis(network)
    if is_coarse(bench.probe) and basis is not None:
        # steered samples lie in the rows' span, where the same norm means more noise
        inside = bench.probe.inside_span(width).noise.at(points @ basis)
        noise = np.maximum(noise, inside)
    return FitAnswers(points, answers, noise, held)


def with_more(
    bench: Bench, straight: Straight, recorded: FitAnswers, unpinned: Sequence[tuple[int, int]]
) -> FitAnswers:
    """Answers to a fit that left rows unpinned, with more where their neurons are on.

    Args:
        bench: Where to ask; up to three times as many questions as each row has numbers.
        straight: The network that was fitted.
        recorded: The answers it was fitted to.
        unpinned: Layers, from 1, and neurons; those of the output layer are left out.
    """
    network, rng = straight.network, bench.randomness.step("where unpinned neurons are on")
    drawn = fresh_points(bench.probe, rng, min(DRAWN, DRAWN_ENTRIES // network.input_dim))
    heights = network.pre_activations(drawn)
    hidden = [(layer, neuron) for layer, neuron in unpinned if layer <= len(heights)]
    on = [np.nonzero(heights[layer - 1][:, neuron] > 0)[0][:OFFERED] for layer, neuron in hidden]
    offered = drawn[np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *on]))]
    if not len(offered):
        return recorded
    most = MORE_PER_NUMBER * sum(network.weights[layer - 1].shape[1] + 1 for layer, _ in hidden)
    fitted = recorded.points[~recorded.held], recorded.noise[~recorded.held]
    chosen = pinning_questions(
        network, fitted, (offered, _noise_at(bench, offered, network(offered))), most, rng,
        first_layer_basis=row_basis(network),
    )  # fmt: skip
    if not len(chosen):
        return recorded  # none of them would pin anything more
    # and some that are held out: those there were show nothing of such a row
    others = np.delete(offered, chosen, axis=0)
    others = others[rng.permutation(len(others))[: most // 2]]
    fresh = np.concatenate([offered[chosen], others])
    with bench.probe.session.phase("polish"):
        answers = bench.probe.ask(fresh)
    held = (np.arange(len(fresh)) >= len(chosen)) & (np.arange(len(fresh)) % 2 == 0)
    return FitAnswers(
        np.concatenate([recorded.points, fresh]),
        np.concatenate([recorded.answers, answers]),
        np.concatenate([recorded.noise, _noise_at(bench, fresh, answers)]),
        np.concatenate([recorded.held, held]),
    )


def _beside_recorded(
    bench: Bench, straight: Straight, recorded: Recorded, count: int, rng: np.random.Generator
) -> FitAnswers:
    """Ask only what recorded answers leave open; what is held out is asked afresh, as many as ever."""
    network = straight.network
    held = max(SPARE_SAMPLES // 2, count // 20)
    recorded = _trusted(recorded, straight)
    pool = _pool(bench, network, held + LARGEST_POOL // network.output_dim, rng)
    rare = rare_points(network, pool, bench.probe.calibration.scale, rng)
    if bench.telling is not None:
        rare = np.concatenate([rare, bench.telling])
    offered = np.concatenate([pool[held:], rare])
    offered = offered[np.linalg.norm(offered, axis=1) < bench.probe.calibration.radius]
    # there is no use in parameters much sharper than the rows are outside their span
    floor = ROW_DIGITS * float(np.median(straight.noise_at(fresh_points(bench.probe, rng, TYPICAL))))
    noise = np.hypot(_noise_at(bench, offered, network(offered)), floor)
    chosen = pinning_questions(
        network, (recorded.points, np.hypot(recorded.noise, straight.noise_at(recorded.points))),
        (offered, noise), count - held, rng,
        first_layer_basis=row_basis(network),
    )  # fmt: skip
    base = np.concatenate([recorded.points, offered[chosen]])
    every = np.concatenate([base, np.delete(offered, chosen, axis=0)])
    asked_for = _covering(network, every, len(base), rng)
    asked_for[: len(recorded.points)] = False
    fresh = np.concatenate([pool[:held], every[asked_for]])
    with bench.probe.session.phase("polish"):
        answers = bench.probe.ask(fresh)
    noise = _noise_at(bench, fresh, answers)
    return _beside(recorded, fresh, answers, noise, np.arange(len(fresh)) < held)


def _with_rare(
    bench: Bench, straight: Straight, recorded: Recorded, points: FloatArray, held: BoolArray
) -> FitAnswers:
    """Points to ask, with those recorded and others at which neurons are on together that seldom are."""
    network, rng = straight.network, bench.randomness.step("seldom together")
    wanted = int(RECORDED_PER_SAMPLE * len(points))
    recorded = chosen_recorded(network, points[~held], _trusted(recorded, straight), wanted, rng)
    there = np.concatenate([points[~held], recorded.points])
    climbed = climbed_to_rare(network, there, points, bench.probe.calibration.scale)
    climbed = climbed[np.linalg.norm(climbed, axis=1) < bench.probe.calibration.radius]
    # the rarest come first
    more = climbed[showing_rare(network, there, climbed, rng)][: int(RARE_PER_SAMPLE * len(points))]
    fresh = np.concatenate([points, more])
    with bench.probe.session.phase("polish"):
        answers = bench.probe.ask(fresh)
    return _beside(recorded, fresh, answers, _noise_at(bench, fresh, answers), held)


def _beside(
    recorded: Recorded, fresh: FloatArray, answers: FloatArray, noise: FloatArray, held: BoolArray
) -> FitAnswers:
    """Fresh answers, those that are held out first, and recorded ones."""
    points = np.concatenate([fresh, recorded.points])
    mask = np.zeros(len(points), dtype=np.bool_)
    mask[: len(held)] = held
    noise = np.concatenate([noise, recorded.noise])
    return FitAnswers(points, np.concatenate([answers, recorded.values]), noise, mask)


def _trusted(recorded: Recorded, straight: Straight) -> Recorded:
    """Recorded answers that a fit may use."""
    # where something is missing no parameters fit, and they must not be bent to it
    gaps = np.abs(straight.network(recorded.points) - recorded.values).max(axis=1) / recorded.sizes
    usual = float(np.ptp(recorded.values / recorded.sizes[:, np.newaxis], axis=0).max())
    # and where rows are wrong outside their span they tell of nothing else
    blur = straight.noise_at(recorded.points)
    return recorded.select((gaps < FAR_OFF_FIT * usual) & (blur < BLURRED * recorded.noise))


def _noise_at(bench: Bench, points: FloatArray, answers: FloatArray) -> FloatArray:
    return bench.probe.noise.at(points) + EPSILON * np.abs(answers).max(axis=1)


def _extra_samples(network: PiecewiseLinearNetwork, unknowns: int) -> int:
    """More answers than unknowns average the noise of coarse answers away; within a few per parameter."""
    wanted = COARSE_SAMPLES_PER_UNKNOWN * unknowns
    return int(min(wanted, COARSE_SAMPLES_PER_PARAMETER * network.parameter_count) / network.output_dim)


def _designed(
    bench: Bench, network: PiecewiseLinearNetwork, count: int, rng: np.random.Generator
) -> tuple[FloatArray, BoolArray]:
    """Points to ask and which of them are held out: the held-out ones are set aside before the design."""
    pool = _pool(bench, network, POOL * count, rng)
    held = max(SPARE_SAMPLES // 2, count // 20)
    base = pool[held:count]
    rare = rare_points(network, pool, bench.probe.calibration.scale, rng)
    if bench.telling is not None:
        rare = np.concatenate([rare, bench.telling])
    offered = np.concatenate(
        [pool[count:], rare[np.linalg.norm(rare, axis=1) < bench.probe.calibration.radius]]
    )
    design = completed_design(network, base, offered, rng, first_layer_basis=row_basis(network))
    fitted = np.concatenate([base, offered[design.chosen]])
    left = np.delete(offered, design.chosen, axis=0)
    every = np.concatenate([fitted, left])
    chosen = _covering(network, every, len(fitted), rng)
    points = np.concatenate([pool[:held], every[chosen]])
    return points, np.arange(len(points)) < held


def _samples(
    bench: Bench, network: PiecewiseLinearNetwork, count: int, rng: np.random.Generator
) -> FloatArray:
    """`count` points, and as many more as it takes to see every neuron on often enough to fit its row."""
    pool = _pool(bench, network, POOL * count, rng)
    return pool[_covering(network, pool, count, rng)]


def _covering(
    network: PiecewiseLinearNetwork, pool: FloatArray, count: int, rng: np.random.Generator
) -> BoolArray:
    """The first `count` points of a pool, and more where a neuron would be on too seldom to fit its row."""
    patterns = network.activation_pattern(pool)
    fan_in = [min(network.weights[0].shape)] + [w.shape[1] for w in network.weights[1:-1]]
    chosen = np.zeros(len(pool), dtype=np.bool_)
    chosen[:count] = True
    for on, width in zip(patterns, fan_in, strict=True):
        for neuron in range(on.shape[1]):
            missing = int(np.ceil(ON_PER_WEIGHT * (width + 1) - (on[:, neuron] & chosen).sum()))
            more = rng.permutation(np.nonzero(on[:, neuron] & ~chosen)[0])[: max(0, missing)]
            chosen[more] = True
    return chosen


def _pool(bench: Bench, network: PiecewiseLinearNetwork, count: int, rng: np.random.Generator) -> FloatArray:
    """Half typical inputs, half with uneven first-layer heights, where rarely active neurons are on."""
    width, dim = network.weights[0].shape
    unit = bench.probe.calibration.scale / np.sqrt(dim)
    points = unit * rng.standard_normal((count, dim))
    if width > dim:
        return bench.probe.domain.pulled_in(points * np.exp(rng.uniform(-1.5, 1.0, (count, 1))))
    uneven = np.arange(count) % 2 == 0
    spread = np.exp(rng.uniform(0.5, 2.0, (count, 1)) * rng.standard_normal((count, width)))
    signs = np.where(rng.uniform(size=(count, width)) < rng.uniform(0.3, 1.0, (count, 1)), 1.0, -1.0)
    steered = (unit * spread * signs - network.biases[0]) @ np.linalg.pinv(network.weights[0]).T
    points[uneven] = steered[uneven]
    basis = row_basis(network)
    if basis is not None and bench.probe.domain.free:
        # what lies outside the rows' span changes no answer, but rows may be wrong there in their last digits
        points = points @ basis @ basis.T
    return bench.probe.domain.pulled_in(points)
