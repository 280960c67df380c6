"""`hingeline serve MODEL`: a practice endpoint on this machine, to rehearse on before asking a real one."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import signal
import threading
from collections.abc import Generator
from pathlib import Path
from types import FrameType

import click

from hingeline.evaluation.practice_model import DATATYPES, PracticeSettings
from hingeline.evaluation.practice_server import PracticeServer


@click.command("serve")
@click.argument("model")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any free one."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--input-dim", type=click.IntRange(min=1), metavar="D", help="Numbers per row, for a function.")
@click.option("--name", metavar="NAME", help="The model's name in its address; the file's name if not given.")
@click.option(
    "--round", "decimals", type=click.IntRange(0, 17), metavar="N", help="Round answers to N decimals."
)
@click.option(
    "--noise", type=click.FloatRange(min=0), default=0.0, metavar="S", help="Add noise of this size."
)
@click.option("--labels", is_flag=True, help="Answer the winning class only.")
@click.option("--softmax", is_flag=True, help="Answer probabilities.")
@click.option("--dtype", type=click.Choice(list(DATATYPES)), default="float64", show_default=True)
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), metavar="R", help="Rows per second; more get 429."
)
@click.option(
    "--fail-every",
    type=click.IntRange(min=1),
    metavar="N",
    help="Every N-th request gets 500, 503 or a drop.",
)
@click.option("--latency", type=click.FloatRange(min=0), default=0.0, metavar="S", help="Seconds per answer.")
@click.option(
    "--defence",
    "defences",
    multiple=True,
    metavar="TEXT",
    help="One more defence around these, such as top-k:3 or keyed-noise:1e-3; may be given again.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of what is drawn.")
@click.option(
    "--access-log", type=click.Path(path_type=Path), metavar="FILE", help="One JSON line per request."
)
@click.option("--json", "as_json", is_flag=True, help="Tell the address as one JSON object.")
def command(
    model: str,
    port: int,
    host: str,
    input_dim: int | None,
    name: str | None,
    decimals: int | None,
    noise: float,
    labels: bool,
    softmax: bool,
    dtype: str,
    rate: float | None,
    fail_every: int | None,
    latency: float,
    defences: tuple[str, ...],
    seed: int,
    access_log: Path | None,
    as_json: bool,
) -> int:
    """Serve MODEL in the Open Inference Protocol v2, with chosen defences, until Ctrl-C.

    MODEL is a .npz, .safetensors or .onnx file, or a Python reference package.module:name.
    """
    settings = PracticeSettings(
        round=decimals,
        noise=noise,
        labels=labels,
        softmax=softmax,
        dtype=dtype,
        rate=rate,
        fail_every=fail_every,
        latency=latency,
        seed=seed,
        defences=defences,
    )
    server = PracticeServer(
        model,
        name=name or _name_of(model),
        host=host,
        port=port,
        settings=settings,
        access_log=access_log,
        input_dim=input_dim,
    )
    try:
        with _terminate_like_interrupt():
            _greet(server, settings, host, as_json)
            server.serve_forever()
    except KeyboardInterrupt:
        if not as_json:
            click.echo(_farewell(server))
    finally:
        server.close()
    return 0


def _name_of(model: str) -> str:
    """The file's name without its suffix, or the name that a Python reference ends with."""
    return model.rpartition(":")[2] if ":" in model and "/" not in model else Path(model).stem


def _greet(server: PracticeServer, settings: PracticeSettings, host: str, as_json: bool) -> None:
    if as_json:
        click.echo(
            json.dumps({"url": server.url, "inputs": server.model.input_dim, "answers": settings.described})
        )
        return
    click.echo(
        f"Serving {server.model.input_dim} inputs, {server.model.output_dim} outputs: {settings.described}"
    )
    click.echo(f"Address:  {server.url}")
    if not _only_here(host):
        click.echo(f"Note: listening on {host}, so other machines may reach it.")
    click.echo(f"Next:     hingeline doctor {server.url}")
    click.echo(f"          hingeline extract {server.url}")
    click.echo("Stop with Ctrl-C.")


def _farewell(server: PracticeServer) -> str:
    log = server.log
    counts = f"{log.rows_answered:,} rows answered, {log.failures:,} requests without an answer"
    return f"\nStopped after {log.requests:,} requests: {counts}."


def _only_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextlib.contextmanager
def _terminate_like_interrupt() -> Generator[None]:
    """Let `kill` end the server as cleanly as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
