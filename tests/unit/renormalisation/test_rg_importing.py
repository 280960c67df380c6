"""Machines of others become stacks with the same conditional laws."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import expit, softmax

from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.stacks.importing import stack_from_machines, stack_from_pipeline

RNG = np.random.default_rng(17)
MACHINES = [(RNG.standard_normal((5, 7)), RNG.standard_normal(5)), (RNG.standard_normal((4, 5)), np.ones(4))]
HEAD = (RNG.standard_normal((3, 4)), RNG.standard_normal(3))


def test_probabilities_are_those_of_units_of_zero_and_one() -> None:
    stack = stack_from_machines(MACHINES, *HEAD)
    x, h, top = RNG.random((6, 7)), RNG.integers(2, size=(6, 5)), RNG.integers(2, size=(6, 4))
    (w1, b1), (w2, b2) = MACHINES
    assert 0.5 * (1 + stack.means(1, x)) == pytest.approx(expit(x @ w1.T + b1), abs=1e-12)
    assert 0.5 * (1 + stack.means(2, 2.0 * h - 1)) == pytest.approx(expit(h @ w2.T + b2), abs=1e-12)
    wanted = softmax(top @ HEAD[0].T + HEAD[1], axis=1)
    assert stack.class_law(2.0 * top - 1) == pytest.approx(wanted, abs=1e-12)


def test_without_a_head_the_top_units_are_the_classes() -> None:
    stack = stack_from_machines(MACHINES)
    assert stack.head == "units"
    assert stack.classes == 16


def test_scikit_learns_machines_agree_to_the_last_digits() -> None:
    neural = pytest.importorskip("sklearn.neural_network")
    data = RNG.integers(2, size=(40, 7)).astype(float)
    first = neural.BernoulliRBM(5, n_iter=3, random_state=0).fit(data)
    states = (RNG.random((40, 5)) < first.transform(data)).astype(float)
    second = neural.BernoulliRBM(4, n_iter=3, random_state=0).fit(states)
    stack = stack_from_machines([first, second])
    assert 0.5 * (1 + stack.means(1, data)) == pytest.approx(first._mean_hiddens(data), abs=1e-12)
    assert 0.5 * (1 + stack.means(2, 2 * states - 1)) == pytest.approx(second.transform(states), abs=1e-12)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_pipeline_becomes_a_stack(classes: int) -> None:
    neural = pytest.importorskip("sklearn.neural_network")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    data, labels = RNG.integers(2, size=(60, 7)).astype(float), np.arange(60) % classes
    steps = [("one", neural.BernoulliRBM(5, n_iter=2, random_state=0)), ("none", "passthrough")]
    pipeline = Pipeline([*steps, ("head", LogisticRegression())]).fit(data, labels)
    stack = stack_from_pipeline(pipeline)
    states = RNG.integers(2, size=(9, 5)).astype(float)
    wanted = pipeline.named_steps["head"].predict_proba(states)
    assert stack.class_law(2 * states - 1) == pytest.approx(wanted, abs=1e-12)
    assert stack.classes == classes


def test_what_is_no_machine_is_named() -> None:
    machine = SimpleNamespace(components_=np.ones((2, 3)), intercept_hidden_=np.zeros(2))
    head = SimpleNamespace(coef_=np.ones((3, 2)), intercept_=np.zeros(3), solver="liblinear")
    scaler, steps = SimpleNamespace(scale_=1), [("a", machine), ("b", head)]
    for pipeline, words in [
        (SimpleNamespace(steps=[("scale", scaler), *steps]), "step 'scale'"),
        (SimpleNamespace(steps=steps), "tells each class from the rest"),
        (SimpleNamespace(steps=[("a", machine), ("b", scaler)]), "last step 'b'"),
        (scaler, "is not a pipeline"),
    ]:
        with pytest.raises(InvalidInput, match=words):
            stack_from_pipeline(pipeline)
    with pytest.raises(InvalidInput, match="machine 1 wants"):
        stack_from_machines([MACHINES[0], 3])
    with pytest.raises(InvalidInput, match="one of them is missing"):
        stack_from_machines(MACHINES, HEAD[0])
    with pytest.raises(InvalidInput, match="but 5 lie below"):
        stack_from_machines([MACHINES[0], MACHINES[0]])


@pytest.mark.parametrize("loss", ["log_loss", "modified_huber"])
def test_a_head_whose_answers_are_no_softmax_of_its_scores_is_refused(loss: str) -> None:
    linear, neural = (
        pytest.importorskip("sklearn.linear_model"),
        pytest.importorskip("sklearn.neural_network"),
    )
    from sklearn.pipeline import Pipeline

    data, labels = RNG.integers(2, size=(60, 7)).astype(float), np.arange(60) % 3
    machine = neural.BernoulliRBM(5, n_iter=2, random_state=0)
    head = linear.SGDClassifier(loss=loss, random_state=0)
    with pytest.raises(InvalidInput, match="otherwise than by the softmax"):
        stack_from_pipeline(Pipeline([("one", machine), ("head", head)]).fit(data, labels))
