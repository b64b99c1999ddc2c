"""Handing a flatten to the core that holds the account, following it, and taking over where it must be."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

import typer

from console.cli.flatten_signal import BY
from console.cli.wanted import CannotStart
from core.domain.account import Account
from core.domain.evolve import evolve
from core.domain.facts import OperatorActed, Recorded
from core.domain.groups import MultiLegOrderGroup
from core.domain.inputs import OperatorAction
from core.domain.lifecycle import ExecutionLifecycle, IllegalTransition
from core.journal.codec import FactUnreadable, decode_fact
from core.journal.errors import AccountLocked
from core.journal.lock import AccountLock

ANSWERS_WITHIN_S = 2.0
NO_PROGRESS_S = 30.0
"""A core that closes and sees neither a fill nor a change of state for so long is not getting there."""
FREED_WITHIN_S = 3.0
LOOK_EVERY_S = 0.1


class HandOver(Enum):
    """How it ended: ``OURS`` when the account's lock has passed to this process."""

    ENDED = auto()
    OURS = auto()
    LEFT = auto()


class _Diary:
    """The rows of another process's journal as they come; its chain is not checked, only followed."""

    def __init__(self, path: Path) -> None:
        self._uri = f"{path.absolute().as_uri()}?mode=ro"
        self.account = Account()
        self.unreadable = ""

    def new(self) -> tuple[Recorded, ...]:
        """The rows since the last call; none where the journal cannot be read, which is kept."""
        rows: list[Recorded] = []
        try:
            for row in self._rows():
                self.account = evolve(self.account, row)
                rows.append(row)
        except (sqlite3.Error, UnicodeError, FactUnreadable, IllegalTransition, OSError, KeyError) as error:
            self.unreadable = f"{type(error).__name__}: {error}"
        else:
            self.unreadable = ""
        return tuple(rows)

    def last_seq(self) -> int:
        """The newest row, 0 where there is none to be read."""
        with suppress(sqlite3.Error), closing(self._connect()) as connection:
            return int(connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])
        return 0

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._uri, uri=True, timeout=1)

    def _rows(self) -> Iterator[Recorded]:
        with closing(self._connect()) as connection:
            for seq, at_ns, group_id, kind, body in connection.execute(
                "SELECT seq, at_ns, group_id, kind, body FROM events WHERE seq > ? ORDER BY seq",
                (self.account.seq,),
            ):
                yield Recorded(seq, at_ns, group_id, decode_fact(kind, body))


def holder_of(lock: AccountLock) -> AccountLocked | None:
    """Who holds the lock; ``None`` once it is ours.

    Asked twice, a moment apart: between taking a lock and writing into it, its file names who held it last.
    """
    seen: tuple[int | None, Path | None] | None = None
    while True:
        try:
            lock.acquire()
        except AccountLocked as held:
            if seen == (held.pid, held.journal):
                return held
            seen = held.pid, held.journal
            time.sleep(LOOK_EVERY_S)
        else:
            return None


