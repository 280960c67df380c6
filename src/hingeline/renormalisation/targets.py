"""What `stability` can look into: a stack of stochastic layers, a network's weights, a torch module.

The diagnosis wants the trained weights and inputs. A door that only answers is refused with words: what can
be learned of it by asking is what `fragility` measures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hingeline.core.errors import InvalidInput
from hingeline.core.outcome import Finding
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.session import QuerySession
from hingeline.renormalisation.stacks.importing import stack_from_pipeline
from hingeline.renormalisation.stacks.stack import StochasticStack
from hingeline.renormalisation.stacks.storage import is_stack_file, load_stack
from hingeline.renormalisation.stacks.training import TrainedStack
from hingeline.renormalisation.stacks.undirected import UndirectedStack
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.models.opening import is_torch_module, open_model, seen_network
from hingeline.sensitivity.models.torch_model import TorchModel

_ASKED = (
    "stability looks at weights, and a door tells only answers; give the stack, network or file itself. What "
    "can be learned by asking: hingeline fragility"
)
_FILES = "a .safetensors file of a stack, or a .onnx, .safetensors or .npz file of a network"
_UNDIRECTED = (
    "stability samples upward from the input, and an undirected stack has no law of a layer given that "
    "below alone; its directed reading is stability(undirected.stack, x), its own matrices are those of "
    "hingeline.estimate_undirected_stability"
)


def seen_target(target: Any, input_shape: tuple[int, ...] | None = None) -> StochasticStack | Model:
    """The stack or the model that `target` is.

    Args:
        target: A `StochasticStack`, what `train_stack` returned, a `.safetensors` file of a stack, a fitted
            scikit-learn pipeline of BernoulliRBM machines; or a network of ours, (weights, biases), a file of
            one, a finding that holds one; or a torch module.
        input_shape: Shape of one example, where a torch module wants images.

    Raises:
        InvalidInput: Something that only answers, or nothing of these.
        FormatError: A file that is not what its name says.
    """
    if isinstance(target, StochasticStack | NetworkModel | TorchModel):
        return target
    if isinstance(target, TrainedStack):
        return target.stack
    if isinstance(target, Finding) and isinstance(target.value, StochasticStack | TrainedStack):
        return seen_target(target.value)
    if isinstance(target, str | Path) and is_stack_file(target):
        return load_stack(target)
    if hasattr(target, "steps"):
        return stack_from_pipeline(target)
    if not is_torch_module(target) and seen_network(target) is None:
        raise InvalidInput(_not_seen(target))
    return open_model(target, session=_refused, input_shape=input_shape)


def _not_seen(target: Any) -> str:
    """Why there are no weights to look at."""
    if isinstance(target, UndirectedStack):
        return _UNDIRECTED
    if isinstance(target, Oracle) or callable(target):
        return _ASKED
    if not isinstance(target, str | Path):
        return f"want a stack, a network, a torch module, or {_FILES}; got {type(target).__name__}"
    path = Path(target)
    if "://" in str(target) or path.suffix.lower() in (".sqlite", ".db", ".toml", ".npz"):
        return f"{target}: {_ASKED}"
    if not path.exists():
        return f"{target}: there is no such file; want {_FILES}"
    if path.suffix.lower() == ".onnx":
        return f"{target} is no plain chain of layers, so its weights cannot be followed; want {_FILES}"
    return f"{target} holds no weights that are known here; want {_FILES}"


def _refused(oracle: Oracle) -> QuerySession:
    """No door is ever asked here."""
    raise InvalidInput(f"{oracle.spec.name}: {_ASKED}")
