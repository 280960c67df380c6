"""Networks by name of a file or as arrays, and `diff`, which takes two of anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hingeline.core.errors import FormatError, InvalidInput
from hingeline.core.outcome import Finding
from hingeline.networks.compare import TOLERANCE, compare
from hingeline.networks.difference import NetworkDifference
from hingeline.networks.exact_form import exact_form
from hingeline.networks.feed_forward import FeedForwardNetwork
from hingeline.networks.files import refuse_pickle
from hingeline.networks.onnx_format import load_onnx, save_onnx
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import load_npz, load_safetensors, save_npz, save_safetensors

_READERS: Mapping[str, Callable[[Path], PiecewiseLinearNetwork]] = {
    ".npz": load_npz,
    ".safetensors": load_safetensors,
    ".onnx": load_onnx,
}


def load_network(path: str | Path) -> PiecewiseLinearNetwork:
    """Read a network from a `.npz`, `.safetensors` or `.onnx` file.

    Raises:
        FormatError: Not a file of these kinds, or not a network; the message says what was seen.
        MissingExtra: A `.onnx` file, and the onnx package is not installed.
    """
    path = Path(path)
    refuse_pickle(path)
    return _READERS[_suffix(path)](path)


def save_network(
    network: PiecewiseLinearNetwork, path: str | Path, provenance: Mapping[str, Any] | None = None
) -> None:
    """Write a network as `.npz` (which has no place for `provenance`), `.safetensors` or `.onnx`.

    Raises:
        FormatError: Another suffix.
        InvalidInput: The file cannot be written, or `provenance` is not JSON.
        MissingExtra: A `.onnx` file, and the onnx package is not installed.
    """
    match _suffix(Path(path)):
        case ".npz":
            save_npz(network, path)
        case ".safetensors":
            save_safetensors(network, path, provenance)
        case _:
            save_onnx(network, path, provenance)


def as_network(source: Any) -> PiecewiseLinearNetwork:
    """The network that `source` is: a network, a finding that holds one, a path, or (weights, biases).

    Raises:
        InvalidInput: None of these, or arrays that do not fit together.
        FormatError: A file that is not a network.
    """
    if isinstance(source, Finding):
        source = source.value
    if isinstance(source, PiecewiseLinearNetwork):
        return source
    if isinstance(source, FeedForwardNetwork):
        return _of_relus(source)
    if isinstance(source, str | Path):
        return load_network(source)
    weights, biases = _pair(source)
    try:
        return PiecewiseLinearNetwork(weights, biases)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"these (weights, biases) are not a network: {error} (weights are (out, in); "
            "scikit-learn's coefs_ are (in, out))"
        ) from error


def diff(
    a: Any, b: Any, *, tolerance: float = TOLERANCE, points: int = 1000, seed: int = 0
) -> NetworkDifference:
    """Are two networks the same up to neuron order and positive scale, and where do they differ?

    Args:
        a: The reference: a network, a finding, a path to one, or (weights, biases).
        b: What is compared with it, likewise.
        tolerance: Largest relative parameter error that counts as the same network.
        points: Fresh points per set at which the outputs are compared.
        seed: Draws those points.

    Raises:
        InvalidInput: `a` or `b` is none of these.
        FormatError: A file that is not a network.
    """
    return compare(as_network(a), as_network(b), tolerance=tolerance, points=points, seed=seed)


def _of_relus(source: FeedForwardNetwork) -> PiecewiseLinearNetwork:
    network = exact_form(source)
    if network is None:
        raise InvalidInput(f"{source} is not made of ReLU neurons, so that it has no such weights")
    return network


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        known = ", ".join(_READERS)
        raise FormatError(f"{path}: {suffix or 'no suffix'} is not a network file here; known are {known}")
    return suffix


def _pair(source: Any) -> tuple[Sequence[Any], Sequence[Any]]:
    if hasattr(source, "weights") and hasattr(source, "biases"):
        return source.weights, source.biases
    if isinstance(source, tuple | list) and len(source) == 2:
        return source[0], source[1]
    raise InvalidInput(
        f"want a network, a path or (weights, biases); got {type(source).__name__}"
        + (" (the finding holds no network)" if source is None else "")
    )
