"""Invariant 7 after each reading of the books: what they say is taken over, or stands as a divergence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from core.domain.account import Account
from core.domain.instruments import PositionKey
from core.domain.orders import BookSnapshot
from core.domain.timing import NS_PER_S, Clock, to_ist
from core.rehearsal.invariants.busy import Busy
from core.rehearsal.invariants.resting import in_doubt
from core.rehearsal.invariants.truth import Truth

TAKEN_OVER_NS = NS_PER_S
"""How soon what whole books say of our orders is in ours."""
_STANDING_NS = 30 * NS_PER_S
_LOOKS = 3
"""A difference in positions counts once so many books in a row have shown it, over so long a time."""
_POLLED_NS = 12 * NS_PER_S
"""The books are read at least so often. Where they could not be, the time between two looks shows nothing."""


@dataclass(slots=True)
class _Difference:
    """Signed units by which the exchange's position differs from ours, since when, and how often shown."""

    units: int
    since_ns: int
    looks: int = 0
    looked_ns: int = 0


class Reconciled:
    """Compares our book with each whole reading, once the core has had the time to take it over."""

    def __init__(
        self,
        clock: Clock,
        account: Callable[[], Account],
        truth: Truth,
        busy: Busy,
        found: Callable[[str], None],
        is_unanswered: Callable[[str], bool] = lambda symbol: False,
    ) -> None:
        """``is_unanswered`` tells whether a send of ours in a symbol may have traded and nobody says so."""
        self._clock = clock
        self._account = account
        self._truth = truth
        self._busy = busy
        self._found = found
        self._is_unanswered = is_unanswered
        self._life = 0
        self._differences: dict[PositionKey, _Difference] = {}

    def begin_again(self) -> None:
        """Another process: what its predecessor was told is no concern of it."""
        self._life += 1
        self._differences.clear()

    def read(self, book: BookSnapshot) -> None:
        """Whole books have reached the core."""
        at_ns = self._clock.now_ns() + TAKEN_OVER_NS
        named = frozenset(self._account().tags)
        self._clock.call_at(at_ns, partial(self._compare, book, named, self._life, self._busy.total_ns))

    def _compare(self, book: BookSnapshot, named: frozenset[str], life: int, busy_ns: int) -> None:
        """``named`` are the orders whose ids were known when the books came: a trade carries nothing else."""
        if life != self._life:
            return
        lost_ns = self._busy.total_ns - busy_ns
        if lost_ns:
            again_ns = self._clock.now_ns() + lost_ns
            self._clock.call_at(again_ns, partial(self._compare, book, named, life, self._busy.total_ns))
            return
        self._compare_orders(book, named)
        self._compare_positions(book)

    def _compare_orders(self, book: BookSnapshot, named: frozenset[str]) -> None:
        """What our orders have filled, by their rows and by the trades."""
        account = self._account()
        for row in book.orders:
            tag = account.tags.get(row.order_id, "")
            ours = next((g.orders[tag] for g in account.groups.values() if tag in g.orders), None)
            if ours is None and any(self._is_of_a_group(each) for each in row.tags):
                self._found(f"{row.order_id} is ours in the order book, and unknown here")
            elif ours is not None and ours.filled_units < row.filled_units:
                self._found(f"{tag}: the order book had {row.filled_units}, here are {ours.filled_units}")
        known = {
            trade.trade_id
            for group in account.groups.values()
            for order in group.orders.values()
            for trade in order.trades
        }
        for trade in book.trades:
            if trade.order_id in named and trade.trade_id not in known:
                self._found(
                    f"trade {trade.trade_id} of {account.tags[trade.order_id]} was read and not taken"
                )

    def _is_of_a_group(self, tag: str) -> bool:
        return bool(self._truth.nonce) and tag.startswith(self._truth.nonce)

    def _compare_positions(self, book: BookSnapshot) -> None:
        """Positions lag: what counts is a difference that the books have shown again and again."""
        account, now_ns = self._account(), self._clock.now_ns()
        shown = {position.key: position.units for position in book.positions}
        today = to_ist(now_ns).date()
        for key in set(shown) | set(self._differences):
            so = self._truth.net[key] + self._truth.foreign[key]
            units = so - account.known_units(key)
            if not units or self._truth.expires_by(key, today) or self._is_unanswered(key.symbol):
                self._differences.pop(key, None)
                continue
            before = self._differences.get(key)
            if before is None or before.units != units or shown.get(key) != so:
                before = self._differences[key] = _Difference(units, now_ns)
            if before.looks:
                before.since_ns += max(0, now_ns - before.looked_ns - _POLLED_NS)
            before.looks, before.looked_ns = before.looks + 1, now_ns
            if before.looks < _LOOKS or now_ns - before.since_ns < _STANDING_NS or in_doubt(account, key):
                continue
            self._found(f"{key}: the books have shown {so:+d} for long, here are {so - units:+d}")
