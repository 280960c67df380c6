"""Defences as they are typed: "round:3", "softmax+round:3+rate:50"."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass

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

# A plus joins defences, except in a number such as 1e+3.
_JOIN = re.compile(r"(?<![0-9.][eE])\+")
_NAMED = {
    "random-member": "RandomMember(members)",
    "abstain": "Abstaining(detector)",
    "monitor": "QueryMonitor",
}


@dataclass(frozen=True)
class _Form:
    """One word that can be typed."""

    build: Callable[[str], Defence]
    """From what stands after the colon; empty where nothing does."""
    example: str


def _with_count(build: Callable[[int], Defence]) -> Callable[[str], Defence]:
    return lambda value: build(int(value))


def _with_number(build: Callable[[float], Defence]) -> Callable[[str], Defence]:
    return lambda value: build(float(value))


def _plain(defence: Defence) -> Callable[[str], Defence]:
    return lambda value: defence


_FORMS = {
    "round": _Form(_with_count(lambda n: Rounded(decimals=n)), "round:3"),
    "bits": _Form(_with_count(lambda n: Rounded(bits=n)), "bits:15"),
    "float32": _Form(_plain(Precision("float32")), "float32"),
    "float16": _Form(_plain(Precision("float16")), "float16"),
    "float32-inputs": _Form(_plain(Precision("float32", inputs=True)), "float32-inputs"),
    "float16-inputs": _Form(_plain(Precision("float16", inputs=True)), "float16-inputs"),
    "noise": _Form(_with_number(Noise), "noise:1e-3"),
    "keyed-noise": _Form(_with_number(KeyedNoise), "keyed-noise:1e-3"),
    "softmax": _Form(_plain(Probabilities()), "softmax"),
    "softmax-pair": _Form(_plain(Probabilities(pair=True)), "softmax-pair"),
    "top-k": _Form(_with_count(TopK), "top-k:3"),
    "labels": _Form(_plain(LabelsOnly()), "labels"),
    "rate": _Form(_with_number(RateLimited), "rate:50"),
    "none": _Form(_plain(Chained(())), "none"),
}

TYPED_FORMS = tuple(form.example for form in _FORMS.values())
"""One example of everything that can be typed."""


def defence_from(text: str) -> Defence:
    """Read a defence as it is typed.

    Args:
        text: One of `TYPED_FORMS`, or several joined by '+', the one next to the model first.

    Raises:
        InvalidInput: It cannot be read; the message says what was seen and what can be typed.
    """
    parts = [_one(part.strip(), text) for part in _JOIN.split(text)]
    return parts[0] if len(parts) == 1 else Chained(tuple(parts))


def _one(part: str, whole: str) -> Defence:
    name, colon, value = part.partition(":")
    form = _FORMS.get(name.strip().lower())
    if form is None:
        raise InvalidInput(_unknown(name.strip().lower(), part, whole))
    wants = ":" in form.example
    if wants != bool(colon and value.strip()) or (colon and not wants):
        what = "wants a number" if wants else "takes no number"
        raise InvalidInput(f"{name} {what}; type {form.example!r} (got {part!r})")
    try:
        return form.build(value)
    except InvalidInput:
        raise
    except ValueError:
        kind = (
            "a whole number" if form.example.rpartition(":")[2].isdigit() and name != "rate" else "a number"
        )
        raise InvalidInput(
            f"{name} wants {kind} after the colon, such as {form.example!r}; got {part!r}"
        ) from None


def _unknown(name: str, part: str, whole: str) -> str:
    if name in _NAMED:
        return f"{name} cannot be typed, since it holds objects; build it in Python: {_NAMED[name]}"
    meant = difflib.get_close_matches(name, list(_FORMS), n=1)
    hint = f" Did you mean {_FORMS[meant[0]].example!r}?" if meant else ""
    where = "" if part == whole else f" in {whole!r}"
    return f"no defence is called {part!r}{where}.{hint} Type one of {', '.join(TYPED_FORMS)}, joined by '+'"
