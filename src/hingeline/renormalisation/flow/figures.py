"""Pictures over several stability matrices."""

from __future__ import annotations

from collections.abc import Sequence

from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Heat
from hingeline.renormalisation.flow.stability_matrix import StabilityMatrix
from hingeline.sensitivity.results import number

MOST_COLUMNS = 8
"""Canonical correlations shown of each layer."""


def correlations_by_layer(matrices: Sequence[StabilityMatrix]) -> Heat:
    """The leading canonical correlations layer by layer, beside what shuffled samples give.

    Raises:
        InvalidInput: There are no matrices.
    """
    if not matrices:
        raise InvalidInput("a picture of canonical correlations wants at least one stability matrix")
    columns = min(MOST_COLUMNS, max(len(m.canonical_correlations) for m in matrices))
    rows = [
        (*(number(v) for v in m.canonical_correlations[:columns]), *missing, number(m.null_quantile))
        for m in matrices
        for missing in [(None,) * (columns - len(m.canonical_correlations[:columns]))]
    ]
    return Heat(
        "canonical_correlations_by_layer",
        "Canonical correlations of neighbouring layers, descending; the last column is what 95 % of shuffled "
        "samples do not exceed.",
        "canonical correlation",
        "layers",
        "number",
        tuple(f"{m.layer} to {m.layer + 1}" for m in matrices),
        (*(str(i) for i in range(1, columns + 1)), "shuffled"),
        tuple(rows),
    )
