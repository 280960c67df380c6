"""How the numbers of a query row lie in an image."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt, prod

from hingeline.core.errors import InvalidInput

ImageShape = tuple[int, int, int]
"""Channels, rows, columns; flattened in that order."""
GUESSED_CHANNELS = (1, 3)
"""Channels of the images that are guessed: grey and coloured."""
SMALLEST_GUESS = 5
"""Rows of the smallest image that is guessed."""


def checked_image(image: Sequence[int], input_dim: int) -> ImageShape:
    """The shape, if rows of `input_dim` numbers can be such images.

    Raises:
        InvalidInput: Not three positive whole numbers, or their product is another.
    """
    if len(image) != 3 or min(image) < 1:
        raise InvalidInput(f"an image is channels x rows x columns, such as 1x8x8; got {image!r}")
    if prod(image) != input_dim:
        said = "x".join(map(str, image))
        raise InvalidInput(f"an image of {said} has {prod(image)} numbers, but a query row has {input_dim}")
    return image[0], image[1], image[2]


def guessed_images(input_dim: int) -> tuple[ImageShape, ...]:
    """Square images, grey or coloured, that rows of `input_dim` numbers may be; often none."""
    sides = [(channels, isqrt(input_dim // channels)) for channels in GUESSED_CHANNELS]
    return tuple(
        (channels, side, side)
        for channels, side in sides
        if side >= SMALLEST_GUESS and channels * side * side == input_dim
    )
