"""Choosing strikes and expiries from what is listed: by strike, by distance from the money, or by delta."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import copysign

import numpy as np

from core.domain.calendar import SessionCalendar
from core.domain.instruments import Contract, InstrumentKind, Right
from core.domain.quotes import MarketView
from core.domain.timing import to_ist
from core.risk.parity import forward_paise
from core.risk.pricing import black76, years_until
from core.risk.smile import chain_vols
from core.strategies.catalogue import BodyRule
from core.strategies.errors import StrategyError

OUT_OF_THE_MONEY_SHARE = 0.0125
"""Where a short of a condor, a strangle or a credit vertical stands when nobody chooses."""
WIDTH_SHARE = 0.008
"""The default width as a part of the forward: 200 points of a NIFTY between 21,900 and 28,100."""
DELTA_TOLERANCE = 0.10
"""How far a strike's delta may lie from the one asked for."""


@dataclass(frozen=True, slots=True)
class AtStrike:
    """Exactly this strike."""

    paise: int


@dataclass(frozen=True, slots=True)
class FromMoney:
    """The listed strike nearest this far out of the money; negative is in the money."""

    paise: int


@dataclass(frozen=True, slots=True)
class AtDelta:
    """The listed strike whose delta is nearest; unsigned, between 0 and 1."""

    delta: float


StrikeChoice = AtStrike | FromMoney | AtDelta


@dataclass(frozen=True, slots=True)
class Chain:
    """The options of one underlying and expiry, with what is needed to price them."""

    underlying: str
    expiry: date
    forward_paise: float
    years: float
    calls: dict[int, Contract]
    puts: dict[int, Contract]
    view: MarketView

    def side(self, right: Right) -> dict[int, Contract]:
        """Contracts of one right by strike."""
        return self.calls if right is Right.CE else self.puts

    def choose(self, choice: StrikeChoice, right: Right) -> int:
        """The strike that a choice means. Raises ``StrategyError`` naming the nearest ones."""
        match choice:
            case AtStrike(paise):
                return self.listed(paise, right)
            case FromMoney(paise):
                return self.nearest(self.forward_paise + paise * (1 if right is Right.CE else -1), right)
            case AtDelta(delta):
                return self._at_delta(delta, right)

    def default(self, rule: BodyRule, right: Right) -> int:
        """The strike that a strategy's own rule means."""
        if rule is BodyRule.AT_THE_MONEY:
            return self.nearest(self.forward_paise, right)
        return self.choose(FromMoney(round(self.forward_paise * OUT_OF_THE_MONEY_SHARE)), right)

    def wing(self, body_paise: int, right: Right, width_paise: int | None) -> int:
        """The strike further out of the money than the body, by the width or by the default width."""
        outward = 1 if right is Right.CE else -1
        if width_paise is not None:
            if width_paise <= 0:
                raise StrategyError("the width between the legs must be above zero")
            return self.listed(body_paise + outward * width_paise, right)
        beyond = [strike for strike in self.side(right) if (strike - body_paise) * outward > 0]
        if not beyond:
            raise StrategyError(
                f"no {right.value} of {self.name} lies beyond {body_paise / 100:g} for the wing; "
                f"{self._span(right)}"
            )
        target = body_paise + outward * self.forward_paise * WIDTH_SHARE
        return min(beyond, key=lambda strike: (abs(strike - target), strike))

    def listed(self, strike_paise: int, right: Right) -> int:
        """The strike itself, if it is listed. Raises ``StrategyError`` naming the nearest ones."""
        strikes = self.side(right)
        if strike_paise in strikes:
            return strike_paise
        nearest = sorted(sorted(strikes, key=lambda strike: abs(strike - strike_paise))[:4])
        listed = ", ".join(f"{strike / 100:g}" for strike in nearest) or "none at all"
        raise StrategyError(
            f"{self.name} has no {right.value} with strike {strike_paise / 100:g}; nearest are {listed}"
        )

    def nearest(self, target_paise: float, right: Right) -> int:
        """The listed strike nearest a price that lies within the chain, or half a step beyond it."""
        strikes = sorted(self.side(right))
        if not strikes:
            raise StrategyError(f"{self.name} has no {right.value} listed")
        best = min(strikes, key=lambda strike: (abs(strike - target_paise), strike))
        step = min((b - a for a, b in pairwise(strikes)), default=0)
        if abs(best - target_paise) > max(step, 1) and not strikes[0] <= target_paise <= strikes[-1]:
            raise StrategyError(
                f"{self.name} has no {right.value} near {target_paise / 100:.0f}; {self._span(right)}"
            )
        return best

    @property
    def name(self) -> str:
        """Underlying and expiry, as errors say them."""
        return f"{self.underlying} {self.expiry:%d %b %Y}"

    def _at_delta(self, delta: float, right: Right) -> int:
        if not 0 < delta < 1:
            raise StrategyError(f"a delta lies between 0 and 1 without its sign, not {delta:g}")
        contracts = sorted(self.side(right).values(), key=lambda contract: contract.strike_paise)
        vols = chain_vols(
            self.view, [*self.calls.values(), *self.puts.values()], self.forward_paise, self.years
        )
        if not vols or not contracts:
            raise StrategyError(
                f"{self.name} has no usable quote, so no delta is known; choose by strike instead"
            )
        deltas = np.abs(
            black76(
                self.forward_paise,
                [contract.strike_paise for contract in contracts],
                self.years,
                [vols[contract.symbol] for contract in contracts],
                right is Right.CE,
            ).delta
        )
        if not np.isfinite(deltas).all():
            raise StrategyError(f"{self.name} has expired, so no delta is known")
        best = int(np.abs(deltas - delta).argmin())
        if abs(deltas[best] - delta) > DELTA_TOLERANCE:
            raise StrategyError(
                f"no {right.value} of {self.name} has a delta near {delta:.2f}; the nearest is "
                f"{contracts[best].strike_paise / 100:g} with {copysign(deltas[best], 1):.2f}"
            )
        return contracts[best].strike_paise

    def _span(self, right: Right) -> str:
        strikes = self.side(right)
        if not strikes:
            return "none is listed"
        return f"listed are {min(strikes) / 100:g} to {max(strikes) / 100:g}"


