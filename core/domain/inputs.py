"""Inputs: everything that can reach a decision through the mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.domain.groups import GroupPlan
from core.domain.orders import (
    AccessRefusal,
    BookSnapshot,
    Funds,
    OrderReport,
    Outcome,
    Source,
    TradeReport,
)


@dataclass(frozen=True, slots=True)
class SubmitGroup:
    """A person or a signal asks for a group. The plan's legs are in any order; it is planned again."""

    plan: GroupPlan
    by: str = "signal"


@dataclass(frozen=True, slots=True)
class SendReply:
    """The answer to a send, classified by the broker's adapter."""

    tag: str
    outcome: Outcome
    order_id: str | None = None
    message: str = ""
    access_refused: AccessRefusal | None = None
    """The broker refuses our login or our address, not this order; likewise below."""


@dataclass(frozen=True, slots=True)
class ModifyReply:
    """The answer to a modification, and which one of the order it was; 0 where it is the last in any case."""

    tag: str
    outcome: Outcome
    message: str = ""
    number: int = 0
    access_refused: AccessRefusal | None = None


@dataclass(frozen=True, slots=True)
class CancelReply:
    """The answer to a request to cancel."""

    tag: str
    outcome: Outcome
    message: str = ""
    access_refused: AccessRefusal | None = None


@dataclass(frozen=True, slots=True)
class OrderNews:
    """An order as the stream or a single query describes it."""

    report: OrderReport
    source: Source = Source.STREAM


@dataclass(frozen=True, slots=True)
class TradeNews:
    """A trade that arrived by itself."""

    report: TradeReport
    source: Source = Source.STREAM


@dataclass(frozen=True, slots=True)
class BooksRead:
    """The broker's books, whole."""

    snapshot: BookSnapshot
    source: Source = Source.POLL


@dataclass(frozen=True, slots=True)
class BooksFailed:
    """The books could not be read, or not whole: nothing may be concluded from it."""

    error: str
    needs_login: bool = False
    """The broker refuses the session itself: nothing can be sent either, until a person logs in."""


@dataclass(frozen=True, slots=True)
class MarginAnswered:
    """The broker's funds and its margin for a group's plan as a basket; ``basket_paise`` is None if unknown.

    ``initial_paise`` is needed to send the orders as given; ``basket_paise`` is blocked afterwards.
    """

    group_id: str
    funds: Funds | None
    initial_paise: int | None
    basket_paise: int | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class WakeUp:
    """The time has come at which these groups wanted to be looked at again (``""``: the account)."""

    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuotesMoved:
    """Quotes have changed: the symbols that did."""

    symbols: frozenset[str]


@dataclass(frozen=True, slots=True)
class HealthReading:
    """How the core and its connections are, as far as kill switch and alerts ask. 0 is well, or not known."""

    funds_total_paise: int = 0
    funds_used_paise: int = 0
    loop_lag_ms: int = 0
    """Wall-clock lag of the loop; never read in a rehearsal, whose market waits for the machine."""
    stream_up: bool = True
    stream_silent_ms: int = 0
    books_silent_ms: int = 0


@dataclass(frozen=True, slots=True)
class MonitorPass:
    """The 100 ms look at every group that has not ended."""

    health: HealthReading = HealthReading()


class OperatorAction(StrEnum):
    """What a person can ask of the core."""

    EXIT = "exit"
    FLATTEN = "flatten"
    FLATTEN_ALL = "flatten-all"
    KILL = "kill"
    RESET_KILL = "reset-kill"
    ACKNOWLEDGE = "acknowledge"
    HEDGE = "hedge"
    COMPLETE = "complete"
    SCALE_DOWN = "scale-down"
    UNWIND = "unwind"
    ADOPT = "adopt"
    HANDLED = "handled"


@dataclass(frozen=True, slots=True)
class OperatorCommand:
    """A person's command: ``target`` is a group, an alert or a position, ``saw`` the snapshot's version."""

    action: OperatorAction
    target: str
    by: str
    saw: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CoreStarted:
    """A process has folded the journal and is about to ask the broker."""

    restart: bool
    latched: str = ""
    """Why new risk is forbidden from the first moment on; ``""`` where no flatten ran meanwhile."""


@dataclass(frozen=True, slots=True)
class JournalTrouble:
    """The journal failed (``error``), or has returned (``""``)."""

    error: str
    rows: int = 0


News = OrderNews | TradeNews | SendReply | ModifyReply | CancelReply | BooksRead
"""What the broker tells about orders and holdings."""


@dataclass(frozen=True, slots=True)
class AllNews:
    """News that waited together: all of it is taken over before anything is decided on any of it."""

    items: tuple[News, ...]


Input = (
    AllNews
    | SubmitGroup
    | SendReply
    | ModifyReply
    | CancelReply
    | OrderNews
    | TradeNews
    | BooksRead
    | BooksFailed
    | MarginAnswered
    | WakeUp
    | QuotesMoved
    | MonitorPass
    | OperatorCommand
    | CoreStarted
    | JournalTrouble
)
