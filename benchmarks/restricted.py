"""Extract networks whose answers are rounded or noisy, or come through a head; print a table of every run.

    python benchmarks/restricted.py
    python benchmarks/restricted.py --seeds 1 --doors 2^-15 "noise 1e-3"

Networks are drawn anew (He weights, with biases), and the public ones are added where their files are. Errors
are of parameters with rows at unit norm; "stated" is what the extraction says of them without the truth.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "reproduction"))
cases: Any = importlib.import_module("restricted_cases")

Door = Callable[[FloatArray], FloatArray]
DOORS = {
    "2^-31": 2.0**-31,
    "2^-15": 2.0**-15,
    "2^-7": 2.0**-7,
    "noise 1e-6": 1e-6,
    "noise 1e-3": 1e-3,
    "keyed 1e-6": 1e-6,
    "keyed 1e-3": 1e-3,
}
"""Step or deviation of the answers at each door."""
HEADER = (
    f"{'network':<24}{'door':<12}{'seed':>4}  {'outcome':<13}{'q/p':>6}{'s':>6}{'error':>9}{'/unit':>7}"
    f"{'weights':>9}{'stated':>9}{'biases':>9}{'stated':>9}"
)


def door_of(network: PiecewiseLinearNetwork, door: str, seed: int) -> Door:
    """The network behind a door."""
    if door.startswith("2^"):
        return cases.rounded(network, DOORS[door])
    made = cases.fresh_noise if door.startswith("noise") else cases.keyed_noise
    return made(network, DOORS[door], seed)


def line(name: str, network: PiecewiseLinearNetwork, door: str, seed: int) -> str:
    """One run, as a row of the table."""
    unit = DOORS[door]
    began = time.perf_counter()
    oracle = hl.oracle(door_of(network, door, seed), input_dim=network.input_dim)
    finding = hl.extract(oracle, seed=seed, budget=300 * network.parameter_count)
    row = (
        f"{name:<24}{door:<12}{seed:>4}  {finding.outcome.status:<13}"
        f"{finding.queries / network.parameter_count:>6.1f}{time.perf_counter() - began:>6.1f}"
    )
    if finding.value is None:
        return row
    weights, biases, worst = cases.parameter_errors(finding.value, network)
    row += f"{worst:>9.1e}{worst / unit:>7.2f}"
    evidence = finding.evidence
    if "digits" not in evidence:
        return row
    said = [cases.stated_error(evidence, part) for part in ("weights", "biases")]
    return row + f"{weights:>9.1e}{said[0]:>9.1e}{biases:>9.1e}{said[1]:>9.1e}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="seeds of each network")
    parser.add_argument("--doors", nargs="+", choices=list(DOORS), default=list(DOORS), help="which doors")
    chosen = parser.parse_args()
    print(HEADER)
    for door in chosen.doors:
        for seed in range(chosen.seeds):
            for widths in cases.WIDTHS:
                print(line("-".join(map(str, widths)), cases.drawn(widths, seed), door, seed), flush=True)
            for name in cases.PUBLIC:
                network = cases.public(name)
                if network is not None:
                    print(line(name, network, door, seed), flush=True)


if __name__ == "__main__":
    main()
