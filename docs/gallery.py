"""The gallery: every figure with the script that draws it and the time that took.

    python docs/gallery.py                      # write docs/gallery/index.md
    python docs/gallery.py --run span-rank ...  # run scripts small, into runs/gallery; all without names
    python docs/gallery.py --run span-rank --full  # as they were run for the pages, into docs/figures

Times stand in the numbers that each script writes beside its figures.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from html import unescape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "figures"
PAGE = ROOT / "docs" / "gallery" / "index.md"
NOTE = "<!-- Written by docs/gallery.py; edit its table instead. -->"


@dataclass(frozen=True)
class Experiment:
    """One script and what it draws."""

    name: str
    """Of its numbers, docs/figures/NAME.json."""
    script: str
    """Below examples/."""
    page: str
    """Where the figures are explained, below docs/."""
    figures: tuple[str, ...]
    """Names of SVG files, without the ending."""
    arguments: tuple[str, ...] = ()
    """Besides --quick or --page."""
    needs: str = ""
    """What must be there first, for people."""
    small: tuple[str, ...] = ("--quick",)
    """What makes a short run of it."""

    @property
    def command(self) -> str:
        """What to type."""
        return " ".join([f"python examples/{self.script}", *self.arguments])


ABSOLUTE = "papers/absolute-value-networks.md"
SPAN = "papers/span-recovery.md"
RANDOM = "papers/random-networks.md"
FISHER = "papers/fisher-directions.md"
RENORMALISATION = "papers/renormalisation.md"
MNIST = ("--mnist", "DIRECTORY")
FILES = "the four gzipped files of MNIST"

EXPERIMENTS = (
    Experiment("span-rank", "span/rank_against_queries.py", SPAN, ("span-rank", "span-rank-of-gradients")),
    Experiment("span-thin", "span/thin_layers.py", SPAN, ("span-thin", "span-thin-lowest")),
    Experiment("span-step", "span/step_size.py", SPAN, ("span-step",)),
    Experiment("span-answers", "span/kinds_of_answers.py", SPAN, ("span-answers", "span-answers-angle")),
    Experiment(
        "span-trained",
        "span/trained_networks.py",
        SPAN,
        (
            "span-trained-strengths",
            "span-trained-labels",
            "span-trained-logits",
            "span-trained-gallery-1",
            "span-trained-gallery-2",
            "span-trained-gallery-3",
        ),
        needs=f"scikit-learn; its last figure {FILES}",
    ),
    Experiment(
        "random-distance", "random_networks/distance_against_dimension.py", RANDOM, ("random-distance",)
    ),
    Experiment("random-surcharge", "random_networks/surcharge.py", RANDOM, ("random-surcharge",)),
    Experiment("random-step", "random_networks/single_step.py", RANDOM, ("random-step",)),
    Experiment("random-rank", "random_networks/rank_profile.py", RANDOM, ("random-rank",)),
    Experiment(
        "random-validity", "random_networks/failure_against_validity.py", RANDOM, ("random-validity",)
    ),
    Experiment("random-angle", "random_networks/angle_against_depth.py", RANDOM, ("random-angle",)),
    Experiment(
        "random-gradient-change", "random_networks/gradient_change.py", RANDOM, ("random-gradient-change",)
    ),
    Experiment(
        "random-activations", "random_networks/activation_constants.py", RANDOM, ("random-activations",)
    ),
    Experiment(
        "minimal-flips",
        "fragility/minimal_flips.py",
        "design/smallest-flips.md",
        ("minimal-flips-l2", "minimal-flips-linf", "minimal-flips-l2-box", "minimal-flips-linf-box"),
        ("--data", "FOLDER"),
        f"scikit-learn, {FILES}",
        small=("--inputs", "3"),
    ),
    Experiment(
        "fisher-flips",
        "fisher/flip_curves.py",
        FISHER,
        (
            "fisher-flips-1",
            "fisher-flips-2",
            "fisher-flips-3",
            "fisher-spectrum",
            "fisher-directions",
            "fisher-universal",
            "fisher-universal-directions",
        ),
        needs="scikit-learn",
    ),
    Experiment("ising", "stability/ising.py", RENORMALISATION, ("ising-thermal", "ising-magnetic")),
    Experiment("tower", "stability/tower.py", RENORMALISATION, ("tower",)),
    Experiment(
        "digits-stack",
        "stability/digits_stack.py",
        RENORMALISATION,
        ("digits-stack", "digits-stack-pixels"),
        needs="scikit-learn",
    ),
    Experiment(
        "prediction",
        "stability/prediction.py",
        RENORMALISATION,
        (
            "prediction-1",
            "prediction-2",
            "prediction-3",
            "prediction-4",
            "prediction-scatter-1",
            "prediction-scatter-2",
        ),
        needs="scikit-learn",
    ),
    Experiment("abs-queries", "absolute_value/queries.py", ABSOLUTE, ("abs-queries",)),
    Experiment(
        "abs-learning",
        "absolute_value/learning_curve.py",
        ABSOLUTE,
        ("abs-learning-100", "abs-learning-60", "abs-learning-45"),
    ),
    Experiment("abs-sample", "absolute_value/finite_sample.py", ABSOLUTE, ("abs-sample",)),
    Experiment("abs-moments", "absolute_value/moments_of_samples.py", ABSOLUTE, ("abs-moments",)),
    Experiment(
        "defence-grid", "defences/grid.py", "papers/defence-grid.md", ("defences",), needs="scikit-learn"
    ),
    Experiment(
        "muldef",
        "defences/muldef.py",
        "papers/muldef.md",
        ("muldef-accuracy", "muldef-transfer", "muldef-retries"),
        needs="scikit-learn",
    ),
    Experiment(
        "muldef-mnist",
        "defences/muldef.py",
        "papers/muldef.md",
        ("muldef-mnist-accuracy", "muldef-mnist-transfer", "muldef-mnist-retries"),
        MNIST,
        f"scikit-learn, {FILES}",
    ),
    Experiment(
        "hidden-layer-detector",
        "defences/detector.py",
        "papers/hidden-layer-detector.md",
        ("hidden-layer-detector",),
        needs="scikit-learn",
    ),
    Experiment(
        "hidden-layer-detector-mnist",
        "defences/detector.py",
        "papers/hidden-layer-detector.md",
        ("hidden-layer-detector-mnist",),
        MNIST,
        f"scikit-learn, {FILES}",
    ),
    Experiment(
        "filtration",
        "defences/filtration.py",
        "papers/natural-adversarial-examples.md",
        ("filtration", "filtration-rows"),
        needs="scikit-learn",
    ),
)


def page() -> str:
    """The whole gallery as Markdown."""
    head = [
        "# Gallery",
        NOTE,
        "Every figure of these pages, with the command that draws it; `python docs/gallery.py --run NAME` "
        "does it small, to see that it runs. Seconds are those of the run that is shown, on two cores. "
        "Beside each figure in `docs/figures` lie its data (`.csv`) and the run's numbers (`.json`).",
        "\n".join(["| figures | command | seconds | needs |", "|---|---|--:|---|", *map(_line, EXPERIMENTS)]),
    ]
    return "\n\n".join([*head, *map(_section, EXPERIMENTS)]) + "\n"


def _line(experiment: Experiment) -> str:
    link = f"[{experiment.name}](#{experiment.name})"
    return f"| {link} | `{experiment.command}` | {_seconds(experiment)} | {experiment.needs} |"


def _seconds(experiment: Experiment) -> str:
    """Of the run that drew the figures; of minimal-flips the sum over its parts."""
    told = json.loads((FIGURES / f"{experiment.name}.json").read_text(encoding="utf-8"))
    if "seconds" in told:
        return f"{told['seconds']:,.0f}"
    parts = [part["seconds"] for part in told.values() if isinstance(part, dict) and "seconds" in part]
    return f"{sum(parts):,.0f}" if parts else "not recorded"


def _section(experiment: Experiment) -> str:
    explained = f"Explained in [{_heading(experiment.page)}](../{experiment.page}); `{experiment.command}`."
    figures = [f"![{_caption(figure)}](../figures/{figure}.svg)" for figure in experiment.figures]
    return "\n\n".join([f"## {experiment.name}", explained, *figures])


def _heading(page: str) -> str:
    """The title of a page of docs."""
    return (ROOT / "docs" / page).read_text(encoding="utf-8").split("\n")[0].removeprefix("# ")


def _caption(figure: str) -> str:
    """The title that stands in the drawing, as alternative text."""
    text = (FIGURES / f"{figure}.svg").read_text(encoding="utf-8")
    found = re.search(r"<title>(.*?)</title>", text, re.DOTALL)
    title = unescape(found[1]) if found else figure
    return " ".join(title.split()).replace("[", "(").replace("]", ")")


def run(names: list[str], *, full: bool) -> int:
    """Run scripts, small unless told otherwise; the first exit code that is not 0."""
    chosen = [experiment for experiment in EXPERIMENTS if not names or experiment.name in names]
    for experiment in chosen:
        if "DIRECTORY" in experiment.arguments or (full and "FOLDER" in experiment.arguments):
            sys.stderr.write(f"{experiment.name}: run it by hand, it needs {experiment.needs}\n")
            continue
        size = ["--page"] if full else [*experiment.small, "--out", str(ROOT / "runs" / "gallery")]
        code = subprocess.run([sys.executable, ROOT / "examples" / experiment.script, *size], check=False)
        if code.returncode:
            return code.returncode
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", nargs="*", metavar="NAME", help="run these scripts; all without names")
    parser.add_argument("--full", action="store_true", help="as for the pages, not small")
    options = parser.parse_args()
    if options.run is not None:
        sys.exit(run(options.run, full=options.full))
    PAGE.write_text(page(), encoding="utf-8")
