"""Draw the picture of README.md: weights that were hidden beside weights that answers gave away.

    python docs/picture.py

Runs the demo's extraction (half a second), compares with the truth only afterwards, and writes
docs/figures/readme.svg. A test runs it into another folder and compares what it says.
"""

from __future__ import annotations

import argparse
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import hingeline as hl
from hingeline.evaluation.demo_data import digits_network

FloatArray = NDArray[np.float64]

SHOWN = 8
PIXELS = 8
"""Rows and columns of one image."""
PIXEL = 9
STEP = 84
"""Distance between the left edges of neighbouring images."""
LEFT, HIDDEN_TOP, FOUND_TOP = 152, 44, 136
POSITIVE, NEGATIVE = np.array([0xB3, 0x4A, 0x00]), np.array([0x00, 0x4F, 0x86])
"""Dark ends of the scale; safe for the colour-blind."""


def picture() -> str:
    """The whole drawing; the same on every machine but for the digits of rounding errors."""
    truth = digits_network()
    finding = hl.extract(hl.demo_oracle(), seed=0)
    copy = finding.require()
    difference = hl.diff(truth, copy)
    hidden, found = _matched_rows(truth.weights[0], copy.weights[0], difference)
    parts = [
        *_row("hidden", "nobody sees these", hidden, HIDDEN_TOP),
        *_row("rebuilt", "from answers alone", found, FOUND_TOP),
    ]
    head = (
        f"{finding.queries:,} questions to a classifier of handwritten digits gave all "
        f"{copy.parameter_count:,} weights and biases."
    )
    foot = (
        f"First layer, {SHOWN} of {len(difference.neurons[0].matched)} neurons, one square for each pixel. "
        f"Largest difference of any parameter: {difference.max_parameter_error:.0e}."
    )
    return _drawing(head, parts, foot)


def _matched_rows(
    hidden: FloatArray, found: FloatArray, difference: hl.NetworkDifference
) -> tuple[FloatArray, FloatArray]:
    """Rows of norm one of the first neurons, in the order of the hidden network."""
    pairs = sorted((match.a[0], match.b[0]) for match in difference.neurons[0].matched)[:SHOWN]
    rows = [hidden[[a for a, _ in pairs]], found[[b for _, b in pairs]]]
    first, second = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in rows)
    return first, second


def _row(name: str, about: str, rows: FloatArray, top: int) -> list[str]:
    """A label and the images of some neurons."""
    middle = top + PIXELS * PIXEL / 2
    label = [
        f'<text x="16" y="{middle - 2:.0f}" font-size="16" font-weight="600">{name}</text>',
        f'<text x="16" y="{middle + 16:.0f}" font-size="12" fill="#555">{about}</text>',
    ]
    largest = float(np.abs(rows).max())
    images = [_image(row / largest, LEFT + STEP * at, top) for at, row in enumerate(rows)]
    return label + images


def _image(weights: FloatArray, left: int, top: int) -> str:
    """One neuron: orange where a pixel speaks for it, blue where against; from -1 to 1."""
    squares = [
        f'<rect x="{left + PIXEL * (at % PIXELS)}" y="{top + PIXEL * (at // PIXELS)}" '
        f'width="{PIXEL}" height="{PIXEL}" fill="{_colour(float(weight))}"/>'
        for at, weight in enumerate(weights)
    ]
    side = PIXELS * PIXEL
    edge = f'<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="none" stroke="#999"/>'
    return "".join([*squares, edge])


def _colour(weight: float) -> str:
    end = POSITIVE if weight > 0 else NEGATIVE
    red, green, blue = (round(float(part)) for part in 255 + (end - 255) * abs(weight))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _drawing(head: str, parts: list[str], foot: str) -> str:
    width, height = LEFT + STEP * SHOWN + 4, FOUND_TOP + PIXELS * PIXEL + 38
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            f'font-family="system-ui, sans-serif" fill="#222"><title>{escape(head)}</title>',
            f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>',
            f'<text x="16" y="26" font-size="15">{escape(head)}</text>',
            *parts,
            f'<text x="16" y="{height - 14}" font-size="12" fill="#555">{escape(foot)}</text>',
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "figures" / "readme.svg")
    parser.parse_args().out.write_text(picture(), encoding="utf-8")
