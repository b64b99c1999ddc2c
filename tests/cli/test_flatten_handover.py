"""The hand-over to whoever holds the account: a process that does too little, too much, or is gone."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console.cli import flatten_handover
from console.cli.flatten_handover import HandOver, hand_over
from console.cli.wanted import CannotStart
from core.journal.lock import AccountLock

HOLDER = """
import asyncio, signal, sys
from core.domain.facts import JournalOpened, OperatorActed, Recorded, SettingsAdopted, StateChanged
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.orders import PositionReport
from core.domain.instruments import PositionKey, Product
from core.domain.settings import ExecutionSettings
from core.journal.lock import AccountLock
from core.journal.aiosqlite_persistence import AiosqlitePersistence
from core.journal.writing import Batch
from core.policy.flatten import flattening
from tests.brokers.simulated import strikes

near = strikes()[0]
begun = flattening(
    [PositionReport(PositionKey("NFO", near.symbol, Product.NRML), -65)], {near.symbol: near}, "test"
).facts
answer = [("", OperatorActed("SIGUSR1", "flatten-all ALL", "closing 1 groups", 1, True))]
MANUAL = ("G-001", StateChanged("G-001", ExecutionLifecycle.MANUAL, "no fill", ManualCause.EXIT_EXHAUSTED))
CLOSED = ("G-001", StateChanged("G-001", ExecutionLifecycle.CLOSED, "flat"))
DEEDS = {
    "silent": [],
    "acknowledges": [("", OperatorActed("trader", "acknowledge A-1", "acknowledged", 1, True))],
    "stalls": answer,
    "gives-up": [*answer, MANUAL],
    "closes": [*answer, CLOSED],
    "dies": answer,
}

async def main(lock, journal, deed):
    diary = await AiosqlitePersistence.open(journal, sole_writer=True)
    seq = 0
    async def write(facts):
        nonlocal seq
        rows = []
        for group_id, fact in facts:
            seq += 1
            rows.append(Recorded(seq, seq, group_id, fact))
        await diary.commit(Batch(tuple(rows)))
    opened = JournalOpened("HOLDER", 1, "", "LIVE", "", "", 0)
    await write([("", opened), ("", SettingsAdopted(ExecutionSettings())), *begun])
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, told.set)
    AccountLock(lock, keeps=journal).acquire()
    print("held", flush=True)
    await told.wait()
    if DEEDS[deed]:
        await write(DEEDS[deed])
    if deed != "dies":
        await asyncio.sleep(120)

asyncio.run(main(*sys.argv[1:]))
"""
Hold = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Hold]:
    started: list[subprocess.Popen[str]] = []

    def begin(deed: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path / "account"), str(tmp_path / "own.db"), deed],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[AccountLock]:
    lock = AccountLock(tmp_path / "account")
    yield lock
    lock.release()


def test_a_core_that_closes_its_groups_is_followed_in_the_journal_that_it_keeps(
    hold: Hold, lock: AccountLock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    core = hold("closes")
    assert hand_over(lock, yes=False) == (HandOver.ENDED, tmp_path / "own.db")
    assert "G-001 CLOSED" in capsys.readouterr().out
    assert core.poll() is None


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        ("silent", "has not answered"),
        ("acknowledges", "has not answered"),
        ("gives-up", "a person has to act"),
        ("stalls", "no state has changed"),
    ],
)
def test_a_core_that_does_not_get_there_is_left_unless_a_person_says_otherwise(
    hold: Hold,
    lock: AccountLock,
    deed: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(flatten_handover, "NO_PROGRESS_S", 1.0)
    monkeypatch.setattr(flatten_handover, "agreed", lambda question: False)
    core = hold(deed)
    assert hand_over(lock, yes=False)[0] is HandOver.LEFT
    said = capsys.readouterr().err
    assert words in said
    assert "-65 NIFTY26AUG24500CE" in said, "what is left is said"
    assert core.poll() is None
    assert hand_over(lock, yes=True)[0] is HandOver.OURS
    assert core.wait(10) == -signal.SIGKILL


def test_a_core_that_dies_on_the_way_leaves_the_account_to_us(
    hold: Hold, lock: AccountLock, capsys: pytest.CaptureFixture[str]
) -> None:
    hold("dies")
    assert hand_over(lock, yes=False)[0] is HandOver.OURS
    assert "has ended: going on from here" in capsys.readouterr().out


def test_a_process_that_is_gone_already_is_no_obstacle(hold: Hold, lock: AccountLock, tmp_path: Path) -> None:
    """The number in the lock's file is of nobody, and the lock becomes free a moment later."""
    core = hold("dies")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / "account.lock").write_text(f"{gone.pid}\n{tmp_path / 'own.db'}\n")
    core.send_signal(signal.SIGUSR1)
    assert hand_over(lock, yes=True)[0] is HandOver.OURS


def test_another_flatten_is_not_shot_with_the_signal(tmp_path: Path) -> None:
    with AccountLock(tmp_path / "account"), pytest.raises(CannotStart, match="flattening this account"):
        hand_over(AccountLock(tmp_path / "account"), yes=True)
