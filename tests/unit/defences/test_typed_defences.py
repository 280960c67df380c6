"""Defences as they are typed: what reads back, and what is said when nothing can be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hingeline.core.errors import InvalidInput
from hingeline.defences.doors.chained import Chained
from hingeline.defences.doors.defence import Defence
from hingeline.defences.doors.keyed_noise import KeyedNoise
from hingeline.defences.doors.labels_only import LabelsOnly
from hingeline.defences.doors.noise import Noise
from hingeline.defences.doors.precision import Precision
from hingeline.defences.doors.probabilities import Probabilities
from hingeline.defences.doors.rate_limited import RateLimited
from hingeline.defences.doors.rounded import Rounded
from hingeline.defences.doors.top_k import TopK
from hingeline.defences.doors.typed import TYPED_FORMS, defence_from

SIZES = st.floats(min_value=1e-300, max_value=1e300)
SINGLE = st.one_of(
    st.builds(Rounded, decimals=st.integers(0, 17)),
    st.builds(Rounded, decimals=st.none(), bits=st.integers(0, 60)),
    st.builds(Precision, st.sampled_from(["float32", "float16"]), st.booleans()),
    st.builds(Noise, SIZES),
    st.builds(KeyedNoise, SIZES),
    st.builds(Probabilities, st.booleans()),
    st.builds(TopK, st.integers(1, 1000)),
    st.just(LabelsOnly()),
    st.builds(RateLimited, SIZES),
)


@given(SINGLE)
def test_a_defence_reads_back_from_its_text(defence: Defence) -> None:
    assert defence_from(defence.text) == defence
    assert defence.words


@given(st.lists(SINGLE, min_size=2, max_size=4))
def test_a_chain_reads_back_from_its_text(parts: list[Defence]) -> None:
    chain = Chained(tuple(parts))
    assert defence_from(chain.text) == chain
    assert Chained((chain, parts[0])) == Chained((*parts, parts[0]))


@pytest.mark.parametrize("text", TYPED_FORMS)
def test_every_example_can_be_typed(text: str) -> None:
    assert isinstance(defence_from(text), Defence)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rouned:3", r"no defence is called 'rouned:3'. Did you mean 'round:3'\? Type one of round:3"),
        ("softmax+lables", r"'lables' in 'softmax\+lables'. Did you mean 'labels'"),
        ("", "no defence is called ''"),
        ("round", "wants a number; type 'round:3'"),
        ("round:", "wants a number"),
        ("softmax:2", "takes no number"),
        ("round:2.5", "whole number after the colon"),
        ("round:99", "0 to 17 decimals; got 99"),
        ("bits:-1", "0 to 60 bits; got -1"),
        ("noise:a", "wants a number after the colon"),
        ("noise:-1", "above 0"),
        ("noise:nan", "above 0"),
        ("rate:0", "above 0, such as 'rate:50'"),
        ("top-k:0", "1 score or more"),
        ("random-member:3", "build it in Python"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_can_be_typed(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        defence_from(text)


def test_rounding_wants_one_grid() -> None:
    for given_ in ({}, {"decimals": 3, "bits": 4}):
        with pytest.raises(InvalidInput, match="one of the two"):
            Rounded(**given_)
