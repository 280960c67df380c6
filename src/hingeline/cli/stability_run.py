"""What `stability` does with a recipe: reads weights, inputs and labels; nothing is asked."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from hingeline.cli.exits import status_code
from hingeline.cli.options import TargetRequest
from hingeline.cli.rows import read_shape
from hingeline.cli.run_inputs import named_inputs, named_labels
from hingeline.cli.runs import Ran, Run
from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput, UnsupportedOracle
from hingeline.core.events import EventSink
from hingeline.oracles.journal import Journal
from hingeline.oracles.opening import is_reference, referenced
from hingeline.oracles.protocol import Oracle, OracleSpec
from hingeline.renormalisation.call import StabilityCall
from hingeline.renormalisation.diagnosis import StabilityDiagnosis
from hingeline.renormalisation.settings import StabilitySettings
from hingeline.renormalisation.stability import stability
from hingeline.renormalisation.stacks.stack import StochasticStack
from hingeline.renormalisation.targets import seen_target
from hingeline.report.recipe import Recipe
from hingeline.report.stability import stability_report
from hingeline.sensitivity.models.model import Model

# Options that are fields of `StabilitySettings`, by the same names.
_SETTINGS = tuple(field.name for field in fields(StabilitySettings))


@dataclass(frozen=True, eq=False)
class Seen:
    """What a run reads instead of asking; it has the face of a door, so that runs are kept alike."""

    target: StochasticStack | Model
    spec: OracleSpec

    def query(self, points: FloatArray) -> FloatArray:
        """Never: the weights are at hand.

        Raises:
            UnsupportedOracle: Always.
        """
        raise UnsupportedOracle(f"{self.spec.name} is read, not asked")


def seen(request: TargetRequest, data: Path | None) -> Seen:
    """The stack or network that the command line names.

    Args:
        request: What was named.
        data: The file of inputs: where it holds images, a module may want their shape.

    Raises:
        InvalidInput: It cannot be seen, or there is nothing of that name.
        FormatError: A file that is not what its name says.
    """
    named: Any = referenced(request.target) if is_reference(request.target) else request.target
    target = seen_target(named, None if data is None else read_shape(data))
    if request.input_dim is not None and request.input_dim != target.input_dim:
        raise InvalidInput(
            f"{request.target} takes {target.input_dim} inputs; --input-dim {request.input_dim}"
        )
    return Seen(target, OracleSpec(_name(request.target), target.input_dim))


def stability_run(oracle: Oracle, recipe: Recipe) -> Run:
    """`stability` as the recipe tells it.

    Raises:
        InvalidInput: A file does not fit the target, or a setting cannot be meant.
        FormatError: A file cannot be read.
    """
    if not isinstance(oracle, Seen):
        raise InvalidInput(f"{oracle.spec.name} is a door; stability wants weights")
    said = recipe.settings
    settings = {k: said[k] for k in _SETTINGS if k in said}
    inputs = named_inputs(recipe, oracle.spec.input_dim)
    labels = named_labels(recipe, len(inputs))
    # refused later, it would leave a folder behind
    StabilityCall.read(oracle.target, inputs, labels, settings)

    def run(journal: Journal, on_event: EventSink) -> Ran:
        found = stability(
            oracle.target, inputs, labels, seed=recipe.seed, settings=settings, on_event=on_event
        )
        found = replace(found, provenance=replace(found.provenance, target=oracle.spec.name))
        arrays = {} if found.value is None else {"stability.npz": _arrays(found.value)}
        return Ran(found, stability_report(found, recipe), status_code(found.outcome.status), arrays)

    return run


def _name(target: str) -> str:
    return target if is_reference(target) else Path(target).name


def _arrays(value: StabilityDiagnosis) -> dict[str, Any]:
    return {name: array for name, array in value.arrays().items() if array is not None}
