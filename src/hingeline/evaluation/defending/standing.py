"""Which inputs still stand when candidates are shown to a defended door.

An input stands if the door gives its class, or will not answer. Of several candidates for one input the one
that fools the door most often counts; where the door answers at random the candidate is chosen on one half of
the repetitions and judged on the other, so that luck is not counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.evaluation.defending.shown import Reading
from hingeline.oracles.session import QuerySession


def fooled(session: QuerySession, reading: Reading, points: FloatArray, classes: IntArray) -> BoolArray:
    """Whether the door gives a class that is not the true one: "n d" and "n" to "n"; asks n rows afresh."""
    decided = reading.decided(session.ask(points, fresh=True))
    return (decided != classes) & (decided != reading.classes)


@dataclass(frozen=True, eq=False)
class Stands:
    """How the chance that inputs stand is found.

    Attributes:
        session: The defended door.
        reading: How its answers are read.
        repeats: How often each candidate is shown, if the door answers at random; 1 if it does not.
        drawn: The doors between which the defence draws for every row, with their chances; the chance is
            then a sum over them and nothing is left to luck. Empty where there are none to list.
    """

    session: QuerySession
    reading: Reading
    repeats: int = 1
    drawn: tuple[tuple[float, QuerySession], ...] = ()

    def shares(self, candidates: FloatArray, classes: IntArray) -> FloatArray:
        """Chance that each input stands under the worst of its candidates.

        Args:
            candidates: Shape "a n d"; where an attack found nothing, the input itself.
            classes: True classes, shape "n".

        Returns:
            Shape "n", each in [0, 1]. Asks a n rows for each repetition or door.
        """
        count, inputs, dim = candidates.shape
        rows, wanted = candidates.reshape(-1, dim), np.tile(classes, count)
        if self.drawn:
            fallen = sum(
                share * fooled(door, self.reading, rows, wanted).astype(np.float64)
                for share, door in self.drawn
            )
            return 1.0 - np.asarray(fallen).reshape(count, inputs).max(axis=0)
        times = 1 if self.repeats == 1 else 2 * max(1, self.repeats // 2)
        hits = np.stack([fooled(self.session, self.reading, rows, wanted) for _ in range(times)])
        shares = hits.reshape(times, count, inputs)
        if times == 1:
            return 1.0 - shares[0].any(axis=0)
        chosen = shares[: times // 2].mean(axis=0).argmax(axis=0)
        return 1.0 - shares[times // 2 :].mean(axis=0)[chosen, np.arange(inputs)]
