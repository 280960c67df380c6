"""Solved inputs in a run's journal, so that a proof that was interrupted goes on where it was.

An entry is found again only for the same network, input, threat and budget: its key is a digest of all of
them. Nothing is asked of a door here; the journal is used as the place where a run keeps what it decided.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.journal import Journal
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.exact.minimal import Solved
from hingeline.sensitivity.exact.search import ExactSettings
from hingeline.sensitivity.threat import Threat

PHASE = "smallest flips"


class SolvedInJournal:
    """The smallest flips that a run has found so far.

    Args:
        journal: Where they are kept.
        network: Whose flips they are.
        points: The inputs, shape "n d".
        decision: How outputs become classes.
        threat: Norm, box and free coordinates.
        settings: Budget for each input.
    """

    def __init__(
        self,
        journal: Journal,
        network: PiecewiseLinearNetwork,
        points: FloatArray,
        decision: Decision,
        threat: Threat,
        settings: ExactSettings,
    ) -> None:
        self._journal, self._points = journal, points
        common = hashlib.sha256()
        for array in (*network.weights, *network.biases):
            common.update(str(array.shape).encode())
            common.update(array.tobytes())
        free = None if threat.free is None else np.packbits(threat.free).tobytes()
        common.update(repr((decision, threat.norm, threat.box, free, settings)).encode())
        self._common = common

    def recall(self, index: int) -> Solved | None:
        """What was kept of the input in row `index`; None if nothing was."""
        kept = self._journal.decision(PHASE, self._key(index))
        return None if kept is None else _solved(kept)

    def keep(self, index: int, solved: Solved) -> None:
        """Keep what is known of the input in row `index`, safe from a crash when this returns."""
        self._journal.decide(PHASE, self._key(index), _told(solved))

    def _key(self, index: int) -> str:
        digest = self._common.copy()
        digest.update(np.ascontiguousarray(self._points[index]).tobytes())
        return digest.hexdigest()


def _told(solved: Solved) -> dict[str, Any]:
    # the bits of the change, because its last digits decide whether it flips
    return {
        "change": base64.b64encode(np.ascontiguousarray(solved.change).tobytes()).decode(),
        "bounds": _hexes((solved.upper, solved.lower)),
        "ended": solved.ended,
        "nodes": int(solved.nodes),
    }


def _solved(kept: dict[str, Any]) -> Solved:
    change = np.frombuffer(base64.b64decode(kept["change"]), dtype=np.float64)
    upper, lower = (float.fromhex(text) for text in kept["bounds"])
    return Solved(change, upper, lower, kept["ended"], kept["nodes"])


def _hexes(numbers: Iterable[float]) -> list[str]:
    return [float(number).hex() for number in numbers]
