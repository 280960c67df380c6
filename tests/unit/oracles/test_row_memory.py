"""Rows as sent, their keys, and the table that remembers their answers."""

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput, OutsideDomain
from hingeline.oracles.row_memory import RowMemory, as_sent, row_keys


def keys_of(*numbers):
    return row_keys(np.array(numbers, dtype=float)[:, np.newaxis])


def test_rows_that_round_to_the_same_float32_have_one_key():
    keys = row_keys(as_sent(np.array([[1.0], [1.0 + 1e-12], [1.0 + 1e-6]]), "float32"))
    assert (keys[0] == keys[1]).all()
    assert (keys[0] != keys[2]).any()


@pytest.mark.parametrize(
    ("dtype", "value"), [("float32", 1e39), ("float16", -7e4), ("uint8", 256), ("int8", -129)]
)
def test_a_value_that_the_type_cannot_hold_is_refused(dtype, value):
    with pytest.raises(OutsideDomain, match=dtype):
        as_sent(np.array([[value]]), dtype)


@pytest.mark.parametrize("dtype", ["bfloat17", "object", "complex128", "U4"])
def test_a_type_without_real_numbers_is_refused(dtype):
    with pytest.raises(InvalidInput, match="number"):
        as_sent(np.zeros((1, 1)), dtype)


def test_answers_come_back_in_the_order_asked():
    memory = RowMemory()
    memory.add(keys_of(1, 2, 3), np.array([[10.0], [20.0], [30.0]]))
    assert memory.answers(keys_of(3, 1, 1))[:, 0].tolist() == [30, 10, 10]


def test_unknown_rows_are_named_once_in_order():
    memory = RowMemory()
    memory.add(keys_of(5), np.array([[0.0]]))
    assert memory.first_unknown(keys_of(7, 5, 6, 7, 6)).tolist() == [0, 2]


def test_the_table_agrees_with_a_dictionary_through_many_growths():
    generator, memory, truth = np.random.default_rng(0), RowMemory(), {}
    for _ in range(60):
        asked = generator.integers(0, 8000, 400)
        keys = keys_of(*asked)
        assert memory.knows(keys).tolist() == [n in truth for n in asked]
        new = memory.first_unknown(keys)
        memory.add(keys[new], asked[new, np.newaxis] * 3.0)
        truth |= {n: n * 3.0 for n in asked}
        assert memory.answers(keys)[:, 0].tolist() == [truth[n] for n in asked]
    assert len(memory) == len(truth)


def test_keys_that_want_one_slot_do_not_hide_each_other():
    keys = np.array([[1024 * n, n] for n in range(300)], dtype=np.uint64)
    memory = RowMemory()
    memory.add(keys, np.arange(300.0)[:, np.newaxis])
    assert memory.answers(keys[::-1])[:, 0].tolist() == list(range(299, -1, -1))
    assert not memory.knows(np.array([[1024 * 300, 300]], dtype=np.uint64)).any()
