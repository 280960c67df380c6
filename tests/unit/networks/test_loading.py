"""`diff` takes networks, findings, paths and arrays; what is none of these is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from samples import random_network, scrambled

import hingeline as hl
from hingeline.core.errors import FormatError, InvalidInput
from hingeline.core.outcome import Finding, Outcome, Provenance, Spending, Status
from hingeline.networks.loading import as_network, load_network, save_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

NETWORK = random_network(5, 4, 2)


def finding(value: PiecewiseLinearNetwork | None) -> Finding[PiecewiseLinearNetwork]:
    outcome = Outcome(Status.COMPLETE, "made for a test")
    return Finding(value, outcome, {}, Spending(0, 0.0), Provenance("extract", "test", 0))


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".onnx", ".NPZ"])
def test_diff_reads_paths_of_every_format(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"m{suffix}"
    save_network(scrambled(NETWORK), path)
    assert hl.diff(NETWORK, path).equivalent
    assert hl.diff(str(path), path).max_parameter_error == 0


@pytest.mark.parametrize(
    "source",
    [
        NETWORK,
        finding(NETWORK),
        (NETWORK.weights, NETWORK.biases),
        [[w.tolist() for w in NETWORK.weights], [b.tolist() for b in NETWORK.biases]],
    ],
    ids=["network", "finding", "pair of arrays", "pair of lists"],
)
def test_diff_takes_networks_findings_and_pairs(source: Any) -> None:
    found = hl.diff(NETWORK, source)
    assert found.equivalent
    assert found.max_parameter_error == found.max_output_gap == 0


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (3, "want a network, a path or .*; got int"),
        (None, "the finding holds no network"),
        (finding(None), "the finding holds no network"),
        (([np.ones((2, 3))], [np.ones(3)]), "scikit-learn's coefs_ are"),
        (([["a"]], [[1.0]]), "are not a network"),
        (([[[1.0, 2.0], [3.0]]], [[1.0]]), "are not a network"),
        (([], []), "0 weight matrices"),
    ],
)
def test_what_is_no_network_is_refused(source: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        as_network(source)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("m.pt", "hold Python pickles"),
        ("m.h5", r"\.h5 is not a network file here; known are \.npz, \.safetensors, \.onnx"),
        ("m", "no suffix is not a network file"),
        ("absent.onnx", "No such file"),
    ],
)
def test_files_of_other_kinds_are_refused(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=words):
        load_network(tmp_path / name)


def test_saving_under_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"\.pkl is not a network file here"):
        save_network(NETWORK, tmp_path / "m.pkl")
