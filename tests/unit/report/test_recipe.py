"""A recipe is complete, comes back as it was, and is refused in words where it is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from hingeline.core.errors import FormatError, InvalidInput
from hingeline.report.recipe import Recipe, described_file, described_target, read_recipe

GOOD = 'schema = 1\nverb = "extract"\nseed = 0\ncreated = "now"\n[target]\ntarget = "m.npz"\n'


def test_a_recipe_comes_back_as_it_was(tmp_path: Path) -> None:
    target = {"target": "http://localhost:1/v2/models/m", "bounds": (0.0, 1.0), "rate": 5.0}
    recipe = Recipe("extract", target, seed=3, budget=100, settings={"polish": True})
    (tmp_path / "run.toml").write_text(recipe.to_text(), encoding="utf-8")
    assert read_recipe(tmp_path / "run.toml") == recipe


def test_the_command_line_of_a_recipe_can_be_typed() -> None:
    target = {"target": "my model.npz", "sha256": "0", "bounds": (-1.0, 1.0), "idempotent": True}
    recipe = Recipe("extract", target, seed=3, budget=100, settings={"polish": False})
    assert recipe.command_line() == (
        "hingeline extract 'my model.npz' --seed 3 --budget 100 --bounds -1.0 1.0 --idempotent --no-polish"
    )


def test_values_lists_and_files_of_a_recipe_are_spelled() -> None:
    settings = {"method": "central", "box": (0.0, 1.0), "moves": 9, "polish": True}
    files = {"target-image": {"path": "/a b/x.npy", "sha256": "0"}}
    recipe = Recipe("span", {"target": "m.npz"}, settings=settings, files=files)
    assert recipe.command_line() == (
        "hingeline span m.npz --seed 0 --method central --box 0.0 1.0 --moves 9 --polish "
        "--target-image '/a b/x.npy'"
    )


def test_files_beside_the_target_come_back_and_are_checked(tmp_path: Path) -> None:
    data = tmp_path / "x.npy"
    data.write_bytes(b"rows")
    recipe = Recipe("span", {"target": "m"}, files={"data": described_file(data)})
    (tmp_path / "run.toml").write_text(recipe.to_text(), encoding="utf-8")
    again = read_recipe(tmp_path / "run.toml")
    assert again == recipe
    again.check_files()
    data.write_bytes(b"others")
    with pytest.raises(InvalidInput, match=r"x.npy has changed .* other contents of --data"):
        again.check_files()


def test_the_authorisation_is_part_of_the_command_line() -> None:
    recipe = Recipe("extract", {"target": "http://h/v2/models/m", "authorised": "J. Doe, 4711"})
    assert recipe.command_line().endswith("--i-am-authorised 'J. Doe, 4711'")


def test_a_file_is_kept_by_absolute_path_and_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.npz").write_bytes(b"weights")
    monkeypatch.chdir(tmp_path)
    kept = described_target({"target": "m.npz", "bounds": None})
    assert kept.keys() == {"target", "sha256"}
    assert kept["target"] == str(tmp_path / "m.npz")


@pytest.mark.parametrize(("change", "words"), [(b"other", "has changed"), (None, "is gone")])
def test_answers_of_another_model_are_not_taken_for_this_one(
    tmp_path: Path, change: bytes | None, words: str
) -> None:
    path = tmp_path / "m.npz"
    path.write_bytes(b"weights")
    recipe = Recipe("extract", described_target({"target": str(path)}))
    recipe.check_files()
    path.unlink() if change is None else path.write_bytes(change)
    with pytest.raises(InvalidInput, match=words):
        recipe.check_files()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("this is not toml", "cannot read"),
        ("", "'schema' must be 1"),
        (GOOD.replace("schema = 1", "schema = 2"), "'schema' must be 1"),
        (GOOD.replace('verb = "extract"', "verb = 7"), "'verb'"),
        (GOOD.replace("seed = 0", "seed = -1"), "'seed'"),
        (GOOD.replace("seed = 0", "seed = true"), "'seed'"),
        (GOOD.replace("seed = 0", "seed = 0\nbudget = 0"), "'budget'"),
        (GOOD.replace('target = "m.npz"', ""), "'target'"),
        (GOOD + "bounds = [1]\n", "'target'"),
        (GOOD.replace("seed = 0", "seed = 0\nsettings = 1"), "'settings'"),
        (GOOD.replace("seed = 0", "seed = 0\nfiles = 1"), "'files'"),
        (GOOD + "[files.data]\npath = 'x'\n", "'files'"),
    ],
)
def test_a_damaged_recipe_is_refused_by_the_name_of_the_key(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=words):
        read_recipe(tmp_path / "run.toml")


def test_the_undamaged_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(GOOD, encoding="utf-8")
    assert read_recipe(tmp_path / "run.toml").target == {"target": "m.npz"}
