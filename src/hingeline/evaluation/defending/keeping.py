"""Finished parts of a grid in a run's journal, so that an interrupted one goes on where it was.

A part is found again only for the same model, inputs, threat, settings, budget, defence and seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from hingeline.core.errors import HingelineError
from hingeline.defences.doors.defence import Defence
from hingeline.evaluation.defending.call import DefendCall
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import Oracle

PHASE = "grid of defences"
Part = TypeVar("Part")
_PROBES = 64


class Kept:
    """Parts that a run has finished so far.

    Args:
        journal: Where they are kept; None keeps nothing.
        call: What is measured of what; the model is recognised by its answers.
        radius: Size of the changes.
    """

    def __init__(self, journal: Journal | None, call: DefendCall, radius: float) -> None:
        self._journal = journal
        self._common = hashlib.sha256()
        if journal is None:
            return
        self._points = call.points[:_PROBES]
        truth = call.opened.truth
        for array in (
            call.points,
            call.opened.model.outputs(self._points),
            *(() if truth is None else (*truth.weights, *truth.biases)),
            *(() if call.labels is None else (call.labels,)),
            *(call.train or ()),
        ):
            self._common.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
        # adding seeds or leaving parts out changes no part that is kept
        told = {k: v for k, v in call.settings.told().items() if k not in ("seeds", "parts")}
        threat = (call.threat.norm, call.threat.box, radius)
        self._common.update(repr((threat, sorted(told.items()), call.budget)).encode())

    def once(
        self, name: str, kind: Any, measure: Callable[[], Part], defence: tuple[Defence, Oracle] | None = None
    ) -> Part:
        """A part as it was kept, or measured and kept.

        Args:
            name: Of the part.
            kind: Reads what its `to_dict` told.
            measure: Measures it.
            defence: What it is about with a fresh door of it; it is recognised by its answers and attacks,
                since objects of one name may be different defences.
        """
        if self._journal is None:
            return measure()
        key = self._common.copy()
        key.update(name.encode())
        if defence is not None:
            key.update(self._recognised(*defence))
        told = self._journal.decision(PHASE, key.hexdigest())
        if told is not None:
            return kind.read(told)
        found: Any = measure()
        self._journal.decide(PHASE, key.hexdigest(), found.to_dict())
        return found

    def _recognised(self, defence: Defence, door: Oracle) -> bytes:
        attacks = [getattr(one, "__qualname__", type(one).__qualname__) for one in defence.attacks()]
        said = repr((type(defence).__qualname__, defence.is_random, defence.follows_scores, attacks)).encode()
        try:
            return said + np.ascontiguousarray(door.query(self._points)).tobytes()
        except HingelineError as error:
            return said + str(error).encode()
