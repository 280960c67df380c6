"""What a recipe asks of `span`: settings, and the files it names, read and held against the door."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hingeline.cli.rows import read_rows
from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.oracles.protocol import OracleSpec
from hingeline.report.recipe import Recipe
from hingeline.subspace.settings import SpanSettings

# Names of options, where the settings are called otherwise.
_FIELDS = {"active": "active_points"}
_OF_SPAN = ("method", "polish", "quantum", "active", "moves")
# Eight bits: 256 levels from one end of the box to the other, so 255 steps.
_STEPS_OF_A_BYTE = 255


@dataclass(frozen=True, eq=False)
class SpanWishes:
    """What the recipe asks for, its files read."""

    settings: SpanSettings
    box: tuple[float, float] | None
    data: FloatArray | None
    """Examples, shape "n d"."""
    originals: FloatArray | None
    """Inputs to obfuscate, shape "m d"."""
    target: FloatArray | None
    """What they shall look like, shape "1 d" or "m d"."""
    sigma: float | None
    """Deviation of the noise that hides them."""

    @classmethod
    def read(cls, recipe: Recipe, spec: OracleSpec) -> SpanWishes:
        """What a recipe asks of a door, its files read.

        Raises:
            InvalidInput: Something cannot be meant; found later, it would already have cost queries.
            FormatError: A file cannot be read.
        """
        said, dim = recipe.settings, spec.input_dim
        data = _rows(recipe, "data", dim)
        box = _box(said.get("box"), spec.bounds)
        fields = {_FIELDS.get(name, name): said[name] for name in _OF_SPAN if name in said}
        originals = _originals(recipe, data, dim)
        target = _rows(recipe, "target-image", dim)
        _check_inside("--data", data, spec.bounds)
        _check_inside("--obfuscate", originals, box or spec.bounds)
        _check_pairs(originals, target)
        return cls(SpanSettings(**fields), box, data, originals, target, said.get("sigma"))

    def is_of_bytes(self, bounds: tuple[float, float] | None) -> bool:
        """Whether inputs are images of 8 bits: the quantum is a 255th of the box."""
        box, quantum = self.box or bounds, self.settings.quantum
        if box is None or quantum is None:
            return False
        return math.isclose(quantum * _STEPS_OF_A_BYTE, box[1] - box[0], rel_tol=1e-6)  # 1/255 as it is typed


def _box(said: Any, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
    if said is None:
        return None
    low, high = float(said[0]), float(said[1])
    if bounds is not None and not bounds[0] <= low < high <= bounds[1]:
        raise InvalidInput(
            f"--box {low:g} {high:g} leaves the target's bounds, {bounds[0]:g} to {bounds[1]:g}"
        )
    return low, high


def _check_inside(name: str, rows: FloatArray | None, box: tuple[float, float] | None) -> None:
    """Inputs outside the range are a mistake, most often of scale."""
    if rows is None or box is None or (rows.min() >= box[0] and rows.max() <= box[1]):
        return
    # 8-bit images are told by their range: up to 255 where the target takes up to 1.
    hint = "; 8-bit images? divide by 255" if box == (0, 1) and 1 < rows.max() <= _STEPS_OF_A_BYTE else ""
    raise InvalidInput(
        f"the inputs of {name} reach from {rows.min():.4g} to {rows.max():.4g}, outside {box[0]:g} to "
        f"{box[1]:g}{hint}"
    )


def _check_pairs(originals: FloatArray | None, target: FloatArray | None) -> None:
    if originals is not None and target is not None and len(target) not in (1, len(originals)):
        raise InvalidInput(
            f"--target-image holds {len(target):,} rows for {len(originals):,} inputs; want 1 or as many"
        )


def _originals(recipe: Recipe, data: FloatArray | None, input_dim: int) -> FloatArray | None:
    """The rows to obfuscate: a file's, or the first of the data."""
    wanted = recipe.settings.get("obfuscate")
    if wanted is None:
        return _rows(recipe, "obfuscate", input_dim)
    if data is None or len(data) < wanted:
        held = 0 if data is None else len(data)
        raise InvalidInput(f"--obfuscate {wanted} wants so many rows of --data; there are {held}")
    return data[:wanted]


def _rows(recipe: Recipe, name: str, input_dim: int) -> FloatArray | None:
    file: Mapping[str, str] | None = recipe.files.get(name)
    return None if file is None else read_rows(Path(file["path"]), input_dim)
