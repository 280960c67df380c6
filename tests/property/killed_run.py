"""Runs one plan again and again, killing it each time, until it is let finish; tells what was seen.

Usage: killed_run.py FOLDER SEED. The last line of output is JSON. A script of its own, because it forks: a
fork costs a millisecond where a new interpreter costs half a second. The door writes every row that it
receives to a file before it answers; that file is the independent account.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from hingeline.oracles.journal import Journal
from hingeline.oracles.journal_care import journal_stats, verify_journal
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.session import QuerySession

BATCH = 16
LIVES = 12
SURE = 3


class Door:
    """f(x) = sin(x) summed, behind an account of every row; dies at the wanted call."""

    def __init__(self, account, dies_at=-1, moment="received"):
        self.spec = OracleSpec("sines", 3)
        self._account = os.open(account, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._calls, self._dies_at, self._moment = 0, dies_at, moment

    def query(self, points):
        self._die("not received")
        os.write(self._account, points.tobytes())
        self._die("received")
        self._calls += 1
        return np.sin(points).sum(axis=1, keepdims=True)

    def _die(self, moment):
        if self._calls == self._dies_at and moment == self._moment:
            os.kill(os.getpid(), signal.SIGKILL)


def plan(session):
    """Phases, rows asked twice, rows asked afresh, a batch and a half."""
    draw = np.random.default_rng(0)
    old = draw.normal(size=(24, 3))
    answers = [session.ask(old)]
    for step in range(12):
        with session.phase(f"step {step % 3}"):
            rows = np.concatenate([draw.normal(size=(20, 3)), draw.choice(old, 6)])
            answers.append(session.ask(rows))
            answers.append(session.ask(draw.choice(old, 3), fresh=True))
    return np.concatenate(answers)


def live(folder, budget, **death):
    """One life: run the plan to its end, or die on the way."""
    with Journal.open(folder / "journal") as journal:
        session = QuerySession(
            Door(folder / "account", **death), journal=journal, budget=budget, batch_size=BATCH
        )
        np.save(folder / "answers.npy", plan(session))
        (folder / "spent").write_text(str(session.spent))


def killed(folder, budget, chance, longest, surely):
    """Fork a life and end it: from outside at any time, or from inside at a chosen call.

    A kill from outside may come too late on a busy machine, so that the first ones are from inside.
    """
    inside = chance.random() < 0.5 or surely
    death = {"dies_at": chance.randrange(8), "moment": chance.choice(["received", "not received"])}
    child = os.fork()
    if not child:
        live(folder, budget, **(death if inside else {}))
        os._exit(0)
    if not inside:
        time.sleep(chance.uniform(0, longest))
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def account(folder):
    """Every row the door received, in order."""
    file = folder / "account"
    content = file.read_bytes() if file.exists() else b""
    return [content[i : i + 24] for i in range(0, len(content), 24)]


def answered(folder):
    """How often the journal holds an answer to each row; checks the journal."""
    if not (folder / "journal").exists() or not (folder / "journal").stat().st_size:
        return Counter()
    with Journal.open(folder / "journal") as journal:
        assert verify_journal(journal).ok
        return Counter(row.tobytes() for b in journal.batches() if b.answers is not None for row in b.rows)


def main(folder, seed):
    """An uninterrupted run, then killed ones."""
    calm, rough = folder / "calm", folder / "rough"
    calm.mkdir()
    rough.mkdir()
    began = time.perf_counter()
    live(calm, None)
    seconds = time.perf_counter() - began
    wanted = Counter(account(calm))
    budget, chance = wanted.total(), random.Random(seed)
    seen = {"kills": 0, "kills_half_way": 0, "asked_again": 0, "in_flight": []}
    finished = False
    while not finished:
        held, before = answered(rough), account(rough)
        if seen["kills"] < LIVES:
            finished = not killed(rough, budget, chance, seconds / 3, seen["kills"] < SURE)
        else:
            live(rough, budget)
            finished = True
        sent = account(rough)[len(before) :]
        # A row may go out as often as the plan asks it, less the answers that were on record.
        excess = Counter(sent) - (wanted - held)
        seen["asked_again"] += excess.total()
        if not finished:
            now = answered(rough)
            seen["kills"] += 1
            seen["kills_half_way"] += 0 < now.total() < budget
            seen["in_flight"].append(len(sent) - (now.total() - held.total()))
    with Journal.read(rough / "journal") as journal:
        stats = journal_stats(journal)
    seen |= {
        "same_answers": (rough / "answers.npy").read_bytes() == (calm / "answers.npy").read_bytes(),
        "spent": int((rough / "spent").read_text()),
        "spent_calmly": int((calm / "spent").read_text()),
        "rows_of_the_plan": budget,
        "rows_received": len(account(rough)),
        "rows_answered": stats.rows_answered,
        "rows_sent_by_the_journal": stats.rows_sent,
    }
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
