"""The runs whose `result.json` is stored for each schema, in tests/data/results.

    PYTHONPATH=src:tests/unit/report python tests/unit/report/stored_results.py

writes them anew; do so only after the number of a schema was raised.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import hingeline as hl
from hingeline.auditing.audit import SCHEMA as AUDIT_SCHEMA
from hingeline.report.machine import SCHEMA, result_text

STORE = Path(__file__).parents[2] / "data" / "results"
_RNG = np.random.default_rng(20)
_FIRST, _LAST, INPUTS = (
    _RNG.standard_normal((3, 5)),
    _RNG.standard_normal((2, 3)),
    _RNG.standard_normal((3, 5)),
)


def _model(x):
    return np.maximum(x @ _FIRST.T + 0.2, 0) @ _LAST.T + np.array([0.3, -0.4])


def door():
    """A small network behind a door of values."""
    return hl.oracle(_model, input_dim=5, name="small")


AUDITED = {"parts": ("extraction", "line", "span", "fragility", "stability"), "flips": 3}
RUNS = {
    "extract": lambda: hl.extract(door(), seed=0),
    "doctor": lambda: hl.doctor(door(), seed=0),
    "span": lambda: hl.span(door(), seed=0),
    "fragility": lambda: hl.fragility(hl.extract(door(), seed=0).require(), INPUTS, seed=0),
    "audit": lambda: hl.audit(door(), INPUTS, [0, 1, 0], seed=0, settings=AUDITED),
}


def place(verb):
    """Where the stored result of a verb is, for the schemas of today."""
    number = f"audit-{AUDIT_SCHEMA}" if verb == "audit" else f"{verb}-{SCHEMA}"
    return STORE / f"{number}.json"


if __name__ == "__main__":
    STORE.mkdir(exist_ok=True)
    for verb, run in RUNS.items():
        place(verb).write_text(result_text(run()), encoding="utf-8")
