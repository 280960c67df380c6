"""`hl.oracle`: every kind of target opens its door, and what cannot be opened is told with what to type."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hingeline as hl
from hingeline.core.errors import FormatError, HingelineError, InvalidInput
from hingeline.core.outcome import Finding, Outcome, Provenance, Spending, Status
from hingeline.networks.loading import save_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.journal import Journal
from hingeline.oracles.local import network_oracle
from hingeline.oracles.protocol import OracleSpec, OracleWithIds

NETWORK = PiecewiseLinearNetwork([[[1.0, -1.0], [2.0, 0.5]], [[1.0, 3.0]]], [[0.0, 1.0], [-2.0]])
POINTS = np.array([[1.0, 2.0], [-3.0, 0.25], [0.0, 0.0]])


def finding() -> Finding[PiecewiseLinearNetwork]:
    return Finding(NETWORK, Outcome(Status.COMPLETE, ""), {}, Spending(0, 0), Provenance("extract", "", 0))


class Foreign:
    """An oracle that somebody else wrote."""

    spec = OracleSpec("foreign", 2, 1)

    def query(self, points: np.ndarray) -> np.ndarray:
        return NETWORK(points)


class ForeignWithIds(Foreign):
    def query_with_id(self, points: np.ndarray, request_id: str) -> np.ndarray:
        return NETWORK(points) + len(request_id)


@pytest.mark.parametrize(
    "target",
    [NETWORK, finding(), (NETWORK.weights, NETWORK.biases), Foreign(), network_oracle(NETWORK)],
    ids=["network", "finding", "pair", "somebody's oracle", "our oracle"],
)
def test_things_in_memory_that_know_their_width_are_opened(target: Any) -> None:
    opened = hl.oracle(target)
    assert opened.spec.input_dim == 2
    assert np.array_equal(opened.query(POINTS), NETWORK(POINTS))


@pytest.mark.parametrize("target", [Foreign(), network_oracle(NETWORK)])
def test_an_oracle_is_returned_as_it_is(target: Any) -> None:
    assert hl.oracle(target) is target
    assert hl.oracle(target, input_dim=2, answers="auto") is target


@pytest.mark.parametrize("suffix", ["npz", "safetensors", "onnx"])
def test_model_files_are_opened_and_named_by_content(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"model.{suffix}"
    save_network(NETWORK, path)
    opened = hl.oracle(str(path))
    assert np.allclose(opened.query(POINTS), NETWORK(POINTS), rtol=1e-15)
    assert opened.spec.name.startswith(f"model.{suffix}@")
    save_network(PiecewiseLinearNetwork([[[1.0, 1.0]]], [[0.0]]), path)
    assert hl.oracle(path).spec.name != opened.spec.name
    assert str(tmp_path) not in opened.spec.name


def test_recorded_answers_are_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "answers.npz", x=POINTS, y=NETWORK(POINTS))
    opened = hl.oracle(tmp_path / "answers.npz")
    assert np.array_equal(opened.query(POINTS[::-1]), NETWORK(POINTS[::-1]))
    with pytest.raises(hl.QueryFailed, match="1 of 1 rows are not in"):
        opened.query(POINTS[:1] + 1)


def test_a_journal_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal.open(path) as journal:
        hl.QuerySession(network_oracle(NETWORK), journal=journal).ask(POINTS)
    assert np.array_equal(hl.oracle(path).query(POINTS), NETWORK(POINTS))


def test_a_described_endpoint_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    path.write_text(
        'url = "http://127.0.0.1:9/score"\ninput_dim = 2\n'
        'request = \'{"inputs": "{{rows}}"}\'\nresponse = "outputs"\n'
    )
    opened = hl.oracle(path, bounds=(0, 1), max_batch=3)
    assert (opened.spec.input_dim, opened.spec.bounds, opened.spec.max_batch) == (2, (0.0, 1.0), 3)


def test_an_address_that_does_not_answer_fails_in_words() -> None:
    with pytest.raises(hl.QueryFailed, match="could not connect"):
        hl.oracle("http://127.0.0.1:9/v2/models/m", rate=100.0)


def test_a_function_is_opened_with_its_width() -> None:
    opened = hl.oracle(NETWORK.__call__, input_dim=2, bounds=(-9, 9), name="mine", max_batch=2)
    assert opened.spec == OracleSpec("mine", 2, bounds=(-9.0, 9.0), max_batch=2)
    assert np.array_equal(opened.query(POINTS), NETWORK(POINTS))


def test_a_function_that_states_its_width_needs_no_other() -> None:
    def f(rows: Any) -> Any:
        return rows.sum(axis=1)

    f.input_dim = 2  # pyright: ignore[reportFunctionMemberAccess]
    assert hl.oracle(f).spec.input_dim == 2


def test_images_reach_a_function_in_their_shape() -> None:
    opened = hl.oracle(lambda x: x[:, 0, :, 1], input_shape=(1, 2, 2))
    assert opened.query(np.array([[1.0, 2.0, 3.0, 4.0]])).tolist() == [[2.0, 4.0]]


def test_a_narrower_precision_rounds_the_questions() -> None:
    x = np.array([[0.1, 0.2]])
    for target in (NETWORK, Foreign()):
        opened = hl.oracle(target, dtype="float32")
        assert np.array_equal(opened.query(x), NETWORK(x.astype(np.float32)))


def test_request_ids_pass_through_a_door_that_was_described_anew() -> None:
    described = hl.oracle(ForeignWithIds(), bounds=(0, 1))
    assert isinstance(described, OracleWithIds)
    assert np.array_equal(described.query_with_id(POINTS, "abc"), NETWORK(POINTS) + 3)
    assert not isinstance(hl.oracle(Foreign(), bounds=(0, 1)), OracleWithIds)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory whose modules are forgotten after."""
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_python_name_is_looked_for_in_the_working_directory(here: Path) -> None:
    (here / "my_model.py").write_text(
        "def double(x):\n    return 2 * x\nclass Box:\n    f = staticmethod(double)\n"
    )
    path_before = list(sys.path)
    opened = hl.oracle("my_model:double", input_dim=2)
    assert np.array_equal(opened.query(POINTS), 2 * POINTS)
    assert opened.spec.name == "my_model:double"
    assert hl.oracle("my_model:Box.f", input_dim=2).query(POINTS)[0, 0] == 2.0
    assert sys.path == path_before


