"""BibTeX: every source in the code has an entry, every entry is used, and all of it can be read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from findings import finding

import hingeline as hl
from hingeline.report.bibliography import BIBLIOGRAPHY, Paper, paper_of, papers_of
from hingeline.report.citations import TOOL_AUTHORS, TOOL_TITLE, bibtex, latex, paper_entry, tool_entry

PACKAGE = Path(hl.__file__).parent
ROOT = Path(__file__).resolve().parents[3]
REQUIRED = {
    "article": {"author", "title", "journal", "year"},
    "inproceedings": {"author", "title", "booktitle", "year"},
    "misc": {"author", "title"},
}


def texts(node: ast.AST) -> list[str]:
    """The texts that are written in a part of the code."""
    return [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def told_sources() -> Iterator[tuple[str, str]]:
    """Every line of sources in the package: tuples by that name, and what is handed to a Provenance."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and any(
                isinstance(name, ast.Name) and name.id.strip("_") == "SOURCES" for name in node.targets
            ):
                yield from ((path.name, text) for text in texts(node.value))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Provenance":
                named = [k.value for k in node.keywords if k.arg == "sources"]
                yield from ((path.name, text) for one in (*node.args[4:5], *named) for text in texts(one))


LINES = sorted({line for _, line in told_sources()})


def parsed(text: str) -> list[tuple[str, str, dict[str, str]]]:
    """Entries of BibTeX as kind, key and fields; a reader of its own that knows nothing of the writer."""
    entries: list[tuple[str, str, dict[str, str]]] = []
    at = text.find("@")
    while at >= 0:
        head = re.compile(r"@(\w+)\{([^,\s{}]+),").match(text, at)
        assert head is not None, text[at : at + 40]
        body, end = braced(text, head.end(1))
        entries.append((head[1], head[2], dict(fields(body[body.index(",") + 1 :]))))
        at = text.find("@", end)
    return entries


def fields(body: str) -> Iterator[tuple[str, str]]:
    at = 0
    while (named := re.compile(r"[\s,]*(\w+)\s*=\s*(?=\{)").match(body, at)) is not None:
        value, at = braced(body, named.end())
        yield named[1], value
    assert not body[at:].strip(" ,\n"), body[at:]


