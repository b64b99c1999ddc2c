from __future__ import annotations

from core.brokers.paper.broker import PaperBroker
from core.domain.timing import NS_PER_S
from core.rehearsal.market_time import MarketTime
from core.rehearsal.sim_loop import run_virtual
from tests.brokers.conformance import BrokerConformance, Rig, Story
from tests.brokers.simulated import OPEN_NS, exchange, mover, quoted, strikes


class TestPaper(BrokerConformance):
    """The paper broker on a virtual clock."""

    def run(self, story: Story) -> None:
        market = MarketTime(OPEN_NS)
        near, far = strikes()
        broker = PaperBroker(exchange(), market)

        async def settle() -> None:
            await market.sleep_until(market.now_ns() + 5 * NS_PER_S)

        async def main() -> None:
            quote = mover(broker, market)
            rig = Rig(broker, broker, near, far, quote, settle)
            broker.listen(rig.frames.append)
            quoted(quote)
            await story(rig)

        run_virtual(main, market)
