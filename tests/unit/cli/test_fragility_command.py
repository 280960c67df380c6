"""`hingeline fragility` as it is typed: options, files, run folder, a kill in the proof, an address."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Generator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from hingeline.cli.input_options import NORMS as CLICK_NORMS
from hingeline.evaluation.access_log import read_access_log
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import save_npz
from hingeline.sensitivity.attacks.named import SETS
from hingeline.sensitivity.settings import PARTS
from hingeline.sensitivity.threat import NORMS

DIM = 9
QUICK = ("--parts", "depth", "--attacks", "gradient ray")


def saved(path: Path, *, widths: tuple[int, ...] = (DIM, 10, 3), seed: int = 401) -> Path:
    made = random_network(widths, seed=seed)
    save_npz(PiecewiseLinearNetwork(made.weights, made.biases), path)
    return path


@pytest.fixture
def network_file(tmp_path: Path) -> Path:
    return saved(tmp_path / "net.npz")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(402).uniform(0.1, 0.9, (6, 3, 3)))
    return path


@pytest.fixture
def run(shell: Any, network_file: Path, data: Path) -> Any:
    """Type `hingeline fragility FILE --data FILE --out run` and more words."""
    return lambda *words: shell("fragility", network_file, "--data", data, "--out", "run", *words)


def strict(text: str) -> Any:
    """JSON as the standard has it, without NaN and Infinity."""

    def refuse(constant: str) -> NoReturn:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def test_the_command_knows_every_norm_and_help_names_every_option(shell: Any) -> None:
    assert CLICK_NORMS == NORMS
    assert shell("fragility", "--help") == 0
    options = ("data", "labels", "rows", "norm", "box", "free", "threshold", "attacks", "parts", "exact")
    for word in (*options, "nodes", "seconds", "workers", "ask", "json", "quiet"):
        assert f"--{word}" in shell.out


def test_a_run_keeps_arrays_result_report_and_figures(shell: Any, run: Any, data: Path) -> None:
    np.save("y.npy", np.array([0, 1, 2, 0, 1, 2]))
    assert run("--labels", "y.npy", "--rows", "4", "--box", "0", "1", "--workers", "1") == 0
    names = {path.name for path in Path("run").iterdir()}
    assert {"run.toml", "journal.sqlite", "result.json", "fragility.npz", "report.html", "figures"} <= names
    with np.load("run/fragility.npz") as kept:
        assert {n: kept[n].shape for n in ("points", "changes")} == {"points": (4, DIM), "changes": (4, DIM)}
        for name in ("classes", "flipped_to", "upper", "lower", "proved", "labels"):
            assert kept[name].shape == (4,)
        moved = kept["points"] + kept["changes"]
        np.testing.assert_allclose(np.linalg.norm(kept["changes"], axis=1), kept["upper"], rtol=1e-12)
        assert kept["proved"].all() and moved.min() >= 0 and moved.max() <= 1
    profile = strict(Path("run/result.json").read_text())["evidence"]["profile"]
    assert profile["inputs"] == 4 and profile["labels"] == [0, 1, 2, 0]
    assert Path("run/figures/standing.svg").exists() and "proved for all 4" in shell.out


@pytest.mark.parametrize("norm", NORMS)
def test_the_last_line_is_one_json_object_without_infinities(shell: Any, run: Any, norm: str) -> None:
    words = ("--norm", norm, "--seconds", "inf", "--rows", "1", "--nodes", "500", "--workers", "1")
    assert run(*words, *QUICK, "--json") in (0, 5)
    told = strict(shell.out.splitlines()[-1])
    assert told["verb"] == "fragility" and told["evidence"]["profile"]["norm"] == norm
    assert told["out"].endswith("run") and shell.err == ""


def test_quiet_tells_the_result_alone(shell: Any, run: Any) -> None:
    assert run(*QUICK, "--rows", "1", "--workers", "1", "--quiet") == 0
    assert shell.err == "" and "change class" not in shell.err and "The input changes class" in shell.out


def test_a_recipe_can_be_typed_again(run: Any, data: Path) -> None:
    words = ("--norm", "linf", "--box", "0", "1", "--no-exact", "--rows", "2", "--workers", "1")
    assert run(*words, *QUICK) == 5
    recipe = tomllib.loads(Path("run/run.toml").read_text())
    assert recipe["settings"] == {
        "norm": "linf",
        "box": [0.0, 1.0],
        "exact": False,
        "rows": 2,
        "workers": 1,
        "parts": ["depth"],
        "attacks": ["gradient ray"],
    }
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert "--norm linf" in page and "--no-exact" in page and f"--data {data}" in page


FILES: dict[str, Any] = {
    "wide.npy": np.zeros((3, DIM + 1)),
    "none.npy": np.zeros((0, DIM)),
    "nan.npy": np.full((2, DIM), np.nan),
    "bytes.npy": np.full((2, 3, 3), 200, dtype=np.uint8),
    "few.npy": np.zeros(5),
    "many.npy": np.zeros(7),
    "high.npy": np.full(6, 3),
    "below.npy": np.full(6, -1),
    "half.npy": np.full(6, 0.5),
    "rows.npy": np.eye(3)[[0, 1, 2, 0, 1, 2]],
    "fixed.npy": np.zeros(DIM),
    "shares.npy": np.full(DIM, 0.5),
    "two.npy": np.ones((2, DIM)),
}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--data", "gone.npy"), "cannot read gone.npy"),
        (("--data", "wide.npy"), "is one column a label?"),
        (("--data", "none.npy"), "holds no rows"),
        (("--data", "nan.npy"), "not finite"),
        (("--data", "bytes.npy", "--box", "0", "1"), "8-bit images? divide by 255"),
        (("--box", "0.5", "0.6"), "outside the box 0.5 to 0.6"),
        (("--box", "1", "0"), "the smaller first"),
        (("--box", "0", "nan"), "two finite ends"),
        (("--bounds", "0", "1", "--box", "-1", "1"), "leaves the target's bounds"),
        (("--labels", "few.npy"), "holds 5 labels for 6 inputs"),
        (("--labels", "many.npy"), "holds 7 labels for 6 inputs"),
        (("--labels", "high.npy"), "has the classes 0 to 2"),
        (("--labels", "below.npy"), "has the classes 0 to 2"),
        (("--labels", "half.npy"), "whole numbers"),
        (("--labels", "rows.npy"), "one number in each row"),
        (("--free", "fixed.npy"), "no coordinate that may change"),
        (("--free", "shares.npy"), "one row of 0 and 1"),
        (("--free", "two.npy"), "one row of 0 and 1"),
        (("--rows", "7"), "--rows 7"),
        (("--rows", "0"), "--rows"),
        (("--attacks", "hope"), "no attack is called 'hope'"),
        (("--attacks", "hope,"), "empty name"),
        (("--parts", "soul"), "no part is called soul"),
        (("--threshold", "nan"), "finite number"),
        (("--norm", "l3"), "l3"),
        (("--seconds", "0"), "--seconds"),
        (("--seconds", "nan"), "more than 0"),
        (("--nodes", "0"), "--nodes"),
        (("--workers", "0"), "--workers"),
        (("--budget", "0"), "--budget"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_leaves_no_folder(
    shell: Any, run: Any, words: tuple[str, ...], told: str
) -> None:
    for name, content in FILES.items():
        np.save(name, content)
    assert run(*words) == 2
    assert told in shell.err.replace("\n", " ")
    assert not Path("run").exists()


@pytest.mark.parametrize("target", ["gone.npz", "no_such_module:f"])
def test_a_target_that_is_missing_is_told(shell: Any, data: Path, target: str) -> None:
    assert shell("fragility", target, "--data", data, "--out", "run") == 2
    assert "cannot" in shell.err and not Path("run").exists()


def test_another_host_wants_an_authorisation(shell: Any, data: Path) -> None:
    assert shell("fragility", "https://models.example/v2/models/m", "--data", data) == 6
    assert "--i-am-authorised" in shell.err


def test_labels_may_go_on_beyond_the_rows_that_are_taken(shell: Any, run: Any) -> None:
    np.save("y.npy", np.zeros(6))
    words = ("--labels", "y.npy", "--rows", "1", "--no-exact", "--json")
    assert run(*words, *QUICK) == 5
    assert shell.json["evidence"]["profile"]["labels"] == [0]


def test_only_what_may_change_is_changed(shell: Any, run: Any) -> None:
    free = np.arange(DIM) % 2 == 0
    np.save("free.npy", free.astype(float))
    assert run("--free", "free.npy", "--rows", "2", *QUICK, "--workers", "1") in (0, 5)
    with np.load("run/fragility.npz") as kept:
        assert not kept["changes"][:, ~free].any()


def test_every_part_and_set_can_be_named(shell: Any, run: Any) -> None:
    words = ("--parts", ",".join(PARTS), "--attacks", next(iter(SETS)), "--rows", "2", "--workers", "1")
    assert run(*words, "--json") == 0
    assert set(PARTS) <= set(shell.json["evidence"]["profile"])


def test_what_is_only_asked_says_so_counts_and_is_resumed_with_more(shell: Any, run: Any) -> None:
    assert run("--ask", "--rows", "1", "--parts", "depth", "--budget", "250", "--json") == 4
    first = shell.json
    assert 0 < first["queries"] <= 250 and first["outcome"]["status"] == "budget spent"
    assert "of it were left" in first["outcome"]["reason"]
    assert shell("resume", "run", "--budget", "900", "--json") == 4
    assert 0 < shell.json["queries_from_journal"] <= first["queries"]
    database = sqlite3.connect("run/journal.sqlite")
    asked = database.execute("select sum(row_count) from intent").fetchone()[0]
    database.close()
    assert asked <= shell.json["queries"] + first["queries"] - shell.json["queries_from_journal"]
    assert shell("resume", "run", "--json") == 4
    assert shell.json["queries_from_journal"] == shell.json["queries"] <= 900


def decided(folder: Path) -> int:
    """Inputs whose proof is in the journal."""
    try:
        database = sqlite3.connect(f"file:{folder}/journal.sqlite?mode=ro", uri=True)
        count = database.execute("select count(*) from decision where phase = 'smallest flips'").fetchone()[0]
        database.close()
    except sqlite3.Error:
        return 0
    return int(count)


def test_a_run_killed_in_its_proof_goes_on_where_it_was(shell: Any, tmp_path: Path) -> None:
    hard = saved(tmp_path / "hard.npz", widths=(20, 32, 32, 4), seed=403)
    np.save("h.npy", np.random.default_rng(404).standard_normal((12, 20)))
    words = [str(hard), "--data", "h.npy", "--parts", "depth", "--attacks", "gradient ray", "--nodes", "600"]
    words += ["--workers", "1", "--seconds", "inf"]
    command = [sys.executable, "-m", "hingeline", "fragility", *words, "--out", "killed", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        while process.poll() is None and decided(Path("killed")) < 2:
            time.sleep(0.01)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    before = decided(Path("killed"))
    assert before >= 2 and not Path("killed/result.json").exists()
    assert shell("resume", "killed", "--json") in (0, 5)
    resumed = shell.json
    assert decided(Path("killed")) == 12
    assert shell("fragility", *words, "--out", "whole", "--json") in (0, 5)
    whole = shell.json
    for name in ("upper", "lower", "proved", "flipped_to"):
        assert resumed["evidence"]["profile"][name] == whole["evidence"]["profile"][name]
    with np.load("killed/fragility.npz") as one, np.load("whole/fragility.npz") as other:
        np.testing.assert_array_equal(one["changes"], other["changes"])


@pytest.fixture(params=[("--labels",), ("--round", "2"), ()], ids=["labels", "rounded", "values"])
def address(request: Any, network_file: Path) -> Generator[str]:
    words = ["serve", str(network_file), "--port", "0", "--json", "--access-log", "access.log"]
    command = [sys.executable, "-m", "hingeline", *words, *request.param]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        timer = threading.Timer(60, process.kill)
        timer.start()
        yield json.loads(process.stdout.readline())["url"]
        timer.cancel()
        process.terminate()
        process.wait(10)


def test_an_address_is_asked_and_both_sides_count_the_same(shell: Any, address: str, data: Path) -> None:
    words = ("--data", data, "--rows", "1", "--parts", "depth", "--attacks", "gradient ray,label search")
    assert shell("fragility", address, "--out", "run", *words, "--budget", "900", "--json") in (4, 5)
    assert shell.json["queries"] == read_access_log(Path("access.log")).rows_answered <= 900
    assert shell.json["evidence"]["profile"]["upper"][0] is not None
