"""A `result.json` read again: of this version's schema, or refused in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from hingeline.core.errors import FormatError, InvalidInput

SCHEMA = 1
"""The schema of results that this program writes and reads; `Finding.to_dict` says the same."""
_RESULT, _RECIPE = "result.json", "run.toml"


def result_file(run: Path) -> Path:
    """Where the result of a run lies.

    Args:
        run: The run folder, or the file itself.

    Raises:
        InvalidInput: There is no such run, or it has not ended.
    """
    if run.is_file():
        return run
    if (run / _RESULT).is_file():
        return run / _RESULT
    if (run / _RECIPE).is_file():
        raise InvalidInput(
            f"the run in {run} has not ended, so there is no {_RESULT}:  hingeline resume {run}"
        )
    raise InvalidInput(f"there is no run at {run}; want a run folder or a {_RESULT}")


def read_result(path: Path) -> dict[str, Any]:
    """What a `result.json` tells.

    Raises:
        FormatError: Not a result, or of another schema; the message says which.
        InvalidInput: It cannot be read.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError) as error:
        raise FormatError(f"{path} is no result: {error}") from error
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from error
    if not isinstance(told, dict) or "schema" not in told:
        raise FormatError(f"{path} is no result of hingeline: it tells no schema")
    found = cast("dict[str, Any]", told)
    if found["schema"] != SCHEMA:
        raise FormatError(
            f"{path} is of schema {found['schema']!r}, and this program reads {SCHEMA}: it was made by "
            "another version of hingeline. Use that version, or do the run again"
        )
    return found


def sources_of(path: Path) -> tuple[str, ...]:
    """The lines of sources that a `result.json` tells.

    Raises:
        FormatError: It tells none.
    """
    sources = read_result(path).get("sources")
    if not isinstance(sources, list):
        raise FormatError(f"{path} tells no sources")
    lines = cast("list[Any]", sources)
    if not all(isinstance(line, str) for line in lines):
        raise FormatError(f"{path} has sources that are no text")
    return tuple(lines)