def braced(text: str, start: int) -> tuple[str, int]:
    """What stands between the brace at `start` and its partner, and where that ends."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if not depth:
            return text[start + 1 : at], at + 1
    raise AssertionError(f"a brace is not closed: {text[start:]}")


def test_the_search_finds_the_sources_of_every_verb() -> None:
    files = {name for name, _ in told_sources()}
    assert files >= {"doctor.py", "extract.py", "span.py", "obfuscate.py", "sources.py", "stability.py"}
    assert files >= {"defend.py", "recover.py", "judging.py"}


@pytest.mark.parametrize("line", LINES)
def test_every_source_is_one_paper(line: str) -> None:
    assert [paper.key for paper in BIBLIOGRAPHY if line.startswith(paper.begins)] == [
        getattr(paper_of(line), "key", "no paper")
    ]


@pytest.mark.parametrize("paper", BIBLIOGRAPHY, ids=lambda paper: paper.key)
def test_every_paper_is_somebodys_source_and_agrees_with_its_lines(paper: Paper) -> None:
    lines = [line for line in LINES if line.startswith(paper.begins)]
    assert lines
    for line in lines:
        assert re.findall(r"arXiv ([\d.]+)", line) in ([], [paper.arxiv])
        # the preprint of two papers came a year before the journal
        assert not (years := re.findall(r"\b(?:19|20)\d\d\b", line)) or paper.year - int(years[0]) in (0, 1)
        first = line.split(",")[0].split(" et al.")[0].split(" and ")[0]
        assert paper.authors[0].startswith(first)


@pytest.mark.parametrize("paper", BIBLIOGRAPHY, ids=lambda paper: paper.key)
def test_every_entry_can_be_read_and_has_what_its_kind_needs(paper: Paper) -> None:
    ((kind, key, told),) = parsed(paper_entry(paper))
    assert (kind, key) == (paper.kind, paper.key)
    assert told.keys() >= REQUIRED[kind] and all(told.values())
    assert len(told["author"].split(" and ")) == len(paper.authors)
    assert all(name.count(", ") == 1 for name in paper.authors)
    assert paper_entry(paper).isascii()
    assert "doi" not in told


def test_keys_are_unique() -> None:
    keys = [key for _, key, _ in parsed(bibtex(LINES))]
    assert len(keys) == len(set(keys)) == len(BIBLIOGRAPHY) + 1


@pytest.mark.parametrize(
    ("plain", "escaped"),
    [
        ("Körding", r"K{\"o}rding"),
        ("Tramèr", r"Tram{\`e}r"),
        ("Rémi", r"R{\'e}mi"),
        ("Śmieja", r"{\'S}mieja"),
        ("Müßig & Łoś", r"M{\"u}{\ss}ig \& {\L}o{\'s}"),
        ("naïve", r"na{\"\i}ve"),
        ("Ko\u0308rding", r"K{\"o}rding"),
        ("a_b 5% #1 {x}", r"a\_b 5\% \#1 \{x\}"),
    ],
)
def test_letters_are_written_as_latex_reads_them(plain: str, escaped: str) -> None:
    assert latex(plain) == escaped


def test_the_tool_alone_is_one_entry_and_a_finding_adds_its_methods() -> None:
    assert hl.cite() == tool_entry()
    found = finding()
    sources = (LINES[0], LINES[0], next(line for line in LINES if "Kneedle" in line))
    cited = hl.cite(type(found)(None, found.outcome, {}, found.spending, provenance(sources)))
    papers, unknown = papers_of(sources)
    assert [key for _, key, _ in parsed(cited)] == ["hingeline", *(paper.key for paper in papers)]
    assert len(papers) == 2 and unknown == ()


def test_a_source_without_an_entry_is_told_in_a_comment_that_begins_no_entry() -> None:
    cited = bibtex(["Nobody, @misc{A Work, 2031"])
    assert [key for _, key, _ in parsed(cited)] == ["hingeline"]
    assert "% no entry is known of: Nobody" in cited and cited.count("@") == 1


def provenance(sources: tuple[str, ...]) -> hl.Provenance:
    return hl.Provenance("extract", "m", 0, {}, sources)


# -- CITATION.cff, a file of YAML of which only the plainest part is used

ALLOWED = {
    "abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi", "identifiers",
    "keywords", "license", "license-url", "message", "preferred-citation", "references", "repository",
    "repository-artifact", "repository-code", "title", "type", "url", "version",
}  # fmt: skip
PERSON = {"family-names", "given-names", "name-particle", "name-suffix", "orcid", "affiliation", "email"}


def citation_file() -> dict[str, object]:
    lines = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    rows = [(len(line) - len(line.lstrip()), line.strip()) for line in lines if line.strip()]
    value, rest = block(rows, 0)
    assert not rest and isinstance(value, dict)
    return value


def block(rows: list[tuple[int, str]], indent: int) -> tuple[object, list[tuple[int, str]]]:
    """A mapping or a list that stands at `indent`, and the rows after it."""
    found: dict[str, object] = {}
    items: list[object] = []
    while rows and rows[0][0] == indent:
        _, text = rows[0]
        if text.startswith("- "):
            inner = [(indent + 2, text[2:]), *rows[1:]]
            if re.match(r"[\w-]+:(\s|$)", text[2:]):
                value, rows = block(inner, indent + 2)
            else:
                value, rows = text[2:].strip('"'), rows[1:]
            items.append(value)
            continue
        name, _, told = text.partition(":")
        assert name not in found
        if told.strip():
            found[name], rows = told.strip().strip('"'), rows[1:]
        else:
            found[name], rows = block(rows[1:], rows[1][0])
    assert not (items and found)
    return items or found, rows


def test_the_citation_file_has_the_form_of_cff_1_2_0() -> None:
    told = citation_file()
    assert told["cff-version"] == "1.2.0" and told["type"] == "software"
    assert {"message", "title", "authors"} <= told.keys() <= ALLOWED
    assert isinstance(told["keywords"], list) and len(set(told["keywords"])) == len(told["keywords"])
    for entry in (told, *references()):
        assert isinstance(entry["authors"], list) and entry["authors"]
        for author in entry["authors"]:
            assert "name" in author or {"family-names", "given-names"} <= author.keys() <= PERSON


def references() -> list[dict[str, object]]:
    found = citation_file()["references"]
    assert isinstance(found, list)
    return found


def test_the_citation_file_and_the_bibtex_of_the_tool_say_the_same() -> None:
    told, ((_, _, entry),) = citation_file(), parsed(tool_entry())
    assert told["title"] == TOOL_TITLE and [{"name": name} for name in TOOL_AUTHORS] == told["authors"]
    assert entry["title"] == f"{{{told['title']}}}"
    assert entry["note"] == f"Version {told['version']}" == f"Version {hl.__version__}"


def test_the_references_of_the_citation_file_are_papers_of_the_bibliography() -> None:
    for entry in references():
        assert {"type", "title", "authors"} <= entry.keys()
        (paper,) = [paper for paper in BIBLIOGRAPHY if paper.title == entry["title"]]
        authors = tuple(f"{a['family-names']}, {a['given-names']}" for a in entry["authors"])
        assert (authors, str(paper.year)) == (paper.authors, entry["year"])
        assert entry["conference"] == {"name": paper.venue}
