"""Reviews of kept rows as a table that a person can fill in: CSV with a header.

    row,label,verdict,reviewer,note
    17,3,pending,,

The table shows what the label is and not what the models answered, so that nobody follows them. Label errors
concentrate in a filtered set; until a person has looked, a row is pending.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from hingeline.core.errors import FormatError, InvalidInput
from hingeline.defences.filtration.filtered_pool import FilteredPool
from hingeline.defences.filtration.manifest import Review
from hingeline.networks.files import write_atomically

COLUMNS = ("row", "label", "verdict", "reviewer", "note")


def write_reviews(filtered: FilteredPool, path: str | Path) -> None:
    """Write one line for each kept row, with the verdicts so far.

    Raises:
        InvalidInput: A place that cannot be written to.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for review, label in zip(filtered.manifest.reviews, filtered.y.tolist(), strict=True):
        table.writerow((review.row, label, review.verdict, review.reviewer, review.note))
    write_atomically(path, lambda file: file.write_text(text.getvalue(), encoding="utf-8"))


def read_reviews(path: str | Path) -> tuple[Review, ...]:
    """Read reviews for `FilteredPool.apply_review`; the column of labels is for people and not read.

    Raises:
        FormatError: No such file, or a line that is no review; the message names the line.
    """
    try:
        # spreadsheets put a byte order mark before UTF-8
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            missing = {"row", "verdict", "reviewer"} - set(table.fieldnames or ())
            if missing:
                raise FormatError(f"{path} has no column {', '.join(sorted(missing))}")
            return tuple(_review(path, table.line_num, line) for line in table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"cannot read reviews from {path}: {error}") from error


def _review(path: str | Path, number: int, line: dict[str, Any]) -> Review:
    values = {column: (line.get(column) or "").strip() for column in ("row", "verdict", "reviewer", "note")}
    try:
        row = int(values["row"])
        return Review(row, values["verdict"].lower(), values["reviewer"], values["note"])  # pyright: ignore
    except (ValueError, InvalidInput) as error:
        raise FormatError(f"{path}, line {number}: {error}") from error
