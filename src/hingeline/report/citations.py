"""BibTeX of this tool and of the methods that a run used.

The methods are the lines of sources that a finding carries; `bibliography` knows the papers behind them. What
it does not know is told in a comment and never left out in silence.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hingeline.core.version import __version__
from hingeline.report.bibliography import Paper, papers_of

if TYPE_CHECKING:
    from hingeline.core.outcome import Finding

TOOL = "hingeline"
"""The tool's name in BibTeX."""
# As in CITATION.cff, which is no part of an installed package; a test holds both together.
TOOL_TITLE = "hingeline: rebuilding ReLU networks from their answers"
TOOL_AUTHORS = ("The hingeline authors",)

_VENUES = {"article": "journal", "inproceedings": "booktitle"}
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0308": '"',
    "\u030a": "r ",
    "\u030c": "v ",
    "\u0327": "c ",
}
_LETTERS = {
    "ß": r"{\ss}",
    "ø": r"{\o}",
    "Ø": r"{\O}",
    "ł": r"{\l}",
    "Ł": r"{\L}",
    "æ": r"{\ae}",
    "Æ": r"{\AE}",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    "–": "--",
    "\\": r"{\textbackslash}",
    "~": r"{\textasciitilde}",
    "^": r"{\textasciicircum}",
    "{": r"\{",
    "}": r"\}",
} | {mark: f"\\{mark}" for mark in "&%$#_"}


def cite(finding: Finding[Any] | None = None) -> str:
    """BibTeX of this tool and, with a finding, of the methods that it used.

    Args:
        finding: What any verb returned; None for the tool alone.

    Returns:
        Entries with a blank line between them, in ASCII; sources without an entry stand in comments.
    """
    return bibtex(() if finding is None else finding.provenance.sources)


def bibtex(sources: Iterable[str] = ()) -> str:
    """BibTeX of this tool and of the papers that lines of sources name, each once."""
    papers, unknown = papers_of(sources)
    entries = [tool_entry(), *(paper_entry(paper) for paper in papers)]
    # Between entries BibTeX reads nothing but the sign that begins one.
    comments = [f"% no entry is known of: {latex(line).replace('@', ' at ')}\n" for line in unknown]
    return "\n".join(entries + comments)


def tool_entry() -> str:
    """The entry of this tool."""
    # Its authors are a name and no person, so they stand in braces of their own.
    authors = " and ".join(f"{{{latex(name)}}}" for name in TOOL_AUTHORS)
    title = f"{{{latex(TOOL_TITLE)}}}"
    return _entry("misc", TOOL, {"author": authors, "title": title, "note": f"Version {__version__}"})


def paper_entry(paper: Paper) -> str:
    """The entry of a paper, with the fields that are known."""
    fields = {
        "author": " and ".join(map(latex, paper.authors)),
        # a second pair of braces keeps the capitals of the title
        "title": f"{{{latex(paper.title)}}}",
        _VENUES.get(paper.kind, "howpublished"): latex(paper.venue),
        "volume": paper.volume,
        "pages": paper.pages,
        "year": str(paper.year),
    }
    if paper.arxiv:
        fields |= {"eprint": paper.arxiv, "archiveprefix": "arXiv"}
    return _entry(paper.kind, paper.key, {name: value for name, value in fields.items() if value})


def latex(text: str) -> str:
    """`text` in ASCII as LaTeX reads it; letters that have no such form stay as they are."""
    return "".join(_letter(letter) for letter in unicodedata.normalize("NFC", text))


def _letter(letter: str) -> str:
    if letter in _LETTERS:
        return _LETTERS[letter]
    parts = unicodedata.normalize("NFD", letter)
    if letter.isascii() or len(parts) != 2 or parts[1] not in _ACCENTS:
        return letter
    # an accent takes the place of the dot
    base = f"\\{parts[0]}" if parts[0] in "ij" else parts[0]
    return f"{{\\{_ACCENTS[parts[1]]}{base}}}"


def _entry(kind: str, key: str, fields: dict[str, str]) -> str:
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"]) + "\n"
