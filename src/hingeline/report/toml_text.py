"""Writes the small part of TOML that a run folder needs; the standard library only reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from hingeline.core.errors import InvalidInput

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_DELETE = "\x7f"  # the one control character that JSON leaves bare and TOML does not


def toml_text(document: Mapping[str, Any]) -> str:
    """`document` as TOML: single values first, then one table for each mapping in it.

    Args:
        document: Keys to text, numbers, truth values, lists of these, or mappings of the same kind. None and
            empty mappings are left out.

    Raises:
        InvalidInput: A value has no form in TOML.
    """
    return "\n".join(_lines(document, ())) + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    kept = {key: value for key, value in table.items() if value is not None}
    plain = {key: value for key, value in kept.items() if not isinstance(value, Mapping)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key, inner in kept.items():
        if isinstance(inner, Mapping) and inner:
            below = (*path, _key(key))
            lines += ["", f"[{'.'.join(below)}]", *_lines(inner, below)]
    return lines


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    raise InvalidInput(f"a value of type {type(value).__name__} cannot be written to run.toml")


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace(_DELETE, "\\u007f")
