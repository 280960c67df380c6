"""The verb on doors: what is asked, what it costs, what a budget leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.core.outcome import Finding, Status
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.statistics import median
from hingeline.oracles.journal import Journal
from hingeline.sensitivity.fragility import fragility
from hingeline.sensitivity.profile import FragilityProfile

_MADE = random_network((12, 10, 3), seed=121, initialisation="torch")
NETWORK = PiecewiseLinearNetwork(_MADE.weights, _MADE.biases)
POINTS = np.random.default_rng(122).standard_normal((4, 12))
QUICK = {"parts": ("distance", "biases", "depth", "fisher")}
SEEN = fragility(NETWORK, POINTS, settings=QUICK).require()


class Counted:
    """A door's inside that counts rows and the reach of coordinates by itself."""

    def __init__(self, function: Any) -> None:
        self.function, self.rows = function, 0
        self.lowest, self.highest = np.inf, -np.inf

    def __call__(self, points: FloatArray) -> FloatArray:
        self.rows += len(points)
        self.lowest = min(self.lowest, float(points.min()))
        self.highest = max(self.highest, float(points.max()))
        return self.function(points)


DOORS: dict[str, Any] = {
    "values": NETWORK,
    "softmax": lambda p: softmax(NETWORK(p), axis=1),
    "rounded": lambda p: np.round(NETWORK(p), 4),
    "single precision": lambda p: NETWORK(p).astype(np.float32),
    "labels": lambda p: NETWORK(p).argmax(axis=1)[:, np.newaxis],
}


def asked(function: Any, x: Any = POINTS, **options: Any) -> tuple[Finding[FragilityProfile], Counted]:
    inside, opening = Counted(function), options.pop("opening", {})
    options = {"settings": QUICK} | options
    return fragility(hl.oracle(inside, input_dim=x.shape[1], **opening), x, **options), inside


@pytest.mark.parametrize("kind", DOORS)
def test_a_door_gives_upper_bounds_near_those_that_are_proved(kind: str) -> None:
    opening = {"dtype": "float32"} if kind == "single precision" else {}
    finding, inside = asked(DOORS[kind], opening=opening)
    profile = finding.value
    assert profile is not None and finding.outcome.status == Status.PARTIAL
    np.testing.assert_array_equal(profile.classes, SEEN.classes)
    # a door that rounds moves the boundary by what it rounds
    assert (profile.upper >= SEEN.lower * (1 - 0.01)).all()
    assert median(profile.upper / SEEN.upper) <= (1.2 if kind == "labels" else 1.1)
    assert finding.queries == inside.rows and not profile.proved.any() and not profile.lower.any()


def test_what_a_door_tells_of_gradients_agrees_with_its_weights() -> None:
    profile = asked(NETWORK)[0].value
    assert profile is not None and profile.distance is not None and SEEN.distance is not None
    np.testing.assert_allclose(profile.distance.linear, SEEN.distance.linear, rtol=1e-6)
    assert {v.name for v in profile.verdicts} <= {v.name for v in SEEN.verdicts}


def test_a_door_of_labels_says_what_could_not_be_measured() -> None:
    profile = asked(DOORS["labels"])[0].value
    assert profile is not None and profile.distance is None and profile.depth is not None
    assert "labels only" in profile.left_out[0]
    assert any(sentence.startswith("Flip distance") for sentence in profile.left_out)
    assert "saturated or masked" not in {v.name for v in profile.verdicts}


def test_dear_parts_are_left_out_by_name_and_measured_when_named() -> None:
    silent = asked(NETWORK, settings={"attacks": ("gradient ray",)})[0].value
    assert silent is not None and silent.linearity is None
    assert any("Local linearity" in s and "queries" in s for s in silent.left_out)
    named = asked(NETWORK, settings={"attacks": ("gradient ray",), "parts": ("linearity",)})[0].value
    assert named is not None and named.linearity is not None


def test_the_price_is_what_the_docstring_says() -> None:
    values, labels = asked(NETWORK, settings=None)[0], asked(DOORS["labels"], settings=None)[0]
    assert values.queries < 1.5 * len(POINTS) * (2_200 + 4 * 12)
    assert labels.queries < len(POINTS) * 2_500
    assert labels.queries > 100 * len(POINTS)


@pytest.mark.parametrize("kind", ["values", "labels"])
@pytest.mark.parametrize("budget", [1, 30, 150, 600, 2500, 6000])
def test_a_budget_is_never_exceeded_and_what_was_found_is_kept(kind: str, budget: int) -> None:
    finding, inside = asked(DOORS[kind], budget=budget, settings=None)
    assert inside.rows <= budget and finding.queries == inside.rows
    assert finding.outcome.status == Status.BUDGET_SPENT or budget == 6000
    if budget < 10:
        assert finding.value is None
    if budget >= 600:
        assert finding.value is not None and np.isfinite(finding.value.upper).sum() >= 3
        flips = np.isfinite(finding.value.upper)
        moved = NETWORK(finding.value.points + finding.value.changes).argmax(axis=1)
        assert (moved[flips] == finding.value.flipped_to[flips]).all()


def test_a_larger_budget_leaves_no_part_without_its_share() -> None:
    finding = asked(NETWORK, budget=8_000, settings=None)[0]
    phases = finding.spending.queries_by_phase
    attacks = sum(rows for name, rows in phases.items() if name.startswith("attacks"))
    assert 0 < phases["gradient ray"] <= 4_000 and 1_000 < attacks < 6_000
    assert phases["flip curves"] > 0


def test_the_same_seed_asks_the_same_and_finds_the_same() -> None:
    settings = {"parts": ("distance", "curves")}
    one, two = (asked(NETWORK, POINTS[:2], seed=3, settings=settings)[0] for _ in range(2))
    assert one.value is not None and two.value is not None
    assert one.value.to_dict() == two.value.to_dict() and one.queries == two.queries


def test_a_journal_is_replayed_without_asking(tmp_path: Path) -> None:
    settings = {"attacks": ("gradient ray",), "parts": ("distance",)}
    findings, rows = [], []
    for _ in range(2):
        inside = Counted(NETWORK)
        with Journal.open(tmp_path / "journal.sqlite") as journal:
            door = hl.oracle(inside, input_dim=12, name="mine")
            findings.append(fragility(door, POINTS, settings=settings, journal=journal))
        rows.append(inside.rows)
    assert rows[0] > 0 and rows[1] == 0 and findings[0].queries == findings[1].queries
    assert findings[0].value.to_dict() == findings[1].value.to_dict()


def test_the_bounds_of_a_door_are_respected() -> None:
    points = np.random.default_rng(123).uniform(0, 1, (3, 12))
    finding, inside = asked(NETWORK, points, opening={"bounds": (0.0, 1.0)})
    assert inside.lowest >= 0 and inside.highest <= 1 and finding.value is not None
    with pytest.raises(hl.InvalidInput, match="leaves the target's bounds"):
        asked(NETWORK, points, box=(0.0, 2.0), opening={"bounds": (0.0, 1.0)})


@pytest.mark.parametrize("norm", ["linf", "l1"])
def test_other_norms_are_asked_too(norm: str) -> None:
    settings = {"parts": (), "attacks": ("boundary descent",)}
    seen = fragility(NETWORK, POINTS[:3], norm=norm, settings=settings).value  # type: ignore[arg-type]
    profile = asked(NETWORK, POINTS[:3], norm=norm)[0].value
    assert seen is not None and profile is not None
    assert (profile.upper >= seen.lower * (1 - 1e-6)).all()
    assert median(profile.upper / seen.upper) <= 1.25
