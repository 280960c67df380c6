"""scikit-learn models and torch modules as doors: the most telling answers they have, unchanged otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, RidgeClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from hingeline.core.errors import InvalidInput, UnsupportedOracle
from hingeline.oracles.opening import oracle

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4))
BINARY = (X[:, 0] + X[:, 1] > 0).astype(int)
THREE = BINARY + (X[:, 2] > 0.5)
FRESH = RNG.standard_normal((9, 4))


def network(model: Any, labels: Any, **settings: Any) -> Any:
    # Two steps are enough weights; what it learnt does not matter here.
    fitted = model(hidden_layer_sizes=(5, 3), max_iter=2, random_state=0, **settings)
    with pytest.warns(match="Stochastic Optimizer"):
        return fitted.fit(X, labels)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_a_relu_classifier_answers_logits_whose_softmax_is_its_probabilities() -> None:
    model = network(MLPClassifier, THREE)
    opened = oracle(model)
    assert (opened.spec.answers, opened.spec.input_dim, opened.spec.name) == ("logits", 4, "MLPClassifier")
    assert np.allclose(softmax(opened.query(FRESH)), model.predict_proba(FRESH), rtol=1e-13)


def test_a_binary_relu_classifier_answers_one_logit() -> None:
    model = network(MLPClassifier, BINARY)
    answers = oracle(model).query(FRESH)
    assert answers.shape == (9, 1)
    assert np.allclose(1 / (1 + np.exp(-answers[:, 0])), model.predict_proba(FRESH)[:, 1], rtol=1e-13)


def test_a_relu_regressor_answers_its_values() -> None:
    model = network(MLPRegressor, X[:, :2])
    opened = oracle(model)
    assert opened.spec.answers == "logits"
    assert np.allclose(opened.query(FRESH), model.predict(FRESH), rtol=1e-13, atol=1e-14)


def test_a_model_fitted_in_float32_is_asked_in_float32() -> None:
    with pytest.warns(match="Stochastic Optimizer"):
        model = MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(
            X.astype(np.float32), X[:, 0].astype(np.float32)
        )
    opened = oracle(model)
    assert opened.spec.dtype == "float32"
    assert np.array_equal(opened.query(FRESH)[:, 0], model.predict(FRESH.astype(np.float32)))


def asked(model: Any, method: str) -> np.ndarray:
    answers = np.asarray(getattr(model, method)(FRESH), dtype=float)
    return answers.reshape(len(FRESH), -1)


OTHERS: list[tuple[str, Any, str, str]] = [
    (
        "tanh classifier",
        lambda: network(MLPClassifier, THREE, activation="tanh"),
        "probabilities",
        "predict_proba",
    ),
    (
        "forest",
        lambda: RandomForestClassifier(3, random_state=0).fit(X, THREE),
        "probabilities",
        "predict_proba",
    ),
    (
        "scaled network",
        lambda: make_pipeline(StandardScaler(), network(MLPClassifier, THREE)).fit(X, THREE),
        "probabilities",
        "predict_proba",
    ),
    ("ridge classifier", lambda: RidgeClassifier().fit(X, THREE), "logits", "decision_function"),
    ("linear regression", lambda: LinearRegression().fit(X, X[:, 0]), "logits", "predict"),
    ("tree", lambda: DecisionTreeRegressor(random_state=0).fit(X, X[:, :2]), "logits", "predict"),
    ("tanh regressor", lambda: network(MLPRegressor, X[:, 0], activation="tanh"), "logits", "predict"),
]


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(("make", "kind", "method"), [o[1:] for o in OTHERS], ids=[o[0] for o in OTHERS])
def test_other_estimators_answer_the_most_telling_thing_they_have(make: Any, kind: str, method: str) -> None:
    model = make()
    opened = oracle(model)
    assert opened.spec.answers == kind
    assert np.array_equal(opened.query(FRESH), asked(model, method))


@pytest.mark.parametrize(("wanted", "method"), [("probabilities", "predict_proba"), ("labels", "predict")])
def test_a_classifier_gives_the_answers_that_are_asked_for(wanted: Any, method: str) -> None:
    model = network(MLPClassifier, THREE)
    opened = oracle(model, answers=wanted)
    assert opened.spec.answers == wanted
    assert np.array_equal(opened.query(FRESH), asked(model, method))


def test_labels_that_are_words_become_places_among_the_classes() -> None:
    words = np.array(["cat", "ant", "bee"])[THREE]
    model = RandomForestClassifier(3, random_state=0).fit(X, words)
    places = oracle(model, answers="labels").query(FRESH)[:, 0].astype(int)
    assert np.array_equal(np.array(["ant", "bee", "cat"])[places], model.predict(FRESH))


def test_a_data_frame_of_the_past_gives_no_warning() -> None:
    model = LinearRegression().fit(X, X[:, 0])
    model.feature_names_in_ = np.array(["a", "b", "c", "d"], dtype=object)
    assert oracle(model).query(FRESH).shape == (9, 1)


@pytest.mark.parametrize("model", [MLPClassifier(), make_pipeline(StandardScaler(), LinearRegression())])
def test_a_model_that_is_not_fitted_is_refused(model: Any) -> None:
    with pytest.raises(InvalidInput, match=r"is not fitted: call its fit\(X, y\) first"):
        oracle(model)


@pytest.mark.parametrize(("wanted", "there"), [("probabilities", "logits"), ("labels", "logits")])
def test_answers_that_a_model_does_not_have_are_refused(wanted: Any, there: str) -> None:
    with pytest.raises(UnsupportedOracle, match=f"cannot answer {wanted}; it can answer {there}"):
        oracle(LinearRegression().fit(X, X[:, 0]), answers=wanted)


def test_several_outputs_at_once_are_refused_when_asked() -> None:
    from hingeline.core.errors import QueryFailed
    from hingeline.oracles.session import QuerySession

    model = MultiOutputClassifier(RandomForestClassifier(2, random_state=0)).fit(
        X, np.stack([BINARY, THREE], 1)
    )
    with pytest.raises(QueryFailed, match="answered"):
        QuerySession(oracle(model)).ask(FRESH)


def test_the_wrong_width_is_refused() -> None:
    with pytest.raises(InvalidInput, match="takes 4 numbers per row, not 5"):
        oracle(LinearRegression().fit(X, X[:, 0]), input_dim=5)
