"""Files and places that cannot be trusted with a journal are refused, and left alone."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from recordings import edited, recorded

from hingeline.core.errors import FormatError, InvalidInput
from hingeline.oracles import journal_file
from hingeline.oracles.journal import Journal
from hingeline.oracles.journal_care import journal_stats, verify_journal
from hingeline.oracles.journal_file import file_system_of


def not_a_database(path):
    path.write_text("once upon a time there was a journal")


def another_database(path):
    edited(path, "CREATE TABLE t (a)")


def a_newer_one(path):
    edited(recorded(path, [[1, 2]]), "PRAGMA user_version = 99")


def one_without_a_table(path):
    edited(recorded(path, [[1, 2]]), "DROP TABLE decision")


def a_torn_one(path):
    recorded(path, np.arange(4000.0).reshape(-1, 2))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (not_a_database, "is not a journal: it begins with b'once"),
        (another_database, "not a journal of hingeline"),
        (a_newer_one, "schema 99.*upgrade"),
        (one_without_a_table, "damaged: no table decision"),
        (a_torn_one, "damaged"),
    ],
)
def test_a_file_that_is_not_a_sound_journal_is_refused_and_left_alone(tmp_path, make, message):
    path = tmp_path / "j"
    make(path)
    before = path.read_bytes()
    with pytest.raises(FormatError, match=message):
        Journal.open(path)
    assert path.read_bytes() == before


def test_a_missing_journal_is_not_made_by_reading(tmp_path):
    with pytest.raises(InvalidInput, match="no journal at"):
        Journal.read(tmp_path / "j")
    assert not list(tmp_path.iterdir())


def test_a_journal_whose_making_was_cut_short_is_made_again(tmp_path):
    edited(tmp_path / "j", "PRAGMA journal_mode = WAL")
    (tmp_path / "empty").touch()
    for name in ("j", "empty"):
        recorded(tmp_path / name, [[1, 2]])


def test_a_place_that_is_no_directory_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "missing" / "j", tmp_path / "file" / "j"):
        with pytest.raises(InvalidInput, match="is not a directory"):
            Journal.open(place)


def test_a_directory_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InvalidInput, match="no permission"):
        Journal.open(tmp_path / "j")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_directory_where_files_cannot_be_made_is_refused():
    with pytest.raises(InvalidInput, match=r"cannot (use|write)"):
        Journal.open("/proc/self/journal.sqlite")


def test_a_network_file_system_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(journal_file, "file_system_of", lambda directory: "nfs4")
    with pytest.raises(InvalidInput, match="nfs4 is a network file system"):
        Journal.open(tmp_path / "j")


@pytest.mark.parametrize(
    ("place", "kind"),
    [("/home/a", "ext4"), ("/data/a/b", "nfs4"), ("/my disk/x", "cifs"), ("/datalake", "ext4")],
)
def test_the_file_system_is_that_of_the_deepest_mount(tmp_path, place, kind):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda rw\n"
        "2 1 0:30 / /data rw - nfs4 server:/data rw\n"
        "3 1 0:31 / /my\\040disk rw - cifs //server/disk rw\n"
    )
    assert file_system_of(Path(place), mounts) == kind
    assert file_system_of(Path(place), tmp_path / "none") == ""


def test_one_process_writes_at_a_time(tmp_path):
    with Journal.open(tmp_path / "j"), pytest.raises(InvalidInput, match="another process is writing"):
        Journal.open(tmp_path / "j")
    Journal.open(tmp_path / "j").close()


def test_a_writer_that_died_leaves_no_lock(tmp_path):
    code = (
        "import os, sys; from hingeline.oracles.journal import Journal as J; J.open(sys.argv[1]); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "j"], check=False).returncode == 9
    Journal.open(tmp_path / "j").close()


def test_a_journal_in_a_read_only_place_can_be_read(tmp_path, monkeypatch):
    path = recorded(tmp_path / "j", [[1, 2]])
    connect = sqlite3.connect

    def cannot_make_files(name, **options):
        if "mode=ro" in str(name):
            name = f"file:{tmp_path}/none?mode=ro"
        return connect(name, **options)

    monkeypatch.setattr(sqlite3, "connect", cannot_make_files)
    with Journal.read(path) as journal:
        assert journal_stats(journal).rows_answered == 1


def test_a_copy_made_beside_a_dead_writer_is_whole(tmp_path):
    code = (
        "import os, sys; from hingeline.oracles.journal import Journal\n"
        "from hingeline.oracles.session import QuerySession; from seen_rows import SeenRows\n"
        "QuerySession(SeenRows(), journal=Journal.open(sys.argv[1])).ask([[1, 2]]); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "j"], check=False, cwd=Path(__file__).parent)
    for file in tmp_path.glob("j*"):
        shutil.copy(file, tmp_path / file.name.replace("j", "k", 1))
    with Journal.read(tmp_path / "k") as journal:
        assert journal_stats(journal).rows_answered == 1
        assert verify_journal(journal).ok
