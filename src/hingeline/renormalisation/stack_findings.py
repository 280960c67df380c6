"""What a diagnosis finds of a stack alone: classes as laws, flows of classes and of single inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Axis, Curve, Curves, Figure, Heat
from hingeline.numerics.statistics import median
from hingeline.renormalisation.flow.class_law_results import ClassLaws
from hingeline.renormalisation.flow.relevance import Relevance, Verdict
from hingeline.renormalisation.flow.stability_matrix import StabilityMatrix
from hingeline.renormalisation.information.convergence import Convergence
from hingeline.sensitivity.results import number, numbers

_MATRICES = ("matrix", "errors", "mean_map", "whitened")
_MOST_ENTRIES = 400  # of a matrix told in JSON


@dataclass(frozen=True, eq=False)
class Flow:
    """The linearised flow through all layers, of one input or of the inputs of one class.

    Attributes:
        words: Whose it is, for people.
        rows: The inputs averaged over, by their place among all.
        matrices: One stability matrix for each pair of neighbouring layers.
        relevance: What may be said of the leading operator of each.
    """

    words: str
    rows: tuple[int, ...]
    matrices: tuple[StabilityMatrix, ...]
    relevance: tuple[Relevance, ...]

    def summary(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "of": self.words,
            "inputs": len(self.rows),
            "layers": [
                {**matrix.summary(), "verdict": str(said.verdict), "words": said.words}
                for matrix, said in zip(self.matrices, self.relevance, strict=True)
            ],
        }

    def to_dict(self) -> dict[str, Any]:
        """Matrices too unless they are large, JSON-ready; `arrays` has the large ones."""
        return {
            "of": self.words,
            "rows": list(self.rows),
            "matrices": [_without_large(matrix) for matrix in self.matrices],
            "relevance": [said.to_dict() for said in self.relevance],
        }

    def arrays(self) -> dict[str, FloatArray]:
        """T and its errors at every step, and the Fisher-whitened map, by name."""
        return {
            f"{self.words} layer {matrix.layer} {name}".replace(" ", "_"): getattr(matrix, name)
            for matrix in self.matrices
            for name in ("matrix", "errors", "whitened")
        }


def _without_large(matrix: StabilityMatrix) -> dict[str, Any]:
    """What is told of a matrix, with None in place of what nobody reads number by number."""
    large = matrix.matrix.size > _MOST_ENTRIES
    return matrix.to_dict() | (dict.fromkeys(_MATRICES) if large else {})


@dataclass(frozen=True, eq=False)
class CloseLook:
    """One input of a stack, looked at closely.

    Attributes:
        row: Its place among all inputs.
        flow: The linearised flow from it.
        convergence: Whether what is estimated at it can be trusted; holds both routes and information by
            layer.
    """

    row: int
    flow: Flow
    convergence: Convergence

    @property
    def cosine(self) -> float:
        """|cos| of the most sensitive direction by the chain of matrices and by the direct route."""
        return self.convergence.single.cosine

    def summary(self) -> dict[str, Any]:
        """JSON-ready."""
        told = self.convergence
        return {
            "row": self.row,
            "information": told.single.direct.summary(),
            "chain": told.single.summary(),
            "by_layer": told.profile.summary(),
            "convergence": told.summary(),
            "scaling": None if told.scaling is None else told.scaling.summary(),
            "flow": self.flow.summary(),
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        return {"row": self.row, "convergence": self.convergence.to_dict(), "flow": self.flow.to_dict()}


@dataclass(frozen=True, eq=False)
class StackFindings:
    """What only stacks have.

    Attributes:
        operators: What was measured of each layer.
        identification: What was declared the same; None if nothing was.
        laws: Classes as laws for each layer; None where fewer than two classes occur.
        classes: The flow of each class, averaged over its inputs.
        looks: Inputs looked at closely.
    """

    operators: str
    identification: str | None
    laws: ClassLaws | None
    classes: tuple[Flow, ...]
    looks: tuple[CloseLook, ...]

    @property
    def flows(self) -> tuple[Flow, ...]:
        """Of classes, then of single inputs."""
        return (*self.classes, *(look.flow for look in self.looks))

    @property
    def unconverged(self) -> tuple[int, ...]:
        """Rows of the inputs whose estimates do not hold together."""
        return tuple(look.row for look in self.looks if not look.convergence.converged)

    def verdicts(self) -> dict[str, int]:
        """How often each verdict on a leading operator was given, over flows and layers."""
        said = [str(one.verdict) for flow in self.flows for one in flow.relevance]
        return {str(kind): said.count(str(kind)) for kind in Verdict}

    def summary(self) -> dict[str, Any]:
        """The numbers one reads first, JSON-ready."""
        cosines = np.array([look.cosine for look in self.looks])
        return {
            "operators": self.operators,
            "identification": self.identification,
            "class_laws": None if self.laws is None else self.laws.summary(),
            "verdicts": self.verdicts(),
            "looked_at_closely": [look.row for look in self.looks],
            "not_converged": list(self.unconverged),
            "median_cosine_of_routes": number(median(cosines[~np.isnan(cosines)])),
            "classes": [flow.summary() for flow in self.classes],
            "looks": [look.summary() for look in self.looks],
        }

    def arrays(self) -> dict[str, FloatArray]:
        """Stability matrices of all flows, by name."""
        return {name: array for flow in self.flows for name, array in flow.arrays().items()}

    def to_dict(self) -> dict[str, Any]:
        """Everything but large matrices, JSON-ready."""
        return {
            "operators": self.operators,
            "identification": self.identification,
            "class_laws": None if self.laws is None else self.laws.to_dict(),
            "classes": [flow.to_dict() for flow in self.classes],
            "looks": [look.to_dict() for look in self.looks],
        }

    def figures(self) -> tuple[Figure, ...]:
        """Class laws by layer, canonical correlations, and the close looks' information by layer."""
        found: list[Figure] = []
        if self.laws is not None:
            found.append(self.laws.figure())
        if any(flow.matrices for flow in self.flows):
            found.append(correlations(self.flows))
        if self.looks:
            found.append(by_layer(self.looks))
        return tuple(found)


