"""Does `extract` ever claim more than is so? Random awkward networks of one and two hidden layers.

    python benchmarks/honesty.py                 # 312 networks, two processes, some minutes
    python benchmarks/honesty.py --limit 26      # a sample: two of each kind
    python benchmarks/honesty.py --only 17 43    # these again

Prints how the runs ended, by kind of network, and every claim that the truth contradicts, with the command
that repeats it. Exit code 1 if there is any such claim, or a run that raised an error.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from hingeline.evaluation.score import score
from hingeline.evaluation.suites import honesty_target
from hingeline.extraction.extract import extract

COUNT = 312
"""24 networks of each of the 13 kinds."""
SCORE_SEED = 1_000_003
"""Not a seed that an attack uses."""


def judged(index: int, seed: int, budget: int | None) -> dict[str, Any]:
    """Extract one network and score the finding; JSON-ready."""
    target = honesty_target(index, seed)
    started = time.perf_counter()
    try:
        finding = extract(target.oracle, budget=budget, seed=seed)
        result = score(finding, target.truth, seed=SCORE_SEED).to_dict()
        result["reason"] = str(finding.outcome)
    except Exception:  # the door works, so any error is a finding of this benchmark; it must not end it
        result = {"status": "CRASHED", "reason": traceback.format_exc(limit=-3)}
    return {"index": index, "name": target.name, "wall": time.perf_counter() - started, **result}


def kind_of(name: str) -> str:
    """The kind of awkwardness in a target's name."""
    return name.split("_")[3]


def is_bad(result: dict[str, Any]) -> bool:
    """Whether a run claims something false or raised an error."""
    return bool(result.get("false_claims")) or result["status"] == "CRASHED"


def run_all(indices: list[int], seed: int, budget: int | None, jobs: int) -> Iterator[dict[str, Any]]:
    """Results in order, as they come."""
    if jobs == 1:
        yield from (judged(index, seed, budget) for index in indices)
        return
    # one thread per process: the networks are small
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(judged, indices, [seed] * len(indices), [budget] * len(indices))


def summary(results: Iterable[dict[str, Any]]) -> str:
    """Counts by kind and status, as text."""
    results = list(results)
    statuses = sorted({result["status"] for result in results})
    counts = Counter((kind_of(result["name"]), result["status"]) for result in results)
    lines = [f"{'kind':<14}" + "".join(f"{status:>22}" for status in statuses)]
    for kind in sorted({kind_of(result["name"]) for result in results}):
        lines.append(f"{kind:<14}" + "".join(f"{counts[kind, status]:>22}" for status in statuses))
    totals = Counter(result["status"] for result in results)
    lines.append(f"{'all':<14}" + "".join(f"{totals[status]:>22}" for status in statuses))
    wrong = sum(bool(result.get("wrongly_ok")) for result in results)
    false = sum(bool(result.get("false_claims")) for result in results)
    lines.append(f"\n{len(results)} networks; wrongly ok: {wrong}; false claims of any kind: {false}")
    return "\n".join(lines)


def complaint(result: dict[str, Any], seed: int) -> str:
    """What is wrong with a run, and how to repeat it."""
    wrong = "; ".join(result.get("false_claims", ())) or result["reason"]
    return (
        f"BAD {result['name']}: {result['status']}: {wrong}\n"
        f"    repeat: python benchmarks/honesty.py --seed {seed} --only {result['index']}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=COUNT, help="networks in all")
    parser.add_argument("--limit", type=int, help="only the first so many")
    parser.add_argument("--only", type=int, nargs="+", help="only these indices")
    parser.add_argument("--seed", type=int, default=0, help="of networks and of extraction")
    parser.add_argument("--budget", type=int, default=200_000, help="queries per network")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, help="write all results to this JSON file")
    options = parser.parse_args(arguments)
    indices = options.only or list(range(min(options.count, options.limit or options.count)))
    results: list[dict[str, Any]] = []
    for result in run_all(indices, options.seed, options.budget, options.jobs):
        results.append(result)
        if is_bad(result):
            print(complaint(result, options.seed), flush=True)
    print(summary(results))
    if options.out is not None:
        options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return int(any(map(is_bad, results)))


if __name__ == "__main__":
    sys.exit(main())
