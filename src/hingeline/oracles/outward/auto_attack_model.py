"""A counted door as the forward pass that AutoAttack wants (extra `autoattack`, the package pyautoattack).

Of its attacks only Square asks without gradients. It sees images in [0, 1], so a door with other bounds is
stretched to them, and eps is in those units.

Its check for randomised models asks the same rows five times and compares. Rows asked again are served from
memory, so the check sees nothing unless the door was counted with `fresh=True`, which pays for all five.

Source: Croce and Hein 2020 (AutoAttack); Andriushchenko et al. 2020 (Square).
"""

from __future__ import annotations

from typing import Any

from hingeline.core.errors import UnsupportedOracle
from hingeline.core.extras import optional
from hingeline.oracles.outward.counted import CountedOracle, as_counted
from hingeline.oracles.outward.scores import Scores, checked_bounds, within_bounds
from hingeline.oracles.outward.tensors import as_rows, refuse_gradients, row_shape
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.session import QuerySession

_UNIT = (0.0, 1.0)
_ADVICE = (
    "Of AutoAttack, Square works: AutoAttack(model, norm=..., eps=..., version='custom', attacks=['square'], "
    "seed=0) of pyautoattack, attacks_to_run=['square'] in the original"
)


class TorchForward:
    """A function from torch images in [0, 1] to scores; made by `for_autoattack`.

    Scores are float64, on the device of the images, and carry no gradient.

    Attributes:
        door: The counted door behind, with `queries`, `replayed` and `remaining`.
    """

    def __init__(
        self, door: CountedOracle, scores: Scores, limits: tuple[float, float], shape: tuple[int, ...] | None
    ) -> None:
        self.door = door
        self._scores = scores
        self._limits = limits
        self._shape = shape
        self._torch = optional("torch", "hl.for_autoattack", "autoattack")

    def __call__(self, images: Any) -> Any:
        """Scores, "n c", at images "n ..." in [0, 1].

        Raises:
            UnsupportedOracle: The attack wants gradients; nothing was asked.
            InvalidInput: Images of another shape or outside [0, 1].
            BudgetExhausted: They do not fit the budget; the message says what is kept.
        """
        spec = self.door.spec
        refuse_gradients(images, spec.name, _ADVICE)
        shown = as_rows(images.detach().cpu().numpy(), self._shape, spec.input_dim)
        low, high = self._limits
        rows = low + (high - low) * within_bounds(shown, _UNIT, "images of AutoAttack")
        return self._torch.as_tensor(self._scores.of(self.door(rows.clip(low, high))), device=images.device)


def for_autoattack(
    door: CountedOracle | QuerySession | Oracle,
    *,
    input_shape: tuple[int, ...] | None = None,
    bounds: tuple[float, float] | None = None,
) -> TorchForward:
    """A counted door as a forward pass for AutoAttack's Square, its one attack without gradients.

    Args:
        door: `hl.counted(...)`, a session, or a door (then without a budget or a journal).
        input_shape: Shape of one image, such as (1, 28, 28); Square wants channel, height, width.
        bounds: What 0 and 1 stand for in input units; the door's bounds, or 0 and 1 if it has none.

    Raises:
        MissingExtra: torch is not installed.
        UnsupportedOracle: The door tells labels only: Square follows scores, would search blindly, and would
            call the model robust.
        InvalidInput: A shape that does not fit, or bounds beyond the door's.
    """
    asked = as_counted(door)
    if asked.spec.answers == "labels":
        raise UnsupportedOracle(
            f"{asked.spec.name} tells labels only, and Square follows scores: it would search blindly and "
            "call the model robust. Use hl.for_foolbox(..., classes=10) with BoundaryAttack"
        )
    limits = checked_bounds(bounds or asked.spec.bounds or _UNIT, asked.spec)
    return TorchForward(asked, Scores(asked.spec), limits, row_shape(input_shape, asked.spec.input_dim))
