from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scripts import script

from hingeline.core.outcome import Finding, Outcome, Provenance, Spending, Status
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

honesty = script("honesty")
run = script("run")
span = script("span")


def finding(value: PiecewiseLinearNetwork | None, status: Status) -> Finding[PiecewiseLinearNetwork]:
    evidence: dict[str, Any] = {"verification": {"tolerance": 1e-9}}
    provenance = Provenance("extract", "t", 0)
    return Finding(value, Outcome(status, "said so"), evidence, Spending(77, 0.1), provenance)


def test_the_benchmark_writes_its_table_and_stores_every_run(tmp_path: Path) -> None:
    code = run.main(["random-small", "--only", "random_5-1-1_seed0", "--seeds", "2", "--out", str(tmp_path)])
    data = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert code == 0
    assert [entry["seed"] for entry in data["runs"]] == [0, 1]
    assert data["table"][0]["network"] == "random_5-1-1_seed0"
    assert "random 5-1-1 seed0" in (tmp_path / "results.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["odd"], "known are"),
        (["carlini"], "in which folder"),
        (["random-small", "--only", "odd"], "no such network"),
    ],
)
def test_what_cannot_be_run_is_said(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main([*arguments, "--out", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_wrong_ok_fails_the_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    liar = PiecewiseLinearNetwork([[[1.0] * 5]], [[0.0]])
    monkeypatch.setattr(run, "extract", lambda *_, **__: finding(liar, Status.COMPLETE))
    arguments = ["random-small", "--only", "random_5-1-1_seed0", "--out", str(tmp_path)]
    assert run.main(arguments) == 1


def test_a_sample_of_honesty_prints_counts_by_kind(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code = honesty.main(["--only", "5", "10", "--jobs", "1", "--out", str(tmp_path / "all.json")])
    printed = capsys.readouterr().out
    assert code == 0
    assert "unread" in printed
    assert "2 networks; wrongly ok: 0; false claims of any kind: 0" in printed
    assert [r["index"] for r in json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))] == [5, 10]


def test_a_liar_is_caught_with_the_command_that_repeats_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lie(oracle: Any, **_: Any) -> Finding[PiecewiseLinearNetwork]:
        network = PiecewiseLinearNetwork(
            [[[0.0] * oracle.spec.input_dim] * oracle.spec.output_dim], [[0.0] * oracle.spec.output_dim]
        )
        return finding(network, Status.COMPLETE)

    monkeypatch.setattr(honesty, "extract", lie)
    assert honesty.main(["--only", "0", "--jobs", "1", "--seed", "3"]) == 1
    printed = capsys.readouterr().out
    assert "BAD honesty_3_0_plain" in printed
    assert "--seed 3 --only 0" in printed
    assert "wrongly ok: 1" in printed


def test_a_crash_is_reported_and_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(honesty, "extract", crash)
    assert honesty.main(["--only", "0", "1", "--jobs", "1"]) == 1
    printed = capsys.readouterr().out
    assert printed.count("ZeroDivisionError: boom") == 2
    assert "CRASHED" in printed


def test_the_whole_benchmark_has_every_kind_equally_often_and_at_least_300_networks() -> None:
    assert honesty.COUNT >= 300
    assert honesty.COUNT % 13 == 0


def test_the_span_benchmark_writes_its_table_and_stores_every_run(tmp_path: Path) -> None:
    code = span.main(["--only", "20-4-3-1, one value", "--seeds", "2", "--out", str(tmp_path)])
    data = json.loads((tmp_path / "span.json").read_text(encoding="utf-8"))
    assert code == 0
    assert [(entry["seed"], entry["rank"]) for entry in data["runs"]] == [(0, 4), (1, 4)]
    assert "2 of 2" in (tmp_path / "span.md").read_text(encoding="utf-8")


def test_a_span_benchmark_that_does_not_exist_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert span.main(["--only", "odd"]) == 2
    assert "known are" in capsys.readouterr().err
