"""`hingeline span` as it is typed: options, files, run folder, resuming, the obfuscated inputs."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pretend import BATCHES, ROWS
from pretend_span import pretend_span

from hingeline.cli import span as command_module
from hingeline.cli import span_run
from hingeline.core.errors import QueryFailed
from hingeline.core.outcome import Status
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import save_npz
from hingeline.subspace.settings import METHODS

DIM = 16
TOTAL = BATCHES * ROWS


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """Let `span` end as told; gives the list of what it was called with."""

    def use(**told: Any) -> list[dict[str, Any]]:
        seen: list[dict[str, Any]] = []
        monkeypatch.setattr(span_run, "span", pretend_span(seen=seen, **told))
        return seen

    return use


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """A network of 16 inputs whose answer depends on the first alone; its class changes at one half."""
    first = np.zeros((2, DIM))
    first[:, 0] = 1.0, -1.0
    path = tmp_path / "wide.npz"
    save_npz(PiecewiseLinearNetwork([first, [[5.0, -5.0], [-5.0, 5.0]]], [[0.0, 0.0], [-2.5, 2.5]]), path)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.npy"
    np.save(path, np.random.default_rng(0).uniform(0.2, 0.8, size=(5, 4, 4)))
    return path


def test_a_run_leaves_the_directions_beside_report_and_figures(shell: Any, scripted: Any, wide: Path) -> None:
    scripted()
    assert shell("span", wide, "--out", "run") == 0
    names = {path.name for path in Path("run").iterdir()}
    assert {"run.toml", "journal.sqlite", "result.json", "span.npz", "report.html", "figures"} <= names
    with np.load("run/span.npz") as kept:
        assert kept["basis"].shape == (DIM, 1)
    assert "The network looks at 1 of 16 directions" in shell.out
    assert Path("run/figures/growth.svg").exists()


def test_what_is_said_reaches_the_verb(shell: Any, scripted: Any, wide: Path, data: Path) -> None:
    (seen := scripted()).clear()
    words = ("--polish", "--quantum", "0.5", "--active", "7", "--moves", "9", "--box", "-1", "1")
    assert shell("span", wide, "--out", "run", "--data", data, "--method", "central", *words) == 0
    (wishes,) = seen
    settings = wishes["settings"]
    assert (settings.method, settings.polish, settings.quantum) == ("central", True, 0.5)
    assert (settings.active_points, settings.moves, wishes["box"]) == (7, 9, (-1.0, 1.0))
    assert wishes["data"].shape == (5, DIM)


def test_the_command_knows_every_method() -> None:
    assert command_module._METHODS == METHODS


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--method", "central", "--rank-only"), "does not go with --method central"),
        (("--obfuscate", "3"), "name one"),
        (("--obfuscate", "0"), "at least 1 row"),
        (("--obfuscate", "x.npy", "--rank-only"), "the directions must be known"),
        (("--target-image", "x.npy"), "with --obfuscate"),
        (("--sigma", "2"), "with --obfuscate"),
        (("--box", "1", "0"), "the smaller first"),
        (("--box", "0", "inf"), "two finite ends"),
        (("--data", "none.npy"), "none.npy"),
        (("--active", "0"), "--active"),
        (("--quantum", "1/0"), "such as 1/255"),
        (("--quantum", "-1"), "such as 1/255"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(
    shell: Any, scripted: Any, wide: Path, words: tuple[str, ...], told: str
) -> None:
    seen = scripted()
    assert shell("span", wide, "--out", "run", *words) == 2
    assert told in shell.err
    assert seen == []
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.COMPLETE, 0),
        (Status.PARTIAL, 5),
        (Status.INCONCLUSIVE, 5),
        (Status.BUDGET_SPENT, 4),
        (Status.REFUSED, 3),
    ],
)
def test_each_outcome_has_its_exit_code(
    shell: Any, scripted: Any, wide: Path, status: Status, code: int
) -> None:
    scripted(status=status)
    assert shell("span", wide, "--out", "run") == code
    assert str(status) in shell.out


def test_rank_only_is_a_method(shell: Any, scripted: Any, wide: Path) -> None:
    seen = scripted()
    assert shell("span", wide, "--rank-only", "--out", "run", "--json") == 0
    assert seen[0]["settings"].method == "rank"


def test_a_recipe_can_be_typed_again(shell: Any, scripted: Any, wide: Path, data: Path) -> None:
    scripted()
    assert shell("span", wide, "--out", "run", "--data", data, "--box", "0", "1", "--active", "5") == 0
    recipe = tomllib.loads(Path("run/run.toml").read_text())
    assert recipe["settings"] == {"box": [0.0, 1.0], "active": 5}
    assert recipe["files"]["data"]["path"] == str(data)
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert f"--box 0.0 1.0 --active 5 --data {data}" in page


def stop_at(batch: int, error: BaseException) -> Any:
    def interrupt(number: int) -> None:
        if number == batch:
            raise error

    return interrupt


def test_an_interrupted_span_is_resumed_with_all_it_was_told(
    shell: Any, scripted: Any, wide: Path, data: Path
) -> None:
    scripted(interrupt=stop_at(2, KeyboardInterrupt()))
    words = ("--data", data, "--moves", "9", "--box", "0", "1", "--obfuscate", "2")
    assert shell("span", wide, "--out", "run", *words) == 130
    assert "hingeline resume run" in shell.err
    seen = scripted()
    assert shell("resume", "run", "--json") == 0
    assert (seen[0]["settings"].moves, seen[0]["box"], seen[0]["data"].shape) == (9, (0.0, 1.0), (5, DIM))
    assert shell.json["queries_from_journal"] == 20
    assert shell.json["evidence"]["obfuscation"]["inputs"] == 2


@pytest.mark.parametrize(("change", "words"), [("other", "has changed"), ("gone", "is gone")])
def test_a_span_is_not_resumed_with_other_data(
    shell: Any, scripted: Any, wide: Path, data: Path, change: str, words: str
) -> None:
    scripted(interrupt=stop_at(1, QueryFailed("the door closed")))
    assert shell("span", wide, "--out", "run", "--data", data) == 3
    data.unlink()
    if change == "other":
        np.save(data, np.zeros((5, DIM)))
    assert shell("resume", "run") == 2
    assert words in shell.err
    assert data.name in shell.err


def test_obfuscated_inputs_are_made_asked_kept_and_shown(
    shell: Any, scripted: Any, wide: Path, data: Path
) -> None:
    scripted()
    words = ("--data", data, "--box", "0", "1", "--obfuscate", "3")
    assert shell("span", wide, "--out", "run", *words) == 0
    assert "✓ Asked again: 3 of 3 obfuscated inputs keep their label" in shell.out
    with np.load("run/obfuscation.npz") as kept:
        assert kept["obfuscated"].shape == (3, DIM)
        assert kept["obfuscated"].min() >= 0
        np.testing.assert_allclose(kept["obfuscated"][:, 0], kept["original"][:, 0], atol=1e-9)
    result = json.loads(Path("run/result.json").read_text())
    assert result["queries"] == TOTAL + result["evidence"]["obfuscation"]["queries"]
    assert Path("run/figures/obfuscation.svg").exists()


def test_the_inputs_to_obfuscate_and_the_picture_can_be_files(
    shell: Any, scripted: Any, wide: Path, data: Path
) -> None:
    scripted()
    np.savetxt("picture.csv", np.full((1, DIM), 0.5), delimiter=",")
    words = ("--obfuscate", data, "--box", "0", "1", "--target-image", "picture.csv")
    assert shell("span", wide, "--out", "run", *words) == 0
    with np.load("run/obfuscation.npz") as kept:
        assert len(kept["obfuscated"]) == 5
        np.testing.assert_allclose(kept["obfuscated"][:, 1:], 0.5, atol=1e-9)


def test_eight_bits_are_rounded_and_told(shell: Any, scripted: Any, wide: Path, data: Path) -> None:
    scripted()
    words = ("--data", data, "--box", "0", "1", "--obfuscate", "2", "--quantum", "1/255")
    shell("span", wide, "--out", "run", *words)
    with np.load("run/obfuscation.npz") as kept:
        levels = kept["obfuscated"] * 255
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-9)


def test_too_few_rows_are_told_before_anything_is_asked(
    shell: Any, scripted: Any, wide: Path, data: Path
) -> None:
    seen = scripted()
    assert shell("span", wide, "--out", "run", "--data", data, "--obfuscate", "9") == 2
    assert "--obfuscate 9 wants so many rows of --data; there are 5" in shell.err
    assert seen == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--bounds", "0", "1", "--box", "-1", "1"), "leaves the target's bounds, 0 to 1"),
        (("--bounds", "0", "0.5", "--data", "data.npy"), "the inputs of --data reach from"),
        (("--bounds", "0", "1", "--data", "bytes.npy"), "8-bit images? divide by 255"),
        (("--box", "0", "0.5", "--obfuscate", "data.npy"), "outside 0 to 0.5"),
        (
            ("--obfuscate", "data.npy", "--target-image", "bytes.npy"),
            "3 rows for 5 inputs; want 1 or as many",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_told_before_anything_is_asked(
    shell: Any, scripted: Any, wide: Path, data: Path, words: tuple[str, ...], told: str
) -> None:
    seen = scripted()
    np.save(data.with_name("bytes.npy"), np.full((3, DIM), 200, dtype=np.uint8))
    assert shell("span", wide, "--out", "run", *words) == 2
    assert told in shell.err
    assert seen == []
    assert not Path("run").exists()


def test_the_budget_is_for_both_and_what_is_missing_is_told(
    shell: Any, scripted: Any, wide: Path, data: Path
) -> None:
    scripted()
    words = ("--data", data, "--obfuscate", "3")
    assert shell("span", wide, "--out", "run", *words, "--budget", TOTAL, "--json") == 0
    assert shell.json["evidence"]["undecided"] == ["Inputs were not obfuscated: the budget was spent before"]
    assert shell("resume", "run", "--budget", TOTAL + 5) == 4
    assert shell("resume", "run", "--budget", TOTAL + 50) == 0


def test_without_a_span_nothing_is_obfuscated_and_that_is_said(
    shell: Any, scripted: Any, wide: Path, data: Path
) -> None:
    scripted(status=Status.REFUSED)
    assert shell("span", wide, "--out", "run", "--data", data, "--obfuscate", "3", "--json") == 3
    (sentence,) = shell.json["evidence"]["undecided"]
    assert "there is no span to hide them behind" in sentence
    assert not Path("run/span.npz").exists()


def test_a_doctor_run_is_resumed_too(shell: Any, wide: Path) -> None:
    assert shell("doctor", wide, "--out", "look", "--scale", "3") == 0
    assert shell("resume", "look", "--json") == 0
    assert shell.json["verb"] == "doctor"
    assert shell.json["queries_from_journal"] == shell.json["queries"]
    assert "--scale 3.0" in Path("look/report.html").read_text(encoding="utf-8")


def test_another_verb_is_not_resumed(shell: Any, wide: Path) -> None:
    shell("doctor", wide, "--out", "look")
    recipe = Path("look/run.toml")
    recipe.write_text(recipe.read_text().replace('"doctor"', '"unheard"'))
    assert shell("resume", "look") == 2
    known = "extract, doctor, span, fragility, stability, defend, audit"
    assert f"run of 'unheard'; runs of {known} can be resumed" in shell.err


def test_nothing_scripted_a_real_network_is_seen_through(shell: Any, wide: Path, data: Path) -> None:
    words = ("--data", data, "--box", "0", "1", "--obfuscate", "2")
    assert shell("span", wide, "--out", "run", *words) == 0
    assert "looks at 1 of 16 directions; what happens in the other 15 has no effect at all" in shell.out
    assert "journal;" not in shell.out
    assert shell("resume", "run") == 0
    assert "came from the journal; 0 were asked now." in shell.out
