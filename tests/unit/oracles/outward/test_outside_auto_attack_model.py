"""Square of AutoAttack asks our doors, counted and resumable; skipped without pyautoattack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hingeline as hl
from hingeline.evaluation.demo_data import held_out_digits

torch: Any = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

DIGITS = held_out_digits()
POINTS, LABELS = DIGITS.points[20:28], DIGITS.labels[20:28].astype(np.int64)
IMAGES, CLASSES = torch.tensor(POINTS, dtype=torch.float32).reshape(-1, 1, 8, 8), torch.tensor(LABELS)


def square(forward: Any, *, eps: float = 0.1, norm: str = "Linf", queries: int = 60) -> Any:
    library: Any = pytest.importorskip("pyautoattack")
    made = library.AutoAttack(
        forward, norm=norm, eps=eps, version="custom", attacks=["square"], seed=0, device="cpu"
    )
    made.square.n_queries = queries
    return made


@pytest.mark.parametrize(("norm", "eps"), [("Linf", 0.15), ("L2", 0.8), ("L1", 4.0)])
def test_what_square_claims_holds_on_the_door(norm: str, eps: float) -> None:
    forward = hl.for_autoattack(hl.demo_oracle(), input_shape=(1, 8, 8))
    with hl.seeded(0):
        found, told = square(forward, norm=norm, eps=eps).run_standard_evaluation(IMAGES, CLASSES)
    points = found.double().numpy().reshape(-1, 64)
    flipped = hl.demo_oracle().query(points).argmax(axis=1) != LABELS
    order = {"Linf": np.inf, "L2": 2, "L1": 1}[norm]
    assert flipped.any() and np.array_equal(flipped, told.numpy() != LABELS)
    assert np.linalg.norm(points - POINTS, ord=order, axis=1).max() <= eps * (1 + 1e-5)
    assert 8 < forward.door.queries < 8 * 70


def test_a_run_stopped_by_its_budget_goes_on_without_asking_again(tmp_path: Path) -> None:
    path, whole = tmp_path / "answers.sqlite", hl.for_autoattack(hl.demo_oracle())
    expected, _ = square(whole).run_standard_evaluation(IMAGES, CLASSES)
    with (
        hl.counted(hl.demo_oracle(), budget=100, journal=path) as door,
        pytest.raises(hl.BudgetExhausted, match=r"answers\.sqlite"),
    ):
        square(hl.for_autoattack(door)).run_standard_evaluation(IMAGES, CLASSES)
    with hl.counted(hl.demo_oracle(), journal=path) as again:
        found, _ = square(hl.for_autoattack(again)).run_standard_evaluation(IMAGES, CLASSES)
    assert torch.equal(found, expected)
    assert again.queries == whole.door.queries and again.replayed == door.queries > 80


def test_attacks_with_gradients_fail_in_words() -> None:
    library: Any = pytest.importorskip("pyautoattack")
    forward = hl.for_autoattack(hl.demo_oracle())
    standard = library.AutoAttack(forward, norm="Linf", eps=0.1, seed=0)
    with pytest.raises(hl.UnsupportedOracle, match=r"wants gradients.*attacks=\['square'\]"):
        standard.run_standard_evaluation(IMAGES, CLASSES)
    assert forward.door.queries == len(IMAGES)  # its checks, which want none


def test_its_check_for_randomised_models_asks_once_from_memory_and_five_times_fresh() -> None:
    checks: Any = pytest.importorskip("pyautoattack.checks")
    rng = np.random.default_rng(0)
    wavering = hl.oracle(lambda rows: rng.normal(size=(len(rows), 10)), input_dim=64)
    checks.check_randomized(hl.for_autoattack(hl.counted(wavering)), IMAGES, CLASSES)
    fresh = hl.for_autoattack(hl.counted(wavering, fresh=True))
    with pytest.warns(Warning, match="randomized defense"):
        checks.check_randomized(fresh, IMAGES, CLASSES)
    assert fresh.door.queries == 5 * len(IMAGES)


def test_zero_and_one_stand_for_the_doors_bounds() -> None:
    door = hl.demo_oracle()
    scans = hl.oracle(lambda rows: door.query(rows / 16), input_dim=64, bounds=(0.0, 16.0))
    images = torch.tensor(POINTS).reshape(-1, 1, 8, 8)
    told = hl.for_autoattack(scans)(images)
    assert told.dtype == torch.float64 and not told.requires_grad
    assert np.allclose(told.numpy(), door.query(POINTS), atol=1e-12)
    with pytest.raises(hl.InvalidInput, match="images of AutoAttack are 0 to 1"):
        hl.for_autoattack(scans)(16 * images)


def test_gradients_are_refused_only_where_they_are_recorded() -> None:
    forward = hl.for_autoattack(hl.demo_oracle())
    images = IMAGES.clone().requires_grad_()
    with torch.no_grad():
        assert forward(images).shape == (8, 10)
    with pytest.raises(hl.UnsupportedOracle, match="wants gradients"):
        forward(images)


def test_labels_are_refused_because_square_would_call_any_such_model_robust() -> None:
    door = hl.oracle(lambda rows: np.zeros(len(rows)), input_dim=64, answers="labels")
    with pytest.raises(hl.UnsupportedOracle, match=r"labels only.*for_foolbox"):
        hl.for_autoattack(door)
