"""What was filtered, by whom and how: enough to do it again, or to say why it comes out otherwise.

The manifest is JSON with a version. It names references by hash, never by their weights, and holds one
review for each kept row: label errors concentrate in a filtered set, because a row with a wrong label is
"misclassified" by every good model, so a set nobody looked at says less than it seems.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

from hingeline.core.errors import FormatError, InvalidInput
from hingeline.core.version import __version__

FORMAT_NAME = "hingeline.filtered-pool"
SCHEMA = 1
Mode = Literal["misclassified", "ood_confident"]
Agree = Literal["all", "any"] | int
Verdict = Literal["pending", "accept", "reject"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
Record = TypeVar("Record")


@dataclass(frozen=True)
class Review:
    """What a person says about one kept row."""

    row: int
    """Its number in the pool."""
    verdict: Verdict = "pending"
    reviewer: str = ""
    """Who looked; never empty once there is a verdict."""
    note: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise InvalidInput(
                f"row {self.row}: a verdict is one of {', '.join(VERDICTS)}; got {self.verdict!r}"
            )
        if self.verdict != "pending" and not self.reviewer.strip():
            raise InvalidInput(f"row {self.row}: {self.verdict} by whom? Name the reviewer")


@dataclass(frozen=True)
class ReferenceRecord:
    """One model that filtered."""

    name: str
    identified: str
    """What was hashed: "by weights", "by file" or "by answers"."""
    sha256: str
    decisions_sha256: str
    """Hash of its decisions on the pool, which a rewritten copy shares."""
    answers: str
    """logits, probabilities or labels."""
    queries: int
    """Rows it was asked."""
    hard: int
    """Rows of the pool that it finds hard on its own."""


@dataclass(frozen=True)
class PoolRecord:
    """The pool before filtering."""

    rows: int
    columns: int
    x_sha256: str
    y_sha256: str


@dataclass(frozen=True)
class KeptRecord:
    """What was kept."""

    rows: int
    rows_sha256: str
    x_sha256: str
    y_sha256: str


@dataclass(frozen=True)
class Manifest:
    """Everything but the data."""

    mode: Mode
    agree: Agree
    votes_needed: int
    """References that must find a row hard: what `agree` means here."""
    min_conf: float | None
    """Smallest confidence in the answer; None where none was asked for."""
    references: tuple[ReferenceRecord, ...]
    pool: PoolRecord
    kept: KeptRecord
    reviews: tuple[Review, ...]
    """One for each kept row, in the same order."""
    tool: str = f"hingeline {__version__}"

    @property
    def verdicts(self) -> dict[str, int]:
        """How many rows have each verdict."""
        return {v: sum(review.verdict == v for review in self.reviews) for v in VERDICTS}

    @property
    def queries(self) -> int:
        """Rows asked of all references together."""
        return sum(reference.queries for reference in self.references)

    def reviewed(self, reviews: tuple[Review, ...]) -> Manifest:
        """The same with other reviews."""
        return replace(self, reviews=reviews)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        told = asdict(self)
        told["references"], told["reviews"] = list(told["references"]), list(told["reviews"])
        return {"format": FORMAT_NAME, "schema": SCHEMA, **told}

    def to_json(self) -> str:
        """As it is written down."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_dict(cls, told: Any) -> Manifest:
        """A manifest from what `to_dict` gave.

        Raises:
            FormatError: Not a manifest of this version; the message says what is wrong.
        """
        table = _table(told, "the manifest")
        if (table.get("format"), table.get("schema")) != (FORMAT_NAME, SCHEMA):
            raise FormatError(
                f"want format {FORMAT_NAME!r} of schema {SCHEMA}; got "
                f"{table.get('format')!r} of schema {table.get('schema')!r}"
            )
        try:
            plain = {key: value for key, value in table.items() if key not in ("format", "schema")}
            plain["references"] = _all(ReferenceRecord, plain.get("references"), "references")
            plain["reviews"] = _all(Review, plain.get("reviews"), "reviews")
            plain["pool"] = _one(PoolRecord, plain.get("pool"), "pool")
            plain["kept"] = _one(KeptRecord, plain.get("kept"), "kept")
            found = _one(cls, plain, "the manifest")
        except InvalidInput as error:
            raise FormatError(f"not a manifest: {error}") from error
        _check(found)
        return found


def load_manifest(path: str | Path) -> Manifest:
    """Read a manifest.

    Raises:
        FormatError: No such file, no JSON, or no manifest.
    """
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(f"cannot read a manifest from {path}: {error}") from error
    try:
        return Manifest.from_dict(told)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


def _check(found: Manifest) -> None:
    rows = [review.row for review in found.reviews]
    wrong = (
        "an unknown mode" * (found.mode not in get_args(Mode))
        or "no references" * (not found.references)
        or "not one review for each kept row" * (len(rows) != found.kept.rows)
        or "rows that are not ascending" * (rows != sorted(set(rows)))
        or "rows outside the pool" * any(not 0 <= row < found.pool.rows for row in rows)
        or "a min_conf that is no probability" * (not _is_share(found.min_conf))
        or "votes that no references give" * (not 1 <= found.votes_needed <= len(found.references))
        or f"agree {found.agree!r} that asks for other votes" * (_votes(found) != found.votes_needed)
        or "counts that no pool of its size gives" * any(_impossible(found, one) for one in found.references)
    )
    if wrong:
        raise FormatError(f"a manifest with {wrong}")


def _votes(found: Manifest) -> Any:
    return {"all": len(found.references), "any": 1}.get(str(found.agree), found.agree)


def _impossible(found: Manifest, reference: ReferenceRecord) -> bool:
    """Whether a reference finds more rows hard than there are, or fewer than were kept for its sake."""
    least = found.kept.rows if found.votes_needed == len(found.references) else 0
    return reference.queries < 0 or not least <= reference.hard <= found.pool.rows


def _is_share(value: Any) -> bool:
    return value is None or (
        isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    )


def _table(told: Any, what: str) -> dict[str, Any]:
    if not isinstance(told, Mapping):
        raise FormatError(f"{what} is no JSON object but {type(told).__name__}")
    return {str(key): value for key, value in cast("Mapping[Any, Any]", told).items()}


def _one(kind: Callable[..., Record], told: Any, what: str) -> Record:
    """A record with exactly the fields of its class, each of the type that is written there."""
    table = _table(told, what)
    types = {field.name: str(field.type) for field in fields(cast("Any", kind))}
    if table.keys() != types.keys():
        raise FormatError(f"{what} wants the fields {', '.join(types)}; got {', '.join(table)}")
    for name, value in table.items():
        plain = {"int": int, "str": str}.get(types[name])
        if plain is not None and type(value) is not plain:
            raise FormatError(f"{what}: {name} wants {types[name]}; got {value!r}")
    return kind(**table)


def _all(kind: Callable[..., Record], told: Any, what: str) -> tuple[Record, ...]:
    if not isinstance(told, list):
        raise FormatError(f"{what} is no list but {type(told).__name__}")
    return tuple(_one(kind, item, f"{what} {i}") for i, item in enumerate(cast("list[Any]", told)))
