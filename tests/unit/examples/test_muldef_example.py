"""The MulDef experiment runs on digits and on files of MNIST's format, and writes what the page needs."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "examples" / "defences" / "muldef.py"
PAGE = (ROOT / "docs" / "papers" / "muldef.md").read_text(encoding="utf-8")


def run(*words: str | Path) -> None:
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, SCRIPT, "--quick", *words],
        env=one_thread, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def idx_file(path: Path, values: np.ndarray) -> None:
    head = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    path.write_bytes(gzip.compress(head + values.astype(np.uint8).tobytes()))


def test_the_experiment_writes_every_table_of_the_page(tmp_path: Path) -> None:
    run("--out", tmp_path)
    told = json.loads((tmp_path / "muldef.json").read_text(encoding="utf-8"))
    assert told["quick"] and [f"<!-- {name}:start -->" in PAGE for name in told["tables"]] == [True] * 4
    assert {path.suffix for path in tmp_path.iterdir()} == {".svg", ".csv", ".json"}


def test_files_of_the_idx_format_are_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for kind, count in (("train", 1000), ("t10k", 50)):
        labels = rng.integers(0, 10, count)
        images = np.zeros((count, 8, 8))
        images[np.arange(count), labels % 8, labels // 8] = 255
        idx_file(tmp_path / f"{kind}-images-idx3-ubyte.gz", images)
        idx_file(tmp_path / f"{kind}-labels-idx1-ubyte.gz", labels)
    run("--mnist", tmp_path, "--out", tmp_path / "out")
    told = json.loads((tmp_path / "out" / "muldef-mnist.json").read_text(encoding="utf-8"))
    assert told["mnist"] is True and str(tmp_path) not in json.dumps(told)
