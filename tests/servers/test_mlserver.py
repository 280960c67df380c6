"""Our client against an inference server that we did not write: MLServer, from PyPI, in its own environment.

Run it with

    pytest -m server tests/servers/test_mlserver.py

It makes a virtual environment in a temporary folder, installs mlserver there (about 40 s), starts it on
loopback with three small networks and stops it at the end. HINGELINE_MLSERVER=/path/to/bin/mlserver uses one
that is installed already. Where it cannot be installed, the tests are skipped with pip's reason.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput, QueryFailed
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import save_npz
from hingeline.oracles.remote import remote_oracle
from hingeline.oracles.retries import RetryPolicy
from hingeline.oracles.session import QuerySession
from hingeline.oracles.transport import HttpTransport, Request

pytestmark = pytest.mark.server

GENERATOR = np.random.default_rng(0)
NETWORK = PiecewiseLinearNetwork(
    [GENERATOR.normal(size=(6, 4)), GENERATOR.normal(size=(3, 6))],
    [GENERATOR.normal(size=6), GENERATOR.normal(size=3)],
)
POINTS = GENERATOR.normal(size=(20, 4)) * 10.0 ** GENERATOR.integers(-8, 8, size=(20, 4))

RUNTIME = """
import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Net(MLModel):
    async def load(self):
        with np.load(self.settings.parameters.uri) as stored:
            self.arrays = [stored[name] for name in ("W0", "b0", "W1", "b1")]
        return True

    async def predict(self, payload):
        x = NumpyCodec.decode_input(payload.inputs[0])
        w0, b0, w1, b1 = (array.astype(x.dtype) for array in self.arrays)
        y = np.maximum(x.reshape(len(x), -1) @ w0.T + b0, 0) @ w1.T + b1
        found = {"logits": y, "label": y.argmax(axis=1)}
        wanted = [output.name for output in payload.outputs or []] or self.settings.parameters.extra["shown"]
        outputs = [NumpyCodec.encode_output(name, found[name]) for name in wanted]
        return InferenceResponse(
            id=payload.id, model_name=self.name, model_version=self.version, outputs=outputs
        )
"""


def described(datatype: str, shape: list[int]) -> dict[str, Any]:
    return {
        "inputs": [{"name": "x", "datatype": datatype, "shape": shape}],
        "outputs": [
            {"name": "label", "datatype": "INT64", "shape": [-1]},
            {"name": "logits", "datatype": datatype, "shape": [-1, 3]},
        ],
    }


MODELS: dict[str, dict[str, Any]] = {
    "flat": {"version": "v1", **described("FP64", [-1, 4])},
    "image": described("FP32", [-1, 1, 2, 2]),
    "silent": {},
}


@pytest.fixture(scope="module")
def mlserver(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of an mlserver program."""
    given = os.environ.get("HINGELINE_MLSERVER")
    if given:
        return given
    place = tmp_path_factory.mktemp("mlserver") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "mlserver==1.7.1"]
    installed = subprocess.run(pip, check=False, capture_output=True, text=True, timeout=900)
    if installed.returncode:
        pytest.skip(f"mlserver cannot be installed here: {installed.stderr.strip()[-300:]}")
    return str(place / "bin" / "mlserver")