@pytest.mark.parametrize(
    ("source", "reference", "words"),
    [
        ("", "absent_module:f", "cannot import absent_module: ModuleNotFoundError"),
        (
            "import sys\nraise RuntimeError('no licence')",
            "broken:f",
            "cannot import broken: RuntimeError: no licence",
        ),
        ("def predict(x): return x", "broken:predct", "has no 'predct'; it has predict"),
        ("f = 'text'", "broken:f", "is a text, not something that can be asked"),
        ("f = 3", "broken:f", "type int cannot be asked"),
        ("class F: pass", "broken:F", "F is a class; pass an instance of it"),
        ("def f(x): return x", "broken:f", "how many inputs does f take"),
    ],
)
def test_python_names_that_lead_nowhere_are_told(source: str, reference: str, words: str, here: Path) -> None:
    (here / "broken.py").write_text(source)
    with pytest.raises(InvalidInput, match=words):
        hl.oracle(reference)


@pytest.mark.parametrize(
    ("target", "given", "kind", "words"),
    [
        (
            lambda x: x,
            {},
            InvalidInput,
            r"how many inputs does .*lambda.* take\? Pass input_dim=784 \(--input-dim",
        ),
        (3, {}, InvalidInput, "an object of type int cannot be asked; want a function, a network"),
        (None, {}, InvalidInput, "type NoneType cannot be asked"),
        (Foreign, {}, InvalidInput, "Foreign is a class; pass an instance"),
        (NETWORK, {"input_dim": 3}, InvalidInput, "network takes 2 numbers per row, not 3"),
        (NETWORK, {"rate": 5}, InvalidInput, "a PiecewiseLinearNetwork takes no rate"),
        (NETWORK, {"input_dim": 0}, InvalidInput, "input_dim must be a whole number from 1 up; got 0"),
        (NETWORK, {"max_batch": 2.5}, InvalidInput, "max_batch must be a whole number"),
        (NETWORK, {"bounds": (1, 0)}, InvalidInput, "bounds must be finite and ascending"),
        (NETWORK, {"bounds": (0, np.inf)}, InvalidInput, "bounds must be finite and ascending"),
        (NETWORK, {"bounds": 5}, InvalidInput, "bounds must be two numbers"),
        (NETWORK, {"answers": "probs"}, InvalidInput, "answers must be one of auto, logits"),
        (NETWORK, {"dtype": "int8"}, InvalidInput, "dtype must be one of float64"),
        (NETWORK, {"input_shape": (0, 2)}, InvalidInput, "input_shape must list sizes"),
        (NETWORK, {"input_shape": 4}, InvalidInput, "input_shape must list sizes"),
        (
            NETWORK,
            {"input_shape": (2, 2), "input_dim": 3},
            InvalidInput,
            "holds 4 numbers, but input_dim is 3",
        ),
        (hl.oracle(NETWORK, dtype="float32"), {"dtype": "float64"}, InvalidInput, "float64 would be rounded"),
        ("ftp://host/model", {}, InvalidInput, "ftp:// is not an address that can be asked"),
        (
            "http://127.0.0.1:9/v2/models/m",
            {"colour": 1},
            InvalidInput,
            "an address takes no colour; it takes",
        ),
        ("no such thing", {}, InvalidInput, "there is no such file; want"),
        ("absent.npz", {}, FormatError, "cannot read absent.npz: No such file"),
        ("absent.sqlite", {}, FormatError, "cannot read absent.sqlite: No such file"),
        ("model.pt", {}, FormatError, "opening one runs any code inside it"),
        ("model.joblib", {}, FormatError, "opening one runs any code inside it"),
        (".", {}, FormatError, "is a directory; name a file in it"),
    ],
)
def test_what_cannot_be_opened_is_told_in_words(
    target: Any, given: dict[str, Any], kind: type[HingelineError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        hl.oracle(target, **given)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.npz", b"junk", "this is not one"),
        ("m.safetensors", b"junk", "not a readable .safetensors"),
        ("m.onnx", b"junk", "onnxruntime can run"),
        ("m.sqlite", b"junk" * 200, "journal"),
        ("m.toml", b"url = ", "not TOML"),
        ("m.csv", b"1,2", "csv files are not known here"),
    ],
)
def test_files_that_are_not_what_they_say_are_told(
    name: str, content: bytes, words: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises((FormatError, InvalidInput), match=words):
        hl.oracle(tmp_path / name)


def test_opening_a_model_in_memory_loads_no_client_and_no_extra() -> None:
    import subprocess

    code = (
        "import sys, numpy as np, hingeline as hl\n"
        "o = hl.oracle(hl.PiecewiseLinearNetwork([np.eye(2)], [np.zeros(2)])); o.query(np.eye(2))\n"
        "heavy = {'httpx2', 'onnx', 'onnxruntime', 'sklearn', 'torch'} & set(sys.modules)\n"
        "assert not heavy and 'scipy.optimize' not in sys.modules, heavy\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
