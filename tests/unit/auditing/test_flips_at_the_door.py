"""Which points beyond a boundary a copy is held to: those that nothing can hide."""

from types import SimpleNamespace

import numpy as np
import pytest
from audited_doors import CountedDoor

from hingeline.auditing.ground import Done
from hingeline.auditing.trials import tried_at_door
from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.heads import Head
from hingeline.subspace.answer_reading import AnswerReading

# two outputs, x and 0: the copy changes class at 0, a distance of one third from the only input
COPY = PiecewiseLinearNetwork([np.array([[1.0], [0.0]])], [np.zeros(2)])
START = -1 / 3


def tried(boundary: float, gap: float, dtype: str = "float64") -> tuple[dict[str, object], FloatArray]:
    """What is told of one flip, where the door changes class at `boundary`, and the last row asked."""
    door = CountedDoor(lambda x: np.hstack([x - boundary, 0 * x]), 1, dtype=dtype)
    door.affords = door.remaining = None
    profile = SimpleNamespace(
        upper=np.array([-START]),
        points=np.array([[START]]),
        changes=np.array([[-START]]),
        classes=np.array([1]),
        flipped_to=np.array([0]),
    )
    reading = AnswerReading(gives_labels=False, head=Head())
    ground = SimpleNamespace(
        door=door, copy=COPY, copy_gap=gap, affords=lambda rows: True, classes=reading.labels,
        call=SimpleNamespace(box=None, settings=SimpleNamespace(threshold=0.0)),
        card=SimpleNamespace(noise_at_scale=1e-12),
    )  # fmt: skip
    done = tried_at_door(ground, Done(SimpleNamespace(value=profile)))
    return dict(done.facts), door.batches[-1]


@pytest.mark.parametrize("gap", [1e-6, 1e-5, 1e-4])
def test_a_copy_is_held_to_flips_beyond_what_it_was_seen_to_be_off_by(gap):
    facts, _ = tried(gap, gap)
    assert (facts["tried"], facts["held"]) == (1, 1)


def test_a_door_that_flips_elsewhere_is_still_seen():
    facts, _ = tried(1e-2, 1e-6)
    assert (facts["tried"], facts["held"]) == (1, 0)


def test_what_is_tried_is_what_the_type_of_the_door_can_hold():
    facts, asked = tried(0.0, 0.0, dtype="float32")
    assert (facts["tried"], facts["held"]) == (1, 1)
    np.testing.assert_array_equal(asked, asked.astype(np.float32))
