"""Read target.toml, the description of an endpoint that speaks no protocol we know.

```toml
url = "http://127.0.0.1:5000/invocations"
input_dim = 64
request = '{"inputs": {{rows}}}'       # {{rows}}: all rows of a batch; {{row}}: one row, one request each
response = "predictions"               # where the answers are; a.0.b steps into lists, * takes every element
token_env = "API_TOKEN"                # the variable's name, never the token
```

Every mistake is named by its key, with an example of what to type.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from hingeline.core.errors import FormatError
from hingeline.oracles.protocol import Answers

# Key to the type it must have and an example that can be typed.
_KEYS: dict[str, tuple[tuple[type, ...], str]] = {
    "url": ((str,), 'url = "http://HOST:PORT/invocations"'),
    "input_dim": ((int,), "input_dim = 64"),
    "request": ((str, dict), """request = '{"inputs": {{rows}}}'"""),
    "response": ((str, list), 'response = "predictions"'),
    "method": ((str,), 'method = "POST"'),
    "headers": ((dict,), 'headers = { Accept = "application/json" }'),
    "token_env": ((str,), 'token_env = "API_TOKEN"'),
    "headers_env": ((dict,), 'headers_env = { X-Api-Key = "API_KEY" }'),
    "input_shape": ((list,), "input_shape = [28, 28, 1]"),
    "output_dim": ((int,), "output_dim = 10"),
    "max_batch": ((int,), "max_batch = 64"),
    "rate": ((int, float), "rate = 20"),
    "timeout": ((int, float), "timeout = 30"),
    "bounds": ((list,), "bounds = [0.0, 1.0]"),
    "answers": ((str,), 'answers = "probabilities"'),
    "dtype": ((str,), 'dtype = "float32"'),
    "name": ((str,), 'name = "fraud"'),
    "idempotent": ((bool,), "idempotent = true"),
}
_REQUIRED = ("url", "request", "response")
_SECRET = re.compile(
    r"authoriz|^(x-)?auth|cookie|token|secret|passw|signature|api.?key|^key$|^sig$", re.IGNORECASE
)
_PLACEHOLDER = re.compile(r'"?\{\{\s*(rows|row|id)\s*\}\}"?')


@dataclass(frozen=True)
class Target:
    """An endpoint as target.toml describes it."""

    url: str
    request: str
    """JSON text with one "{{rows}}" or "{{row}}" and perhaps "{{id}}", each a whole JSON string."""
    response: tuple[str | int, ...]
    """Steps from the answer's root to the numbers; "*" takes every element."""
    row_shape: tuple[int, ...]
    """Shape of one row as it is written; its product is the input dimension."""
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = ()
    token_env: str | None = None
    headers_env: tuple[tuple[str, str], ...] = ()
    output_dim: int | None = None
    max_batch: int | None = None
    rate: float | None = None
    """Rows per second."""
    timeout: float = 30.0
    bounds: tuple[float, float] | None = None
    answers: Answers = "auto"
    dtype: str = "float64"
    name: str | None = None
    idempotent: bool = False

    @property
    def one_row_each(self) -> bool:
        """True if a request carries a single row."""
        return '"{{row}}"' in self.request


