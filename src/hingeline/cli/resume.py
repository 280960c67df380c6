"""`hingeline resume`: the plan of an interrupted run again, against its journal."""

from __future__ import annotations

from pathlib import Path

import click

from hingeline.cli.options import View, view_options


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--budget",
    type=click.IntRange(min=1),
    metavar="N",
    help="New limit for the whole run, with what it spent before.",
)
@view_options
def command(directory: Path, budget: int | None, view: View) -> int:
    """Go on with the run in DIR.

    The run is done again from its run.toml with the same seed. Answers that were received are taken from
    journal.sqlite and not asked again; only what was in flight when it stopped may be asked twice.
    """
    # NumPy and the solvers are loaded when a run goes on; --help must not pay for them.
    from hingeline.cli.running import announce, open_recorded, perform, prepared, tell
    from hingeline.report.run_folder import RunFolder

    folder = RunFolder.open(directory)
    recipe = folder.recipe()
    recipe.check_files()
    oracle = open_recorded(recipe)
    if budget is not None:
        recipe = recipe.with_budget(budget)
    run = prepared(oracle, recipe)
    if budget is not None:
        folder.begin(recipe)
    announce(oracle, recipe, folder, view)
    return tell(perform(run, folder, view), folder, view)
