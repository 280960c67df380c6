"""One of several models answers, drawn anew for every row or once for every client.

Drawn once, the door is one deterministic model, though nobody outside knows which: what fools it keeps
fooling it. Drawn for every row, whoever may ask again wins in the end if any member is fooled.
Source: Srisakaokul et al., MulDef: Multi-model-based Defense against Adversarial Examples, 2018.
Cost: each row is asked of one member; members are asked in batches.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.core.randomness import Randomness
from hingeline.defences.doors.defence import AdaptiveAttack, Defence, DefendedOracle
from hingeline.oracles.protocol import Answers, Oracle

Member: TypeAlias = "Oracle | Callable[[FloatArray], FloatArray]"
"""A door, or a network: "n d" to "n k"."""
Draw = Literal["per row", "once"]


@dataclass(frozen=True)
class RandomMember(Defence):
    """Answers come from members drawn at random; the door inside is asked only if it is among them.

    Raises:
        InvalidInput: No members, or weights that are no probabilities of them.
    """

    members: Sequence[Member]
    """Doors or networks of the same inputs and outputs."""
    weights: tuple[float, ...] | None = None
    """How likely each is; all alike if not given. They need not sum to 1."""
    draw: Draw = "per row"
    """"per row": anew for every row answered; "once": when the door is made, for one client."""
    adaptive: tuple[AdaptiveAttack, ...] = ()
    """Attacks that know the members."""

    def __post_init__(self) -> None:
        if not self.members:
            raise InvalidInput("a random member wants at least one member")
        if self.draw not in get_args(Draw):
            raise InvalidInput(f"draw must be 'per row' or 'once'; got {self.draw!r}")
        given = self.weights
        if given is not None and (
            len(given) != len(self.members) or not all(0 <= w < np.inf for w in given) or not sum(given) > 0
        ):
            raise InvalidInput(
                f"want a weight from 0 up for each of {len(self.members)} members, not all 0; got {given}"
            )

    @property
    def text(self) -> str:
        """A name: members cannot be typed."""
        return f"random-member:{len(self.members)}"

    @property
    def words(self) -> str:
        """For tables."""
        when = "for every row" if self.draw == "per row" else "once for each client"
        return f"one of {len(self.members)} models, drawn {when}"

    @property
    def is_random(self) -> bool:
        """Whether the member changes between rows."""
        return self.draw == "per row" and len(self.members) > 1

    @property
    def shares(self) -> FloatArray:
        """Probability of each member, shape "m"."""
        raw = np.ones(len(self.members)) if self.weights is None else np.array(self.weights, dtype=np.float64)
        return raw / raw.sum()

    def drawn_doors(self, oracle: Oracle) -> tuple[tuple[float, Oracle], ...]:
        """Every member behind a door of its own; none where the draw is made once."""
        if self.draw == "once":
            return ()
        alone = (replace(self, members=(member,), weights=None, draw="once") for member in self.members)
        doors = (one.around(oracle) for one in alone)
        return tuple((float(share), door) for share, door in zip(self.shares, doors, strict=True))

    def attacks(self) -> tuple[AdaptiveAttack, ...]:
        """Those that were given with the members."""
        return self.adaptive

    def around(self, oracle: Oracle, *, seed: int = 0) -> Oracle:
        """A door with the spec of `oracle` that the members answer; `seed` draws them.

        Raises:
            InvalidInput: A member of other inputs; or a door inside with a defence, which would be passed by.
        """
        if isinstance(oracle, DefendedOracle):
            raise InvalidInput(
                f"members answer in place of {oracle.spec.name}, whose defences would be lost: put the "
                "random member first and the other defences after it"
            )
        for number, member in enumerate(self.members):
            width = (
                member.spec.input_dim if isinstance(member, Oracle) else getattr(member, "input_dim", None)
            )
            if width not in (None, oracle.spec.input_dim):
                raise InvalidInput(
                    f"member {number} takes {width} inputs and {oracle.spec.name} takes "
                    f"{oracle.spec.input_dim}"
                )
        return _RandomDoor(oracle, self, seed)


class _RandomDoor(DefendedOracle):
    """Safe to ask from several threads: the n-th row answered gets the n-th draw."""

    def __init__(self, inner: Oracle, defence: RandomMember, seed: int) -> None:
        doors = [member.spec for member in defence.members if isinstance(member, Oracle)]
        said: set[Answers] = {spec.answers for spec in doors} or {inner.spec.answers}
        super().__init__(inner, defence.words, answers=said.pop() if len(said) == 1 else "auto")
        limits = [s.max_batch for s in (inner.spec, *doors) if s.max_batch is not None]
        remote = inner.spec.remote or any(spec.remote for spec in doors)
        self._spec = replace(self._spec, max_batch=min(limits, default=None), remote=remote)
        self._members = tuple(defence.members)
        self._ends = np.cumsum(defence.shares)
        self._once = defence.draw == "once"
        self._generator = Randomness(seed).step("random member")
        self._fixed = int(self._drawn(1)[0])
        self._lock = threading.Lock()

    def query(self, points: FloatArray) -> FloatArray:
        """Answers of whoever was drawn for each row."""
        if self._once:
            return _asked(self._members[self._fixed], points)
        with self._lock:
            chosen = self._drawn(len(points))
        parts = [
            (rows, _asked(self._members[number], points[rows]))
            for number in range(len(self._members))
            if (rows := np.flatnonzero(chosen == number)).size
        ]
        widths = {answers.shape[1] for _, answers in parts}
        if len(widths) > 1:
            raise InvalidInput(f"members answer rows of different lengths: {sorted(widths)}")
        together = np.empty((len(points), widths.pop() if widths else 1))
        for rows, answers in parts:
            together[rows] = answers
        return together

    def shown(self, answers: FloatArray, points: FloatArray) -> FloatArray:
        return answers

    def _drawn(self, rows: int) -> IntArray:
        draws = np.searchsorted(self._ends, self._generator.random(rows), side="right")
        return np.minimum(draws, len(self._members) - 1).astype(np.int64)


def _asked(member: Member, points: FloatArray) -> FloatArray:
    raw = member.query(points) if isinstance(member, Oracle) else member(points)
    answers = np.asarray(raw, dtype=np.float64)
    return answers[:, np.newaxis] if answers.ndim == 1 else answers
