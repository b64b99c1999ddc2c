from __future__ import annotations

import asyncio

from tests.brokers.conformance import BrokerConformance, Rig, Story
from tests.brokers.simulated import mover, strikes
from tests.rehearsal.wire.serving import served


class TestKiteOverTheWire(BrokerConformance):
    """The Kite adapter against the simulated exchange, over real sockets."""

    def run(self, story: Story) -> None:
        async def play() -> None:
            async with served() as at:
                rest = at.kite.rest
                near, far = strikes()
                move = mover(at.world.broker, at.market)
                await story(Rig(rest, rest, near, far, move, at.settle, at.frames))

        asyncio.run(play())
