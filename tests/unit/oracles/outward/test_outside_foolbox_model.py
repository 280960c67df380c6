"""Attacks of Foolbox ask our doors: counted, within a budget, going on from a journal; skipped without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hingeline as hl
from hingeline.evaluation.demo_data import held_out_digits
from hingeline.oracles.journal_care import journal_stats
from hingeline.oracles.journal_reader import JournalReader

foolbox: Any = pytest.importorskip("foolbox")
torch: Any = pytest.importorskip("torch")

# what these libraries warn of is theirs to change
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

DIGITS = held_out_digits()
POINTS, LABELS = DIGITS.points[20:26], DIGITS.labels[20:26].astype(np.int64)
KINDS = ["numpy", "torch.float32", "torch.float64"]


def shown(kind: str = "torch.float32") -> tuple[Any, Any]:
    """Images and labels in one of `KINDS`."""
    images = POINTS.reshape(-1, 1, 8, 8)
    if kind == "numpy":
        return images, LABELS
    return torch.tensor(images, dtype=getattr(torch, kind.partition(".")[2])), torch.tensor(LABELS)


def boundary() -> Any:
    return foolbox.attacks.BoundaryAttack(steps=40)


def hop_skip_jump() -> Any:
    return foolbox.attacks.HopSkipJumpAttack(
        steps=2, initial_gradient_eval_steps=10, max_gradient_eval_steps=20
    )


def points_of(images: Any) -> Any:
    return np.asarray(images, dtype=np.float64).reshape(len(images), -1)


def labels_door(**known: Any) -> Any:
    """The digits' classifier, telling only which digit."""
    door = hl.demo_oracle()
    return hl.oracle(lambda rows: door.query(rows).argmax(axis=1), input_dim=64, answers="labels", **known)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("attack", [boundary, hop_skip_jump])
def test_its_claims_hold_on_the_door_and_every_question_was_counted(attack: Any, kind: str) -> None:
    arrived = 0
    door = hl.demo_oracle()

    def counting(rows: Any) -> Any:
        nonlocal arrived
        arrived += len(rows)
        return door.query(rows)

    model = hl.for_foolbox(hl.counted(hl.oracle(counting, input_dim=64)), bounds=(0, 1))
    images, labels = shown(kind)
    with hl.seeded(0):
        _, found, success = attack()(model, images, labels, epsilons=None)
    assert type(found) is type(images) and found.dtype == images.dtype and bool(success.all())
    assert (door.query(points_of(found)).argmax(axis=1) != LABELS).all()
    assert points_of(found).min() >= 0 and points_of(found).max() <= 1
    assert model.door.queries == arrived > 100


def test_labels_are_enough_for_attacks_on_decisions() -> None:
    by_labels = hl.for_foolbox(labels_door(), bounds=(0, 1), classes=10)
    by_values = hl.for_foolbox(hl.demo_oracle(), bounds=(0, 1))
    images, labels = shown()
    found = []
    for model in (by_labels, by_values):
        with hl.seeded(1):
            found.append(hop_skip_jump()(model, images, labels, epsilons=None)[1])
    assert torch.equal(found[0], found[1])
    assert by_labels.door.queries == by_values.door.queries


@pytest.mark.parametrize("attack", [boundary, hop_skip_jump])
def test_a_second_run_with_the_same_seed_sends_nothing(attack: Any, tmp_path: Path) -> None:
    path, runs = tmp_path / "answers.sqlite", []
    images, labels = shown()
    for _ in range(2):
        with hl.counted(hl.demo_oracle(), journal=path) as door, hl.seeded(7):
            found = attack()(hl.for_foolbox(door, bounds=(0, 1)), images, labels, epsilons=None)[1]
            with JournalReader.read(path) as journal:
                runs.append((points_of(found), door.queries, journal_stats(journal).rows_sent))
    assert np.array_equal(runs[0][0], runs[1][0])
    assert runs[0][1:] == runs[1][1:] and door.replayed == door.queries == runs[0][2]


