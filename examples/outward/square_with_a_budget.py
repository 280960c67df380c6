"""AutoAttack's Square on the digits of `hingeline demo`: counted, stopped by a budget, gone on with.

    pip install "hingeline[autoattack]"
    python examples/outward/square_with_a_budget.py

It prints (torch 2.13, pyautoattack 0.2.0, 2 CPU cores):

    budget 500
      stopped: 499 spent, 10 more wanted
      499 questions, 0 of them answered by the journal
      flips on record within 0.15: 7 of 20
    budget 40,000
      right after the attack: 60%
      897 questions, 499 of them answered by the journal
      flips on record within 0.15: 8 of 20
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pyautoattack import AutoAttack

import hingeline as hl
from hingeline.evaluation.demo_data import held_out_digits

COUNT, SEED = 20, 0
EPS, QUERIES = 0.15, 200
BUDGETS = (500, 40000)


def main() -> int:
    """Run Square with each budget, on one journal."""
    digits = held_out_digits()
    points, labels = digits.points[::10][:COUNT], digits.labels[::10][:COUNT].astype(np.int64)
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "answers.sqlite"
        for budget in BUDGETS:
            print(f"budget {budget:,}")
            with hl.counted(hl.demo_oracle(), budget=budget, journal=journal) as door:
                square(door, points, labels)
                print(f"  {door.queries:,} questions, {door.replayed:,} of them answered by the journal")
            flips = hl.kept_flips(journal, points, labels, norm="linf")
            inside = int((flips.distances <= EPS + 1e-6).sum())
            print(f"  flips on record within {EPS}: {inside} of {COUNT}")
    return 0


def square(door: hl.CountedOracle, points: Any, labels: Any) -> None:
    """Square on a counted door; its seed is said, since its own default is the clock."""
    forward = hl.for_autoattack(door, input_shape=(1, 8, 8))
    attack = AutoAttack(forward, norm="Linf", eps=EPS, version="custom", attacks=["square"], seed=SEED)
    attack.square.n_queries = QUERIES
    images = torch.tensor(points, dtype=torch.float32).reshape(-1, 1, 8, 8)
    try:
        with hl.seeded(SEED):  # Square seeds the global generator too; this puts it back
            _, told = attack.run_standard_evaluation(images, torch.tensor(labels))
    except hl.BudgetExhausted as stopped:
        print(f"  stopped: {stopped.spent:,} spent, {stopped.wanted:,} more wanted")
        return
    print(f"  right after the attack: {(told.numpy() == labels).mean():.0%}")


if __name__ == "__main__":
    sys.exit(main())
