"""Rows of small grey images as SVG, each image inside it as PNG, so that the file needs nothing else.

Grey alone, also for signed values (zero in the middle): it prints, and nobody's eyes are in the way.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from html import escape

from hingeline.core.figure_data import Picture, Pictures
from hingeline.report.drawing import GRID, INK, WIDTH, Drawing, lines_of

_LARGEST = 168  # side of an image, pixels
_GAP = 16
_TITLES = 26
_LINE = 16  # height of one line under an image
_NARROW_GAP = 10
_MOST_ABREAST, _ABREAST = 4, 3  # columns on a phone: all of few, else so many of them


def drawn_pictures(figure: Pictures, width: int = WIDTH) -> Drawing:
    """Titles, images, and the words under each; where there is no room, some columns below the others."""
    columns = len(figure.titles)
    together = columns if width == WIDTH or columns <= _MOST_ABREAST else _ABREAST
    parts: list[str] = []
    top = 0.0
    for first in range(0, max(columns, 1), max(together, 1)):
        titles = figure.titles[first : first + together]
        drawn, top = _block(
            titles, [row[first : first + together] for row in figure.rows], width, top, together
        )
        parts += drawn
    return Drawing(top, parts, width)


def _block(
    titles: Sequence[str], rows: Sequence[Sequence[Picture]], width: int, top: float, abreast: int
) -> tuple[list[str], float]:
    """Columns under their titles from `top` on, and where they end."""
    gap = _GAP if width == WIDTH else _NARROW_GAP
    side = min(_LARGEST, (width - gap * (abreast - 1)) // max(abreast, 1))
    broken = [[lines_of(picture.words, side) for picture in row] for row in rows]
    heads = [[title] if width == WIDTH else lines_of(title, side) for title in titles]
    parts = [
        _small(column * (side + gap), top + 16 + _LINE * n, line, 13)
        for column, lines in enumerate(heads)
        for n, line in enumerate(lines)
    ]
    top += _TITLES + _LINE * (max(map(len, heads)) - 1) if heads else 0
    for row, captions in zip(rows, broken, strict=True):
        for column, (picture, lines) in enumerate(zip(row, captions, strict=True)):
            x = column * (side + gap)
            parts.append(_image(x, top, side, picture))
            parts += [_small(x, top + side + 15 + _LINE * n, line, 12) for n, line in enumerate(lines)]
        top += side + 20 + _LINE * max((len(lines) for lines in captions), default=0)
    return parts, top


def png_bytes(picture: Picture) -> bytes:
    """The image as an 8-bit grey PNG."""
    height, width = len(picture.pixels), len(picture.pixels[0])
    span = (picture.white - picture.black) or 1.0
    lines = (
        # every line begins with the number of its filter: 0, none
        b"\0" + bytes(round(255 * min(max((v - picture.black) / span, 0.0), 1.0)) for v in line)
        for line in picture.pixels
    )
    # width, height, 8 bits, grey, and the only compression, filter and interlacing there is
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(lines), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _image(x: float, y: float, side: float, picture: Picture) -> str:
    data = base64.b64encode(png_bytes(picture)).decode("ascii")
    # A thin border: black and white images must not flow into the page.
    return (
        f'<image x="{x}" y="{y}" width="{side}" height="{side}" style="image-rendering:pixelated" '
        f'preserveAspectRatio="none" href="data:image/png;base64,{data}"/>'
        f'<rect x="{x}" y="{y}" width="{side}" height="{side}" fill="none" stroke="{GRID}"/>'
    )


def _small(x: float, y: float, text: str, size: int) -> str:
    weight = "600" if size > 12 else "400"
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{INK}">{escape(text)}</text>'
    )
