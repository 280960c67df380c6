"""Which questions a fit still needs beside answers that are there already; decided offline, before asking.

The answers recorded while a network was searched pin most of its parameters, some of them poorly. Each
question is chosen where the fit would be least sure of the answer, those before it taken as answered, until
it is about as sure as an answer itself nearly everywhere.

Source: sequential D-optimal design (Wynn 1970) with the normal matrix of what is recorded; its use here is
ours. Cost: no queries; the cube of the unknowns once, pool times unknowns for each question.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from hingeline.core.arrays import FloatArray
from hingeline.extraction.linearised import Linearised
from hingeline.extraction.parameter_chart import ParameterChart
from hingeline.extraction.sample_design import completed_design
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

SURE = 3.0
"""Deviations of an answer to which answers must be foretold, root mean square over the pool."""
FAINT = 1e-11
"""Directions weaker than this, squared and relative to a typical one, count as not pinned at all."""
CHUNK = 512
"""Points worked on at a time."""


def chosen_questions(
    network: PiecewiseLinearNetwork,
    recorded: tuple[FloatArray, FloatArray],
    pool: tuple[FloatArray, FloatArray],
    most: int,
    *,
    first_layer_basis: FloatArray | None = None,
) -> list[int]:
    """Indices into the pool of the points to ask, in that order.

    Args:
        network: Nearly right: patterns are taken from it.
        recorded: Points with known answers, "n d", and the deviations of these, "n".
        pool: Points that may be asked, "p d", and the deviations that answers there would have, "p".
        most: Most questions.
        first_layer_basis: As in `polish`.
    """
    chart = ParameterChart.of(network.canonical(), first_layer_basis)
    there, offered = _rows(chart, *recorded), _rows(chart, *pool)
    outputs = offered.shape[1]
    # parameters in units of what they do, so that one tolerance fits all
    flat = [there.reshape(-1, there.shape[2]), offered.reshape(-1, there.shape[2])]
    size = np.sqrt(
        np.mean([np.mean(part**2, axis=0) if len(part) else 0 * part.sum(0) for part in flat], axis=0)
    )
    size[size == 0] = 1.0
    there, offered = flat[0] / size, (flat[1] / size).reshape(offered.shape)
    normal = there.T @ there
    normal[np.diag_indices_from(normal)] += FAINT * (np.trace(normal) / len(normal) + 1.0)
    spread = cho_solve(cho_factor(normal, lower=True), offered.reshape(-1, len(normal)).T).T
    spread = spread.reshape(offered.shape)
    doubt = np.einsum("pkn,pkn->p", spread, offered) / outputs
    chosen: list[int] = []
    while len(chosen) < most and doubt.mean() > SURE**2:
        index = int(np.argmax(doubt))
        chosen.append(index)
        answered = spread[index].copy()
        shared = offered @ answered.T
        gain = np.linalg.inv(np.eye(outputs) + answered @ offered[index].T)
        weighted = shared @ gain
        doubt -= np.einsum("pkj,pkj->p", weighted, shared) / outputs
        spread -= weighted @ answered
    return chosen


def pinning_questions(
    network: PiecewiseLinearNetwork,
    recorded: tuple[FloatArray, FloatArray],
    pool: tuple[FloatArray, FloatArray],
    most: int,
    rng: np.random.Generator,
    *,
    first_layer_basis: FloatArray | None = None,
) -> list[int]:
    """The same, and what a design adds: what few points of the pool show, and faintly, is pinned as well.

    Args:
        network: As for `chosen_questions`, like what follows.
        recorded: Points with known answers and their deviations.
        pool: Points that may be asked and their deviations.
        most: Most questions before the design's.
        rng: Draws the parameter changes of the design.
        first_layer_basis: As in `polish`.
    """
    chosen = chosen_questions(network, recorded, pool, most, first_layer_basis=first_layer_basis)
    left = np.delete(np.arange(len(pool[0])), chosen)
    base = np.concatenate([recorded[0], pool[0][chosen]])
    if not len(left) or not len(base):
        return chosen
    design = completed_design(network, base, pool[0][left], rng, first_layer_basis=first_layer_basis)
    return [*chosen, *left[design.chosen].tolist()]


def _rows(chart: ParameterChart, points: FloatArray, noise: FloatArray) -> FloatArray:
    """Derivatives of the answers by the free parameters, in deviations: "n k unknowns"."""
    linearised = Linearised.at(chart.layers, chart.samples(points), 1 / noise[:, np.newaxis])
    parts = [
        np.stack([*linearised.rows(slice(start, start + CHUNK))], axis=1)
        for start in range(0, len(points), CHUNK)
    ]
    return np.concatenate(parts)
