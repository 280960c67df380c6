"""What machines read: the finding as JSON, for `result.json` and for `--json`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hingeline.core.outcome import Finding
from hingeline.report.results import SCHEMA


def json_ready(value: Any) -> Any:
    """`value` with arrays as lists and numbers that JSON cannot carry (infinity, NaN) as words."""
    if isinstance(value, Mapping):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_ready(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return json_ready(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def result_text(finding: Finding[Any]) -> str:
    """The content of `result.json`: readable, keys in the order they are told."""
    return json.dumps(json_ready(finding.to_dict()), indent=1, allow_nan=False) + "\n"


def result_line(finding: Finding[Any], **circumstances: Any) -> str:
    """One line of JSON: the finding, and what the command line did with it (files, exit code)."""
    return json.dumps(json_ready(finding.to_dict() | circumstances), allow_nan=False)


def error_line(message: str, kind: str, exit_code: int) -> str:
    """One line of JSON for a run that ended before there was a finding."""
    outcome = {"ok": False, "status": "error", "reason": message, "advice": ""}
    return json.dumps({"schema": SCHEMA, "outcome": outcome, "error": kind, "exit_code": int(exit_code)})
