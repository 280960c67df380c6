"""`hingeline cite`: BibTeX of this tool and of the methods that a run used."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hingeline.cli.exits import Exit
from hingeline.cli.options import View, view_options


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("run", required=False, type=click.Path(path_type=Path))
@view_options
def command(run: Path | None, view: View) -> int:
    """Print BibTeX of hingeline and, with RUN, of the methods that this run used.

    RUN is a run folder or a result.json. Sources that have no entry stand in comments.

    Exit codes: 0 printed; 2 there is no such run, or it has not ended.
    """
    from hingeline.report.bibliography import papers_of
    from hingeline.report.citations import TOOL, bibtex
    from hingeline.report.results import SCHEMA, result_file, sources_of

    sources = () if run is None else sources_of(result_file(run))
    text = bibtex(sources)
    if not view.as_json:
        click.echo(text, nl=False)
        return Exit.DONE
    papers, unknown = papers_of(sources)
    told = {
        "schema": SCHEMA,
        "verb": "cite",
        "run": None if run is None else str(run),
        "keys": [TOOL, *(paper.key for paper in papers)],
        "sources": list(sources),
        "without_entry": list(unknown),
        "bibtex": text,
        "exit_code": int(Exit.DONE),
    }
    click.echo(json.dumps(told))
    return Exit.DONE
