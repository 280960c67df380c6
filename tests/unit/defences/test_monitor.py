"""Seeing an extraction: each score on streams made for it, the promise on false alarms, and the door."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput, QueryFailed
from hingeline.defences.doors.defended import defended
from hingeline.defences.monitoring.fitting import Monitor, MonitorSettings, fit_monitor
from hingeline.defences.monitoring.judging import honest_half_life, judge_monitor
from hingeline.defences.monitoring.query_monitor import QueryMonitor, WatchedDoor
from hingeline.defences.monitoring.scores import NAMES, window_scores, yardstick
from hingeline.defences.monitoring.streams import in_hiding, interleaved, recorded
from hingeline.numerics.statistics import wilson
from hingeline.oracles.local import network_oracle
from hingeline.oracles.session import QuerySession

DIM = 6
SMALL = MonitorSettings(window=20, false_alarms=0.1)


def clusters(seed: int, rows: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((4, DIM))[rng.integers(0, 4, rows)] * 3 + rng.standard_normal((rows, DIM))


def relu_network(seed: int) -> hl.PiecewiseLinearNetwork:
    drawn = hl.random_network((DIM, 8, 3), seed=seed)
    return hl.PiecewiseLinearNetwork(drawn.weights, drawn.biases)


BENIGN = clusters(5, 1500)
MONITOR = fit_monitor(BENIGN[:1000], settings=SMALL)


def scores(rows: FloatArray) -> dict[str, float]:
    seen = window_scores(yardstick(BENIGN[:500]), rows, np.zeros((0, DIM)))
    return dict(zip(NAMES, seen.tolist(), strict=True))


def test_rows_far_away_by_a_factor_score_the_logarithm_of_it() -> None:
    far = 1e6 * np.random.default_rng(0).standard_normal((50, DIM))
    more = scores(10 * far)["far from the data"] - scores(far)["far from the data"]
    assert more == pytest.approx(math.log(10), abs=1e-4)
    assert scores(10 * far)["unusual norms"] - scores(far)["unusual norms"] == pytest.approx(
        math.log(10), abs=1e-4
    )


def test_finite_differences_are_tiny_steps_and_repeats_are_not() -> None:
    base = BENIGN[500:525]
    assert scores(np.repeat(base, 2, axis=0))["tiny steps"] == 0
    stepped = np.stack([base, base + 1e-5], axis=1).reshape(-1, DIM)
    assert scores(stepped)["tiny steps"] == 0.5


def test_a_sweep_is_on_a_line_and_data_and_repeats_are_not() -> None:
    start, direction = BENIGN[500], np.random.default_rng(3).standard_normal(DIM)
    sweep = start + np.linspace(0, 1, 50)[:, np.newaxis] * direction
    assert scores(sweep)["rows on lines"] == pytest.approx(48 / 50)
    assert scores(np.random.default_rng(4).permutation(sweep))["rows on lines"] == pytest.approx(48 / 50)
    assert scores(BENIGN[500:550])["rows on lines"] == 0
    assert scores(np.repeat(BENIGN[500:510], 5, axis=0))["rows on lines"] == 0


def test_equal_steps_have_distances_as_uneven_as_can_be() -> None:
    grid = np.arange(50)[:, np.newaxis] * np.eye(DIM)[0] * 8.0
    assert scores(grid)["uneven distances"] == 1.0
    assert scores(BENIGN[500:550])["uneven distances"] < 0.3


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_fresh_windows_raise_no_more_false_alarms_than_promised(share: float) -> None:
    settings, alarms, windows = MonitorSettings(window=20, false_alarms=share), 0, 0
    for seed in range(8):
        rows = clusters(100 + seed, 2400)
        seen = fit_monitor(rows[:1200], settings=settings, seed=seed).judge(rows[1200:])
        alarms, windows = alarms + seen.alarms, windows + len(seen.levels)
    assert wilson(alarms, windows)[0] <= share
    assert alarms > 0


def test_too_few_rows_are_refused_with_the_number_that_is_needed() -> None:
    settings = MonitorSettings(window=20, false_alarms=0.05)
    assert settings.rows_needed == 950
    with pytest.raises(InvalidInput, match="wants 950 benign rows; got 949"):
        fit_monitor(BENIGN[:949], settings=settings)
    fit_monitor(BENIGN[:950], settings=settings)
    with pytest.raises(InvalidInput, match="windows of 10 rows"):
        MonitorSettings(window=5)


def watched(block: bool = False, monitor: Monitor = MONITOR) -> WatchedDoor:
    return QueryMonitor(monitor, block).around(network_oracle(relu_network(1)))


@pytest.mark.parametrize("size", [1, 7, 20, 300])
def test_the_door_and_the_offline_judge_agree_whatever_the_batches(size: int) -> None:
    stream = interleaved(5 + BENIGN[1200:1240], BENIGN[1000:1200], 4, np.random.default_rng(1))
    door = watched()
    for start in range(0, len(stream), size):
        door.query(stream[start : start + size])
    assert door.rows == len(stream)
    assert (door.rows_until_alarm or math.inf) == MONITOR.judge(stream).rows_until_alarm


def test_answers_are_the_models_own_until_the_door_blocks() -> None:
    network, door = relu_network(1), watched(block=True)
    session = QuerySession(door)
    assert np.array_equal(session.ask(BENIGN[1000:1010]), network(BENIGN[1000:1010]))
    with pytest.raises(QueryFailed, match="access was suspended") as refused:
        session.ask(1e5 * BENIGN[1000:1040])
    assert (refused.value.status, refused.value.sent, session.spent) == (403, False, 10)
    with pytest.raises(QueryFailed):
        session.ask(BENIGN[1010:1011])
    assert np.array_equal(watched().query(1e5 * BENIGN[:50]), network(1e5 * BENIGN[:50]))


def test_rows_from_many_threads_are_all_seen() -> None:
    door = watched()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: door.query(BENIGN[1000 + i : 1003 + i]), range(100)))
    assert door.rows == 300


def test_a_monitor_of_other_rows_is_refused() -> None:
    with pytest.raises(InvalidInput, match="the monitor knows rows of 6 numbers"):
        defended(lambda x: x, QueryMonitor(MONITOR), input_dim=3)


def attacks_on(seed: int, benign: FloatArray) -> dict[str, Any]:
    door = network_oracle(relu_network(seed))
    return {
        "extract": recorded(lambda o: hl.extract(o, seed=seed), door),
        "span": recorded(lambda o: hl.span(o, seed=seed), door),
        "fragility": recorded(lambda o: hl.fragility(o, benign[:2], seed=seed, budget=400), door),
    }


def test_our_attacks_are_seen_within_two_windows_and_the_report_says_so() -> None:
    streams = {name: [rows] for name, rows in attacks_on(2, BENIGN).items()}
    report = judge_monitor(BENIGN[:1000], [BENIGN[1000:]], streams, settings=SMALL)
    for attack in report.attacks:
        assert attack.detected == 1
        assert attack.rows_until_alarm <= 40 < attack.rows_needed
    told = json.loads(json.dumps(report.to_dict()))
    assert told["windows"] == 25 and told["false_alarm_interval"][1] < 1
    assert "extract: seen in 1 of 1 runs, after" in report.words[1]
    assert report.figure().groups[0] == "extract (1 of 1)"


def test_what_slips_through_is_said_and_so_is_an_alarm_by_chance() -> None:
    settings = MonitorSettings(window=20, false_alarms=0.3)
    honest, late = BENIGN[1000:1020], clusters(5, 6000)[1500:]
    report = judge_monitor(BENIGN[:1000], [honest], {"an honest client": [late]}, settings=settings)
    (seen,) = report.attacks
    assert honest_half_life(settings) == pytest.approx(20 * math.log(2) / -math.log(0.7))
    assert seen.detected == 1
    assert ("tells nothing" in seen.words) == (seen.rows_until_alarm >= honest_half_life(settings))
    calm = judge_monitor(BENIGN[:1000], [honest], {"nothing": [honest[:5]]}, settings=SMALL)
    assert "slips through in all 1 runs (5 rows) (1 shorter than one window)" in calm.attacks[0].words
    assert calm.attacks[0].rows_until_alarm == math.inf


def test_one_unseen_run_of_two_leaves_no_median() -> None:
    streams = {"half": [1e6 * BENIGN[:20], BENIGN[:5]]}
    (half,) = judge_monitor(BENIGN[:1000], [BENIGN[1000:]], streams, settings=SMALL).attacks
    assert (half.detected, half.rows_until_alarm) == (1, math.inf)
    assert half.summary()["rows_until_alarm"] is None


def test_a_judgement_wants_honest_windows_and_runs() -> None:
    with pytest.raises(InvalidInput, match="not one whole window"):
        judge_monitor(BENIGN[:1000], [BENIGN[:5]], {}, settings=SMALL)
    with pytest.raises(InvalidInput, match="no runs of nothing"):
        judge_monitor(BENIGN[:1000], [BENIGN[:50]], {"nothing": []}, settings=SMALL)


def test_hiding_keeps_every_row_of_the_attack_in_order() -> None:
    attack, rng = np.arange(30.0).reshape(5, 6) + 1000, np.random.default_rng(2)
    streams = in_hiding(attack, BENIGN, rng, ratios=(1, 4))
    assert np.array_equal(streams["1 of 5"][4::5], attack)
    assert np.array_equal(streams["1 of 2, jittered"][1::2], attack)
    assert len(streams["1 of 5, jittered"]) == 25
    assert np.array_equal(np.sort(streams["shuffled"], axis=0), attack)


@pytest.mark.slow
@pytest.mark.parametrize("data", ["digits", "clusters"])
def test_hiding_delays_the_alarm_and_false_alarms_stay_few(data: str) -> None:
    """Five seeds: what is asked in the open is always seen at once; the price of hiding is the ratio."""
    from sklearn.datasets import load_digits

    settings = MonitorSettings(window=20, false_alarms=0.05)
    runs: dict[str, list[FloatArray]] = {}
    false = windows = 0
    open_, hidden = [], []
    for seed in range(5):
        rng = np.random.default_rng([seed, 9])
        rows = (
            rng.permutation(load_digits(return_X_y=True)[0] / 16)
            if data == "digits"
            else clusters(seed, 1800)
        )
        drawn = hl.random_network((rows.shape[1], 8, 3), seed=seed)
        door = network_oracle(hl.PiecewiseLinearNetwork(drawn.weights, drawn.biases))
        attack = recorded(lambda o, s=seed: hl.extract(o, seed=s, budget=800), door)[:300]
        runs = {name: [rows_] for name, rows_ in in_hiding(attack, rows[1400:], rng, ratios=(1, 19)).items()}
        report = judge_monitor(rows[:1200], [rows[1200:1400]], runs, settings=settings, seed=seed)
        false, windows = false + report.false_alarms, windows + report.windows
        by_name = {seen.name: seen for seen in report.attacks}
        open_.append(by_name["as it is"].rows_until_alarm)
        hidden.append(by_name["1 of 20"].rows_until_alarm)
    assert wilson(false, windows)[0] <= 0.05
    assert max(open_) <= 40
    assert np.median(hidden) > np.median(open_)
