"""Every finding has a page, and saving it is one call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from findings import finding

from hingeline.core.errors import InvalidInput
from hingeline.evaluation.demo_data import demo_oracle
from hingeline.probing.doctor import doctor
from hingeline.report.building import build_report, save_report
from hingeline.report.examination import examination_report
from hingeline.report.extraction import extraction_report


def test_an_extraction_gets_its_own_report() -> None:
    assert build_report(finding()) == extraction_report(finding())


def test_an_examination_gets_its_own_report() -> None:
    found = doctor(demo_oracle())
    assert build_report(found) == examination_report(found)


def test_another_verb_gets_its_outcome_and_all_its_evidence() -> None:
    found = finding(card={"noise_floor": 4e-16, "nested": {"deterministic": True}})
    report = build_report(replace(found, provenance=replace(found.provenance, verb="other")))
    assert report.headline == "As told."
    (table,) = report.sections[0].blocks
    assert ("card: noise floor", "4e-16") in table.rows
    assert ("card: nested: deterministic", "True") in table.rows


def test_the_page_is_saved_where_it_was_told(tmp_path: Path) -> None:
    path = save_report(finding(), tmp_path / "r.html")
    assert "With 90 questions" in path.read_text(encoding="utf-8")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot write"):
        save_report(finding(), tmp_path / "no" / "r.html")
