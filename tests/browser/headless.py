"""Headless Chromium driven over a pipe by the DevTools protocol, with the standard library alone.

One browser serves many pages: `with Browser(found) as browser: page = browser.open(path, width=390)`. A page
remembers what it wrote to its console and what it asked for, and can be questioned in JavaScript.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--remote-debugging-pipe",
)  # fmt: skip
_PATIENCE = 60.0  # seconds for one answer; a loaded machine of two cores takes a few


def find_browser() -> str | None:
    """Path of a Chromium, None if there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


class Browser:
    """A running Chromium; leaving the `with` block ends it and all it started."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._numbers = itertools.count(1)
        self._unread = b""
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        reads, self._to = os.pipe()
        self._from, writes = os.pipe()
        flags = (*_FLAGS, f"--user-data-dir={self._profile}")
        # The protocol speaks on descriptors 3 and 4, which only a shell can promise to a child.
        line = f'exec "$0" "$@" 3</dev/fd/{reads} 4>/dev/fd/{writes}'
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", line, self._program, *flags, "about:blank"],
            pass_fds=(reads, writes), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        os.close(reads)
        os.close(writes)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._to)
        os.close(self._from)
        shutil.rmtree(self._profile, ignore_errors=True)

    def open(self, path: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> Page:
        """A page in a tab of its own, loaded and laid out for a screen of that width."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, target)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.ask(f"{domain}.enable")
        page.look(width, height, dark=dark)
        page.ask("Page.navigate", url=path.resolve().as_uri())
        self.wait(session, "Page.loadEventFired")
        return page

    def ask(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send one command, return its answer; what happened meanwhile goes to `events`."""
        number = next(self._numbers)
        told = {"id": number, "method": method, "params": params} | (
            {"sessionId": session} if session else {}
        )
        self._send(told)
        until = time.monotonic() + _PATIENCE
        while (heard := self._next(until)).get("id") != number:
            self.events.append(heard)
        if "error" in heard:
            raise RuntimeError(f"{method}: {heard['error']}")
        return heard["result"]

    def wait(self, session: str, method: str) -> None:
        """Until an event of that name has come."""
        until = time.monotonic() + _PATIENCE
        while not any(e.get("sessionId") == session and e.get("method") == method for e in self.events):
            self.events.append(self._next(until))

    def _send(self, told: dict[str, Any]) -> None:
        left = json.dumps(told).encode() + b"\0"
        while left:  # a pipe takes 64 kB at a time
            left = left[os.write(self._to, left) :]

    def _next(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._from], [], [], max(until - time.monotonic(), 0.0))
            more = os.read(self._from, 1 << 20) if ready else b""
            if not more:
                raise TimeoutError("Chromium ended" if ready else f"no answer in {_PATIENCE:.0f} s")
            self._unread += more
        message, self._unread = self._unread.split(b"\0", 1)
        return json.loads(message)


class Page:
    """One tab."""

    def __init__(self, browser: Browser, session: str, target: str) -> None:
        self._browser, self._session, self._target = browser, session, target

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """A command to this tab."""
        return self._browser.ask(method, self._session, **params)

    def look(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Lay the page out for another screen."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip

    def evaluate(self, script: str) -> Any:
        """The value of an expression, awaited if it is a promise."""
        answer = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def complaints(self) -> list[str]:
        """Errors and warnings, of the page and of the browser about it."""
        told = [e["params"]["entry"] for e in self._heard("Log.entryAdded")]
        said = [e["params"] for e in self._heard("Runtime.consoleAPICalled")]
        thrown = [str(e["params"]) for e in self._heard("Runtime.exceptionThrown")]
        logged = [f"{e['level']}: {e['text']}" for e in told if e["level"] in ("error", "warning")]
        printed = [f"{e['type']}: {e['args']}" for e in said if e["type"] in ("error", "warning", "assert")]
        return logged + printed + thrown

    def requests(self) -> list[str]:
        """Addresses asked for, data inside the page apart."""
        asked = [e["params"]["request"]["url"] for e in self._heard("Network.requestWillBeSent")]
        return [url for url in asked if not url.startswith("data:")]

    def picture(self, path: Path) -> None:
        """The whole page as PNG."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        shot = self.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=size | {"scale": 1})
        path.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self) -> bytes:
        """The page as it prints on A4."""
        return base64.b64decode(self.ask("Page.printToPDF", preferCSSPageSize=True)["data"])

    def close(self) -> None:
        """Close the tab."""
        self._browser.ask("Target.closeTarget", targetId=self._target)

    def _heard(self, method: str) -> list[dict[str, Any]]:
        return [e for e in self._browser.events
                if e.get("sessionId") == self._session and e.get("method") == method]  # fmt: skip
