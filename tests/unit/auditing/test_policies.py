"""Policies: read as typed, judged by numbers, and never passed on what is not known."""

import json

import pytest

from hingeline.auditing.measures import MEASURES, AtLeast, AtMost, Undecided
from hingeline.auditing.policy import Policy, Verdict, read_policies
from hingeline.core.errors import InvalidInput


def verdict(text, seen):
    return str(Policy.read(text).judge({"leak.layers": seen}).verdict)


@pytest.mark.parametrize(
    ("comparison", "broken_at"),
    [(">=", {2, 3}), ("<=", {1, 2}), ("==", {2}), ("!=", {1, 3}), (">", {3}), ("<", {1})],
)  # fmt: skip
def test_a_policy_is_broken_exactly_where_it_holds(comparison, broken_at):
    text = f"leak.layers {comparison} 2"
    assert {n for n in (1, 2, 3) if verdict(text, float(n)) == "broken"} == broken_at


def test_what_was_not_established_is_not_judged():
    assert verdict("leak.layers<100", None) == "not judged"
    assert str(Policy.read("accuracy<0.9").judge({}).verdict) == "not judged"


@pytest.mark.parametrize(
    ("text", "at_1", "at_3"),
    [
        ("leak.layers>=2", "not judged", "broken"),
        ("leak.layers>2", "not judged", "broken"),
        ("leak.layers<2", "not judged", "kept"),
        ("leak.layers<=2", "not judged", "kept"),
        ("leak.layers==2", "not judged", "kept"),
        ("leak.layers!=2", "not judged", "broken"),
    ],
)
def test_what_is_known_from_below_is_judged_only_where_more_would_not_matter(text, at_1, at_3):
    assert (verdict(text, AtLeast(1)), verdict(text, AtLeast(3))) == (at_1, at_3)


def test_a_number_from_below_says_so_and_is_still_a_number_in_json():
    judged = Policy.read("leak.layers>=2").judge({"leak.layers": AtLeast(1)})
    assert json.loads(json.dumps(judged.to_dict())) == {
        "policy": "leak.layers>=2", "verdict": "not judged", "seen": 1.0, "at_least": True,
    }  # fmt: skip
    assert str(judged) == "leak.layers>=2: not judged (leak.layers is at least 1)"


def test_several_policies_are_read_from_one_text():
    texts = [p.text for p in read_policies(["leak.layers>=1, accuracy < 0.9", "queries>1e4"])]
    assert texts == ["leak.layers>=1", "accuracy < 0.9", "queries>1e4"]
    assert read_policies(["", " , "]) == ()


@pytest.mark.parametrize(
    "text", ["leak.layers", "leak.layers=1", "1>=leak.layers", ">=1", "leak.layers>=1 2"]
)
def test_what_is_no_policy_is_refused_with_an_example(text):
    with pytest.raises(InvalidInput, match=r"such as 'leak\.layers>=1'"):
        Policy.read(text)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "one", "1e999"])
def test_a_limit_must_be_a_finite_number(number):
    with pytest.raises(InvalidInput, match="number"):
        Policy.read(f"leak.layers>={number}")


def test_an_unknown_measure_is_refused_with_the_nearest_name():
    with pytest.raises(InvalidInput, match=r"did you mean 'leak\.layers'\?") as refused:
        Policy.read("leak.layer>=1")
    assert all(name in str(refused.value) for name in MEASURES)


def test_every_measure_can_be_named_in_a_policy():
    assert [Policy.read(f"{name}>0").measure for name in MEASURES] == list(MEASURES)
    assert {str(v) for v in Verdict} == {"kept", "broken", "not judged"}


@pytest.mark.parametrize(
    ("text", "at_1", "at_3"),
    [
        ("leak.layers>=2", "kept", "not judged"),
        ("leak.layers>2", "kept", "not judged"),
        ("leak.layers<2", "broken", "not judged"),
        ("leak.layers<=2", "broken", "not judged"),
        ("leak.layers==2", "kept", "not judged"),
        ("leak.layers!=2", "broken", "not judged"),
    ],
)
def test_what_is_known_from_above_is_judged_only_where_less_would_not_matter(text, at_1, at_3):
    assert (verdict(text, AtMost(1)), verdict(text, AtMost(3))) == (at_1, at_3)
    assert "is at most 3" in str(Policy.read(text).judge({"leak.layers": AtMost(3)}))


@pytest.mark.parametrize("comparison", [">=", "<=", "==", "!=", ">", "<"])
def test_what_was_not_decided_is_never_judged(comparison):
    assert {verdict(f"leak.layers{comparison}2", Undecided(n)) for n in (1, 2, 3)} == {"not judged"}