def correlations(flows: tuple[Flow, ...]) -> Heat:
    """The largest canonical correlation of each step, for each flow, beside what shuffling gives."""
    steps = flows[0].matrices
    columns = tuple(f"layer {m.layer} to {m.layer + 1}" for m in steps)
    shuffled = tuple(number(max(flow.matrices[k].null_quantile for flow in flows)) for k in range(len(steps)))
    rows = [tuple(_largest(matrix) for matrix in flow.matrices) for flow in flows]
    return Heat(
        "canonical-correlations",
        "Largest canonical correlation of neighbouring layers: what a layer knows best of the one below, 1 "
        "for all and 0 for nothing. Last row: what 95 % of shuffled samples stay below.",
        "canonical correlation",
        "samples upward from",
        "step",
        (*(flow.words for flow in flows), "shuffled"),
        columns,
        (*rows, shuffled),
    )


def by_layer(looks: tuple[CloseLook, ...]) -> Curves:
    """Information by layer along the direction of each close look, beside random directions."""
    curves: list[Curve] = []
    for look in looks:
        profile = look.convergence.profile
        places = tuple(float(i + 1) for i in range(len(profile.layers)))
        curves.append(Curve(f"row {look.row}, most sensitive direction", places, numbers(profile.along)))
        curves.append(Curve(f"row {look.row}, random direction", places, numbers(profile.random)))
    return Curves(
        "information-by-layer",
        "Information that each layer holds about the input, along the most sensitive direction and in the "
        "mean over all directions; the last place is that of the classes. In a stack it can only fall.",
        Axis("layer", whole=True),
        Axis("information, per squared input unit", log=True),
        tuple(curves),
    )


def _largest(matrix: StabilityMatrix) -> float | None:
    found = matrix.canonical_correlations
    return number(found[0]) if len(found) else None
