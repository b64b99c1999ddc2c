"""What a broker cannot do bounds what is asked of it."""

from __future__ import annotations

from dataclasses import replace

from core.domain.capabilities import Capabilities
from core.domain.settings import ExecutionSettings


def test_no_more_is_sent_than_the_broker_takes_nor_than_the_account_wants() -> None:
    slow = Capabilities(orders_per_second=3, orders_per_minute=100, orders_per_day=3_000, modifies_max=10)
    settings = ExecutionSettings(orders_per_day=2_000).for_broker(slow)
    assert (settings.orders_per_second, settings.orders_per_minute, settings.orders_per_day) == (
        3,
        100,
        2_000,
    )
    assert settings.modifies_max == 10


def test_a_broker_whose_orders_cannot_be_found_again_is_unfit() -> None:
    assert Capabilities().unfit == ""
    assert "could not be found again" in replace(Capabilities(), client_tag=False).unfit
    assert "stops" in replace(Capabilities(), modifies_max=0).unfit
