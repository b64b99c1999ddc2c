"""Facts as lines for the log: one stream in which a person can follow everything that happened."""

from __future__ import annotations

from core.domain import facts as f
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.money import price
from core.domain.orders import Outcome
from core.domain.tags import short_name
from core.engine.snapshot import LogLine

_SILENT = (f.BooksReconciled, f.FlatCheckAsked, f.GateAsked, f.HedgeWindowClosed, f.PositionDoubted)


_STATE_TONE = {
    ExecutionLifecycle.MANUAL: "breach",
    ExecutionLifecycle.REJECTED: "warn",
    ExecutionLifecycle.OPEN: "ok",
    ExecutionLifecycle.CLOSED: "ok",
}


def log_line(row: f.Recorded) -> LogLine | None:
    """One row of the journal as a person reads it; ``None`` for rows that tell nobody anything."""
    if isinstance(row.fact, _SILENT):
        return None
    channel, text, tone = _told(row.fact)
    return LogLine(row.seq, row.at_ns, channel, row.group_id, text, tone)


def _told(fact: f.Fact) -> tuple[str, str, str]:
    match fact:
        case f.OrderIntended(order, blind=blind):
            stop = f" once at {price(order.trigger_paise)}" if order.trigger_paise else ""
            how = ", blind: no fresh quote" if blind else ""
            text = (
                f"{short_name(order.tag)} {order.side.value} {order.symbol} {order.units:,} "
                f"@ {price(order.limit_paise)}{stop}{how}  tag {order.tag}"
            )
            return "send", text, "warn" if blind else "info"
        case f.OrderAnswered(tag, outcome, _, message):
            tone = {Outcome.CONFIRMED: "muted", Outcome.UNKNOWN: "warn"}.get(outcome, "breach")
            return "broker", f"{short_name(tag)} {outcome.value} {message}".rstrip(), tone
        case f.OrderSeen(tag=tag, status=status, filled_units=filled, source=source, message=message):
            text = f"{short_name(tag)} {status.value} filled {filled:,} {message}".rstrip()
            return source.value if source.value in ("stream", "poll") else "broker", text, "muted"
        case f.FillRecorded():
            text = (
                f"{short_name(fact.tag)} filled {fact.units:,} @ {price(fact.price_paise)}  "
                f"trade {fact.trade_id}"
            )
            return "broker", text, "ok"
        case f.OrderNotFound(tag, lookup):
            return "poll", f"{short_name(tag)} is in neither book (look-up {lookup})", "warn"
        case f.OrderProvedAbsent(tag, lookups):
            return "poll", f"{short_name(tag)} was never created: absent {lookups} times", "warn"
        case f.ModifyIntended(tag=tag, limit_paise=limit, reason=reason):
            return "policy", f"{short_name(tag)} re-price to {price(limit)}: {reason}", "plain"
        case f.ModifyAnswered(tag, outcome, message):
            tone = "muted" if outcome is Outcome.CONFIRMED else "warn"
            return "broker", f"{short_name(tag)} modify {outcome.value} {message}".rstrip(), tone
        case f.CancelIntended(tag, reason):
            return "policy", f"{short_name(tag)} cancel: {reason}", "plain"
        case f.CancelAnswered(tag, outcome, message):
            tone = "muted" if outcome is Outcome.CONFIRMED else "warn"
            return "broker", f"{short_name(tag)} cancel {outcome.value} {message}".rstrip(), tone
        case f.StateChanged(group_id, state, reason, _):
            return "policy", f"{group_id} {state.value}: {reason}", _STATE_TONE.get(state, "plain")
        case f.GoalChanged(group_id, goal, copies, reason):
            return "policy", f"{group_id} {goal.value.lower()} to {copies} copies: {reason}", "warn"
        case f.GateDecided(passed=passed, sentence=sentence):
            return "gate", sentence, "ok" if passed else "breach"
        case f.GroupPlanned(plan):
            return "policy", f"{plan.group_id} {plan.strategy} {plan.copies} lots planned", "plain"
        case f.ExposureBreached(reason=reason):
            return "policy", f"outside its limits: {reason}", "warn"
        case f.ExposureRestored(outside_ns=outside):
            return "policy", f"inside its limits again after {outside // 1_000_000} ms", "ok"
        case f.HedgeWanted(hedge=hedge, symbol=symbol, side=side, units=units, reason=reason):
            return "policy", f"hedge ({hedge}): {side.value} {units:,} {symbol}, {reason}", "breach"
        case f.DivergenceFound(divergence=kind, detail=detail):
            return "poll", f"{kind.value}: {detail}", "warn"
        case f.DivergenceHealed(how=how):
            return "poll", f"healed: {how}", "ok"
        case f.AlertRaised(severity=severity, text=text):
            return "alert", text, {"CRITICAL": "breach", "WARNING": "warn"}.get(severity.value, "info")
        case f.AlertAcknowledged(alert_id, by):
            return "you", f"{by} acknowledged {alert_id}", "muted"
        case f.OperatorActed(by, action, detail, saw, answered):
            word = "→" if answered else f"(saw snapshot {saw:,})"
            return "you", f"{by}: {action} {word} {detail}".rstrip(), "info"
        case f.KillSwitchTripped(cause, by, flatten):
            return "alert", f"kill switch on by {by}: {cause}{', flattening' if flatten else ''}", "breach"
        case f.KillSwitchReset(by, reason):
            return "alert", f"kill switch reset by {by}: {reason}", "ok"
        case f.HoldingClosedByOthers(units=units, how=how):
            return "poll", f"{abs(units):,} units were closed by others: {how}", "breach"
        case f.ForeignPositionSeen(key, units):
            return "poll", f"foreign {units:+,} {key.symbol}", "plain"
        case f.ForeignOrderSeen(order_id, description):
            return "poll", f"foreign order {order_id}: {description}", "plain"
        case f.DecisionFailed(error=error):
            return "core", f"a decision failed: {error}", "breach"
        case f.JournalFailed(error):
            return "journal", f"cannot be written: {error}", "breach"
        case f.JournalReturned(rows):
            return "journal", f"written again: {rows} rows kept in memory are on disk", "ok"
        case f.JournalOpened(nonce=nonce, market=market):
            return "core", f"journal {nonce} opened, market {market}", "muted"
        case f.ProcessStarted(restart):
            return (
                "core",
                "restarted: the journal is folded, asking the broker" if restart else "started",
                "muted",
            )
        case f.LegAdded(leg=leg):
            return "policy", f"a leg is added: {leg.contract.symbol}", "plain"
        case f.LegsRetired(legs=legs, reason=reason):
            which = ", ".join(str(leg + 1) for leg in legs)
            return "policy", f"{reason}: leg {which} is wanted no more", "warn"
        case f.GroupHandled(group_id, by):
            return "you", f"{by} marked {group_id} as handled", "info"
        case f.AlertCleared(alert_id):
            return "alert", f"over: {alert_id}", "muted"
        case f.SettingsAdopted():
            return "core", "settings adopted", "muted"
        case f.HedgeWindowOpened():
            return "policy", "further hedge calls are gathered for 500 ms", "muted"
        case _:
            return "core", f.KIND_OF[type(fact)].replace("_", " "), "muted"
