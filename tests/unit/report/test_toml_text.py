"""What is written as TOML is read back as it was."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hingeline.core.errors import InvalidInput
from hingeline.report.toml_text import toml_text

# Half of a surrogate pair is no text and cannot be written as UTF-8.
texts = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
values = texts | numbers | st.booleans() | st.lists(texts | numbers, max_size=3)
tables = st.dictionaries(texts, values, min_size=1, max_size=4)


@given(st.dictionaries(texts, values | tables, max_size=5))
def test_a_document_comes_back_as_it_was(document: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(document)) == document


def test_what_is_absent_is_left_out() -> None:
    assert tomllib.loads(toml_text({"a": None, "b": {}, "c": {"d": None, "e": 1}})) == {"c": {"e": 1}}


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(InvalidInput, match="type object"):
        toml_text({"a": object()})
