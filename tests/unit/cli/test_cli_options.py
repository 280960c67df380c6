"""Shared options: records of what was typed, and no word to another host without authorisation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from hingeline.cli.options import (
    Plan,
    TargetRequest,
    View,
    open_target,
    plan_options,
    remote_host,
    target_options,
    view_options,
)
from hingeline.core.errors import Refused


def typed(*words: str) -> dict[str, Any]:
    """What a verb gets when `words` are typed."""
    got: dict[str, Any] = {}

    @click.command
    @target_options
    @plan_options
    @view_options
    def command(**values: Any) -> None:
        got.update(values)

    command.main(list(words), standalone_mode=False)
    return got


def test_what_is_not_typed_is_at_its_default() -> None:
    assert typed("m.npz") == {"target": TargetRequest("m.npz"), "plan": Plan(), "view": View()}


def test_what_is_typed_arrives() -> None:
    got = typed("m.npz", "--bounds", "0", "1", "--budget", "50", "--seed", "7", "--json", "--out", "d")
    assert got["target"].bounds == (0.0, 1.0)
    assert got["plan"] == Plan(budget=50, seed=7, out=Path("d"))
    assert got["view"] == View(as_json=True)


@pytest.mark.parametrize(
    "words",
    [
        ("--out", ""),
        ("--seed", "-1"),
        ("--seed", "x"),
        ("--budget", "0"),
        ("--rate", "0"),
        ("--answers", "x"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(words: tuple[str, str]) -> None:
    with pytest.raises(click.UsageError):
        typed("m.npz", *words)


def test_a_random_seed_is_a_number_that_can_be_typed_again() -> None:
    seed = typed("m.npz", "--seed", "random")["plan"].seed
    assert typed("m.npz", "--seed", str(seed))["plan"].seed == seed


def test_flags_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINGELINE_BUDGET", "11")
    assert typed("m.npz")["plan"].budget == 11
    assert typed("m.npz", "--budget", "12")["plan"].budget == 12


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("model.npz", None),
        ("package.module:name", None),
        ("http://localhost:8000/v2/models/m", None),
        ("http://127.0.0.1:8000/v2/models/m", None),
        ("http://127.8.9.1/v2/models/m", None),
        ("http://[::1]:8000/v2/models/m", None),
        ("http://ml.internal:8000/v2/models/m", "ml.internal"),
        ("HTTPS://Example.org/v2/models/m", "example.org"),
        ("http://10.0.0.1/v2/models/m", "10.0.0.1"),
        ("http://localhost.example.org/v2/models/m", "localhost.example.org"),
        ("http://127.0.0.1@example.org/v2/models/m", "example.org"),
        ("http://", "http://"),
    ],
)
def test_only_this_machine_is_not_remote(target: str, host: str | None) -> None:
    assert remote_host(target) == host


def test_the_url_inside_a_target_file_counts(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text('url = "https://example.org/predict"\n')
    assert remote_host(str(tmp_path / "t.toml")) == "example.org"


def test_another_host_is_not_contacted_without_authorisation() -> None:
    # A name that cannot exist (RFC 2606): contacting it would fail in another way than this.
    with pytest.raises(Refused, match="--i-am-authorised"):
        open_target(TargetRequest("http://hingeline.invalid/v2/models/m"))
