"""What a live core listens to: the legs of its groups, and what the trader holds by himself."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from core.brokers.port import BookUnavailable
from core.domain.account import Account
from core.domain.calendar import SessionCalendar
from core.domain.instruments import Contract, PositionKey, Product, Right, Side
from core.domain.orders import TradeReport
from core.domain.timing import NS_PER_S
from core.engine.chain_watch import ChainWatch
from core.engine.live import LiveCore
from core.engine.publishing import Publisher
from core.engine.quote_feed import QuoteFeed
from core.engine.view_keeper import ViewKeeper
from tests.builders import DAY, NOW, option
from tests.engine.rig import Rig

FAR = date(2026, 12, 29)
HELD = replace(option(23_000, Right.PE, expiry=FAR), token=7)


async def no_quotes(keys: object) -> dict[str, object]:
    raise BookUnavailable("down")


def core_over(rig: Rig, listened: set[str], *contracts: Contract) -> LiveCore:
    """A live core over the engine of a rig, whose catalogue is these contracts."""
    listed = {contract.symbol: contract for contract in contracts}
    keeper = ViewKeeper(listed, SessionCalendar(), 3 * NS_PER_S)
    feed = QuoteFeed(rig.clock, keeper, SessionCalendar(), no_quotes, BookUnavailable)  # type: ignore[arg-type]
    chains = ChainWatch(listed, ["NIFTY"], lambda tokens: listened.update(tokens.values()), feed.follow_chain)
    publisher = Publisher(rig.engine, mode="LIVE", title="test", underlying="NIFTY")
    return LiveCore(rig.clock, rig.engine, feed, keeper, chains, publisher)


def test_what_the_trader_holds_is_listened_to_once_the_books_show_it() -> None:
    rig, listened = Rig(), set[str]()
    core = core_over(rig, listened, HELD)
    rig.broker.traded.append(
        TradeReport("T1", "X1", HELD.symbol, "NFO", Product.NRML, Side.BUY, 65, 10_00, NOW)
    )

    async def story(rig: Rig) -> None:
        await rig.later(5_000)

    rig.play(story)
    assert rig.engine.account.foreign == {PositionKey("NFO", HELD.symbol, Product.NRML): 65}
    assert listened == {HELD.symbol}
    core.chains.centre("NIFTY", 23_000_00, DAY)
    assert core.chains.is_centred("NIFTY")


@pytest.mark.parametrize("contracts", [(HELD,), ()])
def test_what_the_journal_knows_him_to_hold_is_listened_to_from_the_start(
    contracts: tuple[Contract, ...],
) -> None:
    rig, listened = Rig(), set[str]()
    key = PositionKey("NFO", HELD.symbol, Product.NRML)
    rig.engine.account = Account(foreign={key: -65})
    core_over(rig, listened, *contracts)
    assert listened == {contract.symbol for contract in contracts}
