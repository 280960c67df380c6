"""`defended(target, "softmax", "round:3")`: a door with defences around it, to be asked like any other."""

from __future__ import annotations

from typing import Any

from hingeline.core.errors import InvalidInput
from hingeline.defences.doors.chained import Chained
from hingeline.defences.doors.defence import Defence
from hingeline.defences.doors.typed import defence_from
from hingeline.oracles.opening import oracle
from hingeline.oracles.protocol import Oracle


def defended(target: Any, *defences: Defence | str, seed: int = 0, **known: Any) -> Oracle:
    """Put defences around a door.

    Args:
        target: What `oracle` opens: a function, a network, a model, a file, an address, or an open door.
        defences: From the inside out: texts such as "softmax+round:3", or `Defence` objects.
        seed: Of what the defences draw; attackers do not know it.
        known: What is known about the target, as for `oracle`: input_dim, bounds, answers, ...

    Raises:
        InvalidInput: A text that is none, a target that cannot be asked, or an order that cannot be meant.
    """
    return Chained(tuple(_read(item) for item in defences)).around(oracle(target, **known), seed=seed)


def _read(item: object) -> Defence:
    if isinstance(item, str):
        return defence_from(item)
    if isinstance(item, Defence):
        return item
    raise InvalidInput(f"want a defence or a text such as 'round:3'; got {type(item).__name__}")
