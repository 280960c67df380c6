"""Families on disk: bit for bit, and nothing else is taken for one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hingeline.core.errors import FormatError, InvalidInput
from hingeline.defences.family.family import ModelFamily
from hingeline.defences.family.storage import is_family_file, load_family, save_family
from hingeline.networks.feed_forward import FeedForwardNetwork, random_network
from hingeline.networks.storage import load_safetensors, save_safetensors


@pytest.fixture
def family() -> ModelFamily:
    return ModelFamily([random_network((4, 7, 3), seed=0), random_network((4, 5, 6, 3), seed=1)], [2.0, 1.0])


def test_a_family_comes_back_bit_for_bit(family: ModelFamily, tmp_path: Path) -> None:
    save_family(family, tmp_path / "f.safetensors", {"seed": 3})
    again = load_family(tmp_path / "f.safetensors")
    x = np.random.default_rng(0).normal(size=(9, 4))
    assert is_family_file(tmp_path / "f.safetensors")
    assert np.array_equal(again.weights, family.weights)
    assert np.array_equal(again.member_logits(x), family.member_logits(x))


def test_a_network_is_no_family_and_a_family_no_network(family: ModelFamily, tmp_path: Path) -> None:
    save_safetensors(random_network((4, 3), seed=0), tmp_path / "n.safetensors")
    save_family(family, tmp_path / "f.safetensors")
    assert not is_family_file(tmp_path / "n.safetensors")
    with pytest.raises(FormatError, match="does not say that it is a family"):
        load_family(tmp_path / "n.safetensors")
    with pytest.raises(FormatError):
        load_safetensors(tmp_path / "f.safetensors")


@pytest.mark.parametrize("lost", ["member0.b0", "member1.W1", "weights", "member0"])
def test_a_file_with_a_gap_is_refused(family: ModelFamily, tmp_path: Path, lost: str) -> None:
    save_family(family, tmp_path / "f.safetensors")
    kept = {k: v for k, v in load_file(tmp_path / "f.safetensors").items() if not k.startswith(lost)}
    save_file(kept, tmp_path / "g.safetensors", {"format": "hingeline.family", "schema": "1"})
    with pytest.raises(FormatError):
        load_family(tmp_path / "g.safetensors")


def test_a_member_without_a_file_format_is_refused(tmp_path: Path) -> None:
    smooth = FeedForwardNetwork([np.ones((3, 2))], [np.zeros(3)], "tanh")
    with pytest.raises(InvalidInput, match="no ReLU network"):
        save_family(ModelFamily([smooth]), tmp_path / "f.safetensors")
