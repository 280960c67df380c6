"""The doctor at every defended door: it sees what was done, without being told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hingeline as hl
from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.defences.doors.abstaining import Abstaining
from hingeline.defences.doors.defended import defended
from hingeline.defences.doors.random_member import RandomMember
from hingeline.oracles.journal import Journal
from hingeline.oracles.session import QuerySession

SEEN: dict[str, dict[str, Any]] = {
    "none": {"answers": "logits", "kind": "piecewise linear", "deterministic": True},
    "round:3": {"rounding": 1e-3, "answers": "logits", "kind": "staircase"},
    "bits:9": {"rounding": 2.0**-9, "answers": "logits"},
    "float32": {"precision": "float32", "answers": "logits"},
    "float16": {"precision": "float16", "answers": "logits"},
    "float16-inputs": {"inputs_rounded": True},
    "noise:1e-2": {"kind": "stochastic", "deterministic": False},
    "keyed-noise:1e-2": {"deterministic": True, "answers": "logits"},
    "softmax": {"answers": "probabilities", "kind": "piecewise linear"},
    "top-k:2": {"answers": "logits", "deterministic": True},
    "labels": {"answers": "labels", "output_dim": 1},
    "noise:2+labels": {"answers": "labels"},
    "softmax+round:3": {"answers": "probabilities", "rounding": 1e-3},
    "rate:1e9": {"answers": "logits", "kind": "piecewise linear"},
}


@pytest.mark.parametrize("seed", [21, 22])
@pytest.mark.parametrize("text", SEEN)
def test_the_card_says_what_was_done(text: str, seed: int) -> None:
    network = hl.random_network((6, 12, 4), seed=seed)
    card = hl.doctor(defended(network, text, seed=seed), seed=seed).value
    assert {name: getattr(card, name) for name in SEEN[text]} == pytest.approx(SEEN[text])


def test_members_drawn_per_row_are_seen_as_random_and_drawn_once_are_not() -> None:
    networks = [hl.random_network((6, 12, 4), seed=s) for s in (31, 32, 33)]
    per_row = hl.doctor(defended(networks[0], RandomMember(networks))).require()
    once = hl.doctor(defended(networks[0], RandomMember(networks, draw="once"))).require()
    assert (per_row.kind, once.kind) == ("stochastic", "piecewise linear")


class Far:
    """Fires far from the origin."""

    def fires(self, points: FloatArray) -> BoolArray:
        return np.linalg.norm(points, axis=1) > 5.0


def test_an_abstaining_door_is_one_more_output() -> None:
    card = hl.doctor(defended(hl.random_network((6, 12, 4), seed=3), Abstaining(Far()))).require()
    assert (card.output_dim, card.deterministic) == (5, True)


def test_the_journal_replays_a_random_door_without_asking_it(tmp_path: Path) -> None:
    network = hl.random_network((4, 6, 2), seed=1)
    points = np.random.default_rng(0).standard_normal((20, 4))
    seen: list[FloatArray] = []
    for seed in (1, 2):
        journal = Journal.open(tmp_path / "journal.sqlite")
        session = QuerySession(defended(network, "noise:1", seed=seed), journal=journal)
        seen.append(np.vstack([session.ask(points), session.ask(points, fresh=True)]))
        journal.close()
    assert np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[0][:20], seen[0][20:])
