"""Where heavy products of matrices are taken: in NumPy, or in torch on a GPU or on more cores.

Idea: what a fit needs of its samples are products with matrices that stay the same through many of them. A
backend puts those matrices where it computes and takes products there; what goes in and comes out are NumPy
arrays of one number per parameter or per answer, small beside the work. Everything that decides something
stays in NumPy, so results agree to rounding whatever the backend.

torch is imported only here, only when it is asked for or a GPU may be worth it.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from hingeline.core.errors import InvalidInput

NAMES = ("auto", "numpy", "torch")
"""What a user may ask for."""
WORTH_A_GPU = 1e8
"""Numbers of the derivative (answers x parameters) from which a GPU is looked for: below it a fit takes
seconds, and importing torch and moving the samples takes as long."""

Array = npt.NDArray[Any]


class Backend(Protocol):
    """Where products are taken."""

    NAME: ClassVar[str]
    """What it is called in results."""

    def put(self, array: Array) -> Any:
        """The array where this backend computes, same type of numbers."""
        ...

    def get(self, array: Any) -> Array:
        """Back as a NumPy array."""
        ...

    def zeros(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Any:
        """An array of zeros where this backend computes."""
        ...

    def concatenate(self, parts: list[Any], axis: int) -> Any:
        """Arrays of this backend joined."""
        ...


@dataclass(frozen=True)
class NumpyBackend:
    """The default: arrays stay what they are."""

    NAME: ClassVar[str] = "numpy"

    def put(self, array: Array) -> Any:
        """The array itself."""
        return array

    def get(self, array: Any) -> Array:
        """The array itself."""
        return array

    def zeros(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Any:
        """An array of zeros."""
        return np.zeros(shape, dtype=dtype)

    def concatenate(self, parts: list[Any], axis: int) -> Any:
        """Arrays joined."""
        return np.concatenate(parts, axis=axis)


@dataclass(frozen=True)
class TorchBackend:
    """torch tensors on one device."""

    NAME: ClassVar[str] = "torch"

    device: str
    """What torch calls it: cpu, cuda."""

    def put(self, array: Array) -> Any:
        """A tensor on the device; on the CPU it shares the array's memory where that may be written."""
        whole = np.ascontiguousarray(array)
        return _torch().from_numpy(whole if whole.flags.writeable else whole.copy()).to(self.device)

    def get(self, array: Any) -> Array:
        """Back as a NumPy array."""
        return array.cpu().numpy()

    def zeros(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Any:
        """A tensor of zeros."""
        torch = _torch()
        kind = torch.float32 if np.dtype(dtype) == np.float32 else torch.float64
        return torch.zeros(shape, dtype=kind, device=self.device)

    def concatenate(self, parts: list[Any], axis: int) -> Any:
        """Tensors joined."""
        return _torch().cat(parts, dim=axis)


NUMPY = NumpyBackend()
"""The backend of everything that asks for none."""


def chosen_backend(name: str, numbers: float) -> Backend:
    """The backend for a problem.

    Args:
        name: "numpy", "torch" (a GPU if there is one, else torch on the CPU), or "auto": torch if it is
            installed, sees a GPU and the problem is large, else NumPy.
        numbers: How large the derivative is, answers times parameters.

    Raises:
        InvalidInput: Another name, or torch is asked for and not installed.
    """
    if name not in NAMES:
        raise InvalidInput(f"backend must be one of {', '.join(NAMES)}; got {name!r}")
    if name == "numpy" or (name == "auto" and (numbers < WORTH_A_GPU or not _installed())):
        return NUMPY
    if not _installed():
        raise InvalidInput(
            "backend 'torch' needs torch, which is not installed; pip install 'hingeline[torch]'"
        )
    gpu = bool(_torch().cuda.is_available())
    if name == "auto" and not gpu:
        return NUMPY
    return TorchBackend("cuda" if gpu else "cpu")


def _installed() -> bool:
    return importlib.util.find_spec("torch") is not None


def _torch() -> Any:
    return importlib.import_module("torch")
