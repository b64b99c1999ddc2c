"""What a person is shown before asking for it: the forms of a ticket's preview and of a way out.

They are estimates of the moment. The core decides again, from what it knows when the command arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from core.domain.groups import GroupPlan, IncompletePolicy
from core.domain.inputs import OperatorAction
from core.domain.instruments import Product, Right, Side

CUSTOM = "custom"
"""The strategy whose legs the ticket itself says."""


@dataclass(frozen=True, slots=True)
class TicketRequest:
    """An order ticket as it was filled in; what is left empty takes the strategy's own default.

    Strikes are texts: ``24900`` is a strike, ``0.20`` a delta, ``+300`` points out of the money. ``width``
    is in points, ``lots`` a whole number, ``limit_net`` rupees a unit (a credit at least, or a negative
    debit at most), ``stop`` a multiple of a short's premium, ``exit_at`` a time of today.

    ``legs`` are for the strategy ``custom``, one text each: ``+1 24500 PE`` buys one lot a copy, ``-2 0.20
    CE`` sells two, and ``far`` at the end takes the far expiry. ``right`` says which options a calendar
    uses. A field that means nothing for the strategy is not looked at.
    """

    strategy: str = "iron_condor"
    underlying: str = ""
    expiry: date | None = None
    call: str = ""
    put: str = ""
    width: str = ""
    lots: str = "1"
    limit_net: str = ""
    stop: str = ""
    allow_naked: bool = False
    far_expiry: date | None = None
    right: Right | None = None
    legs: tuple[str, ...] = ()
    exit_at: str = ""
    product: Product = Product.NRML
    on_incomplete: IncompletePolicy = IncompletePolicy.SCALE_DOWN


@dataclass(frozen=True, slots=True)
class TicketLeg:
    """One leg of a preview, in the order of sending. ``touch_paise`` is the price it would meet now."""

    label: str
    side: Side
    units: int
    children: int
    score: int
    reason: str
    touch_paise: int | None
    delta: float | None
    expiry: date | None = None


@dataclass(frozen=True, slots=True)
class TicketPreview:
    """What a ticket would do. ``problem`` says why it cannot be sent; empty means that it can.

    Amounts are paise of the whole group: ``net_paise`` is a credit, or a negative debit, at the prices that
    its orders would meet; ``None`` as an extreme is unbounded where ``has_figures``, otherwise unknown.
    ``budget_s`` are the seconds that its children take of the order budget. The choices of the ticket's
    fields are given whether or not a plan could be made.
    """

    asked: TicketRequest
    at_ns: int = 0
    problem: str = ""
    plan: GroupPlan | None = None
    legs: tuple[TicketLeg, ...] = ()
    has_figures: bool = False
    net_paise: int | None = None
    max_profit_paise: int | None = None
    max_loss_paise: int | None = None
    breakevens_paise: tuple[int, ...] = ()
    structure: str = ""
    margin_words: str = ""
    margin_paise: int | None = None
    margin_limit_paise: int = 0
    children: int = 0
    budget_s: int = 0
    strategies: tuple[tuple[str, str], ...] = ()
    """Names and titles."""
    underlyings: tuple[str, ...] = ()
    expiries: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class ForeseenOrder:
    """One order or trade that a way out leads to; ``limit_paise`` where its price is known already."""

    label: str
    side: Side
    units: int
    limit_paise: int | None = None


@dataclass(frozen=True, slots=True)
class WayOut:
    """What one operator's command would do for a group now.

    ``answer`` is the core's own sentence. ``works`` is whether anything would follow. ``at_once`` are the
    orders sent in the same instant, ``cancels`` and ``changes`` count working orders, and ``then`` is what
    is left to trade after those until the group is where the command brings it. ``changes_holding`` where
    units change hands without a trade.
    """

    action: OperatorAction
    works: bool
    answer: str
    at_once: tuple[ForeseenOrder, ...] = ()
    cancels: int = 0
    changes: int = 0
    then: tuple[ForeseenOrder, ...] = ()
    state: str = ""
    """The group's state straight afterwards."""
    asks_margin: bool = False
    changes_holding: bool = False
