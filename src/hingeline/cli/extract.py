"""`hingeline extract`: how much of the network can be rebuilt, at what price?"""

from __future__ import annotations

from typing import Any

import click

from hingeline.cli.options import (
    Plan,
    TargetRequest,
    View,
    plan_options,
    target_options,
    view_options,
)


class _Image(click.ParamType[list[int]]):
    """Channels, rows and columns, such as 1x8x8."""

    name = "image"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """Read the three numbers."""
        parts = str(value).lower().split("x")
        if len(parts) == 3 and all(part.isdecimal() and int(part) > 0 for part in parts):
            return [int(part) for part in parts]
        self.fail(f"{value!r} is no image; want channels x rows x columns, such as 1x8x8", param, ctx)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@target_options
@plan_options
@click.option("--polish/--no-polish", default=True, help="Ask again for the last digits (default), or not.")
@click.option("--absolute-value", is_flag=True, help="It is a sum of absolute values: ask on half circles.")
@click.option(
    "--image", type=_Image(), metavar="CxHxW", help="Inputs are such images: look for a convolution."
)
@view_options
def command(
    target: TargetRequest,
    plan: Plan,
    polish: bool,
    absolute_value: bool,
    image: list[int] | None,
    view: View,
) -> int:
    """Rebuild the network behind TARGET from its answers.

    TARGET is a .onnx, .safetensors or .npz file, a URL, a target.toml, a recorded journal.sqlite, or
    package.module:name. The run is kept in --out DIR (or a new folder under runs/) and can be resumed.

    Exit codes: 0 rebuilt and verified; 2 usage; 3 target unreachable or unusable; 4 budget spent; 5 not
    complete; 6 no authorisation; 130 interrupted.
    """
    if absolute_value and not polish:
        raise click.UsageError("--no-polish says nothing about --absolute-value, which needs no polish")
    if absolute_value and image:
        raise click.UsageError("--image says nothing about --absolute-value, which looks for no convolution")
    # NumPy and the solvers are loaded when a run begins; --help must not pay for them.
    from hingeline.cli.running import begin

    settings: dict[str, Any] = {"absolute_value": True} if absolute_value else {}
    if not polish:
        settings["polish"] = False
    if image:
        settings["image"] = image
    return begin("extract", target, plan, view, settings)
