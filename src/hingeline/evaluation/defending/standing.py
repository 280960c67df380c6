"""Which inputs still stand when candidates are shown to a defended door.

An input stands if the door gives its class, or will not answer. Of several candidates for one input the one
that fools the door most often counts; where the door answers at random the candidate is chosen on one half of
the repetitions and judged on the other, so that luck is not counted twice.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.evaluation.defending.shown import Reading
from hingeline.oracles.session import QuerySession


def fooled(session: QuerySession, reading: Reading, points: FloatArray, classes: IntArray) -> BoolArray:
    """Whether the door gives a class that is not the true one: "n d" and "n" to "n"; asks n rows afresh."""
    decided = reading.decided(session.ask(points, fresh=True))
    return (decided != classes) & (decided != reading.classes)


def standing_shares(
    session: QuerySession,
    reading: Reading,
    candidates: FloatArray,
    classes: IntArray,
    *,
    repeats: int,
) -> FloatArray:
    """Chance that each input stands under the worst of its candidates.

    Args:
        session: The defended door.
        reading: How its answers are read.
        candidates: Shape "a n d"; where an attack found nothing, the input itself.
        classes: True classes, shape "n".
        repeats: How often each candidate is shown, if the door answers at random; 1 if it does not.

    Returns:
        Shape "n", each in [0, 1]. Asks a n repeats rows.
    """
    count, inputs, dim = candidates.shape
    rows, wanted = candidates.reshape(-1, dim), np.tile(classes, count)
    times = 1 if repeats == 1 else 2 * max(1, repeats // 2)
    hits = np.stack([fooled(session, reading, rows, wanted) for _ in range(times)])
    shares = hits.reshape(times, count, inputs)
    if times == 1:
        return 1.0 - shares[0].any(axis=0)
    chosen = shares[: times // 2].mean(axis=0).argmax(axis=0)
    return 1.0 - shares[times // 2 :].mean(axis=0)[chosen, np.arange(inputs)]
