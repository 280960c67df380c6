"""The report of every verb, opened from disk in headless Chromium: whole, quiet, alone, for everybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import checks
import numpy as np
import pytest
from headless import Browser, find_browser

from hingeline.cli.exits import Exit
from hingeline.cli.main import main
from hingeline.evaluation.demo_data import DIGITS_MODEL, held_out_digits
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import save_npz

FOUND = find_browser()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(FOUND is None, reason="no chromium, chromium-browser or google-chrome on the PATH"),
]
DIGITS, SMALL = ("digits.npz", "--data", "digits-data.npz"), ("small.npz", "--data", "x.npy")
FEW = ("--seeds", "3", "--inputs", "6", "--steps", "5", "--restarts", "1", "--budget", "3000")
VERBS: dict[str, tuple[str, ...]] = {
    "doctor": ("digits.npz",),
    "extract": ("digits.npz",),
    "span": (*DIGITS, "--obfuscate", "2", "--active", "20"),
    "fragility": (*SMALL, "--labels", "y.npy", "--rows", "8"),
    "stability": SMALL,
    "audit": (*DIGITS, "--labels", "digits-data.npz", "--rows", "24", "--box", "0", "1"),
    "defend": (*SMALL, "--defence", "round:2", "--radius", "0.5", *FEW),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert FOUND is not None
    with Browser(FOUND) as running:
        yield running


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """The page of a verb, made at the first call."""
    place = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        _write_targets()

        @cache
        def made(verb: str) -> Path:
            code = main([verb, *VERBS[verb], "--out", verb, "--quiet"])
            assert code in (Exit.DONE, Exit.INCONCLUSIVE)  # some of the small ones decide nothing
            return place / verb / "report.html"

        yield made


def _write_targets() -> None:
    digits = held_out_digits()
    np.savez("digits-data.npz", x=digits.points, y=digits.labels)
    Path("digits.npz").write_bytes(DIGITS_MODEL.read_bytes())
    made = random_network((16, 6, 3), seed=921)
    save_npz(PiecewiseLinearNetwork(made.weights, made.biases), Path("small.npz"))
    np.save("x.npy", np.random.default_rng(922).random((24, 16)))
    np.save("y.npy", np.arange(24) % 3)


@pytest.mark.parametrize("verb", VERBS)
def test_a_report_is_whole_quiet_and_open_to_everybody(
    verb: str, browser: Browser, report: Callable[[str], Path]
) -> None:
    assert checks.failures(browser, report(verb)) == []


@pytest.mark.parametrize("verb", VERBS)
def test_a_report_weighs_little(verb: str, report: Callable[[str], Path]) -> None:
    assert report(verb).stat().st_size < 400_000


BAD = """<!doctype html><html><head><title></title></head><body>
<img src="http://127.0.0.1:9/x.png"><div style="width:2000px">wide</div><a href="#nowhere">go</a>
<figure><svg width="100" height="100" viewBox="0 0 10 10"></svg></figure>
<p style="color:#ccc;background:#fff" id="a">pale</p><p id="a">twice</p><script>console.warn("no")</script>"""


def test_the_checks_see_what_is_wrong(browser: Browser, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(BAD)
    told = "\n".join(checks.failures(browser, bad))
    for words in (
        "console: warning",
        "request for http://127.0.0.1:9/x.png",
        "figure 1 is empty",
        "link to #nowhere",
        "id a occurs twice",
        "pixels too wide at 390",
        "pixels too wide at 1280",
        "serious: color-contrast",
        "critical: image-alt",
    ):
        assert words in told
