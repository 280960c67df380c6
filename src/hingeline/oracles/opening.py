"""`oracle(target)`: one way in for everything that can be asked.

What a target is decides which door is opened: a function, a model in memory, a file by its suffix, a
recording, an address, or the name of something in a Python module. The door is described by what it says of
itself and then by what the caller adds (`description`). Cost: reading the file, or a request to an address.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hingeline.core.errors import FormatError, InvalidInput
from hingeline.core.outcome import Finding
from hingeline.networks.files import readable, refuse_pickle
from hingeline.networks.loading import as_network, load_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import array_names
from hingeline.oracles.description import Description, described
from hingeline.oracles.estimators import estimator_oracle, is_estimator, is_torch_module, torch_oracle
from hingeline.oracles.local import CallableOracle, network_oracle
from hingeline.oracles.onnx_door import onnx_oracle
from hingeline.oracles.protocol import Answers, Oracle, OracleSpec

_REFERENCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_KINDS = (
    "a function, a network, a scikit-learn or torch model, a .npz, .safetensors, .onnx, .sqlite or .toml "
    "file, an http(s):// address, or 'package.module:name'"
)


def oracle(
    target: Any,
    *,
    input_dim: int | None = None,
    input_shape: tuple[int, ...] | None = None,
    bounds: tuple[float, float] | None = None,
    answers: Answers = "auto",
    dtype: str | None = None,
    name: str | None = None,
    max_batch: int | None = None,
    **options: Any,
) -> Oracle:
    """Open a door to a network, to be asked and not looked into.

    Args:
        target: A function from rows to rows, a network, a fitted scikit-learn model, a torch module, an
            oracle; a path to a `.npz` (weights, or recorded answers x and y), `.safetensors`, `.onnx`,
            `.sqlite` (journal) or `.toml` (endpoint); an http(s):// address; or "package.module:name".
        input_dim: Numbers in one query row; needed for a bare function.
        input_shape: Shape of one example, such as (1, 28, 28), where the target wants images.
        bounds: Smallest and largest value an input coordinate may take.
        answers: What the answers are: "logits", "probabilities", "labels", or "auto" to find out.
        dtype: Precision to round queries to, at most that of the target.
        name: Name of the target in reports and journals.
        max_batch: Most rows in one call.
        options: What only some doors know: `output_name`, `threads` (.onnx); `rate`, `timeout`, `token_env`
            and others (addresses).

    Raises:
        InvalidInput: The target is none of these, or something must be said; the message says what.
        FormatError: A file that is not what its name says, or that only unpickling could open.
        MissingExtra: A `.onnx` file without the extra that runs it.
        OracleError: The door cannot be used.
    """
    known = Description(input_dim, input_shape, bounds, answers, dtype, name, max_batch)
    if isinstance(target, str | Path):
        return _from_text(target, known, options)
    return _from_object(target, known, options)


def _from_object(target: Any, known: Description, options: Mapping[str, Any]) -> Oracle:
    if isinstance(target, type):
        raise InvalidInput(f"{target.__name__} is a class; pass an instance of it")
    _refuse_options(options, f"a {type(target).__name__}")
    if isinstance(target, Finding | PiecewiseLinearNetwork | tuple | list):
        return described(network_oracle(as_network(target)), known)
    if is_torch_module(target):
        return described(
            torch_oracle(target, input_dim=known.input_dim, input_shape=known.input_shape), known
        )
    if is_estimator(target):
        opened = estimator_oracle(target, answers=known.answers or "auto", input_dim=known.input_dim)
        return described(opened, known)
    if isinstance(target, Oracle):
        return described(target, known)
    if callable(target):
        return described(_function_oracle(target, known), known)
    raise InvalidInput(f"an object of type {type(target).__name__} cannot be asked; want {_KINDS}")


def _from_text(target: str | Path, known: Description, options: Mapping[str, Any]) -> Oracle:
    text = str(target)
    if "://" in text:
        return _from_address(text, known, options)
    path = Path(target)
    if is_reference(text):
        return _from_reference(text, known, options)
    refuse_pickle(path)
    return _from_file(path, known, options)


def _from_file(path: Path, known: Description, options: Mapping[str, Any]) -> Oracle:
    if path.is_dir():
        raise FormatError(f"{path} is a directory; name a file in it, such as {path / 'journal.sqlite'}")
    match path.suffix.lower():
        case ".npz" | ".safetensors":
            _refuse_options(options, f"a {path.suffix} file")
            return described(_weights_or_recording(path), known)
        case ".onnx":
            opened = _called(
                onnx_oracle,
                path,
                {"input_dim": known.input_dim, "input_shape": known.input_shape, **options},
                "an .onnx file",
            )
            return described(opened.described(replace(opened.spec, name=_fingerprinted(path))), known)
        case ".sqlite" | ".db":
            # A journal's door brings the whole journal; most targets are none.
            from hingeline.oracles.replay import ReplayOracle

            _refuse_options(options, "a journal")
            return described(ReplayOracle(readable(path)), known)
        case ".toml":
            # Described endpoints bring an HTTP client; most targets need none.
            from hingeline.oracles.template import template_oracle

            lists = {key: list(v) if isinstance(v, tuple) else v for key, v in known.said().items()}
            return template_oracle(path, **lists, **options)
        case suffix:
            what = f"{suffix} files are not known here" if path.exists() else "there is no such file"
            raise InvalidInput(f"{path}: {what}; want {_KINDS}")


def _weights_or_recording(path: Path) -> Oracle:
    if path.suffix.lower() == ".npz" and {"x", "y"} <= set(array_names(path)):
        # A table of answers is read by the recording's door; most targets are none.
        from hingeline.oracles.replay import open_answers

        return open_answers(path)
    return network_oracle(load_network(path), _fingerprinted(path))


def _from_address(url: str, known: Description, options: Mapping[str, Any]) -> Oracle:
    if not url.lower().startswith(("http://", "https://")):
        raise InvalidInput(
            f"{url.split('://')[0]}:// is not an address that can be asked; want http:// or https:// of the "
            "Open Inference Protocol, or a target.toml that describes the endpoint"
        )
    # The HTTP client takes 0.3 s to import; most targets need none.
    from hingeline.oracles.remote import remote_oracle

    return _called(remote_oracle, url, {**known.said(), **options}, "an address")


def referenced(reference: str) -> Any:
    """What "package.module:name" names, looked for in the working directory as well.

    Raises:
        InvalidInput: The module cannot be imported, or has no such name.
    """
    module_name, _, attribute = reference.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:  # a user's module may raise anything while it is imported
        raise InvalidInput(f"cannot import {module_name}: {type(error).__name__}: {error}") from error
    finally:
        if here in sys.path:
            sys.path.remove(here)
    for part in attribute.split("."):
        if not hasattr(found, part):
            public = [word for word in dir(found) if not word.startswith("_")]
            meant = difflib.get_close_matches(part, public) or public[:8]
            raise InvalidInput(f"{module_name} has no {attribute!r}; it has {', '.join(meant) or 'nothing'}")
        found = getattr(found, part)
    return found


def is_reference(text: str) -> bool:
    """Whether `text` has the form "package.module:name" and is no file."""
    return _REFERENCE.fullmatch(text) is not None and not Path(text).exists()


def _from_reference(reference: str, known: Description, options: Mapping[str, Any]) -> Oracle:
    found = referenced(reference)
    if isinstance(found, str | Path):
        raise InvalidInput(f"{reference} is a text, not something that can be asked")
    return _from_object(found, replace(known, name=known.name or reference), options)


def _function_oracle(function: Callable[..., Any], known: Description) -> CallableOracle:
    stated = getattr(function, "input_dim", None)
    input_dim = known.input_dim or (stated if isinstance(stated, int) else None)
    name = getattr(function, "__qualname__", type(function).__name__)
    if input_dim is None:
        raise InvalidInput(
            f"how many inputs does {name} take? Pass input_dim=784 "
            "(--input-dim 784 on the command line), or input_shape=(1, 28, 28) for images"
        )
    return CallableOracle(function, OracleSpec(name, input_dim), known.input_shape)


def _refuse_options(options: Mapping[str, Any], door: str) -> None:
    if options:
        raise InvalidInput(f"{door} takes no {', '.join(options)}")


def _called(builder: Callable[..., Any], target: Any, options: Mapping[str, Any], door: str) -> Any:
    """`builder(target, **options)`, with words for an option it does not know."""
    takes = list(inspect.signature(builder).parameters)[1:]
    unknown = [name for name in options if name not in takes]
    if unknown:
        raise InvalidInput(f"{door} takes no {', '.join(unknown)}; it takes {', '.join(takes)}")
    return builder(target, **options)


def _fingerprinted(path: Path) -> str:
    """The file's name and a hash of its content, so that a journal notices when the model was replaced."""
    with path.open("rb") as file:
        return f"{path.name}@{hashlib.file_digest(file, 'sha256').hexdigest()[:8]}"
