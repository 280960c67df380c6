"""Several defences, one around the other, in the order in which they are typed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.defences.doors.defence import AdaptiveAttack, Defence
from hingeline.oracles.protocol import Oracle


@dataclass(frozen=True)
class Chained(Defence):
    """The first is next to the model, the last next to whoever asks; a chain within is opened up."""

    parts: tuple[Defence, ...]
    """Defences from the inside out."""

    def __post_init__(self) -> None:
        flat = [p for part in self.parts for p in (part.parts if isinstance(part, Chained) else (part,))]
        object.__setattr__(self, "parts", tuple(flat))

    @property
    def text(self) -> str:
        """As it is typed: parts joined by '+'; "none" if there are none."""
        return "+".join(part.text for part in self.parts) or "none"

    @property
    def words(self) -> str:
        """For tables."""
        return ", ".join(part.words for part in self.parts) or "no defence"

    @property
    def is_random(self) -> bool:
        """Whether any part is."""
        return any(part.is_random for part in self.parts)

    @property
    def follows_scores(self) -> bool:
        """Whether all parts do."""
        return all(part.follows_scores for part in self.parts)

    def around(self, oracle: Oracle, *, seed: int = 0) -> Oracle:
        """The door with all of them; parts of the same kind get seeds of their own.

        Raises:
            InvalidInput: A part cannot be put around what the parts before it answer.
        """
        kinds: dict[type[Defence], int] = {}
        for part in self.parts:
            before = kinds.get(type(part), 0)
            kinds[type(part)] = before + 1
            oracle = part.around(oracle, seed=_seed_of(seed, before))
        return oracle

    def drawn_doors(self, oracle: Oracle) -> tuple[tuple[float, Oracle], ...]:
        """Those of the first part, with the other parts around each, where only the first draws."""
        first, rest = self.parts[:1], Chained(self.parts[1:])
        if not first or rest.is_random:
            return ()
        return tuple((share, rest.around(door)) for share, door in first[0].drawn_doors(oracle))

    def attacks(self) -> tuple[AdaptiveAttack, ...]:
        """Those that know any part."""
        return tuple(attack for part in self.parts for attack in part.attacks())


def _seed_of(seed: int, before: int) -> int:
    """The first of its kind draws from the seed itself, so that a chain of one is that one."""
    if not before:
        return seed
    return int(np.random.SeedSequence([seed, before]).generate_state(1, np.uint64)[0])
