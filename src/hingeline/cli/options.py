"""The options that all verbs share, and opening the target they describe.

A verb takes decorators: `@target_options` hands it `target: TargetRequest`, `@plan_options` hands it
`plan: Plan`, `@view_options` hands it `view: View`. Options come from flags first, then from HINGELINE_*
variables, then from a target.toml (`configuration`). A target on another host is not even connected to before
the user states the authorisation.
"""

from __future__ import annotations

import functools
import ipaddress
import math
import secrets
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click

from hingeline.cli.configuration import asked_to_print, print_config, print_config_option
from hingeline.core.errors import Refused

if TYPE_CHECKING:
    from hingeline.oracles.protocol import Oracle

Verb = TypeVar("Verb", bound=Callable[..., Any])
_Record = TypeVar("_Record")


@dataclass(frozen=True)
class TargetRequest:
    """Which door to open, and how."""

    target: str
    """A file, a URL, a recorded journal, or `package.module:name`."""
    input_dim: int | None = None
    """Numbers in one query row, where the target does not say."""
    bounds: tuple[float, float] | None = None
    """Smallest and largest value of an input coordinate."""
    answers: str = "auto"
    """What the answers are, if the user knows."""
    batch_size: int | None = None
    """Most rows in one call."""
    rate: float | None = None
    """Most requests per second."""
    timeout: float | None = None
    """Seconds to wait for one answer."""
    token_env: str | None = None
    """Name of the environment variable that holds the access token."""
    output_name: str | None = None
    """Which output of the model to read."""
    idempotent: bool = False
    """The target recognises repeated request ids, so that a lost answer may be asked for again."""
    authorised: str | None = None
    """Who allowed this and why; needed for targets on other hosts."""

    def said(self) -> dict[str, Any]:
        """What the user said about the target; what is at its default is not written down."""
        return {k: v for k, v in asdict(self).items() if v != getattr(TargetRequest, k, None)}


@dataclass(frozen=True)
class Plan:
    """How much to ask, from which seed, and where to keep it."""

    budget: int | None = None
    """Most rows that may be asked; None for no limit."""
    seed: int = 0
    """Where all randomness comes from."""
    out: Path | None = None
    """The run folder; None for a new one under runs/."""
    yes: bool = False
    """Do not ask back."""


@dataclass(frozen=True)
class View:
    """How to show things."""

    as_json: bool = False
    """One JSON object as the last line of standard output, nothing else there."""
    quiet: bool = False
    """No progress, only the result."""


class _Seed(click.ParamType[int]):
    """A whole number, or `random`."""

    name = "seed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the seed; a drawn one is a number that can be typed again."""
        if value == "random":
            return secrets.randbelow(2**32)
        if str(value).isdecimal():
            return int(value)
        self.fail(f"{value!r} is not a seed; want a number from 0 up, or 'random'", param, ctx)


