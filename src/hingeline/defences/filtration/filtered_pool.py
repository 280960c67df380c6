"""A filtered pool: the hard rows, and the manifest that says where they come from; on disk and in memory."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.errors import FormatError, InvalidInput
from hingeline.core.figure_data import Bars
from hingeline.defences.filtration.manifest import Manifest, Review, load_manifest
from hingeline.defences.filtration.model_answers import digest
from hingeline.networks.files import write_atomically

DATA_FILE, MANIFEST_FILE = "filtered.npz", "manifest.json"
FEW_ROWS = 100
"""Below it, an accuracy is uncertain by about a tenth."""


@dataclass(frozen=True, eq=False)
class FilteredPool:
    """What `filter_hard` keeps.

    Attributes:
        rows: Numbers of the rows in the pool, ascending, shape "m".
        x: Inputs laid out flat, shape "m d".
        y: Labels, shape "m"; -1 where none was told.
        manifest: How it was made.
    """

    rows: IntArray
    x: FloatArray
    y: IntArray
    manifest: Manifest

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def standing(self) -> BoolArray:
        """Rows that no reviewer rejected, "m"."""
        return np.array([review.verdict != "reject" for review in self.manifest.reviews], dtype=np.bool_)

    def apply_review(self, table: Iterable[Review]) -> FilteredPool:
        """The same rows with the verdicts of `table`; rows that it leaves out stay as they are.

        Args:
            table: Reviews, such as those of `review.read_reviews(path)`; each row at most once.

        Raises:
            InvalidInput: A row that was not kept, or twice in the table.
        """
        reviews = {review.row: review for review in self.manifest.reviews}
        seen: set[int] = set()
        for review in table:
            if review.row not in reviews or review.row in seen:
                why = "is there twice" if review.row in seen else "is not among the rows that were kept"
                raise InvalidInput(f"row {review.row} of the review {why}")
            seen.add(review.row)
            reviews[review.row] = review
        return FilteredPool(self.rows, self.x, self.y, self.manifest.reviewed(tuple(reviews.values())))

    def save(self, folder: str | Path) -> None:
        """Write `filtered.npz` and `manifest.json` into `folder`, which is made if need be.

        Raises:
            InvalidInput: A place that cannot be written to.
        """
        place = Path(folder)
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput(f"cannot make the folder {place}: {error.strerror}") from error
        write_atomically(place / DATA_FILE, self._write_data)
        text = self.manifest.to_json()
        write_atomically(place / MANIFEST_FILE, lambda path: path.write_text(text, encoding="utf-8"))

    def _write_data(self, path: Path) -> None:
        with path.open("wb") as file:
            np.savez_compressed(file, rows=self.rows, x=self.x, y=self.y)

    @classmethod
    def load(cls, folder: str | Path) -> FilteredPool:
        """Read what `save` wrote; nothing is unpickled.

        Raises:
            FormatError: A file is missing or broken, or the data are not those of the manifest.
        """
        place = Path(folder)
        manifest = load_manifest(place / MANIFEST_FILE)
        rows, x, y = _arrays(place / DATA_FILE)
        kept = manifest.kept
        reviewed = [review.row for review in manifest.reviews]
        wrong = [
            what
            for what, array, sha256 in (
                ("rows", rows, kept.rows_sha256),
                ("inputs", x, kept.x_sha256),
                ("labels", y, kept.y_sha256),
            )
            if digest(array) != sha256
        ]
        if wrong or rows.tolist() != reviewed:
            raise FormatError(
                f"{place}: {DATA_FILE} holds other {', '.join(wrong) or 'rows than were reviewed'} than "
                f"{MANIFEST_FILE} tells; one of the two was changed"
            )
        return cls(rows, x, y, manifest)

    def summary(self) -> dict[str, Any]:
        """Scalars for a table."""
        manifest = self.manifest
        return {
            "mode": manifest.mode,
            "agree": manifest.agree,
            "min_conf": manifest.min_conf,
            "references": len(manifest.references),
            "pool_rows": manifest.pool.rows,
            "kept_rows": len(self),
            "kept_share": len(self) / manifest.pool.rows,
            "reviews": manifest.verdicts,
            "queries": manifest.queries,
        }

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of any figure on this set must know, in sentences."""
        verdicts, told = self.manifest.verdicts, list[str]()
        standing = int(self.standing.sum())
        if standing < FEW_ROWS:
            told.append(f"Only {standing} rows are left, fewer than {FEW_ROWS}: intervals are wide.")
        if verdicts["pending"]:
            told.append(
                f"{verdicts['pending']} of {len(self)} kept rows were not looked at by a person. Label "
                "errors concentrate in a filtered set: every good model misses a wrong label. "
                "review.write_reviews exports them."
            )
        return tuple(told)

    def to_dict(self) -> dict[str, Any]:
        """The summary, rows, labels, warnings and the manifest; inputs are stored beside it, not in it."""
        return {
            **self.summary(),
            "rows": self.rows.tolist(),
            "labels": self.y.tolist(),
            "warnings": list(self.warnings),
            "manifest": self.manifest.to_dict(),
        }

    def figure(self) -> Bars:
        """How many rows each reference finds hard, and how many were kept."""
        references = self.manifest.references
        return Bars(
            "filtration-counts",
            f"Of {self.manifest.pool.rows} rows, {len(self)} were kept where {self.manifest.votes_needed} of "
            f"{len(references)} references had to find them hard.",
            "rows",
            (*(reference.name for reference in references), "kept"),
            (*(float(reference.hard) for reference in references), float(len(self))),
        )


def _arrays(path: Path) -> tuple[IntArray, FloatArray, IntArray]:
    try:
        with np.load(path, allow_pickle=False) as held:
            rows, x, y = held["rows"], held["x"], held["y"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise FormatError(f"cannot read rows, x and y from {path}: {error}") from error
    kinds = (rows.dtype, x.dtype, y.dtype) == (np.int64, np.float64, np.int64)
    if not kinds or (rows.ndim, x.ndim, y.ndim) != (1, 2, 1) or not len(rows) == len(x) == len(y):
        raise FormatError(f"{path}: rows, x and y are not m whole numbers, m rows of float64 and m labels")
    for array in (rows, x, y):
        array.setflags(write=False)
    return rows, x, y
