"""What a run was told to do, complete enough to do it again: the content of `run.toml`. Holds no secret."""

from __future__ import annotations

import hashlib
import shlex
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from hingeline.core.errors import FormatError, InvalidInput
from hingeline.core.outcome import library_versions
from hingeline.report.toml_text import toml_text

SCHEMA = 1
_FLAGS = {"authorised": "--i-am-authorised", "identification": "--identify"}
# Options that take one value and may be given again.
_SAID_AGAIN = {"defences": "--defence", "fail_on": "--fail-on"}
# Lists that are typed with commas; others, such as a box, are words one after the other.
_WITH_COMMAS = ("attacks", "parts", "sizes")


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


@dataclass(frozen=True)
class Recipe:
    """One run, as it was asked for."""

    verb: str
    """The word on the command line."""
    target: Mapping[str, Any]
    """Which door and how to open it; `target` is the file, URL or reference, `sha256` the file's content."""
    seed: int = 0
    """Where all randomness comes from."""
    budget: int | None = None
    """Most rows that may be asked in the whole run; None for no limit."""
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What else was chosen, by the names of the options."""
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """Files that were named beside the target, by option: `path` and `sha256` of each."""
    created: str = field(default_factory=_now)
    """Local time with offset."""
    versions: Mapping[str, str] = field(default_factory=library_versions)
    """What it ran on first."""

    def to_text(self) -> str:
        """The content of `run.toml`."""
        head = (
            "# Made by hingeline; `hingeline resume DIRECTORY` does this again from the recorded answers.\n"
        )
        return head + toml_text({"schema": SCHEMA, **asdict(self)})

    def command_line(self) -> str:
        """What to type to do it once more, from the start."""
        words = ["hingeline", self.verb, str(self.target["target"]), "--seed", str(self.seed)]
        words += ["--budget", str(self.budget)] if self.budget is not None else []
        for name, value in self.target.items():
            if name not in ("target", "sha256"):
                words += [_FLAGS.get(name, f"--{name.replace('_', '-')}"), *_spelled(value)]
        for name, value in self.settings.items():
            if name in _SAID_AGAIN:
                words += [word for one in _spelled(value) for word in (_SAID_AGAIN[name], one)]
                continue
            flag = _FLAGS.get(name, f"--{'no-' if value is False else ''}{name.replace('_', '-')}")
            words += [flag, *([",".join(_spelled(value))] if name in _WITH_COMMAS else _spelled(value))]
        for name, file in self.files.items():
            words += [f"--{name.replace('_', '-')}", file["path"]]
        return shlex.join(words)

    def with_budget(self, budget: int | None) -> Recipe:
        """The same run with another limit."""
        return replace(self, budget=budget)

    def check_files(self, *, target: bool = True) -> None:
        """Make sure that the target, if it is a file, and all files beside it are still what they were.

        Args:
            target: False where the target itself will not be looked at.

        Raises:
            InvalidInput: One is gone or has changed.
        """
        digest = self.target.get("sha256")
        if target and digest is not None:
            _check(
                Path(str(self.target["target"])), str(digest), "its recorded answers belong to another model"
            )
        for name, file in self.files.items():
            _check(Path(file["path"]), file["sha256"], f"the run was made with other contents of --{name}")


def described_target(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` as a run folder keeps them: files by absolute path and digest, nothing that was not said."""
    kept = {key: value for key, value in values.items() if value is not None}
    path = Path(str(kept["target"]))
    if path.is_file():
        kept |= {"target": str(path.resolve()), "sha256": file_digest(path)}
    return kept


def described_file(path: Path) -> dict[str, str]:
    """A file as a run folder keeps it: absolute path and digest.

    Raises:
        OSError: It cannot be read.
    """
    return {"path": str(path.resolve()), "sha256": file_digest(path)}


def file_digest(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_recipe(path: Path) -> Recipe:
    """Read a `run.toml`.

    Raises:
        FormatError: No such file, not TOML, or a key is missing or of the wrong kind; the message names it.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FormatError(f"{path.parent} holds no run: there is no {path.name} in it") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FormatError(f"cannot read {path}: {error}") from error
    for key, (kind, fits) in _KEYS.items():
        if not fits(document.get(key)):
            raise FormatError(f"{path}: '{key}' must be {kind}; found {document.get(key)!r}")
    return _recipe(document)


def _recipe(document: Mapping[str, Any]) -> Recipe:
    known = {key: document[key] for key in _KEYS if key in document and key != "schema"}
    if "bounds" in known["target"]:
        known["target"] = known["target"] | {"bounds": tuple(known["target"]["bounds"])}
    return Recipe(**known)


def _check(path: Path, recorded: str, reason: str) -> None:
    if not path.is_file():
        raise InvalidInput(f"{path}, which this run was begun with, is gone; put it back first")
    if file_digest(path) != recorded:
        raise InvalidInput(
            f"{path} has changed since this run began: {reason}. Put the old file back, or start a new run"
        )


def _spelled(value: Any) -> list[str]:
    if isinstance(value, bool):
        return []
    return [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_target(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("target"), str):
        return False
    bounds = value.get("bounds", [0, 1])
    return isinstance(bounds, list) and len(bounds) == 2 and all(isinstance(b, int | float) for b in bounds)


def _are_files(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict)
        and all(isinstance(f, dict) and {"path", "sha256"} <= f.keys() for f in value.values())
    )


def _is_table(value: Any) -> bool:
    return value is None or isinstance(value, dict)


_KEYS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "schema": (f"{SCHEMA}, the version that this program reads", lambda value: value == SCHEMA),
    "verb": ("the name of a verb", lambda value: isinstance(value, str)),
    "target": ("a table with a text 'target' (and 'bounds' of two numbers)", _is_target),
    "seed": ("a number from 0 up", _is_count),
    "budget": (
        "a number from 1 up, or absent",
        lambda value: value is None or (_is_count(value) and value > 0),
    ),
    "settings": ("a table", _is_table),
    "files": ("a table of tables with 'path' and 'sha256'", _are_files),
    "created": ("a time", lambda value: isinstance(value, str)),
    "versions": ("a table", _is_table),
}