def underlying_of(view: MarketView, asked: str | None) -> str:
    """The underlying asked for, or the only one with options. Raises ``StrategyError`` with the choice."""
    names = sorted({c.underlying for c in view.contracts.values() if c.kind is InstrumentKind.OPTION})
    if not names:
        raise StrategyError("this market lists no option contracts")
    if asked is None:
        if len(names) == 1:
            return names[0]
        raise StrategyError(f"say which underlying: {', '.join(names)}")
    if asked not in names:
        raise StrategyError(f"this market has no options on '{asked}'; it has {', '.join(names)}")
    return asked


def expiries_of(view: MarketView, underlying: str) -> list[date]:
    """Expiries of the underlying's options, soonest first."""
    return sorted(
        {
            contract.expiry
            for contract in view.contracts.values()
            if contract.underlying == underlying and contract.kind is InstrumentKind.OPTION
        }
    )


def choose_expiry(
    expiries: Sequence[date],
    asked: date | None,
    now_ns: int,
    calendar: SessionCalendar,
    *,
    after: date | None = None,
) -> date:
    """The expiry asked for if it is listed and alive, or the nearest with at least a day to go.

    ``after`` asks for one beyond that date (the far leg of a calendar).
    """
    alive = [day for day in expiries if calendar.expiry_ns(day) > now_ns]
    listed = ", ".join(f"{day:%Y-%m-%d}" for day in alive) or "none"
    if asked is not None:
        if asked not in expiries:
            raise StrategyError(f"no option expires on {asked:%Y-%m-%d}; expiries are {listed}")
        if asked not in alive:
            raise StrategyError(f"{asked:%Y-%m-%d} has expired; expiries are {listed}")
        if after is not None and asked <= after:
            raise StrategyError(f"the far expiry must lie after {after:%Y-%m-%d}; expiries are {listed}")
        return asked
    today = to_ist(now_ns).date()
    if expiries and not alive:
        raise StrategyError(
            f"every expiry here is past on {today:%Y-%m-%d}: the last is {max(expiries):%Y-%m-%d}; "
            "give a chain of a day before its expiry"
        )
    floor = after if after is not None else today
    for day in alive:
        if day > floor:
            return day
    raise StrategyError(f"no expiry after {floor:%Y-%m-%d} is listed; expiries are {listed}")


def chain_of(
    view: MarketView, underlying: str, expiry: date, now_ns: int, calendar: SessionCalendar
) -> Chain:
    """The chain of an expiry. Raises ``StrategyError`` where its forward cannot be told."""
    forward = forward_paise(view, underlying, expiry)
    if forward is None:
        raise StrategyError(
            f"{underlying} {expiry:%d %b %Y} has no strike with a two-sided call and put quote, "
            "so its forward is unknown; give a chain with both sides"
        )
    calls: dict[int, Contract] = {}
    puts: dict[int, Contract] = {}
    for contract in view.contracts.values():
        if contract.underlying == underlying and contract.expiry == expiry:
            if contract.right is Right.CE:
                calls[contract.strike_paise] = contract
            elif contract.right is Right.PE:
                puts[contract.strike_paise] = contract
    years = years_until(calendar.expiry_ns(expiry), now_ns)
    return Chain(underlying, expiry, forward, years, calls, puts, view)
