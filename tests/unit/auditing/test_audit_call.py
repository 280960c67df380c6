"""What an audit is handed: refused in words before the first question, or right after the doctor."""

import numpy as np
import pytest
from audited_doors import QUICK, CountedDoor, audited, layered, small_inputs

import hingeline as hl
from hingeline.auditing.settings import PARTS, AuditSettings
from hingeline.core.errors import InvalidInput

SCORE, THREE = layered(4, 3, 1), layered(4, 3, 3)


def door(model=THREE, **known):
    return CountedDoor(model, 4, **known)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"y": [0, 1]}, "no inputs"),
        ({"x": np.ones((2, 5))}, "takes 4"),
        ({"x": np.full((2, 4), np.nan)}, "finite"),
        ({"x": np.ones((2, 4)), "y": [0, 1, 2]}, "label"),
        ({"x": np.ones((2, 4)), "settings": {"norm": "l7"}}, "norm"),
        ({"x": np.full((2, 4), 3.0), "settings": {"box": (0, 1)}}, "0"),
        ({"settings": {"parts": ("extract",)}}, "no part 'extract'"),
        ({"settings": {"flips": 0}}, "flips"),
        ({"settings": {"reserve": 1.0}}, "reserve"),
        ({"settings": {"cost_per_1000": -1}}, "money"),
        ({"settings": {"cost_per_1000": "five"}}, "money"),
        ({"settings": {"currency": " "}}, "currency"),
        ({"settings": {"currency": 7}}, "currency"),
        ({"settings": {"norm": "l7"}}, "norm"),
        ({"settings": {"threshold": float("nan")}}, "threshold"),
        ({"settings": {"threshold": None}}, "threshold"),
        ({"settings": {"reserve": "half"}}, "reserve"),
        ({"settings": {"inputs": 7.0}}, "inputs"),
        ({"settings": {"flips": float("nan")}}, "flips"),
        ({"settings": {"flips": "many"}}, "flips"),
        ({"settings": {"flips": None}}, "flips"),
        ({"settings": {"defence_seeds": 3.5, "parts": ("line",)}}, "defence_seeds"),
        ({"settings": {"parts": 1}}, "parts"),
        ({"settings": {"box": 1}}, "box"),
        ({"settings": {"box": (0,)}}, "box"),
        ({"settings": {"box": (0, 1, 2)}}, "box"),
        ({"settings": {"box": "01"}}, "box"),
        ({"settings": {"no such": 1}}, "unknown setting"),
        ({"settings": 7}, "mapping"),
        ({"settings": {"defence_seeds": 2}}, "3 seeds"),
        ({"settings": {"defences": ("rounding:x",)}}, "rounding"),
        ({"settings": {"defences": ("muldef:5",)}}, "trains nothing"),
        ({"budget": 0}, "budget"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(said, words):
    asked = door()
    with pytest.raises(InvalidInput, match=words):
        hl.audit(asked, **said)
    assert asked.answered == 0


@pytest.mark.parametrize("labels", [[0, 3, 1], [0, -1, 1], [1e300, 0, 0]])
def test_labels_that_are_no_classes_are_refused_when_only_the_doctor_has_asked(labels):
    asked = door()
    with pytest.raises(InvalidInput, match="classes 0 to 2"):
        hl.audit(asked, small_inputs(4, 3), labels, settings=QUICK)
    assert 0 < asked.answered <= 48


def test_two_classes_may_be_called_minus_one_and_one():
    x = small_inputs(4, 20)
    truth = SCORE(x)[:, 0] > 0
    for labels in (np.where(truth, 1, -1), truth.astype(int)):
        assert audited(door(SCORE), x, labels).value.usage.accuracy == 1.0
    assert audited(door(SCORE), x, np.where(truth, -1, 1)).value.usage.accuracy == 0.0


def test_labels_of_a_door_that_answers_labels_may_be_any_numbers():
    x = small_inputs(4, 20)
    model = lambda x: 10 + 5 * THREE(x).argmax(axis=1, keepdims=True)  # noqa: E731
    found = audited(door(model), x, model(x)[:, 0], settings={"parts": ("line",)})
    assert found.value.usage.accuracy == 1.0


def test_parts_are_done_in_one_order_however_they_are_named():
    assert AuditSettings(parts=("span", "extraction")).parts == ("extraction", "span")
    assert AuditSettings.of({"parts": list(reversed(PARTS))}).parts == PARTS


def test_more_inputs_than_the_setting_allows_are_not_asked():
    x = small_inputs(4, 30)
    found = audited(door(), x, np.zeros(30), settings={"parts": ("line",), "inputs": 7})
    assert found.value.stage("inputs").facts["inputs"] == found.value.stage("inputs").queries == 7


def test_whole_numbers_of_numpy_are_told_as_those_of_python():
    settings = AuditSettings(flips=np.int64(5), threshold=np.float64(0.5), box=(np.float32(0), 1))
    assert type(settings.told()["flips"]) is int and settings.told()["box"] == (0.0, 1.0)
