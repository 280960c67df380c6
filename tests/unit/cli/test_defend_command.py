"""`hingeline defend` as it is typed: options, refusals, run folder, resuming, figures that are not stated."""

from __future__ import annotations

import json
import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NoReturn

import click
import numpy as np
import pytest

from hingeline.cli import defend as command_module
from hingeline.cli import demo as demo_module
from hingeline.cli.main import COMMANDS
from hingeline.evaluation.defending import judging
from hingeline.evaluation.defending.robustness import StandingRun
from hingeline.evaluation.defending.settings import FEWEST_SEEDS, PARTS, DefendSettings
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import save_npz

DIM, ROWS = 4, 24
FEW = ("--seeds", "3", "--inputs", "6", "--steps", "5", "--restarts", "1", "--budget", "3000")
QUICK = (*FEW, "--defence", "round:2")
TRAINED = ("--train", "x.npy", "--train-labels", "y.npy")
STANDING = (*QUICK, "--parts", "robustness")
MODULE = """
import numpy as np
function = lambda x: np.maximum(x[:, :3], 0)
labels = lambda x: x.argmax(axis=1)
number = 5
"""


@pytest.fixture
def run(shell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Type `hingeline defend net.npz --data x.npy --out run` and more words."""
    for name, outputs in (("net.npz", 3), ("one.npz", 1)):
        made = random_network((DIM, 5, outputs), seed=921)
        save_npz(PiecewiseLinearNetwork(made.weights, made.biases), tmp_path / name)
    rng = np.random.default_rng(922)
    np.save(tmp_path / "x.npy", rng.standard_normal((ROWS, DIM)))
    np.save(tmp_path / "y.npy", np.arange(ROWS) % 3)
    (tmp_path / f"named_{tmp_path.name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)

    def typed(*words: object, target: str = "net.npz") -> int:
        named = target.replace("mods:", f"named_{tmp_path.name}:")
        return shell("defend", named, "--data", "x.npy", "--out", "run", *words)

    return typed


def strict(text: str) -> Any:
    """JSON as the standard has it, without NaN and Infinity."""

    def refuse(constant: str) -> NoReturn:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def rows_of(shell: Any) -> dict[str, Any]:
    """The grid of the last --json, by defence."""
    return {row["defence"]: row for row in shell.json["evidence"]["grid"]["rows"]}


def test_options_and_their_help_agree_with_the_settings(shell: Any) -> None:
    options = {o.name: o for o in command_module.command.params if isinstance(o, click.Option)}
    default = DefendSettings()
    chosen = {field.name for field in fields(DefendSettings)} - {"span_budget"}
    assert chosen <= set(options)
    for name in ("seeds", "inputs", "steps", "restarts", "repeats"):
        assert f"({getattr(default, name)})" in (options[name].help or "")
    assert f"({default.seconds:g})" in (options["seconds"].help or "")
    seeds = options["seeds"].type
    assert isinstance(seeds, click.IntRange) and seeds.min == FEWEST_SEEDS
    assert all(part in (options["parts"].help or "") for part in PARTS)


def test_help_says_what_is_judged_and_what_the_exit_codes_mean(shell: Any) -> None:
    assert shell("defend", "--help") == 0 and "defend" in COMMANDS
    told = " ".join(shell.out.split())
    assert "5 some figure of robustness is not stated" in told and "muldef:5" in told
    assert "No figure of robustness is told where a check of the attack failed" in told


def test_a_run_keeps_result_report_and_figure_and_shows_the_grid(shell: Any, run: Any) -> None:
    assert run("--labels", "y.npy", "--defence", "labels", *QUICK) in (0, 5)
    names = {path.name for path in Path("run").iterdir()}
    assert {"run.toml", "journal.sqlite", "result.json", "report.html", "figures"} <= names
    told = strict(Path("run/result.json").read_text())
    assert [row["defence"] for row in told["evidence"]["grid"]["rows"]] == ["none", "labels", "round:2"]
    assert Path("run/figures/defences.svg").exists() and Path("run/figures/defences.csv").exists()
    assert "unaware" in shell.out and "adaptive" in shell.out and " ? " in shell.out


def test_the_last_line_is_one_json_object(shell: Any, run: Any) -> None:
    assert run(*STANDING, "--json") in (0, 5)
    told = strict(shell.out.splitlines()[-1])
    stated = [row["robustness"]["stated"] for row in rows_of(shell).values()]
    assert told["verb"] == "defend" and told["exit_code"] == (0 if all(stated) else 5) and shell.err == ""
    assert told["out"].endswith("run") and "net.npz" in json.dumps(told)


def test_queries_are_those_of_the_extractions_and_searches(shell: Any, run: Any) -> None:
    assert run(*QUICK, "--parts", "leak,span", "--json") == 0
    asked = [
        told["queries"]
        for row in rows_of(shell).values()
        for told in (*row["leak"]["runs"], *row["leak"]["learned"], *row["span"]["runs"])
    ]
    assert shell.json["queries"] == sum(asked) > 0


def test_quiet_tells_the_result_alone(shell: Any, run: Any) -> None:
    assert run(*STANDING, "--quiet") in (0, 5)
    assert shell.err == "" and "What each defence buys" in shell.out


def test_a_door_that_only_answers_is_judged_without_its_weights(shell: Any, run: Any) -> None:
    words = (*QUICK, "--parts", "leak", "--json")
    assert run(*words, "--input-dim", DIM, target="mods:function") in (0, 5)
    assert rows_of(shell)["none"]["leak"]["neurons_in_all"] is None


def test_one_output_has_doors_of_its_own(shell: Any, run: Any) -> None:
    few = ("--parts", "robustness", "--seeds", "3", "--inputs", "2", "--steps", "2", "--repeats", "2")
    assert run(*few, "--json", target="one.npz") in (0, 5)
    named = set(rows_of(shell))
    assert "labels" in named and not any("top-k" in name for name in named)


FILES: dict[str, Any] = {
    "wide.npy": np.zeros((3, DIM + 1)),
    "none.npy": np.zeros((0, DIM)),
    "nan.npy": np.full((2, DIM), np.nan),
    "few.npy": np.zeros(5),
    "high.npy": np.full(ROWS, 3),
    "half.npy": np.full(ROWS, 0.5),
    "same.npy": np.zeros(ROWS),
    "flat.npy": np.zeros((2, DIM)),
}


@pytest.mark.parametrize(
    ("target", "words", "told"),
    [
        ("", ("--data", "gone.npy"), "cannot read gone.npy"),
        ("", ("--data", "wide.npy"), "is one column a label?"),
        ("", ("--data", "none.npy"), "holds no rows"),
        ("", ("--data", "nan.npy"), "not finite"),
        ("", ("--labels", "few.npy"), "holds 5 labels for 24 inputs"),
        ("", ("--labels", "high.npy"), "0 to 2"),
        ("", ("--labels", "half.npy"), "whole numbers"),
        ("", ("--rows", "99"), "--rows 99"),
        ("", ("--seeds", "1"), "--seeds"),
        ("", ("--seeds", "2"), "--seeds"),
        ("", ("--radius", "0"), "--radius"),
        ("", ("--inputs", "0"), "--inputs"),
        ("", ("--seconds", "0"), "--seconds"),
        ("", ("--budget", "0"), "--budget"),
        ("", ("--norm", "l7"), "--norm"),
        ("", ("--box", "1", "0"), "box"),
        ("", ("--box", "0", "0.1"), "box"),
        ("", ("--parts", "leak,taste"), "taste"),
        ("", ("--defence", "rund:2"), "Did you mean 'round:3'"),
        ("", ("--defence", "round"), "wants a number"),
        ("", ("--defence", "round:x"), "whole number"),
        ("", ("--defence", "labels:2"), "takes no number"),
        ("", ("--defence", "labels+softmax"), "put softmax first"),
        ("", (*TRAINED, "--defence", "robust+labels+softmax"), "put softmax first"),
        ("", ("--defence", "muldef:5"), "--train FILE and --train-labels FILE"),
        ("", ("--defence", "muldef:1"), "from 2 up"),
        ("", ("--defence", "robust:2"), "robust takes no value"),
        ("", ("--defence", "detector:magic"), "magic"),
        ("", ("--defence", "robust", "--train", "x.npy"), "go together"),
        ("", ("--defence", "robust", "--train", "x.npy", "--train-labels", "same.npy"), "one class only"),
        ("", ("--defence", "robust", "--train", "wide.npy", "--train-labels", "y.npy"), "column"),
        ("", ("--defence", "robust", "--train", "x.npy", "--train-labels", "few.npy"), "labels"),
        ("", ("--bogus",), "--bogus"),
        ("one.npz", ("--defence", "muldef:5"), "one output for each class"),
        ("gone.npz", (), "cannot read gone.npz"),
        ("no_such_module:f", (), "no_such_module"),
        ("mods:number", (), "of type int cannot be asked"),
        ("https://models.example/v2/models/m", ("--budget", "9"), "on another host"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_leaves_no_folder(
    shell: Any, run: Any, target: str, words: tuple[str, ...], told: str
) -> None:
    for name, content in FILES.items():
        np.save(name, content)
    assert run("--labels", "y.npy", *words, target=target or "net.npz") in (2, 6)
    assert told in " ".join(shell.err.split()) or target.startswith("https")
    assert not Path("run").exists()


def test_a_recipe_can_be_typed_again(shell: Any, run: Any) -> None:
    assert run("--norm", "l2", "--box", "-9", "9", "--radius", "0.5", *STANDING) in (0, 5)
    recipe = tomllib.loads(Path("run/run.toml").read_text())
    assert recipe["settings"]["defences"] == ["round:2"] and recipe["settings"]["box"] == [-9.0, 9.0]
    page = Path("run/report.html").read_text(encoding="utf-8")
    typed = ("--norm l2", "--radius 0.5", "--defence round:2", "--parts robustness", "--seeds 3")
    assert [words for words in typed if words not in page] == []


class Measured:
    """Counts what is measured; may stop before the n-th time."""

    def __init__(self, whole: Any, stop: int | None = None) -> None:
        self.whole, self.stop, self.times = whole, stop, 0

    def __call__(self, *given: Any) -> Any:
        if self.times == self.stop:
            raise KeyboardInterrupt
        self.times += 1
        return self.whole(*given)


def test_a_resumed_run_measures_only_what_was_not_finished(
    shell: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = judging.standing_run
    monkeypatch.setattr(judging, "standing_run", Measured(whole, stop=4))
    assert run(*STANDING) == 130
    assert "hingeline resume run" in shell.err and not Path("run/result.json").exists()
    again = Measured(whole)
    monkeypatch.setattr(judging, "standing_run", again)
    assert shell("resume", "run", "--json") in (0, 5)
    # two doors, three seeds each; four cells were finished before
    assert again.times == 2
    resumed = rows_of(shell)
    monkeypatch.setattr(judging, "standing_run", whole)
    assert run(*STANDING, "--out", "whole", "--json") in (0, 5)
    assert rows_of(shell) == resumed


def test_a_changed_network_is_not_taken_for_the_old_one(shell: Any, run: Any) -> None:
    assert run(*STANDING) in (0, 5)
    made = random_network((DIM, 5, 3), seed=923)
    save_npz(PiecewiseLinearNetwork(made.weights, made.biases), Path("net.npz"))
    assert shell("resume", "run") == 2
    assert "has changed" in shell.err


def test_a_figure_whose_checks_failed_is_not_stated_and_the_run_ends_with_5(
    shell: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = judging.standing_run

    def weak(case: Any, defence: Any, seed: int) -> StandingRun:
        told = whole(case, defence, seed)
        # an attack that finds nothing where a search without gradients finds all
        return told if defence is None else replace(told, adaptive=0.9, search=0.1, effort=0.9)

    monkeypatch.setattr(judging, "standing_run", weak)
    assert run(*STANDING) == 5
    line = next(line for line in shell.out.splitlines() if line.startswith("round:2"))
    assert "90 %" not in line and line.count("not") == 2
    assert "gradients" in shell.out and "round:2: no figure is stated" in shell.out
    told = strict(Path("run/result.json").read_text())
    weak_rows = [
        row["defence"] for row in told["evidence"]["grid"]["rows"] if not row["robustness"]["stated"]
    ]
    assert weak_rows[-1] == "round:2" and told["outcome"]["status"] == "partial"
    assert "round:2: a check of the attack failed" in told["outcome"]["reason"]
    assert "more --steps and --restarts" in told["outcome"]["advice"]


def test_trained_defences_take_their_data_from_files(shell: Any, run: Any) -> None:
    words = (*TRAINED, "--defence", "robust", "--json")
    assert run(*words, *STANDING, "--radius", "0.1") in (0, 5)
    assert set(rows_of(shell)) == {"none", "robust", "round:2"}


def test_the_demo_judges_four_doors_at_held_out_digits(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        demo_module, "_JUDGED", {"seeds": 3, "inputs": 4, "steps": 3, "parts": ["robustness"]}
    )
    assert shell("demo", "--defend", "--keep") == 2 and "nothing is hidden" in shell.err
    assert shell("demo", "--defend", "--stability") == 2 and "take one" in shell.err
    assert shell("demo", "--defend", "--out", "shown", "--json") in (0, 5)
    assert [*rows_of(shell)] == ["none", "round:4", "round:2", "labels"]
    assert rows_of(shell)["none"]["utility"]["accuracy"] > 0.9 and Path("shown/report.html").exists()
