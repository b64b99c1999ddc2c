"""Interim exposure: what a group holds now, against what its plan allows while it is incomplete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from core.domain.account import Account, Severity
from core.domain.cover import confirmed_holdings, uncovered_beyond_plan
from core.domain.exposure import Exposure
from core.domain.facts import ExposureBreached, ExposureRestored
from core.domain.groups import LegState, MultiLegOrderGroup
from core.domain.instruments import Right
from core.domain.lifecycle import BEFORE_ANY_SEND, ExecutionLifecycle
from core.domain.quotes import MarketView
from core.domain.timing import NS_PER_MS, to_ist
from core.policy.turn import Turn
from core.risk.exposure_math import leg_exposures
from core.risk.pricing import years_until

_S = ExecutionLifecycle
DESIGNED = frozenset({_S.OPEN, _S.EXITING})
"""States in which delta and loss are what was designed: only cover is watched."""


@dataclass(slots=True)
class _Lines:
    """The holdings to be valued, one line a leg, as columns; those of one group stand together."""

    forward: list[float] = field(default_factory=list)
    strike: list[float] = field(default_factory=list)
    years: list[float] = field(default_factory=list)
    vol: list[float] = field(default_factory=list)
    sign: list[int] = field(default_factory=list)
    units: list[int] = field(default_factory=list)


class InterimExposureHandler:
    """Measures every group of an account in one vectorised pass."""

    @staticmethod
    def measure(
        groups: Iterable[MultiLegOrderGroup], view: MarketView, now_ns: int, shock_bps: int
    ) -> dict[str, Exposure]:
        """The exposure of each group, by its id.

        A leg whose forward or volatility was never known counts with its whole units as delta: not knowing
        is not safety, and the group is marked as blind.
        """
        chosen = list(groups)
        lines = _Lines()
        spans: list[tuple[int, int]] = []
        unknown = [0] * len(chosen)
        blind = [False] * len(chosen)
        for number, group in enumerate(chosen):
            first = len(lines.units)
            for leg in group.legs:
                units = leg.net_units
                if not units:
                    continue
                contract = leg.plan.contract
                mark = view.forwards.get((contract.underlying, contract.expiry))
                vol = view.vols.get(contract.symbol, 0.0)
                if mark is None or (contract.right is not None and not vol):
                    blind[number] = True
                    unknown[number] += units
                    continue
                if view.is_stale(contract.symbol, now_ns):
                    blind[number] = True
                lines.forward.append(mark.paise)
                lines.strike.append(float(contract.strike_paise))
                lines.years.append(_years(view.expiries_ns, contract.expiry, now_ns))
                lines.vol.append(vol)
                lines.sign.append(_SIGN[contract.right])
                lines.units.append(units)
            spans.append((first, len(lines.units)))
        valued = (
            leg_exposures(
                lines.forward,
                lines.strike,
                lines.years,
                lines.vol,
                lines.sign,
                lines.units,
                shock=shock_bps / 10_000,
            )
            if lines.units
            else None
        )
        measured: dict[str, Exposure] = {}
        for number, group in enumerate(chosen):
            first, last = spans[number]
            delta, down, up = 0.0, 0.0, 0.0
            if valued is not None and first < last:
                delta, _, down, up = valued.totals(first, last)
            delta += unknown[number]
            reference = lines.forward[first] if first < last else 0.0
            measured[group.group_id] = Exposure(
                delta_units=delta,
                delta_paise_per_pct=delta * reference / 100,
                uncovered_units=uncovered_beyond_plan(group.plan, confirmed_holdings(group)),
                loss_down_paise=round(down),
                loss_up_paise=round(up),
                delta_limit_units=group.plan.delta_limit_units,
                loss_limit_paise=group.plan.loss_limit_paise,
                pnl_paise=group_pnl_paise(group, view),
                blind=blind[number],
            )
        return measured


_SIGN = {Right.CE: 1, Right.PE: -1, None: 0}


def _years(expiries_ns: Mapping[date, int], expiry: date, now_ns: int) -> float:
    expiry_ns = expiries_ns.get(expiry)
    return 0.0 if expiry_ns is None else years_until(expiry_ns, now_ns)


def group_pnl_paise(group: MultiLegOrderGroup, view: MarketView) -> int:
    """Premium received less paid, and what is held at the middle of its quote."""
    total = 0.0
    for leg in group.legs:
        total += leg.cash_paise + _held_value(leg, view)
    return round(total)


def day_pnl_paise(account: Account, pnl_paise: Mapping[str, int], now_ns: int) -> int:
    """The day's profit and loss: what each group made beyond what it had come to when the day began.

    ``pnl_paise`` is by group; groups that ended on an earlier day do not count.
    """
    today = to_ist(now_ns).date()
    return sum(
        pnl_paise[group_id] - group.carried_paise(today)
        for group_id, group in account.groups.items()
        if group_id in pnl_paise and counts_today(group, now_ns)
    )


def counts_today(group: MultiLegOrderGroup, now_ns: int) -> bool:
    """Whether a group's profit and loss is part of the day's: it is live, or it ended on this Indian day."""
    if not group.first_fill_ns:
        return False
    return not group.is_over or to_ist(group.state_since_ns).date() == to_ist(now_ns).date()


def _held_value(leg: LegState, view: MarketView) -> float:
    """The value of what is held and whose price of entry is known; the rest is not counted either way.

    Half-way between a bid and an offer that are crossed is no price: the last one stands in for it.
    """
    units = leg.priced_bought_units - leg.priced_sold_units
    if not units:
        return 0.0
    quote = view.quotes.get(leg.plan.contract.symbol)
    middle = quote.mid_paise if quote is not None and not quote.is_crossed else None
    if middle is None and quote is not None:
        middle = quote.last_paise
    return -float(leg.cash_paise) if middle is None else units * middle


def judge(turn: Turn, measured: Mapping[str, Exposure]) -> set[str]:
    """Record who has left or come back inside the limits. Returns the groups that are outside."""
    outside: set[str] = set()
    for group_id, exposure in measured.items():
        group = turn.group(group_id)
        reason = _breach(group, exposure)
        since_ns = group.unhedged.since_ns
        if reason:
            outside.add(group_id)
            worse = exposure.uncovered_units > group.unhedged.uncovered_max_units
            turned = bool(exposure.uncovered_units) != bool(group.unhedged.uncovered_since_ns)
            if not since_ns or worse or turned:
                turn.record(
                    ExposureBreached(
                        group_id,
                        reason,
                        exposure.uncovered_units,
                        round(exposure.delta_units),
                        exposure.loss_down_paise,
                        exposure.loss_up_paise,
                    ),
                    group_id,
                )
        elif since_ns:
            turn.record(ExposureRestored(group_id, turn.now_ns - since_ns), group_id)
            turn.clear_alert(f"exposed:{group_id}")
        _tell_uncovered(turn, group_id, exposure)
    return outside


def _tell_uncovered(turn: Turn, group_id: str, exposure: Exposure) -> None:
    """Cover is bought at once: units that stand bare for longer than that takes are told of."""
    if not exposure.uncovered_units:
        turn.clear_alert(f"uncovered:{group_id}")
        turn.clear_alert(f"hedge-lag:{group_id}")
        return
    if exposure.uncovered_units > turn.settings.alert_uncovered_units:
        turn.alert(
            f"uncovered:{group_id}",
            Severity.CRITICAL,
            f"{group_id}: {exposure.uncovered_units} short units stand without cover",
            "uncovered",
            group_id,
            size=exposure.uncovered_units,
        )
    limit_ms = turn.settings.alert_hedge_lag_ms
    since_ns = turn.group(group_id).unhedged.uncovered_since_ns
    if turn.now_ns - since_ns > limit_ms * NS_PER_MS:
        turn.alert(
            f"hedge-lag:{group_id}",
            Severity.WARNING,
            f"{group_id} has stood without cover for more than {limit_ms} ms",
            "hedge-lag",
            group_id,
        )


def _breach(group: MultiLegOrderGroup, exposure: Exposure) -> str:
    """Why a group counts as unhedged; ``""`` while it does not."""
    if exposure.uncovered_units:
        return f"{exposure.uncovered_units} short units without cover"
    if group.state in DESIGNED or group.state in BEFORE_ANY_SEND:
        return ""
    limit = group.plan.loss_limit_paise
    if limit and -min(exposure.loss_down_paise, exposure.loss_up_paise) > limit:
        return "the loss at ±3 % is over its limit"
    if exposure.delta_limit_units and abs(exposure.delta_units) > exposure.delta_limit_units:
        return f"delta {exposure.delta_units:+.0f} is over its limit"
    return ""
