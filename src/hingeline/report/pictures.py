"""Rows of small grey images as SVG, each image inside it as PNG, so that the file needs nothing else.

Grey alone, also for signed values (zero in the middle): it prints, and nobody's eyes are in the way.
"""

from __future__ import annotations

import base64
import struct
import zlib
from html import escape

from hingeline.core.figure_data import Picture, Pictures
from hingeline.report.drawing import GRID, INK, WIDTH, frame

_LARGEST = 168  # side of an image, pixels
_GAP = 16
_TITLES = 26
_LINE = 16  # height of one line under an image
_LETTER = 6.4  # width of a letter of that size, roughly, to break lines


def pictures_svg(figure: Pictures) -> str:
    """Titles, images, and the words under each."""
    side = min(_LARGEST, (WIDTH - _GAP * (len(figure.titles) - 1)) // max(len(figure.titles), 1))
    broken = [[_broken(picture.words, side) for picture in row] for row in figure.rows]
    parts = [_small(column * (side + _GAP), 16, title, 13) for column, title in enumerate(figure.titles)]
    top = _TITLES if figure.titles else 0
    for row, captions in zip(figure.rows, broken, strict=True):
        for column, (picture, lines) in enumerate(zip(row, captions, strict=True)):
            x = column * (side + _GAP)
            parts.append(_image(x, top, side, picture))
            parts += [_small(x, top + side + 15 + _LINE * n, line, 12) for n, line in enumerate(lines)]
        top += side + 20 + _LINE * max((len(lines) for lines in captions), default=0)
    return frame(figure.caption, top, parts)


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


def _broken(text: str, side: float) -> list[str]:
    """The words under an image in lines that are not wider than it."""
    lines: list[str] = []
    for word in text.split():
        if lines and (len(lines[-1]) + 1 + len(word)) * _LETTER <= side:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
