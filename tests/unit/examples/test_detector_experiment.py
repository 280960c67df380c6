"""The experiment on the hidden-layer detector runs, reads IDX files, and the page says what was measured."""

from __future__ import annotations

import gzip
import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
NAME = "hidden-layer-detector"
SCRIPT = ROOT / "examples" / "defences" / "detector.py"
PAGE = (ROOT / "docs" / "papers" / f"{NAME}.md").read_text(encoding="utf-8")


def run(*words: object) -> subprocess.CompletedProcess[str]:
    every = [sys.executable, SCRIPT, *map(str, words)]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(every, env=one_thread, capture_output=True, text=True, check=False, timeout=300)


def write_idx(path: Path, values: np.ndarray, *, zipped: bool) -> None:
    raw = (
        b"\0\0\x08" + bytes([values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()
    )
    path.write_bytes(gzip.compress(raw) if zipped else raw)


def test_the_experiment_writes_a_figure_and_numbers(tmp_path: Path) -> None:
    done = run("--quick", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / f"{NAME}.json").read_text(encoding="utf-8"))
    assert told["quick"] and len(told["numbers"]["runs"]) == 1
    assert {path.suffix for path in tmp_path.iterdir()} == {".svg", ".csv", ".json"}


def test_files_of_mnist_are_read_zipped_or_not_and_others_refused(tmp_path: Path) -> None:
    sys.path.append(str(SCRIPT.parent))
    try:
        from detector import read_idx
    finally:
        sys.path.remove(str(SCRIPT.parent))
    images = np.random.default_rng(1).integers(0, 256, (5, 4, 3)).astype(np.uint8)
    write_idx(tmp_path / "plain", images, zipped=False)
    write_idx(tmp_path / "packed.gz", images, zipped=True)
    assert np.array_equal(read_idx(tmp_path, "plain"), images)
    assert np.array_equal(read_idx(tmp_path, "packed"), images)
    (tmp_path / "short").write_bytes((tmp_path / "plain").read_bytes()[:-1])
    (tmp_path / "other").write_bytes(b"GIF89a")
    for name in ("short", "other", "none"):
        with pytest.raises(ValueError, match=name):
            read_idx(tmp_path, name)


@pytest.mark.parametrize("part", ["", "-attacks", "-radii", "-facts"])
def test_every_table_of_the_page_is_the_one_that_was_measured(part: str) -> None:
    told = json.loads((ROOT / "docs" / "figures" / f"{NAME}.json").read_text(encoding="utf-8"))
    block = re.search(rf"<!-- {NAME}{part}:start -->\n(.*?)<!-- {NAME}{part}:end -->", PAGE, re.DOTALL)
    assert block is not None
    assert block[1].splitlines() == told["tables"][f"{NAME}{part}"]
    assert not told["quick"]
