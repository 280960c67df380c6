"""A run folder: refused early, written whole, never contradicting itself."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest
from findings import NETWORK, finding

from hingeline.core.errors import InvalidInput
from hingeline.core.outcome import Status
from hingeline.networks.onnx_format import load_onnx
from hingeline.networks.storage import read_provenance
from hingeline.report.extraction import extraction_report
from hingeline.report.run_folder import RunFolder, next_free, short_name


def saved(folder: RunFolder, **told: Any) -> Any:
    found = finding(**told)
    return folder.save(found, extraction_report(found))


def test_everything_is_written_and_named(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    run = saved(RunFolder.reserve(tmp_path / "run"))
    written = {str(p.relative_to(tmp_path / "run")) for p in (tmp_path / "run").rglob("*") if p.is_file()}
    assert written == set(run.files) - {"run.toml", "journal.sqlite"}
    assert run.left_out == {}
    assert {
        "model.onnx",
        "model.safetensors",
        "result.json",
        "report.html",
        "figures/questions.svg",
    } <= written


def test_both_model_files_hold_the_network_and_its_origin(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    saved(RunFolder.reserve(tmp_path / "run"))
    copy = load_onnx(tmp_path / "run/model.onnx")
    assert all((a == b).all() for a, b in zip(copy.weights, NETWORK.weights, strict=True))
    assert read_provenance(tmp_path / "run/model.safetensors")["outcome"]["status"] == "complete"


def test_without_the_extra_the_onnx_file_is_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without_onnx(name: str, *rest: Any) -> Any:
        if name == "onnx":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_onnx)
    run = saved(RunFolder.reserve(tmp_path / "run"))
    assert 'pip install "hingeline[onnx]"' in run.left_out["model.onnx"]
    assert not (tmp_path / "run/model.onnx").exists()


def test_a_later_result_without_a_network_takes_the_old_model_away(tmp_path: Path) -> None:
    folder = RunFolder.reserve(tmp_path / "run")
    saved(folder)
    saved(folder, status=Status.INCONCLUSIVE, value=None)
    assert not (tmp_path / "run/model.safetensors").exists()
    assert json.loads((tmp_path / "run/result.json").read_text())["outcome"]["status"] == "inconclusive"


@pytest.mark.parametrize("name", ["run.toml", "journal.sqlite", "result.json", "model.onnx", "figures"])
def test_a_place_with_one_of_our_files_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(InvalidInput, match=f"already holds {name}"):
        RunFolder.reserve(tmp_path)


def test_other_files_in_the_place_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    RunFolder.reserve(tmp_path).abandon()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_abandoned_place_leaves_nothing_behind(tmp_path: Path) -> None:
    RunFolder.reserve(tmp_path / "a/b/c").abandon()
    assert not (tmp_path / "a").exists()


def test_a_place_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="cannot write"):
        RunFolder.reserve(tmp_path / "file" / "run")


def test_a_taken_name_gets_a_number(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo-2").mkdir()
    assert next_free(tmp_path / "demo") == tmp_path / "demo-3"


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("models/digits.npz", "digits"),
        ("http://localhost:8000/v2/models/fraud", "fraud"),
        ("package.module:name", "package"),
        ("http://localhost", "run"),
        ("../..", "run"),
    ],
)
def test_a_run_is_named_after_its_target(target: str, name: str) -> None:
    assert short_name(target) == name
