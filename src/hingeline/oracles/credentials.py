"""Secrets for an endpoint: read from environment variables by name, sent as headers, shown nowhere.

A configuration file or a command line holds the variable's name only. Everything that is shown to people
passes `redact`, because servers like to echo headers in their error pages.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from hingeline.core.errors import InvalidInput

# Shorter words ("Basic", "Bearer") are no secrets; replacing them would only garble messages.
_SHORTEST_SECRET = 8


class Credentials:
    """Header values that must not be shown.

    Args:
        headers: Header name to value, as sent.
        sources: Header name to the environment variable it came from.
    """

    def __init__(self, headers: Mapping[str, str], sources: Mapping[str, str]) -> None:
        self._headers = dict(headers)
        self._sources = dict(sources)

    @property
    def headers(self) -> dict[str, str]:
        """The headers to send."""
        return dict(self._headers)

    def redact(self, text: str) -> str:
        """`text` with every secret in it replaced by the variable's name."""
        for header, value in self._headers.items():
            for secret in sorted(_forms(value), key=len, reverse=True):
                text = text.replace(secret, f"<hidden: ${self._sources[header]}>")
        return text

    def __repr__(self) -> str:
        shown = ", ".join(f"{header} from ${variable}" for header, variable in self._sources.items())
        return f"<Credentials {shown or 'none'}>"


def credentials_from_environment(
    token_env: str | None = None, headers_env: Mapping[str, str] | None = None
) -> Credentials:
    """Read the secrets that an endpoint needs.

    Args:
        token_env: Variable with a bearer token; sent as "Authorization: Bearer …".
        headers_env: Header name to the variable that holds its whole value.

    Raises:
        InvalidInput: A variable is unset, empty or holds what cannot be a header; its value is not shown.
    """
    headers: dict[str, str] = {}
    sources: dict[str, str] = {}
    if token_env is not None:
        headers["Authorization"] = f"Bearer {_read(token_env)}"
        sources["Authorization"] = token_env
    for header, variable in (headers_env or {}).items():
        headers[header] = _read(variable)
        sources[header] = variable
    return Credentials(headers, sources)


def _read(variable: str) -> str:
    value = os.environ.get(variable, "").strip()
    if not value:
        raise InvalidInput(f"environment variable {variable} is not set; type:  export {variable}=...")
    if not (value.isascii() and value.isprintable()):
        raise InvalidInput(f"environment variable {variable} holds characters that no HTTP header can carry")
    return value


def _forms(value: str) -> set[str]:
    words = {value, *(word for word in value.split() if len(word) >= _SHORTEST_SECRET)}
    bearer = value.removeprefix("Bearer ")
    return words | {bearer} | {json.dumps(word)[1:-1] for word in (*words, bearer)}
