"""What `fragility` does with a recipe: reads inputs and labels, sees weights where it may, asks otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hingeline.cli.exits import status_code
from hingeline.cli.rows import read_rows
from hingeline.cli.run_inputs import named_file, named_inputs, named_labels, named_target
from hingeline.cli.runs import Ran, Run
from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink
from hingeline.networks.feed_forward import FeedForwardNetwork
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import Oracle
from hingeline.report.fragility import fragility_report
from hingeline.report.recipe import Recipe
from hingeline.sensitivity.attacks.named import attacks_named
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fragility import fragility
from hingeline.sensitivity.inputs import Inputs
from hingeline.sensitivity.profile import FragilityProfile
from hingeline.sensitivity.settings import FragilitySettings
from hingeline.sensitivity.threat import Threat

# Options that are fields of `FragilitySettings`, by the same names.
_SETTINGS = ("parts", "attacks", "exact", "nodes", "seconds", "workers")


@dataclass(frozen=True, eq=False)
class FragilityWishes:
    """What the recipe asks for, its files read."""

    target: Any
    """The network whose weights are seen, the module to differentiate, or the door to ask."""
    inputs: FloatArray
    """Shape "n d", or "n" and the shape of an example."""
    labels: FloatArray | None
    free: BoolArray | None
    box: tuple[float, float] | None
    settings: FragilitySettings

    @classmethod
    def read(cls, oracle: Oracle, recipe: Recipe) -> FragilityWishes:
        """What a recipe asks of a target.

        Raises:
            InvalidInput: Something cannot be meant; found later, it would already have cost queries.
            FormatError: A file cannot be read.
        """
        said, dim = recipe.settings, oracle.spec.input_dim
        inputs = named_inputs(recipe, dim)
        box = said.get("box")
        wishes = cls(
            target=oracle if said.get("ask") else named_target(oracle, recipe),
            inputs=inputs,
            labels=named_labels(recipe, len(inputs)),
            free=_free(recipe, dim),
            box=None if box is None else (float(box[0]), float(box[1])),
            settings=FragilitySettings.of({k: said[k] for k in _SETTINGS if k in said}),
        )
        wishes.check(oracle, said)
        return wishes

    def check(self, oracle: Oracle, said: Mapping[str, Any]) -> None:
        """Refuse what the verb would refuse, before a run is begun.

        Raises:
            InvalidInput: Inputs, labels, box, free coordinates or attacks that cannot be meant.
        """
        rows, bounds = Inputs.read(self.inputs, self.labels), oracle.spec.bounds
        threat = Threat(said.get("norm", "l2"), self.box or bounds, rows.mask(self.free))
        rows.check(threat, self.box, bounds)
        if self.settings.attacks is not None:
            attacks_named(self.settings.attacks)
        if isinstance(self.target, FeedForwardNetwork | PiecewiseLinearNetwork):
            rows.labels_for(Decision(self.target.output_dim, said.get("threshold", 0.0)))


def fragility_run(oracle: Oracle, recipe: Recipe) -> Run:
    """`fragility` as the recipe tells it.

    Raises:
        InvalidInput: A file does not fit the target, or a setting cannot be meant.
        FormatError: A file cannot be read.
    """
    wishes, said = FragilityWishes.read(oracle, recipe), recipe.settings

    def run(journal: Journal, on_event: EventSink) -> Ran:
        found = fragility(
            wishes.target,
            wishes.inputs,
            wishes.labels,
            norm=said.get("norm", "l2"),
            box=wishes.box or oracle.spec.bounds,
            free=wishes.free,
            threshold=said.get("threshold", 0.0),
            budget=recipe.budget,
            seed=recipe.seed,
            settings=wishes.settings,
            journal=journal,
            on_event=on_event,
        )
        # whether it was seen or asked, it is the target that was named
        found = replace(found, provenance=replace(found.provenance, target=oracle.spec.name))
        arrays = {} if found.value is None else {"fragility.npz": fragility_arrays(found.value)}
        return Ran(found, fragility_report(found, recipe), status_code(found.outcome.status), arrays)

    return run


def _free(recipe: Recipe, dim: int) -> BoolArray | None:
    path = named_file(recipe, "free")
    if path is None:
        return None
    rows = read_rows(path, dim)
    if len(rows) != 1 or not np.isin(rows, (0.0, 1.0)).all():
        raise InvalidInput(
            f"{path}: --free wants one row of 0 and 1, for all inputs; it holds {len(rows):,} of "
            f"numbers from {rows.min():g} to {rows.max():g}"
        )
    return rows[0] == 1.0


def fragility_arrays(value: FragilityProfile) -> dict[str, Any]:
    """What fragility.npz holds."""
    names = ("points", "changes", "classes", "flipped_to", "upper", "lower", "proved")
    arrays: dict[str, Any] = {name: getattr(value, name) for name in names}
    if value.labels is not None:
        arrays["labels"] = value.labels
    if value.fisher is not None:
        arrays["fisher_directions"] = value.fisher.top
    if value.universal is not None:
        arrays["universal_directions"] = value.universal.directions
    return arrays
