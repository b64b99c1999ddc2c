"""Which contracts a live session listens to: strikes around the money, futures, and whatever is traded."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta

from core.domain.instruments import Contract, InstrumentKind
from core.domain.quotes import MarketView

STRIKES_EACH_SIDE = 16
"""Wide enough for the wings of what is usually traded, and for cover at another strike."""
EXPIRIES_MAX = 4
WITHIN = timedelta(days=45)
KEPT_FOR_LEGS = 300
"""Contracts of a connection that strikes around the money never take: whatever is traded needs them."""
RECENTRE_STRIKES = 6
"""How far the money may move before further strikes are listened to."""

Watch = Callable[[Mapping[int, str]], None]


class ChainWatch:
    """Subscribes by token, each contract once, and never lets go of one within a session."""

    def __init__(
        self,
        contracts: Mapping[str, Contract],
        underlyings: Iterable[str],
        watch: Watch,
        follow: Callable[[Iterable[Contract]], None],
        most: int = 3_000,
    ) -> None:
        """``follow`` is told of the strikes around the money: forwards are implied from them.

        ``most`` is how many contracts ``watch`` takes in all. What goes beyond is left out, not refused: the
        feed asks by REST for what is traded and not ticked.
        """
        self._contracts = contracts
        self._most = most
        self._options: dict[str, dict[date, list[Contract]]] = {}
        for contract in contracts.values():
            if contract.right is not None:
                by_expiry = self._options.setdefault(contract.underlying, {})
                by_expiry.setdefault(contract.expiry, []).append(contract)
        self._traded: set[tuple[str, date]] = set()
        self._watch = watch
        self._follow = follow
        self._watched: set[str] = set()
        self._centre: dict[tuple[str, date], int] = {}
        self.underlyings = tuple(underlyings)

    def futures(self, today: date) -> list[Contract]:
        """The nearest future of each underlying: it tells where the money is before any option is quoted."""
        nearest: dict[str, Contract] = {}
        for contract in self._contracts.values():
            if contract.kind is not InstrumentKind.FUTURE or contract.expiry < today:
                continue
            known = nearest.get(contract.underlying)
            if contract.underlying in self.underlyings and (known is None or contract.expiry < known.expiry):
                nearest[contract.underlying] = contract
        return [nearest[name] for name in self.underlyings if name in nearest]

    def also(self, contracts: Iterable[Contract]) -> None:
        """Listen to these as well, and around the money of their expiries: what is traded or held."""
        contracts = list(contracts)
        self._traded.update((contract.underlying, contract.expiry) for contract in contracts)
        self._listen(contracts, self._most)

    def _listen(self, contracts: Iterable[Contract], most: int) -> None:
        fresh = [c for c in contracts if c.symbol not in self._watched]
        listed = [c for each in fresh if (c := self._contracts.get(each.symbol)) is not None and c.token]
        tokens = {c.token: c.symbol for c in listed[: max(0, most - len(self._watched))]}
        if tokens:
            self._watch(tokens)
            self._watched.update(tokens.values())

    def centre(self, underlying: str, level_paise: float, today: date) -> None:
        """Listen to the strikes around a level, in the expiries of the next weeks."""
        for expiry, options in self._expiries(underlying, today):
            strikes = sorted({option.strike_paise for option in options})
            at = bisect_left(strikes, level_paise)
            known = self._centre.get((underlying, expiry))
            if known is not None and abs(at - known) < RECENTRE_STRIKES:
                continue
            self._centre[underlying, expiry] = at
            near = set(strikes[max(0, at - STRIKES_EACH_SIDE) : at + STRIKES_EACH_SIDE])
            chosen = [option for option in options if option.strike_paise in near]
            self._listen(chosen, self._most - KEPT_FOR_LEGS)
            self._follow(chosen)

    def is_centred(self, underlying: str) -> bool:
        """Whether strikes around the money are listened to."""
        return any(name == underlying for name, _ in self._centre)

    def recentre(self, view: MarketView, today: date) -> None:
        """Follow the money where it has moved away."""
        for underlying in self.underlyings:
            marks = [mark for key, mark in view.forwards.items() if key[0] == underlying]
            if marks:
                self.centre(underlying, min(marks, key=lambda mark: mark.expiry).paise, today)

    def _expiries(self, underlying: str, today: date) -> list[tuple[date, list[Contract]]]:
        by_expiry = self._options.get(underlying, {})
        live = sorted(expiry for expiry in by_expiry if expiry >= today)
        near = [expiry for expiry in live if expiry <= today + WITHIN]
        chosen = (near or live)[:EXPIRIES_MAX]
        chosen += [expiry for expiry in live if expiry not in chosen and (underlying, expiry) in self._traded]
        return [(expiry, by_expiry[expiry]) for expiry in chosen]
