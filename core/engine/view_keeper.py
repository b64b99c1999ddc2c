"""Keeping the ``MarketView``: quotes as they come, forwards, and the volatilities of what is held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from core.domain.calendar import SessionCalendar
from core.domain.facts import GroupPlanned, LegAdded, Recorded
from core.domain.groups import GroupPlan
from core.domain.instruments import Contract
from core.domain.quotes import ForwardMark, MarketView, Quote
from core.risk.parity import implied_forward_paise
from core.risk.pricing import years_until
from core.risk.smile import chain_vols

_MOVED = 0.0005


class ViewKeeper:
    """Makes the next view from the last one and what has changed.

    Volatilities are implied only at strikes that a group holds or will hold; the last one that could be
    implied stays until there is a newer one. A forward that the source does not give is implied by parity.
    """

    def __init__(
        self,
        contracts: Mapping[str, Contract],
        calendar: SessionCalendar,
        stale_after_ns: int,
        vols_every_ns: int = 0,
    ) -> None:
        """``vols_every_ns`` is how long implied volatilities may stand while no forward moves by 5 bps."""
        self._calendar = calendar
        self._vols_every_ns = vols_every_ns
        self._implied_ns = 0
        self._implied_at: dict[tuple[str, date], float] = {}
        self._chains: dict[tuple[str, date], list[Contract]] = {}
        for contract in contracts.values():
            if contract.right is not None:
                self._chains.setdefault((contract.underlying, contract.expiry), []).append(contract)
        self._watched: dict[tuple[str, date], set[int]] = {}
        self._interest: dict[tuple[str, date], list[Contract]] = {}
        expiries = {contract.expiry for contract in contracts.values()}
        self._view = MarketView(
            contracts=contracts,
            expiries_ns={day: calendar.expiry_ns(day) for day in sorted(expiries)},
            stale_after_ns=stale_after_ns,
        )
        self._closes_ns = 0
        self._closed_before_ns = 0

    @property
    def view(self) -> MarketView:
        """The newest view."""
        return self._view

    @property
    def calendar(self) -> SessionCalendar:
        """When sessions are and contracts expire."""
        return self._calendar

    def watch_plan(self, plan: GroupPlan) -> None:
        """Imply volatilities for a plan's strikes from now on."""
        self._watch(leg.contract for leg in plan.legs)

    def watch_rows(self, rows: Iterable[Recorded]) -> bool:
        """The same for whatever new rows of the journal plan or add. Returns whether anything was."""
        before = sum(map(len, self._watched.values()))
        for row in rows:
            match row.fact:
                case GroupPlanned(plan):
                    self.watch_plan(plan)
                case LegAdded(leg=leg):
                    self._watch([leg.contract])
                case _:
                    pass
        return sum(map(len, self._watched.values())) > before

    def _watch(self, contracts: Iterable[Contract]) -> None:
        for contract in contracts:
            if contract.right is None:
                continue
            key = (contract.underlying, contract.expiry)
            strikes = self._watched.setdefault(key, set())
            if contract.strike_paise not in strikes:
                strikes.add(contract.strike_paise)
                self._interest[key] = [
                    option for option in self._chains.get(key, []) if option.strike_paise in strikes
                ]

    def update(
        self,
        now_ns: int,
        changed: Mapping[str, Quote],
        forwards: Mapping[tuple[str, date], float] | None = None,
    ) -> MarketView:
        """The view after some quotes have changed."""
        before = self._view
        quotes = dict(before.quotes)
        quotes.update(changed)
        marks = dict(before.forwards)
        for key, paise in (forwards or {}).items():
            marks[key] = ForwardMark(key[0], key[1], paise, now_ns)
        for key in self._chains if not forwards else ():
            implied = implied_forward_paise(self._chains[key], quotes, *key)
            if implied is not None:
                marks[key] = ForwardMark(key[0], key[1], implied, now_ns)
        if now_ns >= self._closes_ns:
            self._session = self._calendar.next_session(now_ns)
            self._closes_ns = self._session.closes_ns
            before_it = self._calendar.session_before(self._session.day)
            self._closed_before_ns = before_it.closes_ns if before_it is not None else 0
        view = MarketView(
            version=before.version + 1,
            at_ns=now_ns,
            quotes=quotes,
            forwards=marks,
            contracts=before.contracts,
            expiries_ns=before.expiries_ns,
            stale_after_ns=before.stale_after_ns,
            opens_ns=self._session.opens_ns,
            closes_ns=self._session.closes_ns,
            closed_before_ns=self._closed_before_ns,
        )
        due = now_ns - self._implied_ns >= self._vols_every_ns or self._has_moved(marks)
        self._view = replace(view, vols=self._vols(view, before.vols) if due else before.vols)
        return self._view

    def _has_moved(self, marks: Mapping[tuple[str, date], ForwardMark]) -> bool:
        """Whether a forward is no longer where volatilities were implied at."""
        return any(
            abs(mark.paise / self._implied_at.get(key, 1.0) - 1.0) > _MOVED
            for key, mark in marks.items()
            if key in self._interest
        )

    def refresh(self) -> MarketView:
        """The present view with the volatilities of strikes that have come to be watched since."""
        self._view = replace(self._view, vols=self._vols(self._view, self._view.vols))
        return self._view

    def _vols(self, view: MarketView, before: Mapping[str, float]) -> Mapping[str, float]:
        vols = dict(before)
        self._implied_ns = view.at_ns
        bare = replace(view, vols={})
        for key, options in self._interest.items():
            mark = view.forwards.get(key)
            if mark is not None:
                self._implied_at[key] = mark.paise
                years = years_until(view.expiries_ns[key[1]], view.at_ns)
                vols.update(chain_vols(bare, options, mark.paise, years))
        return vols
