"""What is no ReLU network is left within 500 queries, with the reason, and nothing is claimed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from practice_benches import he_network
from scipy.special import erf, expit

import hingeline as hl
from hingeline.cli.main import main
from hingeline.core.arrays import FloatArray
from hingeline.core.outcome import Finding, Status
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

Function = Callable[[FloatArray], FloatArray]
MOST_QUERIES = 500

SMOOTH: dict[str, Function] = {
    "tanh": np.tanh,
    "gelu": lambda z: z * np.asarray(1 + erf(z / np.sqrt(2)), dtype=np.float64) / 2,
    "silu": lambda z: z * expit(z),
    "sigmoid": expit,
    "softplus": lambda z: np.logaddexp(0.0, z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0.0))),
}


def with_activation(activation: Function, *sizes: int, seed: int) -> Function:
    network = he_network(*sizes, seed=seed)

    def function(points: FloatArray) -> FloatArray:
        for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
            points = activation(points @ weight.T + bias)
        return points @ network.weights[-1].T + network.biases[-1]

    return function


def quantised(heights: FloatArray) -> FloatArray:
    return np.asarray(np.round(np.maximum(heights, 0) * 4) / 4, dtype=np.float64)


def pooled(dim: int, groups: int, size: int, outputs: int, *, relu: bool, seed: int) -> Function:
    """Maxima over `size` neurons in each of `groups`, then a dense layer."""
    inner, rng = he_network(dim, groups * size, 1, seed=seed), np.random.default_rng(seed)
    last, constant = rng.standard_normal((outputs, groups)), rng.standard_normal(outputs)

    def function(points: FloatArray) -> FloatArray:
        heights = points @ inner.weights[0].T + inner.biases[0]
        heights = np.maximum(heights, 0) if relu else heights
        return heights.reshape(len(points), groups, size).max(axis=2) @ last.T + constant

    return function


def attention(tokens: int, width: int, outputs: int, seed: int) -> Function:
    rng = np.random.default_rng(seed)
    query, key, value = (rng.standard_normal((width, width)) / np.sqrt(width) for _ in range(3))
    last = rng.standard_normal((tokens * width, outputs))

    def function(points: FloatArray) -> FloatArray:
        rows = points.reshape(len(points), tokens, width)
        scores = (rows @ query) @ (rows @ key).transpose(0, 2, 1) / np.sqrt(width)
        weights = np.exp(scores - scores.max(axis=2, keepdims=True))
        mixed = weights / weights.sum(axis=2, keepdims=True) @ rows @ value
        return mixed.reshape(len(points), -1) @ last

    return function


def extracted(function: Function, dim: int, seed: int = 0) -> Finding[PiecewiseLinearNetwork]:
    return hl.extract(hl.oracle(function, input_dim=dim), seed=seed, budget=20_000)


def assert_refused(finding: Finding[PiecewiseLinearNetwork], word: str) -> None:
    assert finding.outcome.status is hl.Status.REFUSED, finding.outcome
    assert word in finding.outcome.reason
    assert finding.outcome.advice
    assert finding.value is None
    assert finding.queries <= MOST_QUERIES


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("sizes", [(16, 12, 1), (9, 14, 4), (16, 12, 8, 3)])
def test_smooth_neurons_are_not_piecewise_linear(name: str, sizes: tuple[int, ...]) -> None:
    finding = extracted(with_activation(SMOOTH[name], *sizes, seed=51), sizes[0], seed=1)
    assert_refused(finding, "not piecewise linear")


@pytest.mark.parametrize("outputs", [1, 5])
def test_softmax_attention_is_not_piecewise_linear(outputs: int) -> None:
    assert_refused(extracted(attention(4, 5, outputs, seed=52), 20), "attention")


@pytest.mark.parametrize("sizes", [(16, 12, 1), (9, 14, 4), (16, 12, 8, 3), (64, 40, 10)])
def test_step_functions_jump(sizes: tuple[int, ...]) -> None:
    finding = extracted(with_activation(lambda z: (z > 0).astype(np.float64), *sizes, seed=53), sizes[0])
    assert_refused(finding, "jump")


def test_a_quantised_network_is_refused_or_called_too_coarse_and_never_claimed() -> None:
    """Hidden values on a grid: where the doctor finds them still and exact, nothing more is asked."""
    refused = 0
    for seed in range(54, 60):
        function = with_activation(quantised, 16, 12, 4, seed=seed)
        finding = extracted(function, 16, seed=seed)
        assert finding.outcome.status in (hl.Status.REFUSED, hl.Status.INCONCLUSIVE)
        if finding.outcome.status is hl.Status.REFUSED or "steps" in finding.outcome.reason:
            refused += 1
            assert finding.value is None
            assert finding.queries <= MOST_QUERIES
    assert refused >= 1


@pytest.mark.parametrize(("size", "relu"), [(2, True), (3, True), (3, False)])
def test_maxima_of_neurons_are_not_relu_layered(size: int, relu: bool) -> None:
    """Lines may show too little of a small network: then it is not refused, and nothing is claimed either."""
    asked: list[int] = []
    for seed in range(5):
        finding = extracted(pooled(10, 5, size, 3, relu=relu, seed=55 + seed), 10, seed=seed)
        assert not finding.outcome.ok
        if finding.outcome.status is hl.Status.REFUSED:
            assert "max pooling" in finding.outcome.reason
            assert finding.value is None
            asked.append(finding.queries)
    assert len(asked) >= 4
    assert np.median(asked) <= MOST_QUERIES


@pytest.mark.parametrize("outputs", [1, 4])
def test_a_maximum_of_two_affine_functions_is_recovered_in_relu_form(outputs: int) -> None:
    """max(a, b) = relu(a - b) + b."""
    function = pooled(16, 6, 2, outputs, relu=False, seed=56)
    finding = extracted(function, 16)
    assert finding.outcome.status is hl.Status.EQUIVALENT
    assert finding.value is not None
    points = 3 * np.random.default_rng(1).standard_normal((2000, 16))
    assert np.abs(finding.value(points) - function(points)).max() < 1e-9
    assert "equivalent form" in finding.outcome.reason


@pytest.mark.parametrize(
    "sizes", [(10, 20, 3, 1), (8, 8, 2, 1), (12, 4, 4, 4, 1), (6, 3, 3, 1), (3, 5, 5, 1)]
)
def test_narrow_relu_networks_are_not_taken_for_maxima(sizes: tuple[int, ...]) -> None:
    for seed in range(60, 64):
        finding = hl.extract(hl.oracle(he_network(*sizes, seed=seed)), seed=seed, budget=900)
        assert finding.outcome.status is not hl.Status.REFUSED, finding.outcome


@pytest.mark.parametrize(
    ("sizes", "weights", "lines"), [((2, 4, 2, 1), 5, 5), ((2, 4, 2, 1), 5, 8), ((3, 4, 3, 2, 1), 9206, 9206)]
)
def test_three_or_four_hyperplanes_do_not_tell_maxima(
    sizes: tuple[int, ...], weights: int, lines: int
) -> None:
    """Those of deeper neurons, looked for twice within one of the few large regions."""
    finding = hl.extract(hl.oracle(he_network(*sizes, seed=weights)), seed=lines, budget=400)
    assert finding.outcome.status is not hl.Status.REFUSED, finding.outcome


def test_the_command_says_why_and_what_to_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = "import numpy as np\ndef smooth(x):\n    return np.tanh(x @ np.ones((5, 3)))\n"
    (tmp_path / "smooth_door.py").write_text(module)
    monkeypatch.syspath_prepend(str(tmp_path))
    code = main(["extract", "smooth_door:smooth", "--input-dim", "5", "--json"])
    told = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert code != 0
    assert told["outcome"]["status"] == "refused"
    assert "not piecewise linear" in told["outcome"]["reason"]
    assert "hingeline span" in told["outcome"]["advice"]


def test_a_deep_network_of_many_hyperplanes_is_not_taken_for_one_of_maxima() -> None:
    """Of 167 hyperplanes 16 are whole, its first layer, and only three stop."""
    path = Path(__file__).resolve().parents[3].parent / "shared" / "targets" / "foerster_mnist784_16x8_1.npz"
    if not path.exists():
        pytest.skip("the public networks are not here")
    finding = hl.extract(hl.oracle(str(path)), seed=2, budget=36_000)
    assert finding.outcome.status != Status.REFUSED, finding.outcome
