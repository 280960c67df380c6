"""Filtered pools on disk, and what people say about their rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hingeline.core.errors import FormatError, InvalidInput
from hingeline.defences.filtration.filtered_pool import FilteredPool
from hingeline.defences.filtration.filtering import filter_hard
from hingeline.defences.filtration.manifest import Manifest, Review
from hingeline.defences.filtration.rebuilding import rebuild
from hingeline.defences.filtration.review import read_reviews, write_reviews
from hingeline.report.figures import svg_text

X = np.random.default_rng(8).standard_normal((40, 3))
Y = np.arange(40) % 3


def linear(rows: Any) -> Any:
    return rows @ np.array([[1.0, 0.2, -0.3], [0.1, 1.0, 0.4], [-0.2, 0.3, 1.0]])


@pytest.fixture
def filtered() -> FilteredPool:
    return filter_hard(X, Y, {"linear": linear})


def test_what_is_saved_comes_back_bit_for_bit(filtered: FilteredPool, tmp_path: Path) -> None:
    filtered.save(tmp_path / "hard")
    again = FilteredPool.load(tmp_path / "hard")
    for name in ("rows", "x", "y"):
        np.testing.assert_array_equal(getattr(again, name), getattr(filtered, name))
    assert again.manifest == filtered.manifest
    assert sorted(path.name for path in (tmp_path / "hard").iterdir()) == ["filtered.npz", "manifest.json"]
    rebuilt = rebuild(again.manifest, X, Y, [linear])
    np.testing.assert_array_equal(rebuilt.rows, filtered.rows)


def test_the_manifest_says_by_what_a_function_is_known(filtered: FilteredPool) -> None:
    told = json.loads(filtered.manifest.to_json())
    assert (told["format"], told["schema"]) == ("hingeline.filtered-pool", 1)
    assert told["references"][0]["identified"] == "by answers"
    assert len(told["references"][0]["sha256"]) == len(told["pool"]["x_sha256"]) == 64
    assert told["tool"].startswith("hingeline ")
    assert {review["verdict"] for review in told["reviews"]} == {"pending"}
    assert Manifest.from_dict(told) == filtered.manifest


@pytest.mark.parametrize("name", ["rows", "x", "y"])
def test_changed_data_are_noticed(filtered: FilteredPool, tmp_path: Path, name: str) -> None:
    filtered.save(tmp_path)
    arrays = {key: getattr(filtered, key).copy() for key in ("rows", "x", "y")}
    arrays[name][0] += 1
    np.savez(tmp_path / "filtered.npz", **arrays)
    with pytest.raises(FormatError, match="one of the two was changed"):
        FilteredPool.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "schema 2"),
        ({"format": "other"}, "'other'"),
        ({"mode": "easy"}, "unknown mode"),
        ({"references": []}, "no references"),
        ({"references": 3}, "references is no list"),
        ({"reviews": []}, "one review for each"),
        ({"votes_needed": 2}, "votes"),
        ({"votes_needed": "1"}, "votes_needed wants int"),
        ({"min_conf": "0.5"}, "min_conf"),
        ({"min_conf": True}, "min_conf"),
        ({"agree": "none"}, "asks for other votes"),
        ({"agree": 5}, "asks for other votes"),
        ({"pool": {"rows": 3}}, "pool wants the fields"),
        ({"extra": 1}, "wants the fields"),
    ],
)
def test_a_manifest_that_is_none_is_refused(filtered: FilteredPool, change: Any, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        Manifest.from_dict(filtered.manifest.to_dict() | change)


@pytest.mark.parametrize("count", [{"hard": 10**6}, {"hard": 0}, {"queries": -4}])
def test_counts_that_no_pool_of_its_size_gives_are_refused(filtered: FilteredPool, count: Any) -> None:
    told = filtered.manifest.to_dict()
    told["references"] = [told["references"][0] | count]
    with pytest.raises(FormatError, match="counts"):
        Manifest.from_dict(told)


def test_files_that_are_not_there_are_told(filtered: FilteredPool, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot read a manifest"):
        FilteredPool.load(tmp_path)
    filtered.save(tmp_path)
    (tmp_path / "filtered.npz").write_bytes(b"nothing")
    with pytest.raises(FormatError, match="cannot read rows"):
        FilteredPool.load(tmp_path)
    np.savez(tmp_path / "filtered.npz", rows=np.array([None]), x=filtered.x, y=filtered.y)
    with pytest.raises(FormatError, match="cannot read rows"):
        FilteredPool.load(tmp_path)
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(FormatError, match="no JSON object"):
        FilteredPool.load(tmp_path)


def test_a_review_goes_out_as_a_table_and_comes_back(filtered: FilteredPool, tmp_path: Path) -> None:
    path = tmp_path / "review.csv"
    write_reviews(filtered, path)
    lines = path.read_text(encoding="utf-8").splitlines()
    first, second = filtered.rows[:2].tolist()
    assert lines[0] == "row,label,verdict,reviewer,note"
    assert lines[1] == f"{first},{Y[first]},pending,,"
    lines[1:3] = [f"{first},0,Accept,Ada,", f'{second},0,reject,Ada,"torn, and wrong"']
    path.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    judged = filtered.apply_review(read_reviews(path))
    assert judged.manifest.verdicts == {"pending": len(filtered) - 2, "accept": 1, "reject": 1}
    assert judged.manifest.reviews[1] == Review(second, "reject", "Ada", "torn, and wrong")
    assert judged.standing.tolist() == [True, False, *[True] * (len(filtered) - 2)]
    judged.save(tmp_path / "judged")
    assert FilteredPool.load(tmp_path / "judged").manifest == judged.manifest
    # verdicts are no part of what is rebuilt
    assert rebuild(judged.manifest, X, Y, [linear]).manifest == judged.manifest


def test_reviews_of_other_rows_are_refused(filtered: FilteredPool) -> None:
    first = int(filtered.rows[0])
    away = next(row for row in range(40) if row not in filtered.rows)
    with pytest.raises(InvalidInput, match="not among the rows"):
        filtered.apply_review([Review(away, "reject", "Ada")])
    with pytest.raises(InvalidInput, match="is there twice"):
        filtered.apply_review([Review(first, "reject", "Ada"), Review(first, "accept", "Bo")])
    with pytest.raises(InvalidInput, match="by whom"):
        Review(first, "accept", " ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("row,verdict\n1,accept\n", "no column reviewer"),
        ("row,verdict,reviewer\n1,maybe,Ada\n", "line 2: row 1: a verdict is one of"),
        ("row,verdict,reviewer\n1,accept,\n", "by whom"),
        ("row,verdict,reviewer\none,accept,Ada\n", "line 2"),
        ("", "no column"),
    ],
)
def test_tables_that_are_no_reviews_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "review.csv").write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=words):
        read_reviews(tmp_path / "review.csv")
    with pytest.raises(FormatError, match="cannot read"):
        read_reviews(tmp_path / "none.csv")


def test_a_small_set_that_nobody_looked_at_says_so(filtered: FilteredPool) -> None:
    small, unseen = filtered.warnings
    assert f"Only {len(filtered)} rows" in small
    assert "Label errors concentrate" in unseen
    judged = filtered.apply_review([Review(int(row), "accept", "Ada") for row in filtered.rows])
    assert judged.warnings == (small,)
    told = json.loads(json.dumps(filtered.to_dict(), allow_nan=False))
    assert told["kept_rows"] == len(told["rows"]) == len(filtered)
    assert "<svg" in svg_text(filtered.figure())
