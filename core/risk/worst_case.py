"""The worst margin that a group can need on its way in: every fill prefix under every shock.

For the plan's fills leg by leg in sending order, and for price -3 %, 0, +3 % x volatility +0, +30, +50 % x
spread x1, x1.5, x2:

    required = max(margin now + 1.5 x shocked loss, scan re-centred at the shock + shocked loss)
               + exposure margin + premium still to pay + closing cost at the shocked spread

"Margin now" is the SPAN requirement of what is held at that prefix, at today's prices. The shocked loss is
that of the whole account; its 1.5-fold is capped at the maximum loss where the holding is defined-risk. What
the rest of the account needs at rest is taken off, because the broker blocks it already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from core.domain.calendar import SessionCalendar
from core.domain.cover import Holding
from core.domain.groups import GroupPlan
from core.domain.instruments import InstrumentKind, Side
from core.domain.money import rupees
from core.domain.orders import Funds
from core.domain.quotes import MarketView
from core.risk.margin import Book, RiskArrays
from core.risk.payoff import maximum_losses_from_now
from core.risk.priced import price_contracts
from core.risk.pricing import FloatArray
from core.risk.span import MarginParameters

PRICE_SHOCKS: Final = (-0.03, 0.0, 0.03)
VOL_SHOCKS: Final = (0.0, 0.30, 0.50)
SPREAD_SHOCKS: Final = (1.0, 1.5, 2.0)
LOSS_MULTIPLE: Final = 1.5
_PRICES: Final = np.repeat(np.array(PRICE_SHOCKS), len(VOL_SHOCKS))
_VOLS: Final = np.tile(np.array(VOL_SHOCKS), len(PRICE_SHOCKS))
_FILLED: Final = np.tri(64)
"""Row p says which legs have filled at prefix p."""
_UNSHOCKED: Final = PRICE_SHOCKS.index(0.0) * len(VOL_SHOCKS) + VOL_SHOCKS.index(0.0)


@dataclass(frozen=True, slots=True)
class Cell:
    """One corner of the grid. ``prefix`` counts the legs that have filled."""

    prefix: int
    last_filled: str
    price_shock: float
    vol_shock: float
    spread_factor: float
    required_paise: int

    @property
    def words(self) -> str:
        """The corner as the console says it: ``CE short filled, -3 %, IV +50 %``."""
        parts = [f"{self.last_filled} filled"]
        if self.price_shock:
            parts.append(f"{self.price_shock * 100:+.0f} %")
        if self.vol_shock:
            parts.append(f"IV +{self.vol_shock * 100:.0f} %")
        if self.spread_factor > 1:
            parts.append(f"spread x{self.spread_factor:g}")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The verdict, and the whole grid behind it.

    ``grid`` has shape ``(prefixes, 3 prices, 3 volatilities, 3 spreads)`` in paise, ``None`` where something
    could not be priced. ``use_bps`` is the required part of ``available_paise``; ``limit_paise`` what may be
    used of it.
    """

    passed: bool
    sentence: str
    required_paise: int = 0
    available_paise: int = 0
    limit_paise: int = 0
    premium_paise: int = 0
    worst: Cell | None = None
    grid: FloatArray | None = field(default=None, compare=False)
    prefixes: tuple[str, ...] = ()
    basket_paise: int = 0
    """Unshocked: what the whole plan adds to the account's margin, plus the premium paid less received."""

    @property
    def use_bps(self) -> int:
        """The required part of what is available, in basis points; 100 % and more where nothing is."""
        if self.available_paise <= 0:
            return 10_000 if self.required_paise > 0 else 0
        return min(1_000_000, -(-self.required_paise * 10_000 // self.available_paise))

    @property
    def short_paise(self) -> int:
        """The rupees missing under the limit; 0 where it passed."""
        return max(0, self.required_paise - self.limit_paise)


class WorstCaseMarginSimulator:
    """Judges a group before anything is sent, and again before a short is released. Pure and stateless.

    It is asked about entries only: exits and hedges are never blocked by an estimate.
    """

    def __init__(
        self,
        parameters: MarginParameters | None = None,
        *,
        arrays: RiskArrays | None = None,
        calendar: SessionCalendar | None = None,
        margin_use_max_bps: int = 9_000,
        shocks: bool = True,
    ) -> None:
        """``shocks`` False judges the present prices alone: only to show what the shocks are for."""
        self._shocks = shocks
        self._parameters = parameters or MarginParameters()
        self._arrays: RiskArrays = arrays or {}
        self._calendar = calendar or SessionCalendar()
        self._use_max_bps = margin_use_max_bps

    def simulate(
        self,
        plan: GroupPlan,
        view: MarketView,
        funds: Funds,
        *,
        now_ns: int,
        copies: int | None = None,
        filled_units: Mapping[int, int] | None = None,
        others: Iterable[Holding] = (),
        reserved: Iterable[Holding] = (),
        own_blocked_paise: int = 0,
        underlying_paise: Mapping[str, float] | None = None,
    ) -> WorstCase:
        """The worst case of a plan, its legs in sending order.

        ``filled_units`` are unsigned units already filled, by leg. ``others`` are signed holdings that the
        broker blocks margin for already: other groups' and the trader's own. ``reserved`` are what groups in
        flight will still hold. ``own_blocked_paise`` is what the broker blocks for this very group, which is
        added back to what it calls available.
        """
        standing, pending = _derivatives(others), _derivatives(reserved)
        contracts = [leg.contract for leg in plan.legs] + [held for held, _ in (*standing, *pending)]
        unique = list({contract.symbol: contract for contract in contracts}.values())
        traded = frozenset(leg.contract.symbol for leg in plan.legs)
        priced, problems = price_contracts(
            view,
            unique,
            now_ns,
            self._calendar,
            underlying_paise=underlying_paise,
            need_fresh=traded,
        )
        if problems:
            words = "; ".join(str(problem) for problem in problems[:3])
            more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
            return WorstCase(False, f"Refused: its margin cannot be told, because {words}{more}.")
        column = {held.contract.symbol: at for at, held in enumerate(priced)}
        book = Book(priced, self._parameters, self._arrays)
        paths = _Paths(plan, copies, filled_units or {}, column, standing, pending)
        caps = maximum_losses_from_now(paths.units, unique, book.values)
        premium = paths.bought @ (book.option_values + book.half_spreads)
        grid, losses = _grid(book, paths, caps, premium)
        standing_paise = _standing_paise(book, paths.standing)
        grid -= standing_paise
        np.maximum(grid, 0.0, out=grid)
        if not self._shocks:
            calm = np.zeros_like(grid)
            at_rest = (slice(None), PRICE_SHOCKS.index(0.0), VOL_SHOCKS.index(0.0), SPREAD_SHOCKS.index(1.0))
            calm[at_rest] = grid[at_rest]
            grid = calm
        verdict = self._judge(plan, grid, int(np.ceil(premium.max() - 1e-4)), funds, own_blocked_paise)
        return replace(verdict, basket_paise=_basket_paise(book, paths, losses, standing_paise))

    def _judge(
        self, plan: GroupPlan, grid: FloatArray, premium: int, funds: Funds, own_blocked_paise: int
    ) -> WorstCase:
        names = tuple(
            f"{leg.contract.label} {'long' if leg.side is Side.BUY else 'short'}" for leg in plan.legs
        )
        place = np.unravel_index(int(grid.argmax()), grid.shape)
        prefix, price, vol, spread = (int(part) for part in place)
        required = int(np.ceil(grid[place] - 1e-4))
        worst = Cell(
            prefix + 1,
            names[prefix],
            PRICE_SHOCKS[price],
            VOL_SHOCKS[vol],
            SPREAD_SHOCKS[spread],
            required,
        )
        available = funds.available_paise + own_blocked_paise
        limit = max(0, available * self._use_max_bps // 10_000)
        passed, sentence = required <= limit, ""
        if not passed:
            sentence = (
                f"Refused: with the {worst.words}, it needs {rupees(required)}; of {rupees(available)} "
                f"available {rupees(limit)} may be used ({self._use_max_bps / 100:g} %), so it is "
                f"{rupees(required - limit)} short."
            )
        elif premium > (cash := max(0, funds.cash_paise * self._use_max_bps // 10_000)):
            passed = False
            sentence = (
                f"Refused: its longs, with those that other groups have on their way, cost {rupees(premium)} "
                f"of premium, paid in cash; of {rupees(funds.cash_paise)} cash {rupees(cash)} may be "
                f"used ({self._use_max_bps / 100:g} %), so it is {rupees(premium - cash)} short."
            )
        else:
            sentence = (
                f"Passed: at worst it needs {rupees(required)} of {rupees(available)} ({worst.words}); "
                f"{rupees(limit - required)} below the limit."
            )
        return WorstCase(passed, sentence, required, available, limit, premium, worst, grid, names)


class _Paths:
    """Units at every fill prefix, each ``(prefixes, n)``.

    ``units`` is everything held, ``own`` the plan's part of it, ``bought`` what is still to be paid for, of
    its longs and of those that others have on their way; ``standing`` is one row, the rest of the account.
    """

    def __init__(
        self,
        plan: GroupPlan,
        copies: int | None,
        filled: Mapping[int, int],
        column: Mapping[str, int],
        standing: Sequence[Holding],
        pending: Sequence[Holding],
    ) -> None:
        count, width = len(plan.legs), len(column)
        self.standing = _row(standing, column)
        done, rest, buys = np.zeros(count), np.zeros(count), np.zeros(count)
        place = np.zeros((count, width))
        for at, leg in enumerate(plan.legs):
            whole = plan.units(at, copies)
            had = min(filled.get(at, 0), whole)
            done[at], rest[at] = leg.side.sign * had, leg.side.sign * (whole - had)
            buys[at] = max(0.0, rest[at])
            place[at, column[leg.contract.symbol]] = 1.0
        self.own = (done + _FILLED[:count, :count] * rest) @ place
        coming = _row(pending, column)
        self.bought = (_FILLED[:count, :count] * buys) @ place + np.maximum(coming, 0.0)
        self.units = self.standing + coming + self.own


def _row(holdings: Sequence[Holding], column: Mapping[str, int]) -> FloatArray:
    row = np.zeros((1, len(column)))
    for contract, units in holdings:
        row[0, column[contract.symbol]] += units
    return row


def _grid(book: Book, paths: _Paths, caps: FloatArray, premium: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Required paise of shape ``(prefixes, 3, 3, 3)``, before anything is taken off; and the scan losses of
    one long unit at the present prices, of shape ``(16, n)``.
    """
    units = paths.units
    forwards = book.forwards * (1.0 + _PRICES)[:, None]
    vols = book.vols * (1.0 + _VOLS)[:, None]
    worth = book.worth(forwards, vols, book.years)
    lost = book.values - worth
    loss = np.maximum(lost @ units.T, 0.0)
    around = book.scan_losses(forwards, vols, worth)
    losses = book.with_arrays(around[_UNSHOCKED])
    now = book.span(units, losses)
    by_loss = now + np.minimum(LOSS_MULTIPLE * loss, caps)
    need = np.maximum(by_loss, book.span(units, around, lost))
    need += book.exposure(units) + book.expiry_day(units) + premium
    closing = (np.abs(paths.own) @ book.half_spreads)[:, None] * np.array(SPREAD_SHOCKS)
    shape = (units.shape[0], len(PRICE_SHOCKS), len(VOL_SHOCKS), 1)
    return need.T.reshape(shape) + closing[:, None, None, :], losses


def _standing_paise(book: Book, standing: FloatArray) -> float:
    """What the rest of the account needs at rest."""
    if not standing.any():
        return 0.0
    return _at_rest_paise(book, standing, book.with_arrays(book.scan_losses(book.forwards, book.vols)))


def _at_rest_paise(book: Book, units: FloatArray, losses: FloatArray) -> float:
    """What one row of units needs at the present prices."""
    total = book.span(units, losses) + book.exposure(units) + book.expiry_day(units)
    return float(total[0])


def _basket_paise(book: Book, paths: _Paths, losses: FloatArray, standing_paise: float) -> int:
    """The final margin of the plan's orders as a basket, in the terms in which a broker tells its own."""
    whole = paths.own[-1:]
    added = _at_rest_paise(book, paths.standing + whole, losses) - standing_paise
    premium = whole @ book.option_values + np.abs(whole) @ book.half_spreads
    return max(0, int(np.ceil(added + float(premium[0]) - 1e-4)))


def _derivatives(holdings: Iterable[Holding]) -> list[Holding]:
    """Shares and the like have no part in this arithmetic: the broker blocks for them what it blocks."""
    return [(held, units) for held, units in holdings if held.kind is not InstrumentKind.INDEX and units]
