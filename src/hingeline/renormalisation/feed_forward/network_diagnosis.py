"""Everything that is honestly said of the stability of an ordinary network, in one call.

The formulation with couplings has no limit without noise, so no stability matrix and no relevant operator is
reported. What takes its place: the Fisher information of the class probabilities, pulled back to the input;
products of Jacobians along the path; gains of the Fisher direction beside random ones; and, with stated noise
put in, canonical correlations of consecutive layers. Where layers are not seen only the first is measured,
and that is said.

Source: that the approach extends to deep networks is an assertion of Kenway 2018 (arXiv 1803.06111); this
extension is ours. Cost: that of its parts, named there.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.numerics.statistics import median
from hingeline.renormalisation.feed_forward.cocycle import jacobian_cocycle
from hingeline.renormalisation.feed_forward.gains import LayerGains, layer_gains
from hingeline.renormalisation.feed_forward.layer_chain import chain_of
from hingeline.renormalisation.feed_forward.network_findings import NetworkDiagnosis, NetworkSettings
from hingeline.renormalisation.feed_forward.noisy_twin import twin_noise
from hingeline.renormalisation.feed_forward.twin_correlations import TwinCorrelations, twin_correlations
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.directions import FisherDirections, fisher_directions
from hingeline.sensitivity.fisher.universal import UniversalDirections, universal_directions
from hingeline.sensitivity.models.model import LayeredModel, Model
from hingeline.sensitivity.results import sealed
from hingeline.sensitivity.threat import Threat


def diagnose_network(
    model: LayeredModel | Model,
    points: FloatArray,
    *,
    rng: np.random.Generator,
    decision: Decision | None = None,
    threat: Threat | None = None,
    data: FloatArray | None = None,
    settings: NetworkSettings | None = None,
) -> NetworkDiagnosis:
    """Measure what can honestly be said of a network's stability at `points`.

    Args:
        model: A model; with layers (`LayeredModel`) all is measured, without them the Fisher part only.
        points: Inputs, shape "n d".
        rng: Draws random directions and the halves for the universal direction; each step has its own child.
        decision: How outputs become classes; the largest, or the side of zero, if None.
        threat: Norm, box and free coordinates; l2, none and all if None.
        data: Inputs over which layers vary (whitening, noise), shape "m d"; `points` if None.
        settings: How much is measured.

    Raises:
        InvalidInput: No inputs, or points of a wrong shape.
    """
    settings, decision = settings or NetworkSettings(), decision or Decision(model.output_dim)
    rows = as_points(points, model.input_dim)
    if not len(rows):
        raise InvalidInput("no inputs: pass at least one row")
    varied = rows if data is None else as_points(data, model.input_dim)
    for_gains, for_universal, for_paths = rng.spawn(3)
    fisher = fisher_directions(model, decision, rows, threat=threat, directions=settings.directions)
    outputs, missing = model.outputs(rows), list[str]()
    cocycle, gains, twin = None, None, None
    if not isinstance(model, LayeredModel):
        missing.append(f"{model.name} does not show its layers: gains, exponents and twin are not measured")
    else:
        gains = _gains(model, rows, fisher, varied, for_gains, settings, missing)
        chain = chain_of(model)
        first = rows[: settings.path_inputs]
        cocycle = jacobian_cocycle(model, first, rng=for_paths, exponents=settings.exponents, chain=chain)
        twin = _twin(model, rows, varied, chain is not None, settings, missing)
    return NetworkDiagnosis(
        name=model.name,
        fisher=fisher,
        margins=sealed(decision.leads(outputs, decision.of(outputs)).min(axis=1)),
        universal=_universal(model, decision, rows, fisher, threat, for_universal, settings, missing),
        cocycle=cocycle,
        gains=gains,
        twin=twin,
        not_measured=tuple(missing),
        settings=settings,
    )


def _gains(
    model: LayeredModel,
    points: FloatArray,
    fisher: FisherDirections,
    data: FloatArray,
    rng: np.random.Generator,
    settings: NetworkSettings,
    missing: list[str],
) -> LayerGains | None:
    """Gains at the inputs that have a Fisher direction; why not, where they cannot be had."""
    alive = np.isfinite(fisher.log_eigenvalues[:, 0])
    if not alive.all():
        missing.append(
            f"gains: {int((~alive).sum())} of {len(alive)} inputs have no Fisher direction to follow"
        )
    if not alive.any():
        return None
    found = layer_gains(
        model,
        points[alive],
        fisher.top[alive],
        rng=rng,
        data=data,
        ridge=settings.ridge,
        random_directions=settings.random_directions,
    )
    if found.whitened is None:
        missing.append(f"whitened gains: {found.not_whitened}")
    return found


def _twin(
    model: LayeredModel,
    points: FloatArray,
    data: FloatArray,
    chained: bool,
    settings: NetworkSettings,
    missing: list[str],
) -> TwinCorrelations | None:
    if not chained:
        missing.append("twin: the layers are seen, the maps between them are not; noise cannot be put there")
        return None
    try:
        noise = twin_noise(model, data, share=settings.noise_share)
        return twin_correlations(model, points[: settings.twin_inputs], noise)
    except InvalidInput as error:
        missing.append(f"twin: {error}")
        return None


def _universal(
    model: Model,
    decision: Decision,
    points: FloatArray,
    fisher: FisherDirections,
    threat: Threat | None,
    rng: np.random.Generator,
    settings: NetworkSettings,
    missing: list[str],
) -> UniversalDirections | None:
    """Made from one half of the inputs and scored on the other; from all where there are but a few."""
    reach = median(fisher.linear_distances)
    if not (np.isfinite(reach) and reach > 0):
        missing.append("universal direction: most inputs have no linearised boundary to take sizes from")
        return None
    order = rng.permutation(len(points))
    half = len(points) if len(points) < 4 else (len(points) + 1) // 2
    sizes = [reach * factor for factor in settings.universal_sizes]
    made, held = points[order[:half]], points[order[half:]]
    try:
        return universal_directions(
            model, decision, made, sizes, rng=rng, held_out=held if len(held) else None, threat=threat
        )
    except InvalidInput as error:
        missing.append(f"universal direction: {error}")
        return None
