"""What `defend` does with a recipe: reads inputs, labels and training data, sees weights where it may."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from hingeline.cli.exits import status_code
from hingeline.cli.rows import read_labels, read_rows
from hingeline.cli.run_inputs import named_file, named_inputs, named_labels, named_target
from hingeline.cli.runs import Ran, Run
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink
from hingeline.evaluation.defending.call import DefendCall
from hingeline.evaluation.defending.defend import defend
from hingeline.evaluation.defending.settings import DefendSettings
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import Oracle
from hingeline.report.defend import defend_report
from hingeline.report.recipe import Recipe

# Options that are fields of `DefendSettings`, by the same names.
_SETTINGS = tuple(field.name for field in fields(DefendSettings))


def defend_run(oracle: Oracle, recipe: Recipe) -> Run:
    """`defend` as the recipe tells it.

    Raises:
        InvalidInput: A file does not fit the target, or a setting cannot be meant.
        FormatError: A file cannot be read.
    """
    said, dim = recipe.settings, oracle.spec.input_dim
    inputs = named_inputs(recipe, dim)
    box = said.get("box")
    call: dict[str, Any] = {
        "target": named_target(oracle, recipe),
        "x": inputs,
        "y": named_labels(recipe, len(inputs)),
        "defences": said.get("defences"),
        "train": _training(recipe, dim),
        "norm": said.get("norm", "linf"),
        "box": oracle.spec.bounds if box is None else (float(box[0]), float(box[1])),
        "budget": recipe.budget,
        "seed": recipe.seed,
        "settings": {k: said[k] for k in _SETTINGS if k in said},
    }
    # refused later, it would leave a folder behind
    DefendCall.read(**call)

    def run(journal: Journal, on_event: EventSink) -> Ran:
        found = defend(**call, journal=journal, on_event=on_event)
        # whether it was seen or asked, it is the target that was named
        found = replace(found, provenance=replace(found.provenance, target=oracle.spec.name))
        return Ran(found, defend_report(found, recipe), status_code(found.outcome.status), {})

    return run


def _training(recipe: Recipe, dim: int) -> tuple[Any, Any] | None:
    rows, labels = named_file(recipe, "train"), named_file(recipe, "train_labels")
    if (rows is None) != (labels is None):
        raise InvalidInput("--train and --train-labels go together: inputs and their classes")
    if rows is None or labels is None:
        return None
    return read_rows(rows, dim), read_labels(labels)
