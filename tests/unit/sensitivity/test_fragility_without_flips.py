"""No flip as far as was looked is not the same as no flip."""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.report.fragility import fragility_report
from hingeline.report.html import html_text
from hingeline.sensitivity.fragility import fragility

# one class leads by 1 where the input is below 1000, and falls behind from 2000 on
FAR = PiecewiseLinearNetwork([[[1.0, 0.0]], [[0.0], [1e-3]]], [[-1000.0], [1.0, 0.0]])
POINTS = np.array([[0.5, 0.2], [0.1, 0.9]])


def told(box: tuple[float, float] | None) -> tuple[str, str, BoolArray]:
    finding = fragility(FAR, POINTS, box=box, settings={"parts": ()})
    assert finding.value is not None and finding.value.proved.all() and np.isinf(finding.value.upper).all()
    return finding.outcome.reason, html_text(fragility_report(finding)), finding.value.without_flip


def test_without_a_box_it_is_said_how_far_was_looked() -> None:
    reason, report, never = told(None)
    assert not never.any() and "as far as was looked" in reason
    assert "No change within the limits flips" not in report and "none exists" not in report
    assert "no farther was looked" in report


def test_in_a_box_that_was_searched_whole_it_is_said_that_nothing_flips() -> None:
    reason, report, never = told((0.0, 1.0))
    assert never.all() and "as far as" not in reason
    assert "No change within the limits flips" in report
