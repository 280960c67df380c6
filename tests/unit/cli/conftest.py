"""A small network on disk, and a command line whose words are caught."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pretend import pretend_extract

from hingeline.cli import runs
from hingeline.cli.main import main
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import save_npz

NETWORK = PiecewiseLinearNetwork([[[1.0, 2.0], [-1.0, 0.5]], [[3.0, -4.0]]], [[0.5, 0.25], [1.0]])


@pytest.fixture
def network() -> PiecewiseLinearNetwork:
    return NETWORK


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.npz"
    save_npz(NETWORK, path)
    return path


class Shell:
    """Runs command lines and keeps what they said."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self.out = self.err = ""

    def __call__(self, *words: object) -> int:
        code = main([str(word) for word in words])
        self.out, self.err = self._capture.readouterr()
        return code

    @property
    def json(self) -> Any:
        """The last line of standard output."""
        return json.loads(self.out.splitlines()[-1])


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(capsys)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let `extract` end as told."""

    def use(**told: Any) -> None:
        monkeypatch.setattr(runs, "extract", pretend_extract(**told))

    return use