class _Place(click.ParamType[Path]):
    """A directory by name; an empty word is a mistake, not the current directory."""

    name = "directory"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Read the name."""
        if not str(value).strip():
            self.fail("no directory named; want --out DIR", param, ctx)
        return Path(value)


# What is said of a target that is read and not asked; the rest is about doors.
_READ = (
    click.argument("target"),
    click.option("--input-dim", type=click.IntRange(min=1), metavar="D", help="Numbers in one query row."),
)
_TARGET = (
    *_READ,
    click.option("--bounds", type=float, nargs=2, metavar="LO HI", help="Range an input may lie in."),
    click.option(
        "--answers",
        type=click.Choice(["auto", "logits", "probabilities", "labels"]),
        default="auto",
        show_default=True,
        help="What the answers are, if you know.",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(min=1),
        metavar="N",
        envvar="HINGELINE_BATCH_SIZE",
        help="Most rows in one request.",
    ),
    click.option(
        "--rate",
        type=click.FloatRange(min=0, min_open=True),
        metavar="R",
        envvar="HINGELINE_RATE",
        help="Most requests per second (5 for other hosts).",
    ),
    click.option(
        "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Seconds per request."
    ),
    click.option("--token-env", metavar="NAME", help="Environment variable that holds the access token."),
    click.option("--output-name", metavar="NAME", help="Which output of the model to read."),
    click.option("--idempotent", is_flag=True, help="The target recognises repeated request ids."),
    click.option(
        "--i-am-authorised",
        "authorised",
        metavar="WHO/WHY",
        envvar="HINGELINE_I_AM_AUTHORISED",
        help="Who allowed it and why; required for other hosts, kept in the record.",
    ),
)
_PLAN = (
    click.option(
        "--budget",
        type=click.IntRange(min=1),
        metavar="N",
        envvar="HINGELINE_BUDGET",
        help="Most queries (rows) that may be asked.",
    ),
    click.option(
        "--seed",
        type=_Seed(),
        default="0",
        show_default=True,
        metavar="S",
        envvar="HINGELINE_SEED",
        help="A number, or 'random'.",
    ),
    click.option("--out", type=_Place(), metavar="DIR", help="Where the run is kept; must be new."),
    click.option("--yes", is_flag=True, help="Do not ask back."),
    print_config_option,
)
_VIEW = (
    click.option("--json", "as_json", is_flag=True, help="Last line of output is one JSON object."),
    click.option(
        "--quiet", "-q", is_flag=True, envvar="HINGELINE_QUIET", help="No progress, only the result."
    ),
)


def target_options(verb: Verb) -> Verb:
    """Add TARGET and what describes it; the verb gets `target: TargetRequest`."""
    return _collecting(verb, "target", TargetRequest, _TARGET)


def reading_options(verb: Verb) -> Verb:
    """The same for a verb that reads weights and asks nobody: no options of doors."""
    return _collecting(verb, "target", TargetRequest, _READ)


def plan_options(verb: Verb) -> Verb:
    """Add --budget, --seed, --out, --yes, --print-config; the verb gets `plan: Plan`."""
    return _collecting(verb, "plan", Plan, _PLAN)


def view_options(verb: Verb) -> Verb:
    """Add --json and --quiet; the verb gets `view: View`."""
    return _collecting(verb, "view", View, _VIEW)


def open_target(request: TargetRequest) -> Oracle:
    """Open the door that `request` describes.

    Raises:
        Refused: It is on another host and no authorisation was stated; nothing was sent there.
        HingelineError: It cannot be opened; the message says why.
    """
    # The doors bring NumPy and a model reader; a verb's --help must not pay for them.
    from hingeline.oracles.opening import oracle

    host = remote_host(request.target)
    if host is not None and not request.authorised:
        raise _refusal(host)
    opened = oracle(request.target, **_door_options(request))
    if opened.spec.remote and not request.authorised:
        raise _refusal(opened.spec.name)
    return opened


def check_box(box: tuple[float, float] | None) -> None:
    """Refuse a --box that is no range.

    Raises:
        UsageError: Ends that are not finite, or the larger first.
    """
    if box is not None and not (math.isfinite(box[0]) and math.isfinite(box[1]) and box[0] < box[1]):
        raise click.UsageError(f"--box wants two finite ends, the smaller first; got {box[0]} {box[1]}")


def remote_host(target: str) -> str | None:
    """The host of a URL (or of the URL in a target.toml) if it is not this machine; else None."""
    address = _address(target)
    if not address.lower().startswith(("http://", "https://")):
        return None
    host = urlsplit(address).hostname or address
    return None if _is_loopback(host) else host


def _address(target: str) -> str:
    if not target.endswith(".toml") or not Path(target).is_file():
        return target
    try:
        return str(tomllib.loads(Path(target).read_text(encoding="utf-8")).get("url", ""))
    except (OSError, ValueError):
        return ""  # opening it says in words what is wrong with the file


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refusal(place: str) -> Refused:
    return Refused(
        f"{place} is not on this machine. Asking a model thousands of questions needs its owner's consent.\n"
        'If you have it, say so:  --i-am-authorised "your name, who allowed it"'
    )


def _door_options(request: TargetRequest) -> dict[str, Any]:
    """What to hand to the door: only what the user said."""
    said = request.said()
    renamed = {"max_batch" if name == "batch_size" else name: value for name, value in said.items()}
    return {name: value for name, value in renamed.items() if name not in ("target", "authorised")}


def _collecting(verb: Verb, name: str, record: type[_Record], options: Sequence[Callable[..., Any]]) -> Verb:
    """`verb` with `options`, whose values reach it as one frozen record called `name`."""
    names = [field.name for field in fields(record)]  # pyright: ignore[reportArgumentType]

    @functools.wraps(verb)
    def collected(**values: Any) -> Any:
        context = click.get_current_context(silent=True)
        if context is not None and asked_to_print(context):
            return print_config(context)
        return verb(**{name: record(**{n: values.pop(n) for n in names if n in values})}, **values)

    for option in reversed(options):
        option(collected)
    return collected  # pyright: ignore[reportReturnType]
