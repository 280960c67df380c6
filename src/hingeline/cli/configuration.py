"""`--print-config`: what a verb would run with, and where each value comes from.

Flags win over HINGELINE_* variables, those over a target.toml, and that over defaults.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

_ASKED = "hingeline.print-config"
# Options whose keys in a target.toml have another name; those in `_IN_FILE` have the same.
_RENAMED = {"batch_size": "max_batch"}
_IN_FILE = ("input_dim", "bounds", "answers", "rate", "timeout", "token_env", "idempotent")
_UNSAID = (None, "auto", False)
_DEFAULT = "default"


@dataclass(frozen=True)
class Setting:
    """One value of a command line."""

    name: str
    """As it is typed: --budget, or TARGET."""
    value: Any
    """JSON-ready; None where nothing is said."""
    origin: str
    """command line, the variable's name, the target.toml, or default."""


def print_config_option(verb: Any) -> Any:
    """Add --print-config; `asked_to_print` tells whether it was typed."""
    return click.option(
        "--print-config",
        is_flag=True,
        expose_value=False,
        callback=_note,
        help="Say what this would run with and where each value comes from; nothing is asked.",
    )(verb)


def _note(ctx: click.Context, _: click.Parameter, said: bool) -> None:
    ctx.meta[_ASKED] = said


def asked_to_print(ctx: click.Context | None) -> bool:
    """Whether --print-config was typed."""
    return ctx is not None and bool(ctx.meta.get(_ASKED))


def print_config(ctx: click.Context) -> int:
    """Tell the settings, as a table or as one line of JSON; returns the exit code, 0.

    Raises:
        UsageError: The target.toml cannot be read.
    """
    found = list(settings(ctx))
    if ctx.params.get("as_json"):
        told = {one.name: {"value": one.value, "origin": one.origin} for one in found}
        click.echo(json.dumps({"schema": 1, "verb": ctx.info_name, "settings": told, "exit_code": 0}))
        return 0
    width = max(len(one.name) for one in found)
    shown = [("-" if one.value is None else json.dumps(one.value, ensure_ascii=False)) for one in found]
    wide = max(map(len, shown))
    for one, value in zip(found, shown, strict=True):
        click.echo(f"{one.name:{width}}  {value:{wide}}  {one.origin}")
    return 0


def settings(ctx: click.Context) -> Iterator[Setting]:
    """Every argument and option of the command that is about to run, in the order of its help."""
    file, document = _target_file(ctx)
    for param in ctx.command.params:
        if param.name not in ctx.params:
            continue
        value, origin = _ready(ctx.params[param.name]), _origin(ctx, param)
        key = _RENAMED.get(param.name, param.name)
        # A door takes the file's value where the option is as if nothing was said, and so does this.
        if value in _UNSAID and key in document and key in (*_IN_FILE, *_RENAMED.values()):
            value, origin = document[key], file
        yield Setting(_spelled(param), value, origin)


def _origin(ctx: click.Context, param: click.Parameter) -> str:
    match ctx.get_parameter_source(param.name or ""):
        case ParameterSource.COMMANDLINE:
            return "command line"
        case ParameterSource.ENVIRONMENT:
            return str(param.envvar)
        case _:
            return _DEFAULT


def _target_file(ctx: click.Context) -> tuple[str, Mapping[str, Any]]:
    """The name and the content of the target.toml that is the target; empty if it is none."""
    target = str(ctx.params.get("target", ""))
    if not target.endswith(".toml"):
        return "", {}
    try:
        return target, tomllib.loads(Path(target).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.UsageError(f"cannot read {target}: {error}", ctx) from error


def _spelled(param: click.Parameter) -> str:
    return (param.name or "").upper() if isinstance(param, click.Argument) else max(param.opts, key=len)


def _ready(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_ready(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
