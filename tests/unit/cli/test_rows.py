"""Inputs come from .npy, .npz and .csv files, or the message says why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hingeline.cli.rows import read_rows
from hingeline.core.errors import FormatError, InvalidInput

ROWS = np.arange(12.0).reshape(3, 4)


def written(path: Path, array: Any, key: str = "x") -> Path:
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez(path, **{key: array})
    else:
        path.write_text(array)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.npy", ROWS),
        ("a.npy", ROWS.reshape(3, 2, 2)),
        ("a.npy", ROWS.astype(np.uint8)),
        ("a.npz", ROWS),
        ("a.csv", "0,1,2,3\n4,5,6,7\n8,9,10,11\n"),
        ("a.csv", "p,q,r,s\n0,1,2,3\n4,5,6,7\n\n8,9,10,11"),
        ("a.CSV", "\ufeff0,1,2,3\r\n4,5,6,7\r\n8,9,10,11\r\n"),
    ],
)
def test_rows_are_read(tmp_path: Path, name: str, content: Any) -> None:
    np.testing.assert_array_equal(read_rows(written(tmp_path / name, content), 4), ROWS)


def test_a_single_row_needs_no_axis_of_its_own(tmp_path: Path) -> None:
    assert read_rows(written(tmp_path / "a.npy", ROWS[0]), 4).shape == (1, 4)


@pytest.mark.parametrize(
    ("name", "content", "kind", "words"),
    [
        ("a.txt", "0,1,2,3", FormatError, "are read from .npy, .npz"),
        ("a.pkl", "x", FormatError, "not from this"),
        ("a.csv", "0,1,2,3\n4,5\n", FormatError, "not a readable .csv"),
        ("a.csv", "a,b,c,d\n", InvalidInput, "holds no rows"),
        ("a.csv", "a,b\nc,d\n", FormatError, "not a readable .csv"),
        ("a.npy", np.array([["a", "b"]]), FormatError, "real numbers are wanted"),
        ("a.npy", np.array([{}], dtype=object), FormatError, "not a readable .npy"),
        ("a.npy", ROWS * 1j, FormatError, "real numbers are wanted"),
        ("a.npy", np.zeros((0, 4)), InvalidInput, "holds no rows"),
        ("a.npy", np.float64(3.0), InvalidInput, "holds no rows"),
        ("a.npy", ROWS.T, InvalidInput, "rows of 3 numbers; the target takes 4; turned the other way round"),
        ("a.npy", np.zeros((3, 5)), InvalidInput, "is one column a label"),
        ("a.npy", np.zeros((3, 7)), InvalidInput, "rows of 7 numbers; the target takes 4$"),
        ("a.npy", np.where(ROWS == 6, np.nan, ROWS), InvalidInput, "row 1, counted from 0, is not finite"),
    ],
)
def test_what_cannot_be_read_is_told(
    tmp_path: Path, name: str, content: Any, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        read_rows(written(tmp_path / name, content), 4)


def test_an_archive_without_the_key_is_told_with_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no array named x; it holds images"):
        read_rows(written(tmp_path / "a.npz", ROWS, key="images"), 4)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_a_damaged_file_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 this is not what the ending says")
    with pytest.raises(FormatError, match="not a readable"):
        read_rows(tmp_path / name, 4)
