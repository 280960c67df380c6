"""One run on disk: what was asked for, every answer, what came of it.

A folder holds `run.toml`, `journal.sqlite`, `result.json`, `report.html`, `figures/` (each as SVG, as CSV
and, with the [plot] extra, as PNG), and what was found:
`model.safetensors` and `model.onnx` (with the [onnx] extra), or `span.npz` and `obfuscation.npz`. Files
appear whole or not at all. A folder is refused, before anything is asked, where it cannot be written or
already holds a run.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from hingeline.auditing.record import Audit
from hingeline.core.errors import InvalidInput, MissingExtra
from hingeline.core.outcome import Finding
from hingeline.networks.absolute_value import AbsoluteValueNetwork
from hingeline.networks.files import write_atomically
from hingeline.networks.onnx_format import save_onnx
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import save_safetensors
from hingeline.oracles.journal import Journal
from hingeline.report.figures import csv_text, file_names, svg_text
from hingeline.report.html import html_text
from hingeline.report.machine import result_text
from hingeline.report.model import Report
from hingeline.report.png import NoFont, png_drawing
from hingeline.report.recipe import Recipe, read_recipe

_RECIPE, _JOURNAL, _RESULT, _PAGE = "run.toml", "journal.sqlite", "result.json", "report.html"
_SAFETENSORS, _ONNX, _FIGURES = "model.safetensors", "model.onnx", "figures"
# What a run found, by the names that `save` may be given arrays under.
_ARRAYS = ("span.npz", "obfuscation.npz", "fragility.npz", "stability.npz")
# The same of files of text.
_TEXTS = ("audit.sarif",)
_MADE = (_RESULT, _PAGE, _SAFETENSORS, _ONNX, *_ARRAYS, *_TEXTS)
_OURS = (_RECIPE, _JOURNAL, *_MADE, _FIGURES)


@dataclass(frozen=True)
class SavedRun:
    """What a finished run left in its folder."""

    files: tuple[str, ...]
    """Names of the files written, relative to the folder."""
    left_out: dict[str, str]
    """Files that a folder usually has and this one has not, with the reason."""


class RunFolder:
    """A directory that holds one run; made by `reserve`, found again by `open`.

    Attributes:
        path: The directory.
    """

    def __init__(self, path: Path, made: Sequence[Path] = ()) -> None:
        self.path = path
        self._made = made

    @classmethod
    def reserve(cls, path: Path) -> RunFolder:
        """Make sure a new run can live at `path`, before anything is asked.

        Raises:
            InvalidInput: It holds a run or its files already, or it cannot be written.
        """
        taken = [name for name in _OURS if (path / name).exists()]
        if taken:
            raise InvalidInput(
                f"{path} already holds {taken[0]}. Go on with that run:  hingeline resume {path}\n"
                "or choose another place with --out DIR"
            )
        made = [place for place in (path, *path.parents) if not place.exists()]
        try:
            path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path):
                pass
        except OSError as error:
            raise InvalidInput(
                f"cannot write in {path}: {error.strerror}. Choose another place with --out DIR"
            ) from error
        return cls(path, made)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The run at `path`.

        Raises:
            InvalidInput: There is no such directory.
        """
        if not path.is_dir():
            raise InvalidInput(f"there is no run at {path}; a run is a directory that `--out DIR` made")
        return cls(path)

    def abandon(self) -> None:
        """Remove the directories that `reserve` made, if nothing was put into them."""
        with contextlib.suppress(OSError):
            for place in self._made:
                place.rmdir()

    def begin(self, recipe: Recipe) -> None:
        """Write down what the run is told to do."""
        self._write(_RECIPE, recipe.to_text())

    def recipe(self) -> Recipe:
        """What the run was told to do.

        Raises:
            FormatError: `run.toml` is missing or damaged.
        """
        return read_recipe(self.path / _RECIPE)

    @property
    def has_answers(self) -> bool:
        """Whether this run was begun before."""
        return (self.path / _JOURNAL).exists()

    @property
    def has_result(self) -> bool:
        """Whether this run came to its end before."""
        return (self.path / _RESULT).exists()

    @property
    def journal_path(self) -> Path:
        """Where the run's answers lie."""
        return self.path / _JOURNAL

    def journal(self) -> Journal:
        """The run's answers, open for recording."""
        return Journal.open(self.journal_path)

    def save(
        self,
        finding: Finding[Any],
        report: Report,
        arrays: Mapping[str, Mapping[str, Any]] | None = None,
        texts: Mapping[str, str] | None = None,
    ) -> SavedRun:
        """Write everything that follows from the finding.

        Args:
            finding: What the verb returned.
            report: What is told about it.
            arrays: Files of arrays beside it: name of the file (one of ours), then the arrays by name.
            texts: Files of text beside it: name of the file (one of ours), then its content.
        """
        self._clear(_MADE)
        left_out: dict[str, str] = {}
        files = [_RECIPE, _JOURNAL]
        network = _network_in(finding.value)
        if network is not None:
            files += self._save_network(network, finding, left_out)
        for name, named in (arrays or {}).items():
            save_arrays(self.path / name, named)
            files.append(name)
        for name, text in (texts or {}).items():
            self._write(name, text)
            files.append(name)
        files += self._save_told(finding, report, left_out)
        return SavedRun(tuple(files), left_out)

    def save_report(self, finding: Finding[Any], report: Report) -> SavedRun:
        """Write what is told of the finding anew, and leave models and arrays as they are.

        Args:
            finding: The same as before, made again.
            report: What is told about it.
        """
        self._clear((_RESULT, _PAGE))
        left_out: dict[str, str] = {}
        return SavedRun(tuple(self._save_told(finding, report, left_out)), left_out)

    def _save_told(self, finding: Finding[Any], report: Report, left_out: dict[str, str]) -> list[str]:
        files = self._save_figures(report, left_out)
        self._write(_PAGE, html_text(report))
        # Last, so that a folder with a result.json is a finished one.
        self._write(_RESULT, result_text(finding))
        return [*files, _PAGE, _RESULT]

    def _save_network(
        self, network: PiecewiseLinearNetwork, finding: Finding[Any], left_out: dict[str, str]
    ) -> list[str]:
        origin = _origin(finding)
        save_safetensors(network, self.path / _SAFETENSORS, origin)
        try:
            save_onnx(network, self.path / _ONNX, origin)
        except MissingExtra as error:
            left_out[_ONNX] = str(error)
            return [_SAFETENSORS]
        return [_SAFETENSORS, _ONNX]

    def _save_figures(self, report: Report, left_out: dict[str, str]) -> list[str]:
        named = list(zip(file_names(report.figures), report.figures, strict=True))
        drawn = {f"{_FIGURES}/{name}.svg": svg_text(figure) for name, figure in named}
        texts = drawn | {f"{_FIGURES}/{name}.csv": csv_text(figure) for name, figure in named}
        for name, text in texts.items():
            self._write(name, text)
        return [*texts, *self._save_images(drawn, left_out)]

    def _save_images(self, drawn: Mapping[str, str], left_out: dict[str, str]) -> list[str]:
        """The drawings as PNG: all of them, or none with one reason."""
        try:
            images = {f"{name.removesuffix('.svg')}.png": png_drawing(text) for name, text in drawn.items()}
        except (MissingExtra, NoFont) as error:
            left_out[f"{_FIGURES}/*.png"] = str(error)
            return []
        for name, image in images.items():
            write_atomically(self.path / name, lambda partial, image=image: partial.write_bytes(image))
        return list(images)

    def _clear(self, names: Sequence[str]) -> None:
        """Take away what an earlier, partial end of this run left: nothing in a folder may contradict it."""
        try:
            for name in names:
                (self.path / name).unlink(missing_ok=True)
            shutil.rmtree(self.path / _FIGURES, ignore_errors=True)
            (self.path / _FIGURES).mkdir()
        except OSError as error:
            raise InvalidInput(f"cannot write in {self.path}: {error.strerror}") from error

    def _write(self, name: str, text: str) -> None:
        write_atomically(self.path / name, lambda partial: partial.write_text(text, encoding="utf-8"))


