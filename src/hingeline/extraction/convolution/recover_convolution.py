"""A first layer that is a convolution: a handful of filters instead of a row per position.

Called after the first line, before any normal is measured in full, which is what costs. The filters come from
the line and a few directions per filter; a dense read-out above them is solved for and verified like any
other network. Where more than one layer lies above, the convolution alone is reported.

Source: specs of convolutions with sharing. Cost: filters about 3 times their number of shared weights;
nothing of this is asked where the image is not told.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hingeline.core.events import NeuronRecovered, Note
from hingeline.core.outcome import Status
from hingeline.extraction.bends import measure_bends
from hingeline.extraction.convolution.described import (
    described_convolution,
    layer_of_filters,
    max_pooled,
    of_differences,
    only_first,
    signed_like,
)
from hingeline.extraction.convolution.filters import FEWEST_POSITIONS, SweptImages
from hingeline.extraction.convolution.image_shape import checked_image, guessed_images
from hingeline.extraction.convolution.max_pooling import equal_positions
from hingeline.extraction.convolution.one_dense_layer import centre_of, filter_planes, recover_read_out
from hingeline.extraction.convolution.search import FilterSearch, FoundFilters
from hingeline.extraction.deep import recover_deep
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.verify import line_towards, random_line
from hingeline.networks.convolution import ConvolutionLayer
from hingeline.probing.line import Line, LineSweep, sweep_line
from hingeline.probing.probe import is_coarse

INNER = 0.9
"""Lines from corner to corner keep away from the faces, so that there is room to ask beside them."""
QUIET_LINES = 4
"""Lines on which nothing is new and nothing is left over, before no more are swept."""
FEW_STRANGERS = 20
"""One bend in so many that no filter explains may be an accident; more belong to deeper layers."""


def recover_convolution(
    bench: Bench, sweep: LineSweep, image: tuple[int, int, int] | None = None
) -> Recovery | None:
    """Rebuild a network whose first layer is a convolution.

    Args:
        bench: Where to work.
        sweep: The first line, swept.
        image: Channels, rows and columns of an input; None to try square images.

    Returns:
        What came of it; None if the line's clearest normals are no patches that are shared.

    Raises:
        InvalidInput: An image that a query row cannot be.
        BudgetExhausted: The budget ended; `bench.best` has what was found.

    Cost: at most about 30 queries per image shape where there is no convolution.
    """
    probe = bench.probe
    shapes = guessed_images(probe.input_dim) if image is None else (checked_image(image, probe.input_dim),)
    if is_coarse(probe) or probe.calibration.unit != 1.0:
        return None
    for shape in shapes:
        before = probe.session.spending.queries
        lines = SweptImages((sweep,), shape, centre_of(bench))
        search = FilterSearch(probe, lines, bench.randomness.step("filters"))
        found = _search(bench, search)
        if found is None and search.lonely and not probe.domain.free:
            found = _on_more_lines(bench, search, None)
        if found is not None:
            spent = probe.session.spending.queries - before
            if not probe.domain.free and not found.of_differences:
                found = _on_more_lines(bench, search, found) or found
            return _with_convolution(bench, found, spent)
    return None


def _search(bench: Bench, search: FilterSearch) -> FoundFilters | None:
    with bench.probe.session.phase("filters"):
        return search.run()


def _on_more_lines(bench: Bench, search: FilterSearch, found: FoundFilters | None) -> FoundFilters | None:
    """Where lines are short they miss most positions: look on others until several show nothing new.

    Without a filter so far, until there is one.
    """
    quiet = 0
    for index in range(len(search.lines.sweeps), bench.settings.most_lines):
        line, predicted = _next_line(bench, index), None
        if found is not None:
            planes = filter_planes(layer_of_filters(found), found.errors, centre_of(bench))
            predicted = np.sort(planes.crossings(line))
        with bench.probe.session.phase("lines"):
            sweep = sweep_line(bench.probe, line, predicted=predicted)
        bench.sweeps.append(sweep)
        search.look_at(sweep)
        again = _search(bench, search)
        if found is None and again is not None:
            return again
        if found is None or again is None:
            continue
        same = len(again.filters) == len(found.filters) and again.grid == found.grid
        quiet = quiet + 1 if same and not again.strangers else 0
        found = again
        if quiet >= QUIET_LINES:
            break
    return found


def _next_line(bench: Bench, index: int) -> Line:
    """A random line; within a box every second one from corner to corner, where rare bends show."""
    probe, rng = bench.probe, bench.randomness.step("line", index)
    corners = probe.domain.spread(3, probe.input_dim, rng)[::2]
    if not len(corners) or index % 2:
        return random_line(probe, rng, bench.settings)
    return line_towards(probe, INNER * corners[0], INNER * corners[1], bench.settings)


def _with_convolution(bench: Bench, found: FoundFilters, spent: int) -> Recovery:
    """The rest of the network above filters that were found."""
    probe, layer = bench.probe, layer_of_filters(found)
    if found.of_differences:
        bench.evidence["architecture"] = {"layers": [{"kind": "convolution", "status": "undetermined"}]}
        return of_differences(found)
    probe.session.emit(NeuronRecovered(1, layer.positions * len(layer.filters)))
    probe.session.emit(Note(f"convolution: {len(layer.filters)} filters, {found.strangers} bends left over"))
    described = described_convolution(found, layer, spent)
    bench.evidence["architecture"] = {"layers": [described]}
    pooling = equal_positions(found)
    if pooling > FEWEST_POSITIONS:
        return max_pooled(pooling, layer)
    if found.strangers * FEW_STRANGERS <= found.bends:
        result = recover_read_out(bench, found, layer, described)
        if result is not None:
            return result
    else:
        planes = filter_planes(layer, found.errors, centre_of(bench))
        if planes.count <= probe.input_dim:
            return _deeper(bench, planes, layer, described)
    return only_first(found, layer)


def _deeper(
    bench: Bench, planes: Hyperplanes, layer: ConvolutionLayer, described: dict[str, Any]
) -> Recovery:
    """Go on above a convolution that is no wider than its input, as above any other first layer."""
    sweep = bench.sweeps[0]
    known = planes.explain(sweep, same_jumps=False)
    with bench.probe.session.phase("hyperplanes"):
        rng = bench.randomness.step("hyperplanes", 0)
        basis = np.linalg.svd(planes.normals, full_matrices=False)[2]
        line = measure_bends(bench.probe, sweep, rng, basis=basis, known=known)
    result = recover_deep(bench, planes, [line])
    if result.network is not None and result.outcome.status in (Status.COMPLETE, Status.EQUIVALENT):
        layers = [signed_like(result.network.weights[0], planes, layer, described)]
        for rows in result.network.weights[1:-1]:
            layers.append({"kind": "dense", "width": len(rows), "activation": "relu"})
        layers.append({"kind": "dense", "width": result.network.output_dim, "activation": "linear"})
        bench.evidence["architecture"] = {"layers": layers}
    return result
