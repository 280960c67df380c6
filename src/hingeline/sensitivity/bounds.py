"""The smallest change that is known for each input, and the largest below which none is: both bounds.

Attacks give upper bounds, and of a door everything that was asked does. Where the target computes a ReLU
network whose weights are seen, a search proves the smallest; what it finds is tried on the target itself.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray, frozen
from hingeline.core.events import EventSink
from hingeline.core.randomness import Randomness
from hingeline.networks.exact_form import exact_form
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.journal import Journal
from hingeline.sensitivity.asked_flips import AskedFlips
from hingeline.sensitivity.attack_choice import (
    DOOR_ROWS,
    FEWEST_ROWS,
    ROWS_USED,
    attacks_on_door,
    attacks_on_module,
    attacks_on_weights,
)
from hingeline.sensitivity.attacks.base import Attack, Scene
from hingeline.sensitivity.attacks.best_of import BestFlips, best_of
from hingeline.sensitivity.attacks.named import attacks_named
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.exact.minimal import MinimalFlips, minimal_flips
from hingeline.sensitivity.models.asked_model import AskedModel
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.models.torch_chain import chain_of_module
from hingeline.sensitivity.models.torch_model import TorchModel
from hingeline.sensitivity.settings import FragilitySettings
from hingeline.sensitivity.solved_inputs import SolvedInJournal
from hingeline.sensitivity.stages import Stages

ATTACKS_SHARE = 0.7
"""Of what the gradients leave of a budget; the rest is for what explains the distances."""
_PUSHES = 1.0 + np.concatenate([[0.0], 10.0 ** np.arange(-13.0, -6.0)])
"""A smallest change ends on the boundary, where two ways of computing may disagree in the last digits."""


_NOTHING = 1e-6


_MOST_NUMBERS = 2**26
"""Of the largest array that bounding all rivals of one input takes."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """Bounds on the smallest flip of each input."""

    changes: FloatArray
    """Smallest change that is known, shape "n d"; zeros where none is."""
    flipped_to: IntArray
    """Decisions after it, shape "n"."""
    upper: FloatArray
    """Its size, shape "n"; infinite where none is known."""
    lower: FloatArray
    """Nothing smaller flips, shape "n"; 0 where nothing is proved."""
    proved: BoolArray
    """Where both agree, shape "n"."""
    searched: bool
    """Whether a search for a proof was made."""
    attacks: BestFlips | None
    minimal: MinimalFlips | None


def exact_network(model: Model) -> PiecewiseLinearNetwork | None:
    """The ReLU network that a model computes, where its weights are seen; else None."""
    if isinstance(model, NetworkModel):
        return exact_form(model.network)
    return chain_of_module(model) if isinstance(model, TorchModel) else None


def _too_wide(network: PiecewiseLinearNetwork, decision: Decision) -> bool:
    """Whether one look at all rivals would need more than half a gigabyte for one array."""
    widest = max(network.hidden_widths, default=1)
    return decision.rivals * widest * max(widest, network.input_dim) > _MOST_NUMBERS


def find_bounds(
    scene: Scene,
    stages: Stages,
    settings: FragilitySettings,
    randomness: Randomness,
    *,
    asked: AskedFlips | None,
    gradient_rows: float | None,
    journal: Journal | None,
    on_event: EventSink,
) -> Bounds:
    """Attack every input, and search with proof where that can be done.

    Args:
        scene: Target, inputs and threat.
        stages: What counts, and limits, what is done.
        settings: Which attacks, and how long a search may take.
        randomness: Draws what attacks draw.
        asked: What remembers a door's answers.
        gradient_rows: What a gradient of a door costs, in rows; None where it has none.
        journal: Keeps inputs that are solved, for a run that goes on.
        on_event: Gets an event for each input that was searched.
    """
    attacks = _attacked(scene, stages, settings, randomness, gradient_rows)
    known = _known(scene, attacks, asked)
    network = exact_network(scene.model) if settings.exact else None
    if network is None:
        return known
    if _too_wide(network, scene.decision):
        stages.left_out.append(
            f"Smallest flips: layers of {max(network.hidden_widths):,} neurons are too wide to be searched; "
            "the bounds from above are those of the attacks."
        )
        return known
    solved: SolvedInJournal | None = None
    if journal is not None:
        question = (network, scene.points, scene.decision, scene.threat, settings.exact_settings)
        solved = SolvedInJournal(journal, *question)

    def search() -> MinimalFlips:
        return minimal_flips(
            network,
            scene.points,
            scene.threat,
            decision=scene.decision,
            starts=None if attacks is None else attacks.points,
            settings=settings.exact_settings,
            workers=settings.workers,
            seconds=settings.seconds,
            solved=solved,
            on_event=on_event,
        )

    minimal = stages.measured("smallest flips", search)
    return known if minimal is None else _proved(scene, known, minimal)


def _tied(scene: Scene) -> BoolArray:
    """Inputs on the boundary itself, "n": no change is too small for them."""
    leads = scene.decision.leads(scene.model.outputs(scene.points), scene.classes)
    return np.asarray(leads.min(axis=1) <= 0.0)


def _attacked(
    scene: Scene,
    stages: Stages,
    settings: FragilitySettings,
    randomness: Randomness,
    gradient_rows: float | None,
) -> BestFlips | None:
    rng, door = randomness.step("attacks"), isinstance(scene.model, AskedModel | AskedFlips)
    if not door:
        chosen = _chosen(scene, settings)
        return stages.measured("attacks", lambda: best_of(scene, chosen, rng))
    allowance = None if stages.remaining is None else int(ATTACKS_SHARE * stages.remaining)
    fitting = DOOR_ROWS if allowance is None else int(allowance / (ROWS_USED * len(scene.points)))
    rows = min(DOOR_ROWS, fitting)
    if settings.attacks is None and rows < DOOR_ROWS:
        rows = max(rows, FEWEST_ROWS)
        stages.cut_short(f"Attacks were shortened to about {rows} queries for each input by the budget.")
    norm = scene.threat.norm
    attacks = (
        attacks_on_door(norm, rows, gradient_rows=gradient_rows)
        if settings.attacks is None
        else attacks_named(settings.attacks)
    )
    share = _Shares(stages, allowance, len(attacks))
    with stages.stage("attacks"):
        return best_of(scene, attacks, rng, gradients=gradient_rows is not None, around=share.next)


class _Shares:
    """What is left to attacks, divided by those still to come."""

    def __init__(self, stages: Stages, allowance: int | None, attacks: int) -> None:
        self._stages, self._to_come = stages, attacks
        remaining = stages.remaining
        # rows that must remain when the last attack ends
        self._kept = None if allowance is None or remaining is None else remaining - allowance

    def next(self, name: str) -> AbstractContextManager[None, bool | None]:
        """The context of the next attack."""
        left, remaining = max(1, self._to_come), self._stages.remaining
        self._to_come -= 1
        if self._kept is None or remaining is None:
            return self._stages.limited(name, None)
        return self._stages.limited(name, max(0, remaining - self._kept) // left)


def _chosen(scene: Scene, settings: FragilitySettings) -> tuple[Attack, ...]:
    if settings.attacks is not None:
        return attacks_named(settings.attacks)
    norm = scene.threat.norm
    seen = isinstance(scene.model, NetworkModel)
    return attacks_on_weights(norm, scene.model.input_dim) if seen else attacks_on_module(norm)


def _known(scene: Scene, attacks: BestFlips | None, asked: AskedFlips | None) -> Bounds:
    """Upper bounds alone."""
    count = len(scene.points)
    points, upper = scene.points.copy(), np.full(count, np.inf)
    for found in (attacks, asked):
        if found is not None:
            nearer = found.sizes < upper
            points[nearer], upper[nearer] = found.points[nearer], found.sizes[nearer]
    flipped_to, flips = scene.classes.copy(), np.isfinite(upper)
    if flips.any():
        # attacks confirmed these: a door answers them from memory
        flipped_to[flips] = scene.decision.of(scene.model.outputs(points[flips]))
    nothing = np.zeros(count, dtype=np.bool_)
    return Bounds(
        frozen(points - scene.points),
        flipped_to,
        frozen(upper),
        frozen(np.zeros(count)),
        nothing,
        searched=False,
        attacks=attacks,
        minimal=None,
    )


def _proved(scene: Scene, known: Bounds, minimal: MinimalFlips) -> Bounds:
    """Both bounds, the upper one as the target itself answers."""
    changes, upper = np.array(minimal.changes), np.array(minimal.upper)
    flipped_to, proved = minimal.flipped_to.copy(), minimal.proved.copy()
    pending = np.isfinite(upper)
    for push in _PUSHES:
        rows = np.nonzero(pending)[0]
        if not len(rows):
            break
        tried = scene.threat.changes_inside(scene.points[rows], push * minimal.changes[rows])
        found = scene.decision.of(scene.model.outputs(scene.points[rows] + tried))
        out = found != scene.classes[rows]
        done = rows[out]
        changes[done] = tried[out]
        upper[done], flipped_to[done] = scene.threat.size(changes[done]), found[out]
        pending[done] = False
    # what the target does not confirm is not known of it, and a search that ended early may know less
    worse = pending | (known.upper < upper)
    proved &= ~(pending | (known.upper < minimal.lower))
    changes[worse], upper[worse] = known.changes[worse], known.upper[worse]
    flipped_to[worse] = known.flipped_to[worse]
    # between zero and what was tried lies nothing but rounding
    proved |= _tied(scene) & (upper <= _NOTHING * (1.0 + scene.threat.size(scene.points)))
    return Bounds(
        frozen(changes),
        flipped_to,
        frozen(upper),
        frozen(np.minimum(minimal.lower, upper)),
        proved,
        searched=True,
        attacks=known.attacks,
        minimal=minimal,
    )
