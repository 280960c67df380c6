"""The page about the monitor says what its script measured."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "papers" / "query-monitor.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["monitor-honest", "monitor-attacks"])
def test_every_table_about_the_monitor_is_the_one_that_was_measured(name: str) -> None:
    told = json.loads((ROOT / "docs" / "figures" / "monitor.json").read_text(encoding="utf-8"))
    block = re.search(rf"<!-- {name}:start -->\n(.*?)<!-- {name}:end -->", PAGE, re.DOTALL)
    assert block is not None
    assert block[1].splitlines() == told["tables"][name]
    assert not told["quick"] and len(told["numbers"]) == 5
