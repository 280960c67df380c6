"""What a call of `stability` hands over, read and checked before anything is measured.

A setting that could have no effect on the target is refused: samples mean nothing for a network, eigenvalues
of a flow nothing for a stack of one layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.diagnose_stack import check_stack
from hingeline.renormalisation.settings import ONLY_OF_STACKS, StabilitySettings
from hingeline.renormalisation.stacks.stack import LARGEST, StochasticStack
from hingeline.renormalisation.targets import seen_target
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.inputs import Inputs
from hingeline.sensitivity.models.model import Model

Said = StabilitySettings | Mapping[str, Any] | None
_NEAR = 1e-9
"""A coordinate this near to one of two values, in units of their distance, has it."""


@dataclass(frozen=True, eq=False)
class StabilityCall:
    """Target, inputs and settings that fit each other.

    Attributes:
        seen: The stack, or the network as a model.
        inputs: Points and labels.
        settings: What is measured.
    """

    seen: StochasticStack | Model
    inputs: Inputs
    settings: StabilitySettings

    @classmethod
    def read(cls, target: Any, x: Any, y: Any = None, said: Said = None) -> StabilityCall:
        """Read what a caller passed.

        Raises:
            InvalidInput: A target, inputs, labels or settings that cannot be meant; the message says why.
            FormatError: A file that is not what its name says.
        """
        settings, inputs = StabilitySettings.of(said), Inputs.read(x, y)
        seen = seen_target(target, inputs.shape)
        width = inputs.points.shape[1]
        if width != seen.input_dim:
            raise InvalidInput(f"{seen.name} takes {seen.input_dim} numbers; inputs have {width}")
        _check_sizes(inputs.points, settings)
        if isinstance(seen, StochasticStack):
            _check_stack(seen, settings)
        else:
            _check_network(_named(said))
        inputs.labels_for(Decision(_outputs(seen)))
        if settings.values is not None:
            _check_values(inputs.points, settings.values)
        return cls(seen, inputs, settings)


def _outputs(seen: StochasticStack | Model) -> int:
    return seen.classes if isinstance(seen, StochasticStack) else seen.output_dim


def _named(said: Said) -> tuple[str, ...]:
    """Settings that were chosen: by name, or as another value than the default."""
    if isinstance(said, StabilitySettings):
        return said.changed()
    return tuple(name for name, value in (said or {}).items() if value is not None)


def _check_network(named: tuple[str, ...]) -> None:
    idle = [name for name in named if name in ONLY_OF_STACKS]
    if idle:
        raise InvalidInput(
            f"{', '.join(idle)} would have no effect: the target is a network, which is not sampled and has "
            "no stability matrix between layers; only stacks of stochastic layers have. Leave it out"
        )


def _check_stack(stack: StochasticStack, settings: StabilitySettings) -> None:
    idle = [name for name in ("operators", "identification") if getattr(settings, name) is not None]
    if stack.unit_layers == 1 and idle:
        raise InvalidInput(
            f"{', '.join(idle)} would have no effect: this stack has one layer of units, and no step between "
            "layers to measure. Leave it out"
        )
    check_stack(stack, settings)


def _check_sizes(points: FloatArray, settings: StabilitySettings) -> None:
    """Refuse numbers whose squares, or quotients, are beyond float64."""
    largest = float(np.abs(points).max(initial=0.0))
    if largest > LARGEST:
        raise InvalidInput(
            f"inputs hold {largest:.3g}; up to {LARGEST:g} can be computed with: give the inputs other units"
        )
    far = [size for size in settings.sizes or () if not 1 / LARGEST <= size <= LARGEST]
    if far:
        raise InvalidInput(
            f"sizes are lengths from {1 / LARGEST:g} to {LARGEST:g}, beyond which squares are no numbers; "
            f"got {far[0]:g}"
        )


def _check_values(points: FloatArray, values: tuple[float, float]) -> None:
    one, other = values
    near = _NEAR * abs(other - one)
    strange = points[(np.abs(points - one) > near) & (np.abs(points - other) > near)]
    if len(strange):
        raise InvalidInput(
            f"values {one:g} and {other:g} were told, and inputs hold {strange[0]:g} (and {len(strange):,} "
            "numbers in all that are neither); leave values out, or round the inputs first"
        )
