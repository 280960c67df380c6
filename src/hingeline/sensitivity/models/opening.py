"""What a target is: a network whose weights are seen, a torch module to differentiate, or a door to ask.

An oracle is always asked, also where a network of ours stands behind it: who passes a door wants to know what
the door gives away. Whatever is not seen is handed to `opener`, which makes a door of it; this package cannot
open doors itself.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hingeline.core.errors import FormatError, InvalidInput
from hingeline.core.outcome import Finding
from hingeline.networks.feed_forward import FeedForwardNetwork
from hingeline.networks.loading import as_network, load_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import array_names
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.session import QuerySession
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.asked_model import AskedModel
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.models.torch_model import TorchModel

Opener = Callable[..., Oracle]
"""`opener(target, input_shape=, input_dim=, **options)` opens a door: `hingeline.oracle`."""

_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
# What can be said of a door and of weights alike.
_SAID_OF_ALL = ("name",)


def open_model(
    target: Any,
    *,
    session: Callable[[Oracle], QuerySession],
    opener: Opener | None = None,
    input_shape: tuple[int, ...] | None = None,
    input_dim: int | None = None,
    seed: int = 0,
    **oracle_options: Any,
) -> Model:
    """The model that a target is.

    Args:
        target: A network of ours, a finding that holds one, (weights, biases), or a path to one
            (`.npz`, `.safetensors`, `.onnx`): its weights are seen. A torch module: it is differentiated.
            An oracle: it is asked. Anything else is what `opener` opens: a function, an estimator, an
            address, a journal, recorded answers, an ONNX graph that is no plain chain.
        session: Makes the session through which a door is asked; called only if there is one to ask.
        opener: Opens doors, such as `hingeline.oracle`; without it only the first three are taken.
        input_shape: Shape of one example, such as (1, 28, 28), where the target wants images.
        input_dim: Numbers in one row, where the target does not say.
        seed: Draws the probes with which a door's derivatives are measured.
        oracle_options: What else `opener` is told, such as `bounds`; a name also names what is seen.

    Raises:
        InvalidInput: The target is none of these, or an option that says nothing about it.
        FormatError: A file that is not what its name says.
        MissingExtra: A `.onnx` file or a module without the extra that reads it.
    """
    name = oracle_options.get("name")
    if isinstance(target, Oracle):
        _refuse(oracle_options, "an oracle; say it when the oracle is opened")
        return AskedModel(session(target), seed=seed)
    seen = seen_network(target)
    if seen is not None:
        _refuse(oracle_options, "weights, which are seen and not asked")
        _check_width(seen, input_shape, input_dim)
        return NetworkModel(seen, name)
    if is_torch_module(target):
        _refuse(oracle_options, "a module, which is differentiated and not asked")
        return TorchModel(target, input_shape, input_dim, name)
    if opener is None:
        raise InvalidInput(
            f"want a network, a file that holds one, a torch module or an oracle; got "
            f"{type(target).__name__} (open it first: hingeline.oracle(target, input_dim=...))"
        )
    door = opener(target, input_shape=input_shape, input_dim=input_dim, **oracle_options)
    return AskedModel(session(door), seed=seed)


def decision_of(model: Model) -> Decision:
    """How a model's outputs become classes: the largest of several, one above zero.

    The outputs of a door that answers a probability are its log-odds, so that zero is one half.
    """
    return Decision(model.output_dim)


def is_torch_module(target: Any) -> bool:
    """True for a torch module; who has one has imported torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(target, torch.nn.Module)


def seen_network(target: Any) -> FeedForwardNetwork | PiecewiseLinearNetwork | None:
    """The network whose weights are in `target`; None if they are not."""
    if isinstance(target, FeedForwardNetwork | PiecewiseLinearNetwork):
        return target
    if isinstance(target, Finding | tuple | list):
        return as_network(target)
    if isinstance(target, str | Path):
        return _network_file(target)
    return None


def _network_file(target: str | Path) -> PiecewiseLinearNetwork | None:
    """The network in a file; None for an address, a reference, a recording, or a graph to be run."""
    path, text = Path(target), str(target)
    if "://" in text or (_REFERENCE.fullmatch(text) and not path.exists()):
        return None
    match path.suffix.lower():
        case ".safetensors":
            return load_network(path)
        case ".npz":
            # a table of answers, not weights
            return None if {"x", "y"} <= set(array_names(path)) else load_network(path)
        case ".onnx":
            try:
                return load_network(path)
            except FormatError:
                # no plain chain of layers: whether it can be run at all, the door will say
                return None
        case _:
            return None


def _check_width(
    network: FeedForwardNetwork | PiecewiseLinearNetwork,
    input_shape: tuple[int, ...] | None,
    input_dim: int | None,
) -> None:
    said = input_dim
    if input_shape is not None:
        said = 1
        for side in input_shape:
            said *= side
    if said is not None and said != network.input_dim:
        raise InvalidInput(f"this network takes {network.input_dim} inputs; {said} were said")


def _refuse(options: dict[str, Any], of: str) -> None:
    strange = [key for key, value in options.items() if key not in _SAID_OF_ALL and value is not None]
    if strange:
        raise InvalidInput(f"{', '.join(strange)} says nothing about {of}")
