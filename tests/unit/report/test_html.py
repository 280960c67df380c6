"""The page is one file that needs nothing, says what the report says, and trusts no word of a target."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from findings import CHECK, finding

from hingeline.core.outcome import Status
from hingeline.report.extraction import extraction_report
from hingeline.report.html import html_text
from hingeline.report.recipe import Recipe

RECIPE = Recipe("extract", {"target": "model.npz", "authorised": "J. Doe, ticket 4711"}, seed=7)
PAGE = html_text(extraction_report(finding(), RECIPE))


def visible(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.split("</style>")[1]).split())


def test_the_page_says_what_a_reader_needs() -> None:
    told = visible(PAGE)
    for words in (
        "With 90 questions the whole 2-2-1 network was rebuilt.",
        "Is the copy right?",
        "largest difference 1e-14; the closest call used 25% of what noise allows",
        "hingeline extract model.npz --seed 7",
        "J. Doe, ticket 4711",
        "Rolnick and Körding 2020",
    ):
        assert words in told


def test_the_page_needs_nothing_from_outside() -> None:
    attributes = re.findall(r'(?:src|href)="([^"]*)"', PAGE)
    assert all(address.startswith(("#", "data:")) for address in attributes)
    assert "default-src 'none'" in PAGE  # the browser holds it to that
    assert "<script" not in PAGE
    assert "url(" not in PAGE


def test_every_element_is_closed() -> None:
    open_elements: list[str] = []

    class Balance(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "rect", "line", "circle"):
                open_elements.append(tag)

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            assert open_elements.pop() == tag

    Balance().feed(PAGE)
    assert open_elements == []


def test_words_of_a_target_are_shown_not_run() -> None:
    page = html_text(extraction_report(finding(Status.PARTIAL, target="<script>alert(1)</script>")))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_failed_check_is_marked_as_one() -> None:
    check = CHECK | {"worst_ratio": 1e10, "unexplained_bends": 1}
    page = html_text(extraction_report(finding(Status.INCONCLUSIVE, verification=check)))
    assert page.count('<li class="no">') == 2
    assert '<li class="yes">' not in page
