from __future__ import annotations

import json

import pytest

from hingeline.oracles.complaints import advice_for, excerpt
from hingeline.oracles.credentials import Credentials

NONE = Credentials({}, {})


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", ""),
        (b"  plain\n\t text ", "plain text"),
        (b'{"error": "no such model"}', "no such model"),
        (b'{"error": {"code": 3}}', '{"error": {"code": 3}}'),
        (b"red \x1b[31mtext\x07", "red ?[31mtext?"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"\x00\x01\x02", "binary data"),
    ],
)
def test_the_start_of_a_body_is_shown_in_one_printable_line(body: bytes, shown: str) -> None:
    assert excerpt(body, NONE) == shown


def test_a_long_body_is_cut_and_says_so() -> None:
    assert excerpt(b"a" * 10_000, NONE) == "a" * 300 + " ..."


@pytest.mark.parametrize("offset", range(280, 301))
def test_no_part_of_a_secret_is_left_at_the_cut(offset: int) -> None:
    secrets = Credentials({"Authorization": "Bearer tiptoptip"}, {"Authorization": "T"})
    body = json.dumps({"error": "-" * offset + "tiptoptip"}).encode()
    assert "tip" not in excerpt(body, secrets)


@pytest.mark.parametrize(
    ("status", "word"), [(401, "token_env"), (413, "max_batch"), (302, "Redirects"), (None, "runs")]
)
def test_advice_says_what_to_do(status: int | None, word: str) -> None:
    assert word in advice_for(status)
