"""Obfuscated inputs in a report: the gallery, the answers, and always the control."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from spans import span, span_finding

from hingeline.core.figure_data import Pictures
from hingeline.core.outcome import Finding, Outcome, Provenance, Spending, Status
from hingeline.report.building import build_report
from hingeline.report.model import Claim, Report, Table, Text
from hingeline.report.obfuscation import obfuscation_gallery
from hingeline.report.span import span_report
from hingeline.subspace.obfuscated import Control, Obfuscation

INPUTS = 8


def control(kept: int, sigma: float | None = None) -> Control:
    """A move inside the span that keeps so many labels."""
    return Control(
        sigma=sigma,
        points=np.zeros((INPUTS, 16)),
        labels=np.zeros(INPUTS, dtype=np.int64),
        kept=np.arange(INPUTS) < kept,
        changes=np.full(INPUTS, 3.0),
        lengths=np.full(INPUTS, 2.0),
    )


def made(dim: int = 16, **other: Any) -> Obfuscation:
    """Eight inputs, all labels kept, beside a control that keeps one."""
    basis = span(dim).basis
    x = np.random.default_rng(1).uniform(size=(INPUTS, dim))
    seen = x @ basis @ basis.T
    value = Obfuscation(
        construction="null noise",
        original=x,
        seen=seen,
        unseen=x - seen,
        obfuscated=seen,
        box=None,
        labels=np.arange(INPUTS),
        obfuscated_labels=np.arange(INPUTS),
        value_kind="logits",
        changes=np.full(INPUTS, 1e-9),
        answer_changes=np.full(INPUTS, 1e-9),
        variation=12.0,
        control=control(1),
        controls=(control(0, 10.0),),
        correlation_original=np.full(INPUTS, 0.48),
        correlation_target=None,
        rms=np.full(INPUTS, 0.5),
        unseen_energy=np.full(INPUTS, 0.3),
        residuals=np.zeros(INPUTS),
        converged=np.ones(INPUTS, dtype=np.bool_),
        rounding_changes=None,
        bounds=None,
        standing="exact",
        where="free",
    )
    return replace(value, **other)


def hidden(
    value: Obfuscation | None, status: Status = Status.COMPLETE, target: bool = False
) -> Finding[Obfuscation]:
    provenance = Provenance("obfuscate", "model.npz", 7, {"target": target})
    return Finding(value, Outcome(status, "As told."), {}, Spending(24, 0.1, {"obfuscation": 24}), provenance)


def claims(report: Report) -> dict[str, Claim]:
    blocks = (block for section in report.sections for block in section.blocks)
    return {block.words: block for block in blocks if isinstance(block, Claim)}


def words_of(report: Report) -> str:
    blocks = (block for section in report.sections for block in section.blocks)
    return " ".join(block.words for block in blocks if isinstance(block, Text))


def test_the_gallery_shows_both_parts_and_what_was_answered() -> None:
    gallery = obfuscation_gallery(made())
    assert gallery is not None
    assert gallery.titles == ("original", "what the network sees", "what it cannot see", "obfuscated")
    original, seen, unseen, last = gallery.rows[0]
    np.testing.assert_allclose(np.add(seen.pixels, unseen.pixels), original.pixels, atol=1e-12)
    assert (seen.black, seen.white) == (unseen.black, unseen.white) == (-seen.white, seen.white)
    assert (original.words, seen.words, unseen.words) == ("label 0", "70% of its energy", "30% of its energy")
    assert last.words == "label 0, logits off by 1e-9"


def test_a_long_gallery_is_cut_and_says_so() -> None:
    gallery = obfuscation_gallery(made())
    assert gallery is not None
    assert len(gallery.rows) == 6
    assert "The first 6 of 8." in gallery.caption


def test_inputs_that_are_no_images_have_no_gallery() -> None:
    assert obfuscation_gallery(made(15)) is None


def test_kept_labels_stand_beside_the_control() -> None:
    told = claims(build_report(hidden(made())))
    asked = told["Asked again: 8 of 8 obfuscated inputs keep their label"]
    assert (asked.holds, asked.seen) == (True, "logits change by at most 1e-9, where inputs differ by 12")
    assert told["As large a change in what it sees keeps 12% of the labels"].holds


def test_a_control_that_shows_nothing_is_told_as_open() -> None:
    told = claims(build_report(hidden(made(control=control(INPUTS)), Status.INCONCLUSIVE)))
    assert told["As large a change in what it sees keeps 100% of the labels"].holds is None
    assert told["As told."].holds is None


def test_a_lost_label_is_told() -> None:
    report = build_report(hidden(made(obfuscated_labels=np.zeros(INPUTS)), Status.PARTIAL))
    assert claims(report)["Asked again: 1 of 8 obfuscated inputs keep their label"].holds is False
    assert report.headline.startswith("1 of 8 obfuscated inputs keep their label;")


def test_where_values_cannot_be_read_none_are_told() -> None:
    nothing = np.full(INPUTS, np.nan)
    blind = replace(control(1), changes=nothing)
    value = made(value_kind="none", changes=nothing, variation=np.nan, control=blind, controls=())
    report = build_report(hidden(value))
    assert "nan" not in str(report.sections[0])
    assert "null-against-span" not in {figure.name for figure in report.figures}


def test_the_same_length_inside_and_outside_stand_in_one_table() -> None:
    blocks = build_report(hidden(made())).sections[0].blocks
    (table,) = (block for block in blocks if isinstance(block, Table))
    assert table.rows == (
        ("in what it cannot see", "2", "100%", "1e-9"),
        ("in what it sees", "2", "12%", "3"),
        ("in what it sees", "2", "0%", "3"),
    )


@pytest.mark.parametrize(("target", "words"), [(True, "the target image"), (False, "random noise")])
def test_what_the_inputs_were_moved_to_is_named(target: bool, words: str) -> None:
    value = made(construction="boxed", box=(0.0, 1.0), correlation_target=np.full(INPUTS, 0.6))
    told = words_of(build_report(hidden(value, target=target)))
    assert f"moved towards {words}" in told
    assert f"0.60 with {words}." in told


def test_rounding_to_eight_bits_is_told_apart() -> None:
    report = build_report(hidden(made(rounding_changes=np.full(INPUTS, 0.01))))
    assert claims(report)["Rounding to 8 bits alone changes logits by at most 0.01"].holds


def test_the_report_on_a_span_shows_them_and_their_price() -> None:
    report = span_report(span_finding(span()), None, hidden(made()))
    assert report.sections[1].title == "Inputs it cannot tell apart"
    assert any(isinstance(block, Pictures) for block in report.sections[1].blocks)
    assert "8 of 8 obfuscated inputs keep their label" in report.summary
    assert "took 24 more" in words_of(report)


def test_without_inputs_the_reason_is_told() -> None:
    report = span_report(span_finding(span()), None, hidden(None, Status.BUDGET_SPENT))
    assert claims(report)["No inputs were obfuscated"].seen == "As told."
    assert build_report(hidden(None, Status.REFUSED)).headline == "As told."


@pytest.mark.parametrize(("labels", "words"), [(True, "may see more"), (False, "sees more than was found")])
def test_a_span_in_part_never_makes_two_inputs_one(labels: bool, words: str) -> None:
    value = made()
    other = value.labels if labels else value.labels + 1
    gallery = obfuscation_gallery(replace(value, standing="partial", obfuscated_labels=other))
    assert gallery is not None
    assert "are one" not in gallery.caption
    assert words in gallery.caption
    assert "what it cannot see" not in gallery.titles
    whole = obfuscation_gallery(value)
    assert whole is not None
    assert "are one" in whole.caption
