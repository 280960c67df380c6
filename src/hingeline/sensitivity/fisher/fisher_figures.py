"""Spectra of Fisher information and directions in input space, as figure data."""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Axis, Curve, Curves, Picture, Pictures
from hingeline.numerics.statistics import quantile

_BANDS = (("highest tenth of inputs", 0.9), ("median input", 0.5), ("lowest tenth of inputs", 0.1))


def spectrum(eigenvalues: FloatArray) -> Curves:
    """Eigenvalues "n q" against their place, for inputs of small, typical and large ones."""
    places = tuple(float(i + 1) for i in range(eigenvalues.shape[1]))
    return Curves(
        "fisher-spectrum",
        "Eigenvalues of the Fisher information of the class probabilities at the input, largest first: the "
        "median input and the tenths. A steep fall means that the answer depends on few directions.",
        Axis("eigenvalue, largest first", whole=True),
        Axis("eigenvalue, per squared input unit", log=True),
        tuple(
            Curve(label, places, tuple(quantile(column, share) for column in eigenvalues.T))
            for label, share in _BANDS
        ),
    )


def direction_images(
    directions: FloatArray,
    shape: tuple[int, int],
    *,
    name: str = "fisher-directions",
    titles: tuple[str, ...] = (),
    caption: str = "Directions to which the class probabilities of each input are most sensitive, one "
    "input per line; grey is no change, and as the sign is arbitrary black and white may be exchanged.",
) -> Pictures:
    """Directions "n r d" as images, one line for each input.

    Raises:
        InvalidInput: The shape does not hold d pixels.
    """
    if shape[0] * shape[1] != directions.shape[2]:
        raise InvalidInput(f"an image of shape {shape} does not hold {directions.shape[2]} pixels")
    told = titles or tuple(f"direction {i + 1}" for i in range(directions.shape[1]))
    rows = tuple(tuple(_picture(direction, shape) for direction in row) for row in directions)
    return Pictures(name, caption, told, rows)


def _picture(direction: FloatArray, shape: tuple[int, int]) -> Picture:
    """Grey in the middle: no change."""
    reach = float(np.abs(direction).max(initial=0.0)) or 1.0
    lines = direction.reshape(shape)
    return Picture(tuple(tuple(round(float(v), 4) for v in line) for line in lines), -reach, reach)