def read_target(path: str | Path, overrides: Mapping[str, Any] | None = None) -> Target:
    """Read and check a target.toml.

    Args:
        path: The file.
        overrides: Values that take the place of the file's, by key; None stands for "not given".

    Raises:
        FormatError: It cannot be read, or a key is missing, unknown or wrong; the message says what to type.
    """
    place = Path(path)
    try:
        document = tomllib.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(f"cannot read {place}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"{place} is not TOML: {error}") from error
    try:
        return _target(document | _given(overrides or {}))
    except FormatError as problem:
        raise FormatError(f"{place}: {problem}") from None


def _given(overrides: Mapping[str, Any]) -> dict[str, Any]:
    values = {key: value for key, value in overrides.items() if value is not None}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def _target(document: dict[str, Any]) -> Target:
    for key, value in document.items():
        _check_key(key, value)
    for key in _REQUIRED:
        if key not in document:
            raise FormatError(f"{key} is missing; write  {_KEYS[key][1]}")
    plain = {key: document[key] for key in ("token_env", "name", "idempotent") if key in document}
    target = Target(
        url=_url(document["url"]),
        request=_request(document["request"]),
        response=_response(document["response"]),
        row_shape=_row_shape(document),
        method=_one_of("method", document.get("method", "POST"), ("POST", "PUT")),
        headers=_headers(document.get("headers", {})),
        headers_env=tuple(_texts("headers_env", document.get("headers_env", {})).items()),
        output_dim=_positive(document, "output_dim"),
        max_batch=_positive(document, "max_batch"),
        rate=_positive(document, "rate"),
        timeout=_positive(document, "timeout") or 30.0,
        bounds=_bounds(document.get("bounds")),
        answers=cast(
            Answers,
            _one_of(
                "answers", document.get("answers", "auto"), ("auto", "logits", "probabilities", "labels")
            ),
        ),
        dtype=_one_of("dtype", document.get("dtype", "float64"), ("float64", "float32", "float16")),
        **plain,
    )
    if target.one_row_each and (target.max_batch or 1) > 1:
        raise FormatError(
            "max_batch must be 1 with {{row}}; write  request = '{\"inputs\": {{rows}}}' for batches"
        )
    return target


def _check_key(key: str, value: Any) -> None:
    if key not in _KEYS:
        close = difflib.get_close_matches(key, _KEYS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known keys: {', '.join(_KEYS)}"
        raise FormatError(f"unknown key {key!r}; {hint}")
    kinds, example = _KEYS[key]
    is_bool = isinstance(value, bool)
    if not isinstance(value, kinds) or (is_bool and bool not in kinds):
        raise FormatError(f"{key} cannot be {value!r}; write it like  {example}")


def _url(url: str) -> str:
    secret = [
        name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True) if _SECRET.search(name)
    ]
    if secret:
        raise FormatError(
            f"url holds what looks like a secret ({secret[0]}=...); send it as a header:  "
            f"{_KEYS['headers_env'][1]}"
        )
    return url


def _headers(table: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    for name in table:
        if _SECRET.search(name):
            raise FormatError(
                f"headers.{name} would put a secret into a file; name an environment variable instead:  "
                f'headers_env = {{ {name} = "VARIABLE" }}'
            )
    return tuple(_texts("headers", table).items())


def _texts(key: str, table: dict[str, Any]) -> dict[str, str]:
    for name, value in table.items():
        if not isinstance(value, str) or not (value.isascii() and value.isprintable()):
            raise FormatError(f"{key}.{name} must be plain text; write it like  {_KEYS[key][1]}")
    return table


def _request(value: str | dict[str, Any]) -> str:
    """Normalise to JSON text in which every placeholder is a whole JSON string."""
    text = value if isinstance(value, str) else json.dumps(value)
    quoted = _PLACEHOLDER.sub(lambda match: '"{{' + match[1] + '}}"', text)
    try:
        written = json.dumps(json.loads(quoted))
    except ValueError as error:
        raise FormatError(f"request is not JSON ({error}); write it like  {_KEYS['request'][1]}") from None
    if written.count('"{{rows}}"') + written.count('"{{row}}"') != 1:
        raise FormatError(
            f"request must hold {{{{rows}}}} or {{{{row}}}} exactly once:  {_KEYS['request'][1]}"
        )
    return written


def _response(value: str | list[Any]) -> tuple[str | int, ...]:
    steps = value if isinstance(value, list) else [step for step in value.split(".") if step]
    if not all(isinstance(step, str | int) and not isinstance(step, bool) for step in steps):
        raise FormatError(f"response must be names and numbers; write it like  {_KEYS['response'][1]}")
    if isinstance(value, list):
        return tuple(steps)
    return tuple(int(step) if step.isdigit() else step for step in steps)


def _row_shape(document: Mapping[str, Any]) -> tuple[int, ...]:
    dim, shape = _positive(document, "input_dim"), document.get("input_shape")
    if shape is None:
        if dim is None:
            raise FormatError(f"input_dim is missing; write  {_KEYS['input_dim'][1]}")
        return (dim,)
    if not shape or not all(type(size) is int and size > 0 for size in shape):
        raise FormatError(f"input_shape must list sizes above 0; write it like  {_KEYS['input_shape'][1]}")
    if dim not in (None, math.prod(shape)):
        raise FormatError(
            f"input_shape holds {math.prod(shape)} numbers, but input_dim = {dim}; drop one of them"
        )
    return tuple(shape)


def _positive(document: Mapping[str, Any], key: str) -> Any:
    value = document.get(key)
    if value is not None and not 0 < value < math.inf:
        raise FormatError(f"{key} must be above 0; write it like  {_KEYS[key][1]}")
    return value


def _bounds(value: list[Any] | None) -> tuple[float, float] | None:
    if value is None:
        return None
    numbers = [float(v) for v in value if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(value) != 2 or len(numbers) != 2 or not numbers[0] < numbers[1]:
        raise FormatError(
            f"bounds must be the smallest and the largest input; write it like  {_KEYS['bounds'][1]}"
        )
    return numbers[0], numbers[1]


def _one_of(key: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise FormatError(f"{key} cannot be {value!r}; it is one of {', '.join(allowed)}")
    return value
