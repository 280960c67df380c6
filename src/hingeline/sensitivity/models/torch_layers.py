"""What a torch module does while it runs: which activations it calls, in which order, on what.

Calls are seen where torch dispatches them, so it makes no difference whether an activation is a module or a
function, or how often a module is used: each call is a layer. A call whose result is the answer itself is the
output's, not a hidden layer. Hidden from view are what runs in compiled or scripted code, and what attention
does inside.

Cost: none beyond the forward pass, but for one copy of what each activation takes and gives.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_NAMES = (
    "relu",
    "relu6",
    "leaky_relu",
    "prelu",
    "rrelu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "softsign",
    "tanh",
    "sigmoid",
    "hardtanh",
    "hardswish",
    "hardsigmoid",
    "logsigmoid",
    "log_sigmoid",
    "hardshrink",
    "softshrink",
    "tanhshrink",
    "threshold",
    "abs",
    "absolute",
    "sin",
    "clamp",
    "clip",
    "clamp_min",
)
ACTIVATIONS = frozenset(name + in_place for name in _NAMES for in_place in ("", "_"))
"""Functions of one number that count as activations, by their names in torch."""


SAME = 1e-9
"""Two ways to compute a row agree to so many of its digits, or rows mix."""


@dataclass(frozen=True)
class Layer:
    """Where the rows are in what one activation gives."""

    name: str
    axis: int


@dataclass(frozen=True, eq=False)
class Call:
    """One call of an activation."""

    place: str
    """The module that was running, and the function's name where the module's says less."""
    before: Any
    """A copy of what it took, detached."""
    after: Any
    """A copy of what it gave, in the graph of differentiation."""
    address: int
    """Where torch keeps what it gave."""
    again: Callable[[Any], Any]
    """The same function, of another tensor of this shape."""

    def slopes(self, torch: Any) -> Any:
        """The derivative of every output by its own input, shaped like `before`."""
        start = self.before.detach().requires_grad_(True)
        with torch.enable_grad():
            # of a copy: some of these functions write into what they take
            total = self.again(start.clone()).sum()
        if not total.requires_grad:
            return torch.zeros_like(start)
        return torch.autograd.grad(total, start)[0]


@dataclass(eq=False)
class Watch:
    """What was seen in one forward pass."""

    calls: list[Call] = field(default_factory=list[Call])
    numbers: int = 0
    """Numbers in all results together, for an estimate of the memory."""
    lowered: str = ""
    """The first function that gave fewer digits than it took; empty if none did."""
    running: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Names and kinds of the modules that are running, innermost last; empty unless names are wanted."""


@contextmanager
def watching(torch: Any, watch: Watch, named: Any | None = None) -> Generator[None]:
    """Fill `watch` from what torch is called for inside.

    Args:
        torch: The package.
        watch: Is filled.
        named: A module whose parts' names are wanted; None where only the order counts.
    """
    handles = _track_modules(named, watch) if named is not None else []
    try:
        with _mode(torch, watch):
            yield
    finally:
        for handle in handles:
            handle.remove()


def _mode(torch: Any, watch: Watch) -> Any:
    class Watching(torch.overrides.TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            options = kwargs or {}
            name = str(getattr(func, "__name__", ""))
            taken: Any = args[0] if args else options.get("input")
            acts = name in ACTIVATIONS and isinstance(taken, torch.Tensor) and taken.is_floating_point()
            before = taken.detach().clone() if acts else None
            result = func(*args, **options)
            _note(torch, watch, name, taken, result)
            if acts and isinstance(result, torch.Tensor):
                watch.calls.append(
                    Call(
                        _place(watch, name),
                        before,
                        result.clone(),
                        int(result.data_ptr()),
                        _repeated(func, args, options),
                    )
                )
            return result

    return Watching()


def _note(torch: Any, watch: Watch, name: str, taken: Any, result: Any) -> None:
    for tensor in result if isinstance(result, tuple | list) else (result,):
        if not isinstance(tensor, torch.Tensor):
            continue
        watch.numbers += tensor.numel()
        doubles = isinstance(taken, torch.Tensor) and taken.dtype == torch.float64
        if doubles and tensor.is_floating_point() and tensor.dtype != torch.float64 and not watch.lowered:
            watch.lowered = f"{name} gives {str(tensor.dtype).removeprefix('torch.')}"


def _repeated(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Callable[[Any], Any]:
    if args:
        return lambda tensor: func(tensor, *args[1:], **options)
    return lambda tensor: func(**{**options, "input": tensor})


def _place(watch: Watch, function: str) -> str:
    """The running module's name, with the function's where the module is more than that function."""
    plain = function.removesuffix("_")
    path, kind = watch.running[-1] if watch.running else ("", "")
    said = kind.lower() == plain.replace("_", "")
    return path if said and path else ".".join(part for part in (path, plain) if part)


def _track_modules(module: Any, watch: Watch) -> list[Any]:
    handles: list[Any] = []
    for path, part in module.named_modules():
        entry = (path, type(part).__name__)

        def enter(*_: Any, entry: tuple[str, str] = entry) -> None:
            watch.running.append(entry)

        def leave(*_: Any) -> None:
            watch.running.pop()

        handles += [part.register_forward_pre_hook(enter), part.register_forward_hook(leave)]
    return handles


def row_axis(call: Call, singles: list[Call]) -> int | None:
    """The axis along which two rows are twice one, if each row's share is what it is alone; else None."""
    if len(singles) != 2 or singles[0].after.ndim != call.after.ndim:
        return None
    shapes = zip(call.after.shape, singles[0].after.shape, strict=True)
    axes = [axis for axis, (two, one) in enumerate(shapes) if two != one]
    if len(axes) != 1 or call.after.numel() != 2 * singles[0].after.numel():
        return None
    together = flat(call.after, Layer("", axes[0]), 2)
    for row, single in zip(together, singles, strict=True):
        alone = single.after.movedim(axes[0], 0).reshape(-1)
        if not bool(((row - alone).abs() <= SAME * (1.0 + alone.abs())).all()):
            return None
    return axes[0]


def flat(tensor: Any, layer: Layer, rows: int) -> Any:
    """What an activation took or gave, one line for each row."""
    return tensor.movedim(layer.axis, 0).reshape(rows, -1)
