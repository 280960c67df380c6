"""Stacks come back from disk bit for bit, and are never taken for networks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from hingeline.core.errors import FormatError, InvalidInput
from hingeline.networks.loading import load_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import read_provenance, save_safetensors
from hingeline.renormalisation.stacks.stack import StochasticStack
from hingeline.renormalisation.stacks.storage import is_stack_file, load_stack, save_stack

RNG = np.random.default_rng(0)
WEIGHTS = [RNG.standard_normal((3, 4)), RNG.standard_normal((2, 3)).T.copy().T]
BIASES = [RNG.standard_normal(3), RNG.standard_normal(2)]


@pytest.mark.parametrize("head", ["softmax", "units"])
def test_a_stack_comes_back_bit_for_bit(head: str, tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    save_stack(StochasticStack(WEIGHTS, BIASES, head, "mine"), path, {"seed": 3})  # type: ignore[arg-type]
    again = load_stack(path)
    assert (again.head, again.name) == (head, "mine")
    assert all((a == b).all() for a, b in zip(again.weights, WEIGHTS, strict=True))
    assert all((a == b).all() for a, b in zip(again.biases, BIASES, strict=True))
    assert read_provenance(path) == {"seed": 3}
    assert is_stack_file(path)


def test_networks_and_stacks_are_told_apart(tmp_path: Path) -> None:
    stack, network, plain = (tmp_path / f"{name}.safetensors" for name in ("stack", "network", "plain"))
    save_stack(StochasticStack(WEIGHTS, BIASES), stack)
    save_safetensors(PiecewiseLinearNetwork(WEIGHTS, BIASES), network)
    save_file({"W0": WEIGHTS[0], "b0": BIASES[0]}, plain)
    with pytest.raises(FormatError, match="a stack of stochastic layers"):
        load_network(stack)
    with pytest.raises(FormatError, match="a network of ReLUs"):
        load_stack(network)
    with pytest.raises(FormatError, match="does not say that it is a stack"):
        load_stack(plain)
    assert [is_stack_file(path) for path in (stack, network, plain, tmp_path / "none")] == [True] + 3 * [
        False
    ]


@pytest.mark.parametrize(
    ("metadata", "arrays", "words"),
    [
        ({"schema": "9", "head": "units"}, {}, "upgrade"),
        ({"schema": "1", "head": "crown"}, {}, "'crown'"),
        ({"schema": "1", "head": "units"}, {"W1": np.ones((2, 2))}, "wants arrays"),
        ({"schema": "1", "head": "units"}, {"b0": np.zeros(3, np.float32)}, "not float64"),
        ({"schema": "1", "head": "units"}, {"b0": np.zeros(2)}, "is not a stack"),
    ],
)
def test_damaged_stacks_are_refused(metadata: dict, arrays: dict, words: str, tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    tensors = {"W0": WEIGHTS[0], "b0": BIASES[0], **arrays}
    save_file(tensors, path, {"format": "hingeline.stack", **metadata})
    with pytest.raises(FormatError, match=words):
        load_stack(path)


def test_what_is_no_tensor_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    path.write_bytes(b"nothing of the kind")
    assert not is_stack_file(path)
    with pytest.raises(FormatError, match="not a readable"):
        load_stack(path)


def _crafted(path: Path, **changed: str) -> Path:
    """A file of a stack whose header was altered by hand: metadata, or the type of the first matrix."""
    save_stack(StochasticStack(WEIGHTS, BIASES), path)
    whole = path.read_bytes()
    size = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + size])
    if "dtype" in changed:
        header["W0"] |= {"dtype": changed["dtype"], "shape": [3, 4 * (8 // int(changed["bytes"]))]}
    else:
        header["__metadata__"] |= changed
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + whole[8 + size :])
    return path


@pytest.mark.parametrize(
    "changed",
    [
        {"schema": "9" * 5000},
        {"schema": "0"},
        {"schema": "-1"},
        {"schema": ""},
        {"dtype": "BF16", "bytes": "2"},
        {"dtype": "F8_E4M3", "bytes": "1"},
        {"dtype": "I64", "bytes": "8"},
    ],
)
def test_files_of_other_hands_are_refused_in_our_words(changed: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"schema|float64"):
        load_stack(_crafted(tmp_path / "odd.safetensors", **changed))


SMALL = StochasticStack([np.eye(2), np.eye(2)], [np.zeros(2), np.zeros(2)])


@pytest.mark.parametrize("path", [None, 5, "a\0b.safetensors", "", "/"])
def test_places_that_cannot_be_written_to_are_refused_in_our_words(path: Any) -> None:
    with pytest.raises(InvalidInput):
        save_stack(SMALL, path)


@pytest.mark.parametrize("path", [None, 5, "a\0b.safetensors"])
def test_what_names_no_file_cannot_be_read(path: Any) -> None:
    with pytest.raises((InvalidInput, FormatError)):
        load_stack(path)


@pytest.mark.parametrize("name", [None, 7, b"stack"])
def test_the_name_of_a_stack_is_text(name: Any) -> None:
    with pytest.raises(InvalidInput, match="name of a stack is text"):
        StochasticStack([np.eye(2)], [np.zeros(2)], "units", name)


def test_a_name_that_no_file_can_hold_is_refused_when_it_is_written(tmp_path: Path) -> None:
    strange = StochasticStack([np.eye(2)], [np.zeros(2)], "units", "\ud800")
    with pytest.raises(InvalidInput, match="cannot write"):
        save_stack(strange, tmp_path / "stack.safetensors")
