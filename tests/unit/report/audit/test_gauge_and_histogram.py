"""Gauges fill as far as they have come; histograms of flips count every flip once."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from audited import images, labels, value

from hingeline.core.figure_data import Curves, Gauge, Level
from hingeline.report.audit_flips import flip_histogram
from hingeline.report.figures import csv_text, svg_text
from hingeline.sensitivity.profile import FragilityProfile

SVG = "{http://www.w3.org/2000/svg}"
GAUGE = Gauge(
    "g",
    "How full",
    "share",
    (Level("water", 3.0, 4.0, "3 of 4 l"), Level("air", 0.0, 2.0, "none"), Level("all", 5.0, 4.0, "all")),
)


def profile() -> FragilityProfile:
    """What fragility found of the images."""
    finding = value(images()).finding("fragility")
    assert finding is not None
    assert finding.value is not None
    return finding.value


def counts(figure: Curves, label: str) -> float:
    """Sum of the heights of one histogram; every bin has two corners."""
    curve = next(curve for curve in figure.curves if curve.label.startswith(label))
    return sum(curve.y) / 2


def test_a_track_is_filled_as_far_as_it_has_come_and_never_beyond() -> None:
    bars = [float(rect.get("width", "0")) for rect in ET.fromstring(svg_text(GAUGE)).iter(f"{SVG}rect")]
    track, filled = bars[0::2], bars[1::2]
    assert len(set(track)) == 1
    assert [width / track[0] for width in filled] == pytest.approx([0.75, 0.0, 1.0], abs=1e-3)


def test_a_gauge_is_told_in_words_and_as_data() -> None:
    words = [text.text for text in ET.fromstring(svg_text(GAUGE)).iter(f"{SVG}text")]
    assert {"water", "3 of 4 l", "share"} <= set(words)
    assert csv_text(GAUGE).splitlines()[:2] == ["gauge,value,of,share", "water,3.0,4.0,3 of 4 l"]


def test_every_flip_is_counted_once() -> None:
    figure = flip_histogram(profile())
    assert figure is not None
    assert counts(figure, "smallest flips") == np.isfinite(profile().upper).sum() == 8
    half = dict(figure.marks)["half of the inputs flip"]
    assert (profile().upper <= half).mean() >= 0.5 >= (profile().upper < half).mean()


def test_corners_of_steps_are_no_dots() -> None:
    figure = flip_histogram(profile())
    assert figure is not None
    assert not list(ET.fromstring(svg_text(figure)).iter(f"{SVG}circle"))
    lines = replace(figure, curves=tuple(replace(curve, steps=False) for curve in figure.curves))
    assert list(ET.fromstring(svg_text(lines)).iter(f"{SVG}circle"))


def test_theory_expects_no_more_than_all_inputs_and_is_absent_without_gradients() -> None:
    figure = flip_histogram(profile())
    assert figure is not None
    assert 0 < counts(figure, "a random linear function") <= 8
    found = value(labels()).finding("fragility")
    assert found is not None
    assert found.value is not None
    asked = flip_histogram(found.value)
    assert asked is not None
    assert [curve.label for curve in asked.curves] == ["smallest flips found"]
    assert "random linear function" not in asked.caption


def test_inputs_without_a_flip_are_told_and_not_drawn() -> None:
    given = profile()
    upper = given.upper.copy()
    upper[:2] = np.inf
    figure = flip_histogram(replace(given, upper=upper, proved=np.zeros(8, dtype=bool)))
    assert figure is not None
    assert counts(figure, "smallest flips found") == 6
    assert "2 inputs without a known flip are not drawn" in figure.caption


def test_too_few_flips_make_no_histogram() -> None:
    given = profile()
    upper = np.full(8, np.inf)
    upper[:3] = 1.0
    assert flip_histogram(replace(given, upper=upper)) is None
