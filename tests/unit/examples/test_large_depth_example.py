"""The large-network examples run at a small size, and the extraction's page tells every layer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from hingeline.networks.loading import load_network

SCRIPTS = Path(__file__).resolve().parents[3] / "examples" / "depth"


def ran(script: str, *words: object, expected: int = 0) -> str:
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPTS / script), *map(str, words)]
    done = subprocess.run(command, env=one_thread, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == expected, done.stderr
    return done.stdout


def test_a_trained_network_is_extracted_and_told_layer_by_layer(tmp_path: Path) -> None:
    file, journal, out = tmp_path / "n.npz", tmp_path / "n.sqlite", tmp_path / "n.json"
    assert "fresh images right" in ran("train_large.py", file, "--widths", 30, 10, 6, 4, "--steps", 60)
    first = ran("large.py", file, "--budget", 20000, "--journal", journal, "--out", out)
    assert "layer 1: 10 measured" in first
    assert "layer 2: 6 measured" in first
    assert json.loads(out.read_text(encoding="utf-8"))["verification"]["worst_ratio"] <= 1


def test_a_budget_that_ends_is_said_and_nothing_is_claimed(tmp_path: Path) -> None:
    file = tmp_path / "n.npz"
    ran("train_large.py", file, "--widths", 30, 10, 6, 4, "--steps", 20)
    told = ran("large.py", file, "--budget", 200, expected=5)
    assert "budget" in told
    assert "complete" not in told


def test_layers_found_within_a_budget_are_kept_and_held_against_the_network(tmp_path: Path) -> None:
    file, rows = tmp_path / "n.npz", tmp_path / "rows.npz"
    ran("train_large.py", file, "--widths", 60, 48, 20, 16, 12, 10, 6, "--steps", 20)
    told = ran("large.py", file, "--budget", 9000, "--rows", rows, expected=5)
    assert "found until then: 48 neurons of layer 1" in told
    assert "| 1 | 48 | 48 | 0 | 100.0% |" in told
    assert load_network(rows).weights[0].shape == (48, 60)


def test_images_of_the_full_size_are_drawn_too(tmp_path: Path) -> None:
    told = ran("train_large.py", tmp_path / "n.npz", "--widths", 3072, 8, 10, "--steps", 3)
    assert "3072-8-10" in told
