"""What a defence is: a door around a door, and what an attacker who knows it does.

A defence never sees who asks nor why. Attackers never see the defence's secrets (seeds of noise, draws of
members), and know everything else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.oracles.protocol import Answers, Oracle, OracleSpec

if TYPE_CHECKING:
    import numpy as np

    from hingeline.sensitivity.models.model import Model
    from hingeline.sensitivity.threat import Threat

AdaptiveAttack = Callable[["Model", FloatArray, IntArray, "Threat", float, "np.random.Generator"], FloatArray]
"""(model behind the defence, inputs "n d", their true classes "n", threat, radius, chance) to candidates
"n d" within the radius; the input itself where nothing better was found. Whoever judges asks the door."""


class Defence(ABC):
    """Something between a model and whoever asks; subclasses are frozen dataclasses."""

    @property
    @abstractmethod
    def text(self) -> str:
        """As it is typed, such as "round:3"."""

    @property
    @abstractmethod
    def words(self) -> str:
        """For tables, such as "rounded to 3 decimals"."""

    @property
    def is_random(self) -> bool:
        """Whether the same question may be answered differently when it is asked again."""
        return False

    @property
    def follows_scores(self) -> bool:
        """Whether what is shown depends on the model's scores alone, so that who lowers them fools the door.

        A defence that asks something else than the model at the point that was sent does not follow them, and
        has to name attacks that know it.
        """
        return False

    @abstractmethod
    def around(self, oracle: Oracle, *, seed: int = 0) -> Oracle:
        """The defended door.

        Args:
            oracle: The door inside.
            seed: Of what the defence draws; attackers do not know it.

        Raises:
            InvalidInput: The door inside answers nothing that this defence can be put around.
        """

    def drawn_doors(self, oracle: Oracle) -> tuple[tuple[float, Oracle], ...]:
        """The doors between which this defence draws for every row, each with its chance.

        Where there are such, chances need not be estimated by asking again: they are a sum. Empty where the
        defence draws nothing for every row, or too much to list.
        """
        return ()

    def attacks(self) -> tuple[AdaptiveAttack, ...]:
        """Attacks that know this defence, beside those on the model alone; none where these are enough.

        A defence that leaves every decision as it was needs none: whoever fools the model fools the door.
        """
        return ()


class DefendedOracle(ABC):
    """A door whose answers are changed before they are shown.

    Args:
        inner: The door inside.
        words: What is done, for the name.
        answers: What the answers are afterwards; as before if not given.
        output_dim: Numbers in one answer afterwards; as before if not given.
    """

    def __init__(
        self, inner: Oracle, words: str, *, answers: Answers | None = None, output_dim: int | None = None
    ) -> None:
        self.inner = inner
        spec = replace(inner.spec, name=f"{inner.spec.name}, {words}")
        spec = spec if answers is None else replace(spec, answers=answers)
        self._spec = spec if output_dim is None else replace(spec, output_dim=output_dim)

    @property
    def spec(self) -> OracleSpec:
        """What is known before asking."""
        return self._spec

    def query(self, points: FloatArray) -> FloatArray:
        """Answers as they are shown: "n d" to "n k"."""
        return self.shown(self.inner.query(points), points)

    @abstractmethod
    def shown(self, answers: FloatArray, points: FloatArray) -> FloatArray:
        """What is shown in place of `answers` at `points`; may not change its arguments."""
