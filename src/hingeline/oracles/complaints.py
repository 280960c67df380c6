"""What a target said when it did not answer, made fit to show: short, printable, no secrets, with advice."""

from __future__ import annotations

import json
from typing import Any

from hingeline.oracles.credentials import Credentials

_LONGEST_EXCERPT = 300

_ADVICE = {
    400: "The request does not suit this model; `hingeline doctor` shows what was sent",
    401: "It wants credentials: put the token in an environment variable and name it with token_env",
    403: "The credentials do not allow this; check the variable named by token_env",
    404: "Check the address, the model's name and version",
    405: "That address does not take this kind of request; check it",
    413: "The batch is too large for it: pass a smaller max_batch",
    422: "The request does not suit this model; `hingeline doctor` shows what was sent",
    429: "Go slower: pass a lower rate, then `hingeline resume DIR`",
    503: "It is not available now; `hingeline resume DIR` goes on later",
}


def advice_for(status: int | None) -> str:
    """What to do about an HTTP status; None stands for no connection."""
    if status is None:
        return "Check that the server runs and that the address is right"
    if 300 <= status < 400:
        return "Redirects are not followed; use the new address if you trust it"
    return _ADVICE.get(status, "")


def excerpt(body: bytes, credentials: Credentials) -> str:
    """The start of an answer's body, or the message in it if it is error JSON.

    Secrets are removed before cutting, so that no half of one remains; characters that could steer a
    terminal are replaced.
    """
    if b"\0" in body:
        return "binary data"
    text = _error_message(body) or body.decode("utf-8", errors="replace")
    words = " ".join(credentials.redact(text).split())
    shown = "".join(c if c.isprintable() else "?" for c in words)
    return shown if len(shown) <= _LONGEST_EXCERPT else shown[:_LONGEST_EXCERPT] + " ..."


def _error_message(body: bytes) -> str:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    message = document.get("error") if isinstance(document, dict) else None
    return message if isinstance(message, str) else ""
