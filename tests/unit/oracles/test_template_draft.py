from __future__ import annotations

import re
from pathlib import Path

import pytest

from hingeline.oracles.template_document import read_target
from hingeline.oracles.template_draft import draft_target


@pytest.mark.parametrize("input_dim", [None, 12])
def test_a_draft_can_be_read_as_it_is(tmp_path: Path, input_dim: int | None) -> None:
    path = tmp_path / "target.toml"
    path.write_text(draft_target("http://127.0.0.1:9/predict", input_dim))
    target = read_target(path)
    assert target.url == "http://127.0.0.1:9/predict"
    assert target.row_shape == (input_dim or 64,)


def test_every_line_of_a_draft_can_be_uncommented(tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    whole = re.sub(r"^# (?=\w+ = )", "", draft_target("http://127.0.0.1:9/predict", None), flags=re.MULTILINE)
    path.write_text(re.sub(r"^input_dim.*\n", "", whole, flags=re.MULTILINE))
    target = read_target(path)
    assert target.row_shape == (28, 28, 1)
    assert target.idempotent