@pytest.fixture(scope="module")
def base(mlserver: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running MLServer with our models."""
    folder = tmp_path_factory.mktemp("models")
    http_port, grpc_port, metrics_port = free_ports(3)
    settings = {"host": "127.0.0.1", "http_port": http_port, "grpc_port": grpc_port}
    settings |= {"metrics_port": metrics_port, "parallel_workers": 0, "debug": False}
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "hinge_runtime.py").write_text(RUNTIME)
    save_npz(NETWORK, folder / "net.npz")
    for name, metadata in MODELS.items():
        parameters = {"uri": str(folder / "net.npz"), "extra": {"shown": ["label", "logits"]}}
        document = {"name": name, "implementation": "hinge_runtime.Net", "parameters": parameters, **metadata}
        (folder / name).mkdir()
        (folder / name / "model-settings.json").write_text(json.dumps(document))
    environment = {**os.environ, "PYTHONPATH": str(folder), "MLSERVER_METRICS_DIR": str(folder)}
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [mlserver, "start", str(folder)], cwd=folder, env=environment, stdout=log, stderr=log
        )
        try:
            wait_until_ready(process, f"http://127.0.0.1:{http_port}/v2/health/ready", folder / "log.txt")
            yield f"http://127.0.0.1:{http_port}/v2/models"
        finally:
            process.terminate()
            process.wait(timeout=30)


def free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    transport = HttpTransport(timeout=5.0, direct=True)
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if transport.send(Request("GET", url)).status == 200:
                    return
            except QueryFailed:
                time.sleep(0.2)
    finally:
        transport.close()
    pytest.fail(f"mlserver did not become ready:\n{log.read_text()[-2000:]}")


def test_the_spec_comes_from_its_metadata(base: str) -> None:
    oracle = remote_oracle(f"{base}/flat")
    spec = oracle.spec
    oracle.close()
    assert (spec.input_dim, spec.output_dim, spec.dtype, spec.remote) == (4, 3, "float64", False)


def test_float64_answers_equal_the_networks_exactly(base: str) -> None:
    oracle = remote_oracle(f"{base}/flat")
    answers = oracle.query_with_id(POINTS, "batch-7")
    oracle.close()
    assert np.array_equal(answers, NETWORK(POINTS))


def test_a_pinned_version_is_asked(base: str) -> None:
    with pytest.raises(QueryFailed, match="not found"):
        remote_oracle(f"{base}/flat", version="v2")


def test_rows_become_float32_images(base: str) -> None:
    oracle = remote_oracle(f"{base}/image")
    assert (oracle.spec.input_dim, oracle.spec.dtype) == (4, "float32")
    points = np.clip(POINTS, -10, 10)
    answers = oracle.query(points)
    oracle.close()
    assert np.allclose(answers, NETWORK(points), rtol=0, atol=1e-4)
    assert np.array_equal(answers, answers.astype(np.float32))


def test_a_model_without_metadata_is_asked_once_its_input_dimension_is_said(base: str) -> None:
    with pytest.raises(InvalidInput, match="pass input_dim"):
        remote_oracle(f"{base}/silent")
    oracle = remote_oracle(f"{base}/silent", input_dim=4)
    answers = oracle.query(POINTS)
    oracle.close()
    assert np.array_equal(answers, NETWORK(POINTS))


def test_the_label_output_can_be_named(base: str) -> None:
    oracle = remote_oracle(f"{base}/flat", output_name="label")
    labels = oracle.query(POINTS)
    oracle.close()
    assert labels.ravel().tolist() == NETWORK(POINTS).argmax(axis=1).tolist()


def test_an_unknown_model_is_named_in_its_own_words(base: str) -> None:
    with pytest.raises(QueryFailed, match="HTTP 404: Model nothing not found"):
        remote_oracle(f"{base}/nothing")


def test_a_model_that_raises_is_tried_again_and_then_reported(base: str) -> None:
    pauses: list[float] = []
    # The model wants four numbers per row, and its metadata does not say so.
    oracle = remote_oracle(f"{base}/silent", input_dim=5, policy=RetryPolicy(sleep=pauses.append))
    with pytest.raises(QueryFailed, match=r"HTTP 500.*Tried 3 times") as caught:
        oracle.query(np.ones((2, 5)))
    oracle.close()
    assert caught.value.status == 500 and len(pauses) == 2


def test_a_session_asks_in_batches_and_counts_every_row(base: str) -> None:
    oracle = remote_oracle(f"{base}/flat", max_batch=6)
    session = QuerySession(oracle)
    assert np.allclose(session.ask(POINTS), NETWORK(POINTS), rtol=1e-12)
    assert (session.spent, oracle.traffic.rows) == (20, 20)
    oracle.close()
