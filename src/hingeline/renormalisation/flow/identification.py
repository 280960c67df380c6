"""Which operator of a layer is the same as which of the layer above: what eigenvalues need and must be told.

A stability matrix leads from couplings of one layer to those of another. Hidden units have no names: another
numbering of the same network gives other eigenvalues. They mean something only where the two sets of
operators are identified by declaration.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.operators.operator_set import OperatorSet, ProductOperators

Kind = Literal["collective", "tied units"]


@dataclass(frozen=True)
class Identification:
    """A declaration that operator i of layer n + 1 is the same as operator i of layer n.

    Attributes:
        kind: "collective": sums or other functions of all units, such as their total, in layers of any width;
            "tied units": layers of equal width whose units are the same by construction, such as layers that
            share their weights.

    Raises:
        InvalidInput: Another kind.
    """

    kind: Kind

    def __post_init__(self) -> None:
        if self.kind not in ("collective", "tied units"):
            raise InvalidInput(
                f"operators are identified as 'collective' or 'tied units'; got {self.kind!r}; without "
                "either leave the identification out: canonical correlations need none"
            )

    def check(self, below: OperatorSet, above: OperatorSet) -> None:
        """See that these operator sets can be identified so.

        Raises:
            InvalidInput: They have different operators, or not of the kind declared.
        """
        if below.names != above.names:
            raise InvalidInput(
                f"identified operators stand in the same order with the same names in both layers; got "
                f"{_some(below.names)} below and {_some(above.names)} above"
            )
        if self.kind == "tied units" and below.width != above.width:
            raise InvalidInput(
                f"tied units want layers of equal width; got {below.width} below and {above.width} above; "
                "between layers of different width only collective operators can be the same"
            )
        if self.kind == "collective" and isinstance(below, ProductOperators):
            raise InvalidInput(
                f"{below.kind} are not collective: which unit is which is a matter of numbering; give sums "
                "of units such as total(width), or declare Identification('tied units') if the units are tied"
            )


def scaling_exponent(
    eigenvalue: float, error: float, width_below: int, width_above: int
) -> tuple[float, float] | None:
    """The exponent y = log |lambda| / log(w_n / w_(n+1)) and its error; None where it has none."""
    if width_below == width_above or eigenvalue == 0:
        return None
    factor = math.log(width_below / width_above)
    return math.log(abs(eigenvalue)) / factor, abs(error / (eigenvalue * factor))


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f", ... ({len(names)} in all)" if len(names) > 3 else "")
