"""Figures as PNG, drawn from their SVG by resvg (extra [plot]), which needs no other program.

Cost: about 10 ms a figure and 50 kB; the machine's own fonts are read each time.
"""

from __future__ import annotations

from functools import cache

from hingeline.core.errors import HingelineError, MissingExtra

_ZOOM = 2
"""Pixels for each of a drawing's: sharp in print at half a page's width."""
# Everything a caption may hold is in the first; the others are what systems bring along.
_FAMILIES = (
    "DejaVu Sans",
    "Noto Sans",
    "Liberation Sans",
    "Arial",
    "Helvetica",
    "Segoe UI",
    "Roboto",
    "Ubuntu",
    "Cantarell",
    "FreeSans",
)
_TRIAL = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 20"><text y="15">{}</text></svg>'
_NO_SUCH = "no family of this name"


class NoFont(HingelineError):
    """No font was found to write the words of a drawing with."""

    def __init__(self) -> None:
        super().__init__(
            "no font was found on this machine, and a figure without words says nothing. Install one:  "
            "apt-get install fonts-dejavu-core"
        )


def png_drawing(svg: str) -> bytes:
    """A drawing of ours as PNG, on white.

    Raises:
        MissingExtra: resvg-py is not installed.
        NoFont: Its words would be missing.
    """
    try:
        import resvg_py
    except ImportError as error:
        raise MissingExtra("Drawing .png", "plot") from error
    family = font_family()
    return resvg_py.svg_to_bytes(
        svg_string=svg, background="#ffffff", zoom=_ZOOM, sans_serif_family=family, serif_family=family
    )


@cache
def font_family() -> str:
    """The first family of ours that this machine can write with.

    Found by writing: a font that is listed and cannot be read would leave the words out.
    """
    found = next((family for family in _FAMILIES if _written("Words", family) != _written("", family)), None)
    if found is None:
        raise NoFont
    return found


def _written(words: str, family: str) -> bytes:
    import resvg_py

    # Else words that the family cannot write would appear in any other font.
    return resvg_py.svg_to_bytes(
        svg_string=_TRIAL.format(words), font_family=family, serif_family=_NO_SUCH, sans_serif_family=_NO_SUCH
    )
