"""`hingeline report`: the report of a run once more, from what the run recorded."""

from __future__ import annotations

from pathlib import Path

import click

from hingeline.cli.options import View, view_options


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the page there, and leave the run folder as it is.",
)
@view_options
def command(run: Path, html: Path | None, view: View) -> int:
    """Make the report of the run in the folder RUN again; nothing is asked.

    The run is done again from run.toml and journal.sqlite, which stay as they are; report.html, result.json
    and figures/ are written anew, by this version. What the run read must still be there: the files of --data
    and the like, and the target itself for verbs that read it (stability; fragility and defend, where it is
    a file or a module). A run that was interrupted needs answers that its journal does not hold: resume it.

    Exit codes: as the run ended (0, 4, 5); 2 usage, or a file is gone; 3 the target had failed; 5 too where
    answers are missing; 130 interrupted.
    """
    # NumPy and the solvers are loaded when a report is made; --help must not pay for them.
    from hingeline.cli.report_run import make_again

    return make_again(run, html, view)
