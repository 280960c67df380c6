"""Spans by differentiation: right ranks, honest standings, and a module that stays as it was."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput, MissingExtra
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.subspace import white_box
from hingeline.subspace.white_box import white_box_span


def network(*sizes, seed=0, rank=None):
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((o, i)) / np.sqrt(i) for i, o in itertools.pairwise(sizes)]
    if rank is not None:
        weights[0] = rng.standard_normal((sizes[1], rank)) @ rng.standard_normal((rank, sizes[0]))
    return PiecewiseLinearNetwork(weights, [0.1 * rng.standard_normal(o) for o in sizes[1:]])


def normal(count, dim, seed=1):
    return np.random.default_rng(seed).standard_normal((count, dim))


@pytest.mark.parametrize(
    ("sizes", "rank"),
    [((60, 20, 1), None), ((60, 20, 10, 3), None), ((30, 60, 20, 2), None), ((50, 20, 2), 7)],
)
def test_the_span_of_the_gradients_is_the_row_span_of_the_first_layer(sizes, rank):
    known = network(*sizes, rank=rank)
    span = white_box_span(known, normal(300, sizes[0]), where="free")
    assert span.standing == "exact" and span.rank == (rank or min(sizes[:2]))
    rows = np.linalg.svd(known.weights[0])[2][: span.rank].T
    assert span.angles_to(rows).max() < 1e-9
    assert span.votes.candidates == (span.rank,) and span.votes.gap_ratio > 1e3 and span.forecast == 0
    np.testing.assert_allclose(span.basis.T @ span.basis, np.eye(span.rank), atol=1e-13)


def test_own_jacobians_are_those_of_the_affine_maps():
    known, points = network(9, 8, 7, 3), normal(5, 9)
    found = white_box._own_jacobians(known)(points)
    np.testing.assert_allclose(found, [known.affine_map(point)[0] for point in points], atol=1e-14)


def test_work_in_chunks_changes_nothing(monkeypatch):
    known, points = network(12, 5, 2), normal(80, 12)
    whole = white_box_span(known, points)
    monkeypatch.setattr(white_box, "CHUNK_BYTES", 8 * 2 * 12 * 3)
    parts = white_box_span(known, points)
    assert parts.rank == whole.rank and parts.angles_to(whole.basis).max() < 1e-13


@pytest.mark.parametrize("weight", [1e-3, 1e-6, 1e-9])
def test_a_weak_direction_counts(weight):
    known = network(40, 10, 1)
    known.weights[1].flags.writeable = True
    known.weights[1][0, 4] = weight
    span = white_box_span(known, normal(200, 40))
    assert (span.rank, span.standing) == (10, "exact")


def test_too_few_points_give_a_partial_span():
    span = white_box_span(network(60, 20, 1), normal(12, 60))
    assert span.standing == "partial" and span.rank <= 12 and span.unseen.moves < 10


@pytest.mark.parametrize(("where", "standing"), [("data", "exact"), ("box", "partial"), ("free", "partial")])
def test_a_sample_that_misses_a_rare_direction_is_not_called_exact(where, standing):
    rare = PiecewiseLinearNetwork([np.eye(3), np.ones((1, 3))], [np.array([1.0, 1.0, -9.0]), np.zeros(1)])
    span = white_box_span(rare, normal(100, 3), where=where)
    assert (span.rank, span.standing, span.where) == (2, standing, where)


def test_a_constant_network_has_no_span():
    dead = PiecewiseLinearNetwork([np.eye(3), np.ones((1, 3))], [np.full(3, -1e3), np.ones(1)])
    span = white_box_span(dead, normal(20, 3))
    assert (span.rank, span.basis.shape) == (0, (3, 0)) and "constant" in span.notes[0]


@pytest.mark.parametrize("points", [np.zeros((0, 9)), np.zeros((3, 8)), np.full((2, 9), np.nan)])
def test_bad_points_are_refused(points):
    with pytest.raises(InvalidInput):
        white_box_span(network(9, 4, 1), points)


def test_without_torch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"hingeline\[torch\]"):
        white_box_span(object(), normal(3, 4))


class TestTorch:
    """Skipped where torch is not installed."""

    @pytest.fixture
    def torch(self):
        return pytest.importorskip("torch")

    def test_a_module_has_the_span_of_its_weights_and_stays_as_it_was(self, torch):
        torch.manual_seed(0)
        nn = torch.nn
        module = nn.Sequential(
            nn.Linear(30, 8), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.BatchNorm1d(8), nn.Linear(8, 3)
        ).train()
        span = white_box_span(module, normal(60, 30))
        rows = module[0].weight.detach().double().numpy().T
        assert (span.rank, span.standing) == (8, "exact") and span.angles_to(rows).max() < 1e-12
        assert all(
            p.dtype == torch.float32 and p.requires_grad and p.grad is None for p in module.parameters()
        )
        assert all(part.training for part in module.modules())

    def test_it_agrees_with_our_own_network(self, torch):
        known, points = network(25, 9, 6, 2), normal(50, 25)
        layers = []
        for weight, bias in zip(known.weights, known.biases, strict=True):
            layers += [torch.nn.Linear(*weight.shape[::-1]).double(), torch.nn.ReLU()]
            layers[-2].weight.data, layers[-2].bias.data = map(torch.tensor, (weight, bias))
        module = torch.nn.Sequential(*layers[:-1])
        ours, theirs = white_box_span(known, points), white_box_span(module, points)
        np.testing.assert_allclose(ours.strengths, theirs.strengths, rtol=1e-12)
        assert theirs.angles_to(ours.basis).max() < 1e-12

    def test_images_and_smooth_activations(self, torch):
        nn = torch.nn
        torch.manual_seed(1)
        module = nn.Sequential(nn.Flatten(), nn.Linear(36, 5), nn.Tanh(), nn.Linear(5, 1))
        span = white_box_span(module, normal(40, 36), input_shape=(1, 6, 6))
        assert (span.rank, span.standing) == (5, "exact")

    def test_what_is_no_float64_module_is_refused(self, torch):
        class Single(torch.nn.Module):
            def forward(self, x):
                return x.float()

        for module, complaint in ((Single(), "float32"), (torch.nn.Linear(7, 1), "such points"), (3, "int")):
            with pytest.raises(InvalidInput, match=complaint):
                white_box_span(module, normal(4, 5))
        with pytest.raises(InvalidInput, match="does not hold"):
            white_box_span(torch.nn.Linear(5, 1), normal(4, 5), input_shape=(2, 2))
