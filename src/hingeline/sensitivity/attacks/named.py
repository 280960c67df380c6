"""Attacks by name, and the sets that a report runs."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping

from hingeline.core.errors import InvalidInput
from hingeline.sensitivity.attacks.adversarial_library import LIBRARY_ATTACKS, LibraryAttack
from hingeline.sensitivity.attacks.base import Attack
from hingeline.sensitivity.attacks.boundary_descent import BoundaryDescent
from hingeline.sensitivity.attacks.foolbox_attacks import FOOLBOX_ATTACKS, FoolboxAttack
from hingeline.sensitivity.attacks.label_search import LabelSearch
from hingeline.sensitivity.attacks.projected_gradient import SmallestProjectedGradient
from hingeline.sensitivity.attacks.random_search import RandomSearch
from hingeline.sensitivity.attacks.ray import GradientRay, OneStep

NATIVE: Mapping[str, Callable[[], Attack]] = {
    "gradient ray": GradientRay,
    "one step": OneStep,
    "boundary descent": BoundaryDescent,
    "projected gradient": SmallestProjectedGradient,
    "random search": RandomSearch,
    "label search": LabelSearch,
}
"""Attacks of ours with their default settings; they need no extra."""

SETS: Mapping[str, tuple[str, ...]] = {
    "standard-l2": (
        "gradient ray",
        "boundary descent",
        "projected gradient",
        "random search",
        "label search",
    ),
    "standard-linf": (
        "gradient ray",
        "boundary descent",
        "projected gradient",
        "random search",
        "label search",
    ),
    "standard-l1": ("gradient ray", "boundary descent", "projected gradient", "label search"),
}
"""Sets by name: two kinds of gradient attack, one that asks for values and one for labels (but for l1, where
no random search by values is known to us). Outside libraries join where they are named."""


def attack_names() -> tuple[str, ...]:
    """Every name that `attacks_named` knows, sets last."""
    outside = (
        *(f"foolbox {kind}" for kind in FOOLBOX_ATTACKS),
        *(f"adv-lib {kind}" for kind in LIBRARY_ATTACKS),
    )
    return (*NATIVE, *outside, *SETS)


def attacks_named(names: str | Iterable[str]) -> tuple[Attack, ...]:
    """The attacks of those names, with default settings, each once and in the order named.

    Args:
        names: Names of attacks or of sets, such as "standard-l2" or ("standard-l2", "foolbox ddn").

    Raises:
        InvalidInput: There is none of that name; the message has the nearest and all others.
    """
    wanted = (names,) if isinstance(names, str) else tuple(names)
    single = [one for name in wanted for one in SETS.get(name, (name,))]
    return tuple(_made(name) for name in dict.fromkeys(single))


def standard_set(norm: str) -> str:
    """Name of the set for a norm."""
    return f"standard-{norm}"


def _made(name: str) -> Attack:
    if name in NATIVE:
        return NATIVE[name]()
    library, _, kind = name.partition(" ")
    if library == "foolbox" and kind in FOOLBOX_ATTACKS:
        return FoolboxAttack(kind)
    if library == "adv-lib" and kind in LIBRARY_ATTACKS:
        return LibraryAttack(kind)
    known = attack_names()
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise InvalidInput(f"no attack is called {name!r}{hint} Known are {', '.join(known)}")
