"""`hingeline stability` as it is typed: options, targets, refusals, run folder, resuming."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, NoReturn

import click
import numpy as np
import pytest

from hingeline.cli import demo as demo_module
from hingeline.cli import stability as command_module
from hingeline.cli import stability_run as run_module
from hingeline.core.events import Event, PhaseStarted
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import save_npz
from hingeline.renormalisation.settings import DECLARED, ONLY_OF_STACKS, OPERATORS, StabilitySettings
from hingeline.renormalisation.stacks.stack import StochasticStack
from hingeline.renormalisation.stacks.storage import save_stack

DIM = 4
QUICK = ("--samples", "400", "--samples-per-answer", "50", "--closely", "1", "--curve-inputs", "3")
QUICK = (*QUICK, "--random-directions", "3", "--permutations", "3")
MODULE = """
from pathlib import Path
import numpy as np
from hingeline.renormalisation.stacks.storage import load_stack
stack = load_stack("stack.safetensors")
path = Path("stack.safetensors")
machine = lambda o, i: type("M", (), {"components_": np.ones((o, i)) / i, "intercept_hidden_": np.zeros(o)})()
told = lambda self, v: np.exp(v) / np.exp(v).sum(axis=1, keepdims=True)
head = type("H", (), {"coef_": np.eye(3), "intercept_": np.zeros(3), "predict_proba": told})()
pipeline = type("P", (), {"steps": [("a", machine(3, 4)), ("b", machine(3, 3)), ("c", head)]})()
function = lambda x: x[:, :2]
number = 5
"""


def a_stack() -> StochasticStack:
    rng = np.random.default_rng(811)
    shapes = ((5, DIM), (5, 5), (3, 5))
    return StochasticStack([rng.standard_normal(s) for s in shapes], [np.zeros(s[0]) for s in shapes])


@pytest.fixture
def run(shell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Type `hingeline stability stack.safetensors --data x.npy --out run` and more words."""
    save_stack(a_stack(), tmp_path / "stack.safetensors")
    made = random_network((DIM, 6, 3), seed=812)
    save_npz(PiecewiseLinearNetwork(made.weights, made.biases), tmp_path / "net.npz")
    np.save(tmp_path / "x.npy", np.random.default_rng(813).standard_normal((6, DIM)))
    # a name of its own for each test: Python keeps modules
    (tmp_path / f"named_{tmp_path.name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)

    def typed(*words: object, target: str = "stack.safetensors") -> int:
        named = target.replace("mods:", f"named_{tmp_path.name}:")
        return shell("stability", named, "--data", "x.npy", "--out", "run", *words)

    return typed


def strict(text: str) -> Any:
    """JSON as the standard has it, without NaN and Infinity."""

    def refuse(constant: str) -> NoReturn:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def test_options_and_their_help_agree_with_the_settings(shell: Any) -> None:
    assert (command_module._OPERATORS, command_module._DECLARED) == (OPERATORS, DECLARED)
    options = {o.name: o for o in command_module.command.params if isinstance(o, click.Option)}
    defaults = StabilitySettings().told()
    assert set(defaults) <= set(options)
    for name, default in defaults.items():
        help_text = options[name].help or ""
        assert help_text.startswith("Stacks: ") == (name in ONLY_OF_STACKS)
        assert isinstance(default, int) == (f"({default})" in help_text)
    assert shell("stability", "--help") == 0 and "--rate" not in shell.out


def test_a_run_keeps_arrays_result_report_and_figures(shell: Any, run: Any) -> None:
    np.save("y.npy", np.array([0, 1, 2, 0, 1, 2, 1]))
    assert run("--labels", "y.npy", "--rows", "4", *QUICK) in (0, 5)
    names = {path.name for path in Path("run").iterdir()}
    assert {"run.toml", "journal.sqlite", "result.json", "stability.npz", "report.html", "figures"} <= names
    with np.load("run/stability.npz") as kept:
        assert kept["points"].shape == kept["directions"].shape == (4, DIM)
        assert kept["labels"].tolist() == [0, 1, 2, 0]
    told = strict(Path("run/result.json").read_text())
    assert told["queries"] == 0 and told["evidence"]["diagnosis"]["summary"]["inputs"] == 4
    assert "stability.npz" in shell.out and list(Path("run/figures").glob("*.svg"))


def test_the_last_line_is_one_json_object_and_names_the_stack(shell: Any, run: Any) -> None:
    assert run(*QUICK, "--json") in (0, 5)
    told = strict(shell.out.splitlines()[-1])
    assert told["verb"] == "stability" and told["exit_code"] in (0, 5) and shell.err == ""
    assert "stability.npz" in told["files"] and "stack.safetensors" in json.dumps(told)


@pytest.mark.parametrize("target", ["mods:stack", "mods:path", "mods:pipeline"])
def test_what_a_module_names_is_read(shell: Any, run: Any, target: str) -> None:
    assert run(*QUICK, "--json", target=target) in (0, 5)
    assert shell.json["evidence"]["diagnosis"]["summary"]["kind"] == "stack"


def test_a_network_is_read_and_has_no_settings_of_stacks(shell: Any, run: Any) -> None:
    words = ("--samples", "500", "--identify", "collective")
    assert run(*words, target="net.npz") == 2
    assert "samples" in shell.err and "no effect" in shell.err and not Path("run").exists()
    assert run("--curve-inputs", "3", "--random-directions", "3", "--json", target="net.npz") in (0, 5)
    assert shell.json["evidence"]["diagnosis"]["summary"]["kind"] == "network"


FILES: dict[str, Any] = {
    "wide.npy": np.zeros((3, DIM + 1)),
    "none.npy": np.zeros((0, DIM)),
    "nan.npy": np.full((2, DIM), np.nan),
    "few.npy": np.zeros(5),
    "many.npy": np.zeros(7),
    "high.npy": np.full(6, 3),
    "half.npy": np.full(6, 0.5),
}


@pytest.mark.parametrize(
    ("target", "words", "told"),
    [
        ("", ("--data", "gone.npy"), "cannot read gone.npy"),
        ("", ("--data", "wide.npy"), "is one column a label?"),
        ("", ("--data", "none.npy"), "holds no rows"),
        ("", ("--data", "nan.npy"), "not finite"),
        ("", ("--labels", "few.npy"), "holds 5 labels for 6 inputs"),
        ("", ("--labels", "many.npy"), "holds 7 labels for 6 inputs"),
        ("", ("--labels", "high.npy"), "has the classes 0 to 2"),
        ("", ("--labels", "half.npy"), "whole numbers"),
        ("", ("--rows", "7"), "--rows 7"),
        ("", ("--samples", "399"), "--samples"),
        ("", ("--sizes", "1,-1"), "above 0"),
        ("", ("--sizes", "big"), "no list of numbers"),
        ("", ("--values", "0", "1"), "neither"),
        ("", ("--values", "1", "0"), "the smaller first"),
        ("", ("--operators", "spins"), "spins"),
        ("", ("--identify", "collective", "--operators", "pairs"), "class means or total"),
        ("", ("--rate", "3"), "--rate"),
        ("", ("--input-dim", "5"), "--input-dim 5"),
        ("gone.npz", (), "cannot read gone.npz"),
        ("gone.safetensors", (), "gone.safetensors"),
        ("gone.pkl", (), "no such file"),
        ("no_such_module:f", (), "no_such_module"),
        ("mods:function", (), "tells only answers"),
        ("mods:number", (), "got int"),
        ("http://127.0.0.1:9/v2/models/m", (), "tells only answers"),
        ("https://models.example/v2/models/m", ("--budget", "9"), "tells only answers"),
        ("journal.sqlite", (), "tells only answers"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_leaves_no_folder(
    shell: Any, run: Any, target: str, words: tuple[str, ...], told: str
) -> None:
    for name, content in FILES.items():
        np.save(name, content)
    assert run(*words, target=target or "stack.safetensors") == 2
    assert told in shell.err.replace("\n", " ")
    assert not Path("run").exists()


def test_a_budget_is_taken_and_told_to_limit_nothing(shell: Any, run: Any) -> None:
    assert run("--budget", "1", *QUICK) in (0, 5)
    assert "--budget limits nothing" in shell.err and "queries" not in shell.err


def test_a_recipe_can_be_typed_again(shell: Any, run: Any) -> None:
    assert run("--identify", "tied units", "--sizes", "0.5,2", *QUICK) in (0, 5)
    settings = tomllib.loads(Path("run/run.toml").read_text())["settings"]
    assert settings["identification"] == "tied units" and settings["sizes"] == [0.5, 2.0]
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert "--identify &#39;tied units&#39;" in page and "--sizes 0.5,2.0" in page


def test_a_stopped_run_is_done_again_with_the_same_result(
    shell: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run_module.stability

    def stopped(*given: Any, **named: Any) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module, "stability", stopped)
    assert run(*QUICK) == 130
    assert "hingeline resume run" in shell.err and not Path("run/result.json").exists()
    monkeypatch.setattr(run_module, "stability", whole)
    assert shell("resume", "run", "--json") in (0, 5)
    first = shell.json["evidence"]
    assert shell("resume", "run", "--json") in (0, 5)
    assert shell.json["evidence"] == first


def test_a_changed_stack_is_not_taken_for_the_old_one(shell: Any, run: Any) -> None:
    assert run(*QUICK) in (0, 5)
    save_stack(StochasticStack([np.eye(DIM), np.eye(DIM)], [np.zeros(DIM)] * 2), Path("stack.safetensors"))
    assert shell("resume", "run") == 2
    assert "has changed" in shell.err


def test_every_long_part_is_told_when_it_begins(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    whole = run_module.stability

    def watched(*given: Any, on_event: Any, **named: Any) -> Any:
        def sink(event: Event) -> None:
            if isinstance(event, PhaseStarted):
                told.append(event.phase)
            on_event(event)

        return whole(*given, on_event=sink, **named)

    monkeypatch.setattr(run_module, "stability", watched)
    assert run(*QUICK) in (0, 5)
    assert told[:3] == ["sensitive directions", "flip curves", "flips on the line"]
    assert "close looks/1 of 1" in told and any(name.startswith("class flows/class") for name in told)


def test_the_demo_measures_the_stack_that_comes_along(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_module, "_EVERY", 25)
    assert shell("demo", "--stability", "--keep") == 2 and "nothing is hidden" in shell.err
    assert shell("demo", "--stability", "--out", "shown", "--json") in (0, 5)
    told = shell.json["evidence"]["diagnosis"]["summary"]
    assert told["kind"] == "stack" and told["inputs"] == 8 and told["accuracy"] > 0.5
    assert shell.json["queries"] == 0 and Path("shown/report.html").exists()
