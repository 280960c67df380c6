"""What is defended, opened: as a model to attack, as a door to ask, and as weights to compare with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hingeline.core.errors import InvalidInput
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.opening import oracle as open_oracle
from hingeline.oracles.protocol import Oracle, OracleSpec
from hingeline.oracles.session import QuerySession
from hingeline.sensitivity.models.asked_model import AskedModel
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.models.opening import open_model
from hingeline.sensitivity.models.torch_chain import chain_of_module
from hingeline.sensitivity.models.torch_model import TorchModel


@dataclass(frozen=True, eq=False)
class Defended:
    """One target with its three faces.

    Attributes:
        model: For the judge's own attacks.
        door: What defences are put around.
        truth: Its weights; None where they are not at hand.
    """

    model: Model
    door: Oracle
    truth: PiecewiseLinearNetwork | None


def open_defended(target: Any, shape: tuple[int, ...] | None, seed: int) -> Defended:
    """Open what is to be defended.

    Raises:
        InvalidInput: It is none of what `defend` takes, answers labels only, or lies on another host: a grid
            asks it many hundred thousand times.
    """

    def session(door: Oracle) -> QuerySession:
        if door.spec.remote:
            raise InvalidInput(
                f"{door.spec.name} is on another host, and a grid of defences asks a model hundreds of "
                "thousands of times; name the model's own file instead"
            )
        return QuerySession(door)

    model = open_model(target, session=session, opener=open_oracle, input_shape=shape, seed=seed)
    if isinstance(model, AskedModel):
        if not model.has_values:
            raise InvalidInput(f"{model.name} answers labels only; defend wants a model that tells scores")
        return Defended(model, _told(model), None)
    spec = OracleSpec(model.name, model.input_dim, model.output_dim, answers="logits")
    network = model.network if isinstance(model, NetworkModel) else None
    truth = network if isinstance(network, PiecewiseLinearNetwork) else None
    if isinstance(model, TorchModel):
        truth = chain_of_module(model)
    return Defended(model, CallableOracle(model.outputs, spec), truth)


def _told(model: AskedModel) -> Oracle:
    """The model's door; where it does not say that it answers probabilities, as the doctor found out.

    One probability decides at 1/2, one logit at 0, and a softmax belongs around logits only.
    """
    door = model.session.oracle
    if door.spec.answers != "auto" or model.card.answers != "probabilities":
        return door
    return CallableOracle(door.query, replace(door.spec, answers="probabilities"))
