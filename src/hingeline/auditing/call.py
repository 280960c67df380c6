"""What the caller of an audit handed over, read and checked before anything is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.auditing.settings import AuditSettings
from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.evaluation.defending.choosing import chosen_defences
from hingeline.evaluation.defending.settings import DefendSettings
from hingeline.oracles.protocol import OracleSpec
from hingeline.probing.card import DoctorCard
from hingeline.sensitivity.inputs import Inputs
from hingeline.sensitivity.threat import Threat

_BEYOND = 2.0**52
"""No target has as many classes."""


@dataclass(frozen=True, eq=False)
class AuditCall:
    """Inputs, labels, box and settings that fit the door."""

    points: FloatArray | None
    """The given inputs, shape "n d"."""
    given: Any
    """The same as they were given: images keep their shape."""
    labels: FloatArray | None
    """Shape "n"; None if not told."""
    box: tuple[float, float] | None
    """Range of a coordinate of a changed input."""
    settings: AuditSettings

    @classmethod
    def read(cls, spec: OracleSpec, x: Any, y: Any, settings: AuditSettings) -> AuditCall:
        """Refuse what some verb would refuse, before the first question.

        Raises:
            InvalidInput: Inputs, labels or a box that cannot be meant.
        """
        box = settings.box or spec.bounds
        _check_defences(settings)
        if x is None:
            if y is not None:
                raise InvalidInput("labels were given and no inputs that they belong to: give x too")
            return cls(None, None, None, box, settings)
        rows = Inputs.read(x, y)
        if rows.points.shape[1] != spec.input_dim:
            raise InvalidInput(
                f"the inputs have {rows.points.shape[1]} numbers each; {spec.name} takes {spec.input_dim}"
            )
        # the threat refuses a norm that there is not
        rows.check(Threat(settings.norm, box), settings.box, spec.bounds)  # pyright: ignore[reportArgumentType]
        limit = settings.inputs
        given = np.asarray(x, dtype=np.float64)
        given = given[np.newaxis] if given.ndim == 1 else given
        labels = None if rows.labels is None else rows.labels[:limit]
        return cls(rows.points[:limit], given[:limit], labels, box, settings)

    @property
    def inputs(self) -> int:
        """How many were given, as far as they are used."""
        return 0 if self.points is None else len(self.points)

    def classes_of_labels(self, card: DoctorCard) -> IntArray | None:
        """Labels as the classes of this door; of two classes they may also be -1 and 1.

        Raises:
            InvalidInput: A label that is no class of the door.
        """
        if self.labels is None:
            return None
        # as whole numbers only once it is sure that they are small enough for them
        labels = np.clip(self.labels, -_BEYOND, _BEYOND).astype(np.int64)
        if card.output_dim == 1 and card.answers != "labels" and set(np.unique(labels)) <= {-1, 1}:
            return (labels > 0).astype(np.int64)
        if card.answers in ("labels", "unknown") and card.output_dim == 1:
            return labels
        classes = 2 if card.output_dim == 1 else card.output_dim
        if labels.min() < 0 or labels.max() >= classes:
            raise InvalidInput(
                f"labels go from {self.labels.min():.0f} to {self.labels.max():.0f}; {card.target} has the "
                f"classes 0 to {classes - 1}"
            )
        return labels


def _check_defences(settings: AuditSettings) -> None:
    """Refuse now what would be refused after everything else was paid for."""
    if "defences" not in settings.parts:
        return
    DefendSettings(seeds=settings.defence_seeds, inputs=settings.defence_inputs)
    trained = [one.text for one in chosen_defences(settings.defences) if one.trains]
    if trained:
        raise InvalidInput(
            f"{', '.join(trained)}: an audit trains nothing; judge trained defences with `hingeline defend`"
        )
