"""Two attacks of Foolbox on the digits of `hingeline demo`: counted, stopped by a budget, gone on with.

    pip install "hingeline[foolbox]"
    python examples/outward/foolbox_with_a_budget.py

Two of the 20 digits are called wrongly from the start; they count as flips of size 0.
It prints (torch 2.13, foolbox 3.3.4, 2 CPU cores):

    budget 2,000
      accuracy through the door: 90%
      BoundaryAttack stopped: 1,983 spent, 18 more wanted
      1,983 questions, 0 of them answered by the journal
      nearest flips on record: median 1.846
    budget 40,000
      accuracy through the door: 90%
      BoundaryAttack: 20 of 20 flipped, median change 1.793, 3,997 questions
      HopSkipJumpAttack: 20 of 20 flipped, median change 1.202, 4,525 questions
      8,542 questions, 1,983 of them answered by the journal
      nearest flips on record: median 1.202
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import foolbox
import numpy as np
import torch

import hingeline as hl
from hingeline.evaluation.demo_data import held_out_digits

COUNT, SEED = 20, 0
BUDGETS = (2000, 40000)


def main() -> int:
    """Run the attacks with each budget, on one journal."""
    digits = held_out_digits()
    points, labels = digits.points[::10][:COUNT], digits.labels[::10][:COUNT].astype(np.int64)
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "answers.sqlite"
        for budget in BUDGETS:
            print(f"budget {budget:,}")
            with hl.counted(hl.demo_oracle(), budget=budget, journal=journal) as door:
                attack(door, points, labels)
                print(f"  {door.queries:,} questions, {door.replayed:,} of them answered by the journal")
            flips = hl.kept_flips(journal, points, labels)
            print(f"  nearest flips on record: median {np.median(flips.distances):.3f}")
    return 0


def attack(door: hl.CountedOracle, points: Any, labels: Any) -> None:
    """Both attacks on a counted door; the global generators they draw from start from one seed each."""
    model = hl.for_foolbox(door, bounds=(0, 1), input_shape=(1, 8, 8))
    images, classes = torch.tensor(points).reshape(-1, 1, 8, 8), torch.tensor(labels)
    print(f"  accuracy through the door: {foolbox.utils.accuracy(model, images, classes):.0%}")
    for made in (
        foolbox.attacks.BoundaryAttack(steps=150),
        foolbox.attacks.HopSkipJumpAttack(steps=3, initial_gradient_eval_steps=50),
    ):
        name = type(made).__name__
        try:
            with hl.seeded(SEED), door.session.phase(name):
                _, found, success = made(model, images, classes, epsilons=None)
        except hl.BudgetExhausted as stopped:
            print(f"  {name} stopped: {stopped.spent:,} spent, {stopped.wanted:,} more wanted")
            return
        sizes = np.linalg.norm((found - images).flatten(1).numpy(), axis=1)
        spent = door.session.spending.queries_by_phase[name]
        print(
            f"  {name}: {int(success.sum())} of {len(images)} flipped, median change {np.median(sizes):.3f}, "
            f"{spent:,} questions"
        )


if __name__ == "__main__":
    sys.exit(main())
