from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scripts import FOLDER, script

tables = script("tables")


def run(**change: Any) -> dict[str, Any]:
    plain = {
        "network": "carlini_10-5-1_seed42", "ok": True, "wrongly_ok": False, "status": "complete",
        "queries": 200, "seconds": 0.5, "parameter_error": 1e-14, "output_gaps": {"1": 1e-13},
        "false_claims": (),
    }  # fmt: skip
    return plain | change


def test_a_row_takes_the_median_of_queries_and_the_worst_of_everything_else() -> None:
    runs = [
        run(queries=q, seconds=s, parameter_error=e)
        for q, s, e in [(9, 3.0, 1e-3), (5, 1.0, 1e-2), (7, 2.0, 0.0)]
    ]
    row = tables.summarised("net", 2, runs, [])
    assert (row.queries, row.per_parameter, row.seconds, row.parameter_error) == (7, 4.5, 3.0, 1e-2)
    assert (row.runs, row.complete, row.peer, row.fewer_by) == (3, 3, None, None)


def test_one_run_with_an_unmatched_neuron_leaves_no_error_to_report() -> None:
    row = tables.summarised("net", 2, [run(), run(parameter_error=None, ok=False, status="partial")], [])
    assert row.parameter_error is None
    assert (row.complete, row.outcomes) == (1, ("complete", "partial"))
    assert "| - |" in tables.markdown([row])
    assert "| 1 of 2 |" in tables.markdown([row])


def test_every_peer_figure_names_a_source_and_a_network_once() -> None:
    peers = tables.read_peers(FOLDER / "peers.json")
    assert len({(p.network, p.who, p.what) for p in peers}) == len(peers) >= 15
    assert all(p.who and p.what and p.queries > 0 and p.result for p in peers)


def test_a_peer_is_found_by_the_exact_network_first_and_then_by_its_shape() -> None:
    peers = tables.read_peers(FOLDER / "peers.json")
    exact = tables.peer_of("carlini_10-5-1_seed43", peers)
    assert (exact.queries, exact.seconds) == (7092, 6.5)
    assert tables.peer_of("random_80-40-20-1_seed7", peers).queries == round(2**18.5)
    assert tables.peer_of("random_3-2-1_seed0", peers) is None


def test_the_table_says_how_many_times_fewer_and_where_the_figure_comes_from() -> None:
    peers = tables.read_peers(FOLDER / "peers.json")
    text = tables.markdown([tables.summarised("carlini_10-5-1_seed42", 61, [run()], peers)])
    assert "| carlini 10-5-1 seed42 | 61 | 200 | 3.28 | 0.5 | 1.0e-14 | 1.0e-13 | 1 of 1 |" in text
    assert "6,819 (Carlini et al. 2020; complete) | 34.1× |" in text
    assert "commit 1093b62" in text


def test_the_json_holds_table_runs_and_circumstances() -> None:
    row = tables.summarised("net", 2, [run()], [])
    data = json.loads(tables.as_json([row], [run()], {"cores": 2}))
    assert data["table"][0]["queries"] == 200
    assert data["table"][0]["per_parameter"] == 100.0
    assert (data["cores"], len(data["runs"])) == (2, 1)


def test_the_table_replaces_what_is_between_the_markers_and_nothing_else() -> None:
    readme = f"before\n{tables.START}\nold\n{tables.END}\nafter\n"
    new = tables.with_table(readme, "new\n")
    assert new == f"before\n{tables.START}\nnew\n{tables.END}\nafter\n"
    assert tables.with_table(new, "new\n") == new


@pytest.mark.parametrize("readme", ["none", f"{tables.START}", f"{tables.END} {tables.START}"])
def test_a_readme_without_markers_is_refused(readme: str) -> None:
    with pytest.raises(ValueError, match="benchmark:start"):
        tables.with_table(readme, "new\n")


def test_the_projects_readme_has_the_markers() -> None:
    readme = Path(FOLDER.parent / "README.md").read_text(encoding="utf-8")
    assert tables.with_table(readme, "new\n").count("new\n") >= 1
