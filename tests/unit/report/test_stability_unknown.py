"""Where samples do not tell the slopes at an input, no number is told of them, and none enters a median."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest

import hingeline as hl
from hingeline.core.outcome import Finding
from hingeline.renormalisation.diagnosis import StabilityDiagnosis
from hingeline.report.html import html_text
from hingeline.report.stability import stability_report

QUICK: dict[str, Any] = {
    "samples": 800,
    "samples_per_answer": 100,
    "closely": 2,
    "random_directions": 2,
    "permutations": 2,
}


def made(points: Any) -> Finding[StabilityDiagnosis]:
    """At 0 the units of the first layer change, at 9 they do not."""
    rng, sizes = np.random.default_rng(731), (6, 5, 4, 3)
    weights = [rng.standard_normal((w, d)) / np.sqrt(d) for d, w in itertools.pairwise(sizes)]
    biases = [0.2 * rng.standard_normal(w) for w in sizes[1:]]
    stack = hl.StochasticStack([60.0 * weights[0], *weights[1:]], biases)
    return hl.stability(stack, points, seed=3, settings=QUICK)


@pytest.fixture(scope="module")
def half() -> Finding[StabilityDiagnosis]:
    return made(np.vstack([np.zeros((2, 6)), np.full((3, 6), 9.0)]))


def test_no_distance_is_told_where_the_first_layer_is_frozen(half: Finding[StabilityDiagnosis]) -> None:
    found = half.require() if half.value is None else half.value
    told = found.inputs()
    assert [one["trusted"] for one in told] == [True, True, False, False, False]
    for one in told:
        for name in ("linear_distance", "top_eigenvalue", "first_over_second", "nearest_class"):
            assert (one[name] is not None) == one["trusted"], name
    assert np.isnan(found.arrays()["linear_distances"][2:]).all()
    assert json.dumps(found.to_dict(), allow_nan=False)


def test_medians_are_of_the_inputs_where_distances_are_known(half: Finding[StabilityDiagnosis]) -> None:
    found = half.value
    assert found is not None and found.unknown == 3
    near = float(found.fisher.linear_distances[:2].max())
    summary = found.summary()["fisher"]
    assert summary["unknown"] == 3 and summary["inputs"] == 2
    assert 0 < summary["median_linear_distance"] <= near
    assert found.curves is None or max(found.curves.sizes) <= 4 * near
    assert "the 2 inputs where that is known (of 5)" in half.outcome.reason


def test_the_report_says_how_many_are_not_known(half: Finding[StabilityDiagnosis]) -> None:
    report = stability_report(half)
    page = html_text(report)
    assert "2 of 5 inputs" in " ".join([report.headline, *(tile.label for tile in report.tiles)])
    assert "not known" in page


def test_where_nothing_is_known_no_number_stands_in_its_place() -> None:
    finding = made(np.full((3, 6), 9.0))
    report = stability_report(finding)
    assert finding.value is not None and finding.value.summary()["fisher"]["median_linear_distance"] is None
    assert report.tiles[0].value == "not known"
    assert html_text(report)
