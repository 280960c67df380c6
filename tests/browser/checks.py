"""What must hold of every report in a browser; `failures(page)` of a new page says what does not."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from headless import Browser, Page

WIDTHS = (390, 1280)
"""A phone and a screen, pixels."""
LARGEST = 5_000_000
"""Bytes of a page."""
SERIOUS = ("serious", "critical")

# For every figure: its number of drawn elements that take up room, 0 where the drawing itself has none.
_DRAWN = """[...document.querySelectorAll('figure')].map(figure => {
    const box = element => element.getBoundingClientRect();
    const drawing = [...figure.querySelectorAll('svg')].find(one => box(one).height && box(one).width);
    if (!drawing) return 0;
    const parts = [...drawing.querySelectorAll('rect, circle, polyline, image')];
    return parts.filter(part => box(part).width + box(part).height > 0).length;
})"""
_OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"
_IDENTS = "[...document.querySelectorAll('[id]')].map(element => element.id)"
_LINKS = "[...document.querySelectorAll('a')].map(link => link.getAttribute('href'))"


def failures(browser: Browser, path: Path) -> list[str]:
    """Everything that is wrong with a report, in words; empty if nothing is."""
    page = browser.open(path)
    try:
        found = [*unquiet(page, path), *dangling(page)]
        for width in WIDTHS:
            found += [*overflow(page, width), *undrawn(page)]
        for width, dark in ((WIDTHS[0], False), (WIDTHS[1], True), (WIDTHS[1], False)):
            page.look(width, dark=dark)
            found += barriers(page)
        return found + unprintable(page) + overweight(path)
    finally:
        page.close()


def unquiet(page: Page, path: Path) -> list[str]:
    """What was written to the console, and what was asked for besides the file itself."""
    asked = [url for url in page.requests() if url != path.resolve().as_uri()]
    fetched = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    outside = [*asked, *(url for url in fetched if not url.startswith("data:"))]
    return [f"console: {words}" for words in page.complaints()] + [f"request for {url}" for url in outside]


def undrawn(page: Page) -> list[str]:
    """Figures in which nothing is drawn."""
    return [f"figure {n} is empty" for n, count in enumerate(page.evaluate(_DRAWN), start=1) if count == 0]


def dangling(page: Page) -> list[str]:
    """Names of places that are not unique, and links to no place; data inside the page are no links."""
    idents, links = page.evaluate(_IDENTS), page.evaluate(_LINKS)
    twice = [f"id {ident} occurs twice" for ident in {i for i in idents if idents.count(i) > 1}]
    inside = [link for link in links if not link.startswith("data:")]
    return twice + [
        f"link to {link}" for link in inside if not link.startswith("#") or link[1:] not in idents
    ]


def overflow(page: Page, width: int) -> list[str]:
    """By how much the page is wider than the screen."""
    page.look(width)
    over = page.evaluate(_OVERFLOW)
    return [f"{over} pixels too wide at {width}"] if over > 0 else []


def barriers(page: Page) -> list[str]:
    """Serious and critical findings of axe-core, then the milder ones; none if none is serious."""
    page.ask("Page.setBypassCSP", enabled=True)  # the checker puts a style of its own into the page
    page.evaluate(f"{axe_source()}; true")
    violations = page.evaluate("axe.run(document).then(found => found.violations)")
    told = [_told(one) for one in sorted(violations, key=lambda one: one["impact"] not in SERIOUS)]
    return told if any(one["impact"] in SERIOUS for one in violations) else []


def unprintable(page: Page) -> list[str]:
    """What is wrong with the page as PDF."""
    pdf = page.pdf()
    whole = pdf.startswith(b"%PDF") and pdf.count(b"/Type /Page\n") >= 1
    return [] if whole else [f"no page in a PDF of {len(pdf)} bytes"]


def overweight(path: Path) -> list[str]:
    """The size, if it is too large."""
    size = path.stat().st_size
    return [f"{size} bytes"] if size > LARGEST else []


@cache
def axe_source() -> str:
    """The accessibility checker, from the package that carries it, which is not imported."""
    found = importlib.util.find_spec("axe_core_python")
    assert found is not None and found.origin is not None, "the extra [test] brings axe-core-python"
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def _told(violation: dict[str, Any]) -> str:
    places = [node["html"][:120] for node in violation["nodes"][:3]]
    return f"{violation['impact']}: {violation['id']} at {len(violation['nodes'])} places, such as {places}"
