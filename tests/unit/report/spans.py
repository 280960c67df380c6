"""Spans with known content, for the reports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hingeline.core.outcome import Finding, Outcome, Provenance, Spending, Status
from hingeline.subspace.recovered import (
    ActiveSubspace,
    DomainSpan,
    RankVotes,
    RecoveredSpan,
    Standing,
    Unseen,
    query_floor,
)

LAW = "start N(0, s^2) with s from 0.3 to 5, move of like length"
GROWTH = [[100, 1], [180, 2], [260, 3]]


def span(dim: int = 16, rank: int = 3, standing: Standing = "exact", **other: Any) -> RecoveredSpan:
    """The span of `rank` random directions in `dim` dimensions, all votes on it."""
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(dim, dim)))[0][:, :rank]
    made = RecoveredSpan(
        basis=basis,
        rank=rank,
        input_dim=dim,
        standing=standing,
        where="free",
        method="complement",
        why="Values arrive with full precision.",
        strengths=np.linspace(2.0, 0.5, rank),
        votes=RankVotes(edge=rank, gap=rank, remeasured=rank, gap_ratio=4e9, noise_edge=1e-12),
        angle=6e-11,
        unseen=Unseen(600, LAW),
        floor=query_floor(rank, dim, 1),
        forecast=55,
    )
    return replace(made, **other)


def domain(where: Any, rank: int, moves: int = 100, dim: int = 16) -> DomainSpan:
    """A span over one domain."""
    return DomainSpan(where, np.eye(dim)[:, :rank], Unseen(moves, LAW), 40 * rank)


def active(dim: int = 16) -> ActiveSubspace:
    """Three directions of falling weight."""
    return ActiveSubspace(np.array([4.0, 1.0, 0.1]), np.eye(dim)[:, :3], 20)


def span_finding(
    value: RecoveredSpan | None, status: Status = Status.COMPLETE, **evidence: Any
) -> Finding[RecoveredSpan]:
    """A finding of 300 questions in two steps."""
    return Finding(
        value,
        Outcome(status, "As told.", "Type this."),
        {"doctor": {"headline": "logits, float64", "queries": 40}} | evidence,
        Spending(300, 1.25, {"doctor": 40, "directions": 260}),
        Provenance("span", "model.npz", seed=7, sources=("Jayaram, Woodruff and Zhang 2020",)),
    )
