from __future__ import annotations

import pytest

from hingeline.core.errors import InvalidInput
from hingeline.oracles.credentials import credentials_from_environment

SECRET = 's3cret-"value"-0123'


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_TOKEN", f" {SECRET}\n")
    monkeypatch.setenv("THE_HEADER", "Basic dXNlcjpwYXNz")
    monkeypatch.setenv("EMPTY", "  ")
    monkeypatch.setenv("TWO_LINES", "hush-one\nhush-two")


def test_a_token_becomes_a_bearer_header_and_a_header_keeps_its_whole_value() -> None:
    found = credentials_from_environment("THE_TOKEN", {"X-Auth": "THE_HEADER"})
    assert found.headers == {"Authorization": f"Bearer {SECRET}", "X-Auth": "Basic dXNlcjpwYXNz"}


def test_no_names_give_no_headers() -> None:
    assert credentials_from_environment().headers == {}


def test_the_printed_form_shows_names_only() -> None:
    shown = repr(credentials_from_environment("THE_TOKEN"))
    assert shown == "<Credentials Authorization from $THE_TOKEN>"


@pytest.mark.parametrize(
    "echo",
    [
        SECRET,
        f"Authorization: Bearer {SECRET}",
        '{"token": "s3cret-\\"value\\"-0123"}',
        "got dXNlcjpwYXNz here",
    ],
)
def test_secrets_are_taken_out_of_what_a_server_echoes(echo: str) -> None:
    cleaned = credentials_from_environment("THE_TOKEN", {"X-Auth": "THE_HEADER"}).redact(echo)
    assert "<hidden: $THE_" in cleaned
    assert "s3cret" not in cleaned and "dXNlcjpwYXNz" not in cleaned


@pytest.mark.parametrize(
    ("variable", "message"),
    [("NOT_SET", "export NOT_SET="), ("EMPTY", "is not set"), ("TWO_LINES", "no HTTP header")],
)
def test_a_variable_that_cannot_be_used_is_named_and_its_value_is_not(variable: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        credentials_from_environment(variable)
    assert "hush" not in str(caught.value)
