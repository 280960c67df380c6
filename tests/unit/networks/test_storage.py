"""Networks on disk: what is written comes back, and what is no network is refused with what was seen."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from samples import random_network

from hingeline.core.errors import FormatError, InvalidInput
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import (
    load_npz,
    load_safetensors,
    read_provenance,
    save_npz,
    save_safetensors,
)

W, B = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.5, -0.5])
GOOD = {"W0": W, "b0": B}


def same_bits(a: PiecewiseLinearNetwork, b: PiecewiseLinearNetwork) -> bool:
    pairs = zip((*a.weights, *a.biases), (*b.weights, *b.biases), strict=True)
    return all(np.array_equal(x, y) for x, y in pairs)


@pytest.mark.parametrize("sizes", [(3, 2), (3, 4, 2), (1, 1, 1, 1), (7, 5, 6, 2)])
@pytest.mark.parametrize(("save", "load"), [(save_npz, load_npz), (save_safetensors, load_safetensors)])
def test_a_network_comes_back_bit_for_bit(
    save: Callable[..., None], load: Callable[..., PiecewiseLinearNetwork], sizes: Any, tmp_path: Path
) -> None:
    network = random_network(*sizes)
    save(network, tmp_path / "model")
    assert same_bits(load(tmp_path / "model"), network)


@pytest.mark.parametrize(("save", "load"), [(save_npz, load_npz), (save_safetensors, load_safetensors)])
def test_transposed_weights_are_stored_in_their_order(
    save: Callable[..., None], load: Callable[..., PiecewiseLinearNetwork], tmp_path: Path
) -> None:
    network = PiecewiseLinearNetwork([np.arange(6.0).reshape(2, 3).T], [np.zeros(3)])
    save(network, tmp_path / "model")
    assert load(tmp_path / "model").weights[0].tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize(("save", "load"), [(save_npz, load_npz), (save_safetensors, load_safetensors)])
def test_extreme_numbers_survive(
    save: Callable[..., None], load: Callable[..., PiecewiseLinearNetwork], tmp_path: Path
) -> None:
    network = PiecewiseLinearNetwork([[[5e-324, -0.0, 1.7e308, 0.1]]], [[np.nextafter(1, 2)]])
    save(network, tmp_path / "model")
    assert load(tmp_path / "model").weights[0].tobytes() == network.weights[0].tobytes()


def test_provenance_travels_with_the_safetensors_file(tmp_path: Path) -> None:
    save_safetensors(random_network(3, 2, 1), tmp_path / "m.safetensors", {"verb": "extract", "seed": 3})
    assert read_provenance(tmp_path / "m.safetensors") == {"verb": "extract", "seed": 3}
    with safe_open(tmp_path / "m.safetensors", framework="numpy") as file:
        assert file.metadata()["format"] == "hingeline.network"
        assert file.metadata()["sizes"] == "3-2-1"


def test_provenance_that_is_not_json_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="provenance must be JSON-ready"):
        save_safetensors(random_network(3, 2, 1), tmp_path / "m.safetensors", {"when": object()})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", ["float32", ">f8"])
def test_other_floats_that_convert_exactly_are_read(dtype: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", W0=W.astype(dtype), b0=B.astype(dtype))
    assert load_npz(tmp_path / "m.npz").weights[0].tolist() == W.tolist()


def test_a_single_value_beside_the_weights_is_a_note(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", **GOOD, accuracy=np.float64(0.97), trained_by=np.array("me"))
    assert load_npz(tmp_path / "m.npz").sizes == (2, 2)


BAD_ARRAYS: list[tuple[str, dict[str, Any], str]] = [
    ("nothing", {}, "missing W0, b0"),
    ("no bias", {"W0": W}, "missing b0"),
    ("no weights", {"b0": B}, "missing W0"),
    ("a gap", {**GOOD, "W2": W, "b2": B}, "missing W1, b1; not known here: W2, b2"),
    ("one bias too many", {**GOOD, "b1": B}, "not known here: b1"),
    ("other names", {"fc1.weight": W, "fc1.bias": B}, "not known here: fc1.bias, fc1.weight"),
    ("a leading zero", {"W00": W, "b00": B}, "not known here: W00, b00"),
    ("recorded answers", {"x": W, "y": B}, "a table of recorded answers"),
    ("float16", {"W0": W.astype(np.float16), "b0": B}, "W0 is float16; weights must be float64"),
    ("integers", {"W0": W.astype(np.int64), "b0": B}, "W0 is int64; weights must be float64"),
    ("NaN", {"W0": W * np.nan, "b0": B}, "layer 0 has NaN or infinite parameters"),
    ("infinite bias", {"W0": W, "b0": B + np.inf}, "layer 0 has NaN or infinite parameters"),
    (
        "a vector for a matrix",
        {"W0": W[0], "b0": B},
        r"weights \(2,\), biases \(2,\); want \(out, in\), \(out,\)",
    ),
    ("a bias of another length", {"W0": W, "b0": B[:1]}, r"weights \(2, 2\), biases \(1,\)"),
    (
        "layers that do not meet",
        {**GOOD, "W1": np.ones((1, 3)), "b1": np.ones(1)},
        "takes 3 inputs, but layer 0",
    ),
]


@pytest.mark.parametrize(
    ("arrays", "words"), [case[1:] for case in BAD_ARRAYS], ids=[c[0] for c in BAD_ARRAYS]
)
def test_npz_files_that_are_no_network_are_refused_with_what_was_seen(
    arrays: dict[str, Any], words: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "m.npz", **arrays)
    with pytest.raises(FormatError, match=words):
        load_npz(tmp_path / "m.npz")


@pytest.mark.parametrize(
    ("arrays", "words"), [case[1:] for case in BAD_ARRAYS], ids=[c[0] for c in BAD_ARRAYS]
)
def test_safetensors_files_that_are_no_network_are_refused_with_what_was_seen(
    arrays: dict[str, Any], words: str, tmp_path: Path
) -> None:
    save_file(arrays, tmp_path / "m.safetensors")
    with pytest.raises(FormatError, match=words):
        load_safetensors(tmp_path / "m.safetensors")


def _broken(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _truncated_npz(path: Path) -> Path:
    np.savez(path, W0=np.zeros((50, 50)), b0=np.zeros(50))
    return _broken(path, path.read_bytes()[:-500])


def _flipped_npz(path: Path) -> Path:
    np.savez(path, W0=np.ones((50, 50)), b0=np.zeros(50))
    content = bytearray(path.read_bytes())
    content[3000] ^= 0xFF
    return _broken(path, bytes(content))


def _objects_npz(path: Path) -> Path:
    np.savez(path, W0=np.array([[1.0], [2.0, 3.0]], dtype=object), b0=B)
    return path


def _foreign_zip(path: Path) -> Path:
    import zipfile

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("W0", "no array")
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path, "No such file"),
        (lambda path: path.parent, "is a directory"),
        (lambda path: _broken(path, b""), "is empty"),
        (lambda path: _broken(path, b"hello"), "a .npz is a zip archive, and this is not one"),
        (lambda path: _broken(path, pickle.dumps({"W0": 1})), "is not one"),
        (_truncated_npz, "not one|damaged"),
        (_flipped_npz, "damaged"),
        (_objects_npz, "holds Python objects"),
        (_foreign_zip, "damaged .npz file: its member 'W0' is no array"),
    ],
)
def test_what_is_not_a_npz_file_is_refused(make: Callable[[Path], Path], words: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=words):
        load_npz(make(tmp_path / "m.npz"))


@pytest.mark.parametrize("content", [b"hello world", b"\x00" * 64, b"\xff" * 64, b"PK\x03\x04" * 20])
def test_what_is_not_a_safetensors_file_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"not a readable \.safetensors file"):
        load_safetensors(_broken(tmp_path / "m.safetensors", content))
    with pytest.raises(FormatError, match="no readable provenance"):
        read_provenance(tmp_path / "m.safetensors")


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".pkl", ".joblib", ".PT"])
def test_pickles_are_refused_unopened(suffix: str, tmp_path: Path) -> None:
    path = _broken(tmp_path / f"m{suffix}", b"anything")
    for load in (load_npz, load_safetensors):
        with pytest.raises(FormatError, match="opening one runs any code inside"):
            load(path)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    save_file(GOOD, tmp_path / "m.safetensors", {"format": "hingeline.network", "schema": "2"})
    with pytest.raises(FormatError, match="schema '2'; this version reads up to 1: upgrade"):
        load_safetensors(tmp_path / "m.safetensors")


def test_a_place_that_cannot_be_written_is_an_error_in_words_and_leaves_nothing(tmp_path: Path) -> None:
    for save in (save_npz, save_safetensors):
        with pytest.raises(InvalidInput, match=r"cannot write .*No such file or directory"):
            save(random_network(2, 1), tmp_path / "absent" / "m")
        with pytest.raises(InvalidInput, match=r"cannot write .*"):
            save(random_network(2, 1), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.npz"
    save_npz(random_network(2, 1), path)
    before = path.read_bytes()

    def full_disk(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(InvalidInput, match="No space left on device"):
        save_npz(random_network(3, 1), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_provenance_is_json_text_in_the_metadata(tmp_path: Path) -> None:
    save_safetensors(random_network(2, 1), tmp_path / "m.safetensors", {"b": 1, "a": [1.5]})
    with safe_open(tmp_path / "m.safetensors", framework="numpy") as file:
        assert json.loads(file.metadata()["provenance"]) == {"a": [1.5], "b": 1}
