"""`hingeline extract --image CxHxW`: a convolution from the command line."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def saved_convolution(place: Path) -> None:
    """Two 2x2 filters on images of 1x6x5, and three outputs."""
    from hingeline.networks.convolution import ConvolutionLayer

    rng = np.random.default_rng(5)
    layer = ConvolutionLayer(rng.standard_normal((2, 1, 2, 2)), np.array([0.3, -0.2]), 1, 0, (1, 6, 5))
    weights, biases = layer.to_dense()
    output = rng.standard_normal((3, len(weights)))
    np.savez(place, W0=weights, b0=biases, W1=output, b1=np.zeros(3))


def test_the_image_is_kept_in_the_recipe_and_the_convolution_in_the_result(
    shell: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    saved_convolution(tmp_path / "images.npz")
    assert shell("extract", "images.npz", "--image", "1x6x5", "--out", "run") == 0
    assert tomllib.loads(Path("run/run.toml").read_text())["settings"]["image"] == [1, 6, 5]
    (first, _) = json.loads(Path("run/result.json").read_text())["evidence"]["architecture"]["layers"]
    assert (first["kind"], first["kernel"], first["sharing"]) == (
        "convolution", [2, 2], "confirmed at 20 positions",
    )  # fmt: skip


@pytest.mark.parametrize("image", ["6x5", "1x6x0", "1x6xfive", "1x6x5x1"])
def test_what_is_no_image_is_a_mistake_of_usage(shell: Any, image: str) -> None:
    assert shell("extract", "m.npz", "--image", image) == 2
    assert "want channels x rows x columns" in shell.err


def test_an_image_of_another_size_is_a_mistake_of_usage(shell: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    saved_convolution(tmp_path / "images.npz")
    assert shell("extract", "images.npz", "--image", "1x5x5", "--out", "run") == 2
    assert "a query row has 30" in shell.err
