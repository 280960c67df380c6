"""Figures as PNG: words are there, and what is missing is said once."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest
from findings import finding

from hingeline.core.errors import MissingExtra
from hingeline.core.figure_data import Bars
from hingeline.report import png
from hingeline.report.extraction import extraction_report
from hingeline.report.figures import svg_text
from hingeline.report.png import NoFont, png_drawing
from hingeline.report.run_folder import RunFolder, SavedRun

pytest.importorskip("resvg_py")
SVG = svg_text(Bars("b", "Questions", "questions", ("bends", "signs"), (10.0, 40.0)))


def saved(path: Path) -> SavedRun:
    found = finding()
    return RunFolder.reserve(path).save(found, extraction_report(found))


def test_an_image_has_twice_the_size_of_its_drawing() -> None:
    image = png_drawing(SVG)
    assert image.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", image[16:24])
    assert width == 2 * 760 and height == 2 * (2 * 28 + 24)


def test_words_are_drawn() -> None:
    assert png_drawing(SVG) != png_drawing(SVG.replace(">bends<", "><"))


def test_every_figure_has_its_image(tmp_path: Path) -> None:
    run = saved(tmp_path / "run")
    drawn = [name for name in run.files if name.endswith(".svg")]
    assert drawn and {name.replace(".svg", ".png") for name in drawn} <= set(run.files)
    assert all((tmp_path / "run" / name).stat().st_size for name in run.files if name.endswith(".png"))


def test_without_the_extra_all_images_are_left_out_with_one_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(MissingExtra):
        png_drawing(SVG)
    run = saved(tmp_path / "run")
    assert 'pip install "hingeline[plot]"' in run.left_out["figures/*.png"]
    assert not any(name.endswith(".png") for name in run.files)
    assert not list((tmp_path / "run/figures").glob("*.png"))


def test_without_a_font_no_image_is_made_and_the_reason_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(png, "_FAMILIES", ("no such family",))
    png.font_family.cache_clear()
    with pytest.raises(NoFont):
        png_drawing(SVG)
    assert "no font was found" in saved(tmp_path / "run").left_out["figures/*.png"]
