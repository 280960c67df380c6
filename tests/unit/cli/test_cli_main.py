"""The command group: help, errors in words, exit codes."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from hingeline import __version__
from hingeline.cli.exits import Exit, RunStopped, exit_code
from hingeline.cli.main import COMMANDS, group
from hingeline.core import errors

HEAVY = ("scipy", "onnx", "onnxruntime", "torch", "sklearn", "httpx2", "jinja2", "rich")


def loaded_modules(code: str) -> set[str]:
    """Names of the modules loaded after running `code` in a fresh interpreter."""
    script = f"import sys\n{code}\nprint('\\n' + ' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("code", "also"),
    [
        ("import hingeline", ("numpy", "click")),
        ("from hingeline.cli.main import main; main(['--help'])", ("numpy",)),
        ("from hingeline.cli.main import main; main(['--version'])", ("numpy",)),
    ],
)
def test_import_and_help_load_nothing_slow(code: str, also: tuple[str, ...]) -> None:
    assert loaded_modules(code).isdisjoint({*HEAVY, *also})


def test_importing_every_public_name_loads_no_solver_and_no_extra() -> None:
    loaded = loaded_modules("import hingeline as hl\nfor name in hl.__all__: getattr(hl, name)")
    assert "hingeline.oracles.session" in loaded
    assert loaded.isdisjoint({"scipy.optimize", "onnx", "onnxruntime", "torch", "sklearn"})


@pytest.mark.parametrize("verb", list(COMMANDS))
def test_every_verb_exists_and_explains_itself(verb: str, shell: Any) -> None:
    assert isinstance(importlib.import_module(COMMANDS[verb][0]).command, click.Command)
    assert shell(verb, "--help") == Exit.DONE
    assert f"hingeline {verb}" in shell.out


def test_the_help_names_every_verb(shell: Any) -> None:
    assert shell("--help") == Exit.DONE
    assert all(f"  {verb} " in shell.out for verb in COMMANDS)


def test_the_version_is_the_package_version(shell: Any) -> None:
    assert shell("--version") == Exit.DONE
    assert shell.out == f"hingeline {__version__}\n"


def test_a_mistyped_verb_is_answered_with_the_one_meant(shell: Any) -> None:
    assert shell("extrct", "m.npz") == Exit.USAGE
    assert "Did you mean 'extract'?" in shell.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidInput("x"), 2),
        (errors.FormatError("x"), 2),
        (errors.MissingExtra("Reading .onnx", "onnx"), 2),
        (click.UsageError("x"), 2),
        (OSError("x"), 2),
        (errors.QueryFailed("x"), 3),
        (errors.UnsupportedOracle("x"), 3),
        (errors.OutsideDomain("x"), 3),
        (errors.BudgetExhausted(limit=1, spent=1, wanted=1, phase="p"), 4),
        (errors.IllConditioned("x"), 5),
        (errors.NotComplete("x"), 5),
        (errors.NotRecorded(1), 5),
        (errors.Refused("x"), 6),
        (click.Abort(), 130),
        (RunStopped("x", Exit.TARGET), 3),
        (ZeroDivisionError("x"), 70),
    ],
)
def test_each_error_has_its_exit_code(error: Exception, code: int) -> None:
    assert exit_code(error) == code


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the verb `demo` raise what the test wants."""

    def use(error: BaseException) -> None:
        @click.command
        @click.option("--json", is_flag=True)
        def command(json: bool) -> None:
            raise error

        monkeypatch.setattr(group, "get_command", lambda ctx, name: command)

    return use


def test_a_bug_is_told_in_words_without_a_traceback(shell: Any, failing: Any) -> None:
    failing(ZeroDivisionError("division by zero"))
    assert shell("demo") == Exit.INTERNAL
    assert "bug in hingeline" in shell.err
    assert "Traceback" not in shell.err + shell.out


def test_debugging_shows_the_traceback(shell: Any, failing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(ZeroDivisionError("division by zero"))
    monkeypatch.setenv("HINGELINE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        shell("demo")


def test_with_json_an_error_is_the_last_line_of_output(shell: Any, failing: Any) -> None:
    failing(errors.QueryFailed("the door is closed"))
    assert shell("demo", "--json") == Exit.TARGET
    assert shell.json["exit_code"] == 3
    assert shell.json["outcome"] == {
        "ok": False, "status": "error", "reason": "Error: the door is closed", "advice": "",
    }  # fmt: skip


def test_an_interrupt_ends_with_130(shell: Any, failing: Any) -> None:
    failing(KeyboardInterrupt())
    assert shell("demo") == Exit.INTERRUPTED


def test_the_program_really_ends_with_the_code_and_python_dash_m_is_the_same(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "hingeline", "extract", "nothing-here.npz"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == Exit.USAGE
    assert "nothing-here.npz" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
