"""Some operators of a set: what is left when those without variance are dropped."""

from __future__ import annotations

from dataclasses import dataclass

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.renormalisation.operators.operator_set import OperatorSet


@dataclass(frozen=True, eq=False)
class KeptOperators:
    """Operators `which` of a set, in that order.

    Attributes:
        operators: The whole set.
        which: Indices into it, shape "k".
    """

    operators: OperatorSet
    which: IntArray

    @property
    def kind(self) -> str:
        """As the whole set."""
        return self.operators.kind

    @property
    def width(self) -> int:
        """Units in the layer."""
        return self.operators.width

    @property
    def names(self) -> tuple[str, ...]:
        """Of those kept."""
        return tuple(self.operators.names[i] for i in self.which)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Names of those that were dropped."""
        dropped = set(range(len(self.operators.names))) - set(self.which.tolist())
        return tuple(self.operators.names[i] for i in sorted(dropped))

    def values(self, states: FloatArray) -> FloatArray:
        """Operators at states: "m w" to "m k"."""
        return self.operators.values(states)[:, self.which]

    def expected(self, means: FloatArray) -> FloatArray | None:
        """Their means for independent units, "m w" to "m k"; None if not known."""
        found = self.operators.expected(means)
        return None if found is None else found[:, self.which]

    def expected_products(self, means: FloatArray) -> FloatArray | None:
        """Sum over rows of E[O_a O_b], "m w" to "k k"; None if not known."""
        found = self.operators.expected_products(means)
        return None if found is None else found[self.which][:, self.which]
