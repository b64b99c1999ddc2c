"""The kill switch: latched, journalled, and never in the way of a stop, a hedge or an exit.

It trips by hand or by a rule. Only a loss of the day flattens unasked; a trip by hand offers it, and all
others only stop new risk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.domain.account import Account, Severity
from core.domain.exposure import Exposure
from core.domain.facts import KillSwitchReset, KillSwitchTripped
from core.domain.inputs import HealthReading
from core.domain.money import rupees
from core.domain.quotes import MarketView
from core.domain.timing import NS_PER_MS, duration_text
from core.policy.exposure import counts_today, day_pnl_paise, group_pnl_paise
from core.policy.group import close_group
from core.policy.turn import Turn


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rule judges."""

    account: Account
    health: HealthReading
    measured: Mapping[str, Exposure]
    """Of the groups that are live."""
    view: MarketView
    now_ns: int


def _daily_loss(seen: Seen) -> str:
    total = seen.health.funds_total_paise
    if not total:
        return ""
    pnl = {group_id: exposure.pnl_paise for group_id, exposure in seen.measured.items()}
    for group_id, group in seen.account.groups.items():
        if group.is_over and counts_today(group, seen.now_ns):
            pnl[group_id] = group_pnl_paise(group, seen.view)
    loss = -day_pnl_paise(seen.account, pnl, seen.now_ns)
    limit = total * seen.account.settings.kill_daily_loss_bps // 10_000
    return f"the day's loss is {rupees(loss)}, over {rupees(limit)}" if loss > limit else ""


def _margin_use(seen: Seen) -> str:
    total, used = seen.health.funds_total_paise, seen.health.funds_used_paise
    if not total or used * 10_000 <= total * seen.account.settings.kill_margin_use_bps:
        return ""
    return f"{100 * used / total:.0f} % of the margin is in use"


def _exposure_age(seen: Seen) -> str:
    oldest_ns = seen.now_ns - seen.account.settings.kill_exposure_age_ms * NS_PER_MS
    for group_id, group in seen.account.groups.items():
        since_ns = group.unhedged.uncovered_since_ns
        exposure = seen.measured.get(group_id)
        if since_ns and since_ns < oldest_ns and exposure is not None and exposure.uncovered_units:
            outside = duration_text((seen.now_ns - since_ns) // NS_PER_MS)
            return f"{group_id} has stood without cover for {outside}"
    return ""


def _open_divergence(seen: Seen) -> str:
    oldest_ns = seen.now_ns - seen.account.settings.kill_divergence_age_ms * NS_PER_MS
    for divergence in seen.account.divergences.values():
        if divergence.is_open and divergence.found_ns < oldest_ns:
            return f"a divergence stands open: {divergence.detail}"
    return ""


def _loop_lag(seen: Seen) -> str:
    lag = seen.health.loop_lag_ms
    limit = seen.account.settings.kill_loop_lag_ms
    return f"the loop was {duration_text(lag)} late" if lag > limit else ""


def _blind(seen: Seen) -> str:
    silent = min(seen.health.stream_silent_ms, seen.health.books_silent_ms)
    limit = seen.account.settings.kill_blind_ms
    return f"stream and books have both been silent for {duration_text(silent)}" if silent > limit else ""


RULES: tuple[tuple[str, Callable[[Seen], str]], ...] = (
    ("daily-loss", _daily_loss),
    ("margin-use", _margin_use),
    ("exposure-age", _exposure_age),
    ("divergence", _open_divergence),
    ("loop-lag", _loop_lag),
    ("blind", _blind),
)
"""The rules that trip the switch, with the names that settings and alerts use for them."""


def watch(turn: Turn, health: HealthReading, measured: Mapping[str, Exposure]) -> bool:
    """Trip the switch where a rule says so. Returns whether it tripped or began to flatten now."""
    kill = turn.account.kill
    if kill.tripped and (kill.flatten or not turn.settings.flatten_on_daily_loss):
        return False
    seen = Seen(turn.account, health, measured, turn.view, turn.now_ns)
    for name, rule in RULES:
        flattens = name == "daily-loss" and turn.settings.flatten_on_daily_loss
        if kill.tripped and not flattens:
            continue
        cause = rule(seen)
        if cause:
            trip(turn, cause, name, flatten=flattens)
            return True
    return False


def trip(turn: Turn, cause: str, by: str, *, flatten: bool) -> None:
    """Stop new risk until a person resets it; with ``flatten``, close every group as well."""
    kill = turn.account.kill
    if not kill.tripped or (flatten and not kill.flatten):
        turn.record(KillSwitchTripped(cause, by, flatten))
        turn.alert("kill-switch", Severity.CRITICAL, f"the kill switch is on: {cause}", "kill-switch")
    if flatten:
        for group_id, group in sorted(turn.account.groups.items()):
            if not group.is_over:
                close_group(turn, group_id, f"the kill switch flattens: {cause}")


def reset(turn: Turn, by: str, reason: str) -> str:
    """Allow new risk again. Returns what to tell the person."""
    if not turn.account.kill.tripped:
        return "the kill switch is off already"
    turn.record(KillSwitchReset(by, reason))
    turn.clear_alert("kill-switch")
    return "new risk is allowed again"
