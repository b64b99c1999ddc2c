"""Alerts about the account and what it is connected to: margin, the loop, the stream and the quotes.

They say early what the kill switch acts on later, and are taken down when what they say is over.
"""

from __future__ import annotations

from core.domain.account import Severity
from core.domain.inputs import HealthReading
from core.domain.timing import NS_PER_S, duration_text
from core.policy.session import QUOTED_BY_NS
from core.policy.turn import Turn

_MARGIN_EASED_BPS = 200
"""Margin use has to fall so far below its limit before its alert is taken down: it moves with every quote."""
_STALE_TIMES = 2
"""Quotes past their time are asked for by REST first; only what has no answer by then is told."""
_NAMED = 4
_LAG_SHOWN_NS = 10 * NS_PER_S
"""A peak is over at once: it is shown for long enough to be read, and a row of them as one."""


def warn(turn: Turn, health: HealthReading) -> None:
    """Raise and take down what a look at the core's health says."""
    _margin_use(turn, health)
    _loop_lag(turn, health)
    _stream(turn, health)
    _quotes(turn)


def _margin_use(turn: Turn, health: HealthReading) -> None:
    total, used = health.funds_total_paise, health.funds_used_paise
    limit_bps = turn.settings.alert_margin_use_bps
    if total and used * 10_000 > total * limit_bps:
        before = turn.account.alerts.get("margin-use")
        most_pct = used * 100 // total
        if before is not None and not before.cleared:
            most_pct = max(most_pct, before.size)
        words = f"margin use has reached {most_pct} %: told from {limit_bps / 100:g} % on"
        turn.alert("margin-use", Severity.CRITICAL, words, "margin-use", size=most_pct)
    elif total and used * 10_000 <= total * (limit_bps - _MARGIN_EASED_BPS):
        turn.clear_alert("margin-use")


def _loop_lag(turn: Turn, health: HealthReading) -> None:
    limit_ms = turn.settings.alert_loop_lag_ms
    if health.loop_lag_ms > limit_ms:
        words = f"the core was more than {limit_ms} ms late: this machine is too busy, or it slept"
        turn.alert("loop-lag", Severity.WARNING, words, "loop-lag")
        return
    standing = turn.account.alerts.get("loop-lag")
    if standing is not None and turn.now_ns - standing.last_ns >= _LAG_SHOWN_NS:
        turn.clear_alert("loop-lag")


def _stream(turn: Turn, health: HealthReading) -> None:
    limit_ms = turn.settings.alert_stream_silent_ms
    if not health.stream_up:
        words = "the stream is down: fills are learned from the books"
    elif health.stream_silent_ms > limit_ms:
        silent = duration_text(limit_ms)
        words = f"the stream has been silent for over {silent}: fills are learned from the books"
    else:
        turn.clear_alert("stream-down")
        return
    turn.alert("stream-down", Severity.WARNING, words, "stream-down")


def _quotes(turn: Turn) -> None:
    view, now_ns = turn.view, turn.now_ns
    begun_ns = max(view.opens_ns, turn.account.reconciled_at_ns)
    if not turn.may_trade() or now_ns - begun_ns < QUOTED_BY_NS:
        turn.clear_alert("stale-quotes")
        return
    too_old_ns = now_ns - _STALE_TIMES * view.stale_after_ns
    held = {
        leg.plan.contract.symbol
        for group in turn.account.groups.values()
        if not group.is_over
        for leg in group.legs
        if leg.net_units
    }
    stale = sorted(
        symbol for symbol in held if (quote := view.quotes.get(symbol)) is None or quote.at_ns < too_old_ns
    )
    if not stale:
        turn.clear_alert("stale-quotes")
        return
    more = f" and {len(stale) - _NAMED} more" if len(stale) > _NAMED else ""
    words = f"no fresh quote of {', '.join(stale[:_NAMED])}{more}: exits and hedges are priced blind"
    turn.alert("stale-quotes", Severity.WARNING, words, "stale-quotes")
