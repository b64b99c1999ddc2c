"""What facts about the account mean: whose journal it is, books, people, alerts and the kill switch."""

from __future__ import annotations

from dataclasses import replace

from core.domain import facts as f
from core.domain.account import (
    Account,
    Alert,
    Divergence,
    JournalIdentity,
    KillSwitch,
    PositionDoubt,
    Severity,
)
from core.domain.meaning import Meaning
from core.domain.orders import Outcome
from core.domain.tags import life_of

_SEVERITY_RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


def _journal_opened(account: Account, fact: f.JournalOpened, at_ns: int) -> Account:
    return replace(
        account,
        identity=JournalIdentity(
            fact.nonce,
            fact.schema_version,
            fact.program_version,
            fact.mode,
            fact.market,
            fact.scenario,
            fact.seed,
        ),
    )


def _settings_adopted(account: Account, fact: f.SettingsAdopted, at_ns: int) -> Account:
    return replace(account, settings=fact.settings)


def _process_started(account: Account, fact: f.ProcessStarted, at_ns: int) -> Account:
    """Whatever was on its way when the last process ended is unanswered now."""
    groups = dict(account.groups)
    for group_id, group in account.groups.items():
        if group.is_over:
            continue
        orders = dict(group.orders)
        for tag in group.live:
            order = orders[tag]
            orders[tag] = replace(
                order,
                outcome=Outcome.UNKNOWN if order.outcome is None else order.outcome,
                heard_at_ns=at_ns,
                lookups=0,
                modify_pending=False,
                cancel_asked_at_ns=0,
            )
        groups[group_id] = replace(group, orders=orders, flat_asked_ns=0, gate_asked_ns=0, gate_legs={})
    return replace(account, groups=groups, life=life_of(at_ns), reconciled_at_ns=0, entries_allowed_ns=0)


def _books_reconciled(account: Account, fact: f.BooksReconciled, at_ns: int) -> Account:
    return replace(account, reconciled_at_ns=at_ns, entries_allowed_ns=fact.entries_allowed_ns)


def _session_ended(account: Account, fact: f.SessionEnded, at_ns: int) -> Account:
    first = account.session_ended != fact.day
    return replace(
        account,
        session_ended=fact.day,
        carried={each.key: each.units for each in fact.carried},
        overnight_checked=not first or not fact.carried,
    )


def _divergence_found(account: Account, fact: f.DivergenceFound, at_ns: int) -> Account:
    divergences = dict(account.divergences)
    divergences[fact.divergence_id] = Divergence(
        fact.divergence_id, fact.divergence, at_ns, fact.detail, fact.group_id, fact.symbol
    )
    return replace(account, divergences=divergences)


def _divergence_healed(account: Account, fact: f.DivergenceHealed, at_ns: int) -> Account:
    divergences = dict(account.divergences)
    found = divergences[fact.divergence_id]
    divergences[fact.divergence_id] = replace(found, healed_ns=at_ns, how=fact.how)
    return replace(account, divergences=divergences)


def _position_doubted(account: Account, fact: f.PositionDoubted, at_ns: int) -> Account:
    doubts = dict(account.doubts)
    if fact.units:
        doubts[fact.key] = PositionDoubt(fact.units, at_ns)
    else:
        doubts.pop(fact.key, None)
    return replace(account, doubts=doubts)


def _foreign_position_seen(account: Account, fact: f.ForeignPositionSeen, at_ns: int) -> Account:
    foreign = dict(account.foreign)
    if fact.units:
        foreign[fact.key] = fact.units
    else:
        foreign.pop(fact.key, None)
    return replace(account, foreign=foreign)


def _foreign_order_seen(account: Account, fact: f.ForeignOrderSeen, at_ns: int) -> Account:
    foreign = dict(account.foreign_orders)
    foreign[fact.order_id] = fact.description
    return replace(account, foreign_orders=foreign)


def _alert_raised(account: Account, fact: f.AlertRaised, at_ns: int) -> Account:
    alerts = dict(account.alerts)
    before = alerts.get(fact.alert_id)
    if before is None:
        alert = Alert(
            fact.alert_id,
            fact.severity,
            fact.text,
            fact.runbook,
            at_ns,
            at_ns,
            group_id=fact.group_id,
            size=fact.size,
        )
    else:
        worse = (
            before.cleared
            or _SEVERITY_RANK[fact.severity] > _SEVERITY_RANK[before.severity]
            or fact.size > before.acknowledged_size
        )
        alert = replace(
            before,
            severity=fact.severity,
            text=fact.text,
            runbook=fact.runbook,
            last_ns=at_ns,
            count=before.count + 1,
            acknowledged=before.acknowledged and not worse,
            cleared=False,
            size=fact.size,
        )
    alerts[fact.alert_id] = alert
    return replace(account, alerts=alerts)


def _alert_cleared(account: Account, fact: f.AlertCleared, at_ns: int) -> Account:
    alerts = dict(account.alerts)
    alerts[fact.alert_id] = replace(alerts[fact.alert_id], cleared=True)
    return replace(account, alerts=alerts)


def _alert_acknowledged(account: Account, fact: f.AlertAcknowledged, at_ns: int) -> Account:
    alerts = dict(account.alerts)
    seen = alerts[fact.alert_id]
    alerts[fact.alert_id] = replace(seen, acknowledged=True, acknowledged_size=seen.size)
    return replace(account, alerts=alerts)


def _kill_switch_tripped(account: Account, fact: f.KillSwitchTripped, at_ns: int) -> Account:
    before = account.kill
    if before.tripped:
        return replace(account, kill=replace(before, flatten=before.flatten or fact.flatten))
    return replace(account, kill=KillSwitch(True, fact.cause, fact.by, at_ns, fact.flatten))


def _kill_switch_reset(account: Account, fact: f.KillSwitchReset, at_ns: int) -> Account:
    return replace(account, kill=KillSwitch())


def _journal_failed(account: Account, fact: f.JournalFailed, at_ns: int) -> Account:
    return replace(account, journal_failed=True)


def _journal_returned(account: Account, fact: f.JournalReturned, at_ns: int) -> Account:
    return replace(account, journal_failed=False)


def _told_only(account: Account, fact: f.Fact, at_ns: int) -> Account:
    """A fact that is for people and for the record; it changes nothing that decisions read."""
    return account


MEANING: dict[type[f.Fact], Meaning] = {
    f.JournalOpened: _journal_opened,
    f.SettingsAdopted: _settings_adopted,
    f.ProcessStarted: _process_started,
    f.BooksReconciled: _books_reconciled,
    f.SessionEnded: _session_ended,
    f.DivergenceFound: _divergence_found,
    f.DivergenceHealed: _divergence_healed,
    f.PositionDoubted: _position_doubted,
    f.ForeignPositionSeen: _foreign_position_seen,
    f.ForeignOrderSeen: _foreign_order_seen,
    f.AlertRaised: _alert_raised,
    f.AlertCleared: _alert_cleared,
    f.AlertAcknowledged: _alert_acknowledged,
    f.KillSwitchTripped: _kill_switch_tripped,
    f.KillSwitchReset: _kill_switch_reset,
    f.OperatorActed: _told_only,
    f.DecisionFailed: _told_only,
    f.JournalFailed: _journal_failed,
    f.JournalReturned: _journal_returned,
}
