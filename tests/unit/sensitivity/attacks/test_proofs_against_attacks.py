"""The proved smallest flip is never above what any attack finds, and never below what it may be."""

from __future__ import annotations

import importlib
from functools import cache

import numpy as np
import pytest

from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.attacks.adversarial_library import LibraryAttack
from hingeline.sensitivity.attacks.base import Attack, Scene, scene_at
from hingeline.sensitivity.attacks.best_of import best_of
from hingeline.sensitivity.attacks.foolbox_attacks import FoolboxAttack
from hingeline.sensitivity.attacks.named import attacks_named, standard_set
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.exact.minimal import MinimalFlips, minimal_flips
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Norm, Threat

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

BOX = (0.0, 1.0)


@cache
def proved(norm: Norm, seed: int) -> tuple[Scene, MinimalFlips]:
    """A small network with biases, images in a box, and its smallest flips."""
    random, rng = random_network((16, 14, 12, 4), seed=seed), np.random.default_rng([seed, 5])
    biases = [0.3 * rng.standard_normal(len(b)) for b in random.biases]
    network = PiecewiseLinearNetwork(random.weights, biases)
    scene = scene_at(NetworkModel(network), Decision(4), rng.uniform(0, 1, (8, 16)), Threat(norm, BOX))
    found = minimal_flips(network, scene.points, scene.threat)
    assert found.proved.all()
    return scene, found


def compare(attacks: tuple[Attack, ...], norm: Norm, seed: int) -> None:
    scene, found = proved(norm, seed)
    best = best_of(scene, attacks, np.random.default_rng(seed))
    assert (found.upper <= best.sizes * (1 + 1e-6)).all()
    assert (found.lower <= best.sizes).all()


@pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
@pytest.mark.parametrize("seed", [41, 42])
def test_no_attack_of_ours_beats_the_proof(norm: Norm, seed: int) -> None:
    compare(attacks_named(standard_set(norm)), norm, seed)


@pytest.mark.parametrize(
    ("norm", "kind"),
    [
        ("l2", "ddn"),
        ("l2", "deepfool"),
        ("l2", "carlini-wagner"),
        ("l2", "fmn"),
        ("l2", "boundary"),
        ("linf", "fmn"),
        ("linf", "deepfool"),
        ("l1", "fmn"),
    ],
)
def test_no_attack_of_foolbox_beats_the_proof(norm: Norm, kind: str) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("foolbox")
    short = {"carlini-wagner": {"steps": 200, "binary_search_steps": 4}, "boundary": {"steps": 500}}
    compare((FoolboxAttack(kind, options=short.get(kind, {})),), norm, 41)


@pytest.mark.parametrize(("norm", "kind"), [("l2", "ddn"), ("l2", "alma"), ("l2", "fmn"), ("linf", "fmn")])
def test_no_attack_of_adv_lib_beats_the_proof(norm: Norm, kind: str) -> None:
    pytest.importorskip("torch")
    try:
        importlib.import_module("adv_lib.attacks")
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"adv_lib.attacks: {error}")
    compare((LibraryAttack(kind),), norm, 41)
