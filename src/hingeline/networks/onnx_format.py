"""ONNX in and out: a float64 chain of Gemm and Relu is written, chains of affine steps and ReLUs are read.

Writing gives one Gemm per layer with a free batch axis, so any ONNX runtime answers as the network does; what
can be read is told in `onnx_chain`. Needs the extra `[onnx]`. Cost: one pass over the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hingeline.core.errors import FormatError, InvalidInput, MissingExtra
from hingeline.core.version import __version__
from hingeline.networks.files import FORMAT_NAME, SCHEMA, provenance_text, readable, write_atomically
from hingeline.networks.onnx_chain import network_of_graph
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import named_parameters

# Old enough for every runtime of the last years; Gemm and Relu on float64 have not changed since.
_OPSET, _IR_VERSION = 17, 8
_PROTOBUF_LIMIT = 2**31 - 2**20


def save_onnx(
    network: PiecewiseLinearNetwork, path: str | Path, provenance: Mapping[str, Any] | None = None
) -> None:
    """Write `network` as a float64 ONNX model with input "input" and output "output", both "batch n".

    Raises:
        MissingExtra: The onnx package is not installed.
        InvalidInput: The file cannot be written, or the network is over ONNX's 2 GB.
    """
    onnx = import_onnx("Writing an ONNX file")
    if 8 * network.parameter_count > _PROTOBUF_LIMIT:
        raise InvalidInput(f"{network} is over the 2 GB one ONNX file can hold; save it as .safetensors")
    helper, tensor = onnx.helper, onnx.TensorProto
    last = len(network.weights) - 1
    nodes: list[Any] = []
    flowing = "input"
    for layer in range(last + 1):
        affine = "output" if layer == last else f"pre_activation{layer}"
        nodes.append(
            helper.make_node("Gemm", [flowing, f"W{layer}", f"b{layer}"], [affine], f"layer{layer}", transB=1)
        )
        if layer < last:
            flowing = f"hidden{layer}"
            nodes.append(helper.make_node("Relu", [affine], [flowing], f"relu{layer}"))
    graph = helper.make_graph(
        nodes,
        "relu_network",
        [helper.make_tensor_value_info("input", tensor.DOUBLE, ["batch", network.input_dim])],
        [helper.make_tensor_value_info("output", tensor.DOUBLE, ["batch", network.output_dim])],
        [onnx.numpy_helper.from_array(array, name) for name, array in named_parameters(network)],
    )
    model = helper.make_model(
        graph,
        producer_name="hingeline",
        producer_version=__version__,
        ir_version=_IR_VERSION,
        opset_imports=[helper.make_opsetid("", _OPSET)],
    )
    notes = {
        "format": FORMAT_NAME,
        "schema": str(SCHEMA),
        "sizes": "-".join(map(str, network.sizes)),
        "provenance": provenance_text(provenance),
    }
    helper.set_model_props(model, notes)
    write_atomically(path, lambda file: file.write_bytes(model.SerializeToString()))


def load_onnx(path: str | Path) -> PiecewiseLinearNetwork:
    """Read the fully connected ReLU network that an ONNX file computes.

    Weights stored in float32 convert exactly; the network is then evaluated in float64.

    Raises:
        MissingExtra: The onnx package is not installed.
        FormatError: Not an ONNX model, or something in it is not an affine step or a ReLU.
    """
    path = readable(path)
    onnx = import_onnx("Reading an ONNX file")
    try:
        # An external-data file that is absent or lies outside the folder is refused by onnx itself.
        graph = onnx.load(path).graph
    except Exception as error:  # protobuf, onnx and the file system each raise their own kinds
        raise FormatError(f"{path} is not a readable ONNX model: {error}") from error
    try:
        return network_of_graph(graph, onnx)
    except (FormatError, InvalidInput) as error:
        raise FormatError(
            f"{path} cannot be read as a fully connected ReLU network: {error} "
            "(its answers can still be asked: open it as an oracle)"
        ) from error
    except (
        ValueError,
        TypeError,
        LookupError,
    ) as error:  # tensors that contradict themselves
        raise FormatError(f"{path} is damaged: {type(error).__name__}: {error}") from error


def import_onnx(what: str) -> Any:
    """The onnx package, or the command that installs it.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtra(what, "onnx") from error
    return onnx
