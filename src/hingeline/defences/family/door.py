"""A family as a defence that stands at a door, together with the attack that knows its members."""

from __future__ import annotations

from hingeline.defences.doors.random_member import Draw, RandomMember
from hingeline.defences.family.expectation import FamilyAttackSettings, adaptive_attack
from hingeline.defences.family.family import ModelFamily


def family_defence(
    family: ModelFamily, *, draw: Draw = "per row", settings: FamilyAttackSettings | None = None
) -> RandomMember:
    """The defence whose answers come from random members.

    Where one member is drawn for a client, an attacker who may try again brings, beside what fools most of
    them, what was made for each member alone.

    Args:
        family: Who may answer, and how likely.
        draw: "per row", or "once" for every client.
        settings: How hard the attack that it brings along searches.
    """
    singles = tuple(family.alone(index) for index in range(len(family))) if draw == "once" else ()
    targets = (family, *singles)
    return RandomMember(
        members=tuple(member.outputs for member in family.members),
        weights=tuple(float(weight) for weight in family.weights),
        draw=draw,
        adaptive=tuple(adaptive_attack(target, settings) for target in targets),
    )