def _network_in(value: Any) -> PiecewiseLinearNetwork | None:
    """The network that a run found, in a form that model files can hold."""
    if isinstance(value, Audit):
        return value.copy
    if isinstance(value, AbsoluteValueNetwork):
        return value.as_piecewise_linear()
    return value if isinstance(value, PiecewiseLinearNetwork) else None


def save_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays as one compressed .npz file.

    Raises:
        InvalidInput: The file cannot be written.
    """

    def write(partial: Path) -> None:
        # Through a file, because NumPy would add another ending to the name.
        with partial.open("wb") as file:
            np.savez_compressed(file, **arrays)

    write_atomically(path, write)


def new_folder(target: str, root: Path = Path("runs")) -> Path:
    """A name for a new run of `target` under `root`, by date and time; nothing is made."""
    return next_free(root / f"{time.strftime('%Y-%m-%dT%H%M%S')}-{short_name(target)}")


def next_free(path: Path) -> Path:
    """`path`, or the first of `path-2`, `path-3`, ... that does not exist."""
    number, candidate = 1, path
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate


def short_name(target: str) -> str:
    """A word for `target` that can be part of a file name."""
    place = urlsplit(target).path if "://" in target else target
    words = re.findall(r"[A-Za-z0-9_-]+", Path(place).stem)
    return "-".join(words)[-40:].strip("-") or "run"


def _origin(finding: Finding[Any]) -> dict[str, Any]:
    """What a model file says about where it came from."""
    told = finding.to_dict()
    return {key: told[key] for key in ("verb", "target", "outcome", "queries", "seed", "started", "versions")}
