"""A door as a model: answers are asked, derivatives are measured by certified differences.

Cost of the first use: the doctor's examination, about 45 queries, unless a card is given. Cost of the
derivatives of all outputs at one point, once (they are kept): where the door is piecewise linear about
d + 4 queries and 4 to 30 for finding how far the linear region reaches, and about twice that beside a kink;
where it is smooth 4 d + 39; where it is noisy 6 more. Gradients of any combination of outputs at a point that
was measured are free.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, as_points
from hingeline.core.errors import InvalidInput, UnsupportedOracle
from hingeline.core.randomness import Randomness
from hingeline.oracles.session import QuerySession
from hingeline.probing.card import DoctorCard
from hingeline.probing.doctor import examine
from hingeline.sensitivity.models.curved_slopes import CurvedSlopes
from hingeline.sensitivity.models.measured import MeasuredJacobians
from hingeline.sensitivity.models.straight_slopes import StraightSlopes
from hingeline.sensitivity.models.value_door import ValueDoor

CHUNK_BYTES = 64 * 2**20
"""Jacobians measured at once."""
MEMORY_BYTES = 512 * 2**20
"""Jacobians kept, those last used."""


class AskedModel:
    """What can only be asked.

    Outputs are the answers, or where these are probabilities their log-ratios, as many as there are answers:
    the largest stays the largest, and one probability above one half is an output above zero. Where the door
    tells labels only, outputs are rows with a one in the class's place, so that `Decision(output_dim)` reads
    the label back; there are no gradients then.

    Args:
        session: Where queries go, are counted and remembered.
        card: What the doctor wrote of this door; it is examined at the first use if not given.
        seed: Draws the probes of differences and of the examination.
        scale: Norm of a typical input, for the examination.
        classes: Number of labels of a door that tells labels only; those seen by the doctor if not given.
        name: For people; the door's if not given.

    Raises:
        BudgetExhausted: Whatever is asked may exceed the session's budget; nothing is kept of a part that
            was not finished, but the session remembers every answer.
    """

    def __init__(
        self,
        session: QuerySession,
        *,
        card: DoctorCard | None = None,
        seed: int = 0,
        scale: float | None = None,
        classes: int | None = None,
        name: str | None = None,
    ) -> None:
        self.session = session
        self._given, self._randomness, self._scale = card, Randomness(seed), scale
        self._classes, self._name = classes, name or session.oracle.spec.name
        self._kept: OrderedDict[bytes, tuple[FloatArray, FloatArray, float, bool]] = OrderedDict()

    @property
    def name(self) -> str:
        """For people."""
        return self._name

    @property
    def input_dim(self) -> int:
        """Numbers in one query row."""
        return self.session.input_dim

    @cached_property
    def card(self) -> DoctorCard:
        """What the doctor says of this door; asks about 45 queries the first time."""
        return self._given or examine(self.session, self._randomness, scale=self._scale)

    @property
    def has_values(self) -> bool:
        """Whether answers change little by little, so that there can be gradients."""
        return self.card.answers != "labels" and self.card.radius > 0

    @property
    def output_dim(self) -> int:
        """Numbers in one answer, or labels."""
        if self.card.answers != "labels":
            return self.card.output_dim
        # one-hot rows, or numbers of labels
        if self.card.output_dim > 1:
            return self.card.output_dim
        return self._classes or max(2, *(label + 1 for label in self.card.classes))

    def outputs(self, points: FloatArray, *, fresh: bool = False) -> FloatArray:
        """Answers as values: "n d" to "n k"; one query for each row not asked before, or `fresh`."""
        rows = as_points(points, self.input_dim)
        if not len(rows):
            return np.zeros((0, self.output_dim))
        answers = self._door.raw(rows, fresh=fresh)
        return self._one_hot(answers) if self.card.answers == "labels" else self._door.of(answers)

    def gradients(self, points: FloatArray, weights: FloatArray) -> FloatArray:
        """Gradients of sum_k weights[i, k] f_k at points[i], "n d"; zero where none is certified.

        Cost: d + 8 to 4 d + 45 queries for each point not measured before, see the head of this module.

        Raises:
            UnsupportedOracle: The door tells labels only.
        """
        return np.einsum("nk,nkd->nd", weights, self.jacobians(points))

    def jacobians(self, points: FloatArray) -> FloatArray:
        """All first derivatives, "n d" to "n k d"; zero where none is certified.

        Raises:
            UnsupportedOracle: The door tells labels only.
        """
        return self.measured_jacobians(points).matrices

    def measured_jacobians(self, points: FloatArray) -> MeasuredJacobians:
        """All first derivatives with their errors.

        Args:
            points: Shape "n d", within the door's bounds. They are measured where the door gets them, which
                in float32 is not quite where they are.

        Raises:
            UnsupportedOracle: The door tells labels only, or saturated probabilities.
            BudgetExhausted: The budget ended.
        """
        self._want_values()
        sent = self._door.snapped(as_points(points, self.input_dim))
        keys = [row.tobytes() for row in sent]
        known = {key: self._kept[key] for key in keys if key in self._kept}
        new = list({key: i for i, key in enumerate(keys) if key not in known}.values())
        size = max(1, CHUNK_BYTES // (8 * self.output_dim * self.input_dim))
        for first in range(0, len(new), size):
            chosen = new[first : first + size]
            found = self._measure(sent[chosen])
            for i, place in enumerate(chosen):
                entry = (found.matrices[i], found.values[i], float(found.errors[i]), bool(found.certified[i]))
                known[keys[place]] = entry
                self._keep(keys[place], entry)
        return self._gathered([known[key] for key in keys])

    def certified(self, points: FloatArray) -> BoolArray:
        """At which points gradients can be trusted, "n d" to "n"; measured if they were not."""
        return self.measured_jacobians(points).certified

    @cached_property
    def _door(self) -> ValueDoor:
        return ValueDoor(self.session, self.card)

    @cached_property
    def _tiny(self) -> np.random.Generator:
        return self._randomness.step("tiny moves")

    @cached_property
    def _straight(self) -> StraightSlopes:
        return StraightSlopes(self._door, self._randomness.step("straight differences"))

    @cached_property
    def _curved(self) -> CurvedSlopes:
        return CurvedSlopes(self._door, self._randomness.step("curved differences"))

    def _measure(self, points: FloatArray) -> MeasuredJacobians:
        """By the way that suits what the doctor saw; by the other one where that fails and may be right."""
        answers = self._door.raw(points)
        values, usable = self._door.of(answers), np.flatnonzero(self._door.usable(answers))
        found = MeasuredJacobians.nothing(values, self.input_dim)
        sigma = np.full(len(points), np.inf)
        if len(usable):
            known = self._door.deviation(points[usable], answers[usable])
            sigma[usable] = self._door.settled(points[usable], answers[usable], known, self._tiny)
        match self.card.straight:
            case True:
                ways = (self._straight,)
            case False:
                ways = (self._curved, self._straight)
            case None:
                ways = (self._straight, self._curved)
        open_points = usable
        for way in ways:
            if len(open_points):
                part = way(points[open_points], values[open_points], sigma[open_points])
                found.put(open_points, part.trusted(self._door))
                open_points = usable[~found.certified[usable]]
        return found

    def _gathered(self, entries: list[tuple[FloatArray, FloatArray, float, bool]]) -> MeasuredJacobians:
        if not entries:
            return MeasuredJacobians.nothing(np.zeros((0, self.output_dim)), self.input_dim)
        matrices, values, errors, certified = zip(*entries, strict=True)
        return MeasuredJacobians(
            np.stack(matrices), np.stack(values), np.array(errors), np.array(certified, dtype=np.bool_)
        )

    def _keep(self, key: bytes, entry: tuple[FloatArray, FloatArray, float, bool]) -> None:
        self._kept[key] = entry
        most = max(1, MEMORY_BYTES // (8 * self.output_dim * self.input_dim))
        while len(self._kept) > most:
            self._kept.popitem(last=False)

    def _one_hot(self, answers: FloatArray) -> FloatArray:
        if answers.shape[1] > 1:
            return np.eye(answers.shape[1])[answers.argmax(axis=1)]
        labels = np.rint(answers[:, 0]).astype(np.int64)
        # of two labels, such as -1 and 1, the larger is class 1
        if min((*self.card.classes, *labels.tolist())) < 0:
            labels = (labels > 0).astype(np.int64)
        if labels.max() >= self.output_dim:
            raise InvalidInput(
                f"{self._name} answered label {labels.max()}, and {self.output_dim} labels were known; "
                f"say how many there are: classes={labels.max() + 1}"
            )
        return np.eye(self.output_dim)[labels]

    def _want_values(self) -> None:
        if self.card.answers == "labels":
            raise UnsupportedOracle(f"{self._name} tells labels only; there are no gradients to measure.")
        if not self.has_values:
            raise UnsupportedOracle(
                f"The probabilities of {self._name} are saturated or too coarse for gradients."
            )
