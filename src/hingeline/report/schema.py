"""JSON schemas (2020-12) of `result.json` and of an audit's evidence, made from the types that write them.

What a reader may rely on: keys that are required here stay, with their types, until the number of the schema
is raised. Evidence of the other verbs may gain keys at any time.

Cost: none; made when the documentation is written. Source: JSON Schema 2020-12.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any

from hingeline.auditing.audit import SCHEMA as AUDIT_SCHEMA
from hingeline.auditing.leak import LayerLeak
from hingeline.auditing.measures import MEASURES
from hingeline.auditing.plan import AuditPlan
from hingeline.auditing.policy import Verdict
from hingeline.auditing.record import Source
from hingeline.auditing.settings import PARTS
from hingeline.core.outcome import Status
from hingeline.probing.card import DoctorCard
from hingeline.report.machine import SCHEMA

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN: Mapping[Any, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}
_TEXT, _FLAG, _NUMBER = {"type": "string"}, {"type": "boolean"}, {"type": "number"}
_COUNT, _ANY_OBJECT = {"type": "integer", "minimum": 0}, {"type": "object"}
_MAYBE_NUMBER = {"type": ["number", "null"]}
_STAGES = ("door", "inputs", *PARTS)
_NOT_RUN = ("done", "left out", "budget spent")


def schema_text(schema: Mapping[str, Any]) -> str:
    """A schema as the file that holds it."""
    return json.dumps(schema, indent=1) + "\n"


def result_schema() -> dict[str, Any]:
    """Of `result.json`, whatever the verb; the line that `--json` prints has further keys."""
    outcome = {"ok": _FLAG, "status": _one_of(Status), "reason": _TEXT, "advice": _TEXT}
    shape = {
        "schema": {"const": SCHEMA},
        "verb": _TEXT,
        "target": _TEXT,
        "outcome": _strict(outcome),
        "queries": _COUNT,
        "seconds": {"type": "number", "minimum": 0},
        "queries_by_phase": _table(_COUNT),
        "seconds_by_phase": _table(_NUMBER),
        "evidence": _ANY_OBJECT,
        "seed": {"type": "integer"},
        "settings": _ANY_OBJECT,
        "sources": _list(_TEXT),
        "started": _NUMBER,
        "versions": _table(_TEXT),
    }
    of_doctor = {"properties": {"card": {"type": "object", "required": _names(DoctorCard)}}}
    told = [_evidence_of("audit", {"$ref": "audit.schema.json"}), _evidence_of("doctor", of_doctor)]
    return {"$schema": _DIALECT, "title": f"result.json, schema {SCHEMA}", **_strict(shape), "allOf": told}


def audit_schema() -> dict[str, Any]:
    """Of the evidence of an audit."""
    leak = {
        "complete": _FLAG,
        "whole_layers": _COUNT,
        "layers": _list(_of_class(LayerLeak)),
        "bits_per_1000_queries": _MAYBE_NUMBER,
        "queries": _COUNT,
    }
    policy = {"policy": _TEXT, "verdict": _one_of(Verdict), "seen": _MAYBE_NUMBER, "at_least": _FLAG}
    shape = {
        "audit_schema": {"const": AUDIT_SCHEMA},
        "plan": {"anyOf": [_plan(), {"type": "null"}]},
        "measures": _strict(dict.fromkeys(MEASURES, _MAYBE_NUMBER)),
        "known_from_below": _list({"enum": list(MEASURES)}),
        "leak": _strict(leak),
        "progress": _list({"type": "array", "items": _COUNT, "minItems": 3, "maxItems": 3}),
        "stages": _list(_stage()),
        "not_established": _list(_strict({"stage": {"enum": list(_STAGES)}, "reason": _TEXT})),
        "policies": _list(_strict(policy)),
    }
    title = f"evidence of an audit, schema {AUDIT_SCHEMA}"
    return {"$schema": _DIALECT, "title": title, **_strict(shape, optional=("policies",))}


def _stage() -> dict[str, Any]:
    shape = {
        "name": {"enum": list(_STAGES)},
        "source": _one_of(Source),
        "queries": _COUNT,
        "status": {"enum": sorted({*map(str, Status), *_NOT_RUN})},
        "reason": _TEXT,
        "advice": _TEXT,
        "evidence": _ANY_OBJECT,
        "doubt": _TEXT,
        "facts": _ANY_OBJECT,
        "seconds": _NUMBER,
    }
    return _strict(shape, optional=("evidence",))


def _plan() -> dict[str, Any]:
    described = _of_class(AuditPlan)["properties"]
    # what the clock told is left out of the evidence
    told = {name: said for name, said in described.items() if name != "seconds_per_request"}
    return _strict(told | {"least": _COUNT, "most": {"type": ["integer", "null"]}})


def _evidence_of(verb: str, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """What `evidence` holds if the verb is `verb`."""
    return {
        "if": {"properties": {"verb": {"const": verb}}},
        "then": {"properties": {"evidence": evidence}},
    }


def _strict(properties: Mapping[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object of these keys and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _list(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _table(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values}


def _one_of(words: type[StrEnum]) -> dict[str, Any]:
    return {"enum": [str(word) for word in words]}


def _names(described: Any) -> list[str]:
    return [field.name for field in fields(described)]


def _of_class(described: Any) -> dict[str, Any]:
    """A frozen dataclass as its `asdict` writes it."""
    hints = typing.get_type_hints(described)
    return _strict({field.name: _of_type(hints[field.name]) for field in fields(described)})


def _of_type(hint: Any) -> dict[str, Any]:
    kind: Any
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if is_dataclass(hint):
        return _of_class(hint)
    kind, inner = typing.get_origin(hint), typing.get_args(hint)
    if kind is types.UnionType and inner[1:] == (type(None),):
        return {"type": [_PLAIN[inner[0]], "null"]}
    if kind is tuple and inner[1:] == (Ellipsis,):
        return _list(_of_type(inner[0]))
    raise NotImplementedError(f"no schema is written for {hint}")
