"""A seed as a campaign plays it: alike in a campaign, headless and on the console, to the last row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from core.brokers.paper.books import ExchangeBooks
from core.brokers.paper.draws import Draws
from core.journal.persistence import PersistenceLayer
from core.market.synthetic import SyntheticMarket
from core.rehearsal.campaign.story import draw_story, name_of
from core.rehearsal.preparation import Asked, Prepared, prepare
from core.rehearsal.run import GRACE_NS, Rehearsal
from core.rehearsal.scenario import ExpectTable, Scenario
from core.rehearsal.shelf import find_scenario
from core.rehearsal.sim_loop import Shuffle

ROWS_MAX = 8_000
"""Of the first 300 seeds the longest journal has 810 rows: one ten times as long belongs to a run that has
lost its way, and would grow until the machine is out of memory."""
_SHUFFLE = 500
_NEAR_STRIKES_PAISE = 100_00


@dataclass(frozen=True, slots=True)
class Staged:
    """A prepared seed, the boundaries at which its core dies, and the guards that are off.

    Its tasks run in a drawn order, a decision that raises ends it, what its journal may grow to is bounded,
    and at its end a person closes what is in ``MANUAL``.
    """

    prepared: Prepared
    deadly: tuple[int, ...]
    guards_off: frozenset[str]
    drawn: bool
    """Whether it is the seed's own story, which has its own deaths and waits for nobody at its end."""

    def rehearsal(
        self,
        journal: PersistenceLayer,
        books: ExchangeBooks,
        *,
        observe: bool = False,
        journal_name: str = "",
        reopen: Callable[[PersistenceLayer], PersistenceLayer] | None = None,
        rows_max: int = ROWS_MAX,
    ) -> Rehearsal:
        """The rehearsal to be run in virtual time, with ``shuffle``, over a new journal and new books."""
        return Rehearsal(
            self.prepared,
            journal,
            books,
            paced=False,
            observe=observe,
            journal_name=journal_name,
            reopen=reopen,
            deadly=frozenset(self.deadly),
            guards_off=self.guards_off,
            strict=True,
            rows_max=rows_max,
            grace_ns=0 if self.drawn else GRACE_NS,
            taken_over=True,
        )

    def shuffle(self) -> Shuffle:
        """The order in which tasks that are ready together are taken, from its beginning."""
        draws = Draws(self.prepared.asked.seed)
        asked = 0

        def choose(ready: int) -> int:
            nonlocal asked
            asked += 1
            return draws.bits(_SHUFFLE, asked) % ready

        return choose


def stage(
    scenario: Scenario,
    seed: int,
    *,
    drawn: bool = False,
    deadly: Iterable[int] = (),
    guards_off: frozenset[str] = frozenset(),
) -> Staged:
    """A scenario at a seed. Raises what ``prepare`` raises.

    ``deadly`` are effect boundaries at which the core dies; a drawn story adds those of its own.
    """
    prepared = prepare(Asked(scenario, seed=seed))
    _restrict(prepared)
    deaths = tuple(sorted({*deadly, *(_own_deaths(seed) if drawn else ())}))
    return Staged(prepared, deaths, guards_off, drawn)


def stage_named(
    name: str, seed: int, *, deadly: Iterable[int] = (), guards_off: frozenset[str] = frozenset()
) -> Staged:
    """What a campaign plays under this name: the seed's own story, a shipped scenario, or one from a file.

    Only invariants count there, so what the scenario expects is left out. Raises ``ScenarioError`` and what
    ``prepare`` raises.
    """
    drawn = is_own_story(name, seed)
    scenario = draw_story(seed) if drawn else find_scenario(name)
    staged = stage(scenario, seed, drawn=drawn, deadly=deadly, guards_off=guards_off)
    asked = staged.prepared.asked
    bare = asked.scenario.model_copy(update={"expect": ExpectTable()})
    return replace(staged, prepared=replace(staged.prepared, asked=replace(asked, scenario=bare)))


def is_own_story(name: str, seed: int) -> bool:
    """Whether a name (``""`` for none) is that of the story which this very seed draws."""
    return name in ("", name_of(seed))


def _own_deaths(seed: int) -> tuple[int, ...]:
    """In every third story the core dies at one or two drawn boundaries, the second soon after the first."""
    draws = Draws(seed)
    if draws.unit(_SHUFFLE + 1, 0) > 1 / 3:
        return ()
    first = 1 + int(draws.unit(_SHUFFLE + 1, 1) ** 2 * 300)
    if draws.unit(_SHUFFLE + 1, 2) > 0.5:
        return (first,)
    return first, first + 1 + int(draws.unit(_SHUFFLE + 1, 3) ** 2 * 60)


def _restrict(prepared: Prepared) -> None:
    """Quote only what these groups can come to trade: their strikes, those near them, and the future."""
    source = prepared.source
    if not isinstance(source, SyntheticMarket):
        return
    strikes = [leg.contract.strike_paise for s in prepared.submissions for leg in s.plan.legs]
    if not strikes:
        return
    low, high = min(strikes) - _NEAR_STRIKES_PAISE, max(strikes) + _NEAR_STRIKES_PAISE
    last = max(leg.contract.expiry for s in prepared.submissions for leg in s.plan.legs)
    source.restrict(
        [
            symbol
            for symbol, contract in source.contracts.items()
            if contract.right is None or (low <= contract.strike_paise <= high and contract.expiry <= last)
        ]
    )
