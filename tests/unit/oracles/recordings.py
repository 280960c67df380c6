"""Journals of known content."""

from __future__ import annotations

import sqlite3

import pytest
from seen_rows import Failing, SeenRows

from hingeline.oracles.journal import Journal
from hingeline.oracles.session import QuerySession


def recorded(path, *askings, oracle=None, **settings):
    """A journal of one run that asks each of `askings` in turn."""
    with Journal.open(path) as journal:
        session = QuerySession(oracle or SeenRows(), journal=journal, **settings)
        for points in askings:
            session.ask(points, fresh=True)
    return path


def interrupted(path, points):
    """A journal whose last batch was sent and never answered."""
    oracle = Failing()
    oracle.bad = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        recorded(path, points, oracle=oracle)
    return path


def edited(path, *statements):
    """The journal after an outsider's SQL."""
    database = sqlite3.connect(path)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()
    return path
