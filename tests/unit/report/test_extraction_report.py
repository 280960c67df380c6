"""What the report on a rebuilt network says, by content; and that it claims nothing that was not seen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from findings import CHECK, NETWORK, finding

from hingeline.core.figure_data import Bars, Dots
from hingeline.core.outcome import Spending, Status
from hingeline.report.extraction import extraction_report, headline
from hingeline.report.model import Claim, Table, Text, Tone


def claims(report: object) -> list[Claim]:
    return [b for s in report.sections for b in s.blocks if isinstance(b, Claim)]


@pytest.mark.parametrize(
    ("status", "words", "tone"),
    [
        (Status.COMPLETE, "With 90 questions the whole 2-2-1 network was rebuilt.", Tone.GOOD),
        (Status.EQUIVALENT, "a 2-2-1 network that answers alike was rebuilt", Tone.PART),
        (Status.PARTIAL, "a part of the network was rebuilt", Tone.PART),
        (Status.BUDGET_SPENT, "The budget ended after 90 questions", Tone.PART),
        (Status.INCONCLUSIVE, "After 90 questions there is no conclusion.", Tone.BAD),
        (Status.REFUSED, "This target cannot be rebuilt: As told.", Tone.BAD),
    ],
)
def test_the_headline_says_how_it_ended(status: Status, words: str, tone: Tone) -> None:
    assert words in headline(finding(status))
    assert extraction_report(finding(status)).tone == tone


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({}, [True, True]),
        ({"worst_ratio": 1.0}, [True, True]),
        ({"worst_ratio": 1.01}, [False, True]),
        ({"unexplained_bends": 1}, [True, False]),
    ],
)
def test_a_check_holds_only_within_what_noise_allows(change: dict[str, float], holds: list[bool]) -> None:
    made = claims(extraction_report(finding(verification=CHECK | change)))
    assert [claim.holds for claim in made] == holds


@pytest.mark.parametrize(("status", "holds"), [("exact", True), ("ambiguous", False)])
@pytest.mark.parametrize(("key", "layer"), [("signs", 1), ("second signs", 2)])
def test_signs_are_claimed_only_where_they_are_exact(key: str, layer: int, status: str, holds: bool) -> None:
    report = extraction_report(finding(**{key: {"status": status, "free_bits": 2}}))
    (claim,) = [claim for claim in claims(report) if "sign" in claim.words]
    assert claim.holds is holds
    assert f"layer {layer}" in claim.words


@pytest.mark.parametrize(("improved", "told"), [(True, "after it, 3e-15"), (False, "Polish: As seen.")])
def test_what_the_polish_did_is_told(improved: bool, told: str) -> None:
    polish = {"improved": improved, "reason": "As seen.", "expected_error": 3e-15}
    texts = [
        b.words
        for s in extraction_report(finding(polish=polish)).sections
        for b in s.blocks
        if isinstance(b, Text)
    ]
    assert [text for text in texts if told in text]
    assert improved or not [text for text in texts if "3e-15" in text]


def test_without_a_check_nothing_is_claimed() -> None:
    (claim,) = claims(extraction_report(finding(Status.PARTIAL, verification={})))
    assert claim.holds is None


def bars_of(by_phase: dict[str, int]) -> dict[str, float]:
    found = finding()
    report = extraction_report(replace(found, spending=Spending(90, 1.0, by_phase)))
    (bars,) = [f for f in report.figures if isinstance(f, Bars)]
    return dict(zip(bars.labels, bars.values, strict=True))


def test_the_price_is_shown_step_by_step() -> None:
    assert bars_of({"doctor": 40, "layer 1/signs": 50}) == {"doctor": 40, "layer 1 / signs": 50}


def test_many_nested_steps_are_added_up_under_their_first_word() -> None:
    many = {f"layer 1/step {i}": i for i in range(13)}
    assert bars_of({"doctor": 40, **many}) == {"doctor": 40, "layer 1": 78}


def test_every_neuron_with_a_measured_error_is_a_dot() -> None:
    (dots,) = [f for f in extraction_report(finding()).figures if isinstance(f, Dots)]
    assert dots.values == ((2e-15, 3e-14),)


def test_the_price_is_told_per_parameter() -> None:
    tiles = extraction_report(finding()).tiles
    assert NETWORK.parameter_count == 9
    assert [tile.value for tile in tiles] == ["90", "10.00", "1e-14", "1.2 s"]


def test_what_is_not_decided_is_named() -> None:
    report = extraction_report(finding(Status.EQUIVALENT, undecided=["the sign of neuron 3"]))
    assert "the sign of neuron 3" in [claim.words for claim in claims(report)]


def test_what_to_ask_next_is_a_table_also_where_there_is_no_network() -> None:
    questions = [
        {
            "about": "layer 2, neuron 5",
            "why": "2 numbers are not told",
            "queries": 1060,
            "how": "--budget 2,000",
        },
        {
            "about": "layer 1",
            "why": "always on",
            "queries": None,
            "how": "no question within the domain helps",
        },
    ]
    report = extraction_report(finding(Status.PARTIAL, None, limits=["Within the bounds."], next=questions))
    (section,) = [s for s in report.sections if s.title == "What cannot be known, or is not decided"]
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert [row[0] for row in table.rows] == ["layer 2, neuron 5", "layer 1"]
    assert [row[2] for row in table.rows] == ["about 1,060", "none helps"]
    assert "Within the bounds." in [block.words for block in section.blocks if isinstance(block, Text)]


def test_what_stands_for_neurons_of_unknown_number_is_not_counted_as_one() -> None:
    stands = {"layer": 1, "neuron": None, "status": "not identifiable", "error": None}
    (counted, more) = (
        next(b.rows[0][1] for s in extraction_report(made).sections for b in s.blocks if isinstance(b, Table))
        for made in (finding(), finding(neurons=[*finding().evidence["neurons"], stands]))
    )
    assert counted == more == "2"


@pytest.mark.parametrize(("answers", "told"), [("probabilities", 1), ("log-probabilities", 1), ("logits", 0)])
def test_behind_a_softmax_the_copy_is_said_to_give_ratios(answers: str, told: int) -> None:
    report = extraction_report(finding(doctor={"answers": answers}))
    texts = [b.words for s in report.sections for b in s.blocks if isinstance(b, Text)]
    assert sum("logarithms of their ratios" in text for text in texts) == told


def test_a_finding_without_value_and_evidence_still_has_a_report() -> None:
    report = extraction_report(finding(Status.INCONCLUSIVE, None, verification={}, neurons=[], doctor={}))
    assert report.headline == "After 90 questions there is no conclusion."
    assert not [f for f in report.figures if isinstance(f, Dots)]
