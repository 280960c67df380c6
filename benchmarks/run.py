"""Rebuild a list of networks and put queries, time and errors beside the published figures, in one table.

    python benchmarks/run.py                                    # random networks
    python benchmarks/run.py --targets DIR carlini deti foerster  # public networks, .npz files in DIR
    python benchmarks/run.py --targets DIR --only deti_unitary_784_128_1 --seeds 20
    python benchmarks/run.py --no-polish random-vector
    python benchmarks/run.py --targets DIR --readme             # also renew the tables of README.md and docs

Exit code 1 if a finding was ok and should not have been.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

# beside this file: found because Python puts a script's own folder first
from tables import Row, as_json, markdown, read_peers, shortened, summarised, with_table

from hingeline.core.errors import HingelineError
from hingeline.core.version import __version__
from hingeline.evaluation.score import score
from hingeline.evaluation.suites import RANDOM_SHAPES, SUITES, suite
from hingeline.evaluation.targets import Target
from hingeline.extraction.extract import extract
from hingeline.extraction.settings import ExtractSettings

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
REFERENCE = HERE.parent / "docs" / "reference" / "benchmarks.md"
SCORE_SEED = 1_000_003
"""Not a seed that an attack uses."""


def chosen_targets(options: argparse.Namespace) -> list[Target]:
    """The targets that the command line asks for."""
    names = options.suites or (SUITES if options.targets else tuple(RANDOM_SHAPES))
    targets = [target for name in names for target in suite(name, folder=options.targets)]
    if options.only:
        targets = [target for target in targets if target.name in options.only]
    return targets


def run_one(target: Target, seed: int, settings: ExtractSettings, budget: int | None) -> dict[str, Any]:
    """Extract once and score; JSON-ready."""
    finding = extract(target.oracle, budget=budget, seed=seed, settings=settings)
    scored = score(finding, target.truth, seed=SCORE_SEED).to_dict()
    return {
        "network": target.name,
        "seed": seed,
        "reason": str(finding.outcome),
        "queries_by_phase": dict(finding.spending.queries_by_phase),
        **scored,
    }


def progress(run: dict[str, Any], parameters: int) -> str:
    """One line about a run."""
    error = "unmatched" if run["parameter_error"] is None else f"error {run['parameter_error']:.1e}"
    wrong = "  WRONGLY OK: " + "; ".join(run["false_claims"]) if run["wrongly_ok"] else ""
    return (
        f"{run['network']} seed {run['seed']}: {run['status']}, {run['queries']:,} queries "
        f"({run['queries'] / parameters:.2f} per parameter), {run['seconds']:.1f} s, {error}{wrong}"
    )


def circumstances(options: argparse.Namespace) -> dict[str, Any]:
    """On what the runs were made."""
    return {
        "hingeline": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "polish": options.polish,
        "seeds": options.seeds,
    }


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("suites", nargs="*", help=f"of {', '.join(SUITES)}; all that can be had if none")
    parser.add_argument("--targets", type=Path, help="folder with public networks as .npz files")
    parser.add_argument("--only", nargs="+", help="only targets of these names")
    parser.add_argument("--seeds", type=int, default=1, help="runs per network")
    parser.add_argument("--budget", type=int, help="queries per run")
    parser.add_argument("--no-polish", dest="polish", action="store_false", help="without the last digits")
    parser.add_argument("--out", type=Path, default=HERE, help="where results.md and results.json go")
    parser.add_argument(
        "--readme",
        action="store_true",
        help="put the table into docs/reference/benchmarks.md, and some rows into README.md",
    )
    return parser.parse_args(arguments)


def publish(table: str) -> None:
    """Put the whole table into the reference and its chosen rows into README.md."""
    for page, part in ((README, shortened(table)), (REFERENCE, table)):
        page.write_text(with_table(page.read_text(encoding="utf-8"), part), encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    options = parsed(arguments)
    peers = read_peers(HERE / "peers.json")
    settings = ExtractSettings(polish=options.polish)
    rows: list[Row] = []
    runs: list[dict[str, Any]] = []
    try:
        targets = chosen_targets(options)
        for target in targets:
            parameters = target.truth.parameter_count
            these = []
            for seed in range(options.seeds):
                these.append(run_one(target, seed, settings, options.budget))
                print(progress(these[-1], parameters), flush=True)
            runs += these
            rows.append(summarised(target.name, parameters, these, peers))
    except HingelineError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    if not rows:
        print("no such network; see --help for suites and names", file=sys.stderr)
        return 2
    table = markdown(rows)
    print("\n" + table)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "results.md").write_text(table, encoding="utf-8")
    (options.out / "results.json").write_text(as_json(rows, runs, circumstances(options)), encoding="utf-8")
    if options.readme:
        publish(table)
    return int(any(row.wrongly_ok for row in rows))


if __name__ == "__main__":
    sys.exit(main())