def test_an_attack_stopped_by_its_budget_ends_where_an_unlimited_one_does(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    images, labels = shown()

    def run(budget: int | None, **kept: Any) -> tuple[Any, int, int]:
        with hl.counted(hl.demo_oracle(), budget=budget, **kept) as door, hl.seeded(3):
            found = boundary()(hl.for_foolbox(door, bounds=(0, 1)), images, labels, epsilons=None)[1]
            return points_of(found), door.queries, door.replayed

    with pytest.raises(hl.BudgetExhausted, match=r"answers\.sqlite") as stopped:
        run(300, journal=path)
    assert stopped.value.spent <= 300
    whole, resumed = run(None), run(5000, journal=path)
    assert np.array_equal(whole[0], resumed[0]) and whole[1] == resumed[1]
    assert resumed[2] == stopped.value.spent > 250


def test_what_a_stopped_attack_had_found_is_in_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    images, labels = shown()
    with (
        hl.counted(hl.demo_oracle(), budget=400, journal=path) as door,
        hl.seeded(3),
        pytest.raises(hl.BudgetExhausted),
    ):
        boundary()(hl.for_foolbox(door, bounds=(0, 1)), images, labels, epsilons=None)
    flips = hl.kept_flips(path, POINTS, LABELS)
    assert np.isfinite(flips.distances).all() and flips.rows == door.queries
    assert (hl.demo_oracle().query(flips.points).argmax(axis=1) != LABELS).all()


@pytest.mark.parametrize(
    "name", ["LinfFastGradientAttack", "L2DeepFoolAttack", "L2CarliniWagnerAttack", "LinfPGD"]
)
def test_an_attack_that_wants_gradients_fails_in_words_and_asks_at_most_the_inputs(name: str) -> None:
    model = hl.for_foolbox(hl.demo_oracle(), bounds=(0, 1))
    images, labels = shown()
    with pytest.raises(hl.UnsupportedOracle, match=r"wants gradients.*not asked.*HopSkipJumpAttack"):
        getattr(foolbox.attacks, name)()(model, images, labels, epsilons=[0.1])
    # DeepFool looks at the classes of its inputs first
    assert model.door.queries == (len(POINTS) if name == "L2DeepFoolAttack" else 0)


def test_its_own_accuracy_helper_shows_the_users_accuracy_and_wrong_scaling_in_words() -> None:
    model = hl.for_foolbox(hl.demo_oracle(), bounds=(0, 1), input_shape=(1, 8, 8))
    images = torch.tensor(DIGITS.points.reshape(-1, 1, 8, 8))
    labels = torch.tensor(DIGITS.labels.astype(np.int64))
    told = (hl.demo_oracle().query(DIGITS.points).argmax(axis=1) == DIGITS.labels).mean()
    assert foolbox.utils.accuracy(model, images, labels) == pytest.approx(told)
    with pytest.raises(hl.InvalidInput, match="pixels from 0 to 255"):
        model(16 * images)
    with pytest.raises(hl.InvalidInput, match=r"want \(n, 1, 8, 8\)"):
        model(images.reshape(-1, 64))


def test_other_bounds_are_transformed_by_foolbox_itself() -> None:
    model = hl.for_foolbox(hl.demo_oracle(), bounds=(0, 1))
    images, _ = shown("torch.float64")
    wider = model.transform_bounds((-1, 1))
    assert torch.allclose(wider(2 * images - 1), model(images), atol=1e-12)


def test_a_row_that_is_no_number_is_not_asked_and_others_are() -> None:
    model = hl.for_foolbox(hl.demo_oracle(), bounds=(0, 1))
    images, _ = shown("torch.float64")
    images[2, 0, 3, 3] = float("nan")
    told = model(images)
    assert model.door.queries == 5 and bool(torch.isnan(told[2]).all())
    assert bool(torch.isfinite(told[[0, 1, 3, 4, 5]]).all())


def test_an_input_misclassified_from_the_start_does_not_stop_the_boundary_attack() -> None:
    model = hl.for_foolbox(hl.demo_oracle(), bounds=(0, 1))
    images, labels = shown()
    labels = labels.clone()
    labels[0] = (labels[0] + 1) % 10
    with hl.seeded(0):
        found = boundary()(model, images, labels, epsilons=None)[1]
    assert torch.equal(found[0], images[0])


def test_an_attack_that_treats_images_as_such_is_told_where_channels_are() -> None:
    model = hl.for_foolbox(hl.demo_oracle(), bounds=(0, 1), data_format="channels_first")
    images, labels = shown()
    wanted = foolbox.criteria.TargetedMisclassification((labels + 1) % 10)
    with hl.seeded(0):
        foolbox.attacks.GenAttack(steps=2)(model, images, wanted, epsilons=0.3)
    assert model.door.queries > 0
    assert not hasattr(hl.for_foolbox(hl.demo_oracle(), bounds=(0, 1)), "data_format")


def test_a_door_with_bounds_needs_none_and_refuses_wider_ones() -> None:
    door = hl.oracle(hl.demo_oracle(), bounds=(0.0, 1.0))
    assert tuple(hl.for_foolbox(door).bounds) == (0.0, 1.0)
    with pytest.raises(hl.InvalidInput, match="reach outside"):
        hl.for_foolbox(door, bounds=(-1, 1))
