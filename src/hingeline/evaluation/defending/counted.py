"""A door that counts what it answered: an attack that is broken off does not tell what it had asked."""

from __future__ import annotations

from hingeline.core.arrays import FloatArray
from hingeline.oracles.protocol import Oracle, OracleSpec


class Counted:
    """The door itself, and the rows it answered.

    Args:
        inner: The door.
    """

    def __init__(self, inner: Oracle) -> None:
        self.inner = inner
        self.rows = 0

    @property
    def spec(self) -> OracleSpec:
        """That of the door."""
        return self.inner.spec

    def query(self, points: FloatArray) -> FloatArray:
        """Its answers; rows that are turned away are not counted, since nobody pays for them."""
        answers = self.inner.query(points)
        self.rows += len(points)
        return answers
