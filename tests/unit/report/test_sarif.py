"""SARIF of audits: valid by the schema, readable by code scanning, the same file for the same findings."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import hingeline as hl
from hingeline.auditing.measures import AtLeast
from hingeline.auditing.policy import read_policies
from hingeline.cli.exits import status_code
from hingeline.core.outcome import Outcome, Status
from hingeline.report.sarif import _exit_code, sarif_text
from hingeline.report.sarif_rules import RULES

SCHEMA = json.loads((Path(__file__).parents[2] / "data" / "sarif-2.1.0-rtm.5.json").read_text())
VALID = jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
WEIGHTS = np.random.default_rng(4).standard_normal((3, 6)), np.random.default_rng(5).standard_normal((2, 3))
INPUTS = np.random.default_rng(6).standard_normal((4, 6))


def model(x):
    return np.maximum(x @ WEIGHTS[0].T + 0.2, 0) @ WEIGHTS[1].T + np.array([0.3, -0.4])


def audited(model=model, **said):
    settings = {"parts": ("extraction", "line", "span", "fragility"), "flips": 4, "asked_flips": 1}
    door = hl.oracle(model, input_dim=6, name="hidden")
    return hl.audit(door, INPUTS, **{"settings": settings, "seed": 0} | said)


@pytest.fixture(scope="module")
def copied():
    return audited()


def run_of(finding, policies=(), artifact="models/fraud.onnx"):
    judged = tuple(one.judge(finding.value.measures) for one in read_policies(policies))
    log = json.loads(sarif_text(finding, judged, artifact))
    VALID.validate(log)
    return log["runs"][0]


def told(run):
    return {result["ruleId"]: result for result in run["results"]}


def test_a_copied_model_is_told_with_its_numbers(copied):
    results = told(run_of(copied))
    assert set(results) == {"HL001", "HL003", "HL004", "HL005"}
    assert f"{copied.value.leak.queries} questions" in results["HL001"]["message"]["text"]
    assert f"{copied.value.copy.parameter_count} weights and biases" in results["HL001"]["message"]["text"]
    assert "3 of 6 input directions" in results["HL003"]["message"]["text"]
    assert results["HL001"]["level"] == "warning"
    assert results["HL005"]["level"] == "note"


def only_extracted(model, **said):
    return told(run_of(audited(model, settings={"parts": ("extraction",)}, **said)))["HL001"]["message"][
        "text"
    ]


def test_flips_that_were_proved_on_the_copy_say_so(copied):
    assert "proved on the copy" in told(run_of(copied))["HL004"]["message"]["text"]
    one = hl.audit(
        hl.oracle(model, input_dim=6), INPUTS[:1], settings={"parts": ("extraction", "fragility")}, seed=0
    )
    assert told(run_of(one))["HL004"]["message"]["text"].startswith("The one input tried flips at")


def test_weights_are_counted_in_neurons_of_the_target():
    rng = np.random.default_rng(12)
    w, b, v = rng.standard_normal((4, 6)), rng.standard_normal(4), rng.standard_normal((3, 4))
    # absolute values: the copy holds two ReLUs for each
    assert "43 weights and biases" in only_extracted(lambda x: np.abs(x @ w.T + b) @ v.T)


def test_a_copy_in_a_form_of_its_own_is_not_told_as_the_weights_of_the_model():
    rng = np.random.default_rng(13)
    w, v, skip = rng.standard_normal((4, 6)), rng.standard_normal((3, 4)), rng.standard_normal((3, 6))
    text = only_extracted(lambda x: np.maximum(x @ w.T + 0.3, 0) @ v.T + x @ skip.T)
    assert "answers as the model does" in text
    assert "digits" not in text


def test_digits_are_those_of_the_layer_that_is_known_worst_and_never_rounded_up(copied):
    (layer,) = copied.value.leak.layers
    layers = tuple(
        replace(layer, layer=n, digits=digits) for n, digits in enumerate((9.9, 5.7, 8.0), start=1)
    )
    value = replace(copied.value, leak=replace(copied.value.leak, layers=layers))
    assert "to 5 digits" in told(run_of(replace(copied, value=value)))["HL001"]["message"]["text"]


def test_a_broken_policy_is_an_error_and_ends_with_one(copied):
    run = run_of(copied, ["leak.layers>=1", "queries>1e9", "accuracy<0.5"])
    assert told(run)["HL006"]["level"] == "error"
    assert "leak.layers is 1" in told(run)["HL006"]["message"]["text"]
    assert "accuracy could not be established" in told(run)["HL007"]["message"]["text"]
    assert sum(result["ruleId"] in ("HL006", "HL007") for result in run["results"]) == 2
    assert run["invocations"] == [{"executionSuccessful": True, "exitCode": 1}]


def test_what_an_ended_budget_leaves_open_is_no_success():
    run = run_of(audited(budget=60), ["leak.layers>=1"])
    assert run["invocations"][0]["exitCode"] == 4
    assert not run["invocations"][0]["executionSuccessful"]
    assert "budget" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    assert {"HL007", "HL008"} <= set(told(run))
    assert "HL001" not in told(run)


def test_a_door_of_labels_is_not_said_to_leak():
    run = run_of(audited(lambda x: model(x).argmax(axis=1)), ["leak.layers>=1"])
    assert not {"HL001", "HL002", "HL005", "HL006", "HL007"} & set(told(run))
    assert any("Labels alone" in result["message"]["text"] for result in run["results"])


def test_a_door_that_never_answers_is_told_as_open():
    with_nan = audited(lambda x: np.full((len(x), 2), np.nan))
    assert set(told(run_of(with_nan))) == {"HL008"}
    assert run_of(with_nan)["invocations"][0]["exitCode"] == 3


def test_fingerprints_and_ids_stay_while_numbers_move(copied):
    other = audited(seed=9)
    first, second = (told(run_of(finding)) for finding in (copied, other))
    for rule, result in first.items():
        assert second[rule]["partialFingerprints"] == result["partialFingerprints"]
    assert first["HL001"]["message"] != second["HL001"]["message"]
    prints = [str(result["partialFingerprints"]) for result in first.values()]
    assert len(set(prints)) == len(prints)
    moved = told(run_of(copied, artifact="other.toml"))
    assert moved["HL001"]["partialFingerprints"] != first["HL001"]["partialFingerprints"]


def test_the_same_audit_makes_the_same_file(copied):
    assert sarif_text(copied, (), "m.onnx") == sarif_text(audited(), (), "m.onnx")


@pytest.mark.parametrize(
    ("artifact", "uri"),
    [
        ("models/fraud.onnx", "models/fraud.onnx"),
        ("/home/ann/secret/fraud.onnx", "fraud.onnx"),
        ("../fraud.onnx", "fraud.onnx"),
        (r"C:\Users\ann\fraud.onnx", "fraud.onnx"),
        ("my model.onnx", "my%20model.onnx"),
    ],
)
def test_places_are_relative(copied, artifact, uri):
    run = run_of(copied, artifact=artifact)
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert {place["artifactLocation"]["uri"] for place in places} == {uri}
    assert "/ann" not in json.dumps(run) and "secret" not in json.dumps(run)
    assert run["automationDetails"]["id"] == f"hingeline-audit/{uri}/"


def test_rules_have_ids_in_order_and_say_what_to_do():
    assert [rule.identifier for rule in RULES] == [f"HL{n:03}" for n in range(1, len(RULES) + 1)]
    assert all(rule.help and rule.short.endswith(".") for rule in RULES)
    assert all("security" in rule.tags for rule in RULES)
    assert {"AML.T0024", "AML.T0040"} <= set(RULES[0].tags)


@pytest.mark.parametrize("status", list(Status))
def test_exit_codes_are_those_of_the_command_line(status):
    assert _exit_code(status, ()) == status_code(str(status))


def test_what_code_scanning_requires_is_there(copied):
    odd = replace(copied, outcome=Outcome(Status.PARTIAL, "something is missing"))
    run = run_of(odd, ["leak.layers>=1"])
    assert run["invocations"][0]["exitCode"] == 1
    for result in run["results"]:
        assert result["message"]["text"]
        assert RULES[result["ruleIndex"]].identifier == result["ruleId"]
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 1
        assert "primaryLocationLineHash" in result["partialFingerprints"]


def test_a_number_from_below_is_called_so(copied):
    policy = read_policies(["leak.layers>=7"])[0].judge({"leak.layers": AtLeast(2)})
    results = json.loads(sarif_text(copied, [policy], "m.onnx"))["runs"][0]["results"]
    assert results[0]["message"]["text"].endswith("leak.layers is at least 2.")


def test_the_schema_refuses_what_is_no_sarif(copied):
    log = json.loads(sarif_text(copied, (), "m.onnx"))
    del log["runs"][0]["tool"]["driver"]["name"]
    assert not VALID.is_valid(log)
