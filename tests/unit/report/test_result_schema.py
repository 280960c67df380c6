"""`result.json` is what its schema says; no key or type goes away unless the schema's number is raised."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest
from referencing import Registry, Resource
from stored_results import RUNS, STORE, place

import hingeline as hl
from hingeline.report.machine import result_text
from hingeline.report.schema import audit_schema, result_schema

AUDIT, RESULT = audit_schema(), result_schema()
KNOWN = Registry().with_resource("audit.schema.json", Resource.from_contents(AUDIT))
VALID = jsonschema.Draft202012Validator(RESULT, registry=KNOWN)


def paths(value, at=""):
    """Where there is something in a JSON value, and of which type; lists are told by their items."""
    if isinstance(value, dict):
        return {found for key, item in value.items() for found in paths(item, f"{at}.{key}")} | {
            (at, "object")
        }
    if isinstance(value, list):
        return {found for item in value for found in paths(item, f"{at}[]")} | {(at, "list")}
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return {(at, "number" if number else type(value).__name__)}


@pytest.fixture(scope="module", params=RUNS)
def fresh(request):
    return request.param, json.loads(result_text(RUNS[request.param]()))


def test_the_schemas_are_schemas():
    for schema in (AUDIT, RESULT):
        jsonschema.Draft202012Validator.check_schema(schema)


def test_what_a_verb_writes_is_valid(fresh):
    VALID.validate(fresh[1])


def test_what_was_stored_for_this_schema_is_still_written(fresh):
    # A key is gone or has another type: raise SCHEMA (report/machine.py, or auditing/audit.py), then write
    # the new example with stored_results.py. Keys may come without that.
    verb, written = fresh
    stored = json.loads(place(verb).read_text(encoding="utf-8"))
    assert paths(stored) - paths(written) == set()


@pytest.mark.parametrize("path", sorted(STORE.glob("*.json")), ids=lambda path: path.name)
def test_stored_results_stay_valid(path: Path):
    if path in map(place, RUNS):
        VALID.validate(json.loads(path.read_text(encoding="utf-8")))
    else:  # of an older schema, which readers must be able to tell
        assert not VALID.is_valid(json.loads(path.read_text(encoding="utf-8")))


def test_an_audit_that_ended_early_is_valid_too():
    for budget in (1, 10, 60):
        finding = hl.audit(hl.oracle(lambda x: x[:, :2] ** 2, input_dim=3), budget=budget)
        VALID.validate(json.loads(result_text(finding)))


@pytest.mark.parametrize(
    "change",
    [
        lambda result: result.pop("queries"),
        lambda result: result.update(queries="12"),
        lambda result: result.update(new=1),
        lambda result: result.update(schema=2),
        lambda result: result["outcome"].update(status="fine"),
        lambda result: result["evidence"].pop("leak"),
        lambda result: result["evidence"].update(audit_schema=0),
        lambda result: result["evidence"]["leak"]["layers"][0].pop("digits"),
        lambda result: result["evidence"]["plan"]["stages"][0].update(least=None),
        lambda result: result["evidence"]["measures"].pop("leak.copy"),
        lambda result: result["evidence"]["stages"][0].pop("doubt"),
    ],
)
def test_a_result_of_another_shape_is_refused(change):
    result = json.loads(place("audit").read_text(encoding="utf-8"))
    VALID.validate(result)
    changed = copy.deepcopy(result)
    change(changed)
    assert not VALID.is_valid(changed)
