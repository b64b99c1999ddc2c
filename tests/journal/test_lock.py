"""One process at a time, and no lock outlives the process that held it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core.journal.errors import AccountLocked, JournalUnusable
from core.journal.lock import AccountLock

HOLD = """
import sys, time
from core.journal.lock import AccountLock
AccountLock(sys.argv[1]).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_holder_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    with AccountLock(path) as first, pytest.raises(AccountLocked, match="already trading") as caught:
        AccountLock(path).acquire()
    assert caught.value.pid == os.getpid()
    assert caught.value.path == str(first.path)
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o600


def test_a_released_lock_can_be_taken_again(tmp_path: Path) -> None:
    lock = AccountLock(tmp_path / "a.journal")
    for _ in range(3):
        lock.acquire()
        lock.release()
        lock.release()


def test_two_names_of_one_journal_share_a_lock(tmp_path: Path) -> None:
    (tmp_path / "a.journal").touch()
    (tmp_path / "b.journal").symlink_to("a.journal")
    with AccountLock(tmp_path / "a.journal"), pytest.raises(AccountLocked):
        AccountLock(tmp_path / "b.journal").acquire()


def test_a_killed_holder_leaves_no_lock_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(AccountLocked, match=f"Process {holder.pid} "):
            AccountLock(path).acquire()
    finally:
        holder.kill()
        holder.communicate()
    AccountLock(path).acquire().release()


def test_a_lock_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(JournalUnusable, match="cannot be created"):
        AccountLock(tmp_path / "missing" / "a.journal").acquire()


def test_whoever_finds_the_lock_taken_learns_which_journal_its_holder_keeps(tmp_path: Path) -> None:
    account, journal = tmp_path / "account", tmp_path / "a place" / "own.db"
    with AccountLock(account, keeps=journal) as lock, pytest.raises(AccountLocked) as caught:
        AccountLock(account).acquire()
    assert (caught.value.pid, caught.value.journal) == (os.getpid(), journal)
    assert stat.S_IMODE(lock.path.stat().st_mode) == 0o600
    with AccountLock(account), pytest.raises(AccountLocked) as caught:
        AccountLock(account).acquire()
    assert caught.value.journal is None, "nothing is left of a longer text"
