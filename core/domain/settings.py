"""Every number that steers execution, with its unit in its name and its default explained.

Settings are journalled when they are adopted, so that a recorded decision can be decided again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.domain.capabilities import Capabilities


@dataclass(frozen=True, slots=True)
class ExecutionSettings:
    """The defaults are those of a Kite account trading index options."""

    reprice_every_ms: int = 1_000
    """One re-price a second a child: faster chasing burns the order budget without better fills."""
    reprices_max: int = 10
    """Then the group's policy for the incomplete applies."""
    modifies_max: int = 25
    """What the broker allows for one order."""
    closing_reprices_max: int = 60
    """Re-prices of a reversal or an exit, over all its attempts, before a person is asked."""
    absent_after_ms: int = 5_000
    """An order unheard of for this long may be absent..."""
    absent_tries: int = 5
    """...once this many whole books have answered without it."""
    lookup_every_ms: int = 1_000
    """How often the books are asked about a send that was not answered."""
    poll_every_ms: int = 12_000
    poll_in_flight_ms: int = 3_000
    monitor_every_ms: int = 100
    monitor_reuse_ms: int = 1_000
    """A pass over an unchanged account and unchanged quotes may reuse a result this young."""
    hedge_debounce_ms: int = 500
    hedge_tries: int = 5
    hedge_long_only_after_ms: int = 2_000
    manual_unwind_after_ms: int = 30_000
    """Uncovered units that have stood this long in MANUAL without an operator's command are unwound."""
    cancel_ask_every_ms: int = 250
    cancel_unconfirmed_after_ms: int = 5_000
    stop_wait_ms: int = 2_000
    stop_resize_every_ms: int = 1_000
    stop_modifies_max: int = 15
    """Modifications spent on resizing; the rest stay for the fallback."""
    stop_gap_check_ms: int = 10
    """How often a triggered stop is looked at for a price beyond its limit, quotes or no quotes."""
    stop_limit_bps: int = 50
    stop_limit_ticks: int = 4
    """A stop's limit is the larger of these (or half the spread) beyond its trigger."""
    modify_stop_to_limit: bool = True
    """Whether the broker turns a resting stop into a limit order on request (a capability)."""
    closing_buffer_bps: int = 200
    """How far through the touch a reversal, exit or hedge is priced."""
    closing_buffer_ticks: int = 4
    protection_bps: int = 4_000
    """NSE's limit price protection for premiums over Rs 50: 40 % of the reference price."""
    protection_small_paise: int = 2_000
    """The same for premiums up to Rs 50: Rs 20."""
    protection_small_below_paise: int = 5_000
    margin_use_max_bps: int = 9_000
    """A tenth of what is available is the safety buffer."""
    gate_max_age_ms: int = 5_000
    """A margin decision older than this is repeated before the first order and before a short is released."""
    orders_per_second: int = 10
    orders_per_minute: int = 400
    orders_per_day: int = 5_000
    reserve_per_second: int = 2
    """Kept from entries for cancels, hedges and exits."""
    reserve_per_day_bps: int = 1_000
    settle_delay_ms: int = 2_000
    """Entries wait this long after the start-up reconciliation."""
    position_lag_ms: int = 5_000
    """Positions lag the order and trade books by up to this much."""
    kill_daily_loss_bps: int = 200
    kill_margin_use_bps: int = 9_500
    kill_exposure_age_ms: int = 10_000
    kill_divergence_age_ms: int = 60_000
    kill_loop_lag_ms: int = 1_000
    kill_blind_ms: int = 30_000
    """Stream and poll both down for this long."""
    flatten_on_daily_loss: bool = True
    delta_limit_units: int = 50
    delta_limit_bps: int = 12_500
    """Of the largest |delta| on the planned path of fills."""
    loss_limit_paise: int = 10_000_00
    loss_limit_bps: int = 12_500
    """Of the worst +-3 % loss on the planned path of fills."""
    shock_bps: int = 300
    allow_naked: bool = False
    """Naked short units need this and the group's own consent."""
    alert_uncovered_units: int = 100
    alert_margin_use_bps: int = 8_500
    alert_hedge_lag_ms: int = 500
    alert_loop_lag_ms: int = 250
    alert_stream_silent_ms: int = 5_000
    """A stream that is up beats once a second."""

    def for_broker(self, capabilities: Capabilities) -> ExecutionSettings:
        """These settings within what a broker can do; decisions read it here, and the journal keeps it."""
        return replace(
            self,
            orders_per_second=min(self.orders_per_second, capabilities.orders_per_second),
            orders_per_minute=min(self.orders_per_minute, capabilities.orders_per_minute),
            orders_per_day=min(self.orders_per_day, capabilities.orders_per_day),
            modifies_max=capabilities.modifies_max,
            modify_stop_to_limit=capabilities.modify_stop_to_limit,
        )
