"""What a detector buys, and what is left of it against an attacker who knows it: always both.

Success of an attacker is a wrong class that is not detected; an input that is classified wrongly and passes
without any change counts. Every input counts, whatever happens to it clean, noisy or attacked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.defences.checks import Check
from hingeline.defences.detector.metrics import auroc, rate_at
from hingeline.numerics.statistics import median, wilson
from hingeline.sensitivity.results import listed, number, numbers


@dataclass(frozen=True)
class SanityFact(Check):
    """One thing that must hold if the attacks are to be believed."""

    @property
    def holds(self) -> bool:
        """Whether it is so."""
        return self.passed


@dataclass(frozen=True, eq=False)
class AttackRecord:
    """What one attack reached at every radius, each success asked of the real model and detector."""

    wrong: BoolArray
    """Of another class than the true one, shape "r n"."""
    undetected: BoolArray
    """Wrong, and the detector does not fire, shape "r n"."""
    scores: FloatArray
    """Of the detector, shape "r n"."""


@dataclass(frozen=True, eq=False)
class DetectorJudgement:
    """A detector against attacks that do not know it, and against attacks that do."""

    detector: Mapping[str, Any]
    """Its summary."""
    threat: str
    """Which changes count, in words."""
    radii: FloatArray
    """Sizes of the changes, rising, shape "r"."""
    right: BoolArray
    """Whether the unchanged input is classified rightly, shape "n"."""
    clean_scores: FloatArray
    """Scores of unchanged inputs, shape "n"."""
    clean_fires: BoolArray
    """Whether the detector fires on them, shape "n"."""
    noise: AttackRecord
    """Random changes of the same norm."""
    oblivious: Mapping[str, AttackRecord]
    """Attacks on the model alone."""
    adaptive: Mapping[str, AttackRecord]
    """Attacks that know the detector."""
    smallest: FloatArray
    """Smallest change to wrong and undetected that the distance-minimising runs found, shape "n"."""
    facts: tuple[SanityFact, ...] = ()
    """What must hold if the attacks are to be believed."""

    @property
    def inputs(self) -> int:
        """How many inputs were judged, n."""
        return len(self.right)

    @property
    def clean_success(self) -> BoolArray:
        """Wrong and undetected without any change, shape "n"."""
        return ~self.right & ~self.clean_fires

    @property
    def undefended(self) -> BoolArray:
        """Wrong under any of the attacks, had there been no detector: the ceiling, shape "r n"."""
        each = [record.wrong for record in (*self.oblivious.values(), *self.adaptive.values())]
        return self._up_to(each, ~self.right)

    @property
    def undetected_oblivious(self) -> BoolArray:
        """Wrong and undetected under the best, input by input, of attacks on the model alone: "r n"."""
        return self._up_to([record.undetected for record in self.oblivious.values()], self.clean_success)

    @property
    def undetected_adaptive(self) -> BoolArray:
        """The same under attacks that know the detector: "r n"."""
        return self._up_to([record.undetected for record in self.adaptive.values()], self.clean_success)

    @property
    def undetected(self) -> BoolArray:
        """Under the best of all attacks: "r n"; one less its mean is the defence rate."""
        return self.undetected_oblivious | self.undetected_adaptive

    def rates(self, what: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Shares at every radius, "r", and their 95 % Wilson intervals, "r 2"."""
        ends = [wilson(float(row.sum()), len(row)) for row in what]
        return what.mean(axis=1), np.array(ends)

    @property
    def defence_rate(self) -> FloatArray:
        """1 - P(wrong and undetected) under the best of all attacks, shape "r"."""
        return 1.0 - self.undetected.mean(axis=1)

    @property
    def bought(self) -> FloatArray:
        """Shares of inputs by which the detector lowers the success of who knows it, shape "r"."""
        return self.undefended.mean(axis=1) - self.undetected.mean(axis=1)

    def summary(self) -> dict[str, Any]:
        """The figures, JSON-ready; lists go with `radii`."""
        answered = ~self.clean_fires
        return {
            "detector": dict(self.detector),
            "threat": self.threat,
            "inputs": self.inputs,
            "radii": numbers(self.radii),
            "clean": {
                "false_positives": self._share(self.clean_fires),
                "accuracy": self._share(self.right),
                "right_and_answered": self._share(self.right & answered),
                "accuracy_of_answers": number(
                    float(self.right[answered].mean()) if answered.any() else np.nan
                ),
            },
            "noise_fires": self._shares(self._fires(self.noise)),
            "undefended": self._shares(self.undefended),
            "undetected_oblivious": self._shares(self.undetected_oblivious),
            "undetected_adaptive": self._shares(self.undetected_adaptive),
            "undetected_best_of_all": self._shares(self.undetected),
            "defence_rate": numbers(self.defence_rate),
            "median_smallest": number(median(self.smallest)),
            "oblivious": {name: self._told(record) for name, record in self.oblivious.items()},
            "adaptive": {name: self._told(record) for name, record in self.adaptive.items()},
            "facts": [{"name": f.name, "holds": f.holds, "words": f.words} for f in self.facts],
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        every = {"noise": self.noise, **self.oblivious, **self.adaptive}
        return {
            **self.summary(),
            "right": listed(self.right),
            "clean_scores": listed(self.clean_scores),
            "clean_fires": listed(self.clean_fires),
            "smallest": listed(self.smallest),
            "records": {
                name: {
                    "wrong": listed(record.wrong),
                    "undetected": listed(record.undetected),
                    "scores": listed(record.scores),
                }
                for name, record in every.items()
            },
        }

    def figures(self, name: str = "detector") -> tuple[Curves, ...]:
        """Success against radius with and without the detector, and the area under the ROC."""
        across = Axis(f"size of the change ({self.threat})", from_zero=True)
        lines = (
            ("no detector", self.undefended),
            ("detector, attacker knows it", self.undetected_adaptive),
            ("detector, attacker does not", self.undetected_oblivious),
            ("detector, noise", self.noise.undetected),
        )
        x = numbers(self.radii)
        success = Curves(
            name=f"{name}-success",
            caption="Share of inputs that are wrong and undetected, by what the attacker knows.",
            across=across,
            up=Axis("share of inputs", from_zero=True),
            curves=tuple(Curve(label, x, numbers(what.mean(axis=1))) for label, what in lines),
        )
        every = {**self.oblivious, **self.adaptive}
        roc = Curves(
            name=f"{name}-auroc",
            caption="How well the score tells attacked inputs from clean ones, for every attack.",
            across=across,
            up=Axis("area under the ROC", from_zero=True),
            curves=tuple(Curve(label, x, numbers(self._areas(record))) for label, record in every.items()),
            levels=(("chance", 0.5),),
        )
        return success, roc

    def _up_to(self, each: list[BoolArray], clean: BoolArray) -> BoolArray:
        """Any of them at this radius or below: what lies within a radius lies within a larger one."""
        start = np.broadcast_to(clean, (len(self.radii), self.inputs))
        return np.logical_or.accumulate(np.logical_or.reduce([start, *each]), axis=0)

    def _fires(self, record: AttackRecord) -> BoolArray:
        return record.scores > float(self.detector["threshold"])

    def _areas(self, record: AttackRecord) -> FloatArray:
        return np.array([auroc(self.clean_scores, scores) for scores in record.scores])

    def _told(self, record: AttackRecord) -> dict[str, Any]:
        """One attack at every radius."""
        return {
            "wrong": numbers(record.wrong.mean(axis=1)),
            "undetected": numbers(record.undetected.mean(axis=1)),
            "fires": numbers(self._fires(record).mean(axis=1)),
            "auroc": numbers(self._areas(record)),
            "detected_at_1_percent": [rate_at(self.clean_scores, s, 0.01) for s in record.scores],
            "detected_at_5_percent": [rate_at(self.clean_scores, s, 0.05) for s in record.scores],
        }

    def _share(self, what: BoolArray) -> dict[str, Any]:
        low, high = wilson(float(what.sum()), len(what))
        return {"share": float(what.mean()), "low": low, "high": high}

    def _shares(self, what: BoolArray) -> list[dict[str, Any]]:
        return [self._share(row) for row in what]
