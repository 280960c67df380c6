"""What a recipe names, read for the verbs that look at given inputs: inputs, labels, the target's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hingeline.cli.rows import read_labels, read_rows, read_shape
from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.oracles.opening import is_reference, referenced
from hingeline.oracles.protocol import Oracle
from hingeline.report.recipe import Recipe
from hingeline.sensitivity.models.opening import is_torch_module, seen_network


def named_inputs(recipe: Recipe, dim: int) -> FloatArray:
    """The inputs of --data, the first --rows of them; images keep their shape.

    Raises:
        InvalidInput: No file was named, or it holds fewer rows.
        FormatError: It cannot be read.
    """
    path = named_file(recipe, "data")
    if path is None:
        raise InvalidInput(f"{recipe.verb} wants inputs to look at: --data FILE")
    rows, wanted = read_rows(path, dim), recipe.settings.get("rows")
    if wanted is not None and wanted > len(rows):
        raise InvalidInput(f"--rows {wanted}: {path} holds {len(rows):,}")
    rows = rows[:wanted]
    shape = read_shape(path)
    return rows if shape is None else rows.reshape(len(rows), *shape)


def named_labels(recipe: Recipe, inputs: int) -> FloatArray | None:
    """One for each input; a file may go on beyond the rows that --rows takes, as the data may.

    Raises:
        InvalidInput: There are fewer, or more without --rows.
        FormatError: The file cannot be read.
    """
    path = named_file(recipe, "labels")
    if path is None:
        return None
    told = read_labels(path)
    if len(told) < inputs or (len(told) > inputs and "rows" not in recipe.settings):
        raise InvalidInput(f"{path} holds {len(told):,} labels for {inputs:,} inputs")
    return told[:inputs]


def named_file(recipe: Recipe, name: str) -> Path | None:
    """Where the file of an option lies; None if it was not said."""
    file = recipe.files.get(name)
    return None if file is None else Path(file["path"])


def named_target(oracle: Oracle, recipe: Recipe) -> Any:
    """The network in a file or the module that a reference names, where there is one; else the door."""
    target = str(recipe.target["target"])
    if is_reference(target):
        found = referenced(target)
        return found if is_torch_module(found) else oracle
    network = seen_network(target)
    return oracle if network is None else network
