"""Curves, grids and images are drawn in place, print in grey, and carry their data."""

from __future__ import annotations

import base64
import csv
import io
import struct
import xml.etree.ElementTree as ET
import zlib

import pytest

from hingeline.core.figure_data import Axis, Curve, Curves, Figure, Heat, Picture, Pictures
from hingeline.report.axes import Scale, ticks_in_words
from hingeline.report.figures import csv_text, svg_text
from hingeline.report.pictures import png_bytes

SVG = "{http://www.w3.org/2000/svg}"
CURVES = Curves(
    "c",
    "Rank & price",
    Axis("queries"),
    Axis("strength", log=True),
    (
        Curve("found <one>", (0.0, 10.0, 20.0), (1.0, 0.1, 0.01)),
        Curve("rest", (5.0, 15.0), (1e-3, 0.0), False),
    ),
    levels=(("noise edge", 1e-4),),
    marks=(("floor", 12.0),),
)
HEAT = Heat("h", "Dead share", "share", "widths", "bias", ("3", "6"), ("0", "0.1"), ((0.0, 0.5), (1.0, None)))
IMAGE = Picture(((0.0, 0.5), (1.0, 2.0)), 0.0, 1.0, "read as <7>, with certainty 0.98")
PICTURES = Pictures("p", "Same answer", ("original", "obfuscated"), ((IMAGE, IMAGE), (IMAGE, IMAGE)))


def drawn(figure: Figure) -> ET.Element:
    return ET.fromstring(svg_text(figure))


def rows_of(figure: Figure) -> list[list[str]]:
    return list(csv.reader(io.StringIO(csv_text(figure))))


@pytest.mark.parametrize("figure", [CURVES, HEAT, PICTURES])
def test_a_figure_is_well_formed_and_says_what_it_shows(figure: Figure) -> None:
    assert drawn(figure).findtext(f"{SVG}title") == figure.caption


@pytest.mark.parametrize(
    "figure",
    [
        Curves("c", "c", Axis("x"), Axis("y", log=True), (Curve("none", (), ()),)),
        Curves("c", "c", Axis("x"), Axis("y", log=True), (Curve("zeros", (1.0,), (0.0,)),), (("edge", 0.0),)),
        Curves("c", "c", Axis("x"), Axis("y"), (Curve("one", (3.0,), (3.0,)),)),
        Heat("h", "c", "u", "d", "a", (), (), ()),
        Heat("h", "c", "u", "d", "a", ("r",), ("c",), ((None,),)),
        Pictures("p", "c", (), ()),
        Pictures("p", "c", ("flat",), ((Picture(((1.0,),), 1.0, 1.0),),)),
    ],
)
def test_a_figure_without_data_or_range_is_still_well_formed(figure: Figure) -> None:
    drawn(figure)
    csv_text(figure)


def test_equal_factors_are_equal_steps_on_a_logarithmic_axis() -> None:
    (line,) = drawn(CURVES).iter(f"{SVG}polyline")
    heights = [float(point.split(",")[1]) for point in line.get("points", "").split()]
    assert heights[1] - heights[0] == pytest.approx(heights[2] - heights[1], abs=0.2)


def test_what_a_logarithmic_axis_cannot_show_is_left_out_of_the_picture_and_kept_in_the_data() -> None:
    hollow = [c for c in drawn(CURVES).iter(f"{SVG}circle") if c.get("fill") == "#ffffff"]
    assert len(hollow) == 2  # the one that fits, and the one of the legend
    assert ["rest", "15.0", "0.0"] in rows_of(CURVES)


def test_curves_differ_by_dash_so_that_they_print_in_grey() -> None:
    two = Curves("c", "c", Axis("x"), Axis("y"), (Curve("a", (0, 1), (0, 1)), Curve("b", (0, 1), (1, 0))))
    dashes = [line.get("stroke-dasharray") for line in drawn(two).iter(f"{SVG}polyline")]
    assert len(set(dashes)) == 2


def test_reference_lines_are_drawn_named_and_part_of_the_data() -> None:
    told = [text.text for text in drawn(CURVES).iter(f"{SVG}text")]
    assert {"noise edge", "floor"} <= set(told)
    assert ["reference: noise edge", "", "0.0001"] in rows_of(CURVES)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 80, [0, 10, 20, 30, 40, 50, 60, 70, 80]),
        (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (3, 6, [3, 3.5, 4, 4.5, 5, 5.5, 6]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, ticks: list[float]) -> None:
    assert Scale(low, high, False, 0.0, 100.0).ticks() == pytest.approx(ticks)


def test_counts_have_no_ticks_between_whole_numbers() -> None:
    assert Scale(0, 3, False, 0.0, 100.0, whole=True).ticks() == [0, 1, 2, 3]


def test_every_cell_has_its_number_and_larger_is_darker() -> None:
    root = drawn(HEAT)
    fills = [cell.get("fill", "") for cell in root.iter(f"{SVG}rect")]
    lightness = [sum(int(fill[i : i + 2], 16) for i in (1, 3, 5)) for fill in fills[:3]]
    assert lightness == sorted(lightness, reverse=True)
    assert [row[2] for row in rows_of(HEAT)[1:]] == ["0.0", "0.5", "1.0", ""]


def test_an_image_is_a_grey_png_clipped_to_its_ends() -> None:
    data = png_bytes(IMAGE)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">IIBB", data[16:26]) == (2, 2, 8, 0)
    start = data.index(b"IDAT") + 4
    (length,) = struct.unpack(">I", data[start - 8 : start - 4])
    assert zlib.decompress(data[start : start + length]) == bytes([0, 0, 128, 0, 255, 255])


def test_images_stand_inside_the_figure_with_their_words() -> None:
    root = drawn(PICTURES)
    images = list(root.iter(f"{SVG}image"))
    assert len(images) == 4
    prefix, _, data = images[0].get("href", "").partition(",")
    assert prefix == "data:image/png;base64"
    assert base64.b64decode(data) == png_bytes(IMAGE)
    assert "read as <7>," in " ".join(text.text or "" for text in root.iter(f"{SVG}text"))


def test_the_pixels_beside_a_gallery_are_its_values() -> None:
    assert rows_of(PICTURES)[1] == [
        "1", "original", "read as <7>, with certainty 0.98", "2", "2", "0.0", "0.5", "1.0", "2.0",
    ]  # fmt: skip


def test_ticks_of_a_narrow_range_are_told_apart() -> None:
    assert ticks_in_words([0.66, 0.665, 0.67]) == ["0.66", "0.665", "0.67"]
    assert ticks_in_words([0.0, 0.5, 1.0]) == ["0", "0.5", "1"]
    assert ticks_in_words([1e-3, 1e4]) == ["1e-3", "10,000"]
