"""`hingeline diff`: the verdict first, exit codes a script can use, words for files that are no network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from hingeline.cli.diff import command
from hingeline.networks.loading import save_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

NETWORK = PiecewiseLinearNetwork([[[1.0, 2.0], [-1.0, 0.5]], [[3.0, -4.0]]], [[0.5, 0.25], [1.0]])
# Neurons swapped, one ten times as large; output weights undo both.
SAME = PiecewiseLinearNetwork([[[-1.0, 0.5], [10.0, 20.0]], [[-4.0, 0.3]]], [[0.25, 5.0], [1.0]])
LACKS_ONE = PiecewiseLinearNetwork([[[1.0, 2.0]], [[3.0]]], [[0.5], [1.0]])
# relu(z) = z + relu(-z), with z carried by two neurons.
BYPASS = PiecewiseLinearNetwork(
    [[[1.0, 2.0], [1.0, -0.5], [-1.0, 0.5], [1.0, -0.5]], [[3.0, -4.0, -4.0, 4.0]]],
    [[0.5, -0.25, 0.0, 0.0], [0.0]],
)
OTHER_INPUTS = PiecewiseLinearNetwork([[[1.0]]], [[0.0]])


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    networks = {"a": NETWORK, "same": SAME, "lacks": LACKS_ONE, "bypass": BYPASS, "inputs": OTHER_INPUTS}
    suffixes = {"a": "npz", "same": "onnx", "lacks": "safetensors", "bypass": "npz", "inputs": "npz"}
    paths = {name: tmp_path / f"{name}.{suffixes[name]}" for name in networks}
    for name, network in networks.items():
        save_network(network, paths[name])
    return paths


def diff(*words: object) -> tuple[int, str]:
    # Outside the group the command's return value is the exit code only with standalone mode off.
    result = CliRunner().invoke(command, [str(word) for word in words], standalone_mode=False)
    assert result.exception is None
    return result.return_value, result.output


@pytest.mark.parametrize(
    ("other", "code", "verdict"),
    [
        ("same", 0, "The same network up to neuron order and positive scale"),
        ("lacks", 1, "Different networks: neurons only in a: 1, only in b: 0."),
        ("bypass", 1, "but the same function on the sampled points."),
        ("inputs", 1, "Different networks: inputs of a: 2, of b: 1."),
    ],
)
def test_the_verdict_comes_first_and_the_exit_code_fits(
    other: str, code: int, verdict: str, files: dict[str, Path]
) -> None:
    ended, shown = diff(files["a"], files[other])
    assert ended == code
    assert verdict in shown.splitlines()[0]


def test_a_missing_neuron_is_named_with_its_row(files: dict[str, Path]) -> None:
    _, shown = diff(files["a"], files["lacks"])
    assert "Only in a:" in shown
    assert "layer 1 neuron W0[1]" in shown


def test_quiet_shows_the_verdict_alone(files: dict[str, Path]) -> None:
    assert len(diff(files["a"], files["same"], "--quiet")[1].splitlines()) == 1


@pytest.mark.parametrize(("other", "equivalent"), [("same", True), ("lacks", False), ("inputs", False)])
def test_json_is_the_last_line_and_holds_the_comparison(
    other: str, equivalent: bool, files: dict[str, Path]
) -> None:
    code, shown = diff(files["a"], files[other], "--json")
    told: dict[str, Any] = json.loads(shown.splitlines()[-1])
    assert told["equivalent"] is equivalent and told["exit_code"] == code == (0 if equivalent else 1)
    assert (told["max_parameter_error"] is None) is not equivalent
    assert told["verb"] == "diff" and told["a"] == str(files["a"])


def test_the_tolerance_decides(files: dict[str, Path], tmp_path: Path) -> None:
    near = PiecewiseLinearNetwork(NETWORK.weights, [NETWORK.biases[0], NETWORK.biases[1] + 1e-4])
    save_network(near, tmp_path / "near.npz")
    assert diff(files["a"], tmp_path / "near.npz")[0] == 1
    assert diff(files["a"], tmp_path / "near.npz", "--tolerance", "1e-3")[0] == 0


def test_neurons_that_differ_are_listed_worst_first(files: dict[str, Path], tmp_path: Path) -> None:
    weights = [NETWORK.weights[0] + np.array([[0.0, 0.0], [0.0, 0.1]]), NETWORK.weights[1]]
    save_network(PiecewiseLinearNetwork(weights, NETWORK.biases), tmp_path / "near.npz")
    shown = diff(files["a"], tmp_path / "near.npz")[1]
    assert "Matched neurons that differ, worst 1 of 1:" in shown
    assert "W0[1] of a is W0[1] of b, largest difference" in shown


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("absent.npz", None, "No such file"),
        ("junk.npz", b"junk", "a .npz is a zip archive, and this is not one"),
        ("junk.onnx", b"junk", "is not a readable ONNX model"),
        ("model.pkl", b"junk", "opening one runs any code inside it"),
        ("model.csv", b"1", "is not a network file here; known are .npz, .safetensors, .onnx"),
    ],
)
def test_files_that_are_no_network_end_with_2_and_words(
    name: str, content: bytes | None, words: str, files: dict[str, Path], shell: Any, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert shell("diff", files["a"], tmp_path / name) == 2
    assert words in shell.err and "Traceback" not in shell.err
    assert shell("diff", files["a"], tmp_path / name, "--json") == 2
    assert words in shell.json["outcome"]["reason"]


@pytest.mark.parametrize(
    ("other", "words", "certified"),
    [
        ("same", "Output gap at most", True),
        ("lacks", "Not certified, because layer 1: 1 neuron of a has no partner (largest seen", False),
        ("inputs", "Not certified, because inputs of a: 2, of b: 1.", False),
    ],
)
def test_a_box_adds_what_is_proved_of_the_gap_or_why_nothing_is(
    other: str, words: str, certified: bool, files: dict[str, Path]
) -> None:
    assert words in diff(files["a"], files[other], "--box", -1, 1)[1].splitlines()[1]
    told = json.loads(diff(files["a"], files[other], "--box", -1, 1, "--json")[1].splitlines()[-1])
    assert told["certificate"]["certified"] is certified
    assert (told["certificate"]["bound"] is not None) is certified


def test_a_box_must_be_a_range(files: dict[str, Path], shell: Any) -> None:
    assert shell("diff", files["a"], files["same"], "--box", "1", "-1") == 2
    assert "the smaller first" in shell.err
    assert "certificate" not in json.loads(diff(files["a"], files["same"], "--json")[1].splitlines()[-1])


def test_the_group_hands_the_exit_code_on(files: dict[str, Path], shell: Any) -> None:
    assert shell("diff", files["a"], files["same"]) == 0
    assert shell("diff", files["a"], files["lacks"]) == 1
    assert shell("diff", files["a"], files["same"], "--tolerance", "0") == 2
    assert shell("diff", files["a"]) == 2
