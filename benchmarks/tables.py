"""From scored runs to one table: Markdown for people, JSON for programs, a few rows for the README."""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

START, END = "<!-- benchmark:start -->", "<!-- benchmark:end -->"

IN_README = (
    "random 784-128-10 seed0",
    "random 80-40-20-1 seed0",
    "carlini 10-10-10-1 seed42",
    "carlini 784-32-1 seed42",
    "deti unitary 784 128 1",
    "foerster 40 20x2 1 Carlini",
    "foerster mnist784 16x2 1",
    "foerster mnist784 64x2 1",
)
"""One or two networks of each size and origin, those without a published figure among them."""
README_COLUMNS = (
    "network",
    "parameters",
    "queries",
    "per parameter",
    "seconds",
    "parameter error",
    "published",
    "fewer by",
)


@dataclass(frozen=True)
class PeerFigure:
    """What a published program needed."""

    network: str
    """Name of a target, without the seed where the program had another network of this shape."""
    who: str
    what: str
    """Where the figure comes from."""
    queries: int
    result: str
    seconds: float | None = None
    parameter_error: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One network, all its runs together."""

    network: str
    parameters: int
    runs: int
    complete: int
    """Runs with outcome complete."""
    wrongly_ok: int
    outcomes: tuple[str, ...]
    """Of each run."""
    queries: float
    """Median over the runs."""
    most_queries: int
    seconds: float
    """Longest run."""
    parameter_error: float | None
    """Largest; None if some run has a neuron unmatched."""
    output_gap: float | None
    """Largest at N(0, 1) inputs; None if some run has no network."""
    peer: PeerFigure | None

    @property
    def per_parameter(self) -> float:
        """Queries of the most expensive run per parameter."""
        return self.most_queries / self.parameters

    @property
    def fewer_by(self) -> float | None:
        """The peer's queries over ours."""
        return None if self.peer is None else self.peer.queries / self.queries


def read_peers(path: Path) -> list[PeerFigure]:
    """The figures in peers.json."""
    data = json.loads(path.read_text(encoding="utf-8"))
    return [
        PeerFigure(
            **{key: value for key, value in figure.items() if key != "source"}, **data["sources"][source]
        )
        for figure in data["figures"]
        for source in [figure["source"]]
    ]


def peer_of(network: str, peers: list[PeerFigure]) -> PeerFigure | None:
    """The figure for a network of this name, or of this shape."""
    shape = network.rsplit("_seed", 1)[0]
    for name in (network, shape):
        for figure in peers:
            if figure.network == name:
                return figure
    return None


def summarised(network: str, parameters: int, runs: list[dict[str, Any]], peers: list[PeerFigure]) -> Row:
    """All runs on one network as one row; each run is a score's dictionary."""
    return Row(
        network=network,
        parameters=parameters,
        runs=len(runs),
        complete=sum(run["ok"] for run in runs),
        wrongly_ok=sum(run["wrongly_ok"] for run in runs),
        outcomes=tuple(run["status"] for run in runs),
        queries=statistics.median(run["queries"] for run in runs),
        most_queries=max(run["queries"] for run in runs),
        seconds=max(run["seconds"] for run in runs),
        parameter_error=_largest([run["parameter_error"] for run in runs]),
        output_gap=_largest([run["output_gaps"]["1"] for run in runs]),
        peer=peer_of(network, peers),
    )


def _largest(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return max(known) if len(known) == len(values) else None


def markdown(rows: list[Row]) -> str:
    """The table, and under it what the peers' figures are."""
    lines = [
        "| network | parameters | queries | per parameter | seconds | parameter error | output gap "
        "| complete | published | fewer by |",
        "|---|--:|--:|--:|--:|--:|--:|--:|---|--:|",
        *(_line(row) for row in rows),
    ]
    sources = sorted({(row.peer.who, row.peer.what) for row in rows if row.peer})
    notes = [f"- {who}: {what}." for who, what in sources]
    about = [
        "Queries: median over the seeds, everything counted; per parameter, seconds, parameter error (rows "
        "of length one, neurons matched) and output gap (10,000 fresh N(0, 1) inputs): the worst seed.",
        "Where the published figures come from:",
    ]
    return "\n".join([*lines, "", *(about if sources else about[:1]), *notes]) + "\n"


def shortened(table: str) -> str:
    """The rows and columns of a whole table that README.md shows, word for word.

    Raises:
        ValueError: A row is missing: the table is not of all networks.
    """
    lines = [line[2:-2].split(" | ") for line in table.splitlines() if line.startswith("| ")]
    head, rows = lines[0], {cells[0]: cells for cells in lines[1:]}
    missing = [name for name in IN_README if name not in rows]
    if missing:
        raise ValueError(f"README.md shows rows that this table lacks: {', '.join(missing)}")
    at = [head.index(name) for name in README_COLUMNS]
    rule = (
        "|" + "|".join("---" if name in ("network", "published") else "--:" for name in README_COLUMNS) + "|"
    )
    kept = [head, *(rows[name] for name in IN_README)]
    written = ["| " + " | ".join(cells[place] for place in at) + " |" for cells in kept]
    return "\n".join([written[0], rule, *written[1:]]) + "\n"


def _line(row: Row) -> str:
    peer = "" if row.peer is None else f"{row.peer.queries:,} ({row.peer.who}; {row.peer.result})"
    fewer = "" if row.fewer_by is None else f"{row.fewer_by:.3g}×"
    cells = [
        row.network.replace("_", " "),
        f"{row.parameters:,}",
        f"{row.queries:,.0f}",
        f"{row.per_parameter:.2f}",
        f"{row.seconds:.1f}",
        _power(row.parameter_error),
        _power(row.output_gap),
        f"{row.complete} of {row.runs}",
        peer,
        fewer,
    ]
    return "| " + " | ".join(cells) + " |"


def _power(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"


def as_json(rows: list[Row], runs: list[dict[str, Any]], circumstances: dict[str, Any]) -> str:
    """Everything, for programs."""
    table = [{**asdict(row), "per_parameter": row.per_parameter, "fewer_by": row.fewer_by} for row in rows]
    return json.dumps({"schema": 1, **circumstances, "table": table, "runs": runs}, indent=1) + "\n"


def with_table(page: str, table: str, *, start: str = START, end: str = END) -> str:
    """The page with the table between its markers.

    Raises:
        ValueError: The markers are not there, once each and in order.
    """
    if page.count(start) != 1 or page.count(end) != 1 or page.index(start) > page.index(end):
        raise ValueError(f"the page needs one line {start} and after it one line {end}")
    head, rest = page.split(start)
    return head + start + "\n" + table + end + rest.split(end)[1]
