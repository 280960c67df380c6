"""The papers behind what `fragility` measures, and which of them one profile used."""

from __future__ import annotations

from hingeline.sensitivity.attacks.named import attacks_named
from hingeline.sensitivity.profile import FragilityProfile

SOURCES = (
    "Bartlett, Bubeck and Cherapanamjeri, Adversarial Examples in Multi-Layer Random ReLU Networks, 2021 "
    "(one-step reasoning; the constants beside the measurements are ours)",
    "Bubeck, Cherapanamjeri, Gidel and Tachet des Combes, A single gradient step finds adversarial examples "
    "on random two-layers neural networks, 2021",
    "Jordan, Lewis and Dimakis, Provable Certificates for Adversarial Examples, 2019 (regions from the "
    "nearest on)",
    "Zhang, Weng, Chen, Hsieh and Daniel, CROWN, 2018, arXiv 1811.00866 (linear bounds on neurons)",
    "Andriushchenko et al., Square Attack, 2020 (random search)",
    "Athalye, Carlini and Wagner, Obfuscated Gradients Give a False Sense of Security, 2018 (signs that "
    "gradients mislead; the limits are ours)",
    "Chen, Jordan and Wainwright, HopSkipJumpAttack, 2020 (normals from labels)",
    "Zhao et al., The Adversarial Attack and Detection under the Fisher Information Metric, 2019",
)
"""All of them."""


def sources_of(profile: FragilityProfile | None) -> tuple[str, ...]:
    """Of `SOURCES`, those whose methods were used.

    Args:
        profile: What was measured; None where nothing was.
    """
    if profile is None:
        return ()
    names = set() if profile.attacks is None else set(profile.attacks.names)
    followed = any(
        one is not None for one in (profile.distance, profile.linearity, profile.layers, profile.depth)
    )
    informed = any(one is not None for one in (profile.fisher, profile.curves, profile.universal))
    misled = bool(names) and any(one.needs == "gradients" for one in attacks_named(sorted(names)))
    proved = profile.minimal is not None
    searched, walked = "random search" in names, "label search" in names
    used = (followed, profile.distance is not None, proved, proved, searched, misled, walked, informed)
    return tuple(source for source, told in zip(SOURCES, used, strict=True) if told)