@dataclass(slots=True)
class CoreAtWork:
    """The core that holds the account, as far as this process can see it."""

    lock: AccountLock
    pid: int
    diary: _Diary
    yes: bool
    _told: str = field(default="", init=False)

    def flatten(self) -> HandOver:
        """Ask it to, and follow it to its end, or take the account over."""
        before = self.diary.last_seq()
        typer.echo(f"a core is running (process {self.pid}): asking it to trip the kill switch and flatten")
        if not self._signal(signal.SIGUSR1):
            return self._freed()
        begun = self._begun(before)
        if begun is not None:
            return begun
        return self._followed()

    def _begun(self, before: int) -> HandOver | None:
        """Wait for its answer: ``None`` once it has said in its journal that it closes everything."""
        deadline_s = time.monotonic() + ANSWERS_WITHIN_S
        while time.monotonic() < deadline_s:
            if any(row.seq > before and _is_the_answer(row) for row in self.diary.new()):
                typer.echo("the core has taken it over; its groups:")
                return None
            if self._is_gone():
                return HandOver.OURS
            time.sleep(LOOK_EVERY_S)
        why = f"the core has not answered for {ANSWERS_WITHIN_S:.0f} s: it may be starting, or hang"
        if self.diary.unreadable:
            why += f"; or it has, and its journal cannot be read ({self.diary.unreadable})"
        return self._take_over(why)

    def _followed(self) -> HandOver:
        """Show its progress until every group has ended, or until it will not get there."""
        moved_s, before = time.monotonic(), None
        while True:
            self.diary.new()
            groups = self.diary.account.groups
            self._tell(groups.values())
            left = [group for group in groups.values() if not group.is_over]
            if not left and not self.diary.unreadable:
                typer.echo("every group of the core has ended")
                return HandOver.ENDED
            if self._is_gone():
                return HandOver.OURS
            if (
                left
                and all(group.state is ExecutionLifecycle.MANUAL for group in left)
                and not self.diary.unreadable
            ):
                return self._take_over("the core has stopped where a person has to act")
            now = tuple((group.group_id, group.state, _units(group)) for group in left)
            if now != before:
                moved_s, before = time.monotonic(), now
            elif time.monotonic() - moved_s > NO_PROGRESS_S:
                why = f"nothing was filled and no state has changed for {NO_PROGRESS_S:.0f} s"
                if self.diary.unreadable:
                    why += f"; its journal cannot be read ({self.diary.unreadable})"
                return self._take_over(why)
            time.sleep(LOOK_EVERY_S)

    def _tell(self, groups: Iterable[MultiLegOrderGroup]) -> None:
        line = ", ".join(f"{group.group_id} {group.state.value}" for group in groups) or "none"
        if line != self._told:
            typer.echo(f"  {line}")
            self._told = line

    def _is_gone(self) -> bool:
        """Whether the core has ended: its lock is then ours."""
        try:
            self.lock.acquire()
        except AccountLocked:
            return False
        typer.echo(f"the core (process {self.pid}) has ended: going on from here")
        return True

    def _take_over(self, why: str) -> HandOver:
        """Say what is left, and end the core if a person says so: two programs must not close one account."""
        typer.echo(f"{why}; by its journal this is left:", err=True)
        for line in self._left():
            typer.echo(f"  {line}", err=True)
        if not self.yes and not agreed(f"End process {self.pid} and flatten from here?"):
            typer.echo(
                f"not taken over: process {self.pid} still holds the account, and what it holds stays open. "
                "Close it at the core's console or at the broker, or take over with: hedgerow flatten --yes",
                err=True,
            )
            return HandOver.LEFT
        if self._is_gone():
            return HandOver.OURS
        self._signal(signal.SIGKILL)
        return self._freed()

    def _left(self) -> Iterator[str]:
        if self.diary.unreadable:
            yield "nothing can be said of it: the journal cannot be read"
            return
        open_groups = [group for group in self.diary.account.groups.values() if not group.is_over]
        if not open_groups:
            yield "no group is open"
        for group in open_groups:
            held = ", ".join(
                f"{leg.net_units:+,} {leg.plan.contract.symbol}" for leg in group.legs if leg.net_units
            )
            orders = f"; {len(group.live)} working orders" if group.live else ""
            yield f"{group.group_id} {group.state.value}: {held or 'no units'}{orders} ({group.reason})"

    def _signal(self, number: signal.Signals) -> bool:
        """Whether there still was somebody to send it to."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        except PermissionError:
            raise CannotStart(
                f"process {self.pid} trades this account for another user of this machine, and cannot be "
                "reached from here: nothing was sent. Flatten as that user, or at the broker"
            ) from None
        return True

    def _freed(self) -> HandOver:
        """Take the lock of a process that is gone, or about to be."""
        deadline_s = time.monotonic() + FREED_WITHIN_S
        while True:
            try:
                self.lock.acquire()
            except AccountLocked as held:
                if time.monotonic() >= deadline_s:
                    raise CannotStart(
                        f"process {held.pid} holds the account although process {self.pid} was ended: "
                        "nothing was sent from here. Give the same command again, or close at the broker"
                    ) from None
                time.sleep(LOOK_EVERY_S)
            else:
                return HandOver.OURS


def hand_over(lock: AccountLock, *, yes: bool) -> tuple[HandOver, Path | None]:
    """Take the account's lock, or have the core that holds it flatten; and that core's journal.

    Raises ``CannotStart``, or ``JournalUnusable`` where the lock itself cannot be had.
    """
    held = holder_of(lock)
    if held is None:
        return HandOver.OURS, None
    if held.pid is None:
        raise CannotStart(
            f"another program holds this account and does not say which: nothing was sent. See who has "
            f"{held.path} open, end that, and give the same command again; or close at the broker"
        )
    if held.journal is None:
        raise CannotStart(
            f"process {held.pid} is flattening this account already: nothing was sent from here. Follow it "
            f"where it runs; if it hangs, end it (kill {held.pid}) and give the same command again"
        )
    return CoreAtWork(lock, held.pid, _Diary(held.journal), yes).flatten(), held.journal


def agreed(question: str) -> bool:
    """A person's yes; nobody there to ask is a no."""
    try:
        return typer.confirm(question)
    except typer.Abort:
        return False


def _is_the_answer(row: Recorded) -> bool:
    """Whether the core has begun to close everything for the signal, not for whatever a person did."""
    fact = row.fact
    if not isinstance(fact, OperatorActed) or fact.by != BY or not fact.answered:
        return False
    return fact.action.startswith(OperatorAction.FLATTEN_ALL.value)


def _units(group: MultiLegOrderGroup) -> tuple[tuple[int, int], ...]:
    return tuple((leg.bought_units, leg.sold_units) for leg in group.legs)
